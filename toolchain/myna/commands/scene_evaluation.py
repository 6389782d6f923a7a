# SPDX-License-Identifier: Apache-2.0
"""``myna evaluate --protocol scene``: a word in twenty minutes of sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import click
import numpy as np

from myna.audio.dataset import scan, select
from myna.audio.features import Pcm
from myna.commands.common import names, progress
from myna.commands.stream_evaluation import (
    Asked,
    hearing,
    listener,
    read_all,
    require_host,
    require_negatives,
    streaming,
    warn_of,
)
from myna.errors import MynaError
from myna.evaluation import scene, scene_board, stream, stream_tasks
from myna.evaluation.det import Track
from myna.evaluation.engine import HOST, CoreEngine, EngineSpec
from myna.evaluation.evaluate import examine_all
from myna.evaluation.sound import SoundExam
from myna.learn.detect import SPAN, Embeddings, scores, template
from myna.learn.false_accepts import calibrate
from myna.project import open_project

SCENE = "scene"
USED = frozenset(("negatives", "noise", "false_accepts_per_hour", "model", "data", "protocol"))
USED |= {"shots", "new_words", "seed", "jobs", "json_file", "engine"}


def evaluate_scene(asked: Asked, engine: str) -> dict[str, Any]:
    """Listen to scenes, show what was heard, and return all figures by name.

    Raises:
        MynaError: not one word is asked for, the model does not stream or has no stored negatives,
            or the sound does not suffice.
    """
    _require_listener(EngineSpec(engine, asked.model))
    speech, music = require_negatives(asked, SCENE), asked.listening.noise
    if music is None:
        raise MynaError(
            "no music", where=f"protocol {SCENE}", fix="name a folder of it: --noise DIR"
        )
    words = names(asked.words) or ()
    if len(words) != 1:
        raise MynaError(
            "one word is listened for", where=f"protocol {SCENE}", fix="name it: --new-words WORD"
        )
    spec = streaming(asked.model)
    with spec.open() as opened:
        assert isinstance(opened, CoreEngine)
        detector = listener(asked, opened, words, ())
    if not len(detector.stored):
        raise MynaError(
            "no threshold can be set without stored negatives",
            where=str(asked.model),
            fix="make them with `myna negatives`",
        )
    own = select(scan(asked.data), words=words)
    hear = hearing(spec, asked.jobs)
    takes, _, problems = stream_tasks.read_positives(own, detector.clock, None, hear)
    warn_of([str(problem) for problem in problems])
    tasks = stream_tasks.across_speakers(takes, takes, words, asked.shots, asked.seed)
    background, tune = read_all(speech), read_all(music)
    recordings = [
        scene.build([p.pcm for p in task.examined[words[0]]], background, tune, asked.seed + draw)
        for draw, task in enumerate(tasks)
    ]
    sounds = [one.pcm for one in recordings]
    enrolled = [task.enrolled[words[0]] for task in tasks]
    if engine == HOST:
        events = _hear(spec, asked.jobs, detector, enrolled, sounds)
    else:
        events = _hear_on_board(spec, engine, detector.rate, enrolled, sounds)
    found = [scene.score(one.words, own) for one, own in zip(recordings, events, strict=True)]
    about = {
        "protocol": SCENE,
        "shots": asked.shots,
        "word": words[0],
        "different_takes": [len(task.examined[words[0]]) for task in tasks],
        "false_accepts_per_hour": asked.listening.false_accepts_per_hour,
        "seed": asked.seed,
    }
    result = about | scene.summarize(found)
    _print(result)
    return result


def _require_listener(spec: EngineSpec) -> None:
    """Raise a MynaError unless a virtual board or this process is to listen."""
    spec.check()
    if not spec.on_board:
        require_host(spec.name)


def _hear(
    spec: EngineSpec,
    jobs: int,
    detector: stream.Setting,
    enrolled: Sequence[Sequence[stream.Positive]],
    sounds: Sequence[Pcm],
) -> list[list[int]]:
    """When the word is heard in each sound, in samples, in this process."""
    with progress("hear scenes") as report:
        exams = [SoundExam(pcm, windows=False) for pcm in sounds]
        heard = examine_all(spec, exams, jobs, report)
    pairs = zip(enrolled, heard, strict=True)
    return [_events(detector, takes, sound["sound"].stream) for takes, sound in pairs]


def _hear_on_board(
    spec: EngineSpec,
    board: str,
    rate: float,
    enrolled: Sequence[Sequence[stream.Positive]],
    sounds: Sequence[Pcm],
) -> list[list[int]]:
    """The same on a virtual board."""
    project = open_project(spec.model, replace(spec.options, streaming=True))
    found = []
    with project.connect(board) as session, progress("hear scenes") as report:
        for takes, pcm in zip(enrolled, sounds, strict=True):
            own = [take.pcm for take in takes]
            found.append(scene_board.hear_on_board(session, project, own, rate, pcm))
            report(len(found), len(sounds))
    return found


def _events(
    detector: stream.Setting, enrolled: Sequence[stream.Positive], heard: Embeddings
) -> list[int]:
    """When the word is heard, in samples, by a threshold that knows nothing of the scene."""
    own = template([detector.take(one) for one in enrolled], detector.space.center)
    least = calibrate(detector.stored, detector.space, own, detector.clock.period, detector.rate)
    times = detector.clock.streamed(len(heard))[SPAN:]
    track = Track(scores(heard, detector.space, own).astype(np.int64), times)
    return track.events(least, scene.REFRACTORY)


def _print(result: Mapping[str, Any]) -> None:
    count, minutes = len(result["per_scene"]), result["minutes_per_scene"]
    said, word = result["words_per_scene"], result["word"]
    click.echo(f"scene, {result['shots']} shots, {count} scenes of {minutes} minutes")
    for field, title in (
        ("false_accepts", "false accepts"),
        ("misses", f"misses of {said} {word}"),
    ):
        figure = result[field]
        click.echo(f"  {title:24} {figure['mean']:.1f} ± {figure['ci95']:.1f}")
    click.echo(f"  {result['within_limit']} of {count} within the limit of {result['limit']} each")
    late = result["latency_ms"]
    if late["median"] is not None:
        after = f"{late['median']:.0f} ms, 95 % within {late['p95']:.0f} ms"
        click.echo(f"  heard after the word's end  {after}")
