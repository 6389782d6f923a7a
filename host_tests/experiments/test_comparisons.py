# SPDX-License-Identifier: Apache-2.0
"""Comparisons of ways to learn: simulated updates, variants, and their tables in documents."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from myna.audio.dataset import split_of
from myna.cli import cli
from myna.commands import evaluation_options
from myna.device.target import PROJECT
from myna.engines.library import compile_library
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.evaluation.engine import FLOAT, HOST, EngineSpec, open_float
from myna.evaluation.evaluate import by_user
from myna.experiments import comparisons
from myna.experiments.comparisons import COMPARISONS, Part
from myna.experiments.simulate import (
    CORES,
    AlteredSteps,
    Batch,
    EightBit,
    Falling,
    Masters,
    Momentum,
    SimulatedSpec,
)
from myna.experiments.variant import Variant
from myna.ir import Array
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from myna.report import markdown, tables
from support import tiny_model

HELD_OUT = tuple(s for s in (f"user{i}" for i in range(50)) if split_of(s) == "test")
DOCUMENT = "before\n<!-- ablation begin -->\nold\n<!-- ablation end -->\nafter\n"


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(tiny_model.folder("plain"))


def masters(core: Any) -> Array:
    """All weights of a core, in 1/256 of a step."""
    state, tensors = core.program.state, core.program.graph.tensors
    block = np.frombuffer(core.read_state(), np.int8).astype(int)

    def plane(name: str) -> Array:
        return block[state[name] : state[name] + tensors[name].size]

    trained = [name for name in state if f"{name}.residual" in state]
    return np.concatenate([256 * plane(n) + plane(f"{n}.residual") for n in trained])


def steps(core: Any, count: int = 3) -> Array:
    """How far each weight moved in some training steps."""
    core.reset()
    start = masters(core)
    known = tiny_model.examples(("a", "b"), count)
    for features, label in zip(known.features[:count], known.labels[:count], strict=True):
        core.train_step(features, int(label))
    return masters(core) - start


# -- simulated updates -----------------------------------------------------------------------------


def test_a_rule_that_changes_nothing_leaves_the_products_steps(project: Project) -> None:
    def same(_: Masters, step: Masters) -> Masters:
        return step

    altered = AlteredSteps(project.program, compile_library(project.generated), lambda: same)
    product = steps(project.library())
    assert product.any()
    assert np.array_equal(steps(altered), product)


def test_rounding_to_nearest_is_within_one_step_of_the_product(project: Project) -> None:
    nearest = CORES["nearest"](project)
    apart = steps(nearest, 1) - steps(Reference(project.program), 1)
    assert 0 < np.abs(apart).max() <= 1
    assert np.array_equal(steps(nearest), steps(nearest))


def test_eight_bit_masters_keep_no_residual(project: Project) -> None:
    for name in ("8 bits", "8 bits, nearest"):
        moved = steps(CORES[name](project))
        assert not (moved % 256).any()
    rounded = EightBit(stochastic=False)(np.array([0.0, 256.0]), np.array([100.0, -200.0]))
    assert rounded.tolist() == [0, -256]
    edge = EightBit(stochastic=False)(np.array([127.0, -127.0]) * 256, np.array([200.0, -200.0]))
    assert edge.tolist() == [0, 0]  # a saturated weight gets no residual
    many = EightBit(stochastic=True)(np.zeros(100_000), np.full(100_000, 64.0))
    assert set(many.tolist()) == {0, 256}
    assert many.mean() == pytest.approx(64, abs=1)


def test_momentum_takes_the_same_way_in_the_end() -> None:
    rule, size = Momentum(0.9), 1000
    taken = [rule(np.zeros(size), np.full(size, 50.0 if i < 5 else 0.0)) for i in range(150)]
    assert np.sum(taken, axis=0).mean() == pytest.approx(250, abs=1)
    assert taken[0].mean() == pytest.approx(5, abs=0.5)
    assert all(np.array_equal(step, np.rint(step)) for step in taken)


def test_a_batch_takes_the_sum_of_its_steps_at_the_last() -> None:
    rule = Batch(3)
    taken = [rule(np.zeros(2), np.array([n, -10.0 * n])).tolist() for n in (1, 2, 4, 8, 16, 32)]
    assert taken == [[0, 0], [0, 0], [7, -70], [0, 0], [0, 0], [56, -560]]


def test_a_falling_rate_takes_half_a_step_in_the_middle() -> None:
    rule, size = Falling(4), 10_000
    taken = [rule(np.zeros(size), np.full(size, 60.0)) for _ in range(9)]
    assert [one.mean() for one in taken[::4]] == pytest.approx([60, 30, 20], abs=0.5)
    assert all(np.array_equal(one, np.rint(one)) for one in taken)


def test_without_imprinting_a_class_starts_at_zero(project: Project) -> None:
    for core, begun in ((project.library(), True), (CORES["no imprint"](project), False)):
        before = masters(core)
        one = tiny_model.examples(("one",), 1)
        core.imprint(int(one.labels[0]), core.embed(one.features[0]), 1)
        assert (masters(core) != before).any() == begun


@pytest.mark.train
def test_to_distil_what_is_remembered_changes_nothing_at_first(project: Project) -> None:
    """A network that says what it said has nothing to learn, but labels pull it further."""
    moved = []
    for core in (open_float(project), CORES["distilling"](project)):
        before = core.infer(project.package.knowledge.memories.features[0])
        for _ in range(5):
            core.rehearse(0)
        moved.append(np.abs(core.infer(project.package.knowledge.memories.features[0]) - before))
    labelled, distilled = moved
    assert labelled.max() > 1e-3
    assert distilled.max() < 1e-5


# -- comparisons -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMPARISONS)
def test_trials_differ_from_the_first_of_their_part(name: str) -> None:
    for part in COMPARISONS[name](tiny_model.folder("plain")):
        assert len({variant.name for variant in part.variants}) == len(part.variants) > 3
        first, *others = part.variants
        for variant in others:
            assert (variant.spec, variant.recipe) != (first.spec, first.recipe)
            simulated = isinstance(variant.spec, SimulatedSpec)
            assert simulated == variant.name.endswith("(simulated)")
            assert (variant.spec.name == FLOAT) == variant.name.startswith("float")


def few_trials(model: Path) -> list[Part]:
    base = EngineSpec(HOST, model, Options(train="all", body_rate=0.01))
    stored = EngineSpec(HOST, model, replace(base.options, store_all=True))
    simulated = SimulatedSpec(HOST, model, base.options, core="momentum")
    variants = [
        Variant("as shipped", base),
        Variant("stored", stored),
        Variant("momentum", simulated),
    ]
    return [Part("everything", 1, variants), Part("twice", 2, variants)]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("compare")
    data = tiny_model.recordings(folder / "tones", ("p0", "p1"), ("a", "b", "one", "two"), 3)
    known = tiny_model.recordings(folder / "known", HELD_OUT, ("a", "b"), 3)
    file = folder / "r.json"
    arguments = ("--data", data, "--base-data", known, "--users", 2, "--jobs", 1, "--json", file)
    model = tiny_model.folder("reversible")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(comparisons.COMPARISONS, "ablation", few_trials)  # type: ignore[arg-type]
        done = CliRunner().invoke(cli, [str(a) for a in ("compare", "ablation", model, *arguments)])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_storing_all_activations_gives_the_same_predictions(result: dict[str, Any]) -> None:
    for part in result["parts"]:
        shipped, stored, momentum = part["trials"]
        assert shipped["per_speaker"] == stored["per_speaker"]
        assert shipped["speakers"] == momentum["speakers"] == ["p0", "p1"]
        assert stored["ram"] > shipped["ram"]
        assert shipped["ram"] == shipped["arena"] + shipped["state"]
        assert stored["step_macs"] < shipped["step_macs"]
        assert shipped["inference_macs"] < shipped["rehearsal_macs"] <= shipped["step_macs"]
    assert [part["shots"] for part in result["parts"]] == [1, 2]


def test_users_learn_every_set_of_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiny_model.recordings(tmp_path / "tones", ("p0", "p1"), ("one", "two", "a"), 2)
    monkeypatch.setattr(evaluation_options, "NEW_WORDS", 1)
    exams = evaluation_options.exams_of(tiny_model.folder("plain"), data, None, 1, 2, 2, 7)
    assert [exam.task.speaker for exam in exams] == ["p0", "p1", "p0", "p1"]
    first, _, second, _ = (exam.task.enrolled.features for exam in exams)
    assert not np.array_equal(first, second)
    assert {int(label) for exam in exams for label in exam.task.enrolled.labels} == {4}
    with pytest.raises(MynaError, match="2 new words are not 3 sets of 1"):
        evaluation_options.exams_of(tiny_model.folder("plain"), data, None, 1, 2, 3, 7)


def test_a_user_counts_once_however_many_sets_he_learns() -> None:
    exams = [
        {"speaker": speaker, "after": after, "predictions": {"after": f"{after}"}}
        for speaker, after in (("p", 50.0), ("q", 80.0), ("p", 100.0), ("q", 90.0))
    ]
    first, second = by_user(exams, ("after", "known_after"))
    assert (first["speaker"], first["after"], second["after"]) == ("p", 75.0, 85.0)
    assert first["predictions"] == [{"after": "50.0"}, {"after": "100.0"}]
    assert "known_after" not in first


# -- tables ----------------------------------------------------------------------------------------


def test_an_ablation_has_a_table_for_each_part(result: dict[str, Any], tmp_path: Path) -> None:
    file, document = tmp_path / "r.json", tmp_path / "d.md"
    file.write_text(json.dumps(result))
    document.write_text(DOCUMENT)
    for _ in range(2):  # the second time, the table replaces itself
        done = CliRunner().invoke(tables.main, [str(file), str(document)])
        assert done.exit_code == 0, done.output
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    row = next(line for line in text.splitlines() if line.startswith("| stored"))
    stored = result["parts"][0]["trials"][1]
    assert f"{stored['after']['mean']:.1f}" in row
    assert f"{stored['ram']:,} B" in row
    assert text.count("| as shipped |") == 2


def test_plans_have_a_row_each_and_a_picture(result: dict[str, Any], tmp_path: Path) -> None:
    file, document = tmp_path / "r.json", tmp_path / "d.md"
    file.write_text(json.dumps(result | {"comparison": "what-to-train"}))
    document.write_text(DOCUMENT.replace("ablation", "what-to-train"))
    plot = tmp_path / "p" / "p.png"
    done = CliRunner().invoke(tables.main, [str(file), str(document), "--plot", str(plot)])
    assert done.exit_code == 0, done.output
    header = next(line for line in document.read_text().splitlines() if "| Train |" in line)
    assert "1 shot: new, known | 2 shots: new, known" in header
    assert document.read_text().count("| stored |") == 1
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_a_document_without_the_markers_is_refused() -> None:
    with pytest.raises(MynaError, match="ablation begin"):
        markdown.insert("nothing", "ablation", "text")


@pytest.mark.parametrize("name", COMPARISONS)
def test_the_design_shows_the_results_that_are_kept(name: str) -> None:
    kept = PROJECT / "docs" / f"{name}.json"
    design = (PROJECT / "DESIGN.md").read_text("utf-8")
    assert markdown.insert(design, name, tables.render(json.loads(kept.read_text()))) == design
