# SPDX-License-Identifier: Apache-2.0
"""The shape of the firmware: headers, variants, names that the linker sees, and no circle."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import pytest
from support.structure import FIRMWARE, circle, firmware_files

# what is built for every board
CORE = ("kernels", "audio", "runtime", "server", "storage", "protocol")


def test_kernels_have_a_header_each() -> None:
    kernels = firmware_files("kernels/**/*.c")
    assert len(kernels) > 30
    headers = {path.stem: path for path in firmware_files("kernels/**/*.h")}
    for path in kernels:
        stem = re.sub("_(dsp|mve|scalar)$", "", path.stem)
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
