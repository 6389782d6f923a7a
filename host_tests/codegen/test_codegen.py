# SPDX-License-Identifier: Apache-2.0
"""Generated C: compiles without a warning, is touched only by changes, and knows its version."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from myna.audio.config import AudioConfig
from myna.codegen import fingerprint, generate
from myna.codegen.emit import ABI, Labels
from myna.codegen.text import identifier
from myna.device.target import PROJECT
from myna.engines import library
from myna.engines.library import compile_library
from myna.errors import MynaError
from myna.frontend.identifiers import RESERVED
from myna.frontend.model import FloatModel, load_architecture, save_architecture
from myna.ir import Kind
from myna.layers.table import NAME
from myna.passes.lowering.quantize import QuantizedModel
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options, compile_model
from myna.passes.training.hindsight import RangeMode
from myna.project import open_project
from support import tiny

FIRMWARE = PROJECT / "firmware"
GENERATED = FIRMWARE / "generated"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
COMPILERS = [
    pytest.param(("gcc",), id="host"),
    pytest.param(
        ("arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb"),
        id="cortex-m3",
        marks=pytest.mark.qemu,
    ),
]
OPTIONS = {
    "all": Options(),
    "dynamic": Options(ranges=RangeMode.DYNAMIC),
    "head": Options(train="head"),
}


def compiled(model: QuantizedModel, options: Options) -> Program:
    return compile_model(model, tiny.gradient_ranges(model, RangeMode.RELATIVE), options)


def labels(model: QuantizedModel) -> Labels:
    return Labels(model.model.labels, AudioConfig.from_json(model.model.audio))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, Labels, Path]]:
    """The tiny plain model and its generated folder."""
    model = tiny.quantized("plain")
    program, folder = compiled(model, Options()), tmp_path_factory.mktemp("generated") / "plain"
    generate(program, labels(model), folder, "pytest")
    yield program, labels(model), folder


def compile_model_c(
    folder: Path, compiler: tuple[str, ...], *flags: str
) -> subprocess.CompletedProcess[str]:
    command = [*compiler, "-std=c11", "-O1", *WARNINGS, *flags, f"-I{FIRMWARE}", f"-I{folder}"]
    command += ["-c", str(folder / "model.c"), "-o", str(folder / "model.o")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", ["plain", "reversible"])
def test_generated_c_compiles_without_a_warning(
    name: str, option: str, compiler: tuple[str, ...], tmp_path: Path
) -> None:
    model = tiny.quantized(name)
    generate(compiled(model, OPTIONS[option]), labels(model), tmp_path, "pytest")
    result = compile_model_c(tmp_path, compiler)
    assert result.returncode == 0, result.stderr


def test_unchanged_files_are_not_touched(plain: tuple[Program, Labels, Path]) -> None:
    program, names, folder = plain
    files = [folder / "model.c", folder / "config.h"]
    before = [(path.stat().st_mtime_ns, path.stat().st_ino) for path in files]
    generate(program, names, folder, "pytest")
    assert [(path.stat().st_mtime_ns, path.stat().st_ino) for path in files] == before
    generate(program, replace(names, clips=names.clips + 1), folder, "pytest")
    assert files[1].stat().st_mtime_ns > before[1][0]
    generate(program, names, folder, "pytest")


def test_another_abi_does_not_compile(plain: tuple[Program, Labels, Path], tmp_path: Path) -> None:
    header = tmp_path / "runtime" / "model.h"
    header.parent.mkdir()
    text = (FIRMWARE / "runtime" / "model.h").read_text("utf-8")
    changed = text.replace(f"MYNA_MODEL_ABI {ABI}", f"MYNA_MODEL_ABI {ABI + 1}")
    assert changed != text, "codegen and runtime/model.h disagree on the ABI"
    header.write_text(changed, "utf-8")
    result = compile_model_c(plain[2], ("gcc",), f"-I{tmp_path}")
    assert result.returncode != 0
    assert "generate it again" in result.stderr


def test_headers_say_how_to_make_the_files(plain: tuple[Program, Labels, Path]) -> None:
    for name in ("model.c", "config.h"):
        lines = (plain[2] / name).read_text("utf-8").splitlines()
        assert lines[0] == "/* SPDX-License-Identifier: Apache-2.0 */"
        assert lines[1].endswith("Make it again with: pytest */")


def test_no_path_of_this_machine_is_generated(plain: tuple[Program, Labels, Path]) -> None:
    for path in plain[2].glob("*.[ch]"):
        text = path.read_text("utf-8")
        assert str(PROJECT) not in text
        assert str(Path.home()) not in text


@pytest.mark.parametrize("name", ["plain", "reversible"])
def test_names_are_identifiers_and_stay_distinct(name: str) -> None:
    graph = compiled(tiny.quantized(name), Options()).graph
    for names in (list(graph.tensors), [node.name for node in graph.nodes]):
        identifiers = [identifier(n) for n in names]
        assert all(re.fullmatch(r"[A-Za-z_]\w*", text) for text in identifiers)
        assert len(set(identifiers)) == len(names)


# Of C, of its headers, of generated code, and of the runtime.
WORDS = (
    *("auto", "bool", "int8_t", "NULL", "offsetof", "uint8_t", "true", "while", "errno", "main"),
    *("arena", "ending", "frozen", "imprint", "infer", "learn", "myna_model", "node_table"),
    *(
        "outputs",
        "output_table",
        "compared",
        "encode",
        "learned",
        "recalled",
        "rehearse",
        "state",
        "state_init",
        "trace",
        "train_step",
    ),
    *("const_", "at_", "t_", "n_", "TRACE", "MYNA_MAX_CLIPS", "myna_conv2d_s8"),
)


def renamed(word: str, folder: Path) -> FloatModel:
    """The plain network, of which a layer is called this, as it is read from a file."""
    model = tiny.float_model("plain")
    old = model.layers[0].name
    save_architecture(model, folder)
    file = folder / "architecture.json"
    file.write_text(file.read_text("utf-8").replace(f'"{old}"', f'"{word}"'), "utf-8")
    weights = {name.replace(f"{old}/", f"{word}/"): w for name, w in model.weights.items()}
    return replace(load_architecture(folder), weights=weights)


@pytest.mark.parametrize("word", WORDS)
def test_a_layer_may_be_called_what_c_calls_its_own(word: str, tmp_path: Path) -> None:
    model = tiny.quantize_over(renamed(word, tmp_path), tiny.features(6))
    generate(compiled(model, Options()), labels(model), tmp_path, "pytest")
    result = compile_model_c(tmp_path, ("gcc",))
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("word", sorted(filter(NAME.fullmatch, RESERVED)))
def test_a_layer_is_not_called_what_training_calls_its_own(word: str, tmp_path: Path) -> None:
    with pytest.raises(MynaError, match=f"{word}.*choose another name"):
        renamed(word, tmp_path)


def test_comments_hold_whatever_a_command_says(tmp_path: Path) -> None:
    model = tiny.quantized("plain")
    command = "myna build models/*/x a??/ b\\\n*/ int y; /* z"
    generate(compiled(model, Options(train="head")), labels(model), tmp_path, command)
    result = compile_model_c(tmp_path, ("gcc",))
    assert result.returncode == 0, result.stderr


def test_labels_reach_c_as_utf8(tmp_path: Path) -> None:
    model = tiny.quantized("plain")
    strings = ('quo"te', "back\\slash", "كتاب", "\N{BIRD}", "what??/", "??=8", "\x7f1")
    names = replace(labels(model), names=strings)
    generate(compiled(model, Options(train="head")), names, tmp_path, "pytest")
    result = compile_model_c(tmp_path, ("gcc",))
    assert result.returncode == 0, result.stderr
    assert "\n".join(strings).encode() in (tmp_path / "model.o").read_bytes()


def test_numbers_survive(plain: tuple[Program, Labels, Path]) -> None:
    text = (plain[2] / "model.c").read_text("utf-8")
    graph = plain[0].graph
    for tensor in graph.of_kind(Kind.CONST):
        found = re.search(rf"const_{identifier(tensor.name)}\[\d+\] = \{{([^}}]*)\}}", text)
        assert found
        assert tensor.data is not None
        values = [int(v) for v in found[1].replace("INT32_MIN", str(-(2**31))).split(",")]
        expected = tensor.data.reshape(-1).tolist() if tensor.data.any() else [0]
        assert values == expected


def test_the_library_is_compiled_once(plain: tuple[Program, Labels, Path]) -> None:
    first = compile_library(plain[2])
    made = first.stat().st_mtime_ns
    assert compile_library(plain[2]) == first
    assert first.stat().st_mtime_ns == made


def test_a_library_of_other_flags_is_compiled_anew(
    plain: tuple[Program, Labels, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = compile_library(plain[2])
    monkeypatch.setattr(library, "FLAGS", (*library.FLAGS, "-g"))
    assert compile_library(plain[2]) != before


def test_c_that_does_not_compile_is_reported(tmp_path: Path) -> None:
    (tmp_path / "model.c").write_text("int x = ;\n")
    with pytest.raises(MynaError, match="does not compile"):
        compile_library(tmp_path)


# -- fingerprint -----------------------------------------------------------------------------------


def test_fingerprint_is_reproducible() -> None:
    one, two = (fingerprint(compiled(tiny.quantized("plain"), Options())) for _ in range(2))
    assert one == two


def test_fingerprint_tells_models_and_plans_apart() -> None:
    model = tiny.quantized("plain")
    weights = {**model.weights, "pw": model.weights["pw"].copy()}
    weights["pw"].flat[5] ^= 1
    biases = {**model.biases, "stem": model.biases["stem"] + 1}
    programs = {
        "as it is": compiled(model, Options()),
        "a weight": compiled(replace(model, weights=weights), Options()),
        "a bias": compiled(replace(model, biases=biases), Options()),
        "the plan": compiled(model, Options(train="head")),
        "the ranges": compiled(model, Options(ranges=RangeMode.DYNAMIC)),
        "the smoothing": compiled(model, Options(smoothing=0.8)),
        "the rate": compiled(model, Options(rate=0.03)),
    }
    assert len({fingerprint(program) for program in programs.values()}) == len(programs)


def test_fingerprint_is_in_the_c(plain: tuple[Program, Labels, Path]) -> None:
    text = (plain[2] / "model.c").read_text("utf-8")
    assert f".fingerprint = 0x{fingerprint(plain[0]):08x}u" in text


def test_fingerprint_does_not_depend_on_where_tensors_lie() -> None:
    program = compiled(tiny.quantized("plain"), Options())
    moved = replace(program, arena={name: o + 4 for name, o in program.arena.items()})
    assert fingerprint(moved) == fingerprint(program)


# -- the committed model ---------------------------------------------------------------------------


def test_the_fingerprint_of_a_model_stays() -> None:
    """Another one refuses every state that boards have stored of this model, and all backups."""
    text = (GENERATED / "kws" / "model.c").read_text("utf-8")
    assert ".fingerprint = 0xcdb35571u," in text


def test_committed_c_is_what_is_generated_now(tmp_path: Path) -> None:
    for committed in GENERATED.glob("*"):
        model, folder = PROJECT / "models" / committed.name, tmp_path / committed.name
        assert open_project(model, folder=folder).generated == folder
        for name in ("model.c", "config.h"):
            same = (folder / name).read_bytes() == (committed / name).read_bytes()
            assert same, f"{committed}/{name} is stale: run its command"
