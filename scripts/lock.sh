#!/usr/bin/env bash
# Writes the hashed locks from pyproject.toml. They name no host and no path, so that any index or mirror serves them.
# UPGRADE=1 takes the newest releases that pyproject.toml allows; without it what is locked stays.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$(scripts/uv.sh "$(scripts/python.sh)")

lock() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links ${UPGRADE:+--upgrade} --output-file "$@"
}

lock requirements/runtime.txt pyproject.toml
lock requirements/dev.txt pyproject.toml --extra dev --constraint requirements/runtime.txt
lock requirements/uv.txt requirements/uv.in
