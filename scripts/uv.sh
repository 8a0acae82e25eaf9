#!/usr/bin/env bash
# Prints the path of uv: the one on PATH, else one fetched into .uv from the hashed requirements/uv.txt.
# $1 is the Python that makes .uv.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1

fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 2
}

if command -v uv >/dev/null 2>&1; then
    command -v uv
    exit
fi

wanted=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements/uv.txt)
if [ "$(.uv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" = "$wanted" ]; then
    printf '%s\n' "$PWD/.uv/bin/uv"
    exit
fi

printf 'setup: fetching uv %s into .uv\n' "$wanted" >&2
rm -rf .uv
install=(install --quiet --disable-pip-version-check --require-hashes --only-binary ':all:' -r requirements/uv.txt)

can_make_venv() { "$python" -c 'import ensurepip, venv' 2>/dev/null; }

# Debian keeps ensurepip, without which there is no pip in a new environment, in a package of its own.
if ! can_make_venv && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    export DEBIAN_FRONTEND=noninteractive
    printf 'setup: installing the Debian package python%s-venv\n' "$version" >&2
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "python$version-venv"; } >&2 ||
        fail "apt-get could not install python$version-venv; install it, or uv, and run this again"
fi

if can_make_venv; then
    "$python" -m venv .uv
    .uv/bin/python -m pip "${install[@]}" >&2 || fail "pip could not fetch uv $wanted; see its message above"
elif "$python" -m pip --version >/dev/null 2>&1; then
    "$python" -m pip "${install[@]}" --target .uv >&2 || fail "pip could not fetch uv $wanted; see its message above"
else
    fail "Python has neither venv nor pip here: run 'apt-get install python3-venv' as root, or install uv, and run this again"
fi
printf '%s\n' "$PWD/.uv/bin/uv"
