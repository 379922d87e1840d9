# make venv   install what is missing, into .venv, and start nothing
# make run    install what is missing, make an embedded store with an example list, run every door
# make test   install what the tests need, the mail servers included (unpacked, not installed), and run them
# make lint   ruff and mypy
# make bench  measure, beside C servers that decide nothing and beside what others use
# make soak   the long versions of the tests
# make fresh  both of the first commands, and docs/install.md, on Debian systems that have never seen gatepost
# make docs   write docs/commands.md from the commands' own help
# make clean  take away what the others have installed, built and fetched; settings and lists stay

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
# Where the tests' mail servers are if users other than root may not enter this folder (tests/labs/mta/place.py).
SHARED_SERVERS ?= /var/cache/gatepost-mtalab-*
# Real mail servers change to other users: without root their tests are left out, and nothing is fetched for them.
FOR_ROOT := test "$$(id -u)" != 0 ||
# gatepost with these extras, and with the milter where that can be built.
install = $(BIN)/pip install --quiet --editable ".$$(tools/need extras $(1))"

.PHONY: venv run test lint bench soak fresh docs format clean

# A stamp for each set of dependencies: nothing is installed twice, and a changed pyproject.toml is noticed.
$(VENV)/run.stamp: pyproject.toml setup.py tools/need
	tools/need run
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(call install)
	touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp
	tools/need test
	$(call install,test)
	touch $@

$(VENV)/lint.stamp: $(VENV)/test.stamp
	$(call install,test lint)
	touch $@

venv: $(VENV)/run.stamp

run: $(VENV)/run.stamp
	$(BIN)/python tools/example.py
	$(BIN)/gatepost run

test: $(VENV)/test.stamp
	$(FOR_ROOT) PYTHONPATH=tests $(BIN)/python -m labs.mta setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST)

soak: $(VENV)/test.stamp
	$(FOR_ROOT) PYTHONPATH=tests $(BIN)/python -m labs.mta setup
	GATEPOST_SOAK=1 $(BIN)/python -m pytest -m slow --timeout 3600 $(PYTEST)

lint: $(VENV)/lint.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/lint.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/run.stamp
	tools/need bench
	$(BIN)/python -m bench $(BENCH)

fresh:
	tools/need fresh
	$(PYTHON) -m tools.fresh $(FRESH)

docs: $(VENV)/run.stamp
	$(BIN)/python tools/commands_page.py

clean:
	rm -rf --one-file-system $(VENV) build dist *.egg-info bench/out tests/.cache
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
	$(FOR_ROOT) rm -rf $(SHARED_SERVERS)
