# SPDX-License-Identifier: Apache-2.0
"""The C API of firmware/myna.h as Markdown, made of the header's own comments.

``python -m myna.report.c_api DOCUMENT`` puts it into a document, between its marks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import click

from myna.device.target import PROJECT
from myna.report.markdown import insert

HEADER = PROJECT / "firmware" / "myna.h"
DECLARED = re.compile(r"/\*(.*?)\*/\n((?:enum|struct) \w+ \{\n.*?\n\};|[^/#{}]*?;)\n", re.DOTALL)
MEMBER = re.compile(r"^    ([^/]*?),?\s*(?:/\* (.*?) \*/)?$", re.MULTILINE)


@dataclass(frozen=True)
class Declaration:
    """A public name.

    Attributes:
        name: of the function or type.
        code: as it is declared.
        says: what the comment above it says, in one line.
    """

    name: str
    code: str
    says: str


def declarations(header: str) -> list[Declaration]:
    """What a header declares between its braces of `extern "C"`, in its order."""
    body = header[header.index('extern "C" {') : header.rindex("#ifdef __cplusplus")]
    found = []
    for says, declared in DECLARED.findall(body):
        code = declared.replace("__attribute__((warn_unused_result)) ", "")
        name = re.search(r"(?:enum|struct) (\w+) \{|(\w+)\(", code)
        assert name, code
        found.append(Declaration(name[1] or name[2], code, _line(says)))
    return found


def render(header: str) -> str:
    """Markdown: a table of members for each type, a declaration for each function."""
    parts = []
    for one in declarations(header):
        if "{" in one.code:
            rows = [f"| `{name}` | {says} |" for name, says in _members(one.code)]
            parts.append(
                "\n".join([f"### `{one.name}`", "", one.says, "", "| | |", "|---|---|", *rows])
            )
        else:
            parts.append(f"### `{one.name}`\n\n```c\n{one.code}\n```\n\n{one.says}")
    return "\n\n".join(parts) + "\n"


def _members(code: str) -> list[tuple[str, str]]:
    lines = code.split("\n")[1:-1]
    found = [MEMBER.fullmatch(line) for line in lines]
    return [(m[1].rstrip(";"), (m[2] or "").strip()) for m in found if m]


def _line(comment: str) -> str:
    return " ".join(re.sub(r"^\s*\*", "", line).strip() for line in comment.split("\n")).strip()


@click.command()
@click.argument("document", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def main(document: Path) -> None:
    """Put the reference of myna.h into DOCUMENT."""
    text = insert(document.read_text("utf-8"), "c-api", render(HEADER.read_text("utf-8")))
    document.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
