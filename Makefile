# The commands of this project; `make` alone lists them. PYTHON=python3.12 chooses another interpreter.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
TEXT ?= The report is ready, and this sentence could be yours.

.DEFAULT_GOAL = help
.PHONY: help venv demo test test-slow lint bench clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

venv: $(VENV)/.ready ## the virtual environment with everything, at the locked versions

$(VENV)/.ready: pyproject.toml requirements.lock judges.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "voxblocks wants Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c requirements.lock -e '.[all,dev]'
	$(BIN)/pip install --quiet -c requirements.lock --no-deps -r judges.txt
	$(BIN)/voxblocks schema --out graphs/schema.json
	touch $@

# The text goes through the environment, so that neither make nor the shell reads anything into it.
demo: export SAID := $(value TEXT)
demo: venv ## real recordings through a graph to judged audio and a report; at last, TEXT="..." is spoken
	$(BIN)/voxblocks run graphs/copy_synthesis.yaml --report reports/copy_synthesis.html
	$(BIN)/voxblocks run graphs/speak.yaml --released --until voice --set script.text="$$SAID"

test: venv ## the whole fast suite: three processes keep two cores busy
	$(BIN)/python -m pytest -q -n 3

test-slow: venv ## what takes minutes: all corpora, all judges
	$(BIN)/python -m pytest -q -m slow

lint: venv ## formatting and lint rules
	$(BIN)/ruff format --check . && $(BIN)/ruff check .

bench: venv ## every benchmark, printed as ratios
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean: ## remove the environment, the store and the reports
	rm -rf $(VENV) store reports
