# SPDX-License-Identifier: Apache-2.0
"""The reference of the C API says all that the header declares, and is up to date."""

from __future__ import annotations

import re

from myna.device.target import PROJECT
from myna.report.c_api import HEADER, declarations, render
from myna.report.markdown import insert

TEXT = HEADER.read_text("utf-8")


def test_everything_that_is_declared_is_there() -> None:
    body = TEXT[TEXT.index('extern "C" {') :]
    declared = re.findall(r"^(?:enum|struct) (\w+) \{|\b(myna_\w+)\(.*;$", body, re.MULTILINE)
    assert [one.name for one in declarations(TEXT)] == [a or b for a, b in declared]
    assert len(declared) == 9
    assert all(one.says for one in declarations(TEXT))


def test_members_have_their_comments() -> None:
    members = re.findall(r"^    [^\n]*/\* (.*?) \*/$", TEXT, re.MULTILINE)
    assert len(members) > 12
    assert all(f"| {says} |" in render(TEXT) for says in members)


def test_the_document_is_up_to_date() -> None:
    document = (PROJECT / "docs" / "your-own-firmware.md").read_text("utf-8")
    command = "python -m myna.report.c_api docs/your-own-firmware.md"
    assert insert(document, "c-api", render(TEXT)) == document, command
