# SPDX-License-Identifier: Apache-2.0
"""Learning without labels: what is heard and sure is kept, and learned unless that does harm.

Twin of firmware/server/listen.c and adapt.c, in the same integers: a core in this process that
follows it has the state of a board that was asked to LISTEN and ADAPT, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from myna import fixed
from myna.audio.augment import vary
from myna.audio.config import AudioConfig
from myna.ir import Array
from myna.learn.examples import Examples
from myna.learn.learn import Core, Learned, Learner
from myna.learn.recipe import Recipe
from myna.passes.memory.plan import Program

TAG_LISTEN = 0x4C495354  # "LIST": no tensor draws with this tag
VIEWS = 4  # variations under which a word should stay the same
INT8_MIN = -128
MARGIN = 1.0  # nats by which a word must be likelier than any other


class Verdict(IntEnum):
    """Why a clip is kept or not."""

    KEPT = 0
    OTHER = 1  # silence, or a class that is not to be adapted
    UNTAUGHT = 2  # neither the user nor a memory ever said how the class sounds
    UNSURE = 3  # another class is nearly as likely
    CROWDED = 4  # the class has as many such clips as it may have
    INCONSISTENT = 5  # its variations are taken for other words


@dataclass(frozen=True)
class Criteria:
    """When a clip is kept.

    Attributes:
        lowest: the lowest class that may adapt.
        margin: int8 steps by which its logit must lead.
        agree: of the `VIEWS` variations, how many must be taken for it.
        most: clips that the device may label for one class.
    """

    lowest: int
    margin: int
    agree: int = 3
    most: int = 4


@dataclass(frozen=True)
class Heard:
    """What came of a clip: the class it is taken for, its lead, variations that agree."""

    verdict: Verdict
    label: int
    margin: int
    agreed: int


@dataclass(frozen=True)
class Score:
    """What a model gets right: of the user's clips and their variations, of the clips that it
    labelled itself."""

    own: int
    guessed: int


@dataclass(frozen=True)
class Adapted:
    """What came of learning; it is undone unless `kept`."""

    learned: Learned
    before: Score
    after: Score
    kept: bool


@dataclass(frozen=True)
class StoredClip:
    """A clip as the device stores it: int8 features, a class, and whether nobody confirmed it."""

    features: npt.NDArray[np.int8]
    label: int
    guessed: bool = False


def certain(program: Program, lowest: int) -> Criteria:
    """The criteria for the classes of a program from `lowest` on."""
    logits = program.graph.tensors[program.graph.outputs[0]]
    return Criteria(lowest, round(MARGIN / logits.scale))


class ListeningCore(Core, Protocol):
    """What can learn without labels: `Reference` and `HostLibrary`."""

    def read_state(self) -> bytes: ...
    def write_state(self, block: bytes) -> None: ...


class Listener:
    """Hears clips, and adapts to them.

    Args:
        core: what learns.
        audio: the front end, for variations.
        silence: the class of clips without speech, if there is one.
        clips: what the user labelled.
        unknown: the class of foreign words, if there is one.

    Attributes:
        clips: what is stored, by slot.
    """

    def __init__(
        self,
        core: ListeningCore,
        audio: AudioConfig,
        silence: int | None,
        clips: Examples,
        unknown: int | None = None,
    ) -> None:
        self._core, self._audio, self._silence, self._unknown = core, audio, silence, unknown
        pairs = zip(clips.features, clips.labels.tolist(), strict=True)
        self.clips = {slot: StoredClip(*pair) for slot, pair in enumerate(pairs)}
        self._remembered = frozenset(core.program.replay.labels.tolist())

    def listen(self, features: npt.NDArray[np.int8], criteria: Criteria) -> Heard:
        """Hear a clip that nobody labelled, and store it if it is sure what it says."""
        heard = self._judge(features, criteria)
        if heard.verdict is Verdict.KEPT:
            self.clips[self.free_slot()] = StoredClip(features, heard.label, guessed=True)
        return heard

    def free_slot(self) -> int:
        """The first slot without a clip, which takes the next one."""
        return next(slot for slot in range(len(self.clips) + 1) if slot not in self.clips)

    def confirm(self, slot: int, *, right: bool) -> None:
        """The user's word about a stored clip: it is his from now on, or dropped."""
        if right:
            self.clips[slot] = replace(self.clips[slot], guessed=False)
        else:
            del self.clips[slot]

    def stored(self) -> list[StoredClip]:
        """The clips in order of slots."""
        return [self.clips[slot] for slot in sorted(self.clips)]

    def adapt(self, recipe: Recipe) -> Adapted:
        """Learn what is stored; undone if the model is then worse on what is sure.

        Raises:
            MynaError: see `Learner.learn`.
        """
        state, before = self._core.read_state(), self._examine()
        clips = self.stored()
        learned = Learner(
            self._core,
            self._audio,
            self._silence,
            Examples(
                np.array([clip.features for clip in clips]),
                np.array([clip.label for clip in clips], np.int64),
            ),
            recipe,
            np.array([clip.guessed for clip in clips]),
            unknown=self._unknown,
        ).learn()
        after = self._examine()
        better = after.own >= before.own and after.guessed >= before.guessed
        kept = better and not learned.forgot(self._core.program.asked_memories)
        if not kept:
            self._core.write_state(state)
        return Adapted(learned, before, after, kept)

    def _judge(self, features: npt.NDArray[np.int8], criteria: Criteria) -> Heard:
        logits = self._core.infer(features)[: self._core.classes].astype(int)
        label = int(logits.argmax())
        margin = int(logits[label] - max([*np.delete(logits, label).tolist(), INT8_MIN]))
        verdict, agreed = self._refusal(label, margin, criteria), 0
        if verdict is Verdict.KEPT:
            agreed = self._agreement(features, label)
            verdict = Verdict.INCONSISTENT if agreed < criteria.agree else Verdict.KEPT
        return Heard(verdict, label, margin, agreed)

    def _refusal(self, label: int, margin: int, criteria: Criteria) -> Verdict:
        """Why a clip is not kept whatever its variations say; KEPT if nothing speaks against."""
        own = {clip.label for clip in self.clips.values() if not clip.guessed}
        if label < criteria.lowest or label == self._silence:
            return Verdict.OTHER
        if label not in own | self._remembered:
            return Verdict.UNTAUGHT
        if margin < criteria.margin:
            return Verdict.UNSURE
        if sum(clip.guessed and clip.label == label for clip in self.stored()) >= criteria.most:
            return Verdict.CROWDED
        return Verdict.KEPT

    def _agreement(self, features: npt.NDArray[np.int8], label: int) -> int:
        return sum(self._guess(view) == label for view in self._views(features))

    def _views(self, features: npt.NDArray[np.int8]) -> Iterator[npt.NDArray[np.int8]]:
        seed, _ = self._core.clock
        for view in range(VIEWS):
            yield vary(self._audio, features, None, fixed.key(seed, view, TAG_LISTEN))

    def _guess(self, features: Array) -> int:
        return int(self._core.infer(features)[: self._core.classes].argmax())

    def _examine(self) -> Score:
        own = guessed = 0
        for clip in self.stored():
            right = int(self._guess(clip.features) == clip.label)
            if clip.guessed:
                guessed += right
            elif clip.label == self._silence:
                own += right
            else:
                own += right + self._agreement(clip.features, clip.label)
        return Score(own, guessed)
