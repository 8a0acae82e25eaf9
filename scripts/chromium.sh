#!/usr/bin/env bash
# Sees to a Chromium for the browser tests: $TOCSIN_CHROMIUM, else one on PATH, else (as root on Debian) the package.
set -euo pipefail

if [ -n "${TOCSIN_CHROMIUM:-}" ]; then
    [ -x "$TOCSIN_CHROMIUM" ] && exit
    printf 'test: TOCSIN_CHROMIUM is %s, which is no program; point it at a Chromium or Chrome\n' "$TOCSIN_CHROMIUM" >&2
    exit 2
fi
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null 2>&1 && exit
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    printf 'test: installing the Debian package chromium for the browser tests\n' >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2
    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 chromium >&2
    exit
fi
printf "test: the browser tests need Chromium: run 'apt-get install chromium' as root, or set TOCSIN_CHROMIUM to a Chromium or Chrome\n" >&2
exit 2
