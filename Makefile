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

# Lock files with hashes: the installed packages are the tested ones.
$(READY): requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: setup
setup: $(READY) ## Install everything into .venv

.PHONY: demo
demo: $(READY) ## Watch azplan work on this machine: no Docker, no account
	$(BIN)/azplan demo

.PHONY: test
test: $(READY) ## Run all tests, with a real Kafka and a real PostgreSQL if available
	@$(BIN)/python -m compileall -q worker events ops tests  # Tests start many processes: none compiles the modules again.
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

.PHONY: lint
lint: $(READY) ## Check style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(READY) ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: docs
docs: $(READY) ## Write the JSON Schemas and the pages of docs/ that are made from the code
	$(BIN)/python -m events.contract_files
	$(BIN)/python -m ops.docs
	$(BIN)/python -m ops.layer_picture

.PHONY: model
model: $(READY) ## Check the model of a lane with all rules and without each (needs Java and Maven)
	ops/model/check

.PHONY: simulate
simulate: $(READY) ## Play SEEDS stories of workers in bad weather, JOBS at once
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --first $(FIRST) --jobs $(JOBS)

.PHONY: crash
crash: $(READY) ## End a worker at every point of every path, on both databases (13 minutes)
	AZPLAN_TEST_CRASH=all $(BIN)/python -m pytest -n $(JOBS) tests/crash

.PHONY: plans
plans: $(READY) ## Check the plans of the journal's queries at a million commands in 300 000 lanes (1 minute)
	AZPLAN_TEST_PLANS=1000000 $(BIN)/python -m pytest -n 0 tests/journal/test_query_plans.py

.PHONY: bench
bench: $(READY) ## Measure azplan beside a bare loop, in one run
	$(BIN)/python -m ops.bench.compare

.PHONY: picture
picture: $(READY) ## Measure as `bench`, and write the picture of README.md
	$(BIN)/python -m ops.bench.compare --json docs/comparison.json --svg docs/comparison.svg

.PHONY: scaling
scaling: $(READY) ## Fill a journal with 10 million commands, and measure (needs 36 GB)
	$(BIN)/python -m ops.bench.scaling --commands 100000 --commands 10000000

.PHONY: memory
memory: $(READY) ## Process 200 000 commands, and watch the memory of the worker
	$(BIN)/python -m ops.bench.memory

.PHONY: backlog
backlog: $(READY) ## Process 10 000 commands on a real Kafka and PostgreSQL, and measure
	$(BIN)/python -m ops.bench.backlog

.PHONY: drain
drain: $(READY) ## Work off a backlog under Microsoft's ceiling with 1 and 3 replicas, and measure (9 minutes)
	$(BIN)/python -m ops.bench.drain

.PHONY: invoices
invoices: $(READY) ## Turn 200 invoices into FOCUS datasets, and sum them (half a minute)
	AZPLAN_TEST_INVOICES=200 $(BIN)/python -m pytest -n 0 tests/files/test_focus_invoices.py

.PHONY: lines
lines: $(READY) ## Turn a million invoice lines into Parquet, and measure beside a plain loop
	$(BIN)/python -m ops.bench.conversion

.PHONY: exports
exports: $(READY) ## Export a million invoice lines, and measure beside curl (5 minutes)
	$(BIN)/python -m ops.bench.exports

.PHONY: beside
beside: $(READY) ## Measure commands while the worker converts invoice lines (5 minutes)
	$(BIN)/python -m ops.bench.exports.beside

.PHONY: usage
usage: $(READY) ## Report the usage of 10 000 customers, and measure how long after Microsoft's answer (2 minutes)
	$(BIN)/python -m ops.bench.exports.usage

.PHONY: storm
storm: $(READY) ## Break everything around three workers on real parts (9 minutes)
	$(BIN)/python -m tests.storm

.PHONY: up
up: ## Start Kafka, PostgreSQL, simulator, worker, Prometheus and Grafana in containers
	AZPLAN_REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) docker compose up --detach --build --wait

.PHONY: down
down: ## Stop the containers and delete their data
	docker compose down --volumes

.PHONY: lock
lock: $(READY) ## Resolve the dependencies again (needs uv)
	uv pip compile pyproject.toml --extra demo --extra finance --extra otel --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-header --quiet --output-file requirements-dev.lock
	uv pip compile pyproject.toml --universal --python-version 3.11 --constraint requirements-dev.lock \
	  --generate-hashes --no-annotate --no-header --quiet --output-file requirements.lock

.PHONY: clean
clean: ## Remove built and cached files, except .venv and the jars of the broker
	rm -rf dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
