# `make demo` and `make test` each do all of their own set-up. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test chaos check format lock docs bench bench-ingest bench-alerts bench-pages bench-import clean

BIN := .venv/bin
DEMO_ARGS ?=
TEST_ARGS ?= -n auto --dist worksteal
# What runs a second time, with the operational data in PostgreSQL.
ON_POSTGRES := tests/apps tests/delivery tests/chaos
KILLS ?= 100
BENCH_ARGS ?=
ACCOUNTS ?= 5000
EVENTS ?= 1000000

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

setup: ## make .venv, with .venv/bin/tocsin, from the hashed lock
	@scripts/setup.sh

demo: setup ## a demo book of business, live on this machine (DEMO_ARGS="--accounts 1000 --port 8100")
	@$(BIN)/tocsin demo $(DEMO_ARGS)

test: setup ## all tests, the browser's too (TEST_ARGS="tests/unit -k moment" for some)
	@scripts/chromium.sh
	@$(BIN)/pytest $(TEST_ARGS)
	@$(if $(filter command line,$(origin TEST_ARGS)),,scripts/with_postgres.sh $(BIN)/pytest $(TEST_ARGS) $(ON_POSTGRES))

chaos: setup ## kill workers and the server a hundred times in each storm, on SQLite and PostgreSQL (KILLS=300)
	@TOCSIN_CHAOS=$(KILLS) $(BIN)/pytest -s tests/chaos
	@TOCSIN_CHAOS=$(KILLS) scripts/with_postgres.sh $(BIN)/pytest -s tests/chaos

check: setup ## format, lint, types, the walls between rooms, the repository's own rules
	@$(BIN)/ruff format --check src tests scripts
	@$(BIN)/ruff check src tests scripts
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/check_repo.py

format: setup ## format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix-only --quiet src tests scripts
	@$(BIN)/ruff format src tests scripts

docs: setup ## write the parts of docs/ that are made from the code
	@$(BIN)/python scripts/make_docs.py

bench: setup ## the performance table on this machine (ACCOUNTS=50000 EVENTS=50000000)
	@$(BIN)/tocsin bench --accounts $(ACCOUNTS) --events $(EVENTS)

bench-ingest: setup ## events over HTTP, beside a server that stores nothing (BENCH_ARGS="--seconds 30")
	@$(BIN)/python -m tests.bench.ingest $(BENCH_ARGS)

bench-alerts: setup ## from an event to its alert at a webhook, with 1,000 events a second beside
	@$(BIN)/python -m tests.bench.alerts $(BENCH_ARGS)

bench-pages: setup ## each main page, alone and with 5,000 events a second beside
	@$(BIN)/python -m tests.bench.pages $(BENCH_ARGS)

bench-import: setup ## files of events beside the engine's own COPY (BENCH_ARGS="--events 1000000")
	@$(BIN)/python -m tests.bench.imports $(BENCH_ARGS)

lock: ## write the locks in requirements/ from pyproject.toml (UPGRADE=1 for newer releases)
	@scripts/lock.sh

clean: ## remove what can be made again; never a workspace
	@rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
