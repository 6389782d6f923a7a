# SPDX-License-Identifier: Apache-2.0
"""Teach one word to a board that keeps what it has learned before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from myna.audio.features import Pcm
from myna.audio.files import SUFFIXES, read_clip
from myna.device.session import Board, Scored
from myna.errors import MynaError
from myna.learn.engine import Q16, Losses, patch_state, require_slots, scalar
from myna.learn.examples import Progress
from myna.learn.recipe import Recipe, follow
from myna.passes.autodiff import CLASSES
from myna.passes.plan import Program

SILENT_SQUARE = 1024  # as the board judges: a mean square of -60 dB of full scale


@dataclass(frozen=True)
class Taught:
    """Accuracy over all clips that the board stores, before and after training."""

    before: Scored
    after: Scored
    losses: Losses


def find_takes(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The recordings among files and folders; the files of a folder in order of name.

    Raises:
        MynaError: a folder holds no recording, or nothing was given.
    """
    found: list[Path] = []
    for path in paths:
        files = [path]
        if path.is_dir():
            files = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
            if not files:
                raise MynaError(
                    "the folder holds no recordings",
                    where=str(path),
                    fix="name a folder with 16 kHz mono WAV or FLAC files",
                )
        found += files
    if not found:
        raise MynaError("there is nothing to learn from", fix="give recordings: --wav FILE …")
    return tuple(found)


def read_takes(paths: Sequence[Path]) -> tuple[Pcm, ...]:
    """Recordings fit to learn from, int16 [16000] each.

    Raises:
        MynaError: the first one that is not: unreadable, not 16 kHz mono, clipped, too quiet.
    """
    takes = tuple(read_clip(path) for path in paths)
    for path, pcm in zip(paths, takes, strict=True):
        if np.mean(pcm.astype(np.float64) ** 2) < SILENT_SQUARE:
            raise MynaError(
                "is too quiet to learn from",
                where=str(path),
                fix="speak up, or move closer to the microphone, and record again",
            )
    return takes


def class_of(word: str, session: Board, learned: Sequence[str]) -> int:
    """The class of a word on a board: a label's, a learned word's, or the next free one.

    Raises:
        MynaError: the word is new and no class is free.
    """
    names = (*session.labels, *learned)
    if word in names:
        return names.index(word)
    if len(names) >= session.info.max_classes:
        raise MynaError(
            f"no class is free for {word!r}: the board knows {', '.join(names)}",
            where=session.link.name,
            fix="reset the board, or quantize the model with more --classes",
        )
    return len(names)


def send(session: Board, takes: Sequence[Pcm], label: int, progress: Progress) -> tuple[int, ...]:
    """Store takes of one class in free clip slots of a board.

    Args:
        session: with the board.
        takes: int16 [samples] each.
        label: their class.
        progress: called with takes (done, total).

    Returns:
        the slots.

    Raises:
        MynaError: there are more takes than free slots (nothing has changed then), or the board
            failed.
    """
    stored = session.status().clips
    require_slots(session, len(takes), stored)
    used = session.score().labels if stored else {}
    free = [slot for slot in range(session.info.max_clips) if slot not in used]
    slots = tuple(free[: len(takes)])
    for done, (slot, pcm) in enumerate(zip(slots, takes, strict=True), 1):
        session.upload_audio(pcm, slot, label)
        progress(done, len(takes))
    return slots


def train(
    session: Board,
    program: Program,
    new: Collection[int],
    classes: int,
    recipe: Recipe,
    progress: Progress,
) -> Taught:
    """Train a board on all the clips that it stores.

    Args:
        session: with a board that runs `program`.
        program: says where the state tensors are.
        new: the slots of the word that is to be learned; what else is stored counts as one word.
        classes: how many classes are in use from now on.
        recipe: how to train.
        progress: called with steps (done, total).

    Raises:
        MynaError: the board failed.
    """
    before = session.score()
    total, done = recipe.steps(before.total), 0

    def some(steps: int) -> Losses:
        nonlocal done
        losses = session.train(steps, lambda now, _: progress(done + now, total))
        done += steps
        return losses / Q16

    set_state = partial(patch_state, session, program)
    set_state(CLASSES, scalar(classes))
    words = [int(slot in new) for slot in sorted(before.labels)]
    losses = follow(recipe, words, set_state, some, step=session.status().step)
    return Taught(before, session.score(), losses)
