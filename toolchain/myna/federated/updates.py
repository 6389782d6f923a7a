# SPDX-License-Identifier: Apache-2.0
"""An update as it is sent: coded by the engine that learned, or protected and as it is."""

from __future__ import annotations

import numpy as np

from myna.errors import MynaError
from myna.federated.client import Order
from myna.federated.privacy.terms import protect
from myna.learn import codec
from myna.learn.vector import Vector, parameters
from myna.passes.memory.plan import Program


def protected(
    program: Program, base: bytes, data: bytes, order: Order, noise_key: bytes = b""
) -> bytes:
    """What is sent in place of a coded update: it clipped, with noise; little-endian int32.

    Args:
        program: of everybody.
        base: the state block that client and server know.
        data: the update beyond it, coded without loss (`learn.codec`).
        order: of the round, which says how it is protected.
        noise_key: [32] of the noise, if any.
    """
    update = codec.decode(program, base, data)
    return protect(program, update, order.clip, order.noise, noise_key).astype("<i4").tobytes()


def opened(program: Program, base: bytes, data: bytes, order: Order) -> Vector:
    """The update that was sent, int32 [parameters].

    Args:
        program: of everybody.
        base: the state block that client and server know.
        data: as it was sent.
        order: of the round, which says how.

    Raises:
        MynaError: the data is damaged, of another base or of another size.
    """
    if not order.clip:
        return codec.decode(program, base, data)
    size = 4 * parameters(program)
    if len(data) != size:
        raise MynaError(
            f"an update of {len(data)} bytes, not {size}",
            where="federation",
            fix="let clients run the same model and version as the server",
        )
    return np.frombuffer(data, "<i4").astype(np.int32)
