# SPDX-License-Identifier: Apache-2.0
"""Outcomes of requests, and what they mean to a user."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """Outcome of a request, in the header of its reply."""

    OK = 0
    BAD_REQUEST = 1
    UNKNOWN_MESSAGE = 2
    NO_SESSION = 3
    FORGOTTEN = 4
    BAD_RANGE = 5
    BAD_SLOT = 6
    BAD_LABEL = 7
    NOT_STARTED = 8
    DATA_MISSING = 9
    BAD_CRC = 10
    OTHER_MODEL = 11
    STATE_INCOMPLETE = 12
    BAD_STATE = 13
    NO_STORAGE = 15
    NOTHING_STORED = 16
    STORAGE_TOO_SMALL = 17
    STORAGE_FAILED = 18
    TOO_LONG = 19
    NO_FRONT_END = 20
    NO_BASE = 21
    NO_CODEWORD = 22
    NO_RANDOM = 23
    SECRET = 24
    NO_STREAMING = 25
    TOO_MANY_WORDS = 26
    NOT_HEARD = 32


# what happened, and what to do
MEANINGS: dict[Status, tuple[str, str]] = {
    Status.OK: ("done", ""),
    Status.BAD_REQUEST: ("a malformed request", "flash firmware of this version"),
    Status.UNKNOWN_MESSAGE: ("an unknown request", "flash firmware of this version"),
    Status.NO_SESSION: ("the board has restarted", "connect again; its state is what was saved"),
    Status.FORGOTTEN: ("the answer is no longer kept", "connect again"),
    Status.BAD_RANGE: ("offset or length out of range", "stay inside the tensor or state"),
    Status.BAD_SLOT: ("no such clip slot, or it is empty", "store clips in slots the board has"),
    Status.BAD_LABEL: ("no such class", "use a label below the number of classes in use"),
    Status.NOT_STARTED: ("data without its BEGIN", "begin the upload again"),
    Status.DATA_MISSING: ("data are missing", "send all pieces in order, from the start"),
    Status.BAD_CRC: ("the state's CRC is wrong", "send the whole state again"),
    Status.OTHER_MODEL: ("a state of another model or version", "build and flash that model"),
    Status.STATE_INCOMPLETE: ("the state is incomplete", "write a whole state, or reset it"),
    Status.BAD_STATE: (
        "the state holds values that the model cannot run with",
        "use a state that a board or the toolchain saved",
    ),
    Status.NO_STORAGE: (
        "this board forgets when it is off",
        "use a board that has non-volatile memory, or start the virtual one with a file for it",
    ),
    Status.NOTHING_STORED: ("nothing is stored", "save the state first"),
    Status.STORAGE_TOO_SMALL: ("the board's storage cannot hold the state", "use a smaller model"),
    Status.STORAGE_FAILED: (
        "the board's memory does not keep what is written; the state saved before is still there",
        "save again; if that fails too, the memory is worn out",
    ),
    Status.NO_FRONT_END: (
        "the board's model has no audio front end",
        "send features instead of sound, and learn without variations",
    ),
    Status.NO_BASE: (
        "the board knows no state that differences could be of, or has no room for one",
        "send whole states",
    ),
    Status.NO_CODEWORD: (
        "no secret codeword: the model learns none, or none was drawn",
        "use a model that tells its user, `myna verifier`, and enroll him",
    ),
    Status.NO_RANDOM: (
        "this board has no source of random numbers to draw a secret by",
        "use a board that has one",
    ),
    Status.SECRET: (
        "the answer would tell the user's codeword, which is secret",
        "let the board forget the user first: `myna reset`",
    ),
    Status.NO_STREAMING: (
        "the board cannot listen all the time: its firmware was built without it",
        "build it with `--streaming`, of a model with a front end",
    ),
    Status.TOO_MANY_WORDS: (
        "the board listens for as many words as it has room for",
        "let it forget one first: `myna words --remove WORD`",
    ),
    Status.NOT_HEARD: (
        "this board no longer keeps what it heard then",
        "myna heard lists what it keeps",
    ),
    Status.TOO_LONG: ("a recording that is too long", "record one word in at most four seconds"),
}
