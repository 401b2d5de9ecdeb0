PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install fit compare reproduce test test-all lint format tensorboard figures clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(INSTALLED)

install: $(INSTALLED) ## Create .venv with the project and everything it needs (about 6 GB, a few minutes)

fit: $(INSTALLED) ## Fit logistic regression by Newton's method on breast cancer, test it, log it
	$(BIN)/python scripts/fit.py

compare: $(INSTALLED) ## Compare gradient descent, Newton and diagonal Newton on breast cancer
	$(BIN)/python scripts/compare.py breast_cancer

reproduce: $(INSTALLED) ## Run the sixteen published systems again, those on MNIST and California housing if data/ has them
	$(BIN)/python scripts/reproduce.py all

tensorboard: $(INSTALLED) ## Look at the logs in a browser
	$(BIN)/tensorboard --logdir logs

figures: $(INSTALLED) ## Draw the pictures of README.md anew
	$(BIN)/python scripts/compare.py iris --output reports/figures/iris
	$(BIN)/python scripts/compare.py breast_cancer --output reports/figures/breast_cancer
	cp reports/figures/iris/objective.png docs/iris_objective.png
	cp reports/figures/breast_cancer/overview.png docs/breast_cancer_overview.png

test: $(INSTALLED) ## Run the tests but the slow ones
	$(BIN)/python -m pytest -m 'not slow'

test-all: $(INSTALLED) ## Run all tests
	$(BIN)/python -m pytest

lint: $(INSTALLED) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove the environment and caches, not the logs
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
