# The two commands of heychip. Each sets itself up; running one twice is quick and harmless.

PYTHON ?= python3
BIN := .venv/bin
export XDG_CACHE_HOME ?= $(CURDIR)/.cache

.PHONY: help demo test rig setup lint clean bench-accuracy bench-peers soak
help:
	@echo "make demo   from the text of a phrase to a daemon that hears it, sees and answers"
	@echo "make test   the whole test suite"
	@echo "make rig    as root: boots systemd in a container, and emulates arm64 (about 20 minutes the first time)"
	@echo "make lint   ruff and mypy"
	@echo "make soak   a day of stream with some 600 faults, at 50 to 100 times real time; ARGS=--help tells what else"
	@echo "make bench-accuracy ARGS=...   bundles beside openWakeWord on your recordings; ARGS=--help tells how"
	@echo "make bench-peers ARGS=...      what listening costs beside other projects' programs, which are fetched with pip"
	@echo "make clean  forget what was made here (.venv, .cache)"

setup:
	@PYTHON="$(PYTHON)" sh tools/setup.sh synth

demo: setup
	@$(BIN)/python -m demo.run

test:
	@PYTHON="$(PYTHON)" sh tools/setup.sh synth,dev
	@$(BIN)/python -m pytest

rig:
	@PYTHON="$(PYTHON)" sh tools/setup.sh synth,dev
	@sh tests/rig/build.sh
	@HEYCHIP_RIG=1 $(BIN)/python -m pytest -m rig tests/rig $(ARGS)

lint:
	@PYTHON="$(PYTHON)" sh tools/setup.sh synth,dev
	@$(BIN)/ruff check . && $(BIN)/mypy

soak:
	@PYTHON="$(PYTHON)" sh tools/setup.sh synth,dev
	@MALLOC_ARENA_MAX=2 $(BIN)/python -m tests.soak $(ARGS)  # as systemd/heychip.service has it

bench-accuracy: setup
	@$(BIN)/python -m tests.bench.accuracy $(ARGS)

bench-peers: setup
	@$(BIN)/python -m tests.bench.peers --install $(ARGS)

clean:
	rm -rf .venv .cache demo/out
