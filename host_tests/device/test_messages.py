# SPDX-License-Identifier: Apache-2.0
"""The message table: C header and document follow from it, and no byte on the line changes."""

from __future__ import annotations

import json

import pytest
from myna.device import bodies as b
from myna.device import emit, messages
from myna.device.frame import HEADER, MAX_PAYLOAD
from myna.device.messages import EVENTS, EXCHANGES
from myna.device.status import MEANINGS, Status
from myna.device.target import PROJECT
from myna.device.wire import TAIL, Message, layout, wires
from myna.errors import MynaError

LOCKED = PROJECT / "host_tests" / "locked" / "messages.json"
TYPES = {
    body.__name__: body
    for bodies in [*((e.request, e.reply) for e in EXCHANGES), *((e.body,) for e in EVENTS)]
    for body in bodies
}


def _sample(message: type[Message]) -> Message:
    """A message whose fields all differ, so that none can change places unseen."""
    values: list[object] = []
    for index, wire in enumerate(wires(message).values(), 1):
        if wire is TAIL:
            values.append(bytes([index, 0, 255]))
        elif wire.letter.endswith("s"):
            values.append(f"name {index}")
        else:
            values.append(int.from_bytes(bytes(range(index, index + wire.size))))
    return message(*values)


@pytest.mark.parametrize("name", TYPES)
def test_messages_survive_the_line(name: str) -> None:
    message = _sample(TYPES[name])
    assert TYPES[name].unpack(message.pack()) == message


@pytest.mark.parametrize("name", TYPES)
def test_c_and_python_lay_fields_out_alike(name: str) -> None:
    parts = list(wires(TYPES[name]).values())
    fixed = [part for part in parts if part is not TAIL]
    offset = 0
    for part in fixed:
        assert offset % part.align == 0
        offset += part.size
    assert offset == layout(TYPES[name])[0].size <= MAX_PAYLOAD
    assert offset % max((part.align for part in fixed), default=1) == 0
    assert TAIL not in parts[:-1]


@pytest.mark.parametrize("size", [-1, 1])
def test_a_payload_of_another_length_is_refused(size: int) -> None:
    payload = _sample(b.Score).pack()
    with pytest.raises(MynaError, match="are no Score"):
        b.Score.unpack(payload[:size] if size < 0 else payload + bytes(size))


def test_codes_are_distinct_and_leave_room_for_replies() -> None:
    requests = [entry.code for entry in EXCHANGES]
    replies = [code + messages.REPLY for code in requests]
    everything = requests + replies + [event.code for event in EVENTS]
    assert len(set(everything)) == len(everything)
    assert max(everything) < 256
    assert max(requests) < messages.REPLY
    assert HEADER.size == 4


def test_every_status_has_a_meaning_and_a_remedy() -> None:
    assert set(MEANINGS) == set(Status)
    assert all(what and (fix or status is Status.OK) for status, (what, fix) in MEANINGS.items())


def test_replies_whose_loss_costs_something_are_kept() -> None:
    """Only a request whose outcome is its status may be answered by the status alone."""
    for entry in EXCHANGES:
        assert (entry.repeat is messages.Repeat.STATUS) <= (entry.reply is b.Empty)


def test_header_is_up_to_date() -> None:
    stale = "run `python -m myna.device.emit`"
    assert emit.HEADER.read_text("utf-8") == emit.c_header(), stale


def test_document_is_up_to_date() -> None:
    text = emit.DOCUMENT.read_text("utf-8")
    assert text == emit.document(text), "run `python -m myna.device.emit`"


def test_bytes_are_locked() -> None:
    """Bytes of every message and the ABI; after an intended change the file is written anew."""
    actual = {name: _sample(body).pack().hex() for name, body in TYPES.items()}
    actual["ABI"] = f"{messages.PROTOCOL_ABI:08x}"
    assert actual == json.loads(LOCKED.read_text("utf-8"))


def test_abi_follows_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    before = messages.describe()
    monkeypatch.setattr(messages, "EXCHANGES", EXCHANGES[1:])
    assert messages.describe() != before
