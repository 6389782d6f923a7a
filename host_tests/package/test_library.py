# SPDX-License-Identifier: Apache-2.0
"""Model and runtime as one folder: written whole, over nothing else, for any C11 compiler."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from myna.cli import cli
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.package.library import MANIFEST, write_library
from myna.passes.pipeline import Options
from myna.project import open_project
from support import tiny_model

WARNINGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror")
HEADERS = Path("/usr/lib/arm-none-eabi/include")  # of a C library, where a compiler brings none
COMPILERS = {
    "arm-none-eabi-gcc": ("-mcpu=cortex-m0plus",),
    "riscv64-unknown-elf-gcc": ("-march=rv32imc", "-mabi=ilp32", "-isystem", str(HEADERS)),
    "xtensa-lx106-elf-gcc": ("-isystem", str(HEADERS)),
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library") / "myna"
    built = open_project(tiny_model.folder(), Options(train="all", streaming=True))
    write_library(built.generated, "tiny", folder)
    return folder


def export(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["export", *map(str, arguments)])


def refused(*arguments: object) -> str:
    done = export(*arguments)
    assert isinstance(done.exception, MynaError), done.output
    return str(done.exception)


@pytest.mark.parametrize("compiler", COMPILERS)
def test_it_compiles_on_other_cores_and_needs_nothing(compiler: str, library: Path) -> None:
    if shutil.which(compiler) is None or not HEADERS.is_dir():
        pytest.skip(f"not installed: {compiler}, or a C library's headers")
    command = [compiler, "-print-file-name=include"]
    own = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    core = COMPILERS[compiler]
    sources = sorted(library.rglob("*.c"))
    assert len(sources) > 60
    folder = library.parent / compiler
    folder.mkdir()
    for source in sources:
        files = ["-Isrc", "-c", source.relative_to(library), "-o", folder / f"{source.stem}.o"]
        flags = (*WARNINGS, "-isystem", own, *core)
        subprocess.run([compiler, *flags, *map(str, files)], check=True, cwd=library)
    whole = folder / "whole.out"
    objects = map(str, folder.glob("*.o"))
    subprocess.run([compiler, *core, "-r", "-nostdlib", *objects, "-o", str(whole)], check=True)
    nm = compiler.removesuffix("gcc") + "nm"
    listing = subprocess.run([nm, "-u", str(whole)], capture_output=True, text=True, check=True)
    needed = {line.split()[-1] for line in listing.stdout.splitlines()}
    missing = {name for name in needed if name.startswith(("myna_", "__atomic", "malloc"))}
    assert not missing


def test_cmake_and_platformio_find_their_files(library: Path) -> None:
    manifest = json.loads((library / MANIFEST).read_text("utf-8"))
    assert (library / manifest["build"]["srcDir"] / manifest["headers"]).is_file()
    text = (library / "CMakeLists.txt").read_text("utf-8")
    assert "src/*.c src/*.S" in text
    assert "includes=myna.h" in (library / "library.properties").read_text("utf-8")
    assert str(PROJECT) not in "".join(
        path.read_text("utf-8", errors="replace") for path in library.rglob("*") if path.is_file()
    )


def test_it_is_written_over_itself_alone(tmp_path: Path) -> None:
    folder, model = tmp_path / "lib", tiny_model.folder()
    assert export(model, "--library", folder).exit_code == 0
    (folder / "src" / "left-over.c").write_text("")
    assert export(model, "--library", folder, "--train", "all").exit_code == 0
    assert not (folder / "src" / "left-over.c").exists()
    other = tmp_path / "mine"
    other.mkdir()
    (other / "main.c").write_text("int main(void) {}")
    assert "holds other things" in refused(model, "--library", other)
    assert (other / "main.c").read_text() == "int main(void) {}"
    assert "is no folder" in refused(model, "--library", other / "main.c")


def test_what_contradicts_is_refused(tmp_path: Path) -> None:
    model, folder = tiny_model.folder(), tmp_path / "lib"
    for rest in (["-o", str(tmp_path / "a.tflite")], ["--port", "x"]):
        assert "made of a MODEL, and of nothing else" in refused(model, "--library", folder, *rest)
    assert "made of a MODEL" in refused("--library", folder)
    assert "change nothing" in refused(model, "-o", tmp_path / "a.tflite", "--train", "all")
    assert not folder.exists()
