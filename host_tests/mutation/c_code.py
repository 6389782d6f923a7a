# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with one token or statement of a C file; not all of it compiles."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mutation.operators import Mutant, Token, of_token

TOKEN = re.compile(
    r"(?P<blank>/\*.*?\*/|//[^\n]*|\s+|_Static_assert\s*\(.*?\);"
    r"|\#\s*(?!define)(?:[^\n\\]|\\.)*|\#\s*define\s+\w+)"  # of a macro, its text is code
    r'|"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|[A-Za-z_]\w*'
    r"|0[xX][\da-fA-F]+[uUlL]*|\d+[uUlL]*"
    r"|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||\+\+|--|->|[-+*/%&|^]=|.",
    re.DOTALL,
)
ENDS = {"{", "}", ";"}
JUMPS = {"return", "break"}  # what follows needs them
NO_STATEMENTS = {"asm", "__asm", "struct", "static", "const", "enum", "union", "typedef", "extern"}


class CCode:
    """A file's tokens."""

    def __init__(self, text: str) -> None:
        self._text = text
        found = [match for match in TOKEN.finditer(text) if match["blank"] is None]
        self._tokens = [Token(match[0], match.start(), match.end()) for match in found]

    def mutants(self) -> set[Mutant]:
        """Every one."""
        befores = ["", *(token.text for token in self._tokens)]
        found = {
            mutant
            for token, before in zip(self._tokens, befores, strict=False)
            for mutant in of_token(token, before)
        }
        return {*found, *self._negated(), *self._left_out()}

    def _negated(self) -> Iterator[Mutant]:
        """Conditions."""
        for i, token in enumerate(self._tokens):
            if token.text in {"if", "while"} and self._tokens[i + 1].text == "(":
                start, end = self._tokens[i + 1].start, self._closing(i + 1).end
                yield Mutant(start, end, f"(!{self._text[start:end]})")

    def _closing(self, opening: int) -> Token:
        depth = 0
        for token in self._tokens[opening:]:
            depth += (token.text == "(") - (token.text == ")")
            if depth == 0:
                return token
        raise ValueError("an open parenthesis")

    def _left_out(self) -> Iterator[Mutant]:
        """Assignments, calls and jumps: statements of one line that declare nothing."""
        for i, token in enumerate(self._tokens[1:], 1):
            if self._tokens[i - 1].text in ENDS and token.text not in ENDS | JUMPS | NO_STATEMENTS:
                length = next((n for n, t in enumerate(self._tokens[i:]) if t.text in ENDS), 0)
                last = self._tokens[i + length]
                words = re.match(r"\w+ \*?\w", self._text[token.start : last.end])
                if last.text == ";" and (words is None) and token.text != "for":
                    yield Mutant(token.start, last.start, "")
