# SPDX-License-Identifier: Apache-2.0
"""Who is verified, and by whom it is tried in vain: speakers of a data folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from myna.audio.dataset import Clip, describe, is_recording, scan, split_of, word_files
from myna.errors import MynaError
from myna.evaluation.protocol import Read
from myna.federated.client import Client
from myna.ir import Array
from myna.learn.examples import Examples
from myna.learn.schedule import shuffle
from myna.learn.user import WARM_UP

EXAMINED = 40  # takes of a speaker, at most
UNSEEN = 300  # speakers, at most
NOBODY = -1


@dataclass(frozen=True)
class User:
    """One whose takes train a network.

    Attributes:
        speaker: who.
        enrolled: takes to train with.
        warm_up: takes to set the threshold by.
    """

    speaker: str
    enrolled: Examples
    warm_up: Examples


@dataclass(frozen=True)
class Users:
    """Users, and the takes that everybody is examined on.

    Attributes:
        seen: users; their labels are their numbers.
        examined: int8 [n, frames, bands].
        owner: int [n], the number of the user who speaks, `NOBODY` of a speaker never trained with.
        unseen: how many speakers those are.
    """

    seen: tuple[User, ...]
    examined: npt.NDArray[np.int8]
    owner: npt.NDArray[np.int64]
    unseen: int

    def clients(self, codewords: Array) -> tuple[Client, ...]:
        """Clients that learn the users' codewords, int8 [users, length], and not who they are."""
        return tuple(
            Client(number, user.speaker, replace(user.enrolled, labels=0 * user.enrolled.labels), v)
            for number, (user, v) in enumerate(zip(self.seen, codewords, strict=True))
        )

    def first(self, chosen: Sequence[int]) -> Users:
        """These users alone, whose numbers begin at 0; takes of the others stay, as impostors'."""
        order = [*chosen, *(n for n in range(len(self.seen)) if n not in chosen)]
        numbers = np.append(np.argsort(order), NOBODY)  # nobody's is the last
        return replace(self, seen=tuple(self.seen[n] for n in chosen), owner=numbers[self.owner])


def speakers_of(data: Path) -> dict[str, list[Clip]]:
    """The clips of every speaker in DIR/<word>/<speaker>_<take>.* or DIR/<speaker>_<n>.*.

    Raises:
        MynaError: there is no such folder, or no recording in it.
    """
    flat = sorted(filter(is_recording, data.glob("*")))
    found: defaultdict[str, list[Clip]] = defaultdict(list)
    for clip in map(describe, flat) if flat and not word_files(data) else scan(data):
        found[clip.speaker].append(clip)
    return found


def gather(data: Path, shots: int, most: int, heard: Sequence[str], seed: int, read: Read) -> Users:
    """Choose users and read their recordings.

    Those held out of training come first, then those with the most takes; no more than half of all
    are users.

    Args:
        data: folder of recordings.
        shots: takes that a user trains with, whatever is said.
        most: users.
        heard: speakers who are left out.
        seed: of the draw of takes.
        read: reads recordings and computes features.

    Raises:
        MynaError: there are too few speakers, or takes.
    """
    clips = {name: own for name, own in speakers_of(data).items() if name not in {*heard}}
    ranked = sorted(clips, key=lambda who: (split_of(who) == "train", -len(clips[who]), who))
    able = [who for who in ranked if len(clips[who]) > shots + 1][: min(most, len(ranked) // 2)]
    if len(able) < 2:
        raise MynaError(
            f"{len(able)} of {len(ranked)} speakers have more than {shots + 1} takes",
            where=str(data),
            fix="lower --shots, or record more",
        )
    unseen = [who for who in ranked if who not in able][:UNSEEN]
    chosen = [clip for who in (*able, *unseen) for clip in _drawn(clips[who], seed, shots)]
    words = {clip.word: 0 for clip in chosen}
    kept, examples = read(chosen, words, f"read {data.name}")
    own: defaultdict[str, list[int]] = defaultdict(list)
    for index, clip in enumerate(kept):
        own[clip.speaker].append(index)
    if short := [who for who in able if len(own[who]) <= shots]:
        raise MynaError(
            f"of speaker {short[0]} {len(own[short[0]])} takes can be used, not {shots + 1}",
            where=str(data),
            fix="record usable files, or leave the speaker out",
        )
    seen, owner = [], np.full(len(kept), NOBODY)
    is_examined = np.ones(len(kept), bool)
    for number, who in enumerate(able):
        parts = own[who][:shots], own[who][shots:][: min(WARM_UP, (len(own[who]) - shots) // 2)]
        owner[own[who]] = number
        is_examined[[*parts[0], *parts[1]]] = False
        enrolled, warm_up = (_labelled(examples.take(part), number) for part in parts)
        seen.append(User(who, enrolled, warm_up))
    return Users(tuple(seen), examples.features[is_examined], owner[is_examined], len(unseen))


def _drawn(clips: Sequence[Clip], seed: int, shots: int) -> list[Clip]:
    """The takes of a speaker in random order: the first are enrolled."""
    order = shuffle(range(len(clips)), seed, 0)[: shots + WARM_UP + EXAMINED]
    return [sorted(clips)[index] for index in order]


def _labelled(examples: Examples, number: int) -> Examples:
    return Examples(examples.features, np.full(len(examples), number, np.int64))
