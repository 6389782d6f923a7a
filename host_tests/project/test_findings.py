# SPDX-License-Identifier: Apache-2.0
"""Findings have the form that CONTRIBUTING.md asks for; what they find is not run here."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from myna.device.target import PROJECT

FINDINGS = sorted((PROJECT / "findings").glob("*"))
PAGE = PROJECT / "docs" / "findings.md"
PINNED = re.compile(r"[\w\[\]-]+==[\w.]+")
each_finding = pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.name)


def test_the_page_has_a_row_for_each() -> None:
    listed = re.findall(r"\]\(\.\./findings/([\w-]+\.sh)\)", PAGE.read_text("utf-8"))
    assert sorted(listed) == [path.name for path in FINDINGS]
    assert len(FINDINGS) >= 10


@each_finding
def test_a_finding_says_what_it_is(path: Path) -> None:
    head = path.read_text("utf-8").partition("set -eu\n")[0]
    for word in ("Expected:", "Happens:", "Software:", "Why it matters:"):
        assert f"# {word}" in head


@each_finding
def test_a_finding_is_a_program_of_its_own(path: Path) -> None:
    text = path.read_text("utf-8")
    assert os.access(path, os.X_OK)
    assert "mktemp -d" in text and "trap 'rm -rf" in text
    assert "myna" not in text.lower()
    assert "changed: " in text
    subprocess.run(["sh", "-n", str(path)], check=True)


@each_finding
def test_packages_are_pinned(path: Path) -> None:
    text = path.read_text("utf-8").replace("\\\n", " ")
    installs = re.findall(r"-m pip install (.*)", text)
    assert installs or "arm-none-eabi-gcc --version" in text
    for line in installs:
        packages = [word.strip("'\"") for word in line.split() if not word.startswith("-")]
        assert packages
        assert all(PINNED.fullmatch(name) for name in packages), line
