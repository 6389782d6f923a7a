# SPDX-License-Identifier: Apache-2.0
"""Names of imported classes and layers.

Those of layers are C identifiers, each once, and none that generated code uses itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from myna import names
from myna.names import GRADIENT

INPUT = "features"
LONGEST = 48
KEYWORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int
long register restrict return short signed sizeof static struct switch typedef union unsigned void
volatile while
"""
# What generated code has of its own, as it is called in C.
WELL_KNOWN = {
    name.replace(".", "_") for key, name in vars(names).items() if key.isupper() and name.isascii()
}
RESERVED = frozenset(KEYWORDS.split()) | frozenset(WELL_KNOWN) | {INPUT}
# Of tensors that belong to a layer: "conv.w" is conv_w in C, and the gradient of conv is d_conv.
OWN = re.compile(
    r".*_(w|b|mantissa|shift|channel|steps|residual|int8|peak|scale|tracked|masked|again|sum|center)"
)


def numbered(count: int) -> tuple[str, ...]:
    """Labels for classes of which nobody said the names."""
    return tuple(f"class_{index}" for index in range(count))


def new_name(text: str, taken: Collection[str]) -> str:
    """A name for a layer that another tool called `text`, unlike those in `taken`."""
    stem = re.sub(r"\W+", "_", text, flags=re.ASCII)[-LONGEST:].strip("_")
    if not stem[:1].isalpha() or stem.startswith(GRADIENT) or stem in RESERVED:
        stem = f"layer_{stem}".rstrip("_")
    if OWN.fullmatch(stem):
        stem += "_layer"
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    return name
