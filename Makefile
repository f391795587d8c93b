# make repro: from nothing to the tables.   make test: lint, types, tests.
# Both install into .venv first; Python 3.11 or 3.12, git and a C compiler (for pesq) are all they need.

PYTHON ?= $(shell for p in python3 python3.12 python3.11; do \
    $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && { echo $$p; break; }; done)
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: repro test install lock

repro: install
	dvc repro

test: install
	ruff check .
	ruff format --check .
	mypy
	pytest -n 2 --dist loadfile

install: .venv/installed

.venv/installed: requirements-build.lock requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or 3.12 found: install one, or name it: make PYTHON=/path/to/python3.12"; exit 2; }
	@command -v $${CC:-cc} >/dev/null || { echo "no C compiler found: the package pesq is compiled on installation; install gcc or clang"; exit 2; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --require-hashes -r requirements-build.lock
	.venv/bin/python -m pip install --quiet --require-hashes --no-build-isolation -r requirements.lock
	.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# Needs uv. The locks name versions and hashes, no host. requirements-build.lock: what pesq is compiled with.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-header --no-annotate
lock:
	$(COMPILE) --extra embedded --extra dev pyproject.toml --output-file requirements.lock
	printf 'cython\nnumpy\nsetuptools\n' | $(COMPILE) --constraints requirements.lock - \
	    --output-file requirements-build.lock
