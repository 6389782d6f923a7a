# SPDX-License-Identifier: Apache-2.0
"""TensorFlow and Keras, imported here alone: quietly, or with a word on how to get them."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from myna.errors import MynaError, install

__all__ = ["keras", "tf"]

STDERR = 2

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # nothing but what ends the program


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps from the terminal what libraries write to its descriptor before they look at any level.

    If they cannot be loaded, it is shown after all.
    """
    if sys.stderr is None:  # closed by whoever started this program
        yield
        return
    sys.stderr.flush()
    terminal = os.dup(STDERR)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), STDERR)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(terminal, said.read())
            raise
        finally:
            os.dup2(terminal, STDERR)
            os.close(terminal)


try:
    with _quiet():
        import keras
        import tensorflow as tf
except ImportError as error:
    raise MynaError(
        f"TensorFlow cannot be used ({error})",
        fix=install("train"),
    ) from error

for _name in ("tensorflow", "absl"):
    logging.getLogger(_name).setLevel(logging.ERROR)
