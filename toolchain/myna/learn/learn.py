# SPDX-License-Identifier: Apache-2.0
"""How clips are learned: imprint new classes, train and rehearse, calibrate what is accepted.

Twin of firmware/runtime/learn.c, in the same integers: a core in this process that follows it has
the state of a board that was asked to LEARN, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from myna import fixed
from myna.audio.config import AudioConfig
from myna.errors import MynaError
from myna.ir import Array
from myna.learn.accept import Acceptance, calibrate
from myna.learn.examples import Examples
from myna.learn.latents import Latents, Variations, draw
from myna.learn.recipe import MORE, Recipe
from myna.learn.schedule import shuffle
from myna.names import CLASSES, SIMILARITY, THRESHOLD, TYPICAL
from myna.passes.memory.plan import HELD_OUT, Program

TAG_VARY = 0x56415259  # "VARY": no tensor draws with these tags
TAG_REHEARSE = 0x52454853  # "REHS"
TAG_ACCEPT = 0x41435054  # "ACPT"
FORGET_SHIFT = 5  # one memory in 32 may be forgotten
HALVINGS = 2  # of new rows, at most, while more are endangered
SAFE = 16  # by so many int8 steps a memory leads the classes that are begun, or is endangered
DRAW_MEMORY, DRAW_VARIATION = 0x101, 0x102  # draws that choose these; those of `vary` are less


class Core(Protocol):
    """What learns: `Reference`, `HostLibrary` and the float baseline."""

    program: Program

    @property
    def classes(self) -> int: ...
    @property
    def clock(self) -> tuple[int, int]: ...
    def get_state(self, name: str) -> Array: ...
    def set_state(self, name: str, value: Array) -> None: ...
    def infer(self, features: Array) -> Array: ...
    def recall(self, memory: int) -> Array: ...
    def embed(self, features: Array) -> Array: ...
    def encode(self, features: Array) -> Array: ...
    def compare(self, latent: Array) -> Array: ...
    def memory(self, memory: int) -> Array: ...
    def train_latent(self, latent: Array, label: int) -> int: ...
    def imprint(self, label: int, total: Array, shots: int, halvings: int) -> None: ...
    def rehearse(self, memory: int, varied: Array | None = None) -> int: ...


@dataclass(frozen=True)
class Learned:
    """What came of it.

    Attributes:
        imprinted: classes begun.
        worst: of each epoch, the largest mean loss of a class (nats, Q16).
        known_before, known_after: memories that the model takes for what they are.
    """

    imprinted: int
    worst: tuple[int, ...]
    known_before: int
    known_after: int

    @classmethod
    def of(cls, imprinted: int, worst: bytes, known_before: int, known_after: int) -> Learned:
        """As a board says it: losses as little-endian int32."""
        losses = tuple(np.frombuffer(worst, "<i4").tolist())
        return cls(imprinted, losses, known_before, known_after)

    def forgot(self, memories: int) -> bool:
        """Whether more was lost of so many memories than may be."""
        return self.known_after + (memories >> FORGET_SHIFT) < self.known_before


class Learner:
    """Learns one set of clips.

    Args:
        core: what learns.
        audio: the front end, for variations; None if there is none, and nothing is varied.
        silence: the class of clips without speech, if there is one.
        clips: what is stored, in order of slots.
        recipe: how to learn.
        guessed: which of the clips the device labelled itself, bool [n]; by default none. They are
            skipped while the model takes them for something else.
        retreat: called between epochs, see `Recipe.proximal`.
        unknown: the class of foreign words, if there is one; clips of it are foreign to every word.
    """

    def __init__(
        self,
        core: Core,
        audio: AudioConfig | None,
        silence: int | None,
        clips: Examples,
        recipe: Recipe,
        guessed: npt.NDArray[np.bool_] | None = None,
        retreat: Callable[[], None] | None = None,
        unknown: int | None = None,
    ) -> None:
        self._core, self._no_words = core, {silence, unknown}
        self._clips, self._recipe = clips, recipe
        self._guessed = np.zeros(len(clips), bool) if guessed is None else guessed
        self._variations = Variations(audio, silence, clips, vary=recipe.vary)
        self._latents = Latents(core, clips, self._variations)
        self._retreat = retreat or (lambda: None)
        latent = core.program.latent
        self._replay = core.program.replay
        self._varies_memories = latent.node == 0
        self._rehearsals = recipe.rehearsals  # more of them once memories are endangered

    def learn(self) -> Learned:
        """Imprint, train and calibrate.

        Raises:
            MynaError: there are no clips, or a new class follows another that has none; nothing
                has changed then.
        """
        if not len(self._clips):
            raise MynaError(
                "there is nothing to learn from", where="enrollment", fix="store clips first"
            )
        before = known_memories(self._core)
        imprinted = self._begin_classes()
        after = before if self._recipe.epochs else known_memories(self._core)
        learned = Learned(imprinted, (), before, after)
        while len(learned.worst) < self._recipe.epochs:
            learned = replace(learned, worst=(*learned.worst, self._epoch()))
            is_enough = learned.worst[-1] < self._recipe.enough_q16
            if is_enough or len(learned.worst) == self._recipe.epochs:
                learned = replace(learned, known_after=known_memories(self._core))
            if is_enough and not learned.forgot(self._core.program.asked_memories):
                break
            if len(learned.worst) < self._recipe.epochs:
                self._retreat()
        if SIMILARITY in self._core.program.graph.tensors:
            self._calibrate()
        return learned

    def _begin_classes(self) -> int:
        """Imprint, and more gently if that endangers too many memories; how many began."""
        before, program = self._core.classes, self._core.program
        new = sorted({label for label in self._clips.labels.tolist() if label >= before})
        if new != list(range(before, before + len(new))):
            raise MynaError(
                f"classes {new} are to begin, {before} are in use",
                where="enrollment",
                fix="give new words the next free classes, without a gap",
            )
        if not new:
            return 0  # so it is where a network has no classes at all
        for halvings in range(HALVINGS + 1):
            for label in new:
                clips = self._clips.features[self._clips.labels == label]
                total = np.sum([self._core.embed(x) for x in clips], axis=0)
                self._core.imprint(label, total, len(clips), halvings)
            self._core.set_state(CLASSES, np.array([before + len(new)], np.int32))
            if endangered(self._core, before) <= program.asked_memories >> FORGET_SHIFT:
                break
            if not program.is_whole:  # there it drowns what is new
                self._rehearsals = MORE * self._recipe.rehearsals
        return len(new)

    def _epoch(self) -> int:
        """One epoch over the clips in random order; the largest mean loss of a class."""
        losses: dict[int, list[int]] = {}
        for i in shuffle(range(len(self._clips)), *self._core.clock):
            label = int(self._clips.labels[i])
            if self._guessed[i] and not self._agrees(i):
                continue  # perhaps it was never right
            losses.setdefault(label, []).append(self._train(i, label))
            for _ in range(self._rehearsals if len(self._replay.labels) else 0):
                self._rehearse()
        return max((sum(some) // len(some) for some in losses.values()), default=0)

    def _train(self, i: int, label: int) -> int:
        """One step on a clip, of which a variation is drawn; returns the loss before it."""
        key = self._key(TAG_VARY)
        number = draw(key, DRAW_VARIATION, self._core.program.variations)
        return self._core.train_latent(self._latents.of(i, number, key), label)

    def _agrees(self, i: int) -> bool:
        """Whether the model takes a clip for what its label says."""
        logits = self._core.infer(self._clips.features[i])[: self._core.classes]
        return bool(logits.argmax() == self._clips.labels[i])

    def _rehearse(self) -> None:
        key = self._key(TAG_REHEARSE)
        memory = draw(key, DRAW_MEMORY, len(self._replay.labels))
        features = None
        if self._varies_memories:
            stored = self._replay.latents[memory].reshape(self._clips.features.shape[1:])
            features = self._variations.of(stored, int(self._replay.labels[memory]), key)
        self._core.rehearse(memory, features)

    def _calibrate(self) -> None:
        """Set what is typical of each class, and the threshold."""
        core, key = self._core, self._key(TAG_ACCEPT)
        asked = _asked(core)
        varied = np.repeat(self._clips.labels, HELD_OUT)
        labels = np.concatenate([varied, asked]).astype(np.int64)
        similarities = []
        for i in range(len(varied)):
            clip, number = divmod(i, HELD_OUT)
            number += core.program.variations  # none that was learned
            latent = self._latents.of(clip, number, int(fixed.random32(key, i)))
            similarities.append(core.compare(latent))
        for memory in range(len(asked)):
            similarities.append(core.compare(core.memory(memory)))
        words = set(self._clips.labels.tolist()) - self._no_words
        old = Acceptance(core.get_state(TYPICAL), int(core.get_state(THRESHOLD)[0]))
        found = calibrate(labels, np.array(similarities), words, old)
        core.set_state(TYPICAL, found.typical)
        core.set_state(THRESHOLD, np.array([found.threshold], np.int32))

    def _key(self, tag: int) -> int:
        seed, step = self._core.clock
        return fixed.key(seed, step, tag)


def endangered(core: Core, first: int) -> int:
    """How many memories are right but for the classes from `first` on, of which one comes close."""
    count = 0
    for memory, label in enumerate(_asked(core)):
        logits = core.recall(memory)[: core.classes].astype(int)
        is_close = logits[first:].max(initial=-256) + SAFE >= logits[label]
        count += bool(logits[:first].argmax() == label and is_close)
    return count


def known_memories(core: Core) -> int:
    """How many memories are taken for what they are."""
    classes = core.classes
    return sum(int(core.recall(i)[:classes].argmax()) == own for i, own in enumerate(_asked(core)))


def _asked(core: Core) -> list[int]:
    """The classes of the memories that are asked."""
    labels: list[int] = core.program.replay.labels[: core.program.asked_memories].tolist()
    return labels
