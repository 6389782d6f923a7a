# SPDX-License-Identifier: Apache-2.0
"""A board with a model, as the rest of the toolchain sees it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from myna.device import bodies as b
from myna.device import messages as m
from myna.device.bodies import Empty, Range
from myna.device.frame import MAX_PAYLOAD
from myna.device.link import Link
from myna.device.messages import Exchange
from myna.device.ports import BAUD, open_port
from myna.device.results import Classified, Features, Scored, Traced
from myna.errors import MynaError

Pcm = npt.NDArray[np.int16]
Progress = Callable[[int, int], None]  # (done, of how many)

PIECE = MAX_PAYLOAD - 4  # bytes behind an offset
STEPS_PER_REQUEST = 8  # how often train() reports


class Board:
    """A board with which a session is open; `connect` makes one.

    Methods raise MynaError when the board refuses, does not answer, or is unplugged.

    Attributes:
        info: what the board said about itself and its model.
        labels: names of the model's classes.
        link: the connection, with its statistics.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self.info = self._hello()
        text = self._read_pieces(m.LABELS, self.info.label_bytes, None)
        self.labels = tuple(text.decode().split("\n")) if text else ()

    def options(self) -> str:
        """The JSON text of `passes.pipeline.Options` with which the model was compiled."""
        return self._read_pieces(m.OPTIONS, self.info.option_bytes, None).decode()

    @classmethod
    def connect(cls, port: str, *, fingerprint: int | None = None, baud: int = BAUD) -> Self:
        """Opens a port and a session.

        Args:
            port: serial port or pyserial URL.
            fingerprint: of the model that the caller means; None takes any.
            baud: line speed; virtual boards ignore it.

        Raises:
            MynaError: no such port, no answer, other firmware version, or another model.
        """
        link = Link(open_port(port, baud), port)
        try:
            board = cls(link)
            board.expect(fingerprint)
        except BaseException:
            link.close()
            raise
        return board

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.link.close()

    def _hello(self) -> b.HelloReply:
        reply = self.link.hello()
        if reply.protocol != m.PROTOCOL_ABI:
            raise MynaError(
                f"the firmware speaks protocol {reply.protocol:08x}, not {m.PROTOCOL_ABI:08x}",
                where=self.link.name,
                fix="flash firmware of this version: `myna flash`",
            )
        self.link.window = reply.rx_window
        return reply

    def expect(self, fingerprint: int | None) -> None:
        """Checks which model the board has; None accepts any."""
        if fingerprint not in (None, self.info.fingerprint):
            raise MynaError(
                f"the board runs model {self.info.model!r} ({self.info.fingerprint:08x}), "
                f"not the one meant ({fingerprint:08x})",
                where=self.link.name,
                fix="name the folder of the model that it runs, or flash this one: `myna flash`",
            )

    def status(self) -> b.StatusReply:
        """Counters, memory and what is stored."""
        return self.link.request(m.STATUS, Empty())

    # -- clips -----------------------------------------------------------------------------------

    def upload_audio(
        self, pcm: Pcm, slot: int, label: int, progress: Progress | None = None
    ) -> b.AudioReply:
        """Sends sound, of which the board keeps only the features.

        Args:
            pcm: int16 [samples], 16 kHz, at most four seconds; the clip is cut around the word, or
                padded with silence.
            slot: it stays empty unless the verdict is OK, but `relabel` stores any clip.
            label: its class.
            progress: called with samples (done, total).
        """
        data = np.ascontiguousarray(pcm, "<i2").tobytes()
        pieces = [b.Piece(at // 2, data[at : at + PIECE]) for at in range(0, len(data), PIECE)]
        self.link.request(m.AUDIO_BEGIN, b.AudioBegin(len(data) // 2, slot, label))
        self.link.stream(m.AUDIO_DATA, pieces, _scaled(progress, PIECE // 2, len(data) // 2))
        return self.link.request(m.AUDIO_END, Empty())

    def put_features(self, features: Features, slot: int, label: int | None) -> None:
        """Stores a clip given as int8 [frames, coefficients]; without a label for `LISTEN` only."""
        data = np.ascontiguousarray(features, np.int8).tobytes()
        starts = range(0, len(data), PIECE)
        pieces = [b.FeaturesPut(slot, at, data[at : at + PIECE]) for at in starts]
        self.link.stream(m.FEATURES_PUT, pieces)
        if label is not None:
            self.relabel(slot, label)

    def get_features(self, slot: int) -> Features:
        """The features of a stored clip, int8 [frames, coefficients]."""
        shape = self.info.frames, self.info.coefficients
        pieces = [b.FeaturesGet(slot, at, size) for at, size in spans(shape[0] * shape[1])]
        data = b"".join(reply.data for reply in self.link.stream(m.FEATURES_GET, pieces))
        return np.frombuffer(data, np.int8).reshape(shape)

    def relabel(self, slot: int, label: int) -> None:
        """Gives a stored clip another class."""
        self.link.request(m.CLIP_SET, b.ClipSet(slot, label))

    def empty(self, slot: int) -> None:
        """Forgets the clip in a slot."""
        self.link.request(m.FEATURES_PUT, b.FeaturesPut(slot, 0, b""))

    def clear_clips(self, lowest: int = 0) -> None:
        """Empties the slots of classes from `lowest` on; by default all."""
        self.link.request(m.CLIPS_CLEAR, b.ClipsClear(lowest))

    # -- the model -------------------------------------------------------------------------------

    def infer(self, slot: int) -> Classified:
        """Classifies a stored clip."""
        reply = self.link.request(m.INFER, b.Infer(slot))
        logits = np.frombuffer(reply.logits, np.int8)
        return Classified(reply.label, logits, reply.confidence, bool(reply.accepted))

    def score(self) -> Scored:
        """Classifies all stored clips."""
        labels: dict[int, int] = {}
        correct = total = 0
        for first in range(0, self.info.max_clips, PIECE):
            count = min(PIECE, self.info.max_clips - first)
            reply = self.link.request(m.SCORE, b.Score(first, count))
            found = {first + i: label for i, label in enumerate(reply.labels)}
            labels |= {slot: label for slot, label in found.items() if label != m.NO_CLASS}
            correct, total = correct + reply.correct, total + reply.total
        return Scored(correct, total, labels)

    def train(self, steps: int, progress: Progress | None = None) -> npt.NDArray[np.int32]:
        """Trains on the stored clips, in the order of `schedule.py`.

        Returns:
            The loss before each step, nats in Q16, int32 [steps].
        """
        losses: list[bytes] = []
        for done in range(0, steps, STEPS_PER_REQUEST):
            some = min(STEPS_PER_REQUEST, steps - done)
            losses.append(self.link.request(m.TRAIN, b.Train(some)).losses)
            if progress:
                progress(done + some, steps)
        return np.frombuffer(b"".join(losses), "<i4").astype(np.int32)

    def learn(self, options: b.Learn, progress: Callable[[int], None] | None) -> b.LearnReply:
        """Learns the stored clips by the recipe; progress is called with the step reached."""
        with self._telling(progress):
            return self.link.request(m.LEARN, options)

    def adapt(self, options: b.Learn, progress: Callable[[int], None] | None) -> b.AdaptReply:
        """The same, undone if it did harm."""
        with self._telling(progress):
            return self.link.request(m.ADAPT, options)

    @contextmanager
    def _telling(self, progress: Callable[[int], None] | None) -> Iterator[None]:
        self.link.on_progress = progress
        try:
            yield
        finally:
            self.link.on_progress = None

    def trace_step(self) -> Traced:
        """One training step, with the digests of everything it computed."""
        return self.begin_trace_step()()

    def begin_trace_step(self) -> Callable[[], Traced]:
        """Begins a step; the function that it returns waits for it, before any other request."""
        ended = self.link.begin(m.TRAIN, b.Train(1, trace=1))

        def trace() -> Traced:
            reply = ended()
            loss = int.from_bytes(reply.losses, "little", signed=True)
            return Traced(reply.step, loss, self._trace())

        return trace

    def trace_infer(self, slot: int) -> npt.NDArray[np.uint32]:
        """Classifies a clip; the digests of everything that computed, as in `Traced`."""
        self.link.request(m.INFER, b.Infer(slot, trace=1))
        return self._trace()

    def _trace(self) -> npt.NDArray[np.uint32]:
        first = self.link.request(m.TRACE_READ, b.TraceRead(0))
        here = len(first.digests) // 4
        rest = [b.TraceRead(at) for at in range(here, first.total, max(here, 1))]
        replies = [first, *self.link.stream(m.TRACE_READ, rest)]
        return np.frombuffer(b"".join(reply.digests for reply in replies), "<u4")

    def stop_step(self, node: int) -> None:
        """Begins a training step and stops behind a node, so that `read_tensor` sees its outputs.

        The state is incomplete then: write one, or reset it, before training goes on.
        """
        self.link.request(m.TRAIN, b.Train(1, stop_after=node))

    def read_tensor(self, output: int, size: int) -> bytes:
        """`size` bytes of an output; `output` counts the outputs of the program's nodes."""
        pieces = [b.TensorRead(at, output, length) for at, length in spans(size)]
        return b"".join(reply.data for reply in self.link.stream(m.TENSOR_READ, pieces))

    # -- the state -------------------------------------------------------------------------------

    def read_state(self, progress: Progress | None = None) -> bytes:
        """The whole state: weights, residuals, ranges, step counter, hyper-parameters."""
        return self._read_pieces(m.STATE_READ, self.info.state_bytes, progress)

    def write_state(self, state: bytes, progress: Progress | None = None) -> None:
        """Replaces the state; one of another length is refused before anything changes."""
        info, crc = self.info, zlib.crc32(state)
        begin = b.StateBegin(info.model_abi, info.fingerprint, len(state), crc)
        self.link.request(m.STATE_BEGIN, begin)
        pieces = [b.Piece(at, state[at : at + PIECE]) for at in range(0, len(state), PIECE)]
        self.link.stream(m.STATE_WRITE, pieces, _scaled(progress, PIECE, len(state)))
        self.link.request(m.STATE_COMMIT, Empty())

    def patch_state(self, offset: int, data: bytes) -> None:
        """Overwrites at most 508 bytes of the state at once."""
        self.link.request(m.STATE_PATCH, b.Piece(offset, data))

    def reset_state(self) -> None:
        """The state as built, whatever is saved."""
        self.link.request(m.STATE_RESET, Empty())

    def save_state(self) -> b.StateSaved:
        """Makes the state outlast the loss of power; what was saved before stays until it is."""
        return self.link.request(m.STATE_SAVE, Empty())

    def undo_state(self) -> None:
        """State and clips as they were saved before the last save, in use but not saved."""
        self.link.request(m.STATE_UNDO, Empty())

    def forget_state(self) -> None:
        """Erases everything saved; the state in use stays until it is reset or the power goes."""
        self.link.request(m.STATE_ERASE, Empty())

    def _read_pieces(
        self, exchange: Exchange[Range, Any], size: int, progress: Progress | None
    ) -> bytes:
        ranges = [Range(at, length) for at, length in spans(size)]
        replies = self.link.stream(exchange, ranges, _scaled(progress, MAX_PAYLOAD, size))
        return b"".join(reply.data for reply in replies)


def spans(size: int) -> list[tuple[int, int]]:
    """Offsets and lengths of the replies that so many bytes take."""
    return [(at, min(MAX_PAYLOAD, size - at)) for at in range(0, size, MAX_PAYLOAD)]


def _scaled(progress: Progress | None, unit: int, total: int) -> Callable[[int], None] | None:
    """Turns a count of pieces into progress in units, bounded by the total."""
    if progress is None:
        return None
    return lambda pieces: progress(min(pieces * unit, total), total)
