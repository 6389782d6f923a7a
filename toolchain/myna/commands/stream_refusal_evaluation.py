# SPDX-License-Identifier: Apache-2.0
"""``myna evaluate --protocol stream-refusal``: what refusing sounds brings and costs."""

from __future__ import annotations

from typing import Any

import click

from myna.audio.dataset import scan
from myna.commands.common import names, progress
from myna.commands.stream_evaluation import (
    Asked,
    hearing,
    listener,
    require_host,
    streaming,
    warn_of,
)
from myna.errors import MynaError
from myna.evaluation import stream_refusal, stream_tasks
from myna.evaluation.engine import CoreEngine
from myna.evaluation.split import SPEAKERS
from myna.learn.detect import Embeddings

STREAM_REFUSAL = "stream-refusal"
USED = frozenset(("model", "data", "protocol", "new_words", "shots", "max_speakers", "seed"))
USED |= {"jobs", "false_accepts_per_hour", "json_file", "engine"}
SHOWN = {
    "repeated_before": "events at repeats of a refused word before",
    "repeated_after": "  after",
    "refused_after": "  at the refused takes",
    "others_before": "events at other words before",
    "others_after": "  after",
    "missed_before": "enrolled words missed before",
    "missed_after": "  after",
}


def evaluate_stream_refusal(asked: Asked, engine: str) -> dict[str, Any]:
    """Let users refuse what is falsely heard, show what comes of it, and return it by name.

    Raises:
        MynaError: no words are named, the model does not stream or has no stored negatives, or
            nothing is falsely accepted.
    """
    require_host(engine)
    words, spec = names(asked.words), streaming(asked.model)
    if not words:
        raise MynaError(
            "which words are enrolled, and which are foreign, is not said",
            where=f"protocol {STREAM_REFUSAL}",
            fix="name those that are enrolled: --new-words A,B,…",
        )
    with spec.open() as opened:
        assert isinstance(opened, CoreEngine)
        setting = listener(asked, opened, words, ())
    if not len(setting.stored):
        raise MynaError(
            "no threshold can be set without stored negatives",
            where=str(asked.model),
            fix="make them with `myna negatives`",
        )
    said, _, problems = stream_tasks.read_positives(
        scan(asked.data), setting.clock, None, hearing(spec, asked.jobs), windows=False
    )
    warn_of([str(problem) for problem in problems])
    tasks = stream_tasks.by_user(said, said, words, asked.shots, asked.users or SPEAKERS)
    users: dict[str, dict[str, float]] = {}
    with progress("refuse") as report:
        for done, task in enumerate(tasks, 1):
            foreign: dict[str, list[Embeddings]] = {}
            for one in said:
                if one.clip.speaker == task.name and one.clip.word not in words:
                    foreign.setdefault(one.clip.word, []).append(one.sound.stream)
            if (found := stream_refusal.examine(setting, task, foreign)) is not None:
                users[task.name] = found
            report(done, len(tasks))
    if not users:
        raise MynaError(
            "nothing is falsely accepted, so there is nothing to refuse",
            where=str(asked.data),
            fix="ask for more: --false-accepts-per-hour",
        )
    result = {
        "protocol": STREAM_REFUSAL,
        "shots": asked.shots,
        "words": list(words),
        "false_accepts_per_hour": asked.listening.false_accepts_per_hour,
        "refusals": sum(user["refusals"] for user in users.values()),
        **stream_refusal.summarize(list(users.values())),
        "per_speaker": users,
        "seed": asked.seed,
    }
    _print(result)
    return result


def _print(result: dict[str, Any]) -> None:
    click.echo(f"{STREAM_REFUSAL}, {result['shots']} shots, {result['refusals']} refusals")
    for field, title in SHOWN.items():
        figure = result[field]
        half = figure["ci95"]
        spread = "" if half is None else f" ± {half:.1f}"
        click.echo(f"  {title:44} {figure['mean']:.1f}{spread} %")
