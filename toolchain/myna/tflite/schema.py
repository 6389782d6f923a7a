# SPDX-License-Identifier: Apache-2.0
"""Tables of TensorFlow Lite's schema as Python values, and the bytes of a file made of them.

The schema itself, with the numbers of its fields and enumerations, is the package `tflite`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType

import flatbuffers
import numpy as np

from myna.ir import Array
from myna.tflite.read import IDENTIFIER

ALIGNMENT = 16  # of the bytes of a constant, and so of a file in memory


class Table:
    """A table of the schema.

    Args:
        kind: the schema's name of it.
        fields: by the schema's names, in CamelCase; a list holds tables, and bytes are aligned.
    """

    def __init__(self, kind: str, **fields: Field) -> None:
        self.kind, self.fields = kind, fields


Field = int | float | str | bytes | Array | Table | list[Table]


def pack(root: Table) -> bytes:
    """The bytes of a file: whatever a table refers to stands behind it, as FlatBuffers want."""
    build = flatbuffers.Builder(1024)
    build.Finish(_place(build, root), file_identifier=IDENTIFIER)
    return bytes(build.Output())


def _place(build: flatbuffers.Builder, table: Table) -> int:
    """Write a table behind everything it refers to; its offset."""
    values = {name: _value(build, field) for name, field in table.fields.items()}
    module = _module(table.kind)
    module.Start(build)
    for name, value in values.items():
        getattr(module, f"Add{name}")(build, value)
    offset: int = module.End(build)
    return offset


def _value(build: flatbuffers.Builder, field: Field) -> float:
    """A number as it is, and the offset of anything else."""
    if isinstance(field, Table):
        return _place(build, field)
    if isinstance(field, list):
        offsets = [_place(build, table) for table in field]
        build.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            build.PrependUOffsetTRelative(offset)
        return int(build.EndVector())
    if isinstance(field, str):
        return int(build.CreateString(field))
    if isinstance(field, bytes):
        build.Prep(ALIGNMENT, len(field))
        return int(build.CreateByteVector(field))
    if isinstance(field, np.ndarray):
        return int(build.CreateNumpyVector(field))
    return field


@cache
def _module(kind: str) -> ModuleType:
    """The functions that build one kind of table."""
    return import_module(f"tflite.{kind}")
