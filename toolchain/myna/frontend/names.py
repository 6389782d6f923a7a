# SPDX-License-Identifier: Apache-2.0
"""Names of imported layers: identifiers, each once, and none that a training step needs itself."""

from __future__ import annotations

import re
from collections.abc import Collection

RESERVED = frozenset(
    (
        *("classes", "label", "learning_rate", "loss", "seed"),
        *("similarity", "step", "threshold", "typical", "wraps"),
    )
)
LONGEST = 60


def new_name(text: str, taken: Collection[str]) -> str:
    """A name for a layer that another tool called `text`, unlike those in `taken`."""
    plain = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")[:LONGEST]
    stem = plain if plain[:1].isalpha() else f"layer_{plain}".rstrip("_")
    name, number = stem, 1
    while name in taken or name in RESERVED:
        number += 1
        name = f"{stem}_{number}"
    return name
