# SPDX-License-Identifier: Apache-2.0
"""Activations that are clamps: in floats, and what an integer op knows of its bounds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from myna.ir import Quant

ACTIVATIONS = ("linear", "relu", "relu6")


def activate(y: npt.NDArray[np.float64], activation: str) -> npt.NDArray[np.float64]:
    """An activation in floats."""
    if activation == "linear":
        return y
    return np.asarray(np.clip(y, 0, 6 if activation == "relu6" else np.inf))


def clamp(activation: str, quant: Quant, dtype: str = "int8") -> dict[str, Any]:
    """What an op that ends in an activation knows of its bounds: low, high, and if it is capped."""
    limits = np.iinfo(dtype)
    low = int(limits.min) if activation == "linear" else quant.zero_point
    six = quantized_six(quant) if activation == "relu6" else limits.max
    capped = activation == "relu6" and six <= limits.max
    return {"low": low, "high": min(int(limits.max), six), "capped": capped}


def quantized_six(quant: Quant) -> int:
    """Where a ReLU6 ends, as TensorFlow Lite rounds it: a float32 quotient, halves up."""
    return math.floor(float(np.float32(6) / np.float32(quant.scale[0])) + 0.5) + quant.zero_point
