# SPDX-License-Identifier: Apache-2.0
"""Folders of a test's own for what PlatformIO makes."""

from pathlib import Path

from myna.device.target import PROJECT


def variables(folder: Path) -> dict[str, str]:
    """The environment in which PlatformIO works in this folder.

    Kernels that are compiled already are shared; the first test to build may have none yet.
    """
    objects = PROJECT / ".pio" / "objects"
    objects.mkdir(parents=True, exist_ok=True)
    (folder / "objects").symlink_to(objects)
    return {"PLATFORMIO_WORKSPACE_DIR": str(folder)}
