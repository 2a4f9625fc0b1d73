# Each target sets up what it needs; a second run installs nothing.
.PHONY: book read test test-all bench lint picture clean
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 2
# One more than the cores: tests wait for processes that they start.
TESTERS ?= 3
# A job owns its threads; what it calls must not add more.
export OMP_NUM_THREADS := 1

book: .venv/installed
	$(BIN)/mfta rerun --preset quick --jobs $(JOBS)
	$(BIN)/jupyter-book build book -W -n --keep-going --all
	@echo "open _build/html/index.html"

# From stored tables alone, without PyTorch; nothing is computed.
read: .venv-read/installed
	.venv-read/bin/python book/_ext/read.py
	.venv-read/bin/jupyter-book build book -W -n --keep-going --all
	@echo "open _build/html/index.html"

# Slow are whole batches with kills, installations elsewhere, every notebook by hand, walks over every page.
test: .venv/installed
	$(BIN)/python -m pytest -n $(TESTERS) --dist worksteal -m "not slow"

test-all: .venv/installed
	$(BIN)/python -m pytest -n $(TESTERS) --dist worksteal

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: .venv/installed
	$(BIN)/python benchmarks/geometry.py

# The README's picture of the front page, from the built book.
picture: .venv/installed
	$(BIN)/python book/_ext/picture.py

clean:
	rm -rf _build book/sections results/quick

# The file marks the last installation, so that a change of requirements installs again.
.venv/installed: EXTRA := dev
.venv-read/installed: EXTRA := read
%/installed: pyproject.toml constraints.txt
	test -x $*/bin/python || $(PYTHON) -m venv $*
	$*/bin/pip install --quiet --constraint constraints.txt --editable '.[$(EXTRA)]'
	touch $@
