# SPDX-License-Identifier: Apache-2.0
"""The table of messages between host and board; the only place where one is defined.

`emit.py` turns this table into firmware/protocol/messages.h and the tables of PROTOCOL.md. A
message is a frozen dataclass whose fields follow each other without padding, little-endian, each
at a multiple of its size, so that the C struct has the same layout.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from myna.device import frame
from myna.device.status import Status
from myna.device.wire import U16, U32, Message, Tail, Text, wires

REPLY = 0x80  # added to a request's code in its reply
IN_FLIGHT = 16  # requests that may be unanswered at once, and whose outcome the board remembers
NO_NODE = 0xFFFF  # stop_after: run to the end
NO_CLASS = 0xFF  # SCORE: the slot is empty
MAX_STEPS = 64  # TRAIN: steps of one request


Q = TypeVar("Q", bound=Message)
R = TypeVar("R", bound=Message)


class Repeat(Enum):
    """What the board does with a request that it has already executed (its reply was lost)."""

    AGAIN = "runs again: it changes nothing that lasts"
    STATUS = "the remembered status is sent again"
    ANSWER = "the kept reply is sent again; the host sends nothing else meanwhile"


@dataclass(frozen=True)
class Empty(Message):
    """Nothing but the header."""


@dataclass(frozen=True)
class Hello(Message):
    nonce: U32
    protocol: U32


@dataclass(frozen=True)
class HelloReply(Message):
    nonce: U32
    protocol: U32
    model_abi: U32
    fingerprint: U32
    state_bytes: U32
    arena_bytes: U32
    rx_window: U32
    max_classes: U16
    frames: U16
    coefficients: U16
    max_clips: U16
    infer_nodes: U16
    node_count: U16
    label_bytes: U16
    max_payload: U16
    model: Text
    board: Text


@dataclass(frozen=True)
class StatusReply(Message):
    step: U32
    classes: U32
    frames_received: U32
    frames_damaged: U32
    requests_repeated: U32
    stack_bytes: U32
    stack_high_water: U32
    clip_bytes: U32
    buffer_bytes: U32
    stored_sequence: U32
    clips: U16
    state_incomplete: U16
    storage: U16  # a Status: OK if a state of this model is stored, otherwise why none is
    state_from_storage: U16  # the state in use was loaded at power-up, and perhaps trained since


@dataclass(frozen=True)
class Range(Message):
    offset: U32
    length: U32


@dataclass(frozen=True)
class Piece(Message):
    offset: U32
    data: Tail


@dataclass(frozen=True)
class Data(Message):
    data: Tail


@dataclass(frozen=True)
class StateBegin(Message):
    model_abi: U32
    fingerprint: U32
    length: U32
    crc: U32


@dataclass(frozen=True)
class StateSaved(Message):
    """Number of the save, one more every time modulo 2^32, and the slot (0 or 1) that has it."""

    sequence: U32
    slot: U32


@dataclass(frozen=True)
class AudioBegin(Message):
    samples: U32
    slot: U16
    label: U16


@dataclass(frozen=True)
class AudioReply(Message):
    """Features' CRC-32, and of the samples: mean square, count at full scale, largest magnitude."""

    feature_crc: U32
    mean_square: U32
    clipped: U32
    peak: U16
    silent: U16


@dataclass(frozen=True)
class FeaturesPut(Message):
    slot: U16
    offset: U16
    data: Tail


@dataclass(frozen=True)
class FeaturesGet(Message):
    slot: U16
    offset: U16
    length: U16


@dataclass(frozen=True)
class ClipSet(Message):
    slot: U16
    label: U16


@dataclass(frozen=True)
class Infer(Message):
    slot: U16
    trace: U16 = 0
    stop_after: U16 = NO_NODE


@dataclass(frozen=True)
class InferReply(Message):
    label: U16
    classes: U16
    logits: Tail


@dataclass(frozen=True)
class Score(Message):
    first: U16
    count: U16


@dataclass(frozen=True)
class ScoreReply(Message):
    correct: U16
    total: U16
    labels: Tail


@dataclass(frozen=True)
class Train(Message):
    steps: U16
    trace: U16 = 0
    stop_after: U16 = NO_NODE


@dataclass(frozen=True)
class TrainReply(Message):
    """Steps done since the state was made, and the loss of each step of this request (int32)."""

    step: U32
    losses: Tail


@dataclass(frozen=True)
class TraceRead(Message):
    first: U16


@dataclass(frozen=True)
class TraceReply(Message):
    """`total` outputs were traced; here the digests (uint32) of those from `first` on."""

    total: U16
    digests: Tail


@dataclass(frozen=True)
class TensorRead(Message):
    offset: U32
    output: U16
    length: U16


@dataclass(frozen=True)
class Progress(Message):
    step: U32


@dataclass(frozen=True)
class Resend(Message):
    expected: U16


@dataclass(frozen=True)
class Exchange(Generic[Q, R]):
    """One request and its reply."""

    name: str
    code: int
    request: type[Q]
    reply: type[R]
    repeat: Repeat
    text: str


@dataclass(frozen=True)
class Event:
    """What the board says unasked while a request is on its way."""

    name: str
    code: int
    body: type[Message]
    text: str


_A, _S, _K = Repeat.AGAIN, Repeat.STATUS, Repeat.ANSWER

HELLO = Exchange("HELLO", 1, Hello, HelloReply, _K, "opens a session; the next request follows it")
STATUS = Exchange("STATUS", 2, Empty, StatusReply, _A, "counters, memory, what is stored")
LABELS = Exchange("LABELS", 3, Range, Data, _A, "a piece of the class names, one per line")
STATE_RESET = Exchange("STATE_RESET", 8, Empty, Empty, _S, "state as built")
STATE_BEGIN = Exchange("STATE_BEGIN", 9, StateBegin, Empty, _S, "locks the model; a state follows")
STATE_WRITE = Exchange("STATE_WRITE", 10, Piece, Empty, _S, "a piece of it")
STATE_COMMIT = Exchange("STATE_COMMIT", 11, Empty, Empty, _S, "checks its CRC, unlocks the model")
STATE_READ = Exchange("STATE_READ", 12, Range, Data, _A, "a piece of the state")
STATE_PATCH = Exchange("STATE_PATCH", 13, Piece, Empty, _S, "overwrites some bytes of the state")
STATE_SAVE = Exchange("STATE_SAVE", 14, Empty, StateSaved, _K, "the next power-up starts with it")
STATE_ERASE = Exchange("STATE_ERASE", 15, Empty, Empty, _S, "forgets what was saved")
AUDIO_BEGIN = Exchange("AUDIO_BEGIN", 16, AudioBegin, Empty, _S, "empties a slot; samples follow")
AUDIO_DATA = Exchange("AUDIO_DATA", 17, Piece, Empty, _S, "int16 samples from sample `offset` on")
AUDIO_END = Exchange("AUDIO_END", 18, Empty, AudioReply, _K, "pads with silence, fills the slot")
FEATURES_PUT = Exchange("FEATURES_PUT", 19, FeaturesPut, Empty, _S, "features, front to back")
FEATURES_GET = Exchange("FEATURES_GET", 20, FeaturesGet, Data, _A, "a piece of a slot's features")
CLIP_SET = Exchange("CLIP_SET", 21, ClipSet, Empty, _S, "labels a slot that has all its features")
CLIPS_CLEAR = Exchange("CLIPS_CLEAR", 22, Empty, Empty, _S, "empties all slots")
INFER = Exchange("INFER", 32, Infer, InferReply, _A, "classifies a slot")
SCORE = Exchange("SCORE", 33, Score, ScoreReply, _K, "classifies a range of slots")
TRAIN = Exchange("TRAIN", 34, Train, TrainReply, _K, "training steps over the stored clips")
TRACE_READ = Exchange("TRACE_READ", 35, TraceRead, TraceReply, _A, "CRC-32 of each traced output")
TENSOR_READ = Exchange("TENSOR_READ", 36, TensorRead, Data, _A, "a piece of a node's output")

PROGRESS = Event("PROGRESS", 0xF0, Progress, "a long request goes on; its step or slot")
RESEND = Event("RESEND", 0xF1, Resend, "a request is missing; send again from `expected` on")

# Every exchange and event above, in that order.
EXCHANGES = tuple(entry for entry in list(globals().values()) if isinstance(entry, Exchange))
EVENTS = (PROGRESS, RESEND)


def describe() -> str:
    """The table as canonical text: whatever changes a byte on the line changes this."""
    limits = f"frame {frame.VERSION} {frame.MAX_PAYLOAD} {IN_FLIGHT} {MAX_STEPS} {list(Status)}"
    rows = [(e.name, e.code, e.repeat.name, (e.request, e.reply)) for e in EXCHANGES]
    events = [(e.name, e.code, "", (e.body,)) for e in EVENTS]
    lines = [limits]
    for name, code, repeat, bodies in rows + events:
        shapes = [[(f, w.letter) for f, w in wires(body).items()] for body in bodies]
        lines.append(f"{name} {code} {repeat} {shapes}")
    return "\n".join(lines)


PROTOCOL_ABI = zlib.crc32(describe().encode())
