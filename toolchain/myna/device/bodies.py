# SPDX-License-Identifier: Apache-2.0
"""What messages carry: see `messages`, which says which request has which body."""

from __future__ import annotations

from dataclasses import dataclass

from myna.device.wire import I32, U16, U32, Message, Tail, Text

NO_NODE = 0xFFFF  # stop_after: run to the end


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
    names_offset: U32  # in the state: of classes behind the labels
    max_classes: U16
    frames: U16
    coefficients: U16
    max_clips: U16
    infer_nodes: U16
    node_count: U16
    label_bytes: U16
    option_bytes: U16
    name_bytes: U16  # of each class; 0: the model cannot begin one
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
class UpdateMake(Message):
    """Bytes that the update may take; a bit for each tensor of it, in their order, set if nothing
    of it is told (the first is the lowest bit; those that are not there are 0)."""

    budget: U32
    private: Tail


@dataclass(frozen=True)
class UpdateMade(Message):
    """Bytes that it takes, and as many of them as fit."""

    length: U32
    data: Tail


@dataclass(frozen=True)
class AudioBegin(Message):
    samples: U32
    slot: U16
    label: U16


@dataclass(frozen=True)
class AudioReply(Message):
    """Features' CRC-32; of the samples: mean square, count at full scale, largest magnitude; an
    `audio.endpoint.Verdict`, and the first hop of the word and how many they are."""

    feature_crc: U32
    mean_square: U32
    clipped: U32
    peak: U16
    verdict: U16
    word_start: U16
    word_length: U16


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
class ClassRemoved(Message):
    """A class whose clips are forgotten; those of the last class take its number."""

    label: U16
    last: U16


@dataclass(frozen=True)
class ClipsClear(Message):
    """The lowest class whose clips are forgotten; 0: everything in all slots."""

    lowest: U16


@dataclass(frozen=True)
class Infer(Message):
    slot: U16
    trace: U16 = 0
    stop_after: U16 = NO_NODE


@dataclass(frozen=True)
class InferReply(Message):
    """The class with the largest logit; how many classes are in use; the similarity to this class
    beyond what is typical of it (Q15); whether that reaches the threshold (0 or 1)."""

    label: U16
    classes: U16
    confidence: I32
    accepted: U32
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
class Learn(Message):
    """The loss (nats, Q16) at which a class is learned well enough; whether clips are varied (0
    or 1); in 256ths, how far each epoch but the last goes back towards the base; epochs, at most;
    steps on memories after each on a clip."""

    enough: U32
    vary: U16
    proximal: U16
    epochs: U16
    rehearsals: U16


@dataclass(frozen=True)
class LearnReply(Message):
    """Steps done since the state was made, classes in use, classes begun, how many memories are
    taken for what they are, before and after, and of each epoch the largest mean loss of a class
    (int32, nats in Q16)."""

    step: U32
    classes: U16
    imprinted: U16
    known_before: U16
    known_after: U16
    worst: Tail


@dataclass(frozen=True)
class Takes(Message):
    label: U16


@dataclass(frozen=True)
class TakesReply(Message):
    """The slot whose take says another word than the others (0xFFFF: none), how many takes there
    are, a slot of it and another that holds the same (0xFFFF: none), and of each take, by slot, the
    cosine with the sum of the others (int8, 1/127)."""

    odd: U16
    count: U16
    same: U16
    other: U16
    alike: Tail


@dataclass(frozen=True)
class Listen(Message):
    """The slot; the lowest class that may adapt; by how many int8 steps its logit must lead, how
    many of the 4 variations must be taken for it, and how many clips it may have that the device
    labelled."""

    slot: U16
    lowest: U16
    margin: U16
    agree: U16
    most: U16


@dataclass(frozen=True)
class ListenReply(Message):
    """What the clip is taken for, by how much, how many variations agree (0 if the verdict was
    reached without), and a `learn.listen.Verdict`: the slot is empty unless it is KEPT."""

    label: U16
    margin: U16
    agreed: U16
    verdict: U16


@dataclass(frozen=True)
class Confirm(Message):
    """Whether the device's label is right: 1 makes it the user's, 0 empties the slot."""

    slot: U16
    right: U16


@dataclass(frozen=True)
class Hear(Message):
    slot: U16


@dataclass(frozen=True)
class HearReply(Message):
    """The number under which it is kept (0: not at all), and as for INFER."""

    number: U32
    confidence: I32
    label: U16
    accepted: U16


@dataclass(frozen=True)
class Heard(Message):
    """A number, of which the next lower one is asked for; 0: the newest of all."""

    before: U32


@dataclass(frozen=True)
class HeardReply(Message):
    """Its number (0: there is none), what came of it then, a slot that stores the same features
    (0xFFFF: none), and how many sounds are kept at most."""

    number: U32
    confidence: I32
    label: U16
    accepted: U16
    slot: U16
    room: U16


@dataclass(frozen=True)
class HeardTake(Message):
    """The number, an empty slot, and a class in use."""

    number: U32
    slot: U16
    label: U16


@dataclass(frozen=True)
class EnrollOwner(Message):
    label: U16


@dataclass(frozen=True)
class EnrollOwnerReply(Message):
    """How many takes of the class the owner's template is made of."""

    takes: U16


@dataclass(frozen=True)
class Verify(Message):
    slot: U16


@dataclass(frozen=True)
class VerifyReply(Message):
    """What the clip is taken for, a `learn.owner.Verdict`, and the cosine of the voice with the
    owner's template of that class, or how far a clip says the user's codeword (Q15; 0 if the
    verdict was reached without)."""

    label: U16
    verdict: U16
    score: I32


@dataclass(frozen=True)
class CodewordDraw(Message):
    """Unless `again` is 1 a user's codeword stays."""

    again: U16


@dataclass(frozen=True)
class CodewordDrawReply(Message):
    """Whether one was drawn now."""

    drawn: U16


@dataclass(frozen=True)
class CodewordWarmUp(Message):
    """How many of a hundred further takes of the user are to be accepted, 1 … 99."""

    wanted: U16


@dataclass(frozen=True)
class CodewordWarmUpReply(Message):
    """How many takes set the threshold."""

    takes: U16


@dataclass(frozen=True)
class TemplateMake(Message):
    label: U16


@dataclass(frozen=True)
class TemplateMakeReply(Message):
    """How many takes the template is made of."""

    takes: U16


@dataclass(frozen=True)
class TemplateRead(Message):
    label: U16
    offset: U16


@dataclass(frozen=True)
class TemplateReadReply(Message):
    """The word's threshold and the false accepts in a thousand hours that it was set for; bytes of
    the template and takes that it is made of; as many of the bytes from the offset on as fit."""

    threshold: I32
    rate: U32
    total: U16
    takes: U16
    data: Tail


@dataclass(frozen=True)
class ThresholdSet(Message):
    """The rate is of false accepts, in a thousand hours; the board keeps it for the host."""

    threshold: I32
    rate: U32
    label: U32


@dataclass(frozen=True)
class Sighted(Message):
    before: U32


@dataclass(frozen=True)
class SightedReply(Message):
    """The newest before a number, or of all with 0: what it is known under (0: none), samples until
    its decision, score, class of the word, whether it was an event or nearly (0); refused sounds
    that are kept, and how many sightings are kept at most."""

    number: U32
    time: U32
    score: I32
    label: U16
    accepted: U16
    rivals: U16
    room: U16


@dataclass(frozen=True)
class SightingRefuse(Message):
    number: U32


@dataclass(frozen=True)
class SightingAdd(Message):
    number: U32
    label: U32


@dataclass(frozen=True)
class SoundBegin(Message):
    """Samples after an event without another; whether the network rests while nothing stands out
    from the noise (0 or 1)."""

    refractory: U32
    gated: U32


@dataclass(frozen=True)
class SoundPut(Message):
    """Number of the first sample, counted from SOUND_BEGIN; how many events the host knows."""

    offset: U32
    events: U32
    data: Tail


@dataclass(frozen=True)
class SoundReply(Message):
    """Samples since SOUND_BEGIN, and of them not heard; decisions; events; level of the latest
    20 ms (log2 of the variance, in eighths); whether there may be speech (0 or 1); words. Then of
    each word its label (u32) and latest score (i32), and those events that the host does not know,
    of the latest four: time in samples (u32), score (i32), label (u32)."""

    samples: U32
    lost: U32
    decisions: U32
    events: U32
    level: U16
    is_open: U16
    words: U32
    data: Tail


@dataclass(frozen=True)
class AdaptReply(Message):
    """Steps done since the state was made; classes begun; whether what was learned is kept (1), or
    undone (0); how many the model gets right, before and after: of the user's clips and their
    variations, of the clips it labelled itself, of the memories; `worst` as after LEARN."""

    step: U32
    imprinted: U16
    kept: U16
    own_before: U16
    own_after: U16
    guessed_before: U16
    guessed_after: U16
    known_before: U16
    known_after: U16
    worst: Tail


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
