# SPDX-License-Identifier: Apache-2.0
"""Skips, with the reason, the tests whose tools, data or board this machine does not have."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import settings
from myna.device.target import BOARDS, PROJECT, missing_programs

# no deadline, as machines may be busy; the same examples each time, so that a failure comes back
settings.register_profile("myna", deadline=None, derandomize=True)
settings.load_profile("myna")

DATA = Path(os.environ.get("MYNA_DATA") or PROJECT.parent / "shared" / "data")


def _obstacles() -> dict[str, str]:
    """Why the tests of a marker cannot run, by marker."""
    programs = missing_programs(BOARDS["qemu_m4"])
    reasons = {
        "qemu": f"not installed: {', '.join(programs)}" if programs else "",
        "data": "" if DATA.is_dir() else f"no recordings in {DATA} (set MYNA_DATA)",
        "board": "" if os.environ.get("MYNA_PORT") else "no real board (set MYNA_PORT)",
        "train": "" if importlib.util.find_spec("tensorflow") else "TensorFlow is not installed",
    }
    return {marker: reason for marker, reason in reasons.items() if reason}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    obstacles = _obstacles()
    for item in items:
        for marker, reason in obstacles.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of recordings, <word>/<speaker>_..._<take>.{wav,flac}; for tests marked `data`."""
    return DATA


@pytest.fixture(scope="session")
def port() -> str:
    """Serial port of a real board; for tests marked `board`."""
    return os.environ["MYNA_PORT"]
