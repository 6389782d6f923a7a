# SPDX-License-Identifier: Apache-2.0
"""`myna analyze`: bytes that a step keeps and moves, against counts made by other means."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from click.testing import CliRunner
from myna.analysis import memory, traffic
from myna.analysis.subject import subject
from myna.cli import cli
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.ir import Kind
from myna.passes.memory.plan import ALIGNMENT, Program
from myna.passes.pipeline import Options, compile_model
from myna.passes.training.hindsight import RangeMode, dynamic_gradients
from myna.passes.training.select import layers_of, trained_tensors
from support import tiny, tiny_model

KWS = PROJECT / "models" / "kws"


def compiled(name: str, options: Options) -> Program:
    model = tiny.quantized(name)
    return compile_model(model, tiny.gradient_ranges(model, RangeMode.RELATIVE), options)


def run(*arguments: object) -> tuple[str, dict[str, object]]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "found.json"
        result = CliRunner().invoke(cli, [*map(str, arguments), "--json", str(path)])
        assert result.exit_code == 0, result.output
        return result.output, json.loads(path.read_text("utf-8"))


# -- memory ----------------------------------------------------------------------------------------


def test_what_depends_on_the_loss_is_no_activation() -> None:
    program = compiled("reversible", Options())
    found = memory.activations(program.graph)
    assert {"features", "logits", "f1_in~", "f0~"} <= found
    values = {t.name for t in program.graph.tensors.values() if t.kind is Kind.VALUE}
    late = values - found
    assert "dlogits" in late
    assert all(name.startswith("d") or name == "loss" for name in late), late


def test_storing_all_keeps_what_the_backward_pass_reads() -> None:
    """At the loss: the inputs, and every forward value that a later node reads."""
    program = compiled("plain", Options(store_all=True))
    graph, split = program.graph, program.forward_nodes
    read = {name for node in graph.nodes[split:] for name in node.inputs}
    made = {name for node in graph.nodes[:split] for name in node.outputs}
    kept = [t for t in graph.of_kind(Kind.VALUE) if t.name in read & made]
    kept += graph.of_kind(Kind.INPUT)
    expected = sum(-(-tensor.nbytes // ALIGNMENT) * ALIGNMENT for tensor in kept)
    names = memory.activations(graph)
    buffers = [b for b in program.buffers if not names.isdisjoint(b.tensors)]
    live = sum(b.size for b in buffers if b.start <= split <= b.end)
    assert live == expected
    assert memory.peak_activations(program) >= expected


def test_kws_needs_a_quarter_of_the_activations(tmp_path: Path) -> None:
    output, found = run("analyze", "memory", KWS, "-o", tmp_path / "picture.png")
    assert found["command"] == "analyze memory"
    assert found["activations_planned"] <= found["activations_store_all"] / 4  # type: ignore[operator]
    ratio = found["activations_store_all"] / found["activations_planned"]  # type: ignore[operator]
    assert np.isclose(found["ratio"], ratio)  # type: ignore[arg-type]
    assert f"{found['activations_planned']:,}" in output


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "new" / "memory.png"
    run("analyze", "memory", tiny_model.folder(), "-o", picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("arguments", [(), (KWS, "--arch", "mobilenet_v2")])
def test_one_subject_must_be_named(arguments: tuple[object, ...]) -> None:
    result = CliRunner().invoke(cli, ["analyze", "memory", *map(str, arguments)])
    assert isinstance(result.exception, MynaError)
    assert "either MODEL or --arch" in str(result.exception)


def test_what_a_budget_leaves_to_train_is_shown(tmp_path: Path) -> None:
    output, found = run("analyze", "memory", KWS, "--ram", "48K", "-o", tmp_path / "picture.png")
    trained = found["trained"]
    assert isinstance(trained, list)
    everything = trained_tensors(subject(KWS, None).program(Options()).graph)
    assert trained and set(trained) < set(everything)
    assert f"trains {layers_of(trained)[-1]}\n" in output  # here the head alone


@pytest.mark.parametrize("plan", ["auto", "ram-50000", "sparse-2"])
def test_a_shape_has_no_contributions(plan: str) -> None:
    what = ["analyze", "memory", "--arch", "mobilenet_v2", "--train", plan]
    result = CliRunner().invoke(cli, what)
    assert isinstance(result.exception, MynaError)
    assert "a shape has no measured contributions" in str(result.exception)
    assert "myna contributions" not in str(result.exception)


# -- traffic ---------------------------------------------------------------------------------------


def test_a_layer_moves_what_the_formulas_say() -> None:
    """3×3, 64 to 64 channels, 56 × 56: 428 and 1,996 KB."""
    pixels = 56 * 56
    layer = traffic.Gradient("d_x", 64 * 64 * 9 + 64 * pixels, 64 * pixels)
    assert layer.bytes_hindsight // 1024 == 428
    assert layer.bytes_dynamic // 1024 == 1996
    assert round(layer.reduction) == 79


def test_operands_are_those_of_the_op() -> None:
    graph = compiled("plain", Options()).graph
    found = {g.name: g for g in traffic.gradients(graph)}
    size = {name: tensor.size for name, tensor in graph.tensors.items()}
    assert found.keys() == {"d_pool", "d_dw", "d_stem"}
    assert found["d_dw"].operands == size["pw"] + size["pw.w"]
    assert found["d_dw"].elements == size["dw"]
    assert found["d_stem"].operands == size["dw"] + size["dw.w"]


def test_every_gradient_of_the_dynamic_program_is_counted() -> None:
    graph = compiled("reversible", Options(store_all=True)).graph
    dynamic = compiled("reversible", Options(store_all=True, ranges=RangeMode.DYNAMIC)).graph
    assert [g.name for g in traffic.gradients(graph)] == dynamic_gradients(dynamic)


@pytest.mark.parametrize("what", [(KWS,), ("--arch", "mobilenet_v2")], ids=["kws", "mobilenet"])
def test_ranges_in_hindsight_save_what_is_published(what: tuple[object, ...]) -> None:
    _, found = run("analyze", "traffic", *what)
    layers = found["layers"]
    assert isinstance(layers, list)
    saved = [100 * (1 - one["bytes_hindsight"] / one["bytes_dynamic"]) for one in layers]
    assert found["reduction_max"] == pytest.approx(max(saved))
    assert max(saved) >= 79
    total = [sum(one[f"bytes_{kind}"] for one in layers) for kind in ("hindsight", "dynamic")]
    assert found["reduction_total"] == pytest.approx(100 * (1 - total[0] / total[1]))
    assert found["reduction_alone"] == pytest.approx(100 * 8 / 9)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((KWS, "--board", "nonsense"), "unknown board"),
        ((KWS, "--board", "host"), "counted in the emulator"),
        (("--arch", "mobilenet_v2", "--board", "qemu_m4"), "only a MODEL runs"),
    ],
)
def test_a_board_that_cannot_count_is_told_first(
    arguments: tuple[object, ...], reason: str
) -> None:
    result = CliRunner().invoke(cli, ["analyze", "traffic", *map(str, arguments)])
    assert isinstance(result.exception, MynaError)
    assert reason in str(result.exception)
    assert not result.output
