# SPDX-License-Identifier: Apache-2.0
"""The documents: examples run, links resolve, commands exist, the op template is a working op."""

from __future__ import annotations

import ctypes
import doctest
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from myna.cli import COMMANDS, cli
from myna.device.target import PROJECT
from myna.ir import Array, Tensor
from myna.ops.base import Op
from myna.ops.table import OPS

OP_TEMPLATE = PROJECT / "toolchain" / "myna" / "ops" / "TEMPLATE.py.txt"
KERNEL_TEMPLATE = PROJECT / "firmware" / "kernels" / "TEMPLATE.c.txt"
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


# -- the op template -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template_op(tmp_path_factory: pytest.TempPathFactory) -> type[Op]:
    """The op of TEMPLATE.py.txt, imported."""
    copy = tmp_path_factory.mktemp("template") / "op_template.py"
    shutil.copy(OP_TEMPLATE, copy)
    spec = importlib.util.spec_from_file_location(copy.stem, copy)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[copy.stem] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    found: type[Op] = module.Reverse
    return found


@pytest.fixture(scope="module")
def template_kernels(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Both parts of TEMPLATE.c.txt, cut as it says and compiled as the firmware is."""
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "kernels").mkdir()
    text = KERNEL_TEMPLATE.read_text("utf-8")
    header, source = re.split(r"(?m)^/\* ---- cut here: .*\n", text)
    (folder / "kernels" / "reverse.h").write_text(header, "utf-8")
    (folder / "kernels" / "reverse.c").write_text(source, "utf-8")
    flags = "-std=c11 -Wall -Wextra -Wconversion -Werror -shared -fPIC"
    library = folder / "kernels.so"
    command = ["gcc", *shlex.split(flags), f"-I{folder}", "kernels/reverse.c", "-o", str(library)]
    subprocess.run(command, cwd=folder, check=True)
    return ctypes.CDLL(str(library))


def test_the_template_is_a_working_op(template_op: type[Op], template_kernels: ctypes.CDLL) -> None:
    assert template_op.__name__ not in {op.__name__ for op in OPS}
    for case in template_op.cases():
        (x,) = case.inputs
        (expected,) = case.op.reference(x)
        tensor = Tensor("x", x.shape, "int8")
        ((shape, dtype),) = case.op.infer(tensor)
        assert (expected.shape, str(expected.dtype)) == (shape, dtype)
        params = np.array([*case.op.params((tensor,), (tensor,)).values()], np.uint32)
        found = np.empty_like(x)
        _call(template_kernels[case.op.kernel], params, x, found)
        assert np.array_equal(found, expected)


def _call(function: Any, *arrays: Array) -> None:
    function(*(array.ctypes.data_as(ctypes.c_void_p) for array in arrays))
