# The two commands are `make book` and `make test`. Each needs Python >= 3.11, pip and make, and
# makes its environment, .venv, from requirements.txt when it is missing or out of date.

PYTHON ?= python3
BIN    := .venv/bin
READY  := .venv/ready
SITE   := _build/html/index.html
COURSEWORK := _build/coursework-env
START  := $(shell date +%s)

# --all: Sphinx repeats no warning of a page that it does not read again, and a broken page
# would pass the second time.
BUILD  := $(BIN)/jupyter-book build -W -n --keep-going --all .
TOOK    = echo "$@: done in $$(( $$(date +%s) - $(START) )) s"

.DEFAULT_GOAL := help
.PHONY: help book test test-coursework html serve colab colab-test coursework grade timings reproduce bench lint clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

book: $(READY)  ## execute the chapters that changed, build the site
	$(BIN)/python book/_tools/execute.py -j 2
	$(BUILD)
	@$(TOOK); echo "Open $(SITE) in a browser, or run: make serve"

# One thread a process, as for book: two processes of two threads each on two cores only wait for
# one another: the chapters took 565 s that way, and 90 s this way.
test: export OMP_NUM_THREADS = 1
test: lint  ## check code, library, notebooks, stored outputs and site
	$(BIN)/pytest tests -n 2 --dist loadfile
	$(BIN)/pytest --nbval book -n 2 --dist loadscope
	$(MAKE) test-coursework
	@$(TOOK)

html: $(READY)  ## build the site from the stored outputs, execute nothing
	$(BUILD)
	@$(TOOK); echo "Open $(SITE) in a browser, or run: make serve"

serve: $(READY)  ## show the built site at http://localhost:8000
	$(BIN)/python -m http.server --bind localhost --directory _build/html 8000

colab: $(READY)  ## make the Colab edition of every chapter, in _build/colab
	$(BIN)/python book/_tools/colab.py

# NOTEBOOKS="05-autorec 03-baselines" tries only those. Colab has Python 3.12; PYTHON=python3.12
# makes the environment with it.
colab-test: $(COURSEWORK)/ready _build/colab-env/ready  ## run the Colab edition as Colab would (half an hour)
	PYTHONPATH=book/_tools OMP_NUM_THREADS=1 $(COURSEWORK)/bin/python tests/run_colab.py $(NOTEBOOKS)

coursework: $(COURSEWORK)/ready  ## make the assignments: for students, grader and instructor
	$(COURSEWORK)/bin/python book/_tools/coursework.py

grade:  ## grade a folder: make grade SUBMISSIONS=folder
	@test -n "$(SUBMISSIONS)" || { echo "Say which folder: make grade SUBMISSIONS=folder"; exit 1; }
	$(MAKE) coursework
	$(COURSEWORK)/bin/python book/_tools/grade.py "$(SUBMISSIONS)" $(GRADE_OPTIONS)

test-coursework: export OMP_NUM_THREADS = 1
test-coursework: $(COURSEWORK)/ready  ## check the assignments and their grader
	$(COURSEWORK)/bin/python -m pytest tests/test_coursework.py -n 2 --dist loadgroup
	@$(TOOK)

timings: $(READY)  ## measure run time and memory of every chapter, then make book
	$(BIN)/python book/_tools/execute.py --timings
	$(MAKE) book

# Apart from data/runs, and compared with it at the end. The first line printed says how long.
reproduce: $(READY)  ## repeat every paper-scale experiment, hold it against the records (hours)
	-$(BIN)/python -m reclib run --all --into _build/runs --jobs 2
	$(BIN)/python -m reclib report --repeated _build/runs

bench: _build/bench/ready  ## measure against other libraries, in an environment of its own
	_build/bench/bin/python -m benchmarks

lint: $(READY)  ## ruff: errors and format; mypy: types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:  ## delete the site and the notes of what was executed; .venv stays
	rm -rf _build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis

# The mark is made last: an installation that was broken off is begun again.
# --no-build-isolation: hatchling is in requirements.txt; pip need not download another.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "This book needs Python 3.11 or newer. Say where it is: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Making .venv: some minutes and 2 GB the first time"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --progress-bar on -r requirements.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

_build/colab-env/ready: tests/colab-requirements.txt
	$(PYTHON) -m venv _build/colab-env
	_build/colab-env/bin/pip install --quiet -r tests/colab-requirements.txt
	@touch $@

# What the book has, and otter on top: by book.pth this environment sees the other one.
PURELIB := -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
$(COURSEWORK)/ready: $(READY) book/coursework/requirements.txt
	$(BIN)/python -m venv $(COURSEWORK)
	( $(BIN)/python $(PURELIB); pwd ) > "$$($(COURSEWORK)/bin/python $(PURELIB))/book.pth"
	$(COURSEWORK)/bin/pip install --quiet -r book/coursework/requirements.txt
	@touch $@

# RecTools needs another NumPy than the other libraries, and so an environment to itself.
_build/bench/ready: benchmarks/requirements.txt benchmarks/requirements-rectools.txt
	$(PYTHON) -m venv _build/bench
	_build/bench/bin/pip install --quiet -r benchmarks/requirements.txt
	$(PYTHON) -m venv _build/bench-rectools
	_build/bench-rectools/bin/pip install --quiet -r benchmarks/requirements-rectools.txt
	@touch $@
