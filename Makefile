# make run    install what is missing, make an embedded store with an example list, run every door
# make test   install what the tests need, the mail servers included (unpacked, not installed), and run them
# make lint   ruff and mypy
# make bench  measure, beside C servers that decide nothing and beside what others use
# make soak   the long versions of the tests
# make docs   write docs/commands.md from the commands' own help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: run test lint bench soak docs format clean

# A stamp for each set of dependencies: nothing is installed twice, and a changed pyproject.toml is noticed.
$(VENV)/run.stamp: pyproject.toml setup.py tools/need
	tools/need python
	tools/need milter
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[milter]'
	touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp
	tools/need compiler
	$(BIN)/pip install --quiet --editable '.[milter,test]'
	touch $@

$(VENV)/lint.stamp: $(VENV)/test.stamp
	$(BIN)/pip install --quiet --editable '.[milter,test,lint]'
	touch $@

run: $(VENV)/run.stamp
	$(BIN)/python tools/example.py
	$(BIN)/gatepost run

test: $(VENV)/test.stamp
	PYTHONPATH=tests $(BIN)/python -m mtalab setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST)

soak: $(VENV)/test.stamp
	PYTHONPATH=tests $(BIN)/python -m mtalab setup
	GATEPOST_SOAK=1 $(BIN)/python -m pytest -m slow --timeout 3600 $(PYTEST)

lint: $(VENV)/lint.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/lint.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/run.stamp
	tools/need compiler
	$(BIN)/python -m bench $(BENCH)

docs: $(VENV)/run.stamp
	$(BIN)/python tools/commands_page.py

clean:
	rm -rf $(VENV) build dist *.egg-info bench/out tests/.cache
