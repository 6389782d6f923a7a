# SPDX-License-Identifier: Apache-2.0
"""``myna evaluate --protocol stream``: words in hours of sound."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

import click
import numpy as np

from myna.audio.dataset import Heard, scan, select
from myna.audio.features import Pcm
from myna.audio.files import read_pcm
from myna.commands.common import FALSE_ACCEPTS, FiniteRange, names, options, progress
from myna.commands.evaluation_options import data_path, require_sound
from myna.errors import MynaError
from myna.evaluation import stream, stream_tasks
from myna.evaluation.engine import HOST, CoreEngine, EngineSpec
from myna.evaluation.engine import STREAM as STREAM_ENGINE
from myna.evaluation.evaluate import examine_all
from myna.evaluation.sound import Clock, FilesExam, Sound, SoundExam, groups
from myna.evaluation.split import SPEAKERS, assign_classes, choose_new_words
from myna.learn.detect import Space
from myna.learn.recipe import Recipe
from myna.package.negatives import load_negatives
from myna.package.package import load_package
from myna.passes.pipeline import Options
from myna.passes.streaming.stream import stream as streaming_of
from myna.passes.training.imprint import center_of

STREAM = "stream"
WORDS = 3  # enrolled by default
ONLY = frozenset(("negatives", "noise", "snr", "across_speakers", "false_accepts_per_hour"))
USED = ONLY | {"model", "data", "protocol", "shots", "max_speakers", "new_words", "seed"}
USED |= {"jobs", "json_file", "engine"}

_options = options(
    click.option(
        "--negatives", type=data_path, help="stream, scene: sound in which no word is said."
    ),
    click.option(
        "--noise", type=data_path, help="stream: what words are mixed with, at --snr; scene: music."
    ),
    click.option(
        "--snr", type=FiniteRange(-100, 100), default=10.0, show_default=True, help="stream: dB."
    ),
    click.option(
        "--across-speakers", is_flag=True, help="stream: others enroll than are examined."
    ),
    click.option(
        "--false-accepts-per-hour",
        type=FALSE_ACCEPTS,
        default=0.5,
        show_default=True,
        help="stream, stream-refusal, scene: for which each word's threshold is set by stored "
        "negatives.",
    ),
)


@dataclass(frozen=True)
class StreamOptions:
    """The options of this protocol alone; see their help."""

    negatives: Path | None
    noise: Path | None
    snr: float
    across_speakers: bool
    false_accepts_per_hour: float


def stream_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of this protocol alone, which the command gets as one argument: `listening`."""

    @wraps(command)
    def bundled(*args: Any, **rest: Any) -> Any:
        own = {field.name: rest.pop(field.name) for field in fields(StreamOptions)}
        return command(*args, listening=StreamOptions(**own), **rest)

    return _options(bundled)


@dataclass(frozen=True)
class Asked:
    """What the protocol is asked for; see the options of ``myna evaluate``."""

    model: Path
    data: Path
    words: str | None
    shots: int
    users: int | None
    listening: StreamOptions
    seed: int
    jobs: int


def evaluate_stream(asked: Asked, engine: str) -> dict[str, Any]:
    """Listen to all, show how words are heard, and return all figures by name.

    Raises:
        MynaError: the model does not stream, or the sound does not suffice.
    """
    require_host(engine)
    negatives = require_negatives(asked, STREAM)
    with streaming(asked.model).open() as opened:
        assert isinstance(opened, CoreEngine)
        found = _examine(asked, negatives, streaming(asked.model), opened)
    result = {"protocol": STREAM, "shots": asked.shots, **found, "seed": asked.seed}
    _print(result)
    return result


def require_host(engine: str) -> None:
    """Raise a MynaError unless this process is to listen."""
    if engine != HOST:
        raise MynaError(
            "hours of sound are heard in this process alone",
            where=f"engine {engine}",
            fix=f"use --engine {HOST}",
        )


def require_negatives(asked: Asked, protocol: str) -> Path:
    """The folder of sound in which no word is said.

    Raises:
        MynaError: none is named, or the model or the data hold no sound.
    """
    if asked.listening.negatives is None:
        raise MynaError(
            "nothing to accept falsely",
            where=f"protocol {protocol}",
            fix="name a folder of sound in which no word is said: --negatives DIR",
        )
    require_sound(asked.model, asked.data)
    return asked.listening.negatives


def streaming(model: Path) -> EngineSpec:
    """What listens."""
    return EngineSpec(STREAM_ENGINE, model, Options(train="head"))


def listener(
    asked: Asked, engine: CoreEngine, words: Sequence[str], negatives: Sequence[Sound]
) -> stream.Setting:
    """What all tasks have in common.

    Raises:
        MynaError: the model does not stream, or its stored negatives are damaged.
    """
    package, program = load_package(asked.model), engine.core.program
    center = center_of(program.graph)
    stored = load_negatives(asked.model, len(center), package.model.body_digest)
    return stream.Setting(
        negatives,
        Clock.of(streaming_of(program.graph), package.front_end),
        assign_classes(package.labels, words, package.rows),
        len(package.labels),
        Space(center, stored.foils),
        stored.stream,
        asked.listening.false_accepts_per_hour,
        Recipe(),
        asked.seed,
    )


def hearing(spec: EngineSpec, jobs: int) -> stream_tasks.Hear:
    """How recordings of words are heard, with a progress bar."""

    def hear(exams: Sequence[SoundExam]) -> list[Sound]:
        with progress("hear words") as report:
            return [one["sound"] for one in examine_all(spec, exams, jobs, report)]

    return hear


def _examine(asked: Asked, negatives: Path, spec: EngineSpec, engine: CoreEngine) -> dict[str, Any]:
    package, clips = load_package(asked.model), scan(asked.data)
    known = {*package.labels, *Heard.load(asked.model).words}
    words = names(asked.words) or choose_new_words(clips, known, WORDS)
    setting = listener(asked, engine, words, _negatives(spec, negatives, asked.jobs))
    noise = _noise(asked)
    own = select(clips, words=words)
    clean, examined, problems = stream_tasks.read_positives(
        own, setting.clock, noise, hearing(spec, asked.jobs)
    )
    warn_of([str(problem) for problem in problems])
    if asked.listening.across_speakers:
        tasks = stream_tasks.across_speakers(clean, examined, words, asked.shots, asked.seed)
    else:
        tasks = stream_tasks.by_user(clean, examined, words, asked.shots, asked.users or SPEAKERS)
    entries = []
    with progress("examine") as report:
        for done, task in enumerate(tasks, 1):
            entries += setting.examine(engine, task)
            report(done, len(tasks))
    about = {
        "speakers": [task.name for task in tasks],
        "words": list(words),
        "across_speakers": asked.listening.across_speakers,
        "noise": asked.listening.noise.name if asked.listening.noise else None,
        "snr": asked.listening.snr if asked.listening.noise else None,
        "foils": len(setting.space.foils),
        "negative_hours": setting.hours,
        "confusable": [
            {"task": task.name, **asdict(pair)}
            for task in tasks
            for pair in setting.confusable(task)
        ],
    }
    return about | stream.summarize(entries, asked.listening.false_accepts_per_hour)


def _negatives(spec: EngineSpec, folder: Path, jobs: int) -> list[Sound]:
    exams = [FilesExam(paths) for paths in groups(folder)]
    with progress("hear negatives") as report:
        heard = examine_all(spec, exams, jobs, report)
    warn_of([problem for one in heard for problem in one["problems"]])
    return [one["sound"] for one in heard]


def _noise(asked: Asked) -> stream_tasks.Noise | None:
    if asked.listening.noise is None:
        return None
    return stream_tasks.Noise(read_all(asked.listening.noise), asked.listening.snr)


def read_all(folder: Path) -> Pcm:
    """All recordings in a tree of folders, one after another, int16 [samples].

    Raises:
        MynaError: there is none, or one is unusable.
    """
    return np.concatenate([read_pcm(path) for group in groups(folder) for path in group])


def warn_of(problems: Sequence[str]) -> None:
    """Say that recordings were left out."""
    if problems:
        click.echo(f"{len(problems)} unusable recordings left out; first: {problems[0]}", err=True)


def _print(result: Mapping[str, Any]) -> None:
    hours, said = result["negative_hours"], result["positives"]
    click.echo(f"stream, {result['shots']} shots, {hours:.2f} hours, {said} recordings of words")
    for title, figures in (("detector", result), ("single windows", result["baseline"])):
        for rate, missed in figures["misses_at_fa_per_hour"].items():
            half = missed["ci95"]
            spread = "" if half is None else f" ± {half:.1f}"
            click.echo(f"  {title:14} misses at {rate:>3} per hour  {missed['mean']:.1f}{spread} %")
        late = figures["latency_ms"]
        if late["median"] is not None:
            after = f"{late['median']:.0f} ms, 95 % within {late['p95']:.0f} ms"
            click.echo(f"  {title:14} heard after the word's end  {after}")
    for word, other in sorted({(pair["word"], pair["other"]) for pair in result["confusable"]}):
        click.echo(f"  {other!r} may be taken for {word!r}: choose a word that sounds less alike")
    if (found := result["calibrated"]) is not None:
        rate = found["false_accepts_per_hour"]["mean"]
        missed = found["misses"]["mean"]
        click.echo(f"  by stored negatives: {rate:.2f} per hour, misses {missed:.1f} %")
