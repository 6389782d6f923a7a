# SPDX-License-Identifier: Apache-2.0
"""What a board has learned runs elsewhere: `myna export` to .tflite files and C arrays."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from myna.cli import cli
from myna.codegen.emit import ABI
from myna.device import target
from myna.device.session import Board
from myna.engines.library import HostLibrary
from myna.errors import MynaError
from myna.files import write_file
from myna.ir import Array
from myna.names import CLASSES, NAMES, RATE, WRAPS
from myna.ops.base import pair_tensor
from myna.package.package import load_calibration
from myna.passes.pipeline import Options
from myna.passes.training.imprint import NAME_BYTES
from myna.pretrain.testset import load_test
from myna.project import Project, open_project
from myna.sessions.checkpoint import Checkpoint, save_checkpoint
from myna.sessions.export import export_model
from myna.tflite.metadata import Metadata, read_metadata
from support import silent_model, tiny, tiny_model
from support.pairs import some_by_day

pytest.importorskip("tflite_micro")
from support.micro import Micro

SHIPPED = [target.PROJECT / "models" / name for name in ("ds_cnn", "kws")]
ALL = Options(train="all")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["export", *map(str, arguments)])


def failed(*arguments: object) -> str:
    """The message of an export that ends with an error that a user can mend."""
    done = run(*arguments)
    assert isinstance(done.exception, MynaError), done.output
    return str(done.exception)


def learned(project: Project, core: HostLibrary) -> Checkpoint:
    """What a core in this process has learned."""
    name, options = project.program.graph.name, project.asked.to_json()
    return Checkpoint(name, options, project.fingerprint, ABI, core.clock[1], core.read_state())


def names(*words: str) -> Array:
    """A state's names, of as many classes as a board may begin."""
    padded = b"".join(word.encode().ljust(NAME_BYTES, b"\0") for word in words)
    return np.frombuffer(padded, np.int8).reshape(-1, NAME_BYTES)


def saved(project: Project, core: HostLibrary, path: Path) -> Path:
    """The same as a file."""
    save_checkpoint(learned(project, core), path)
    return path


def different(core: HostLibrary, network: Micro, inputs: Array) -> int:
    """How many outputs of classes in use differ, and whether they depend on the input at all."""
    counted = CLASSES in core.program.graph.tensors  # or it reconstructs
    used = core.classes if counted else None
    ours = np.array([core.infer(x)[:used] for x in inputs])
    theirs = np.array([network.infer(x) for x in inputs])
    assert ours.shape == theirs.shape
    assert len(np.unique(ours)) > 50
    return int((ours != theirs).sum())


def teach(core: HostLibrary, features: Array, labels: Array, rate: float = 100.0) -> None:
    """Train on wrong labels, much faster than is good: weights and biases change."""
    names = [name for name in core.program.state if name.endswith((".w", ".b"))]
    before = {name: core.get_state(name) for name in names}
    core.set_state(RATE, pair_tensor(rate))
    for x, label in zip(features, labels.tolist(), strict=True):
        core.train_step(x, (label + 1) % core.classes)
    changed = [name for name in names if (core.get_state(name) != before[name]).any()]
    assert len(changed) > len(names) / 2
    assert {name[-2:] for name in changed} == {".w", ".b"}


def noise(count: int, shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(3).integers(-128, 128, (count, *shape)).astype(np.int8)


def enroll(port: str, takes: Path) -> None:
    """Teach the board the word "one"."""
    words = ["enroll", str(tiny_model.folder()), "--port", port, "--word", "one"]
    done = CliRunner().invoke(cli, [*words, "--wav", str(takes)])
    assert done.exit_code == 0, done.exception


# -- networks, before and after training -----------------------------------------------------------


@pytest.mark.parametrize("trained", some_by_day((False, True), (True,)), ids=["before", "after"])
@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_shipped_models_equal_tflite_micro(
    folder: Path, trained: bool, inputs: int, tmp_path: Path
) -> None:
    project, file = open_project(folder, ALL), tmp_path / "network.tflite"
    core, given = project.library(), list[str]()
    features, labels = load_calibration(folder)
    if trained:
        teach(core, features[:40], labels[:40])
        given += ["--state", str(saved(project, core, tmp_path / "state.npz"))]
    assert run(folder, *given, "-o", file).exit_code == 0
    network, real = Micro(file.read_bytes()), features[: inputs // 2]
    assert different(core, network, real) == 0
    assert WRAPS not in project.program.state or core.get_state(WRAPS)[0] == 0
    shape = project.package.model.model.input_shape
    assert different(core, network, noise(inputs - len(real), shape)) == 0
    fresh = Micro(export_model(project).data)
    changed = any((fresh.infer(x) != network.infer(x)).any() for x in real[:20])
    assert changed == trained


PLANS = {
    "all": ALL,
    "head": tiny_model.HEAD,
    "rows": replace(tiny_model.HEAD, rows=True),
    "narrow": replace(ALL, int8_weights=("logits", "f0_pw")),
}


@pytest.mark.parametrize("plan", PLANS)
def test_whatever_is_trained_and_however_it_is_stored(plan: str, inputs: int) -> None:
    project = open_project(tiny_model.folder(), PLANS[plan])
    core, lesson = project.library(), tiny_model.examples(tiny.LABELS, 6)
    teach(core, lesson.features, lesson.labels)
    network = Micro(export_model(project, learned(project, core)).data)
    xs = np.concatenate([lesson.features, noise(inputs, lesson.features.shape[1:])])
    assert different(core, network, xs) == 0


def test_a_program_that_was_made_to_fit() -> None:
    """Rows of maps, fewer classes: what is exported is the network, not how it is computed."""
    folder = target.PROJECT / "models" / "kws"
    project = open_project(folder, Options(train="head", ram=32 << 10))
    assert project.options.rows and project.package.rows < 32
    core, (features, labels) = project.library(), load_calibration(folder)
    teach(core, features[:20], labels[:20])
    network = Micro(export_model(project, learned(project, core)).data)
    assert different(core, network, features[:100]) == 0


RATES = {"signals": 0.1, "means": 1.0, "images": 10.0}  # by energy where there is a head


@pytest.mark.parametrize("name", silent_model.MODELS)
def test_networks_that_hear_nothing(name: str, inputs: int) -> None:
    project = open_project(silent_model.folder(name), ALL)
    core, (features, labels) = project.library(), load_calibration(project.folder)
    teach(core, features, labels, RATES[name])
    exported = export_model(project, learned(project, core))
    shape = project.package.model.model.input_shape
    xs = np.concatenate([features, noise(inputs, shape)])
    assert different(core, Micro(exported.data), xs) == 0
    found = read_metadata(exported.data)
    assert (found.audio, found.labels) == ({}, project.package.labels)
    assert found.input["zero_point"] != 0


def test_probabilities_where_the_model_ends_with_them() -> None:
    project = open_project(tiny_model.folder("plain"), ALL)
    package = project.package
    soft = replace(package.model, model=replace(package.model.model, softmax=True))
    network = Micro(export_model(replace(project, package=replace(package, model=soft))).data)
    logits = Micro(export_model(project).data)
    for x in tiny.features(50):
        found, raw = network.infer(x).astype(int) + 128, logits.infer(x).astype(np.float64)
        powers = np.exp((raw - raw.max()) * package.model.quants["logits"].scale[0])
        assert np.abs(found - 256 * powers / powers.sum()).max() <= 1.5  # of 256, which saturates


# -- a board ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    """A board that runs the reversible network."""
    project = open_project(tiny_model.folder(), tiny_model.HEAD)
    with target.start("host", project.firmware("host").elf) as port:
        yield port


def test_a_board_with_an_enrolled_word(port: str, tmp_path: Path) -> None:
    folder, file = tiny_model.folder(), tmp_path / "new/x.tflite"
    takes = tiny_model.recordings(tmp_path / "takes", ("me",), ("one",), 3) / "one"
    enroll(port, takes)
    done = run(folder, "--port", port, "-o", file)
    assert done.exit_code == 0, done.exception
    assert "5 classes" in done.output
    network, metadata = Micro(file.read_bytes()), read_metadata(file.read_bytes())
    assert metadata.labels == (*tiny.LABELS, "one")
    with Board.connect(port) as board:
        assert metadata.provenance["steps"] == board.status().step > 0
        inputs = [*tiny.features(100), *tiny_model.examples(tuple(tiny_model.TONES), 5).features]
        answers = set()
        for x in inputs:
            board.put_features(x.reshape(tiny.FRAMES, tiny.BANDS), 0, 0)
            logits = board.infer(0).logits
            assert np.array_equal(logits[:5], network.infer(x))
            answers.add(int(logits[:5].argmax()))
    assert 4 in answers  # the enrolled word


def test_a_state_saved_before_exports_the_same_network(port: str, tmp_path: Path) -> None:
    with Board.connect(port) as board:
        board.reset_state()
    for output in ("direct.tflite", "state.npz"):
        done = run(tiny_model.folder(), "--port", port, "-o", tmp_path / output)
        assert done.exit_code == 0, done.exception
    done = run(
        tiny_model.folder(), "--state", tmp_path / "state.npz", "-o", tmp_path / "later.tflite"
    )
    assert done.exit_code == 0, done.exception
    assert (tmp_path / "later.tflite").read_bytes() == (tmp_path / "direct.tflite").read_bytes()


def test_a_board_without_labels(tmp_path: Path) -> None:
    project, file = open_project(silent_model.folder("signals"), ALL), tmp_path / "x.tflite"
    features, _ = load_calibration(project.folder)
    core = project.library()
    with target.start("host", project.firmware("host").elf) as port:
        with Board.connect(port) as board:
            for slot, x in enumerate(features[:8]):
                board.put_features(x, slot, 0)
            board.train(30)
            core.write_state(board.read_state())
        done = run(project.folder, "--port", port, "-o", file)
    assert done.exit_code == 0, done.exception
    assert read_metadata(file.read_bytes()).provenance["steps"] == 30
    assert different(core, Micro(file.read_bytes()), features) == 0


# -- metadata and C --------------------------------------------------------------------------------


def test_metadata_says_what_a_firmware_needs_and_where_the_network_is_from() -> None:
    project = open_project(tiny_model.folder(), ALL)
    core = project.library()
    core.train_step(tiny.features(1)[0], 2)
    core.set_state(CLASSES, np.array([5], np.int32))
    core.set_state(NAMES, names("żółw", "still free"))
    checkpoint = learned(project, core)
    metadata = read_metadata(export_model(project, checkpoint).data)
    assert metadata.model == "reversible"
    assert metadata.labels == (*tiny.LABELS, "żółw")
    assert metadata.audio == tiny.AUDIO.to_json()
    assert metadata.input == {"shape": [12, 8, 1], "scale": tiny.SCALE, "zero_point": 0}
    assert metadata.provenance["state_crc"] == f"{checkpoint.crc:08x}"
    assert metadata.provenance["fingerprint"] == f"{project.fingerprint:08x}"
    assert (metadata.provenance["steps"], metadata.provenance["seed"]) == (1, 1)
    assert "state_crc" not in read_metadata(export_model(project).data).provenance


def test_reading_metadata_of_anything_else_is_an_error() -> None:
    whole = export_model(open_project(tiny_model.folder("plain"), ALL)).data
    rng = np.random.default_rng(8)
    bare = whole.replace(b"\x04\x00\x00\x00myna", b"\x04\x00\x00\x00mine")
    assert bare != whole
    for data in (b"", b"PK\x03\x04", bytes(64), whole[:40], bare, b"\0\0\0\0TFL3" + b"\xff" * 40):
        with pytest.raises(MynaError):
            read_metadata(data)
    for _ in range(3000):
        damaged = bytearray(whole[: rng.integers(8, 400)] if rng.random() < 0.2 else whole)
        for at in rng.integers(0, min(len(damaged), 300), 3):
            damaged[at] = rng.integers(256)
        with suppress(MynaError):
            assert isinstance(read_metadata(bytes(damaged)), Metadata)


@pytest.mark.qemu
@pytest.mark.parametrize(
    "compiler", ["arm-none-eabi-gcc -std=c11 -x c", "arm-none-eabi-g++ -std=c++11 -x c++"]
)
def test_c_array_holds_the_same_bytes_aligned(compiler: str, tmp_path: Path) -> None:
    command = compiler.split()
    if shutil.which(command[0]) is None:
        pytest.skip(f"not installed: {command[0]}")
    network, header = tmp_path / "2-tuned.tflite", tmp_path / "2-tuned.h"
    done = run(tiny_model.folder(), "-o", network, "--c-array", header)
    assert done.exit_code == 0, done.exception
    source, made = tmp_path / "use", tmp_path / "use.o"
    source.write_text(
        '#include "2-tuned.h"\n#include "2-tuned.h"\n'
        "extern const unsigned char *const network;\n"
        "const unsigned char *const network = model_2_tuned_tflite;\n"
        "typedef char check[sizeof model_2_tuned_tflite == MODEL_2_TUNED_TFLITE_SIZE ? 1 : -1];\n"
    )
    strict = [
        "-mcpu=cortex-m4",
        "-fdata-sections",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Wconversion",
        "-Werror",
    ]
    subprocess.run([*command, *strict, "-c", source, "-o", made], check=True)
    dumped = tmp_path / "bytes"
    listing = subprocess.run(
        ["arm-none-eabi-objdump", "-h", made], capture_output=True, text=True, check=True
    ).stdout
    section = next(s for s in listing.splitlines() if "model_2_tuned_tflite" in s)
    _, name, *_, alignment = section.split()
    assert (name.startswith(".rodata"), alignment) == (True, "2**4")
    copy = ["arm-none-eabi-objcopy", "-O", "binary", "-j", name, made, dumped]
    subprocess.run(copy, check=True)
    assert dumped.read_bytes() == network.read_bytes()


# -- errors ----------------------------------------------------------------------------------------


def test_contradictions_are_named(tmp_path: Path) -> None:
    model, state = tiny_model.folder(), tmp_path / "state.npz"
    file = tmp_path / "x.tflite"
    assert "nothing is asked for" in failed(model)
    assert "--state x.npz" in failed(Path("x.npz"), "-o", "x.tflite")
    assert "the suffix says no format" in failed(model, "-o", tmp_path / "x.bin")
    assert "a board and a file" in failed(model, "--port", "p", "--state", state, "-o", file)
    assert "a state is read from a board" in failed(model, "-o", state)
    assert "no such file" in failed(model, "--state", state, "-o", file)
    assert not list(tmp_path.iterdir())


def test_a_class_without_a_name_is_exported_by_its_number(tmp_path: Path) -> None:
    project = open_project(tiny_model.folder(), ALL)
    core, file = project.library(), tmp_path / "x.tflite"
    core.set_state(CLASSES, np.array([5], np.int32))
    state = saved(project, core, tmp_path / "state.npz")
    assert run(project.folder, "--state", state, "-o", file).exit_code == 0
    assert read_metadata(file.read_bytes()).labels == (*tiny.LABELS, "class 4")


def test_states_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    project = open_project(tiny_model.folder(), ALL)
    core, file = project.library(), tmp_path / "x.tflite"
    state, other = saved(project, core, tmp_path / "state.npz"), tmp_path / "other.npz"
    model = tiny_model.folder()
    for options, message in (
        ('{"train": "head"}', "saved from program"),
        ('{"trains": "all"}', "options that this version does not know"),
        ("[]", "options that this version does not know"),
    ):
        save_checkpoint(replace(learned(project, core), options=options), other)
        assert message in failed(model, "--state", other, "-o", file)
    plain = tiny_model.folder("plain")
    assert "saved from model reversible, not plain" in failed(plain, "--state", state, "-o", file)
    assert not file.exists()


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "x.tflite"
    file.write_bytes(b"old")
    code = (
        "import pathlib, resource, signal, sys\n"
        "from myna.files import write_file\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_file(pathlib.Path(sys.argv[1]), bytes(5000))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=False
    )
    assert "MynaError" in done.stderr and "cannot be written" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["x.tflite"]
    assert file.read_bytes() == b"old"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "x.tflite", tmp_path):
        with pytest.raises(MynaError, match="cannot be written"):
            write_file(path, b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# -- real recordings -------------------------------------------------------------------------------


@pytest.mark.data
@pytest.mark.parametrize("name", ["ds_cnn", "kws", "kws_ar"])
def test_held_out_speakers(name: str, inputs: int, data_dir: Path) -> None:
    project = open_project(target.PROJECT / "models" / name, ALL)
    features, labels = load_test(data_dir / "speech_commands", project.package.model.model)
    core: Any = project.library()
    for x, label in zip(features[:60], labels.tolist(), strict=False):
        core.train_step(x, label)
    network = Micro(export_model(project, learned(project, core)).data)
    assert different(core, network, features[:: max(1, len(features) // inputs)]) == 0
    assert WRAPS not in project.program.state or core.get_state(WRAPS)[0] == 0
