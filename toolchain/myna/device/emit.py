# SPDX-License-Identifier: Apache-2.0
"""Writes what follows from the message table: C's messages.h and the tables of PROTOCOL.md.

Run ``python -m myna.device.emit`` after a change of messages.py.
"""

from __future__ import annotations

import re
from pathlib import Path

from myna.device import bodies, frame, messages
from myna.device.messages import EVENTS, EXCHANGES, Repeat
from myna.device.status import MEANINGS, Status
from myna.device.wire import TAIL, Message, layout, wires

ROOT = Path(__file__).resolve().parents[3]
HEADER = ROOT / "firmware" / "protocol" / "messages.h"
DOCUMENT = ROOT / "PROTOCOL.md"
BEGIN, END = "<!-- generated from messages.py -->\n", "<!-- end of generated part -->\n"


def c_header() -> str:
    """The text of firmware/protocol/messages.h."""
    types = {t.__name__: t for e in EXCHANGES for t in (e.request, e.reply)}
    types |= {event.body.__name__: event.body for event in EVENTS}
    codes = {f"MESSAGE_{e.name}": e.code for e in EXCHANGES}
    codes |= {f"MESSAGE_{e.name}": e.code for e in EVENTS}
    parts = [
        "/* SPDX-License-Identifier: Apache-2.0 */",
        "/* Made from toolchain/myna/device/messages.py by `python -m myna.device.emit`.",
        "   Do not edit. Fields are little-endian, as on the line; a tail follows its struct. */",
        "#ifndef MYNA_PROTOCOL_MESSAGES_H\n#define MYNA_PROTOCOL_MESSAGES_H\n",
        '#include <stdint.h>\n\n#include "protocol/frame.h"\n',
        f"#if FRAME_VERSION != {frame.VERSION}",
        '#error "made for another frame layout: run `python -m myna.device.emit`"\n#endif\n',
        f"#define PROTOCOL_ABI 0x{messages.PROTOCOL_ABI:08x}u",
        f"#define MESSAGE_REPLY {messages.REPLY}u",
        f"#define MESSAGE_IN_FLIGHT {messages.IN_FLIGHT}u",
        f"#define MESSAGE_NO_NODE {bodies.NO_NODE}u",
        f"#define MESSAGE_NO_CLASS {messages.NO_CLASS}u",
        f"#define MESSAGE_MAX_STEPS {messages.MAX_STEPS}u",
        f"#define MESSAGE_MAX_EPOCHS {messages.MAX_EPOCHS}u\n",
        _enum("status", {f"STATUS_{s.name}": s.value for s in Status}),
        _enum("message", codes),
        _enum("repeat", {f"REPEAT_{r.name}": index for index, r in enumerate(Repeat)}),
        *(_struct(t) for t in types.values() if layout(t)[0].size),
        _request_union(),
        _table(),
        "#endif",
    ]
    return "\n".join(parts) + "\n"


def _enum(name: str, members: dict[str, int]) -> str:
    body = "\n".join(f"    {member} = {value}," for member, value in members.items())
    return f"enum {name} {{\n{body}\n}};\n"


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _struct(message: type[Message]) -> str:
    """The C struct of a message's fixed part, with the proof that it is laid out alike."""
    name = f"message_{_snake(message.__name__)}"
    lines = [
        f"    {wire.c_type} {field}{f'[{wire.size}]' if wire.size > wire.align else ''};"
        for field, wire in wires(message).items()
        if wire is not TAIL
    ]
    size = layout(message)[0].size
    check = f'_Static_assert(sizeof(struct {name}) == {size}, "no padding");'
    return "\n".join([f"struct {name} {{", *lines, "};", check, ""])


def _request_union() -> str:
    members = {_snake(e.request.__name__): e for e in EXCHANGES if layout(e.request)[0].size}
    body = "\n".join(f"    struct message_{name} {name};" for name in members)
    comment = "/* The fixed part of any request. */"
    return f"{comment}\nunion message_request {{\n{body}\n}};\n"


def _table() -> str:
    rows = []
    for entry in EXCHANGES:
        form, tail = layout(entry.request)
        arguments = f"{entry.name}, {entry.name.lower()}, {form.size}, {str(tail).lower()}"
        rows.append(f"    X({arguments}, {entry.repeat.name})")
    body = " \\\n".join(["#define MESSAGE_TABLE(X)", *rows])
    head = "/* X(NAME, handler, bytes of the fixed part, whether a tail follows, repeat) */"
    return f"{head}\n/* clang-format off */\n{body}\n/* clang-format on */\n"


def document_tables() -> str:
    """The generated part of PROTOCOL.md, between its markers."""
    lines = [f"Protocol ABI of this table: `0x{messages.PROTOCOL_ABI:08x}`.", ""]
    lines += ["| Code | Request | Carries | Reply carries | Repeated | Meaning |", "|" + "---|" * 6]
    for entry in EXCHANGES:
        row = (entry.request, entry.reply)
        cells = " | ".join(_fields(message) for message in row)
        repeat = entry.repeat.name.lower()
        lines.append(f"| {entry.code} | `{entry.name}` | {cells} | {repeat} | {entry.text} |")
    lines += ["", "| Code | Event | Carries | Meaning |", "|" + "---|" * 4]
    for event in EVENTS:
        lines.append(f"| {event.code} | `{event.name}` | {_fields(event.body)} | {event.text} |")
    lines += ["", "| Status | Name | Means | What to do |", "|" + "---|" * 4]
    for status in Status:
        what, fix = MEANINGS[status]
        lines.append(f"| {status.value} | `{status.name}` | {what} | {fix} |")
    lines += [
        "",
        *(f"- repeated *{repeat.name.lower()}*: {repeat.value}" for repeat in Repeat),
    ]
    return "\n".join(lines) + "\n"


def _fields(message: type[Message]) -> str:
    names = {"H": "u16", "I": "u32", "i": "i32", "24s": "text[24]", "": "bytes…"}
    return ", ".join(f"{name} {names[wire.letter]}" for name, wire in wires(message).items()) or "–"


def document(text: str) -> str:
    """PROTOCOL.md with its generated part made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + document_tables() + END + after


if __name__ == "__main__":
    HEADER.write_text(c_header(), "utf-8")
    DOCUMENT.write_text(document(DOCUMENT.read_text("utf-8")), "utf-8")
