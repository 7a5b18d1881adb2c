# Everything a fresh machine needs is Python 3.11, git and make. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# Nothing is written outside the clone: caches of the installers and of the tools live under .venv.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_CACHE_DIR := $(CURDIR)/$(VENV)/cache/uv
export PIP_CACHE_DIR := $(CURDIR)/$(VENV)/cache/pip
export XDG_CACHE_HOME := $(CURDIR)/$(VENV)/cache
export XDG_CONFIG_HOME := $(CURDIR)/$(VENV)/cache/config
export RUSTUP_HOME := $(CURDIR)/$(VENV)/cache/rustup
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE := hardlink
export GX_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := help
.PHONY: help setup run ui test check format docs lock bench faults fuzz clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.ready ## make .venv with everything, from requirements.lock

$(VENV)/.ready: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "carnet needs $(PYTHON) (set PYTHON=…)"; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q uv || echo "uv is not to be had; pip alone does it, more slowly"
	@if [ -x $(BIN)/uv ]; then $(BIN)/uv pip sync -q --python $(BIN)/python --require-hashes requirements.lock; \
	 else $(BIN)/pip install -q --require-hashes -r requirements.lock; fi
	@if [ -x $(BIN)/uv ]; then $(BIN)/uv pip install -q --python $(BIN)/python --offline --no-deps --no-build-isolation -e .; \
	 else $(BIN)/pip install -q --no-index --no-deps --no-build-isolation -e .; fi
	@touch $@

run: setup ## the main job through a real Airflow, on a synthetic feed (or LANDING=dir)
	@$(BIN)/python -m carnet.run $(if $(LANDING),--landing "$(LANDING)")

ui: setup ## Airflow's pages and the dashboard, until Ctrl-C
	@$(BIN)/python -m carnet.run --ui $(if $(LANDING),--landing "$(LANDING)")

test: setup ## every test, a module at a time on each of two cores
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile

check: setup ## format, lint, types, import contracts, lock
	@$(BIN)/ruff format --check -q .
	@$(BIN)/ruff check -q .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache | tail -n 4
	@! grep -nE '://' requirements.lock

format: setup ## rewrite the code in the one style
	@$(BIN)/ruff format -q .
	@$(BIN)/ruff check -q --fix .

bench: setup ## the speed and memory figures
	@$(BIN)/python -m pytest -q -m slow tests/bench -s

faults: setup ## the long crash and fault suite
	@$(BIN)/python -m pytest -q -m slow tests/faults

fuzz: setup ## the long fuzzing profile
	@HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -q -m "slow or not slow" tests/connectors tests/transforms

docs: setup ## write the reference pages and schemas again, from the code
	@$(BIN)/python -m carnet.reference

lock: ## resolve requirements.lock again (hashes, no URL)
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header pyproject.toml --group dev -o requirements.lock

clean: ## remove what running left in the clone
	rm -rf .carnet .airflow landing
