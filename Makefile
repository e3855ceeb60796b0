# Two commands are all a newcomer needs:  make demo   and   make test.
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= test
BIN := $(VENV)/bin
# Where this is set, each of some ten processes would compile every module of ours anew.
unexport PYTHONDONTWRITEBYTECODE
# Neighbours in a file stay on one worker, which has compiled what they share, until the other is idle.
# One thread of BLAS a worker: two that wait for one another on two cores take twice the time.
PYTEST = OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal

.PHONY: demo test test-fast test-all test-jax record costs lint types docs notebooks wheel clean \
  install install-test install-docs

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
test-all: install-test lint types docs
	$(PYTEST) -m ""

# The documentation as a site, in build/site; a link that leads nowhere is an error.
docs: install-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The notebooks executed anew, with what they put out.
notebooks: | $(VENV)/.created
	$(BIN)/python -m pip install --quiet --editable '.[notebooks]'
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace docs/notebooks/*.ipynb \
	  --ClearMetadataPreprocessor.enabled=True --CoalesceStreamsPreprocessor.enabled=True

# What would be published, looked at and tried in an environment that has nothing else.
wheel: | $(VENV)/.created
	rm -rf dist build/lib build/wheel
	$(BIN)/python -m pip install --quiet build twine
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/python -m pip install --quiet dist/*.whl
	mkdir build/wheel/tried
	cd build/wheel/tried && ../bin/cnnjax train --data patterns --size 32 --limit 64 --epochs 1 \
	  --batch-size 16 --out run && ../bin/cnnjax evaluate run && ../bin/cnnjax summary --run run
	cd build/wheel/tried && ../bin/verify notes --only layer-shapes && \
	  ../bin/verify pair cnnjax:relu jax.nn:relu --args 'f32[2,12,12,3]'

# Writes the record of verdicts (tests/verdicts) anew; what changed in it is for you to read.
record: install-test
	$(PYTEST) --renew-record tests
	@git --no-pager diff --stat -- tests/verdicts

# What each test costs, on this machine (tests/costs.py): decides which rows `make test` runs.
costs: install-test
	$(PYTEST) -m "" --measure-costs

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
install-docs: $(VENV)/.docs

$(VENV)/.installed: pyproject.toml | $(VENV)/.created
	@echo "Installing into $(VENV) (a few minutes the first time) ..."
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-$(EXTRAS): pyproject.toml | $(VENV)/.created
	@echo "Installing into $(VENV) with $(EXTRAS) (a few minutes the first time) ..."
	$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS)]'
	@touch $@ $(VENV)/.installed

$(VENV)/.docs: pyproject.toml | $(VENV)/.created
	@echo "Installing into $(VENV) with docs ..."
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@ $(VENV)/.installed

# A stamp here too: an interrupted `venv` leaves a python without pip.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "cnnjax needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	    "Name another one:  make ... PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

clean:
	rm -rf $(VENV) build dist runs report.html .pytest_cache .mypy_cache .ruff_cache
