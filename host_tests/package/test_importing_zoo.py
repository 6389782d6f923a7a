# SPDX-License-Identifier: Apache-2.0
"""Networks of many kinds come in, train bit-exactly, and leave, byte for byte as TFLite-Micro says.

Each comes in both ways: as TensorFlow Lite's int8 file, and in float, to be quantized here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from myna.cli import cli
from myna.engines.library import HostLibrary
from myna.engines.reference import Reference
from myna.engines.verify import Verifier, verify_steps
from myna.errors import MynaError
from myna.frontend.model import FloatModel
from myna.ir import Array, Kind
from myna.package.calibration import load_calibration
from myna.package.importing import ImportRequest, import_keras, import_tflite
from myna.package.package import load_package
from myna.passes.pipeline import Options, compile_model
from myna.project import Project, open_project
from myna.sessions.checkpoint import read_board
from myna.sessions.export import export_model
from support import gradients, streams, zoo
from support.kept import kept
from support.pairs import pairs, some_by_day

pytest.importorskip("tflite_micro")
from support.micro import Micro, without_softmax

pytestmark = pytest.mark.train
STEPS = 50
COSINE = 0.99
ROUTES = {"tflite": import_tflite, "keras": import_keras}


def each_case(shift: int, daily: Sequence[str] = tuple(zoo.ZOO)) -> pytest.MarkDecorator:
    """Each network by one route, both at night; one test by those that another does not take.

    The slowest tests take some of the networks by day.
    """
    networks = some_by_day(zoo.ZOO, daily)
    return pytest.mark.parametrize(("name", "route"), pairs(networks, list(ROUTES), shift))


@cache
def imported(name: str, route: str) -> Path:
    """A model's folder."""
    source, entry = zoo.folder(name), zoo.ZOO[name]
    request = ImportRequest(
        name, examples=source / "examples.npz", reconstruct=entry.loss == "reconstruct"
    )
    return kept(
        f"{name}-{route}", lambda draft: ROUTES[route](source / f"model.{route}", request, draft)
    )


@cache
def project_of(name: str, route: str) -> Project:
    """All is trained, and the body so fast that within few steps every weight changes."""
    fast = {"classify": Options(rate=0.1, body_rate=0.1), "reconstruct": Options()}
    return open_project(imported(name, route), fast[zoo.ZOO[name].loss])


@cache
def inputs_of(name: str, route: str, count: int) -> Array:
    """Int8 inputs [count, *input_shape]: half are examples that no training saw, half noise."""
    model = project_of(name, route).package.model
    quant = model.quants[model.model.input_name]
    real = np.load(zoo.folder(name) / "samples.npz")["inputs"][: count // 2].astype(np.float64)
    q = np.clip(np.rint(real / quant.scale[0]) + quant.zero_point, -128, 127).astype(np.int8)
    rng = np.random.default_rng(5)
    shape = model.model.input_shape
    noise = rng.integers(-128, 128, (count - len(q), *shape)).astype(np.int8)
    return np.concatenate([q.reshape(-1, *shape), noise])


def lesson(name: str, route: str) -> tuple[Array, list[int]]:
    """Examples with other labels than the network was fitted to: it has all to learn again."""
    features, labels = load_calibration(imported(name, route))
    return features, ((labels + 1) % max(zoo.ZOO[name].classes, 1)).tolist()


def used(model: FloatModel, outputs: Array) -> Array:
    """The outputs of the classes in use."""
    return outputs[: len(model.labels)] if model.labels else outputs


def assert_equal(project: Project, core: HostLibrary, network: Micro, inputs: Array) -> None:
    """No byte differs, and not because everything is the same."""
    model = project.package.model.model
    ours = np.array([used(model, core.infer(x)) for x in inputs])
    theirs = np.array([network.infer(x) for x in inputs])
    assert ours.shape == theirs.shape
    assert len(np.unique(ours)) > 50
    assert int((ours != theirs).sum()) == 0


def logits(exported: bytes) -> Micro:
    """TFLite-Micro with a file, of which it yields the logits."""
    return Micro(without_softmax(exported))


@each_case(0)
def test_inference_equals_tflite_micro(name: str, route: str, inputs: int) -> None:
    project, xs = project_of(name, route), inputs_of(name, route, inputs)
    core, exported = project.library(), export_model(project).data
    assert_equal(project, core, logits(exported), xs)
    if route == "tflite":
        original = (zoo.folder(name) / "model.tflite").read_bytes()
        assert_equal(project, core, logits(original), xs)
        ended, again = Micro(original), Micro(exported)  # with probabilities, where it has them
        assert all(np.array_equal(ended.infer(x), again.infer(x)) for x in xs[:50])
    reference = Reference(project.program)
    sample = xs[:: len(xs) // 40]
    assert all(np.array_equal(reference.infer(x).reshape(-1), core.infer(x)) for x in sample)


@each_case(1)
def test_it_infers_on_what_arrives_or_says_which_layer_cannot(name: str, route: str) -> None:
    project = open_project(imported(name, route), Options(train="head", streaming=True))
    if name == "autoencoder":
        with pytest.raises(MynaError, match=r"layer dense\w* \(Dense\): .*along time"):
            _ = project.streaming
        return
    program = project.streaming
    assert program is not None
    graph, height = project.program.graph, streams.steps(project.program.graph)
    margin = program.period * (program.warm_up + 4)
    rows = np.random.default_rng(0).integers(
        -128, 128, (2 * margin + height, graph.of_kind(Kind.INPUT)[0].size // height)
    )
    expected = streams.Windows(graph, rows.astype(np.int8))
    core, compared = project.library().stream(program), 0
    for arrived, row in enumerate(rows, 1):
        found, begin = core.row(row), arrived - program.delay - height
        if found is not None and begin >= margin // 2 and arrived < len(rows) - program.period:
            np.testing.assert_array_equal(found, expected.logits(begin))
            compared += 1
    assert compared > 5


@pytest.mark.qemu
@each_case(1, daily=("ds_cnn", "autoencoder", "pools"))
def test_a_cortex_m4_is_verified(name: str, route: str, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    where = ["--board", "qemu_m4", "--steps", str(STEPS), "--json", str(result)]
    done = CliRunner().invoke(cli, ["verify", str(imported(name, route)), *where])
    assert done.exit_code == 0, done.output or done.exception
    found = json.loads(result.read_text())
    assert (found["steps"], found["differences"]) == (STEPS, 0)
    assert found["compared"] > STEPS * 20


@each_case(1, daily=("mobilenet_v2", "tc_resnet8", "motion"))
def test_what_a_board_learned_runs_under_tflite_micro(name: str, route: str, inputs: int) -> None:
    project, xs = project_of(name, route), inputs_of(name, route, inputs)
    features, labels = lesson(name, route)
    core = project.library()
    fresh = {n: core.get_state(n) for n in project.program.state if n.endswith((".w", ".b"))}
    with project.connect("host") as board:
        clips = list(zip(features, labels, strict=True))[: board.info.max_clips]
        verified = verify_steps(Verifier(project.program, board, clips), STEPS)
        losses = board.train(3 * STEPS)
        checkpoint = read_board(board)
    assert verified.differences == 0, verified.first
    assert losses[-STEPS:].mean() < losses[:STEPS].mean()
    core.write_state(checkpoint.state)
    assert not [n for n, value in fresh.items() if np.array_equal(core.get_state(n), value)]
    assert_equal(project, core, logits(export_model(project, checkpoint).data), xs)


@each_case(0)
def test_gradients_point_where_float_autodiff_points(name: str, route: str) -> None:
    """At the start of training, over all examples.

    Not with the labels that the network was fitted to: of those, nothing is left to learn, and
    the sum of what each example asks for is noise.
    """
    keras_frontend = pytest.importorskip("myna.formats.keras")
    package = load_package(imported(name, route))
    model = package.with_rows(zoo.ZOO[name].classes).model
    features, labels = lesson(name, route)
    network = keras_frontend.to_keras(gradients.dequantized(model))
    expected = gradients.float_gradients(network, model, features, labels)
    options = Options()
    device = Reference(compile_model(model, package.ranges_of(options.ranges), options))
    found = dict.fromkeys(expected, 0.0)
    for x, label in zip(features, labels, strict=True):
        one = gradients.weight_gradients(device, model, x, label)
        found = {key: value + one[key] for key, value in found.items()}
    for key, theirs in expected.items():
        ours = found[key]
        cosine = (ours * theirs).sum() / (np.linalg.norm(ours) * np.linalg.norm(theirs))
        assert cosine >= COSINE, f"{key}: {cosine:.4f}"
