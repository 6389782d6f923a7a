# SPDX-License-Identifier: Apache-2.0
"""An update as the bytes that cross the link, and back."""

from __future__ import annotations

import numpy as np

from myna.errors import MynaError
from myna.learn.vector import Vector


def encode(update: Vector) -> bytes:
    """The bytes of an update: little-endian int32."""
    return update.astype("<i4").tobytes()


def decode(data: bytes, parameters: int) -> Vector:
    """The update, int32 [parameters].

    Raises:
        MynaError: the data is of another size.
    """
    if len(data) != 4 * parameters:
        raise MynaError(
            f"an update of {len(data)} bytes is none of {parameters} parameters",
            where="federation",
            fix="let clients run the same model and version as the server",
        )
    return np.frombuffer(data, "<i4").astype(np.int32)
