PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DATA ?= data

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

# logs/<data>/<model> of the newest run: from there its name is <method>/version_n, and longer ones are cut off in a browser.
RUNS ?= $(shell ls -td logs/*/*/*/version_*/ 2>/dev/null | head -n 1 | sed 's|/[^/]*/[^/]*/$$||')

tensorboard: $(INSTALLED) ## Look at the newest run beside others of its data and model, in a browser; RUNS=logs has all
	$(BIN)/tensorboard --logdir '$(or $(RUNS),logs)'

# A file of data, the picture that needs it, and the commands that draw it.
with = @if [ -e '$(DATA)/$(1)' ]; then set -ex; $(3); else echo 'skipped, $(DATA) has no $(1): $(2)'; fi
MNIST := MNIST/raw/train-images-idx3-ubyte
CALIFORNIA := cal_housing_py3.pkz

figures: $(INSTALLED) ## Draw the pictures of README.md and docs/ anew, those whose data are in DATA=data; takes hours
	rm -rf reports/figures
	$(BIN)/python scripts/compare.py iris --output reports/figures/iris
	cp reports/figures/iris/objective.png docs/iris_objective.png
	$(BIN)/python scripts/compare.py breast_cancer --output reports/figures/breast_cancer
	cp reports/figures/breast_cancer/overview.png docs/breast_cancer_overview.png
	$(BIN)/python scripts/reproduce.py S13 --output reports/figures/S13
	cp reports/figures/S13/S13/jacobians.png docs/systems_S13_jacobians.png
	$(call with,$(MNIST),docs/two_views.png,$(BIN)/python scripts/show_two_views.py --data_dir '$(DATA)' --output docs/two_views.png)
	$(call with,$(MNIST),docs/systems_S9_class_accuracy.png,$(BIN)/python scripts/reproduce.py S9 --data_dir '$(DATA)' --output reports/figures/S9; cp reports/figures/S9/S9/class_accuracy.png docs/systems_S9_class_accuracy.png)
	$(call with,$(MNIST),docs/systems_S15_gradient_norms.png,$(BIN)/python scripts/reproduce.py S15 --data_dir '$(DATA)' --output reports/figures/S15; cp reports/figures/S15/S15/gradient_norms.png docs/systems_S15_gradient_norms.png)
	$(call with,$(CALIFORNIA),docs/california_mlp.png,$(BIN)/python scripts/compare.py california_mlp --data_dir '$(DATA)' --output reports/figures/california_mlp; cp reports/figures/california_mlp/curves.png docs/california_mlp.png)
	$(call with,$(MNIST),docs/mnist_mlp.png,$(BIN)/python scripts/compare.py mnist_mlp --data_dir '$(DATA)' --output reports/figures/mnist_mlp; cp reports/figures/mnist_mlp/curves.png docs/mnist_mlp.png)
	@echo 'skipped, a photograph of a browser: docs/tensorboard.png'

# Two processes, the tests of a file in one of them; each computes in one thread, else they would wait for one another.
TWO_AT_A_TIME := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

test: $(INSTALLED) ## Run the tests but the slow ones
	$(TWO_AT_A_TIME) -m 'not slow'

test-all: $(INSTALLED) ## Run all tests
	$(TWO_AT_A_TIME)

lint: $(INSTALLED) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove the environment and caches, not the logs
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
