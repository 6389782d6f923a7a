# SPDX-License-Identifier: Apache-2.0
"""Names of imported classes and layers.

Those of layers are C identifiers, each once, and none of a tensor that a training step has itself.
Generated code puts a prefix before them, so that C's own words are names like any other.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from myna import names
from myna.names import GRADIENT

INPUT = "features"
LONGEST = 48
# What a training step has of its own, as it is called in C.
RESERVED = frozenset(
    name.replace(".", "_") for key, name in vars(names).items() if key.isupper() and name.isascii()
)
# Of tensors that belong to a layer: "conv.w" is conv_w in C, and the gradient of conv is d_conv.
OWN = re.compile(
    r".*_(w|b|mantissa|shift|channel|steps|residual|int8|peak|scale|tracked|masked|again|sum|center)"
)


def numbered(count: int) -> tuple[str, ...]:
    """Labels for classes of which nobody said the names."""
    return tuple(f"class_{index}" for index in range(count))


def is_reserved(name: str, others: Collection[str]) -> bool:
    """Whether a layer among others may not be called so, as a tensor of training is."""
    own = OWN.fullmatch(name)
    return (
        name in RESERVED
        or name.removeprefix(GRADIENT) in {*others} - {name}
        or (own is not None and name[: own.start(1) - 1] in others)
    )


def new_name(text: str, taken: Collection[str]) -> str:
    """A name for a layer that another tool called `text`, unlike those in `taken`."""
    stem = re.sub(r"\W+", "_", text, flags=re.ASCII)[-LONGEST:].strip("_")
    if not stem[:1].isalpha() or stem.startswith(GRADIENT) or stem in RESERVED | {INPUT}:
        stem = f"layer_{stem}".rstrip("_")
    if OWN.fullmatch(stem):
        stem += "_layer"
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    return name
