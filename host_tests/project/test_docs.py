# SPDX-License-Identifier: Apache-2.0
"""The documents: examples run, links resolve, commands exist."""

from __future__ import annotations

import doctest
import importlib.util
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from myna.cli import COMMANDS, cli
from myna.device.target import PROJECT

SHELLS = ("sh", "console", "")  # fences whose lines users may type
FOREIGN_PATH = re.compile(r"(?<![\w.}])/(?:work|root|tmp/bash_jobs)\b")


def project_files() -> list[Path]:
    """What is tracked, or would be after `git add`."""
    if shutil.which("git") is None or not (PROJECT / ".git").exists():
        pytest.skip("not a git work tree", allow_module_level=True)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    paths = (PROJECT / name for name in listed.stdout.split("\0") if name)
    return sorted({path for path in paths if path.is_file()})


FILES = project_files()
DOCUMENTS = [path for path in FILES if path.suffix == ".md"]
each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[str(path.relative_to(PROJECT)) for path in DOCUMENTS]
)


def tokens(document: Path) -> Iterator[Token]:
    """All Markdown tokens, nested ones too."""
    for token in MarkdownIt("commonmark").enable("table").parse(document.read_text("utf-8")):
        yield token
        yield from token.children or ()


# -- examples --------------------------------------------------------------------------------------


def test_examples_of_the_specification_hold() -> None:
    """All examples are one session, as a reader would type them."""
    spec = PROJECT / "SPEC.md"
    fences = [t for t in tokens(spec) if t.type == "fence" and t.info == "python"]
    names: dict[str, Any] = {}
    runner, report, parser = doctest.DocTestRunner(), list[str](), doctest.DocTestParser()
    for fence in fences:
        assert fence.map is not None
        test = parser.get_doctest(fence.content, names, "SPEC.md", str(spec), fence.map[0] + 1)
        assert test.examples, f"the block at line {fence.map[0] + 1} holds no example"
        runner.run(test, out=report.append, clear_globs=False)
        names = test.globs
    assert not runner.failures, "".join(report)
    assert runner.tries > len(fences) > 10


# -- links -----------------------------------------------------------------------------------------


def anchors(document: Path) -> set[str]:
    """The fragments that GitHub gives a document's headings."""
    every = list(tokens(document))
    headings = [b.content for a, b in pairwise(every) if a.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@each_document
def test_relative_links_resolve(document: Path) -> None:
    targets = [
        str(token.attrs.get("href") or token.attrs.get("src"))
        for token in tokens(document)
        if token.type in ("link_open", "image")
    ]
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        path = document.parent / name if name else document
        assert path.exists(), f"{target} leads nowhere"
        if fragment:
            assert fragment in anchors(path), f"{target}: no such heading"


@each_document
def test_files_and_modules_named_exist(document: Path) -> None:
    """Code names its files as from the root, the package, the firmware, or the document."""
    roots = (PROJECT, PROJECT / "toolchain" / "myna", PROJECT / "firmware", document.parent)
    for token in tokens(document):
        if token.type == "code_inline" and re.fullmatch(r"[\w/]+/\w+\.(py|c|h|sh)", token.content):
            assert any((root / token.content).is_file() for root in roots), token.content
    for line in typed_lines(document):
        for name in re.findall(r"python -m (myna[.\w]*)", line):
            assert importlib.util.find_spec(name), line


# -- commands --------------------------------------------------------------------------------------


def typed_lines(document: Path) -> Iterator[str]:
    """Shell lines of fences, continued lines joined, and inline code."""
    for token in tokens(document):
        if token.type == "code_inline":
            yield token.content
        elif token.type == "code_block" or (token.type == "fence" and token.info in SHELLS):
            yield from token.content.replace("\\\n", " ").splitlines()


def myna_commands(document: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Line, command name and options of everything that calls `myna`."""
    for line in typed_lines(document):
        call = re.match(r"\s*(?:\$ )?(?:\w+=\S+ )*(?:\S*/)?myna ([a-z][a-z-]*)(.*)", line)
        if call:
            typed = call[2].split(" #")[0]
            options = re.findall(r"(?<![\w-])--?[a-z][a-z-]*", typed)
            part = typed.split()[:1] if parts_of(call[1]) else []
            yield line, " ".join((call[1], *part)), options


def parts_of(command: str) -> set[str]:
    """The commands of a group of commands."""
    found = cli.get_command(click.Context(cli), command) if command in COMMANDS else None
    return set(found.commands) if isinstance(found, click.Group) else set()


def options_of(command: str) -> set[str]:
    group, _, part = command.partition(" ")
    found = cli.get_command(click.Context(cli), group)
    if part:
        assert isinstance(found, click.Group)
        found = found.commands[part]
    assert found is not None
    names = {name for param in found.params for name in (*param.opts, *param.secondary_opts)}
    return {*names, "--help"}


@each_document
def test_commands_named_exist(document: Path) -> None:
    for line, command, options in myna_commands(document):
        group, _, part = command.partition(" ")
        assert group in COMMANDS, f"`{line}`: there is no command {group}"
        assert part in (parts_of(group) or {""}), f"`{line}`: there is no command {command}"
        unknown = set(options) - (options_of(command) if options else set())
        assert not unknown, f"`{line}`: no option {', '.join(sorted(unknown))}"


@pytest.mark.parametrize("typed", ["nonsense", "analyze nonsense", "analyze models/kws"])
def test_a_command_that_does_not_exist_is_found(tmp_path: Path, typed: str) -> None:
    document = tmp_path / "document.md"
    document.write_text(f"Type `myna {typed}`.", "utf-8")
    with pytest.raises(AssertionError, match="there is no command"):
        test_commands_named_exist(document)


def test_commands_are_recognized() -> None:
    """The search above finds what it should."""
    document = PROJECT / "CONTRIBUTING.md"
    assert ("verify", ["--board"]) in [(c, o) for _, c, o in myna_commands(document)]
    assert options_of("verify") >= {"--board", "--port", "--steps", "--json"}


# -- packages --------------------------------------------------------------------------------------


def test_myna_and_its_extras_are_installed_from_its_folder() -> None:
    """No index of packages has Myna."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    extras, found = set(project["optional-dependencies"]), 0
    for path in FILES:
        if path.suffix in {".md", ".py", ".sh"} and path != Path(__file__):
            text = path.read_text("utf-8")
            assert not re.search(r"pip install[^\n`]*[ '\"]myna\b", text), path
            named = re.findall(r"pip install -e ['\"]?\.\[(\w+)\]", text)
            assert extras.issuperset(named), path
            found += len(named)
    assert found


# -- paths -----------------------------------------------------------------------------------------


def test_no_file_names_a_path_of_one_machine() -> None:
    found = []
    for path in FILES:
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(PROJECT)}: {m[0]}" for m in FOREIGN_PATH.finditer(text)]
    assert not found
