# SPDX-License-Identifier: Apache-2.0
"""The threshold of a user, and how far outputs say his codeword."""

from __future__ import annotations

import numpy as np
import pytest
from myna.ir import Quant, Tensor
from myna.learn.user import ONE_Q15, full, score, threshold
from myna.ops.codeword import CodewordCorrelation, CodewordLoss


@pytest.mark.parametrize(("wanted", "expected"), [(50, 3), (60, 2), (80, 1), (90, 1)])
def test_a_threshold_promises_no_more_than_the_takes_can(wanted: int, expected: int) -> None:
    """Of five takes a sixth reaches the smallest with probability 5/6."""
    assert threshold([5, 3, 1, 4, 2], wanted) == expected


@pytest.mark.parametrize("share", [1, 0.5, -1])
def test_outputs_that_say_the_codeword_score_one(share: float) -> None:
    z = Tensor("z", (4,), "int8", quant=Quant((0.01,), 3))
    loss, codeword = CodewordLoss.of(z), np.array([1, -1, -1, 1], np.int8)
    said = (3 + share * loss.target * codeword).astype(np.int8)
    (correlation,) = CodewordCorrelation(3).reference(said, codeword)
    assert score(int(correlation[0]), full(loss, 4)) == round(share * ONE_Q15)
