# `make` prints this list. Each target uses the python on the path; another by `make test PYTHON=/path/to/python`.
PYTHON ?= python
.DEFAULT_GOAL := help
.PHONY: help run check types fix test long bench docs

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile

run: ## start VoiceForge on http://127.0.0.1:7860
	$(PYTHON) app.py

check: ## what a change must pass: format, lint, types, tests
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m ruff check
	@$(MAKE) --no-print-directory types
	$(PYTHON) -m pytest -q -n auto

types: ## the type checker
	$(PYTHON) -m pyright --pythonpath "$$($(PYTHON) -c 'import sys; print(sys.executable)')"

fix: ## format, and repair what ruff can repair
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

test: ## the tests, a process for each core
	$(PYTHON) -m pytest -q -n auto

long: ## the slow tier: full benchmarks, kill tests, other Pythons, the browser
	.ci/long

bench: ## the benchmarks, short
	@for name in start pool http stt; do $(PYTHON) -m benchmarks.$$name --short || exit 1; done

docs: ## write docs/settings.md and .env.example anew from core/settings.py
	$(PYTHON) -m core.settings > docs/settings.md
	$(PYTHON) -m core.settings env > .env.example
