# Two commands are all a newcomer needs:  make demo   and   make test.
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= test
BIN := $(VENV)/bin
# Where this is set, each of some ten processes would compile every module of ours anew.
unexport PYTHONDONTWRITEBYTECODE
# Neighbours in a file stay on one worker, which has compiled what they share, until the other is idle.
PYTEST = $(BIN)/pytest -n 2 --dist worksteal

.PHONY: demo test test-fast test-all test-jax record lint types install install-test clean

demo: install
	$(BIN)/cnnjax demo --out runs/demo
	@printf '\nThe claims of the note, each proved, refuted or measured:\n\n'
	$(BIN)/verify notes --report report.html

test: install-test lint types
	$(PYTEST)

# The tests without the slow ones, for the inner loop.
test-fast: install-test
	$(PYTEST) -m "not slow and not full"

# And the whole matrix, which takes an hour or more: before a release.
test-all: install-test lint types
	$(PYTEST) -m ""

# Writes the record of verdicts (tests/verdicts) anew; what changed in it is for you to read.
record: install-test
	$(PYTEST) --renew-record tests
	@git --no-pager diff --stat -- tests/verdicts

# What may break with another version of JAX: its programs read and rebuilt, its compiler asked.
test-jax: install-test
	$(PYTEST) -m "not slow and not full" cnnjax verify tests/verify/primitives \
	  tests/verify/test_famous_rewrites.py tests/cnnjax/test_summary.py \
	  tests/cnnjax/layers/test_conv.py tests/cnnjax/layers/test_norm.py \
	  tests/cnnjax/lowerings/test_products.py tests/cnnjax/lowerings/test_tuned.py \
	  tests/cnnjax/tiling/test_same_function.py tests/cnnjax/models/test_published.py \
	  tests/cnnjax/train/test_step.py tests/cnnjax/train/test_chunk.py \
	  tests/cnnjax/convert/test_flax.py

lint: install-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-test
	$(BIN)/mypy

# A stamp file a set of extras, so that a second call installs nothing.
install: $(VENV)/.installed
install-test: $(VENV)/.installed-$(EXTRAS)

$(VENV)/.installed: pyproject.toml | $(VENV)/.created
	@echo "Installing into $(VENV) (a few minutes the first time) ..."
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-$(EXTRAS): pyproject.toml | $(VENV)/.created
	@echo "Installing into $(VENV) with $(EXTRAS) (a few minutes the first time) ..."
	$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS)]'
	@touch $@ $(VENV)/.installed

# A stamp here too: an interrupted `venv` leaves a python without pip.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "cnnjax needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	    "Name another one:  make ... PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

clean:
	rm -rf $(VENV) runs report.html .pytest_cache .mypy_cache .ruff_cache
