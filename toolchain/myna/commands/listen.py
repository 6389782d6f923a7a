# SPDX-License-Identifier: Apache-2.0
"""``myna listen``: hear words in a microphone or a long recording."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

from myna.audio.config import RATE
from myna.audio.decode import Recording
from myna.audio.endpoint import QUIET
from myna.audio.features import Pcm
from myna.audio.microphone import Microphone, Source
from myna.commands.common import (
    counted,
    json_option,
    model_argument,
    options,
    rate_option,
    require_front_end,
    write_json,
)
from myna.commands.view import NOTHING, View
from myna.errors import MynaError
from myna.learn.detect import FULL, Event
from myna.learn.listening import Heard, Listening
from myna.passes.pipeline import Options
from myna.project import open_project, running
from myna.sessions.stream import BoardListening
from myna.sessions.wake_words import RATE as DEFAULT_RATE
from myna.sessions.wake_words import WakeWord, teach_words, use_enrolled

PIECE = RATE // 5  # samples of a recording that are heard at once
AFTER = 2 * RATE  # samples behind a recording

sources = options(
    click.option("--mic", is_flag=True, help="Listen to a microphone, until Ctrl-C."),
    click.option("--device", help="Of --mic: number or name; absent: the system's default."),
    click.option("--wav", type=click.Path(path_type=Path), help="Listen to a recording."),
)


@click.command()
@model_argument
@click.option(
    "--words", type=click.Path(path_type=Path), help="DIR/<word>/*: recordings of each word."
)
@click.option("--port", help="Serial port or pyserial URL of a board that listens instead.")
@sources
@rate_option(f"{DEFAULT_RATE}; of a board what it was told before")
@json_option
def listen(
    model: Path,
    words: Path | None,
    port: str | None,
    mic: bool,
    device: str | None,
    wav: Path | None,
    rate: float | None,
    json_file: Path | None,
) -> None:
    """Listen for words as they are said, to a microphone or to a recording of any length.

    The C core listens in this process, a decision every 40 ms, for the words of --words, 3 to 5
    recordings of each; or a board at --port for the words that were enrolled on it, if its
    firmware was built with --streaming. Nothing is trained, and no sound is kept. A line tells
    each word that is heard: when, and how much it is like its recordings, of which 1 is the same.
    """
    if (words is None) == (port is None):
        raise click.UsageError("Name the words: --words DIR, or a board that knows some: --port.")
    source = open_source(mic, device, wav)
    require_front_end(model)
    with _listener(model, words, port, rate) as (listening, taught):
        for word in taught.values():
            click.echo(f"{word.name!r}: {word.takes} takes, from {word.threshold / FULL:.2f} on")
        view = View(taught, Console())
        heard, events, problem = follow(listening, source, view)
        click.echo(
            f"{counted(len(events), 'event')} in {heard.samples / RATE:.1f} s; "
            f"{heard.lost} samples lost"
            + f", and sound {counted(source.overflows, 'time')} before it came here"
            * bool(source.overflows)
        )
        if heard.samples and view.loudest < QUIET:
            click.echo(
                "nothing was loud enough to be understood: is it the right recording or device?"
            )
        result = {
            "model": model.name,
            "words": [asdict(word) for word in taught.values()],
            "samples": heard.samples,
            "seconds": heard.samples / RATE,
            "lost": heard.lost,
            "overflows": source.overflows,
            "events": [_described(event, taught[event.word]) for event in events],
        }
        write_json(json_file, "listen", result)
        if problem:
            raise problem
        if port is not None:
            near = [one for one in listening.sightings() if not one.accepted]
            _say_next(port, bool(events), bool(near))


def _say_next(port: str, has_events: bool, has_near: bool) -> None:
    """What can be said of what a board heard."""
    if has_events:
        click.echo(f"that was not it? myna refuse --stream --port {port}")
    if has_near:
        click.echo(f"a word was missed? myna heard --stream --port {port}, then myna accept")


@contextmanager
def _listener(
    model: Path, words: Path | None, port: str | None, rate: float | None
) -> Iterator[tuple[Listening, Mapping[int, WakeWord]]]:
    """Who listens, and for what, by class."""
    if port is not None:
        with running(port, model) as (session, project):
            taught = use_enrolled(session, project, rate, _say_left_out)
            board = BoardListening(session)
            yield board, taught
            board.end()
        return
    assert words is not None
    project = open_project(model, Options(train="head", streaming=True))
    listening = project.library().listening()
    yield listening, teach_words(listening, project, words, rate or DEFAULT_RATE, _say_left_out)


def _say_left_out(problem: MynaError) -> None:
    click.echo(f"left out: {problem}", err=True)


def open_source(mic: bool, device: str | None, wav: Path | None) -> Source:
    """What ``--mic`` or ``--wav`` names.

    Raises:
        MynaError: it cannot be used.
        click.UsageError: it is not one of them.
    """
    if mic == (wav is not None):
        raise click.UsageError("Listen to one thing: --mic, or --wav FILE.")
    if wav is None:
        return Microphone(device)
    if device is not None:
        raise click.UsageError("--device is a microphone's: add --mic.")
    return LongRecording(wav)


class LongRecording:
    """A recording in short pieces, and silence behind it, in which its end is heard; a `Source`.

    Raises:
        MynaError: see `Recording`.
    """

    overflows = 0

    def __init__(self, path: Path) -> None:
        self._recording = Recording(path)

    def pieces(self) -> Generator[Pcm, None, None]:
        """See `Source`."""
        for piece in chain(self._recording.pieces(), [np.zeros(AFTER, np.int16)]):
            for at in range(0, len(piece), PIECE):
                yield piece[at : at + PIECE]


def follow(
    listening: Listening, source: Source, view: View
) -> tuple[Heard, list[Event], MynaError | None]:
    """Listen until the sound ends, somebody interrupts it, or it cannot go on.

    Returns:
        the last news, all events, and why it could not go on.

    Raises:
        MynaError: it cannot begin.
    """
    heard, events = NOTHING, list[Event]()
    listening.begin()
    try:
        with view.shown():
            for piece in source.pieces():
                heard = listening.push(piece)
                events += heard.events
                view.show(heard)
    except KeyboardInterrupt:
        pass  # how a microphone is left
    except MynaError as error:  # after hours, perhaps: what was heard is told all the same
        return heard, events, error
    return heard, events, None


def _described(event: Event, word: WakeWord) -> dict[str, Any]:
    return {
        "time_s": round(event.time / RATE, 3),
        "word": word.name,
        "score": event.score,
        "threshold": word.threshold,
        "confidence": round(event.score / FULL, 4),
    }
