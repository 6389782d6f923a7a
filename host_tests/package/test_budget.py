# SPDX-License-Identifier: Apache-2.0
"""Learning within so many bytes of RAM: what is chosen, and what a board then takes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner
from myna.codegen import fingerprint
from myna.commands.common import ram_option, training_options
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.evaluation.speech import Utterance
from myna.evaluation.verified_enrollment import VerifiedEnrollment, featurize
from myna.ir import Graph
from myna.learn.recipe import Recipe
from myna.package.budget import CLIPS, VARIATIONS, compile_package, fit_ram
from myna.package.needs import Needs
from myna.package.package import Package, load_package
from myna.passes import pipeline
from myna.passes.lowering.quantize import QuantizedModel
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Compiler, Options, compile_model
from myna.passes.training.select import layers_of, trained_tensors
from myna.project import Project, open_project
from myna.sessions.footprint import Footprint, measure
from support import tiny, tiny_model

KWS = PROJECT / "models" / "kws"
K = 1024
PLANS = ("all", "head")  # the second where the first does not fit
WORDS = tuple(word for word, hertz in tiny_model.TONES.items() if hertz)[:5]
asked = pytest.mark.parametrize(
    ("train", "ram"),
    [
        *(("head", 32 * K), ("head", 64 * K), ("auto", 32 * K)),
        *(("all", 96 * K), ("all", 118 * K), ("all", 128 * K)),
    ],
)


@cache
def compiled(train: str, ram: int) -> Project:
    return open_project(KWS, Options(train=train, ram=ram))


@asked
def test_what_is_chosen_fits(train: str, ram: int) -> None:
    project = compiled(train, ram)
    used = project.options
    needs = Needs.of(project.program, has_front_end=True)
    assert needs.total(used.clips, used.heard) <= ram
    beside = most_clips(needs, ram, Options.heard)
    assert (used.clips, used.heard) == (
        (beside, Options.heard) if beside >= CLIPS[0] else (most_clips(needs, ram, 0), 0)
    )


def most_clips(needs: Needs, ram: int, heard: int) -> int:
    return min((ram - needs.total(0, heard)) // needs.clip, Options.clips)


def test_what_costs_nothing_is_given_up_first() -> None:
    chosen = [compiled("head", kilo * K) for kilo in (128, 64, 32)]
    assert [p.options.rows for p in chosen] == [False, True, True]
    assert [p.options.clips >= CLIPS[0] for p in chosen] == [True, True, False]
    assert [p.package.rows for p in chosen] == [32, 32, 17]
    assert chosen[-1].options.clips >= 5


def test_residuals_are_given_up_for_as_few_layers_as_needed() -> None:
    whole = compiled("all", 192 * K), compiled("all", 148 * K), compiled("all", 128 * K)
    assert [p.options.train for p in whole] == ["all"] * 3
    assert whole[0].options.int8_weights == ()
    assert 0 < len(whole[1].options.int8_weights) < len(whole[2].options.int8_weights) < 26
    state = whole[2].program.state
    assert "logits.w.residual" in state
    assert all(
        (f"{n}.w.residual" in state) != (n in whole[2].options.int8_weights) for n in layers()
    )


def layers() -> list[str]:
    return [name for name in load_package(KWS).model.weights if name != "logits"]


def test_as_much_is_trained_as_fits() -> None:
    few, more = compiled("all", 64 * K), compiled("all", 96 * K)
    assert few.program.state.keys() == compiled("head", 64 * K).program.state.keys()
    assert few.program.state_bytes < more.program.state_bytes
    assert min(few.options.clips, more.options.clips) >= CLIPS[0]


def test_more_ram_never_trains_less() -> None:
    gains = load_package(KWS).contributions
    assert gains is not None
    sums = []
    for kilo in (94, 98, 106, 110, 114):
        trained = layers_of(trained_tensors(compiled("all", kilo * K).program.graph))
        sums.append(sum(gains[name].gain for name in trained if name in gains))
    assert sums == sorted(sums)
    assert sums[0] > 0


def test_auto_trains_the_head_where_nothing_else_fits() -> None:
    project = compiled("auto", 32 * K)
    assert layers_of(trained_tensors(project.program.graph)) == ["logits"]
    with pytest.raises(MynaError, match="multiply-accumulates"):
        open_project(KWS, Options(train="auto", ram=32 * K, macs=1))


def test_time_without_the_plan_that_heeds_it_is_refused() -> None:
    command = click.command()(training_options(lambda chosen: None))
    arguments = ["--train", "all", "--time", "1000000"]
    with pytest.raises(MynaError, match="--time"):
        CliRunner().invoke(command, arguments, catch_exceptions=False)
    arguments[1] = "auto"
    assert CliRunner().invoke(command, arguments, catch_exceptions=False).exit_code == 0


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(MynaError, match=r"20480 bytes .* arena 16016, state 3548, 5 clips"):
        compiled("head", 20 * K)
    for train in ("head", "all", "auto"):
        with pytest.raises(MynaError, match="arena") as refused:
            compiled(train, 20 * K)
        assert "--train head" not in refused.value.fix
        needed = int(refused.value.fix.split()[3])
        assert compiled(train, needed).program.state_bytes < 4 * K
    with pytest.raises(MynaError, match="arena") as refused:
        compiled("last-3", 32 * K)
    assert "--train head" in refused.value.fix
    needed = int(refused.value.fix.split()[3])
    assert compiled("last-3", needed).options.train == "last-3"


@pytest.mark.parametrize("train", ["head", "all"])
def test_a_budget_may_be_used_up_to_its_last_byte(train: str) -> None:
    folder = tiny_model.folder("plain")

    def chosen(ram: int) -> tuple[Options, int]:
        project = open_project(folder, Options(train=train, ram=ram))
        needs = Needs.of(project.program, has_front_end=True)
        used = project.options
        return used, needs.total(used.clips, used.heard)

    usual, total = chosen(1 << 20)
    exact, same = chosen(total)
    assert (same, exact.clips) == (total, usual.clips)
    less, fitted = chosen(total - 1)
    assert fitted < total
    assert less.clips == usual.clips - 1
    with pytest.raises(MynaError, match="arena") as refused:
        chosen(1000)
    least = chosen(int(refused.value.fix.split()[3]))[1]
    assert chosen(least)[1] == least
    with pytest.raises(MynaError, match="arena"):
        chosen(least - 1)


@pytest.mark.parametrize("name", ["plain", "reversible"])
def test_an_arena_smaller_than_a_recording_takes_as_much_as_that(name: str) -> None:
    project = open_project(tiny_model.folder(name))
    with project.connect("host") as session:
        assert Needs.of(project.program, has_front_end=True).arena == session.info.arena_bytes
        assert session.info.arena_bytes > project.program.arena_bytes


def test_rows_are_cut_from_the_end() -> None:
    package = load_package(KWS)
    small = package.with_rows(15)
    assert (small.rows, package.rows) == (15, 32)
    for one, other in zip(
        (small.model.weights, small.model.biases, small.model.scales),
        (package.model.weights, package.model.biases, package.model.scales),
        strict=True,
    ):
        assert np.array_equal(one["logits"], other["logits"][:15])
        assert one["stem_a"] is other["stem_a"]
    assert fit_ram(package, Options()) == (package, Options())


# -- the search -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("train", "kilo", "most"), [("head", 64, 2), ("all", 64, 8), ("all", 128, 5), ("auto", 96, 2)]
)
def test_no_candidate_is_compiled_twice(
    train: str, kilo: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chosen one neither; what all have in common is made once for each output layer."""
    compiled: list[Options] = []
    sources: list[int] = []
    compile_, lower_ = Compiler.compile, pipeline.training_graph

    def compile_spy(self: Compiler, options: Options) -> Program:
        compiled.append(options)
        return compile_(self, options)

    def lower_spy(model: QuantizedModel, *args: Any) -> Graph:
        sources.append(len(model.biases["logits"]))
        return lower_(model, *args)

    monkeypatch.setattr(Compiler, "compile", compile_spy)
    monkeypatch.setattr(pipeline, "training_graph", lower_spy)
    asked = Options(train=train, ram=kilo * K, replay=0)
    package, used, program = compile_package(load_package(KWS), asked)
    assert len(compiled) <= most
    assert len(set(sources)) == len(sources)
    parts = (package.ranges_of(used.ranges), used, package.knowledge, package.contributions)
    assert fingerprint(program) == fingerprint(compile_model(package.model, *parts))


@pytest.mark.parametrize("name", ["plain", "reversible"])
def test_nothing_that_gives_up_less_fits(name: str) -> None:
    """Against every way to compile a small network, each compiled on its own."""
    package = load_package(tiny_model.folder(name))
    needs = {plan: [(way, needed(package, way)) for way in ways(name, plan)] for plan in PLANS}
    seen = set()
    for ram in (14_000, 14_900, 15_900, 16_900, 17_000, 17_300, 18_100, 18_400):
        asked = Options(train=PLANS[0], ram=ram)
        chosen = fit_ram(package, asked)[1]
        if chosen.memory is not None:  # recomputes: the last resort of a plan
            assert all(need.clips(asked) < CLIPS[-1] for _, need in needs[chosen.train])
            continue
        expected = next(
            filled(way, need, asked)
            for plan in PLANS
            for least in CLIPS
            for way, need in needs[plan]
            if need.clips(asked) >= least
        )
        assert chosen == expected
        seen.add((chosen.train, chosen.rows, bool(chosen.int8_weights)))
    assert len(seen) >= 3


def filled(way: Options, need: Needs, asked: Options) -> Options:
    """A way with as many clips as fit, beside what was heard if 25 do."""
    beside = need.clips(asked, Options.heard)
    if beside >= CLIPS[0]:
        return replace(way, clips=beside, heard=Options.heard, ram=asked.ram)
    return replace(way, clips=need.clips(asked), heard=0, ram=asked.ram)


def ways(name: str, plan: str) -> list[Options]:
    """Whole maps, by rows with fewer and fewer latents kept, then with one-byte weights in more and
    more layers, large ones first."""
    whole = Options(train=plan, backup=0)
    kept = [replace(whole, rows=True, variations=count) for count in VARIATIONS]
    by_rows = kept[-1]
    sizes = {layer: -w.size for layer, w in tiny.quantized(name).weights.items()}
    layers = sorted(list(sizes)[:-1], key=sizes.__getitem__) if plan == "all" else []
    counts = range(1, len(layers) + 1)
    return [whole, *kept, *(replace(by_rows, int8_weights=tuple(layers[:n])) for n in counts)]


def needed(package: Package, options: Options) -> Needs:
    ranges = package.ranges_of(options.ranges)
    program = compile_model(package.model, ranges, replace(options, replay=0), package.knowledge)
    return Needs.of(program, has_front_end=True)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("65536", 65536),
        ("64K", 65536),
        ("1M", 1 << 20),
        ("64k", 65536),
        ("64 KiB", 65536),
        ("64x", None),
    ],
)
def test_bytes_are_read_with_their_unit(text: str, number: int | None) -> None:
    seen: list[int] = []

    def remember(ram: int) -> None:
        seen.append(ram)

    command = click.command()(ram_option(remember))
    result = CliRunner().invoke(command, ["--ram", text])
    assert seen == ([] if number is None else [number])
    assert (result.exit_code == 0) == (number is not None)


# -- on a board, all told -----------------------------------------------------------------------


def enrolled(project: Project, takes: int) -> tuple[VerifiedEnrollment, Footprint, int]:
    """Enroll five new words from sound, compared with the reference; what it took; words right."""
    first = len(project.package.labels)
    classes = {word: first + i for i, word in enumerate(WORDS)}
    said = [Utterance(w, tiny_model.tone(w, n)) for n in range(takes) for w in WORDS]
    examples = featurize(project.package.audio, said, classes)
    firmware = project.firmware("qemu_m4")
    with project.connect("qemu_m4") as session:
        lesson = VerifiedEnrollment(project.program, project.package, session, said, examples)
        lesson.send(lambda done, total: None)
        recipe = Recipe(epochs=8, enough=0.0)
        lesson.train(examples, recipe, seed=1, progress=lambda done, total: None)
        right = session.score().correct
        return lesson, measure(firmware, session), right


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("train", "ram", "takes"),
    [
        ("head", 32 * K, 1),
        pytest.param("head", 64 * K, 5, marks=pytest.mark.nightly),
        pytest.param("all", 128 * K, 1, marks=pytest.mark.nightly),
    ],
)
def test_five_new_words_are_enrolled_within(train: str, ram: int, takes: int) -> None:
    project = compiled(train, ram)
    lesson, footprint, right = enrolled(project, takes)
    assert lesson.comparison.compared == 8 * project.program.state_bytes
    assert lesson.comparison.differences == 0
    assert right >= 4 * takes
    assert footprint.ram <= ram
    needs = Needs.of(project.program, has_front_end=True)
    assert (footprint.arena, footprint.state) == (needs.arena, needs.state)
    assert footprint.stack <= needs.stack
    kept = project.options.clips * needs.clip + project.options.heard * needs.heard
    assert footprint.other + footprint.clips <= needs.firmware + kept


@pytest.mark.qemu
def test_a_board_is_linked_with_no_more_than_asked(tmp_path: Path) -> None:
    firmware = compiled("head", 32 * K).firmware("qemu_m4")
    assert firmware.ram_bytes <= 32 * K
