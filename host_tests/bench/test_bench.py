# SPDX-License-Identifier: Apache-2.0
"""Instruction counts are exact, so any change shows: they are locked in ``golden/counts.json``.

After a deliberate change: ``python host_tests/bench/test_bench.py`` counts again, and the
difference is part of the review.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from myna.bench.cases import cases
from myna.bench.count import (
    Steps,
    compiler,
    count_enrollment,
    count_listening,
    count_steps,
    count_update,
)
from myna.bench.counters import total
from myna.bench.instructions import CLASSES, Class, Kind
from myna.bench.measure import kernels
from myna.bench.profile import by_function
from myna.bench.traffic import count_gradients
from myna.device.pio import compile_flags
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe
from myna.learn.templates import WORDS, refused_bytes, word_bytes
from myna.learn.vector import trained_weights
from myna.ops.base import GradOp
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from support.pairs import some_by_day

GOLDEN = PROJECT / "host_tests" / "golden" / "counts.json"
BOARDS = ("qemu_m3", "qemu_m4", "qemu_m55")
MODEL = PROJECT / "models" / "ds_cnn"


@cache
def project() -> Project:
    return open_project(MODEL, Options(train="all"))


@cache
def steps_of(board: str) -> Steps:
    program = project().program
    return count_steps(board, project().generated, program.forward_nodes, program.train_nodes)


@cache
def counts(board: str) -> dict[str, list[int]]:
    """Instructions, bytes loaded and stored, stack: of every kernel, and of a whole model."""
    steps = steps_of(board)
    found = {kernel.name: kernel.count for kernel in kernels(project(), board)}
    found["features"] = steps.features
    found["ds_cnn inference"] = total(steps.infer)
    found["ds_cnn training step"] = total(steps.train_step)
    return {name: [c.instructions, c.loaded, c.stored, c.stack] for name, c in found.items()}


@pytest.mark.qemu
@pytest.mark.parametrize("board", some_by_day(BOARDS, ("qemu_m4", "qemu_m55")))
def test_counts_are_locked(board: str) -> None:
    locked = json.loads(GOLDEN.read_text("utf-8"))[board]
    if locked["compiler"] != compiler(board):
        pytest.skip(f"counted with {locked['compiler']}, this is {compiler(board)}")
    found = counts(board)
    changed = [
        f"{name}: {locked['counts'].get(name)} -> {found.get(name)}"
        for name in locked["counts"].keys() | found.keys()
        if locked["counts"].get(name) != found.get(name)
    ]
    assert not changed, f"see the head of this file: {'; '.join(sorted(changed))}"


@pytest.mark.qemu
def test_a_training_step_contains_its_inference() -> None:
    steps = steps_of("qemu_m4")
    forward = steps.train_step[: project().program.forward_nodes]
    # the first node's section begins elsewhere; all others run the same code on the same data,
    # but not at the same depth of the stack
    moved = [
        [(count.instructions, count.loaded, count.stored) for count in counts[1:]]
        for counts in (forward, steps.infer)
    ]
    assert moved[0] == moved[1]
    assert total(steps.train_step).instructions > 2 * total(steps.infer).instructions


@pytest.mark.qemu
def test_an_enrollment_runs_the_body_once_for_each_latent() -> None:
    head = open_project(MODEL, Options(train="head"))
    program = head.program
    rng = np.random.default_rng(0)
    maps = rng.integers(-128, 128, (2, *program.graph.tensors["features"].shape)).astype(np.int8)
    first = len(head.package.labels)
    examples = Examples(maps, np.array([first, first + 1], np.int64))
    steps = count_steps("qemu_m4", head.generated, program.forward_nodes, program.train_nodes)
    one, two = (
        count_enrollment("qemu_m4", head.generated, examples, Recipe(epochs=n, enough=0.0))
        for n in (1, 2)
    )
    assert (one.epochs, two.epochs) == (1, 2)
    infer, kept = total(steps.infer).instructions, program.kept_latents
    whole = one.whole.instructions
    assert 0 < two.whole.instructions - whole < infer  # the body is not run again
    assert whole > 2 * kept * infer
    assert kept * infer < one.after_last_take.instructions < 2 * kept * infer
    assert infer < one.first_answer.instructions < 2 * kept * infer / 3


@pytest.mark.qemu
def test_finding_the_step_of_an_update_costs_more_than_applying_one() -> None:
    head = open_project(MODEL, Options(train="head"))
    update = count_update("qemu_m4", head.generated)
    weights = trained_weights(head.program)
    assert update.encode.instructions > 2 * update.apply.instructions > 2 * 10 * weights
    assert 0 < update.apply.stack < update.encode.stack < 2000


@pytest.mark.qemu
def test_a_range_found_dynamically_moves_each_gradient_twice() -> None:
    counted = count_gradients(MODEL, "qemu_m4")
    assert len(counted) == sum(isinstance(n.op, GradOp) for n in project().program.graph.nodes)
    assert all(one.dynamic > 1.9 * one.hindsight for one in counted)


@pytest.mark.qemu
@pytest.mark.parametrize(("name", "most"), [("kws", 16_000_000), ("ds_cnn", 8_000_000)])
def test_listening_costs_rows_and_not_windows(name: str, most: int) -> None:
    built = open_project(MODEL.with_name(name), Options(train="head", streaming=True))
    assert built.streaming is not None
    found = count_listening("qemu_m4", built.generated)
    assert found.period_ms == 40
    assert most // 2 < found.second.instructions < most
    planned = built.streaming.state_bytes + built.streaming.arena.size
    assert planned + 3000 < found.stream_ram  # and a front end of its own
    others = (WORDS - 1) * word_bytes(built.streaming) + refused_bytes(built.streaming)
    assert others < found.session_ram < 24 * 1024 - found.stream_ram + others
    speech, rows = found.second.instructions, found.without_word.instructions
    assert rows < speech < 1.1 * rows
    assert found.in_silence.instructions < speech // 4


@pytest.mark.qemu
@pytest.mark.parametrize("board", some_by_day(BOARDS, ("qemu_m4", "qemu_m55")))
def test_code_goes_on_elsewhere_behind_branches_alone(board: str) -> None:
    mix = total(steps_of(board).train_step).mix
    counted = list(zip(CLASSES, mix.executed, mix.jumps, strict=True))
    leaves = {one.kind for one, _, jumps in counted if jumps}
    assert Kind.BRANCH in leaves <= {Kind.BRANCH, Kind.LOOP, Kind.MULTIPLE, Kind.LOAD}
    assert (Kind.LOOP in leaves) == (board == "qemu_m55")
    assert all(jumps <= executed for _, executed, jumps in counted)
    branches = CLASSES.index(Class(Kind.BRANCH))
    assert mix.jumps[branches] < mix.executed[branches]  # some are not taken
    assert 2 * mix.jumps[branches] > mix.executed[branches]  # but loops go on more often than not
    assert sum(mix.jumps) / 2 < mix.lines < sum(mix.executed)


@pytest.mark.qemu
def test_only_the_emulator_counts() -> None:
    with pytest.raises(MynaError, match="counted in the emulator"):
        count_steps("host", project().generated, 1, 1)


def test_a_tool_that_fails_says_why(tmp_path: Path) -> None:
    ran = tmp_path / "ran.txt"
    ran.write_text("1000 3\n", "ascii")
    with pytest.raises(MynaError, match=r"addr2line: failed: .*missing\.elf"):
        by_function(tmp_path / "missing.elf", ran)


def test_flags_are_those_of_the_build() -> None:
    flags = compile_flags("qemu_m55").split()
    assert {"-std=c11", "-O2", "-Werror", "-mcpu=cortex-m55"} <= set(flags)
    assert not any(flag.startswith("-m") for flag in compile_flags("host").split())


def test_case_names_are_unique() -> None:
    names = [case.name for case in cases()]
    assert len(set(names)) == len(names)


if __name__ == "__main__":
    result = {board: {"compiler": compiler(board), "counts": counts(board)} for board in BOARDS}
    GOLDEN.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", "utf-8")
