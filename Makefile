# One command each: make demo, make test, make check, make bench. `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# What pip installs as torch, such as TORCH=torch==2.14.0; empty chooses by the machine.
TORCH ?=
TORCH_VERSION := 2.13.0
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test check bench parity system-deps venv lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         install, then search a reward that makes HalfCheetah run"
	@echo "make test         install what is missing, then run the test suite"
	@echo "make check        lint, format, types, layers, and the wheel in a bare environment"
	@echo "make bench        run the benchmarks; each prints one JSON line"
	@echo "make system-deps  Debian packages (as root, or with sudo)"
	@echo "make lock         resolve requirements*.lock anew (needs uv)"

demo: $(VENV)/.installed
	$(BIN)/rewardsmith run "run forward as fast as possible" --env HalfCheetah-v5

test: $(VENV)/.installed-dev
	$(BIN)/pytest -n 2 --dist loadfile

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	for file in envs/*/task.py; do $(BIN)/mypy $$file || exit 1; done
	$(BIN)/lint-imports --no-logo
	PYTHON=$(PYTHON) BIN=$(BIN) sh tests/wheel.sh

bench: $(VENV)/.installed-dev
	for name in preferences selection jail physics throughput shares render growth time_to_fitness tune; do $(BIN)/python benchmarks/$$name.py || exit 1; done

# Hours for ten seeds; it goes on where it was stopped, and writes docs/parity.md.
parity: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/parity.py

venv: $(VENV)/.installed

$(VENV)/.torch:
	$(PYTHON) -m venv $(VENV)
	sh -c '$(install_torch)'
	touch $@

$(VENV)/.installed: $(VENV)/.torch requirements.lock pyproject.toml
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@

# No NVIDIA card, no CUDA: a CPU build is taken from pip's own links if one lies there, else from
# PyTorch's index of CPU builds. --no-deps: what torch needs is in the lock.
define install_torch
if [ -n "$(TORCH)" ]; then $(BIN)/pip install --quiet --no-deps "$(TORCH)"; \
elif command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1; then \
  $(BIN)/pip install --quiet torch==$(TORCH_VERSION); \
elif $(BIN)/pip install --quiet --no-deps --no-index torch==$(TORCH_VERSION) 2>/dev/null; then :; \
elif [ "$$(uname -s)" = Darwin ]; then $(BIN)/pip install --quiet --no-deps torch==$(TORCH_VERSION); \
else $(BIN)/pip install --quiet --no-deps --index-url $(TORCH_CPU_INDEX) torch==$(TORCH_VERSION); fi
endef

# bubblewrap is one more layer of the jail; without it Landlock and seccomp hold alone. libegl1,
# libgl1-mesa-dri and libosmesa6 draw MuJoCo's videos without a card; chromium is for tests/web.
SYSTEM_PACKAGES := python3-venv bubblewrap linux-libc-dev \
  libegl1 libgl1-mesa-dri libosmesa6 chromium
system-deps:
	@if ! command -v apt-get >/dev/null; then echo "no apt-get here: install by hand: $(SYSTEM_PACKAGES)"; \
	elif dpkg -s $(SYSTEM_PACKAGES) >/dev/null 2>&1; then echo "system packages are here"; \
	else SUDO=$$([ "$$(id -u)" = 0 ] || echo sudo); $$SUDO apt-get update -q && \
	  DEBIAN_FRONTEND=noninteractive $$SUDO apt-get install -qy --no-install-recommends $(SYSTEM_PACKAGES); fi

# torch stands outside the lock, for its build depends on the machine.
lock:
	override=$$(mktemp) && echo "torch ; sys_platform == 'never'" > $$override && \
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --override $$override \
	  --custom-compile-command "make lock" --extra fast --extra video --extra web -o requirements.lock pyproject.toml requirements.in && \
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --override $$override \
	  --custom-compile-command "make lock" --extra dev -c requirements.lock \
	  -o requirements-dev.lock pyproject.toml requirements.in; \
	rm -f $$override

clean:
	rm -rf $(VENV) dist build
