# SPDX-License-Identifier: Apache-2.0
"""What to train by measured contributions: plans, budgets, multiply-accumulates, the record."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from myna.cli import cli
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.package.package import CONTRIBUTIONS, load_contributions
from myna.passes.macs import macs
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options, compile_model
from myna.passes.training.hindsight import RangeMode
from myna.passes.training.select import Contribution, Contributions, layers_of, trained_tensors
from myna.project import open_project
from support import tiny, tiny_model

BODY = ("stem", "dw", "pw")
GAINS = {"stem": Contribution(3.0, 600), "dw": Contribution(-1.0, 10), "pw": Contribution(2.0, 200)}
each_network = pytest.mark.parametrize("name", ["plain", "reversible"])


@cache
def compiled(name: str, plan: str) -> Program:
    return chosen(name, plan, contributions_of(name))


def chosen(name: str, plan: str, contributions: Contributions | None) -> Program:
    model = tiny.quantized(name)
    ranges = tiny.gradient_ranges(model, RangeMode.RELATIVE)
    return compile_model(model, ranges, Options(train=plan), contributions=contributions)


def layers(program: Program) -> list[str]:
    return layers_of(trained_tensors(program.graph))


@cache
def body(name: str) -> tuple[str, ...]:
    return tuple(layers(chosen(name, "all", None))[:-1])


def contributions_of(name: str, seed: int = 0) -> dict[str, Contribution]:
    rng = np.random.default_rng(seed)
    return {
        layer: Contribution(float(rng.normal(1, 2)), int(rng.integers(0, 2000)))
        for layer in body(name)
    }


def total(program: Program, contributions: Contributions) -> float:
    return sum(contributions[layer].gain for layer in layers(program)[:-1])


# -- plans -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "expected"),
    {
        "sparse-1": ["pw", "logits"],
        "sparse-2": ["stem", "pw", "logits"],
        "sparse-3": ["stem", "dw", "pw", "logits"],
        "sparse-99": ["stem", "dw", "pw", "logits"],
        "ram-1000000": ["stem", "pw", "logits"],  # what costs accuracy is left out
    }.items(),
)
def test_the_layers_that_bring_most_per_byte_are_trained(plan: str, expected: list[str]) -> None:
    program = chosen("plain", plan, GAINS)
    assert layers(program) == expected
    assert {f"{layer}.w" for layer in expected} <= set(trained_tensors(program.graph))


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.lists(st.integers(0, 3000), min_size=2, max_size=4))
def test_a_budget_is_kept_and_a_larger_one_never_brings_less(seed: int, extra: list[int]) -> None:
    contributions = contributions_of("plain", seed)
    least = compiled("plain", "head").ram_bytes
    before = 0.0
    for budget in sorted(least + more for more in extra):
        program = chosen("plain", f"ram-{budget}", contributions)
        assert program.ram_bytes <= budget
        assert layers(program)[-1] == "logits"
        now = total(program, contributions)
        assert now >= before
        before = now


@each_network
def test_a_generous_budget_trains_all_that_helps(name: str) -> None:
    contributions = contributions_of(name)
    useful = [layer for layer in body(name) if contributions[layer].gain > 0]
    assert layers(compiled(name, "ram-9999999")) == [*useful, "logits"]


def test_a_budget_finds_shallow_layers_where_deep_ones_do_not_fit() -> None:
    deep_first = {"stem": Contribution(9.0, 1), "dw": Contribution(8.0, 1)}
    contributions = deep_first | {"pw": Contribution(0.1, 100)}
    budget = chosen("plain", "pw.w,pw.b,logits.w,logits.b", None).ram_bytes
    assert chosen("plain", "stem.w,stem.b,logits.w,logits.b", None).ram_bytes > budget
    assert layers(chosen("plain", f"ram-{budget}", contributions)) == ["pw", "logits"]


@pytest.mark.parametrize("plan", ["sparse-1", "ram-9999999"])
def test_what_was_not_measured_says_how_to(plan: str) -> None:
    with pytest.raises(MynaError, match="nobody measured") as error:
        chosen("plain", plan, None)
    assert "myna contributions" in error.value.fix
    with pytest.raises(MynaError, match="dw is missing"):
        chosen("plain", plan, {"stem": GAINS["stem"]})


def test_a_budget_below_the_head_says_what_it_needs() -> None:
    needed = compiled("plain", "head").ram_bytes
    assert layers(chosen("plain", f"ram-{needed}", GAINS)) == ["logits"]
    with pytest.raises(MynaError, match=f"takes {needed} bytes"):
        chosen("plain", f"ram-{needed - 1}", GAINS)


# -- costs -----------------------------------------------------------------------------------------


def test_macs_of_the_plain_network() -> None:
    """Maps of 6×4: stem 4×3 taps to 6 channels, depthwise 3×3, pointwise to 7, 7 to 6 rows."""
    stem, dw, pw, head = 24 * 12 * 6, 24 * 9 * 6, 24 * 6 * 7, 7 * 6
    program = compiled("plain", "all")
    graph = program.graph
    forward = graph.nodes[: program.forward_nodes]
    assert macs(graph, forward) == stem + dw + pw + head
    # behind the loss: a weight gradient of each layer, an input gradient of all but the first
    assert macs(graph, graph.nodes[program.forward_nodes :]) == stem + 2 * (dw + pw + head)
    head_only = compiled("plain", "head")
    assert macs(head_only.graph, head_only.graph.nodes) == stem + dw + pw + 2 * head


def test_storing_all_activations_costs_memory_and_changes_nothing() -> None:
    model = tiny.quantized("reversible")
    ranges = tiny.gradient_ranges(model, RangeMode.RELATIVE)
    inverting, storing = (
        Reference(compile_model(model, ranges, Options(store_all=flag))) for flag in (False, True)
    )
    for step, x in enumerate(tiny.features(6)):
        assert len({device.train_step(x, step % 4) for device in (inverting, storing)}) == 1
    assert inverting.read_state() == storing.read_state()
    assert inverting.program.arena_bytes < storing.program.arena_bytes
    work = [macs(d.program.graph, d.program.graph.nodes) for d in (inverting, storing)]
    assert work[0] > work[1]  # branches are computed again


# -- the record ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tones")
    return tiny_model.recordings(folder, ("p0", "p1"), ("one", "two"), 4)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the small plain model that may be written to."""
    copy = tmp_path_factory.mktemp("model") / "plain"
    copy.mkdir()
    for path in tiny_model.folder("plain").iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    return copy


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_contributions_are_measured_and_used(model: Path, tones: Path, tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    done = run("contributions", model, "--data", tones, "--users", 2, "--jobs", 1, "--json", file)
    assert done.exit_code == 0, done.output
    record = json.loads((model / CONTRIBUTIONS).read_text())
    assert json.loads(file.read_text())["layers"] == record["layers"]
    assert set(record["layers"]) == set(BODY)
    (found, speakers), head = load_contributions(model), ram(model, "head")
    assert found is not None
    assert speakers == {*record["speakers"]} == {"p0", "p1"}
    for layer, entry in record["layers"].items():
        assert found[layer] == Contribution(entry["gain"], entry["ram"])
        assert entry["ram"] == ram(model, f"{layer}.w,{layer}.b,logits.w,logits.b") - head
    deepest = max(record["layers"], key=lambda layer: record["layers"][layer]["macs"])
    assert deepest == "stem"
    budget = ram(model, "sparse-1")
    assert head <= ram(model, f"ram-{budget}") <= budget


def ram(model: Path, plan: str) -> int:
    return open_project(model, Options(train=plan)).program.ram_bytes


def test_a_damaged_record_names_its_file(tmp_path: Path) -> None:
    assert load_contributions(tmp_path) == (None, frozenset())
    nobody = '{"layers": {"a": {"gain": 1, "ram": 1}}}'
    for text in ("", "[]", "{}", '{"layers": {"a": {"gain": 1}}}', '{"layers": [1]}', nobody):
        (tmp_path / CONTRIBUTIONS).write_text(text)
        with pytest.raises(MynaError, match=CONTRIBUTIONS):
            load_contributions(tmp_path)
