# Set-up, checks and the demo. `make help` lists what there is; each target does the set-up that it needs.
#   make install                              .venv/ with the CPU build of torch that pip's index offers
#   make install DEVICE=cuda                  with CUDA
#   make install TORCH_INDEX=URL              torch from an index of your choice (PyTorch's install page shows them)
#   make install PYTHON=/path/to/python3.12   with a Python of your choice

.DEFAULT_GOAL := help
VENV ?= .venv
PYTHON ?=
TORCH_INDEX ?=
# Processes that share the test files; each needs about 1.5 GB of memory.
JOBS ?= 2
# The device that was installed last, so that `make test` after `make install DEVICE=cuda` re-installs nothing.
INSTALLED := $(patsubst $(VENV)/.installed-%,%,$(firstword $(wildcard $(VENV)/.installed-*)))
DEVICE ?= $(or $(INSTALLED),cpu)
STAMP := $(VENV)/.installed-$(DEVICE)
FIXED := .venv-fairseq-fixed
NEEDED := pyproject.toml constraints.txt requirements-fairseq.txt scripts/install.py scripts/find_python.sh

.PHONY: help install demo lint test bench test-fairseq-fixed clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(STAMP)  ## make .venv/ (about a minute; DEVICE=cpu|cuda, PYTHON=..., TORCH_INDEX=...)

$(STAMP): $(NEEDED)
	@python=$$(sh scripts/find_python.sh "$(PYTHON)" "$(VENV)") && \
	"$$python" scripts/install.py --venv "$(VENV)" --device "$(DEVICE)" --torch-index "$(TORCH_INDEX)"

demo: install  ## train a tiny translator and a tiny parser on a made-up grammar and show them on a page (about 10 minutes)
	@$(VENV)/bin/aat demo

lint: install  ## ruff and mypy --strict
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

test: install  ## the whole test suite (JOBS=2 processes)
	$(VENV)/bin/python -m pytest -q -n $(JOBS) --dist loadfile

bench: install  ## time training beside stock fairseq (hours; BENCH_ARGS=--quick: minutes; see benchmarks/README.md)
	@$(VENV)/bin/python benchmarks/bench.py $(BENCH_ARGS)

$(FIXED)/.installed-cpu: $(NEEDED)
	@python=$$(sh scripts/find_python.sh "$(PYTHON)" $(FIXED)) && \
	"$$python" scripts/install.py --venv $(FIXED) --device cpu --fairseq source --torch-index "$(TORCH_INDEX)"

test-fairseq-fixed: $(FIXED)/.installed-cpu  ## the suite on fairseq built from source (needs g++; 5 minutes to build)
	$(FIXED)/bin/python -m pytest -q -n $(JOBS) --dist loadfile

clean:  ## remove caches, builds and the demo's runs (not the environments)
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis runs/demo
	find aat_plugin tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
