# SPDX-License-Identifier: Apache-2.0
"""What travels between server and clients as the records of Flower's messages.

Blocks of bytes travel as bytes. Flower's arrays would add 128 bytes to each, and to read one means
to let NumPy make room for whatever shape its sender claims.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from types import UnionType

from myna.errors import MynaError
from myna.federated.client import Order
from myna.federated.flower import ConfigRecord, Message, MetricRecord, RecordDict
from myna.federated.site import Kept, Told, Update

BLOCKS, CONFIG, METRICS = "blocks", "config", "metrics"
STATE, UPDATE, BEGUN, UNSENT = "state", "update", "begun", "unsent"
KEPT = "kept"  # in the context of a node
WEIGHT = "num-examples"  # as Flower's strategies call it
COUNT_MAX = 2**62  # no count is as large


def order_of(message: Message) -> Order:
    """What a message asks for.

    Raises:
        MynaError: it asks for nothing.
    """
    return Order.of(_config(message.content, CONFIG))


def to_record(update: Update) -> RecordDict:
    """An update as a message carries it."""
    metrics: dict[str, int | float] = {
        WEIGHT: update.takes,
        "client": update.client,
        "steps": update.steps,
        "seconds": update.seconds,
        "bytes_down": update.bytes_down,
        "bytes_up": update.bytes_up,
    }
    if update.accuracy is not None:
        metrics["accuracy"] = update.accuracy
    blocks = {UPDATE: update.data, BEGUN: update.begun, UNSENT: update.unsent}
    there = {name: block for name, block in blocks.items() if block}
    return RecordDict({BLOCKS: of_blocks(there), METRICS: MetricRecord({**metrics})})


def to_update(record: RecordDict) -> Update:
    """What a message carries.

    Raises:
        MynaError: it is no update.
    """
    metrics = record.metric_records.get(METRICS, MetricRecord())
    blocks = to_blocks(record, BLOCKS)
    if UPDATE not in blocks:
        raise _malformed(f"{BLOCKS}.{UPDATE}")
    return Update(
        blocks[UPDATE],
        count(metrics, "client"),
        count(metrics, WEIGHT),
        measured(metrics, "accuracy") if "accuracy" in metrics else None,
        count(metrics, "steps"),
        measured(metrics, "seconds"),
        count(metrics, "bytes_down"),
        count(metrics, "bytes_up"),
        blocks.get(BEGUN, b""),
        blocks.get(UNSENT, b""),
    )


def keep_record(kept: Kept) -> RecordDict:
    """What a client keeps, as the context of its node holds it."""
    return RecordDict({KEPT: of_blocks(asdict(kept))})


def kept_of(record: RecordDict) -> Kept | None:
    """What the context of a node holds."""
    return Kept(**to_blocks(record, KEPT)) if KEPT in record else None


def of_told(told: Told) -> ConfigRecord:
    """What a client is told, as a message carries it."""
    whole = {} if told.whole is None else {STATE: told.whole}
    return of_blocks(whole | {str(i): data for i, data in enumerate(told.differences)})


def to_told(record: RecordDict) -> Told:
    """What a message carries.

    Raises:
        MynaError: it tells nothing.
    """
    blocks = to_blocks(record, BLOCKS)
    whole = blocks.pop(STATE, None)
    return Told(whole, tuple(blocks[name] for name in sorted(blocks, key=int)))


def of_blocks(blocks: Mapping[str, bytes]) -> ConfigRecord:
    """Blocks of bytes as a record."""
    return ConfigRecord({**blocks})


def to_blocks(content: RecordDict, name: str) -> dict[str, bytes]:
    """The blocks of bytes of a record.

    Raises:
        MynaError: there is no such record, or it holds something else.
    """
    found = {}
    for key, data in _config(content, name).items():
        if not isinstance(data, bytes):
            raise _malformed(f"{name}.{key}")
        found[key] = data
    return found


def _config(content: RecordDict, name: str) -> ConfigRecord:
    found = content.config_records.get(name)
    if found is None:
        raise _malformed(name)
    return found


def count(said: Mapping[str, object], name: str) -> int:
    """A number that counts something.

    Raises:
        MynaError: a message does not say it.
    """
    return int(_number(said, name, int, COUNT_MAX))


def measured(said: Mapping[str, object], name: str) -> float:
    """A number that measures something, at least 0.

    Raises:
        MynaError: a message does not say it.
    """
    return float(_number(said, name, int | float, math.inf))


def _number(
    said: Mapping[str, object], name: str, kind: type[int] | UnionType, most: float
) -> int | float:
    value = said.get(name)
    if not isinstance(value, kind) or not 0 <= value < most:
        raise _malformed(name)
    return value


def _malformed(what: str) -> MynaError:
    return MynaError(
        f"a message lacks {what}, or it is out of bounds",
        where="federation",
        fix="let clients run the same version of Myna as the server",
    )
