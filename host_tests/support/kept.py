# SPDX-License-Identifier: Apache-2.0
"""Folders that tests, processes and runs share, under build."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from myna.device.target import PROJECT

TESTS = PROJECT / "build" / "tests"


def kept(name: str, write: Callable[[Path], object]) -> Path:
    """A folder that `write` fills.

    It stays under build, named after its contents, so that firmware for it is built once.
    """
    TESTS.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=TESTS))
    write(draft)
    contents = b"".join(path.read_bytes() for path in sorted(draft.iterdir()))
    final = TESTS / f"{name}-{hashlib.sha256(contents).hexdigest()[:12]}"
    try:
        draft.rename(final)  # fails where another process was faster
    except OSError:
        shutil.rmtree(draft)
    return final
