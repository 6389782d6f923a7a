# SPDX-License-Identifier: Apache-2.0
"""Names and texts as C spells them."""

from __future__ import annotations

import re


def identifier(name: str, prefix: str = "t") -> str:
    """A C identifier for a tensor; for a node with the prefix "n". ``~`` marks what runs again.

    The prefix keeps it apart from C's keywords, standard headers, and all that generated code
    and runtime call their own.
    """
    text = name.replace("~", "_again")
    return f"{prefix}_" + re.sub(r"\W", "_", text, flags=re.ASCII)


def string(text: str) -> str:
    """A C string literal of UTF-8: one line, and nothing in it means anything to a compiler."""
    return '"' + "".join(map(_character, text.encode())) + '"'


def remark(text: str) -> str:
    """Text for within a C comment, which it can neither end nor continue."""
    return re.sub(r"[*?\\\x00-\x1f]", "_", text)


def _character(byte: int) -> str:
    plain = 32 <= byte < 127 and chr(byte) not in '"\\?'  # ? begins trigraphs
    return chr(byte) if plain else f"\\{byte:03o}"
