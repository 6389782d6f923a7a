# SPDX-License-Identifier: Apache-2.0
"""How long the tests of each folder took: a table at the end of every run."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePath

import pytest


class Seconds:
    """Adds up what tests report; under several processes, the one that reports."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._tests: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test's set-up, call or tear-down."""
        folder = str(PurePath(report.nodeid.partition("::")[0]).parent)
        self._seconds[folder] += report.duration
        self._tests[folder].add(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The table, the slowest folder first."""
        terminalreporter.section("seconds per folder, of all processes")
        for folder, seconds in sorted(self._seconds.items(), key=lambda item: -item[1]):
            terminalreporter.line(f"{seconds:8.1f}  {len(self._tests[folder]):5}  {folder}")
        terminalreporter.line(f"{sum(self._seconds.values()):8.1f}")
