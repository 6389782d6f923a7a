# SPDX-License-Identifier: Apache-2.0
"""What layers of Keras share."""

from __future__ import annotations

from typing import Any

from myna.layers.base import Layer


def convolution_options(layer: Layer) -> dict[str, Any]:
    """Arguments of a convolution; without a bias where `use_bias` says so, as BatchNorm has one."""
    return {
        "kernel_size": tuple(layer.attrs["kernel"]),
        "strides": tuple(layer.attrs["strides"]),
        "padding": layer.attrs["padding"],
        "use_bias": layer.attrs.get("use_bias", True),
        "name": layer.name,
    }
