# SPDX-License-Identifier: Apache-2.0
"""Words that are listened for: of a folder of recordings or enrolled; how sure one must be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from myna.audio import endpoint, native
from myna.audio.config import HOP
from myna.audio.dataset import Clip, scan
from myna.audio.endpoint import Verdict
from myna.audio.files import read_recording
from myna.device.link import DeviceError
from myna.device.session import Board
from myna.device.status import Status
from myna.engines.listening import HostListening
from myna.errors import MynaError
from myna.ir import Array
from myna.learn.false_accepts import calibrate
from myna.learn.listening import Listening
from myna.learn.templates import SILENT
from myna.package.negatives import NEGATIVES
from myna.passes.layout import trains_body
from myna.project import Project
from myna.sessions.checkpoint import keep
from myna.sessions.enroll import PROBLEMS
from myna.sessions.stream import BoardListening
from myna.sessions.words import check_name, read_words

RATE = 0.5  # false accepts per hour, unless somebody says how many


@dataclass(frozen=True)
class WakeWord:
    """A word that is listened for.

    Attributes:
        name: of its folder.
        takes: that taught it.
        threshold: the least score that is an event.
        false_accepts_per_hour: that the threshold was set for.
    """

    name: str
    takes: int
    threshold: int
    false_accepts_per_hour: float


def teach_words(
    listening: HostListening,
    project: Project,
    folder: Path,
    rate: float,
    left_out: Callable[[MynaError], None],
) -> Mapping[int, WakeWord]:
    """Let this process listen for the words of a folder, DIR/<word>/*; by class, from 0.

    Args:
        listening: the core that listens.
        project: what it runs, compiled with streaming.
        folder: of the recordings.
        rate: wanted false accepts of each word per hour.
        left_out: told of each recording that is unfit.

    Raises:
        MynaError: there are no recordings, or more words than there is room for, none of a word
            is fit, its folder's name can be no word, or the model has no stored negatives to set
            thresholds by.
    """
    takes: dict[str, list[Clip]] = {}
    for clip in scan(folder):
        takes.setdefault(clip.word, []).append(clip)
    _expect_room(listening, len(takes), str(folder))
    found: dict[int, WakeWord] = {}
    for label, (name, clips) in enumerate(takes.items()):
        check_name(name, [word.name for word in found.values()])
        features = list(_features(project, clips, left_out))
        if not features:
            raise MynaError(
                "no recording of it is fit to learn from",
                where=str(clips[0].path.parent),
                fix="record the word again, clearly, with a pause before and after it",
            )
        listening.make_template(label, features)
        least = threshold_for(project, listening, label, rate)
        listening.set_threshold(label, least)
        found[label] = WakeWord(name, len(features), least, rate)
    return found


def _expect_room(listening: HostListening, words: int, where: str) -> None:
    if words > listening.room:
        raise MynaError(
            f"holds {words} words, and {listening.room} at most can be listened for",
            where=where,
            fix="name a folder with fewer words",
        )


def use_enrolled(
    session: Board,
    project: Project,
    rate: float | None,
    left_out: Callable[[MynaError], None],
) -> Mapping[int, WakeWord]:
    """The words that a board listens for, by class; what it lacks of them it is told, and saves.

    Args:
        session: with a board whose firmware was built with `--streaming`.
        project: what it runs.
        rate: wanted false accepts of each word per hour; None: those that were asked for before.
        left_out: told of each learned word for which there is no room.

    Raises:
        MynaError: no word was enrolled, the board cannot listen, or the model has no stored
            negatives.
    """
    listening, changed = BoardListening(session), False
    found: dict[int, WakeWord] = {}
    for label, name in enumerate(read_words(session), len(session.labels)):
        stored = listening.word(label)
        if stored is None or stored.threshold == SILENT or rate not in (None, stored.rate):
            wanted = rate or (stored and stored.rate) or RATE
            tell = partial(_of_word, left_out, name)
            changed = listen_for(listening, project, label, wanted, tell) or changed
            stored = listening.word(label)
        if stored is not None:
            found[label] = WakeWord(name, stored.takes, stored.threshold, stored.rate)
    if not found:
        raise MynaError(
            "knows no word of its user's to listen for",
            where=f"board {session.info.board}",
            fix="enroll one first: myna enroll --word WORD",
        )
    if changed:
        keep(session)
    return found


def _of_word(left_out: Callable[[MynaError], None], name: str, problem: MynaError) -> None:
    left_out(MynaError(problem.what, where=repr(name), fix=problem.fix))


def listen_for(
    listening: BoardListening,
    project: Project,
    label: int,
    rate: float,
    left_out: Callable[[MynaError], None],
) -> bool:
    """Let a board make a word's template of its stored takes, and set its threshold.

    Args:
        listening: on a session with a board that runs `project`.
        project: compiled with streaming.
        label: class of the word.
        rate: wanted false accepts per hour.
        left_out: told if there is no room for another word.

    Returns:
        whether the board listens for it.

    Raises:
        MynaError: the board stores no take of it, or the model has no stored negatives.
    """
    try:
        listening.make_template(label)
    except DeviceError as error:
        if error.status != Status.TOO_MANY_WORDS:
            raise
        left_out(error)
        return False
    set_threshold(project, listening, label, rate)
    return True


def set_threshold(project: Project, listening: BoardListening, label: int, rate: float) -> int:
    """Set the threshold of a word that a board listens for, by stored negatives; returns it.

    Raises:
        MynaError: the model has none.
    """
    least = threshold_for(project, listening, label, rate)
    listening.set_threshold(label, least, rate)
    return least


def follow_learning(
    session: Board, project: Project, label: int, rate: float | None
) -> MynaError | None:
    """After a board learned takes of a word: make templates and thresholds follow.

    Where training changes embeddings, so do the templates of all other words that it listens for.

    Args:
        session: with a board that runs `project`; what does not listen is left alone.
        project: what it runs.
        label: class of the word; one that the model knew before is not listened for.
        rate: wanted false accepts of the word per hour; None: what was asked for before.

    Returns:
        why the board does not listen for the word although it could.

    Raises:
        MynaError: the board failed.
    """
    if project.streaming is None or label < len(session.labels):
        return None
    listening, problems = BoardListening(session), list[MynaError]()
    if not len(project.negatives.stream):
        return _no_negatives(project)
    stored = listening.word(label)
    wanted = rate or (stored and stored.rate) or RATE
    listen_for(listening, project, label, wanted, problems.append)
    if trains_body(project.program):
        for other in range(len(session.labels), session.status().classes):
            known = listening.word(other)
            if other != label and known is not None and known.rate:
                listen_for(listening, project, other, known.rate, problems.append)
    return problems[0] if problems else None


def _features(
    project: Project, clips: Sequence[Clip], left_out: Callable[[MynaError], None]
) -> Iterator[Array]:
    """Of the words in recordings, as a board cuts them: int8 [frames, coefficients]."""
    audio = project.package.front_end
    for clip in clips:
        try:
            pcm = read_recording(clip.path)
            if (verdict := endpoint.listen(pcm).verdict) is not Verdict.OK:
                what, fix = PROBLEMS[verdict]
                raise MynaError(what, where=str(clip.path), fix=f"{fix}, and record again")
            yield native.extract(audio, endpoint.cut(audio, pcm))
        except MynaError as error:
            left_out(error)


def threshold_for(project: Project, listening: Listening, label: int, rate: float) -> int:
    """The least score of a word that is an event, by stored negatives.

    Args:
        project: what is run, compiled with streaming.
        listening: who listens for the word.
        label: its class.
        rate: wanted false accepts per hour.

    Raises:
        MynaError: the model has no stored negatives.
    """
    stored = project.negatives.stream
    if not len(stored):
        raise _no_negatives(project)
    assert project.streaming is not None
    period = HOP * project.streaming.period
    return calibrate(stored, project.space, listening.template(label), period, rate)


def _no_negatives(project: Project) -> MynaError:
    return MynaError(
        "has no stored negatives, by which thresholds are set",
        where=str(project.folder / NEGATIVES),
        fix=f"make them: myna negatives {project.folder}",
    )
