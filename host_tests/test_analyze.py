# SPDX-License-Identifier: Apache-2.0
"""`myna analyze`: bytes that a step keeps and moves, against counts made by other means."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import tiny
import tiny_model
from click.testing import CliRunner
from myna.analysis import memory
from myna.cli import cli
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.ir import Kind
from myna.passes.hindsight import RangeMode
from myna.passes.plan import ALIGNMENT, Program
from myna.pipeline import Options, compile_model

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
    live = memory.bytes_live(program, lambda buffer: not names.isdisjoint(buffer.tensors))
    assert live[split] == expected
    assert memory.peak_activations(program) >= expected


@pytest.mark.parametrize("name", ["plain", "reversible"])
def test_all_buffers_together_need_the_lower_bound(name: str) -> None:
    program = compiled(name, Options())
    assert max(memory.bytes_live(program, lambda _: True)) == program.arena_lower_bound


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
