# SPDX-License-Identifier: Apache-2.0
"""Numbers, random and extreme, that the arithmetic is tried with in Python and in C."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from myna import fixed

INT32 = st.integers(fixed.INT32_MIN, fixed.INT32_MAX)
UINT32 = st.integers(0, 2**32 - 1)
MANTISSA = st.one_of(st.just(0), st.integers(2**30, 2**31 - 1))
PAIRS = st.one_of(st.just((0, 0)), st.tuples(st.integers(2**30, 2**31 - 1), st.integers(-100, 100)))
EXTREMES = (fixed.INT32_MIN, fixed.INT32_MIN + 1, -1, 0, 1, 2**30, fixed.INT32_MAX)


def log2_inputs() -> list[int]:
    rng = np.random.default_rng(0)
    powers = [max(1, 2**k + d) for k in range(63) for d in (-1, 0, 1)]
    spread = [int(2.0 ** float(e)) for e in rng.uniform(0, 62.9, 20000)]
    return [*powers, *range(1, 20000), *spread, 2**63 - 1]
