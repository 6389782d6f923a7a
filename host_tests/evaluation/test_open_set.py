# SPDX-License-Identifier: Apache-2.0
"""Foreign words are told from enrolled ones: similarity, threshold, and the protocol open-set."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from myna.audio.dataset import Clip, Heard, scan, split_of
from myna.cli import cli
from myna.device.target import PROJECT
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.evaluation import open_set, roc
from myna.evaluation.board_engine import BoardEngine
from myna.evaluation.engine import CoreEngine, EngineSpec
from myna.evaluation.personalization import begin
from myna.evaluation.protocol import Request
from myna.ir import Array
from myna.learn.accept import (
    BIN_WIDTH,
    BINS,
    FOREIGN_PERCENT,
    LOWEST,
    OWN_PERCENT,
    Acceptance,
    Judged,
    calibrate,
    reached_by,
)
from myna.learn.examples import Examples, read_examples
from myna.learn.recipe import Recipe
from myna.names import THRESHOLD, TYPICAL
from myna.ops.similarity import ONE_Q15, Similarity
from myna.package.package import load_package
from myna.passes.pipeline import Options
from myna.project import open_project
from support import tiny, tiny_model

SPEAKERS = tuple(s for s in (f"user{i}" for i in range(200)) if split_of(s) == "test")[:4]
WORDS = ("one", "two")
RECIPE = Recipe(epochs=2)
confidences = arrays(np.int64, st.integers(1, 60), elements=st.integers(-70_000, 70_000))
scores = arrays(np.int64, st.integers(1, 40), elements=st.integers(-5, 5))


# -- the similarity ------------------------------------------------------------------------------


def test_similarity_is_the_cosine() -> None:
    for case in Similarity.cases():
        assert isinstance(case.op, Similarity)
        embedding, center, w = (array.astype(float) for array in case.inputs)
        away = (embedding - case.op.zero) * 16 - center
        lengths = np.linalg.norm(w, axis=1) * np.linalg.norm(away)
        expected = ONE_Q15 * (w @ away) / np.maximum(lengths, 1)
        (found,) = case.op.reference(*case.inputs)
        assert np.abs(found - expected).max() <= 1
        assert np.abs(found).max() <= ONE_Q15


@given(st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_similarity_does_not_depend_on_lengths(factor: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    w = rng.integers(-4, 5, (1, 24)).astype(np.int8)
    inputs = rng.integers(-128, 128, 24).astype(np.int8), np.zeros(24, np.int16)
    once, more = (Similarity(-3).reference(*inputs, w * np.int8(k))[0] for k in (1, factor))
    assert abs(int(once[0]) - int(more[0])) <= 1


# -- the threshold -------------------------------------------------------------------------------


@given(confidences, st.integers(0, 100))
def test_a_bound_is_the_least_that_so_few_reach(values: Array, percent: int) -> None:
    held = np.clip(values, LOWEST, LOWEST + BINS * BIN_WIDTH - 1)
    bound = reached_by(values, percent)
    assert 100 * (held >= bound).sum() <= percent * len(values)
    assert bound == LOWEST or 100 * (held >= bound - BIN_WIDTH).sum() > percent * len(values)


@given(confidences, st.integers(0, 100), st.integers(0, 5000))
def test_more_confident_impostors_never_lower_a_bound(
    values: Array, percent: int, more: int
) -> None:
    assert reached_by(values + more, percent) >= reached_by(values, percent)


def _similarities(count: int) -> tuple[Array, Array]:
    """Examples of five classes, of which 3 and 4 are enrolled words."""
    rng = np.random.default_rng(4)
    labels = np.arange(count) % 5
    found = rng.integers(-ONE_Q15 // 2, ONE_Q15 // 2, (count, 8)).astype(np.int32)
    found[np.arange(count), labels] += ONE_Q15 // 2
    return labels, found


OLD = Acceptance(np.full(8, ONE_Q15, np.int32), -2 * ONE_Q15)


def test_the_threshold_lies_between_impostors_and_genuine_examples() -> None:
    labels, found = _similarities(500)
    result = calibrate(labels, found, {3, 4}, OLD)
    assert result.typical[:5].tolist() == [
        round(found[labels == c, c].mean().item()) for c in range(5)
    ]
    assert (result.typical[5:] == ONE_Q15).all()
    beyond = found.astype(np.int64) - result.typical
    genuine = [beyond[i, c] for i, c in enumerate(labels) if c in (3, 4)]
    foreign = [max(beyond[i, w] for w in (3, 4) if w != c) for i, c in enumerate(labels)]
    bounds = (reached_by(np.array(genuine), 100 - OWN_PERCENT), reached_by(np.array(foreign), 1))
    assert FOREIGN_PERCENT == 1
    assert result.threshold == sum(bounds) // 2


def test_calibration_needs_no_impostor_and_keeps_what_it_knows_nothing_about() -> None:
    labels, found = _similarities(50)
    alone = calibrate(labels[labels == 3], found[labels == 3], {3}, OLD)
    own = found[labels == 3, 3].astype(np.int64) - alone.typical[3]
    assert alone.threshold == reached_by(own, 100 - OWN_PERCENT)
    no_word = calibrate(labels, found, set(), OLD)
    assert no_word.threshold == OLD.threshold


@pytest.mark.parametrize("plan", ["all", "head"])
def test_engines_calibrate_and_judge_alike(plan: str) -> None:
    project = open_project(tiny_model.folder(), Options(train=plan))
    lesson = tiny_model.examples((*WORDS, "silence", "a"), 3)
    questions = tiny_model.examples(tuple(tiny_model.TONES), 2, first=9).features
    core, compiled = Reference(project.program), project.library()
    reference, library = (CoreEngine(c, project.package) for c in (core, compiled))
    with project.connect("host") as board:
        on_board = BoardEngine(board, project.program)
        found = []
        for engine in (reference, library, on_board):
            begin(engine, 3)
            engine.learn(lesson, RECIPE)
            found.append(engine.judge(questions))
        states = {core.read_state(), compiled.read_state(), board.read_state()}
    assert len(states) == 1
    for judged in found[1:]:
        for name in ("labels", "confidences", "accepted"):
            assert np.array_equal(getattr(judged, name), getattr(found[0], name)), name
    threshold = int(core.get_state(THRESHOLD)[0])
    assert threshold > -2 * ONE_Q15
    assert np.array_equal(found[0].accepted, found[0].confidences >= threshold)
    known = len(tiny.LABELS) + len(WORDS)
    assert (core.get_state(TYPICAL)[:known] < ONE_Q15).all()


def test_before_calibration_everything_is_accepted() -> None:
    project = open_project(tiny_model.folder())
    engine = CoreEngine(Reference(project.program), project.package)
    assert engine.judge(tiny_model.examples(WORDS, 3).features).accepted.all()


# -- the curve -----------------------------------------------------------------------------------


@given(scores, scores)
def test_area_equals_its_definition(genuine: Array, impostors: Array) -> None:
    pairs = [(g > i) + (g == i) / 2 for g in genuine for i in impostors]
    assert roc.area(genuine, impostors) == pytest.approx(np.mean(pairs))


@given(scores, st.floats(0, 0.99))
def test_threshold_is_the_least_that_accepts_few_enough(impostors: Array, share: float) -> None:
    least = roc.threshold(impostors, share)
    assert (impostors >= least).sum() <= share * len(impostors)
    assert (impostors >= least - 1).sum() > share * len(impostors) - 1e-9


# -- the protocol --------------------------------------------------------------------------------


def _request(
    data: Path, shots: int, words: tuple[str, ...] | None = WORDS, model: Path | None = None
) -> Request:
    model = model or tiny_model.folder()
    package = load_package(model)

    def read(
        clips: Sequence[Clip], classes: Mapping[str, int], _: str
    ) -> tuple[tuple[Clip, ...], Examples]:
        return read_examples(package.audio, clips, classes)[:2]

    start = (package, Heard.load(model), data, None)
    return Request(*start, shots, None, 10, words, RECIPE, 1, read)


def _exams(request: Request) -> list[open_set.OpenSetExam]:
    return [cast(open_set.OpenSetExam, exam) for exam in open_set.OPEN_SET.exams(request)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("openset")
    return tiny_model.recordings(folder, SPEAKERS, (*WORDS, "three", "a"), 4)


def _maps(features: Array) -> set[bytes]:
    return {one.tobytes() for one in features}


@pytest.mark.parametrize(("shots", "by"), [(2, "self"), (4, "others")])
def test_nothing_examined_is_enrolled(data: Path, shots: int, by: str) -> None:
    exams = _exams(_request(data, shots))
    assert sorted(name for exam in exams for name in exam.group.members) == sorted(SPEAKERS)
    for exam in exams:
        assert exam.group.enrolled_by == by
        assert np.bincount(exam.enrolled.labels)[-2:].tolist() == [shots] * 2
        sets = [_maps(x) for x in (exam.enrolled.features, exam.genuine.features, exam.impostors)]
        assert not any(a & b for a, b in ((sets[0], sets[1]), (sets[0], sets[2]), sets[1:]))
        takes = 4 * len(exam.group.members)
        assert len(exam.impostors) == 2 * takes
        assert len(exam.genuine) == 2 * (takes - (shots if by == "self" else 0))


def test_takes_of_others_are_drawn_outside_the_fold_by_the_seed(data: Path) -> None:
    request = _request(data, 4)
    first, again, other = (_exams(replace(request, seed=seed))[0] for seed in (1, 1, 2))
    own = scan(data)
    package = request.package
    clips = [c for c in own if c.speaker in first.group.members]
    _, members, _ = read_examples(package.audio, clips, dict.fromkeys({c.word for c in own}, 0))
    assert not _maps(members.features) & _maps(first.enrolled.features)
    assert np.array_equal(first.enrolled.features, again.enrolled.features)
    assert not np.array_equal(first.enrolled.features, other.enrolled.features)


def test_known_words_are_enrolled_by_speakers_of_the_test_split(tmp_path: Path) -> None:
    trained = next(s for s in (f"user{i}" for i in range(99)) if split_of(s) == "train")
    folder = tiny_model.recordings(tmp_path, (*SPEAKERS, trained), ("a", "b", "three"), 3)
    exams = _exams(_request(folder, 3, ("a", "b")))
    assert trained not in {name for exam in exams for name in exam.group.members}
    assert set(exams[0].enrolled.labels.tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("speakers", "words", "shots", "complaint"),
    [
        (SPEAKERS[:1], ("one",), 3, "no others to enroll"),
        (SPEAKERS[:2], ("one",), 4, "usable takes of one"),
        (SPEAKERS[:2], WORDS, 1, "no take of another word"),
    ],
)
def test_what_cannot_be_examined_is_refused(
    tmp_path: Path, speakers: tuple[str, ...], words: tuple[str, ...], shots: int, complaint: str
) -> None:
    folder = tiny_model.recordings(tmp_path, speakers, WORDS, 3)
    with pytest.raises(MynaError, match=complaint):
        _exams(_request(folder, shots, words))


class _Perfect:
    """An engine that knows every map, and is as sure as it is told.

    Args:
        exam: whose maps it knows.
        confidence: of a take of an enrolled word, or of another.
        foreign: what it takes another word for; an enrolled one unless told.
        own: what it takes the enrolled words for; themselves unless told.
    """

    def __init__(
        self,
        exam: open_set.OpenSetExam,
        confidence: Callable[[bool], int],
        foreign: int | None = None,
        own: Mapping[int, int] | None = None,
    ) -> None:
        self._known = {
            x.tobytes(): (own or {}).get(int(label), int(label))
            for x, label in zip(exam.genuine.features, exam.genuine.labels, strict=True)
        }
        self._word = int(exam.enrolled.labels[0]) if foreign is None else foreign
        self._confidence = confidence

    def reset(self) -> None:
        pass

    def set_state(self, *_: object) -> None:
        pass

    def learn(self, *_: object) -> None:
        pass

    def judge(self, features: Array) -> Judged:
        rows = []
        for x in features:
            label = self._known.get(x.tobytes())
            confidence = self._confidence(label is not None)
            rows.append((self._word if label is None else label, confidence, confidence > 0))
        return Judged.of(rows)


def test_figures_of_engines_that_can_and_cannot_tell(data: Path) -> None:
    exam = _exams(_request(data, 2))[0]
    able = exam(_Perfect(exam, lambda own: 5 if own else -5))  # type: ignore[arg-type]
    blind = exam(_Perfect(exam, lambda own: 5))  # type: ignore[arg-type]
    assert (able["accuracy_at_5pct_far"], able["auroc"]) == (100, 100)
    assert (able["calibrated_accuracy"], able["calibrated_far"]) == (100, 0)
    assert (blind["accuracy_at_5pct_far"], blind["auroc"]) == (0, 50)
    assert (blind["calibrated_accuracy"], blind["calibrated_far"]) == (100, 100)
    assert blind["after"] == 100


def test_an_impostor_taken_for_a_word_of_the_model_is_no_false_accept(data: Path) -> None:
    """However sure the device is: it does what the model's word says, not what the user's does."""
    exam = _exams(_request(data, 2))[0]
    exam = replace(exam, noise=exam.impostors)
    assert 0 not in exam.enrolled.labels
    found = exam(_Perfect(exam, lambda _: 5, foreign=0))  # type: ignore[arg-type]
    assert (found["calibrated_far"], found["noise_far"]) == (0, 0)
    assert (found["accuracy_at_5pct_far"], found["auroc"]) == (100, 100)
    surer = exam(_Perfect(exam, lambda own: 5 if own else 9, foreign=0))  # type: ignore[arg-type]
    assert (surer["accuracy_at_5pct_far"], surer["auroc"]) == (100, 100)


def test_an_enrolled_word_taken_for_a_word_of_the_model_is_missed(data: Path) -> None:
    exam = _exams(_request(data, 2))[0]
    first, second = sorted({*exam.enrolled.labels.tolist()})

    def sure(own: bool) -> int:
        return 5 if own else -5

    found = exam(_Perfect(exam, sure, own={first: 0}))  # type: ignore[arg-type]
    assert (found["after"], found["calibrated_accuracy"]) == (50, 50)
    assert (found["accuracy_at_5pct_far"], found["auroc"]) == (50, 50)
    # taken for each other they are told from foreign words, which is all that the ROC asks
    found = exam(_Perfect(exam, sure, own={first: second, second: first}))  # type: ignore[arg-type]
    assert (found["after"], found["calibrated_accuracy"]) == (0, 0)
    assert (found["accuracy_at_5pct_far"], found["auroc"]) == (0, 100)


def test_the_command_writes_every_field(data: Path, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    command = f"evaluate {tiny_model.folder()} --data {data} --protocol open-set --shots 2"
    options = ["--new-words", ",".join(WORDS), "--jobs", "1", "--json", str(result)]
    ran = CliRunner().invoke(cli, [*command.split(), *options], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    found = json.loads(result.read_text("utf-8"))
    assert found["protocol"] == "open-set"
    assert set(open_set.FIELDS) <= found.keys()
    assert all(person["enrolled_by"] == "self" for person in found["per_speaker"])
    assert 0 <= found["accuracy_at_5pct_far"]["mean"] <= found["after"]["mean"] <= 100
    assert found["noise_far"] is None


@pytest.mark.data
def test_real_foreign_words_are_mostly_rejected(data_dir: Path) -> None:
    model = PROJECT / "models" / "kws"
    request = _request(data_dir / "arabic_speech_commands", 5, None, model)
    (exam,) = _exams(replace(request, most=1, recipe=Recipe()))
    with EngineSpec("host", model).open() as engine:
        found = exam(engine)
    assert found["auroc"] > 90
    assert found["calibrated_accuracy"] > 60
    assert found["calibrated_far"] < 25
    assert found["noise_far"] < 5
