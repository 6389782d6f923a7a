# SPDX-License-Identifier: Apache-2.0
"""Flower stays out of what does not need it, is told to be silent, and asked for where missing."""

from __future__ import annotations

import subprocess
import sys

SILENT = """
import myna.federated.flower
from flwr.supercore import telemetry
assert telemetry.FLWR_TELEMETRY_ENABLED == "0"
from flwr.supercore.constant import FLWR_DISABLE_UPDATE_CHECK
import os
assert os.environ[FLWR_DISABLE_UPDATE_CHECK] == "1"
"""
MISSING = """
import sys
sys.modules["flwr"] = sys.modules["flwr.app"] = None
from myna.cli import main
sys.argv = ["myna", "federate", "--help"]
main()
"""
LIGHT = """
import sys
import myna.cli, myna.commands.build, myna.commands.evaluate
import myna.federated.aggregate, myna.federated.telling, myna.federated.cohort, myna.federated.site
import myna.federated.store, myna.federated.strategies
assert "flwr" not in sys.modules
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_telemetry_and_update_check_are_off() -> None:
    ended = python(SILENT)
    assert ended.returncode == 0, ended.stderr


def test_without_it_the_extra_is_named() -> None:
    ended = python(MISSING)
    assert ended.returncode == 1
    assert "pip install -e '.[federated]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_only_its_apps_and_their_command_load_it() -> None:
    ended = python(LIGHT)
    assert ended.returncode == 0, ended.stderr
