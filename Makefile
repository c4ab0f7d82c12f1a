# Every target sets up what it needs in .venv. `make help` lists them.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
WORKERS ?= 3
SEEDS ?= 300
FIRST ?= 1
JOBS ?= 2

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# From lock files with hashes: what is installed is what was tested.
$(READY): requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: setup
setup: $(READY) ## Install everything into .venv

.PHONY: demo
demo: $(READY) ## Watch commands go in and plans come out: no Docker, no account
	$(BIN)/azplan demo

.PHONY: test
test: $(READY) ## Run all tests, with a real Kafka and a real PostgreSQL where they can be had
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

.PHONY: lint
lint: $(READY) ## Check style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(READY) ## Put the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: docs
docs: $(READY) ## Write the JSON Schemas and the pages of docs/ that are made from the code
	$(BIN)/python -m events.catalog
	$(BIN)/python -m ops.docs

.PHONY: model
model: $(READY) ## Check the model of a lane, with and without each rule (needs Java and Maven)
	ops/model/check

.PHONY: simulate
simulate: $(READY) ## Tell SEEDS stories of workers in bad weather, JOBS at once, and look for broken promises
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --first $(FIRST) --jobs $(JOBS)

.PHONY: crash
crash: $(READY) ## Let a worker die at every point of every path, on PostgreSQL too (13 minutes)
	AZPLAN_TEST_CRASH=all $(BIN)/python -m pytest -n $(JOBS) tests/crash

.PHONY: bench
bench: $(READY) ## Work off a backlog of 10 000 commands on real parts
	$(BIN)/python -m ops.bench.backlog

.PHONY: storm
storm: $(READY) ## Let everything go wrong around three workers on real parts (7 minutes)
	$(BIN)/python -m tests.storm

.PHONY: up
up: ## Start Kafka, PostgreSQL, simulator, worker, Prometheus and Grafana in containers
	AZPLAN_REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) docker compose up --detach --build --wait

.PHONY: down
down: ## Stop the containers and forget their data
	docker compose down --volumes

.PHONY: lock
lock: $(READY) ## Resolve the dependencies anew (needs uv)
	uv pip compile pyproject.toml --extra demo --extra otel --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-header --quiet --output-file requirements-dev.lock
	uv pip compile pyproject.toml --universal --python-version 3.11 --constraint requirements-dev.lock \
	  --generate-hashes --no-annotate --no-header --quiet --output-file requirements.lock

.PHONY: clean
clean: ## Remove what was built and cached, but for .venv and the broker's jars
	rm -rf dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
