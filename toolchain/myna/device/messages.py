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

from myna.device import bodies as b
from myna.device import frame
from myna.device.status import Status
from myna.device.wire import Message, wires

REPLY = 0x80  # added to a request's code in its reply
IN_FLIGHT = 16  # requests that may be unanswered at once, and whose outcome the board remembers
NO_CLASS = 0xFF  # SCORE: the slot is empty
MAX_STEPS = 64  # TRAIN: steps of one request
MAX_EPOCHS = 64  # LEARN


Q = TypeVar("Q", bound=Message)
R = TypeVar("R", bound=Message)


class Repeat(Enum):
    """What the board does with a request that it has already executed (its reply was lost)."""

    AGAIN = "runs again: it changes nothing that lasts"
    STATUS = "the remembered status is sent again"
    ANSWER = "the kept reply is sent again; the host sends nothing else meanwhile"
    ASIDE = "outside the order: runs whenever it comes, and says itself what of it is new"


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


_A, _S, _K, _O = Repeat.AGAIN, Repeat.STATUS, Repeat.ANSWER, Repeat.ASIDE

HELLO = Exchange(
    "HELLO", 1, b.Hello, b.HelloReply, _K, "opens a session; the next request follows it"
)
STATUS = Exchange("STATUS", 2, b.Empty, b.StatusReply, _A, "counters, memory, what is stored")
LABELS = Exchange("LABELS", 3, b.Range, b.Data, _A, "a piece of the class names, one per line")
OPTIONS = Exchange(
    "OPTIONS", 4, b.Range, b.Data, _A, "a piece of the JSON that says how the model was compiled"
)
STATE_RESET = Exchange("STATE_RESET", 8, b.Empty, b.Empty, _S, "state as built")
STATE_BEGIN = Exchange(
    "STATE_BEGIN", 9, b.StateBegin, b.Empty, _S, "locks the model; a state follows"
)
STATE_WRITE = Exchange("STATE_WRITE", 10, b.Piece, b.Empty, _S, "a piece of it")
STATE_COMMIT = Exchange(
    "STATE_COMMIT", 11, b.Empty, b.Empty, _S, "checks its CRC, unlocks the model"
)
STATE_READ = Exchange("STATE_READ", 12, b.Range, b.Data, _A, "a piece of the state")
STATE_PATCH = Exchange(
    "STATE_PATCH", 13, b.Piece, b.Empty, _S, "overwrites some bytes of the state"
)
STATE_SAVE = Exchange(
    "STATE_SAVE", 14, b.Empty, b.StateSaved, _K, "the next power-up starts with it"
)
STATE_UNDO = Exchange(
    "STATE_UNDO", 84, b.Empty, b.Empty, _S, "state and clips as saved before the last time"
)
STATE_ERASE = Exchange("STATE_ERASE", 15, b.Empty, b.Empty, _S, "forgets what was saved")
BASE_SET = Exchange(
    "BASE_SET", 48, b.Empty, b.Empty, _S, "the state is the base that host and board know"
)
DIFFERENCE_WRITE = Exchange(
    "DIFFERENCE_WRITE", 49, b.Piece, b.Empty, _S, "a piece of an encoded difference to the base"
)
DIFFERENCE_APPLY = Exchange(
    "DIFFERENCE_APPLY", 50, b.Empty, b.Empty, _S, "adds it to base and state"
)
UPDATE_MAKE = Exchange(
    "UPDATE_MAKE",
    51,
    b.UpdateMake,
    b.UpdateMade,
    _K,
    "encodes what the state has beyond the base; the rest is kept, the state is the base again",
)
UPDATE_READ = Exchange("UPDATE_READ", 52, b.Range, b.Data, _A, "a piece of what was encoded")
UNSENT_SWAP = Exchange(
    "UNSENT_SWAP", 53, b.Empty, b.Empty, _S, "exchanges the state and what was not sent"
)
AUDIO_BEGIN = Exchange(
    "AUDIO_BEGIN", 16, b.AudioBegin, b.Empty, _S, "empties a slot; samples follow"
)
AUDIO_DATA = Exchange(
    "AUDIO_DATA", 17, b.Piece, b.Empty, _S, "int16 samples from sample `offset` on"
)
AUDIO_END = Exchange(
    "AUDIO_END",
    18,
    b.Empty,
    b.AudioReply,
    _K,
    "finds the word, cuts the clip, judges",
)
FEATURES_PUT = Exchange("FEATURES_PUT", 19, b.FeaturesPut, b.Empty, _S, "features, front to back")
FEATURES_GET = Exchange(
    "FEATURES_GET", 20, b.FeaturesGet, b.Data, _A, "a piece of a slot's features"
)
CLIP_SET = Exchange(
    "CLIP_SET", 21, b.ClipSet, b.Empty, _S, "labels a slot that has all its features"
)
CLIPS_CLEAR = Exchange("CLIPS_CLEAR", 22, b.ClipsClear, b.Empty, _S, "empties slots")
CLASS_REMOVED = Exchange(
    "CLASS_REMOVED", 23, b.ClassRemoved, b.Empty, _S, "the clips follow a class that was removed"
)
INFER = Exchange("INFER", 32, b.Infer, b.InferReply, _A, "classifies a slot")
SCORE = Exchange("SCORE", 33, b.Score, b.ScoreReply, _K, "classifies a range of slots")
TRAIN = Exchange("TRAIN", 34, b.Train, b.TrainReply, _K, "training steps over the stored clips")
LEARN = Exchange("LEARN", 37, b.Learn, b.LearnReply, _K, "learns the stored clips by the recipe")
TAKES = Exchange("TAKES", 45, b.Takes, b.TakesReply, _A, "compares a class's takes, prepares them")
LISTEN = Exchange(
    "LISTEN", 40, b.Listen, b.ListenReply, _K, "labels a slot if the model is sure, or empties it"
)
CONFIRM = Exchange("CONFIRM", 41, b.Confirm, b.Empty, _S, "the user's word about such a label")
ADAPT = Exchange("ADAPT", 42, b.Learn, b.AdaptReply, _K, "LEARN, undone if it did harm")
ENROLL_OWNER = Exchange(
    "ENROLL_OWNER",
    60,
    b.EnrollOwner,
    b.EnrollOwnerReply,
    _K,
    "the user's clips of a class are the owner's voice",
)
VERIFY = Exchange(
    "VERIFY", 61, b.Verify, b.VerifyReply, _A, "classifies a slot: is it the owner who says it?"
)
HEAR = Exchange(
    "HEAR", 80, b.Hear, b.HearReply, _K, "classifies a slot, and notes what is taken for a word"
)
HEARD = Exchange(
    "HEARD", 81, b.Heard, b.HeardReply, _A, "what was noted: the newest before a number"
)
HEARD_TAKE = Exchange(
    "HEARD_TAKE", 82, b.HeardTake, b.Empty, _S, "makes it a clip of the class that the user says"
)
CODEWORD_DRAW = Exchange(
    "CODEWORD_DRAW", 62, b.CodewordDraw, b.CodewordDrawReply, _K, "a secret codeword for the user"
)
CODEWORD_WARM_UP = Exchange(
    "CODEWORD_WARM_UP",
    63,
    b.CodewordWarmUp,
    b.CodewordWarmUpReply,
    _K,
    "sets the user's threshold by the stored clips",
)
TEMPLATE_MAKE = Exchange(
    "TEMPLATE_MAKE",
    64,
    b.TemplateMake,
    b.TemplateMakeReply,
    _K,
    "the stored clips of a class become the template of a word to listen for",
)
TEMPLATE_READ = Exchange(
    "TEMPLATE_READ",
    65,
    b.TemplateRead,
    b.TemplateReadReply,
    _A,
    "a word's template, from a byte of it on",
)
THRESHOLD_SET = Exchange(
    "THRESHOLD_SET", 66, b.ThresholdSet, b.Empty, _S, "the least score of a word that is an event"
)
SIGHTED = Exchange(
    "SIGHTED",
    71,
    b.Sighted,
    b.SightedReply,
    _A,
    "what was taken for a word in a stream, or nearly: the newest before a number",
)
SIGHTING_REFUSE = Exchange(
    "SIGHTING_REFUSE", 72, b.SightingRefuse, b.Empty, _S, "it was no word, nor is what is like it"
)
SIGHTING_ADD = Exchange(
    "SIGHTING_ADD", 73, b.SightingAdd, b.Empty, _S, "it was this word, whose template it joins"
)
SOUND_BEGIN = Exchange("SOUND_BEGIN", 68, b.SoundBegin, b.Empty, _S, "begins to listen")
SOUND_PUT = Exchange(
    "SOUND_PUT", 69, b.SoundPut, b.SoundReply, _O, "int16 samples from sample `offset` on; events"
)
SOUND_END = Exchange("SOUND_END", 70, b.Empty, b.Empty, _S, "listens no longer")
TRACE_READ = Exchange(
    "TRACE_READ", 35, b.TraceRead, b.TraceReply, _A, "CRC-32 of each traced output"
)
TENSOR_READ = Exchange("TENSOR_READ", 36, b.TensorRead, b.Data, _A, "a piece of a node's output")

PROGRESS = Event("PROGRESS", 0xF0, b.Progress, "a long request goes on; its step or slot")
RESEND = Event("RESEND", 0xF1, b.Resend, "a request is missing; send again from `expected` on")

# Every exchange and event above, in that order.
EXCHANGES = tuple(entry for entry in list(globals().values()) if isinstance(entry, Exchange))
EVENTS = (PROGRESS, RESEND)


def describe() -> str:
    """The table as canonical text: whatever changes a byte on the line changes this."""
    most = f"{frame.MAX_PAYLOAD} {IN_FLIGHT} {MAX_STEPS} {MAX_EPOCHS}"
    limits = f"frame {frame.VERSION} {most} {list(Status)}"
    rows = [(e.name, e.code, e.repeat.name, (e.request, e.reply)) for e in EXCHANGES]
    events = [(e.name, e.code, "", (e.body,)) for e in EVENTS]
    lines = [limits]
    for name, code, repeat, bodies in rows + events:
        shapes = [[(f, w.letter) for f, w in wires(body).items()] for body in bodies]
        lines.append(f"{name} {code} {repeat} {shapes}")
    return "\n".join(lines)


PROTOCOL_ABI = zlib.crc32(describe().encode())
