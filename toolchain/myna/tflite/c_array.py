# SPDX-License-Identifier: Apache-2.0
"""A .tflite file as a C header, for firmware that links TFLite-Micro; valid C11 and C++11."""

from __future__ import annotations

import re
from collections.abc import Iterator

from myna.tflite.schema import ALIGNMENT

PER_LINE = 16


def c_header(data: bytes, stem: str, note: str) -> str:
    """The text of a header with the array `<stem>_tflite`, aligned as interpreters need it.

    Args:
        data: the file.
        stem: of the header's name; what no identifier can hold becomes an underscore.
        note: the comment at its top, one line.
    """
    name = re.sub(r"\W", "_", f"{stem}_tflite", flags=re.ASCII)
    name = f"model_{name}" if name[0].isdigit() else name
    guard = f"{name.upper()}_H"
    lines = ",\n".join(f"    {row}" for row in _rows(data))
    return f"""\
// {note}
#ifndef {guard}
#define {guard}

#ifndef __cplusplus
#include <stdalign.h>
#endif

#define {name.upper()}_SIZE {len(data)}u

alignas({ALIGNMENT}) static const unsigned char {name}[{name.upper()}_SIZE] = {{
{lines}
}};

#endif
"""


def _rows(data: bytes) -> Iterator[str]:
    for at in range(0, len(data), PER_LINE):
        yield ", ".join(f"0x{byte:02x}" for byte in data[at : at + PER_LINE])
