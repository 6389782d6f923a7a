# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with one token or statement of a Python file."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator

from mutation.operators import Mutant, Token, of_token

INPUTS = {"cases", "gentle", "GRID", "TILES", "WINDOWS"}  # of the ops' tests
KINDS = (tokenize.OP, tokenize.NUMBER, tokenize.NAME, tokenize.STRING)


class PythonCode:
    """A file's text and syntax tree; all positions are characters of the text."""

    def __init__(self, text: str) -> None:
        self._text, self._tree = text, ast.parse(text)
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def mutants(self) -> set[Mutant]:
        """Every one."""
        nodes = list(ast.walk(self._tree))
        left_alone = [self._span(part) for node in nodes for part in _unmutated(node)]
        found = {mutant for node in nodes for mutant in self._of_node(node)}
        before = ""
        for token in self._tokens():
            found.update(of_token(token, before))
            before = token.text
        return {
            mutant
            for mutant in found
            if not any(start <= mutant.start < end for start, end in left_alone)
        }

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        places = ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))
        start, end = (
            self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())
            for line, column in places
            if line is not None
        )
        return start, end

    def _tokens(self) -> Iterator[Token]:
        for token in tokenize.generate_tokens(io.StringIO(self._text).readline):
            if token.type in KINDS:
                start, end = (self._starts[line - 1] + at for line, at in (token.start, token.end))
                yield Token(token.string, start, end)

    def _of_node(self, node: ast.AST) -> Iterator[Mutant]:
        """Conditions that are negated, statements that are left out."""
        if isinstance(node, ast.If | ast.While | ast.IfExp):
            start, end = self._span(node.test)
            yield Mutant(start, end, f"not ({self._text[start:end]})")
        is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        if isinstance(node, ast.stmt) and (
            is_call or isinstance(node, ast.AugAssign | ast.Raise | ast.Continue | ast.Break)
        ):
            yield Mutant(*self._span(node), "pass")


def _unmutated(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """What never runs, only words an error, or is a test's input."""
    if isinstance(node, ast.FunctionDef) and node.name in INPUTS:
        yield node
    if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in INPUTS:
        yield node
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
        yield node.annotation
    if isinstance(node, ast.FunctionDef):
        yield from [node.returns] if node.returns else []
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield from node.decorator_list
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "MynaError":
        yield from node.args
