# SPDX-License-Identifier: Apache-2.0
"""Nobody is examined on what was chosen or learned by him."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from myna.audio.dataset import scan, split_of
from myna.cli import cli
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.evaluation.engine import HOST, EngineSpec
from myna.evaluation.protocols import PROTOCOLS
from myna.experiments import comparisons
from myna.experiments.comparisons import Part
from myna.experiments.variant import Variant
from myna.learn.examples import read_examples
from myna.package.budget import fit_ram
from myna.package.package import CONTRIBUTIONS, load_package
from myna.passes.pipeline import Options
from support import tiny_model

HELD_OUT = [s for s in (f"user{i}" for i in range(200)) if split_of(s) == "test"]
TESTED, STRANGER = HELD_OUT[:3], HELD_OUT[3]
MEASURED, *OTHERS = TESTED
# Within so many bytes the plan auto chooses for itself.
CHOSEN = ("sparse-1", "auto", "auto --ram 17000", "ram-9999999")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model whose contributions were measured on one speaker."""
    folder = tmp_path_factory.mktemp("measured") / "plain"
    shutil.copytree(tiny_model.folder("plain"), folder)
    gains = {layer: {"gain": 1.0, "ram": 10} for layer in ("stem", "dw", "pw")}
    record = {"data": "tones", "speakers": [MEASURED], "layers": gains}
    (folder / CONTRIBUTIONS).write_text(json.dumps(record))
    return folder


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = ("a", "b", "one", "two")
    return tiny_model.recordings(tmp_path_factory.mktemp("tones"), tuple(TESTED), words, 4)


def run(command: str, *arguments: object) -> Any:
    return CliRunner().invoke(cli, [*command.split(), *map(str, arguments)])


def evaluate(model: Path, tones: Path, protocol: str, plan: str, speakers: str) -> Any:
    asked = f"--protocol {protocol} --train {plan} --speakers {speakers} --shots 1 --jobs 1"
    words = () if protocol == "speaker" else ("--new-words", "one,two")
    return run(f"evaluate {model} {asked}", "--data", tones, *words)


def refused(done: Any) -> bool:
    error = done.exception
    if not isinstance(error, MynaError):
        return False
    assert f"speaker {MEASURED} had a part" in error.what
    assert error.where == CONTRIBUTIONS
    assert "myna contributions" in error.fix
    return True


# refusal needs a class of other words, which this model has not
@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name != "refusal"])
def test_whom_contributions_were_measured_on_is_not_examined(
    model: Path, tones: Path, protocol: str
) -> None:
    plan = CHOSEN[list(PROTOCOLS).index(protocol) % len(CHOSEN)]
    assert refused(evaluate(model, tones, protocol, plan, f"{OTHERS[0]},{MEASURED}"))


@pytest.mark.parametrize("plan", CHOSEN)
def test_others_are_examined_on_a_plan_that_was_chosen(model: Path, tones: Path, plan: str) -> None:
    assert refused(evaluate(model, tones, "new-words", plan, "all"))
    done = evaluate(model, tones, "new-words", plan, ",".join(OTHERS))
    assert done.exit_code == 0, done.exception


@pytest.mark.parametrize("plan", ["head", "all", "last-2"])
def test_everybody_is_examined_on_a_plan_that_nobody_chose(
    model: Path, tones: Path, plan: str
) -> None:
    done = evaluate(model, tones, "new-words", plan, "all")
    assert done.exit_code == 0, done.exception


def test_known_words_are_not_asked_of_whom_contributions_were_measured_on(
    model: Path, tones: Path, tmp_path: Path
) -> None:
    known = tiny_model.recordings(tmp_path, (MEASURED,), ("a",), 2)
    asked = f"--protocol new-words --train auto --speakers {OTHERS[0]} --shots 1 --jobs 1"
    done = run(f"evaluate {model} {asked}", "--data", tones, "--base-data", known)
    assert refused(done)


def test_a_comparison_of_a_chosen_plan_needs_others(
    model: Path, tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = tiny_model.recordings(tmp_path / "known", (STRANGER,), ("a",), 2)
    plans = ["head"]

    def parts(model: Path) -> list[Part]:
        return [
            Part(
                "1 shot", 1, [Variant(p, EngineSpec(HOST, model, Options(train=p))) for p in plans]
            )
        ]

    monkeypatch.setitem(comparisons.COMPARISONS, "ablation", parts)  # type: ignore[arg-type]
    asked = (f"compare ablation {model} --jobs 1", "--data", tones, "--base-data", known)
    assert run(*asked).exit_code == 0
    plans.append("sparse-1")
    assert refused(run(*asked))
    done = run(*asked, "--speakers", ",".join(OTHERS), "--json", tmp_path / "r.json")
    assert done.exit_code == 0, done.exception
    (part,) = json.loads((tmp_path / "r.json").read_text())["parts"]
    assert [row["speakers"] for row in part["trials"]] == [OTHERS, OTHERS]


def test_the_demonstration_asks_others(model: Path, tones: Path, tmp_path: Path) -> None:
    asked = f"demo {model} --board host --shots 1 --train auto --speaker {MEASURED}"
    assert refused(run(asked, "--data", tones, "-o", tmp_path))


def test_contributions_are_measured_on_the_speakers_named(tones: Path, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    shutil.copytree(tiny_model.folder("plain"), folder)
    done = run(f"contributions {folder} --speakers {OTHERS[1]} --jobs 1", "--data", tones)
    assert done.exit_code == 0, done.exception
    assert load_package(folder).measured_on == {OTHERS[1]}


@pytest.mark.parametrize("protocol", ["speaker", "new-words", "self-label", "noise"])
def test_what_a_user_says_is_not_among_what_he_must_not_forget(
    tones: Path, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He enrolls some of it."""
    exams: list[Any] = []

    def seen(_: EngineSpec, found: list[Any], *__: object) -> None:
        exams.extend(found)
        raise MynaError("seen")

    monkeypatch.setattr("myna.commands.evaluate.examine_all", seen)
    model = tiny_model.folder("plain")
    asked = f"evaluate {model} --protocol {protocol} --shots 1 --speakers all --new-words a,b"
    done = run(asked, "--data", tones, "--base-data", tones)
    assert "seen" in str(done.exception)
    users = [user_of(exam) for exam in exams]
    assert sorted(users) == sorted(TESTED)
    audio, clips = load_package(model).front_end, scan(tones)
    for user, exam in zip(users, exams, strict=True):
        own = [clip for clip in clips if clip.speaker == user]
        said = read_examples(audio, own, dict.fromkeys(tiny_model.TONES, 0))[1].features
        maps = {one.tobytes() for one in exam.known.features}
        assert maps
        assert not maps & {one.tobytes() for one in said}


def user_of(exam: Any) -> str:
    for part in ("task", "resident"):
        exam = getattr(exam, part, exam)
    return str(exam.speaker)


def test_somebody_else_must_say_what_is_not_to_be_forgotten(
    model: Path, tones: Path, tmp_path: Path
) -> None:
    alone = tiny_model.recordings(tmp_path, (OTHERS[0],), ("a",), 2)
    asked = f"evaluate {model} --protocol new-words --shots 1 --speakers {OTHERS[0]} --jobs 1"
    done = run(asked, "--data", tones, "--base-data", alone)
    assert isinstance(done.exception, MynaError)
    assert f"nobody but {OTHERS[0]} says" in done.exception.what


FIGURES = [*sorted((PROJECT / "docs" / "figures").glob("*.json")), PROJECT / "docs/ablation.json"]
FIGURES.append(PROJECT / "docs" / "what-to-train.json")


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)
def test_no_figure_examines_whom_its_plan_was_chosen_on(path: Path) -> None:
    result = json.loads(path.read_text("utf-8"))
    folder = PROJECT / str(result.get("model"))
    if result["command"] == "evaluate" and folder.exists():
        plan = Options(train=result["train"], ram=result["ram"])
        examined = [(plan, result["speakers"])]
    elif result["command"] == "compare":
        variants = comparisons.COMPARISONS[result["comparison"]](folder)
        examined = [
            (variant.spec.options, trial["speakers"])
            for part, found in zip(variants, result["parts"], strict=True)
            for variant, trial in zip(part.variants, found["trials"], strict=True)
        ]
    else:
        return  # nobody is examined, or the model was made for this figure alone
    package = load_package(folder)
    for options, speakers in examined:
        chosen = fit_ram(package, options)[1].train
        assert not package.measured_for(chosen) & {*speakers}
