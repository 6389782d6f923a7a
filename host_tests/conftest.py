# SPDX-License-Identifier: Apache-2.0
"""Which tests run, in which order and process.

Those whose tools, data or board this machine does not have are skipped, with the reason.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings
from myna.device.target import BOARDS, PROJECT, missing_programs
from support.seconds import Seconds

# no deadline, as machines may be busy; the same examples each time, so that a failure comes back
settings.register_profile("myna", deadline=None, derandomize=True)
settings.load_profile("myna")

TENSORFLOW = "tensorflow"
# The groups of tests that take longest begin first, so that all processes end at the same time.
LONG = (
    *("test_guide", TENSORFLOW, "test_recipe", "test_superlink_deployment"),
    *("test_budget", "test_boards", "test_export", "test_package_without_front_end"),
    *("test_storage_on_boards", "test_verify", "test_bench", "test_kernels", "test_server"),
)

DATA = Path(os.environ.get("MYNA_DATA") or PROJECT.parent / "shared" / "data")


def _obstacles() -> dict[str, str]:
    """Why the tests of a marker cannot run, by marker."""
    emulation = missing_programs(BOARDS["qemu_m4"])
    keys = [program for program in ("openssl", "ssh-keygen") if shutil.which(program) is None]
    reasons = {
        "qemu": f"not installed: {', '.join(emulation)}" if emulation else "",
        "deployment": f"not installed: {', '.join(keys)}" if keys else "",
        "data": "" if DATA.is_dir() else f"no recordings in {DATA} (set MYNA_DATA)",
        "board": "" if os.environ.get("MYNA_PORT") else "no real board (set MYNA_PORT)",
        "train": "" if importlib.util.find_spec("tensorflow") else "TensorFlow is not installed",
    }
    return {marker: reason for marker, reason in reasons.items() if reason}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--nightly`: also what only repeats with other parameters."""
    parser.addoption("--nightly", action="store_true", help="also run tests marked nightly")


def pytest_configure(config: pytest.Config) -> None:
    """The table of seconds comes after the results."""
    config.pluginmanager.register(Seconds())


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out, skips, and shares out."""
    if not config.getoption("nightly"):
        nightly = {item for item in items if item.get_closest_marker("nightly")}
        config.hook.pytest_deselected(items=nightly)
        items[:] = [item for item in items if item not in nightly]
    obstacles = _obstacles()
    for item in items:
        for marker, reason in obstacles.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=lambda item: LONG.index(g) if (g := _group(item)) in LONG else len(LONG))


def _group(item: pytest.Item) -> str:
    """Tests of a group share a process: those of a file its fixtures, and all TensorFlow.

    Those of the project as a whole start processes of their own.
    """
    alone = item.path.parent.name == "project" or not item.get_closest_marker("train")
    return item.path.stem if alone else TENSORFLOW


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of recordings, <word>/<speaker>_…_<take>.{wav,flac,opus}; for tests marked `data`."""
    return DATA


@pytest.fixture(scope="session")
def inputs(request: pytest.FixtureRequest) -> int:
    """On how many inputs a network is compared with TFLite-Micro's."""
    return 2000 if request.config.getoption("nightly") else 400


@pytest.fixture(scope="session")
def port() -> str:
    """Serial port of a real board; for tests marked `board`."""
    return os.environ["MYNA_PORT"]
