# SPDX-License-Identifier: Apache-2.0
"""Masks, and the integers to which they are added: modulo 2^32, where needed 2^64."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from myna.federated.crypto import KeyStream
from myna.federated.secure.errors import SecureSumError
from myna.learn.vector import Form, averaged
from myna.passes.memory.plan import Program

TAKES_MAX = 1 << 15  # of all clients of a round: no weight moves by 2^16, so its sum fits int32
Residues = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Ring:
    """Vectors of integers modulo 2^32; modulo 2^64 the elements that are wide.

    In memory all are uint64, of which a narrow element's upper half means nothing.

    Attributes:
        wide: bool [elements].
    """

    wide: npt.NDArray[np.bool_]

    @property
    def size(self) -> int:
        """Bytes of a vector in a message."""
        return 4 * self.wide.size + 4 * int(self.wide.sum())

    def to_bytes(self, values: Residues) -> bytes:
        """As a message carries them: narrow elements, then wide ones, little-endian."""
        narrow = values[~self.wide].astype("<u4", casting="unsafe")
        return narrow.tobytes() + values[self.wide].astype("<u8").tobytes()

    def of(self, data: bytes) -> Residues:
        """What a message carries, uint64 [elements].

        Raises:
            SecureSumError: the data is of another size.
        """
        if len(data) != self.size:
            raise SecureSumError(
                f"a masked update of {len(data)} bytes, not {self.size}",
                where="secure sum",
                fix="let clients run the same model and version as the server",
            )
        values = np.empty(self.wide.size, np.uint64)
        narrow = 4 * int((~self.wide).sum())
        values[~self.wide] = np.frombuffer(data[:narrow], "<u4")
        values[self.wide] = np.frombuffer(data[narrow:], "<u8")
        return values

    def signed(self, values: Residues) -> npt.NDArray[np.int64]:
        """The integers nearest to 0 that leave these residues, int64 [elements]."""
        narrow = values.astype(np.uint32, casting="unsafe").view(np.int32).astype(np.int64)
        return np.where(self.wide, values.view(np.int64), narrow)

    def mask(self, key: bytes) -> Residues:
        """The mask of a key: its ChaCha20 stream, uint64 [elements]."""
        return self.of(KeyStream(key).read(self.size))

    def pairwise(self, node: int, keys: Mapping[int, bytes]) -> Residues:
        """The masks that a node has with others: added towards greater numbers, else subtracted.

        Args:
            node: whose.
            keys: agreed on with other nodes, by their numbers.
        """
        masks = (self.mask(key) if node < other else -self.mask(key) for other, key in keys.items())
        return self.total(masks)

    def total(self, vectors: Iterable[Residues]) -> Residues:
        """Their sum, uint64 [elements]."""
        return sum(vectors, np.zeros(self.wide.size, np.uint64))


def sum_ring(program: Program) -> Ring:
    """The ring of an update times takes, with the takes behind it.

    Weights are narrow; what may move further is wide: biases, ranges, thresholds, takes.
    """
    wide = [np.full(part.size, part.form is not Form.MASTER) for part in averaged(program)]
    return Ring(np.concatenate([*wide, [True]]))
