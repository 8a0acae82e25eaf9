#!/usr/bin/env bash
# Sees to a Chromium for the browser tests: $TOCSIN_CHROMIUM, else one on PATH, else (as root on Debian) the package.
set -euo pipefail

fail() {
    printf 'test: %s\n' "$*" >&2
    exit 2
}

if [ -n "${TOCSIN_CHROMIUM:-}" ]; then
    [ -x "$TOCSIN_CHROMIUM" ] || fail "TOCSIN_CHROMIUM is $TOCSIN_CHROMIUM, which is no program; point it at a Chromium or Chrome"
    exit
fi
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null 2>&1 && exit
done

mend="run 'apt-get install chromium' as root, or set TOCSIN_CHROMIUM to a Chromium or Chrome"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    fail "the browser tests need Chromium: $mend"
fi
printf 'test: installing the Debian package chromium for the browser tests\n' >&2
export DEBIAN_FRONTEND=noninteractive
{
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 chromium
} >&2 || fail "apt-get could not install Chromium; $mend"
