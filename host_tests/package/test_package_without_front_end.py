# SPDX-License-Identifier: Apache-2.0
"""Models that hear nothing: built, verified, trained on a board, and given sound all the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from myna.bench.measure import run as measure
from myna.cli import cli
from myna.codegen import emit
from myna.device import bodies as b
from myna.device import messages as m
from myna.device import pio, target
from myna.device.link import DeviceError
from myna.device.session import Board
from myna.device.status import Status
from myna.engines.reference import Reference
from myna.engines.verify import Verifier, verify_steps
from myna.errors import MynaError
from myna.frontend.model import load_architecture, save_architecture
from myna.package.budget import CLIPS, fit_ram
from myna.package.calibration import input_quant, load_calibration, save_calibration
from myna.package.package import load_package, package_of, quantize_folder, save_package
from myna.passes.lowering.calibrate import forward
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from support import silent_model
from support.pairs import pairs

NAMES = list(silent_model.MODELS)
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")
BOARDS = ["host", pytest.param("qemu_m4", marks=pytest.mark.qemu)]


@cache
def project(name: str, train: str = "all") -> Project:
    return open_project(silent_model.folder(name), Options(train=train))


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Builds the firmware of a model for a board, once; with sanitizers for the host."""

    @cache
    def once(name: str, board: str) -> Path:
        flags = SANITIZE if board == "host" else ()
        return pio.build(board, project(name).generated, tmp_path_factory.mktemp("b"), flags).elf

    return once


# -- the package -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_package_is_made_from_a_quantized_model_alone(name: str, tmp_path: Path) -> None:
    folder = silent_model.folder(name)
    committed = load_package(folder)
    made = package_of(committed.model, *load_calibration(folder))
    save_architecture(made.model.model, tmp_path)
    save_package(made, tmp_path)
    read = load_package(tmp_path)
    assert read.audio is None
    assert read.ranges == made.ranges == committed.ranges
    assert (read.knowledge is not None) == (name == "images")
    assert (tmp_path / "int8.npz").read_bytes() == (folder / "int8.npz").read_bytes()


def test_the_input_keeps_the_quantization_of_its_calibration() -> None:
    folder = silent_model.folder("images")
    quant = input_quant(load_architecture(folder), folder)
    assert quant == load_package(folder).model.quants["pixels"]
    assert quant.zero_point == -128
    assert quant.scale[0] == pytest.approx(1 / 255)


def test_a_calibration_without_quantization_is_refused(tmp_path: Path) -> None:
    shutil.copytree(silent_model.folder("images"), tmp_path, dirs_exist_ok=True)
    features, labels = load_calibration(tmp_path)
    np.savez(tmp_path / "calibration.npz", features=features, labels=labels)
    with pytest.raises(MynaError, match="scale and zero_point are missing"):
        quantize_folder(tmp_path)
    save_calibration(tmp_path, features, labels, load_package(tmp_path).model.quants["pixels"])
    quantize_folder(tmp_path)


def test_a_package_that_lost_half_of_what_it_knew_is_refused(tmp_path: Path) -> None:
    shutil.copytree(silent_model.folder("images"), tmp_path, dirs_exist_ok=True)
    with np.load(tmp_path / "int8.npz") as file:
        arrays = {name: file[name] for name in file.files if not name.startswith("prior/")}
    np.savez(tmp_path / "int8.npz", **arrays)
    with pytest.raises(MynaError, match="does not hold what the model knew"):
        load_package(tmp_path)


# -- inference and training ------------------------------------------------------------------------


def test_the_reconstruction_is_that_of_float() -> None:
    found, wanted = [], []
    folder, quants = silent_model.folder("signals"), project("signals").package.model.quants
    x, y = quants["pixels"], quants["copy"]
    device = project("signals").library()
    network = silent_model.MODELS["signals"][0]()
    for features in load_calibration(folder)[0][:20]:
        real = (features.astype(float) - x.zero_point) * x.scale[0]
        wanted.append(forward(network, real)["copy"])
        found.append((device.infer(features).astype(float) - y.zero_point) * y.scale[0])
    error = np.sqrt(np.mean((np.array(found) - np.array(wanted)) ** 2))
    assert error < 0.02 * np.std(wanted)


def test_a_loss_is_the_squared_error_of_the_reconstruction() -> None:
    quants = project("signals").package.model.quants
    x, y = quants["pixels"], quants["copy"]
    features = load_calibration(silent_model.folder("signals"))[0][3]
    device = Reference(project("signals").program)
    made = (device.infer(features).astype(float) - y.zero_point) * y.scale[0]
    taken = (features.astype(float) - x.zero_point) * x.scale[0]
    loss = device.train_step(features, 0) / 65536
    assert loss == pytest.approx(np.mean((made - taken) ** 2), rel=0.01, abs=2**-15)


def test_a_reconstruction_learns_signals_of_another_kind() -> None:
    """Waves of half a period more; at first it reconstructs little of them."""
    quant, rng = project("signals").package.model.quants["pixels"], np.random.default_rng(2)
    waves = np.sin(np.pi * np.outer(np.arange(4) + 1.5, np.arange(silent_model.VALUES) / 24))
    steps = np.round(rng.normal(0, 0.7, (200, 4)) @ waves / quant.scale[0]) + quant.zero_point
    device = project("signals").library()
    losses = [
        device.train_step(x, 0) for _ in range(6) for x in np.clip(steps, -128, 127).astype(np.int8)
    ]
    assert np.mean(losses[-200:]) < 0.5 * np.mean(losses[:200])


@pytest.mark.parametrize(("name", "board"), pairs(NAMES, BOARDS))
def test_a_board_trains_as_the_reference_does(
    name: str, board: str, build: Callable[[str, str], Path], tmp_path: Path
) -> None:
    features, labels = load_calibration(silent_model.folder(name))
    clips = list(zip(features[:20], labels[:20].tolist(), strict=True))
    elf = build(name, board)
    with target.start(board, elf, tmp_path / "nv") as port, Board.connect(port) as session:
        verifier = Verifier(project(name).program, session, clips)
        result = verify_steps(verifier, 5)
        assert session.infer(0).label == verifier.reference.predict(features[0])
    assert result.differences == 0
    program = project(name).program
    step = program.graph.nodes[: program.train_nodes]
    assert result.compared == 5 * sum(len(node.outputs) for node in step) + 1


@pytest.mark.parametrize(("name", "board"), pairs(NAMES, BOARDS, shift=1))
def test_the_commands_accept_it(name: str, board: str) -> None:
    for arguments in (["build", "--board", board], ["verify", "--board", board, "--steps", "2"]):
        command, *options = arguments
        result = CliRunner().invoke(cli, [command, str(silent_model.folder(name)), *options])
        assert result.exit_code == 0, result.output
    assert "0 differences" in result.output


@pytest.mark.qemu
def test_the_bench_counts_a_model_without_sound() -> None:
    counted = measure(silent_model.folder("signals"), "qemu_m4", Options(train="all"), enroll=True)
    assert counted.enroll is None
    result = counted.to_json()
    assert result["features_1s"] is None
    assert [node.name for node in counted.infer] == ["code", "copy"]
    assert result["inference"]["instructions"] > result["inference"]["macs"] > 0
    assert result["train_step"]["instructions"] > result["inference"]["instructions"]
    assert result["ram"]["arena"] == project("signals").program.arena_bytes


# -- sound, and what depends on it -----------------------------------------------------------------


@pytest.fixture(params=["signals", "images"])
def board(
    request: pytest.FixtureRequest, build: Callable[[str, str], Path], tmp_path: Path
) -> Iterator[Board]:
    with (
        target.start("host", build(request.param, "host"), tmp_path / "nv") as port,
        Board.connect(port) as session,
    ):
        yield session


def refusal(call: Callable[[], object]) -> int:
    with pytest.raises(DeviceError) as caught:
        call()
    return caught.value.status


def test_sound_is_refused_at_every_stage(board: Board) -> None:
    link, silence = board.link, np.zeros(16000, np.int16)
    before = board.read_state()
    assert refusal(lambda: board.upload_audio(silence, 0, 0)) == Status.NO_FRONT_END
    for offset in (0, 16000, 2**32 - 1):
        piece = b.Piece(offset, b"\x7f\x01" * 200)
        assert refusal(lambda p=piece: link.request(m.AUDIO_DATA, p)) == Status.NO_FRONT_END
    assert refusal(lambda: link.request(m.AUDIO_END, b.Empty())) == Status.NO_FRONT_END
    listen = b.Listen(*[0] * len(b.Listen.__dataclass_fields__))
    assert refusal(lambda: link.request(m.LISTEN, listen)) == Status.NO_FRONT_END
    assert board.status().clips == 0
    assert board.read_state() == before


def test_what_varies_sound_is_refused_and_the_rest_learns(board: Board) -> None:
    features, labels = load_calibration(silent_model.folder(board.info.model))
    shape = (board.info.frames, board.info.coefficients)
    for slot in range(6):
        board.put_features(features[slot].reshape(shape), slot, int(labels[slot]))
    assert np.array_equal(board.get_features(2), features[2].reshape(shape))
    plain = b.Learn(enough=0, vary=0, proximal=0, epochs=3, rehearsals=0)
    varied = replace(plain, vary=1)
    assert refusal(lambda: board.learn(varied, None)) == Status.NO_FRONT_END
    assert refusal(lambda: board.adapt(plain, None)) == Status.NO_FRONT_END
    assert board.status().step == 0
    learned = board.learn(plain, None)
    assert learned.step == 18
    assert board.score().total == 6


@pytest.mark.parametrize(
    "arguments",
    [
        ["enroll", "MODEL", "--port", "nowhere", "--word", "x", "--wav", "take.wav"],
        ["adapt", "MODEL", "--port", "nowhere", "--wav", "take.wav"],
        ["evaluate", "MODEL", "--data", "recordings", "--protocol", "new-words"],
        ["demo", "MODEL"],
    ],
)
def test_commands_that_need_sound_say_so(arguments: list[str]) -> None:
    folder = str(silent_model.folder("images"))
    with pytest.raises(MynaError, match="no audio front end") as error:
        named = [folder if argument == "MODEL" else argument for argument in arguments]
        CliRunner().invoke(cli, named, catch_exceptions=False)
    assert "models/kws" in error.value.fix


# -- large inputs ----------------------------------------------------------------------------------


def test_large_inputs_leave_room_for_few_clips() -> None:
    package = load_package(silent_model.folder("images"))

    def clips(*shape: int) -> int:
        model = replace(package.model.model, input_shape=shape)
        return fit_ram(replace(package, model=replace(package.model, model=model)), Options())[
            1
        ].clips

    assert [clips(8, 8, 3), clips(96, 96, 1), clips(128, 128, 3)] == [Options.clips, 10, CLIPS[-1]]


def test_inputs_that_a_clip_cannot_count_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(emit, "LARGEST_INPUT", 8 * 8 * 3 - 1)
    with pytest.raises(MynaError, match="192 bytes are larger than 191") as error:
        _ = open_project(silent_model.folder("images"), folder=tmp_path).generated
    assert "pixels (8, 8, 3)" in error.value.where
