# Two commands are enough: `make serve` and `make test`. Both set everything up first, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help serve test check format lock clean

help: ## Show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: $(INSTALLED) ## Train the example models if they are missing, and serve them on port 8000
	@$(BIN)/slipway train --missing
	@exec $(BIN)/slipway serve

test: $(INSTALLED) ## Run the whole test suite
	@$(BIN)/python -m pytest

check: $(INSTALLED) ## Lint, type-check and check the architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_architecture.py

format: $(INSTALLED) ## Rewrite the code in the project's format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(INSTALLED) ## Pin the newest releases in constraints.txt (torch stays at TORCH)
	@$(BIN)/python -m pip install --quiet uv
	@echo 'torch==$(TORCH)' > $(VENV)/torch.txt
	@$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --upgrade --quiet \
	    --extra cpu --extra train --extra dev --constraint $(VENV)/torch.txt \
	    --no-annotate --no-header --output-file constraints.txt

TORCH ?= $(shell sed -n 's/^torch==//p' constraints.txt)

clean: ## Remove the virtual environment and what was trained
	rm -rf $(VENV) checkpoints model_repository/*/[0-9]*

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Slipway needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	    echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV), once: about 1.6 GB with the CPU build of PyTorch."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "Python's venv module is missing (on Debian and Ubuntu: apt install python3-venv)."; exit 1; }
	@$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[cpu,train,dev]'
	@touch $@
