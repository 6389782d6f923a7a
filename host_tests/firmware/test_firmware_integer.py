# SPDX-License-Identifier: Apache-2.0
"""The object files prove it: no float, no heap, and no libc beyond ``mem*`` where training runs."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from myna.audio.config import AudioConfig
from myna.codegen import generate
from myna.codegen.emit import Labels
from myna.device.target import PROJECT
from myna.passes.pipeline import Options, compile_model
from myna.passes.training.hindsight import RangeMode
from support import tiny

pytestmark = pytest.mark.qemu

FIRMWARE = PROJECT / "firmware"
PREFIX = "arm-none-eabi-"
TRAINING = ("kernels", "audio")
BOARDS = ("qemu_m3", "qemu_m4")
# What training code may call outside itself: memory functions, and the division, 64-bit and table
# helpers by which the ABI completes the integer instruction set.
MEMORY = re.compile(r"mem(cpy|set|move|cmp)|__aeabi_mem(cpy|set|clr|move)[48]?")
INTEGER_HELPERS = re.compile(
    r"__aeabi_(u?idiv(mod)?|u?ldivmod|[ui]div0|ldiv0|lasr|llsl|llsr|lmul|lcmp|ulcmp|uread[48])"
    r"|__(clz|ctz|ffs|popcount)[sd]i2|__gnu_thumb1_case_\w+"
)
# What the rest of the firmware may call besides: its board, strlen of names, and assert.
SERVICES = re.compile(r"myna_port_\w+|strlen|__assert_func")
# Loads, stores and moves of VFP registers compute nothing and are used to copy structs.
VFP_COPIES = re.compile(r"v(ldr|str|ldm|stm|push|pop|mov|mrs|msr)\b.*")


def undefined(objects: Sequence[Path]) -> set[str]:
    """Symbols that the objects use and none of them defines."""
    command = [f"{PREFIX}nm", "--format=posix", *map(str, objects)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in output.splitlines() if line and not line.endswith(":")]
    needed = {row[0] for row in rows if row[1] in "Uw"}
    return needed - {row[0] for row in rows if row[1] not in "Uw"}


def foreign(objects: Sequence[Path]) -> set[str]:
    """Undefined symbols that are neither memory functions nor integer helpers."""
    return {
        name
        for name in undefined(objects)
        if not MEMORY.fullmatch(name) and not INTEGER_HELPERS.fullmatch(name)
    }


def float_instructions(objects: Sequence[Path]) -> set[str]:
    """Mnemonics of the floating-point unit that do more than copy."""
    command = [f"{PREFIX}objdump", "--disassemble", "--no-show-raw-insn", *map(str, objects)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    mnemonics = re.findall(r"^\s+[0-9a-f]+:\s+(\S+)", output, re.MULTILINE)
    assert mnemonics
    return {m for m in mnemonics if m.startswith("v") and not VFP_COPIES.fullmatch(m)}


def flags(board: str) -> list[str]:
    """Compiler flags of a board, from the files that PlatformIO reads."""
    ini = configparser.ConfigParser()
    ini.read(PROJECT / "platformio.ini")
    path = FIRMWARE / "platform" / "boards" / f"{board}.json"
    cpu = json.loads(path.read_text("utf-8"))["build"]["cpu_flags"]
    return [*shlex.split(ini["env"]["build_flags"]), *shlex.split(cpu)]


def firmware_sources() -> list[Path]:
    """What PlatformIO builds for every board, but for main.c."""
    ini = configparser.ConfigParser()
    ini.read(PROJECT / "platformio.ini")
    folders = re.findall(r"\+<(\w+)/>", ini["env"]["build_src_filter"])
    sources = [path for name in folders for path in sorted(FIRMWARE.glob(f"{name}/**/*.[cS]"))]
    assert {*folders} >= {*TRAINING, "runtime"}
    return sources


def compile_objects(
    sources: Sequence[Path], options: Sequence[str], folder: Path, *includes: Path
) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)

    def compile_one(source: Path) -> Path:
        target = folder / f"{source.stem}.o"
        where = [f"-I{path}" for path in (FIRMWARE, *includes)]
        command = [f"{PREFIX}gcc", *options, *where, "-c", str(source), "-o", str(target)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return target

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(compile_one, sources))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated folder of the tiny reversible model."""
    quantized = tiny.quantized("reversible")
    ranges = tiny.gradient_ranges(quantized, RangeMode.RELATIVE)
    audio = AudioConfig.from_json(quantized.model.audio)
    folder = tmp_path_factory.mktemp("integer") / "model"
    program = compile_model(quantized, ranges, Options())
    generate(program, Labels(tiny.LABELS, audio), folder, "pytest")
    return folder


@pytest.fixture(scope="module", params=BOARDS)
def objects(
    request: pytest.FixtureRequest, model: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Path]]:
    """The firmware of one board without the board's own code, by folder."""
    made = tmp_path_factory.mktemp(request.param)
    sources = [*firmware_sources(), model / "model.c"]
    compiled = compile_objects(sources, flags(request.param), made, model)
    folders: dict[str, list[Path]] = {}
    for source, target in zip(sources, compiled, strict=True):
        part = source.relative_to(FIRMWARE).parts[0] if FIRMWARE in source.parents else "model"
        folders.setdefault(part, []).append(target)
    return folders


def test_training_calls_nothing_but_memory_functions(objects: dict[str, list[Path]]) -> None:
    training = [path for name in (*TRAINING, "model") for path in objects[name]]
    assert len(training) > 10
    assert not foreign(training)


def test_the_firmware_calls_neither_heap_nor_float_nor_stdio(
    objects: dict[str, list[Path]],
) -> None:
    everything = [path for paths in objects.values() for path in paths]
    assert not {name for name in foreign(everything) if not SERVICES.fullmatch(name)}


def test_no_floating_point_instruction(objects: dict[str, list[Path]]) -> None:
    assert not float_instructions([path for paths in objects.values() for path in paths])


def test_there_are_boards_with_and_without_floating_point_unit() -> None:
    assert "-mfloat-abi=hard" in flags("qemu_m4")
    assert "-mfloat-abi=hard" not in flags("qemu_m3")


# -- the checker itself ----------------------------------------------------------------------------

OFFENDERS = {
    "float": ("float f(float x) { return x * 3.5f; }", "__aeabi_fmul", "vmul.f32"),
    "double": ("double f(double x) { return x + 0.5; }", "__aeabi_dadd", None),
    "conversion": ("int f(float x) { return (int)x; }", "__aeabi_f2iz", "vcvt.s32.f32"),
    "from integer": ("float f(int x) { return (float)x; }", "__aeabi_i2f", "vcvt.f32.s32"),
    "library": ("double sqrt(double); double f(double x) { return sqrt(x); }", "sqrt", None),
}
HOSTED = {
    "malloc": "#include <stdlib.h>\nvoid *f(void) { return malloc(8); }",
    "free": "#include <stdlib.h>\nvoid f(void *p) { free(p); }",
    "puts": '#include <stdio.h>\nvoid f(void) { printf("x\\n"); }',
    "snprintf": '#include <stdio.h>\nvoid f(char *t, int i) { snprintf(t, 9, "%d", i); }',
}


@pytest.mark.parametrize("name", OFFENDERS)
def test_float_is_caught_on_both_kinds_of_core(name: str, tmp_path: Path) -> None:
    text, symbol, instruction = OFFENDERS[name]
    source = tmp_path / "offender.c"
    source.write_text(text)
    soft = compile_objects([source], ["-O1", "-mcpu=cortex-m3", "-mthumb"], tmp_path / "soft")
    assert symbol in foreign(soft)
    hard_flags = ["-O1", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
    hard = compile_objects([source], hard_flags, tmp_path / "hard")
    if instruction is None:
        assert foreign(hard)
    else:
        assert instruction in float_instructions(hard)


@pytest.mark.parametrize("symbol", HOSTED)
def test_heap_and_stdio_are_caught(symbol: str, tmp_path: Path) -> None:
    source = tmp_path / "offender.c"
    source.write_text(HOSTED[symbol])
    made = compile_objects([source], ["-O1", "-mcpu=cortex-m3", "-mthumb"], tmp_path / "objects")
    assert symbol in foreign(made)
