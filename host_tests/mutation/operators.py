# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with one token, in Python as in C."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

BINARY = {
    **{"+": "-", "-": "+", "*": "+", "/": "*", "//": "*", "%": "*", "@": "*"},
    **{"<<": ">>", ">>": "<<", "&": "|", "|": "&", "^": "&"},
}
COMPARISONS = {  # the limit itself belongs to the other side; the opposite
    **{"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<")},
    **{"==": ("!=",), "!=": ("==",)},
}
OTHERS = {
    **{f"{sign}=": f"{other}=" for sign, other in BINARY.items() if sign != "@"},
    **{"&&": "||", "||": "&&", "and": "or", "or": "and", "++": "--", "--": "++"},
    **{"true": "false", "false": "true", "True": "False", "False": "True"},
    **{"!": "", "not": ""},
}
NO_OPERANDS = {"return", "in", "and", "or", "not", "if", "else", "yield", "lambda", "case", "is"}


@dataclass(frozen=True, order=True)
class Mutant:
    """Text in place of the characters from start to end of a file."""

    start: int
    end: int
    new: str

    def apply(self, text: str) -> str:
        """The file with this defect."""
        return text[: self.start] + self.new + text[self.end :]

    def change(self, text: str) -> tuple[int, str, str]:
        """Number of the line that changes, the line, and what becomes of it."""
        begin = text.rfind("\n", 0, self.start) + 1
        end = text.find("\n", self.end)
        after = text[begin : self.start] + self.new + text[self.end : end]
        return text.count("\n", 0, begin) + 1, text[begin:end].strip(), after.strip()


@dataclass(frozen=True)
class Token:
    """A token and where it is."""

    text: str
    start: int
    end: int


def of_token(token: Token, before: str) -> Iterator[Mutant]:
    """What can be wrong with a token that follows another."""
    text = token.text
    is_binary = re.fullmatch(r"[\w.]*\w|[)\]]", before) and before not in NO_OPERANDS
    news = [*COMPARISONS.get(text, ()), *_of_number(text)]
    if text in OTHERS:
        news.append(OTHERS[text])
    elif text in BINARY and is_binary:
        news.append(BINARY[text])
    elif text == "-":
        news.append("+")
    yield from (Mutant(token.start, token.end, new) for new in news)


def _of_number(text: str) -> list[str]:
    """One more and one less; of a fraction, half as much again."""
    if number := re.fullmatch(r"(0[xX][\da-fA-F]+|\d+)([uUlL]*)", text):
        value = int(number[1], 0)
        return [f"{near}{number[2]}" for near in (value + 1, value - 1) if near >= 0]
    return [repr(1.5 * float(text))] if re.fullmatch(r"\d+\.\d*(e-?\d+)?", text) else []
