# SPDX-License-Identifier: Apache-2.0
"""One user's enrollment on a board, with every step compared with the reference."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from myna import fixed
from myna.audio import native
from myna.audio.config import AudioConfig
from myna.device.session import Board
from myna.errors import MynaError
from myna.learn.engine import Q16, CoreEngine, Losses, scalar
from myna.learn.evaluate import percent_right
from myna.learn.examples import Examples, Progress
from myna.learn.recipe import Recipe, follow
from myna.learn.speech import Utterance
from myna.ops.base import pair
from myna.passes.autodiff import CLASSES
from myna.passes.plan import Program
from myna.verify import Comparison, Verifier

TRACKED = ".tracked"


@dataclass
class Record:
    """What happened over the training steps.

    Attributes:
        losses: before each step, nats.
        tests: (steps done, percent of the test takes right), in the reference.
        ranges: of every gradient at each step, as the multiple of the loss gradient's scale that
            one int8 step is worth (plain ranges: one step's value).
    """

    losses: list[float] = field(default_factory=list)
    tests: list[tuple[int, float]] = field(default_factory=list)
    ranges: dict[str, list[float]] = field(default_factory=dict)


def featurize(
    config: AudioConfig, takes: Sequence[Utterance], classes: Mapping[str, int]
) -> Examples:
    """The examples of a user's takes."""
    maps = native.extract(config, np.array([take.pcm for take in takes]))
    return Examples(maps, np.array([classes[take.word] for take in takes], np.int64))


class Lesson:
    """Runs on a board and in the reference at once, step by step.

    Args:
        program: what the board runs.
        session: with the board; its clips and its state are replaced.
        takes: what the user says, and
        enrolled: their examples, in the same order.
    """

    def __init__(
        self, program: Program, session: Board, takes: Sequence[Utterance], enrolled: Examples
    ) -> None:
        clips = list(zip(enrolled.features, enrolled.labels.tolist(), strict=True))
        self._verifier = Verifier(program, session, clips)
        self._session, self._takes, self._enrolled = session, takes, enrolled
        self.record = Record()

    @property
    def comparison(self) -> Comparison:
        """What was compared so far."""
        return self._verifier.result

    def send(self, progress: Progress) -> None:
        """Send the takes as sound: the board computes their features, and trains on those.

        Raises:
            MynaError: features of board and host differ, or the board failed.
        """
        for slot, take in enumerate(self._takes):
            label = int(self._enrolled.labels[slot])
            found = self._session.upload_audio(take.pcm, slot, label).feature_crc
            if found != zlib.crc32(self._enrolled.features[slot].tobytes()):
                raise MynaError(
                    f"features of take {slot} differ between board and host",
                    where=self._session.link.name,
                    fix="build and flash the firmware again: `myna flash`",
                )
            self._session.relabel(slot, label)  # whatever the board thinks of the take
            progress(slot + 1, len(self._takes))

    def train(
        self, tested: Examples, classes: int, recipe: Recipe, seed: int, progress: Progress
    ) -> Losses:
        """Train by the recipe and compare every output of every step, then the whole state."""
        self._verifier.set_state(CLASSES, scalar(classes))
        count = len(self._enrolled)
        total = recipe.steps(count)

        def some(steps: int) -> Losses:
            for _ in range(steps):
                self._step(tested, count)
                progress(len(self.record.losses), total)
            return np.array(self.record.losses[-steps:])

        self._test(tested)
        words = self._enrolled.labels.tolist()
        losses = follow(recipe, words, self._verifier.set_state, some, seed)
        self._verifier.compare_state()
        return losses

    def _step(self, tested: Examples, epoch: int) -> None:
        self.record.losses.append(self._verifier.step() / Q16)
        for name, value in self._verifier.reference.values.items():
            if name.endswith(TRACKED):
                ranges = self.record.ranges.setdefault(name.removesuffix(TRACKED), [])
                ranges.append(fixed.pair_to_float(pair(value)))
        if len(self.record.losses) % epoch == 0:
            self._test(tested)

    def _test(self, tested: Examples) -> None:
        found = CoreEngine(self._verifier.reference).predict(tested.features)
        self.record.tests.append((len(self.record.losses), percent_right(found, tested.labels)))
