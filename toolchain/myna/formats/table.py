# SPDX-License-Identifier: Apache-2.0
"""What every layer is elsewhere. A file of `formats.layers` offers any of these tables:

* ``FROM_KERAS``: by class of Keras, what appends its layers to a `Draft`
* ``TO_KERAS``: by kind of layer, what makes one of Keras of it
* ``FROM_TFLITE``: by operator, what appends its layers to a `Network`
* ``TO_TFLITE``: by integer op, what appends its operators to a `Writer`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from myna.discovery import by_name, constants
from myna.frontend.keras_draft import Draft
from myna.ir import Node
from myna.layers.base import Layer, Shape
from myna.tflite.network import Network
from myna.tflite.read import Operator
from myna.tflite.writer import Writer

FILES = "myna.formats.layers"
# draft, layer of Keras, inputs, shape of the first of them -> the layer that yields the result
FromKeras = Callable[[Draft, Any, list[str], Shape], str]
# the module keras, layer, inputs -> output, before a fused activation
ToKeras = Callable[[Any, Layer, list[Any]], Any]
FromTflite = Callable[[Network, Operator], None]
ToTflite = Callable[[Writer, Node], None]


FROM_KERAS: Mapping[str, FromKeras] = by_name(constants(FILES, "FROM_KERAS"))
TO_KERAS: Mapping[str, ToKeras] = by_name(constants(FILES, "TO_KERAS"))
FROM_TFLITE: Mapping[str, FromTflite] = by_name(constants(FILES, "FROM_TFLITE"))
TO_TFLITE: Mapping[type, ToTflite] = by_name(constants(FILES, "TO_TFLITE"))
