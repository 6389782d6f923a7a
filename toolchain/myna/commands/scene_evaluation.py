# SPDX-License-Identifier: Apache-2.0
"""``myna evaluate --protocol scene``: a word in twenty minutes of sound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import numpy as np

from myna.audio.dataset import scan, select
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
from myna.evaluation import scene, stream, stream_tasks
from myna.evaluation.det import Track
from myna.evaluation.engine import CoreEngine
from myna.evaluation.evaluate import examine_all
from myna.evaluation.sound import SoundExam
from myna.learn.detect import SPAN, Embeddings, scores, template
from myna.learn.false_accepts import calibrate

SCENE = "scene"
USED = frozenset(("negatives", "noise", "false_accepts_per_hour", "model", "data", "protocol"))
USED |= {"shots", "new_words", "seed", "jobs", "json_file", "engine"}


def evaluate_scene(asked: Asked, engine: str) -> dict[str, Any]:
    """Listen to scenes, show what was heard, and return all figures by name.

    Raises:
        MynaError: not one word is asked for, the model does not stream or has no stored negatives,
            or the sound does not suffice.
    """
    require_host(engine)
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
    with progress("hear scenes") as report:
        exams = [SoundExam(one.pcm, windows=False) for one in recordings]
        heard = examine_all(spec, exams, asked.jobs, report)
    found = [
        scene.score(one.words, _events(detector, task, words[0], sound["sound"].stream))
        for one, task, sound in zip(recordings, tasks, heard, strict=True)
    ]
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


def _events(detector: stream.Setting, task: stream.Task, word: str, heard: Embeddings) -> list[int]:
    """When the word is heard, in samples, by a threshold that knows nothing of the scene."""
    own = template([detector.take(one) for one in task.enrolled[word]], detector.space.center)
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
