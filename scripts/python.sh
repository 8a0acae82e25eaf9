#!/usr/bin/env bash
# Prints the path of a Python that Tocsin runs on: $PYTHON where it is set, else the first fit one on PATH.
set -euo pipefail

for name in ${PYTHON:-python3.11 python3 python3.12 python3.13}; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$name" -c 'import sys; print(sys.executable)'
    fi
done
printf 'setup: Tocsin needs Python 3.11 or newer, and %s is not one: install it (Debian: apt-get install python3), or name one with PYTHON=/path/to/python3.11\n' \
    "${PYTHON:-no python3 on PATH}" >&2
exit 2
