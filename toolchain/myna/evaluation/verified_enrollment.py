# SPDX-License-Identifier: Apache-2.0
"""One user's enrollment on a board, compared with the reference after every epoch."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from myna import fixed
from myna.audio import native
from myna.audio.config import AudioConfig
from myna.device.session import Board
from myna.engines.reference import Observer, Reference
from myna.engines.verify import Comparison, Difference
from myna.errors import MynaError
from myna.evaluation.engine import CoreEngine, predict
from myna.evaluation.evaluate import percent_right
from myna.evaluation.speech import Utterance
from myna.ir import Array
from myna.learn.examples import Examples, Progress
from myna.learn.learn import Learned
from myna.learn.recipe import Recipe
from myna.names import SEED, TRACKED
from myna.ops.base import pair
from myna.package.package import Package
from myna.passes.memory.plan import Program
from myna.sessions.learning import learn_on, patch_state, scalar


@dataclass
class LearningCurve:
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


class _Recorder(Reference):
    """The reference, which notes the loss and the ranges of every step."""

    def __init__(self, program: Program, record: LearningCurve) -> None:
        super().__init__(program)
        self._record = record

    def train_step(self, features: Array, label: int, observe: Observer | None = None) -> int:
        """See `Reference`."""
        return self._note(super().train_step(features, label, observe))

    def train_latent(self, latent: Array, label: int) -> int:
        """See `Reference`."""
        return self._note(super().train_latent(latent, label))

    def _note(self, loss: int) -> int:
        self._record.losses.append(loss / 65536)
        for name, value in self.values.items():
            if name.endswith(TRACKED):
                ranges = self._record.ranges.setdefault(name.removesuffix(TRACKED), [])
                ranges.append(fixed.pair_to_float(pair(value)))
        return loss


class VerifiedEnrollment:
    """Runs on a board and in the reference at once, epoch by epoch.

    Args:
        program: what the board runs.
        package: the model it was made from.
        session: with the board; its clips and its state are replaced.
        takes: what the user says, and
        enrolled: their examples, in the same order.
    """

    def __init__(
        self,
        program: Program,
        package: Package,
        session: Board,
        takes: Sequence[Utterance],
        enrolled: Examples,
    ) -> None:
        self.record, self.comparison = LearningCurve(), Comparison()
        self._reference = _Recorder(program, self.record)
        self._engine = CoreEngine(self._reference, package)
        self._program, self._session = program, session
        self._takes, self._enrolled = takes, enrolled
        session.reset_state()
        session.clear_clips()

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

    def train(self, tested: Examples, recipe: Recipe, seed: int, progress: Progress) -> None:
        """Learn by the recipe, and compare the whole state after each epoch."""
        patch_state(self._session, self._program, SEED, scalar(seed))
        self._engine.set_state(SEED, scalar(seed))
        epoch, worst = replace(recipe, epochs=1), recipe.enough_q16
        self._test(tested)
        for done in range(recipe.epochs):
            if worst < recipe.enough_q16:
                break
            expected = self._engine.learn(self._enrolled, epoch)
            found = learn_on(self._session, self._program, epoch)
            self._compare(expected, found)
            self._test(tested)
            worst = expected.worst[0]
            progress(done + 1, recipe.epochs)

    def _compare(self, expected: Learned, found: Learned) -> None:
        """What board and reference report, then all weights, residuals, ranges, counters."""
        result, bytes_ = self.comparison, np.uint8
        result.steps = len(self.record.losses)
        twin = np.frombuffer(self._reference.read_state(), bytes_)
        state = np.frombuffer(self._session.read_state(), bytes_)
        differing = np.flatnonzero(twin != state)
        result.compared += twin.size
        result.differences += differing.size + (expected != found)
        if differing.size and result.first is None:
            at = int(differing[0])
            values = int(twin[at]), int(state[at])
            result.first = Difference(result.steps, "state", "state", at, *values)

    def _test(self, tested: Examples) -> None:
        found = predict(self._engine, tested.features)
        self.record.tests.append((len(self.record.losses), percent_right(found, tested.labels)))
