# SPDX-License-Identifier: Apache-2.0
# make setup   everything a build needs, in .venv (and system packages, where permitted)
# make demo    the main job, end to end, on a virtual board
# make test    what CI runs: setup, then lint and all tests but those that only repeat others
# make nightly the same with all tests
# make quick   in a minute: lint, and the tests that compile little and start no board
# make mutate  do the tests notice single wrong tokens? An hour; MUTATE="--seed 2 --only firmware"
# make check   lint and tests, without setup; each says at the end how long its parts took
PYTHON := .venv/bin/python
# Bytecode is kept, whatever the shell says: tests start Python more than a hundred times.
export PYTHONDONTWRITEBYTECODE =
# One more than processors: tests often wait for an emulator.
JOBS ?= $(shell echo $$(($$(nproc) + 1)))
# The tests of `make quick`, without those marked qemu, train or data.
QUICK = test_fixed.py ops layers passes frontend formats report project device/test_frame.py \
    device/test_link.py device/test_messages.py package/test_channels.py audio/test_features.py
C_FILES = $(shell find firmware host_tests -name '*.[ch]' -not -path 'firmware/generated/*' -not -path '*/lib/*')

.PHONY: setup demo test nightly quick mutate check tests lint clean

setup: .venv/.ready

# setup.sh makes the stamp, and only if nothing is missing: what is will be tried again next time.
.venv/.ready: pyproject.toml toolchain/setup.sh
	sh toolchain/setup.sh $@

demo: setup
	.venv/bin/myna demo

test:
	@sh toolchain/timed.sh setup lint tests

nightly: export TESTS := --nightly
nightly: test

quick: setup lint
	$(PYTHON) -m pytest -n $(JOBS) -m "not qemu and not train and not data" \
	    $(QUICK:%=host_tests/%)

mutate: setup
	PYTHONPATH=host_tests $(PYTHON) -m mutation $(MUTATE)

check:
	@sh toolchain/timed.sh lint tests

tests:
	$(PYTHON) -m pytest -n $(JOBS) $(TESTS)

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/clang-format --dry-run -Werror $(C_FILES)

clean:
	-$(PYTHON) -c "from myna.device.ports import halt; from myna.device.target import BOARDS; [halt(board) for board in BOARDS]"
	rm -rf .pio .pio-core build .mypy_cache .ruff_cache .pytest_cache .hypothesis
