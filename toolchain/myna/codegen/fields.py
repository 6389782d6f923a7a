# SPDX-License-Identifier: Apache-2.0
"""Whether the parameters of a kernel fit the fields of its struct, as the C header declares them.

A compiler would say so too, but names a line of generated code and no layer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from myna.device.target import PROJECT
from myna.errors import MynaError

KERNELS = PROJECT / "firmware" / "kernels"
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
STRUCT = re.compile(r"struct (\w+) \{([^{}]*)\};")
UNION = re.compile(r"union \{([^{}]*)\} (\w+);")
MEMBER = re.compile(r"(?:struct )?(\w+) ([\w, ]+)(?:\[\w+\])?")
INDEX = re.compile(r"\[\d+\]")
INTEGER = re.compile(r"(u?)int(\d+)_t")


def check_fields(struct: str, fields: Mapping[str, int], where: str) -> None:
    """Refuse a value that its field cannot hold.

    Args:
        struct: the kernel's parameter struct.
        fields: values by name; "window.kernel_h" is a field of a field.
        where: the node, for the error.

    Raises:
        MynaError: the first value that does not fit.
    """
    for name, value in fields.items():
        kind = struct
        for part in INDEX.sub("", name).split("."):
            kind = _structs()[kind][part]
        low, high = limits(kind)
        if not low <= value <= high:
            raise MynaError(
                f"has {name.rpartition('.')[2]} {value}, its kernel takes {low} to {high}",
                where=where,
                fix="make the layer smaller",
            )


def limits(kind: str) -> tuple[int, int]:
    """Least and largest value of a C integer type."""
    found = INTEGER.fullmatch(kind)
    assert found, f"a kernel's parameter is of type {kind}"
    unsigned, bits = bool(found[1]), int(found[2])
    return (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@cache
def _structs() -> dict[str, dict[str, str]]:
    """Type of each field of each struct."""
    headers = "\n".join(path.read_text("utf-8") for path in sorted(KERNELS.glob("*.h")))
    text = COMMENT.sub("", headers)
    bodies = [(f"union_{name}", body) for body, name in UNION.findall(text)]
    text = UNION.sub(r"struct union_\2 \2;", text)  # as if unions had names
    return {
        name: {
            field.strip(): found[1]
            for member in body.split(";")
            if (found := MEMBER.fullmatch(member.strip()))
            for field in found[2].split(",")
        }
        for name, body in [*bodies, *STRUCT.findall(text)]
    }
