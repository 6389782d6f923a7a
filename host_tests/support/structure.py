# SPDX-License-Identifier: Apache-2.0
"""What tests of the structure share: tracked files, and circles in a graph."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from myna.device.target import PROJECT

FIRMWARE = PROJECT / "firmware"


def circle(imports: Mapping[str, Collection[str]]) -> list[str]:
    """Modules that import each other in a loop; none if there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def tracked(*patterns: str) -> list[Path]:
    command = ["git", "-C", str(PROJECT), "ls-files", "-z", "--", *patterns]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [PROJECT / name for name in output.split("\0") if name and (PROJECT / name).is_file()]


def firmware_files(*patterns: str) -> list[Path]:
    """Without the library that somebody exported into the example."""
    found = sorted(path for pattern in patterns for path in FIRMWARE.glob(pattern))
    return [path for path in found if FIRMWARE / "example" / "lib" not in path.parents]
