# SPDX-License-Identifier: Apache-2.0
"""The shape of the project: one direction of imports, small files, light commands."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath

import myna
import pytest
from myna.device.target import PROJECT

PACKAGE = PROJECT / "toolchain" / "myna"
FIRMWARE = PROJECT / "firmware"
CORE = ("kernels", "audio", "runtime", "storage", "protocol")  # what is built for every board
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
# A part is a folder or a file of the package. A module may import from its own part, and from the
# parts in the lines above its own.
LAYERS = (
    "errors fixed names discovery",
    "files ir device",
    "audio ops",
    "layers",
    "frontend",
    "tflite",
    "passes.check passes.execute passes.macs passes.prune",
    "passes.lowering",
    "passes.training",
    "passes.memory",
    "passes.layout passes.pipeline",
    "formats",
    "pretrain",
    "learn",
    "package codegen",
    "engines",
    "project",
    "analysis sessions",
    "evaluation",
    "bench experiments",
    "report",
    "commands",
    "cli",
)
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts.split()}
# These serve outside the compiler, too, and know nothing of it.
ALONE = {
    "audio": {"errors", "fixed"},
    "pretrain": {"errors", "audio", "frontend", "formats"},
}
HEAVY = {"tensorflow", "keras", "flwr", "ray", "matplotlib", "hypothesis"}


def imports(tree: ast.AST) -> Iterator[str]:
    """Modules of the package that a file imports, also inside functions or for type checkers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            root, _, rest = (node.module or "").partition(".")
            if root == "myna":
                for alias in node.names:
                    own = f"{rest}.{alias.name}".removeprefix(".")
                    yield own if own in MODULES else rest or alias.name
        elif isinstance(node, ast.Import):
            yield from (a.name[5:] for a in node.names if a.name.startswith("myna."))


def part_of(module: str) -> str:
    """The part that a module belongs to."""
    words = module.split(".")
    wide, narrow = ".".join(words[:1]), ".".join(words[:2])
    return narrow if narrow in LEVEL else wide


IMPORTS = {
    module: set(imports(ast.parse(path.read_text("utf-8")))) - {"__version__"}
    for module, path in MODULES.items()
}


@pytest.mark.parametrize("module", [name for name in MODULES if not name.endswith("__init__")])
def test_imports_run_one_way(module: str) -> None:
    own = part_of(module)
    allowed = ALONE.get(own) or {part for part in LEVEL if LEVEL[part] < LEVEL[own]}
    assert own in LEVEL, f"say in LAYERS where myna.{module} stands"
    for name in IMPORTS[module]:
        assert part_of(name) in {own, *allowed}, f"myna.{module} must not import myna.{name}"


def circle(imports: Mapping[str, Collection[str]]) -> list[str]:
    """Modules that import each other in a loop; none if there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_imports_itself_in_a_circle() -> None:
    assert not circle(IMPORTS)


def test_importing_the_package_loads_none_of_its_modules() -> None:
    code = "import sys, myna; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(result.stdout.split())
    assert "myna" in loaded
    assert not [name for name in loaded if name == "numpy" or name.startswith("myna.")]


def test_public_names_are_defined_and_documented() -> None:
    names = set(myna.__all__)
    assert {"MynaError", "Options", "open_project"} < names <= set(dir(myna))
    for name in names:
        found = getattr(myna, name)
        assert found.__module__.startswith("myna.")
        assert found.__doc__
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = myna.nonsense


def test_every_kind_of_import_is_seen() -> None:
    text = """
if TYPE_CHECKING:
    from myna.ops import add
def f():
    from myna.device.link import Link
import myna.ir
from myna import fixed
"""
    assert set(imports(ast.parse(text))) == {"ops.add", "device.link", "ir", "fixed"}
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"b"}})) == {"b", "c"}
    assert not circle({"a": {"b", "c"}, "b": {"c"}})


@pytest.mark.parametrize("command", ["build", "verify", "flash"])
def test_commands_import_nothing_heavy(command: str) -> None:
    code = f"import sys, myna.commands.{command}; print(*{{m.split('.')[0] for m in sys.modules}})"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(result.stdout.split())
    assert "numpy" in loaded
    assert not loaded & HEAVY


# -- files -----------------------------------------------------------------------------------------


def tracked(*patterns: str) -> list[Path]:
    command = ["git", "-C", str(PROJECT), "ls-files", "-z", "--", *patterns]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [PROJECT / name for name in output.split("\0") if name and (PROJECT / name).is_file()]


def firmware_files(*patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in FIRMWARE.glob(pattern))


def generated(path: Path) -> bool:
    return (FIRMWARE / "generated") in path.parents


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def test_every_source_file_names_its_licence() -> None:
    sources = tracked("*.py", "*.c", "*.h", "*.j2", "*.sh", "*.ld", "*.js", "*.html", "*.css")
    assert len(sources) > 100
    head = re.compile(r"(# |/\* |// |<!-- )SPDX-License-Identifier: Apache-2\.0( \*/| -->)?")
    for path in sources:
        first = [line for line in path.read_text("utf-8").splitlines()[:3] if line[:2] != "#!"]
        first = [line for line in first if not line.startswith("<!doctype")]
        if path.stat().st_size:
            assert head.fullmatch(first[0]), path


def test_no_file_is_long() -> None:
    limits = {"toolchain/*.py": 300, "host_tests/*.py": 480, "firmware/*.[ch]": 250}
    long = {
        f"{path.relative_to(PROJECT)}: {lines(path)} lines"
        for pattern, limit in limits.items()
        for path in tracked(pattern)
        if lines(path) > limit and not generated(path) and path.name != "messages.h"
    }
    assert not long


def test_ops_and_kernels_are_small() -> None:
    for pattern, limit in (("toolchain/myna/ops/*.py", 175), ("firmware/kernels/*.c", 150)):
        files = tracked(pattern)
        assert len(files) > 5
        assert not [path.name for path in files if lines(path) > limit]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.name}: {node.name}", (node.end_lineno or 0) - node.lineno + 1


def c_functions(path: Path) -> Iterator[tuple[str, int]]:
    """Functions of a file in the repository's format, which end at a brace in the first column."""
    text = path.read_text("utf-8")
    for found in re.finditer(r"^(\w[^;{}=]*\)) \{\n.*?^\}", text, re.MULTILINE | re.DOTALL):
        yield f"{path.name}: {found[1]}", found[0].count("\n") + 1


def test_functions_are_short() -> None:
    python = [f for path in tracked("toolchain/*.py") for f in functions(path)]
    c = [f for path in tracked("firmware/*.c") if not generated(path) for f in c_functions(path)]
    assert len(python) > 300
    assert len(c) > 100
    assert not [f"{name} ({size} lines)" for name, size in python + c if size > 65]


def test_kernels_have_a_header_each() -> None:
    kernels = firmware_files("kernels/**/*.c")
    assert len(kernels) > 30
    headers = {path.stem: path for path in firmware_files("kernels/**/*.h")}
    for path in kernels:
        stem = path.stem.removesuffix("_dsp").removesuffix("_mve")
        family, variant = stem.rpartition("_")[0], path.stem.removeprefix(stem)
        # its own, its kernel's, or that of the kernel whose update it is
        stems = (path.stem, stem, family, f"{family}{variant}")
        header = next(headers[s] for s in stems if s in headers)
        own = f'#include "{header.relative_to(FIRMWARE)}"'
        assert own in path.read_text("utf-8"), path.name


def test_variants_for_some_cores_have_their_folder() -> None:
    """And every object a name of its own, since some build systems put all into one folder."""
    variants = firmware_files("kernels/*/*", "audio/*/*")
    assert len(variants) > 20
    assert {path.stem.rpartition("_")[2] == path.parent.name for path in variants} == {True}
    assert not firmware_files(
        "kernels/*_dsp.*", "kernels/*_mve.*", "audio/*_dsp.*", "audio/*_mve.*"
    )
    stems = [path.stem for name in CORE for path in firmware_files(f"{name}/**/*.[cS]")]
    assert len(stems) == len(set(stems))


# -- symbols of the firmware -----------------------------------------------------------------------
MODEL = FIRMWARE / "generated" / "kws"
# The portable core, the host board, and a model: everything that one firmware is linked of.
HOST_SOURCES = (
    *(f"{folder}/**/*.c" for folder in CORE),
    *("main.c", "boards/host/*.c", "boards/virtual/flash.c", "generated/kws/*.c"),
)
CROSS = "arm-none-eabi-"
# Names that the language, the C library, or the vector table gives.
GIVEN = frozenset(
    ("main", "__assert_func", "vectors", "reset_handler", "hard_fault_handler", "uart_rx_handler")
)


@dataclass(frozen=True)
class Symbols:
    """What an object offers to the linker, and what it needs."""

    defined: frozenset[str]
    used: frozenset[str]


def symbols(source: Path, folder: Path, command: list[str], nm: str) -> Symbols:
    """Compile one file and read its external symbols."""
    made = folder / f"{'_'.join(source.relative_to(FIRMWARE).parts)}.o"
    subprocess.run([*command, "-c", str(source), "-o", str(made)], check=True)
    output = subprocess.run([nm, "-P", "-g", str(made)], capture_output=True, text=True, check=True)
    rows = [line.split()[:2] for line in output.stdout.splitlines()]
    return Symbols(
        frozenset(name for name, kind in rows if kind != "U"),
        frozenset(name for name, kind in rows if kind == "U"),
    )


@cache
def host_symbols() -> dict[str, Symbols]:
    """Of every file of the firmware that the host compiles; the vector variants are empty there."""
    flags = ["-std=c11", "-O0", "-w", f"-I{FIRMWARE}", f"-I{MODEL}", '-DMYNA_BOARD="host"']
    with tempfile.TemporaryDirectory() as folder:
        return {
            path.relative_to(FIRMWARE).as_posix(): symbols(
                path, Path(folder), ["gcc", *flags], "nm"
            )
            for path in firmware_files(*HOST_SOURCES)
        }


@cache
def core_symbols(board: str, *patterns: str) -> dict[str, Symbols]:
    """Of files that only a cross-compiler compiles, and of the board's own."""
    text = (FIRMWARE / "platform" / "boards" / f"{board}.json").read_text("utf-8")
    build = json.loads(text)["build"]
    flags = [*shlex.split(build["cpu_flags"]), *shlex.split(build["extra_flags"]), "-std=c11"]
    command = [f"{CROSS}gcc", *flags, "-O1", "-w", f"-I{FIRMWARE}", f'-DMYNA_BOARD="{board}"']
    with tempfile.TemporaryDirectory() as folder:
        return {
            str(path.relative_to(FIRMWARE)): symbols(path, Path(folder), command, f"{CROSS}nm")
            for path in firmware_files(*patterns, *build["sources"])
        }


def without_prefix(found: Mapping[str, Symbols]) -> set[str]:
    return {
        f"{name}: {symbol}"
        for name, s in found.items()
        for symbol in s.defined
        if not symbol.startswith("myna_") and symbol not in GIVEN
    }


def test_what_the_linker_sees_has_the_prefix() -> None:
    assert "myna_conv2d_s8" in host_symbols()["kernels/conv2d.c"].defined
    assert not without_prefix(host_symbols())
    assert without_prefix({"x.c": Symbols(frozenset({"main", "conv2d_s8"}), frozenset())})


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("board", "pattern", "known"),
    [
        ("qemu_m4", "*/dsp/*.[cS]", "myna_block_pairs"),
        ("qemu_m55", "*/mve/*.c", "myna_couple_vectors"),
    ],
)
def test_variants_and_boards_have_the_prefix(board: str, pattern: str, known: str) -> None:
    found = core_symbols(board, pattern)
    assert known in {symbol for s in found.values() for symbol in s.defined}
    assert not without_prefix(found)


def test_no_c_file_calls_itself_in_a_circle() -> None:
    """But for kernels and their variants, of which each takes a part and leaves the rest."""
    found = host_symbols()
    home = {symbol: name for name, s in found.items() for symbol in s.defined}
    calls = {name: {home[u] for u in s.used if u in home} for name, s in found.items()}
    assert "runtime/vary.c" in calls["runtime/learn.c"]
    assert not circle(calls)


def test_no_header_includes_itself_in_a_circle() -> None:
    paths = firmware_files("**/*.[ch]")
    text = {path.relative_to(FIRMWARE).as_posix(): path.read_text("utf-8") for path in paths}
    includes = {}
    for name, lines_of in text.items():
        found = re.findall(r'^#include "(.+)"', lines_of, re.MULTILINE)
        beside = [str(PurePosixPath(name).parent / other) for other in found]
        includes[name] = {n for n in (*found, *beside) if n in text}
    assert "storage/nvm.h" in includes["boards/port.h"]
    assert not circle(includes)


def test_no_sound_is_committed() -> None:
    assert not tracked("*.wav", "*.flac", "*.mp3", "*.ogg")
