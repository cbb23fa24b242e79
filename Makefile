# Everything runs in .venv, made by the first target that needs it. `make demo` and `make test` are all one needs to know.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help demo test lint typecheck format bench clean setup

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Durascope needs Python 3.11 or later; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv (a minute or two the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dashboard,demo]' --group dev
	@touch $(STAMP)

setup: $(STAMP)  ## make the virtual environment

demo: $(STAMP)  ## real Temporal dev server, collector, sample workers and the dashboard (Ctrl-C stops all)
	@$(BIN)/durascope demo $(ARGS)

test: $(STAMP) system-packages  ## every test, on real servers
	@$(BIN)/python -m pytest -n 3 --dist loadfile $(ARGS)

lint: $(STAMP)  ## ruff, check only
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

typecheck: $(STAMP)  ## mypy, strict
	@$(BIN)/mypy

format: $(STAMP)  ## ruff, mend
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

# Chromium for the browser tests, Prometheus for the dashboards' queries: from Debian where that is possible.
SYSTEM_PACKAGES := chromium prometheus
.PHONY: system-packages
system-packages:
	@missing=""; for p in $(SYSTEM_PACKAGES); do command -v $$p >/dev/null || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    echo "installing$$missing from Debian ..."; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	  else echo "make test needs$$missing; on Debian: sudo apt-get install$$missing" >&2; exit 1; fi; fi

.PHONY: test-lowest
test-lowest:  ## the worker side's tests on the lowest supported dependencies, in .venv-lowest
	@PYTHON=$(PYTHON) sh tests/lowest.sh $(ARGS)

.PHONY: grafana stack-check
grafana: $(STAMP)  ## write Grafana's dashboards and alert provisioning anew from grafana/builder and the alert rules
	@$(BIN)/python -m grafana.build

stack-check: $(STAMP)  ## the programs of compose.yaml on loopback, against sample runs; says what it needs (Go, npm)
	@$(BIN)/python -m grafana.stack_check

clean:  ## remove the virtual environment and caches
	rm -rf .venv .venv-lowest .pytest_cache .mypy_cache .ruff_cache .hypothesis .demo
