# SPDX-License-Identifier: Apache-2.0
"""Tests that share what is costly run in one process; pytest-xdist drops groups in silence."""

from __future__ import annotations

import os
import subprocess
import sys

from myna.device.target import PROJECT


def test_the_tests_of_a_file_stay_together() -> None:
    file = "host_tests/report/test_figures.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "-vv", file],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if "XDIST" not in name},
        capture_output=True,
        text=True,
        check=True,
    )
    workers = {line.split()[0] for line in done.stdout.splitlines() if "PASSED" in line}
    assert len(workers) == 1, done.stdout
