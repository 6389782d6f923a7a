# SPDX-License-Identifier: Apache-2.0
"""Myna: on-chip learning for microcontrollers, integer only and bit-exact.

What scripts need has a name here. Each is imported when it is first asked for: a command loads no
more than it uses, and `import myna` nothing at all.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {  # name: the module that defines it
    "Board": "device.session",
    "ImportRequest": "package.importing",
    "MynaError": "errors",
    "Options": "passes.pipeline",
    "Project": "project",
    "Recipe": "learn.recipe",
    "Reference": "engines.reference",
    "export_model": "sessions.export",
    "import_keras": "package.importing",
    "import_tflite": "package.importing",
    "load_checkpoint": "sessions.checkpoint",
    "open_project": "project",
    "read_board": "sessions.checkpoint",
    "save_checkpoint": "sessions.checkpoint",
    "train": "sessions.enroll",
    "write_name": "sessions.words",
    "write_board": "sessions.checkpoint",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """The public name, imported (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
