# SPDX-License-Identifier: Apache-2.0
"""What a board answers: results of the methods of `session.Board`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Classified:
    """Result of `Board.infer`.

    Attributes:
        label: class index.
        logits: int8, of the classes in use.
        confidence: similarity to the class beyond what is typical of it (Q15).
        accepted: whether the clip is taken for one of the class, and not for a foreign sound.
    """

    label: int
    logits: Features
    confidence: int
    accepted: bool


@dataclass(frozen=True)
class Scored:
    """Result of `Board.score`: clips counted, clips right, and label by slot."""

    correct: int
    total: int
    labels: dict[int, int]


@dataclass(frozen=True)
class Traced:
    """One traced step: the step counter after it, its loss (nats, Q16), and the CRC-32 of every
    output, in the order of the program's nodes (uint32)."""

    step: int
    loss: int
    digests: npt.NDArray[np.uint32]
