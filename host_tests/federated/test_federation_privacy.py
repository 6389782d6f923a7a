# SPDX-License-Identifier: Apache-2.0
"""Every byte between server and clients, and from a board: no recording, feature or label in it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from cobs import cobs
from myna.device import session, target
from myna.engines.reference import Reference
from myna.federated.flower import Context, Message
from myna.federated.privacy.terms import LOCAL, PLAIN, Privacy
from myna.federated.records import BLOCKS, UPDATE, of_blocks
from myna.project import open_project
from support import tiny_model
from support.federations import HOST, ORDER, WORDS, cohort, crossing, federation, run, through
from support.federations import Answer as Answering
from support.leaks import RUN, Values, leaks

SECURE, NOISY = Privacy(secure=True), Privacy(False, LOCAL, 20000, 0.1)


def secrets() -> dict[str, list[Values]]:
    """What only clients know: recordings, features and embeddings of some takes, all labels."""
    program = federation().program
    reference = Reference(program)
    (dense,) = (node for node in program.graph.nodes if node.inputs[1:2] == ("logits.w",))
    found: dict[str, list[Values]] = {"features": [], "embeddings": [], "labels": []}
    for client in cohort().clients:
        found["labels"].append(client.takes.labels[-RUN:])
        for take in client.takes.features[::5]:
            reference.infer(take)
            found["features"].append(take)
            found["embeddings"].append(reference.values[dense.inputs[0]].copy())
    waves = [tiny_model.tone(word, 1000 * i) for i, word in enumerate(WORDS)]
    return {**found, "audio": [wave[4000:4800] for wave in waves]}


def sent(monkeypatch: pytest.MonkeyPatch, **chosen: Any) -> bytes:
    """All that crosses in a run, as it is sent to far nodes."""
    return crossing(monkeypatch, lambda: run(federation(rounds=2, **chosen)))


@pytest.mark.parametrize("privacy", [PLAIN, SECURE, NOISY], ids=["plain", "secure", "noisy"])
def test_nothing_that_was_said_crosses_the_link(
    privacy: Privacy, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = privacy.order(ORDER, 4)
    found = sent(monkeypatch, privacy=privacy, order=order)
    assert len(found) > 5000
    assert not leaks(found, secrets())


PLANTED: dict[str, tuple[str, Callable[[Values], bytes]]] = {
    "features as they are": ("features", lambda x: x.astype("i1").tobytes()),
    "features as floats": ("features", lambda x: x.astype(">f4").tobytes()),
    "features without sign": ("features", lambda x: (x.astype(int) + 128).astype("u1").tobytes()),
    "embeddings negated": ("embeddings", lambda x: (-x.astype(int)).astype("<i2").tobytes()),
    "embeddings in base64": ("embeddings", lambda x: base64.b64encode(b"?" + x.tobytes())),
    "labels in the low bytes of words": ("labels", lambda x: x.astype("<i8").tobytes()),
    "labels as nibbles": ("labels", lambda x: (x[::2] << 4 | x[1::2]).astype("u1").tobytes()),
    "recordings, a few bits further": (
        "audio",
        lambda x: (int.from_bytes(x.astype("<i2").tobytes(), "big") << 3).to_bytes(
            2 * x.size + 1, "big"
        ),
    ),
    "recordings between other bytes": (
        "audio",
        lambda x: b"".join(bytes([byte, 7, 9]) for byte in x.astype("<i2").tobytes()),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_a_client_hides_in_its_update_is_found(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    what, form = PLANTED[name]
    planted = form(secrets()[what][0].reshape(-1)[:48])

    def plant(answer: Answering, message: Message, context: Context) -> Message:
        reply = answer(message, context)
        data = bytearray(reply.content.config_records[BLOCKS][UPDATE])
        data[13 : 13 + len(planted)] = planted
        reply.content[BLOCKS] = of_blocks({UPDATE: bytes(data[: len(data) // 4 * 4])})
        return reply

    order = replace(ORDER, clip=2**29)  # so that updates are integers, of which any are taken
    found = sent(monkeypatch, order=order, make_app=partial(through, plant))
    assert leaks(found, secrets()) == {what}


class Tapped:
    """A port, and what went over it."""

    def __init__(self, channel: Any, lines: dict[str, bytearray]) -> None:
        self._channel, self._lines = channel, lines

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def read(self, size: int = 1) -> bytes:
        data: bytes = self._channel.read(size)
        self._lines["from"] += data
        return data

    def write(self, data: bytes) -> Any:
        self._lines["to"] += data
        return self._channel.write(data)


def test_a_board_answers_with_nothing_that_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is handed features here, as there is no microphone: the same search finds them there."""
    lines = {"from": bytearray(), "to": bytearray()}
    opened = session.open_port
    monkeypatch.setattr(session, "open_port", lambda *port: Tapped(opened(*port), lines))
    project = open_project(tiny_model.folder(), tiny_model.HEAD)
    with target.start("host", project.firmware("host").elf) as port:
        run(federation(rounds=1, engines=(replace(HOST, port=port),)))
    frames = {
        way: b"".join(cobs.decode(frame) for frame in bytes(line).split(b"\0") if frame)
        for way, line in lines.items()
    }
    assert len(frames["from"]) > 2000
    assert not leaks(frames["from"] + bytes(lines["from"]), secrets())
    assert "features" in leaks(frames["to"], secrets())
