# SPDX-License-Identifier: Apache-2.0
"""How much an embedding resembles each class: what tells foreign words from enrolled ones.

The cosine between the centred embedding and the class's row. Directions tell more than logits,
which the loss drives apart whatever the input. Source: Gidaris and Komodakis, "Dynamic Few-Shot
Visual Learning without Forgetting" (CVPR 2018), for cosines in place of logits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.ir import Array, Tensor
from myna.ops.base import Case, Op, Type, expect, int64
from myna.ops.imprint import CENTER_BITS

ONE_Q15 = 1 << 15
MOST_INPUTS = 1 << 11  # keeps the product of two squared lengths within uint64


@dataclass(frozen=True)
class Similarity(Op):
    """Similarities in Q15, −2^15 … 2^15.

    Inputs: embedding int8 [inputs], center int16 [inputs] (Q4, of embeddings without their zero
    point), w int8 [units, inputs]. Output: int32 [units].

    Attributes:
        zero: zero point of the embedding.
    """

    zero: int
    kernel: ClassVar[str] = "myna_similarity_s8"
    struct: ClassVar[str] = "similarity"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        embedding, w = inputs[0], inputs[2]
        expect(embedding.size <= MOST_INPUTS, f"is larger than {MOST_INPUTS}", embedding)
        expect(w.shape[1:] == (embedding.size,), f"does not fit {embedding.size} inputs", w)
        return (((w.shape[0],), "int32"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        embedding, center, w = (int64(array) for array in inputs)
        away = ((embedding.reshape(-1) - self.zero) << CENTER_BITS) - center
        square, squares = int((away**2).sum()), (w**2).sum(1).tolist()
        lengths = np.array([max(isqrt(square * row), 1) for row in squares])
        return (fixed.divide((w @ away) * ONE_Q15, lengths).astype(np.int32),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return {"inputs": inputs[0].size, "units": inputs[2].shape[0], "zero": self.zero}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(37)
        for i, (units, inputs) in enumerate([(20, 96), (3, 7), (2, MOST_INPUTS)]):
            embedding = rng.integers(-128, 128, inputs).astype(np.int8)
            center = rng.integers(-255 << CENTER_BITS, 256 << CENTER_BITS, inputs).astype(np.int16)
            w = rng.integers(-127, 128, (units, inputs)).astype(np.int8)
            if i == 1:  # no directions
                embedding[:], center[:], w[1] = -128, 0, 0
            if i == 2:  # the largest lengths
                embedding[:], center[:], w[:] = 127, -255 << CENTER_BITS, -127
            yield Case(f"similarity{i}", cls(-128), (embedding, center, w))
