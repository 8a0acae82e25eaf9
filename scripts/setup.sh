#!/usr/bin/env bash
# Makes .venv, with .venv/bin/tocsin in it, from the hashed lock. Returns at once when nothing has changed since.
set -euo pipefail
cd "$(dirname "$0")/.."

# The folder is part of the mark because an environment cannot be moved.
mark=$(
    printf '%s\n' "$PWD"
    cat requirements/dev.txt pyproject.toml scripts/setup.sh | cksum
)
if [ "$(cat .venv/.ready 2>/dev/null)" = "$mark" ] && .venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi

python=$(scripts/python.sh)
uv=$(scripts/uv.sh "$python")
export UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-180}"
# A command starts in a third of the time where nothing has to be compiled first.
export UV_COMPILE_BYTECODE=1

rm -f .venv/.ready
if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    rm -rf .venv
    "$uv" venv --quiet --python "$python" .venv
fi
"$uv" pip sync --python .venv/bin/python --require-hashes requirements/dev.txt
# The build backend is in the lock too, so that nothing is fetched past it.
"$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
printf '%s\n' "$mark" >.venv/.ready
printf 'setup: .venv is ready\n' >&2
