# Everything a developer or operator types. `make` alone lists it.
#
# .venv is made once from a lock file with hashes. --no-deps and --only-binary keep pip from fetching anything
# that is not in the lock; the project itself is then linked in (editable) with the build tool from that lock.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
# Without bytecode a start takes four seconds instead of one; some machines forbid it for every process.
unexport PYTHONDONTWRITEBYTECODE

PIP := .venv/bin/python -m pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --compile --no-deps --only-binary :all: --require-hashes
COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" pyproject.toml
CODE := bot dialogs storage

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##/\1\t/p' $(MAKEFILE_LIST) | expand -t 10

run: .venv/.run  ## start the service (with the sandbox when TELEGRAM_BOT_TOKEN is not set)
	@exec .venv/bin/aidstation run

test: .venv/.dev  ## all tests, on SQLite and on a real PostgreSQL; ARGS="..." goes to pytest
	.venv/bin/pytest -n auto --dist worksteal $(ARGS)

words: .venv/.words  ## train the reading of free text anew: dialogs/words/weights.npz (an hour)
	.venv/bin/python -m tests.words $(ARGS)

rules: .venv/.dev  ## make docs/rules.md from the rule files
	.venv/bin/python -m tests.dialogs.rules

bench: .venv/.dev  ## what the service can do here, beside a peer; ARGS="--quick" takes a minute instead of six
	.venv/bin/python -m tests.bench $(ARGS)

lint: .venv/.dev  ## style, forbidden calls, import arrows
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/lint-imports --no-cache

types: .venv/.dev  ## mypy, strict
	.venv/bin/mypy

check: lint types  ## lint and types

lock: .venv/.dev  ## renew requirements/*.lock from pyproject.toml (UPGRADE=--upgrade takes newer versions)
	$(COMPILE) --group build $(UPGRADE) -o requirements/run.lock
	$(COMPILE) --group dev $(UPGRADE) -c requirements/run.lock -o requirements/dev.lock
	$(COMPILE) --group words $(UPGRADE) -c requirements/dev.lock -o requirements/words.lock
	$(subst pyproject.toml,,$(COMPILE)) --group start --no-deps $(UPGRADE) -o requirements/start.lock
	@! grep -nE '://|--(index|extra|find|trusted)' requirements/*.lock

clean:  ## remove what can be made again (never ./data)
	rm -rf .venv .pytest_cache .hypothesis .mypy_cache .ruff_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@for python in python3.13 python3.12 python3.11 python3; do \
	  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    exec "$$python" -m venv .venv; \
	  fi; \
	done; \
	echo "Aid Station needs Python 3.11 or newer with its venv module (on Debian and Ubuntu: apt install python3-venv)." >&2; \
	exit 1

.venv/.run: requirements/run.lock pyproject.toml | .venv/bin/python
	@echo "Installing what Aid Station runs on into .venv (first time: up to a minute) ..."
	@$(INSTALL) -r requirements/run.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@.venv/bin/python -m compileall -q $(CODE)
	@touch $@

.venv/.dev: requirements/dev.lock .venv/.run
	@echo "Installing the tools for tests and checks into .venv (first time: up to a minute) ..."
	@$(INSTALL) -r requirements/dev.lock
	@$(PIP) check
	@touch $@

# start.lock names one package of which a file is read: it is fetched and not installed, so none of its code ever runs.
.venv/.words: requirements/words.lock requirements/start.lock .venv/.dev
	@echo "Installing what trains the reading of free text into .venv (first time: a minute) ..."
	@$(INSTALL) -r requirements/words.lock
	@$(PIP) download --no-deps --only-binary :all: --require-hashes -d .venv/start -r requirements/start.lock
	@touch $@

.PHONY: help run test words rules bench lint types check lock clean
