# SPDX-License-Identifier: Apache-2.0
"""Names and option fields of TensorFlow Lite's operators and types.

Codes are those of the package `tflite`. Source of the fields: tensorflow/lite/schema/schema.fbs,
version 3.
"""

from __future__ import annotations

import tflite


def _by_code(enumeration: type) -> dict[int, str]:
    return {code: name for name, code in vars(enumeration).items() if isinstance(code, int)}


OPERATORS = _by_code(tflite.BuiltinOperator)
TYPES = {code: name.lower() for code, name in _by_code(tflite.TensorType).items()}
TYPES |= {19: "int2", 20: "uint4"}  # of a later schema than the package's
ACTIVATIONS = ("linear", "relu", "relu_n1_to_1", "relu6", "tanh", "sign_bit")
PADDINGS = ("same", "valid")

Fields = dict[str, tuple[int, str, float]]


def _fields(text: str) -> Fields:
    """Number, kind (as in `flatbuffer.SCALARS`) and default of fields: name:kind or name:kind=1."""
    fields: Fields = {}
    for number, word in enumerate(text.split()):
        name, _, rest = word.partition(":")
        kind, _, default = rest.partition("=")
        fields[name] = number, kind, float(default or 0)
    return fields


_WINDOW = "padding:b stride_w:i stride_h:i"
_POOL = _fields(f"{_WINDOW} filter_w:i filter_h:i activation:b")
_DILATED = "activation:b dilation_w:i=1 dilation_h:i=1"
# Of each operator with options: the number of their table in the union BuiltinOptions, and its
# fields up to the last that matters.
OPTIONS: dict[str, tuple[int, Fields]] = {
    "CONV_2D": (1, _fields(f"{_WINDOW} {_DILATED}")),
    "DEPTHWISE_CONV_2D": (2, _fields(f"{_WINDOW} multiplier:i {_DILATED}")),
    "AVERAGE_POOL_2D": (5, _POOL),
    "MAX_POOL_2D": (5, _POOL),
    "FULLY_CONNECTED": (8, _fields("activation:b format:b")),
    "SOFTMAX": (9, _fields("beta:f")),
    "CONCATENATION": (10, _fields("axis:i activation:b")),
    "ADD": (11, _fields("activation:b")),
}
