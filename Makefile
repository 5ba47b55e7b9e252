# Everything a person does with a checkout; `make help` lists it. Each target sets up what it needs by itself, into .venv beside this file: any Python from 3.11 on will do.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Set-up steps share one virtual environment, so targets run one after another even under -j.
.NOTPARALLEL:

# The interpreter to build .venv with; empty means the newest of python3.14 … python3.11, python3 that works.
PYTHON ?=
# Handed on to what a target starts: make demo ARGS='--seconds 10'.
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
SOURCES = $(wildcard gateway plugins loadtests tests)

# command=Debian package. Installed when root and missing, else named in a message.
DEBIAN_TEST_PACKAGES = chromium=chromium curl=curl redis-server=redis-server
DEBIAN_BENCH_PACKAGES = nginx=nginx-light haproxy=haproxy varnishd=varnish wrk=wrk

# Two makes in one checkout take turns here (where flock exists, which is on every Debian).
FLOCK := $(if $(shell command -v flock),flock .venv.lock)
export PIP_DISABLE_PIP_VERSION_CHECK = 1
PIP_INSTALL = $(FLOCK) $(BIN)/python -m pip install --quiet --quiet --require-virtualenv --no-input
say = @echo "==> $(1)"

.PHONY: help
help: ## This list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- set-up ---------------------------------------------------------------------------------------------------------

$(BIN)/python:
	$(call say,Creating $(VENV))
	@$(FLOCK) scripts/create-venv $(VENV) $(PYTHON)

$(VENV)/.runtime-stamp: requirements/runtime.txt requirements/build.txt pyproject.toml | $(BIN)/python
	$(call say,Installing the pinned packages of requirements/runtime.txt)
	@$(PIP_INSTALL) --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	@$(PIP_INSTALL) --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev-stamp: requirements/dev.txt | $(VENV)/.runtime-stamp
	$(call say,Installing the pinned packages of requirements/dev.txt)
	@$(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.load-stamp: requirements/load.txt | $(VENV)/.runtime-stamp
	$(call say,Installing the pinned packages of requirements/load.txt)
	@$(PIP_INSTALL) --require-hashes -r requirements/load.txt
	@touch $@

$(VENV)/.lock-stamp: requirements/lock.txt | $(BIN)/python
	$(call say,Installing the pinned packages of requirements/lock.txt)
	@$(PIP_INSTALL) --require-hashes -r requirements/lock.txt
	@touch $@

# ---- use ------------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/.runtime-stamp ## The gateway before an origin of its own, with traffic and a live view. ARGS='--seconds 10' ends by itself.
	@exec $(BIN)/slipstream demo $(ARGS)

.PHONY: run
run: $(VENV)/.runtime-stamp ## The gateway with config.yaml, or with ARGS='--upstream http://127.0.0.1:8000'.
	@exec $(BIN)/slipstream run $(or $(ARGS),-c config.yaml)

# ---- quality --------------------------------------------------------------------------------------------------------

.PHONY: check
check: $(VENV)/.runtime-stamp $(VENV)/.dev-stamp ## Format, lint and strict types.
	$(call say,ruff format --check)
	@$(BIN)/ruff format --check --quiet $(SOURCES) || { echo "Not formatted: run $(BIN)/ruff format" >&2; exit 1; }
	$(call say,ruff check)
	@$(BIN)/ruff check --quiet $(SOURCES)
	$(call say,mypy --strict)
	@$(BIN)/mypy --strict --no-error-summary $(SOURCES)

# Without CI and BUILD_NUMBER pytest prints the same everywhere: a line for each test that failed, however much it compared.
.PHONY: test
test: check ## All that CI runs: check and every test. ARGS='-k name' narrows the tests.
	@scripts/debian-packages $(DEBIAN_TEST_PACKAGES) || echo "Going on without what is missing." >&2
	$(call say,pytest)
	@env --unset=CI --unset=BUILD_NUMBER $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

# ---- measuring ------------------------------------------------------------------------------------------------------

.PHONY: bench
bench: $(VENV)/.runtime-stamp $(VENV)/.dev-stamp ## Side by side with nginx, HAProxy and Varnish: CPU per request and the ratio.
	@scripts/debian-packages $(DEBIAN_BENCH_PACKAGES) || echo "Going on without what is missing." >&2
	@$(BIN)/python -m loadtests.bench $(ARGS)

.PHONY: load
load: $(VENV)/.runtime-stamp $(VENV)/.load-stamp ## Locust: browse and API mix with 100, 500 and 1,000 users, and a report.
	@$(BIN)/python -m loadtests.load $(ARGS)

.PHONY: soak
soak: $(VENV)/.runtime-stamp $(VENV)/.dev-stamp ## Half of capacity with faults mixed in for 30 minutes. ARGS='--minutes 5' is shorter.
	@scripts/debian-packages $(DEBIAN_BENCH_PACKAGES) || echo "Going on without what is missing." >&2
	@$(BIN)/python -m loadtests.soak $(ARGS)

# ---- upkeep ---------------------------------------------------------------------------------------------------------

# Keeps every pin that still fits pyproject.toml; ARGS=--upgrade takes the newest of all.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-annotate --custom-compile-command 'make lock' $(ARGS)

.PHONY: lock
lock: $(VENV)/.lock-stamp ## Write requirements/*.txt anew from pyproject.toml. ARGS=--upgrade takes the newest of all.
	$(call say,Resolving requirements/*.txt for Python 3.11 and later)
	@$(COMPILE) pyproject.toml --output-file requirements/runtime.txt
	@$(COMPILE) --group build --output-file requirements/build.txt
	@$(COMPILE) pyproject.toml --group dev --constraint requirements/runtime.txt --constraint requirements/build.txt --output-file requirements/dev.txt
	@$(COMPILE) pyproject.toml --group load --constraint requirements/runtime.txt --output-file requirements/load.txt
	@$(COMPILE) --group lock --output-file requirements/lock.txt

.PHONY: clean
clean: ## Remove .venv, caches and everything built.
	@rm -rf $(VENV) .venv.lock .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
	@find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
