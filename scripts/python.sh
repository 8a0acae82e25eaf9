#!/usr/bin/env bash
# Prints the path of a Python that Tocsin runs on: $PYTHON where it is set, else the first fit one on PATH.
set -euo pipefail

for name in ${PYTHON:-python3.11 python3 python3.12 python3.13}; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$name" -c 'import sys; print(sys.executable)'
    fi
done
if [ -n "${PYTHON:-}" ]; then
    found="PYTHON=$PYTHON is not one"
else
    found="none is on PATH"
fi
printf 'setup: Tocsin needs Python 3.11 or newer and %s: install it (Debian: apt-get install python3) or name one with PYTHON=/path/to/python3.11\n' \
    "$found" >&2
exit 2
