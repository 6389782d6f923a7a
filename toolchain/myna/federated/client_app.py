# SPDX-License-Identifier: Apache-2.0
"""The Flower ClientApp: a message with the server's state comes in, an update goes back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from myna.federated.client import Order
from myna.federated.flower import (
    Array,
    ArrayRecord,
    ClientApp,
    ConfigRecord,
    Context,
    Message,
    MetricRecord,
    RecordDict,
)
from myna.federated.secure.client_app import add_secure_stages
from myna.federated.site import Kept, Site, Told, Update
from myna.federated.updates import opened
from myna.learn.vector import Vector

ARRAYS, CONFIG, METRICS = "arrays", "config", "metrics"  # as Flower's strategies call them
STATE, UPDATE, BEGUN = "state", "update", "begun"
KEPT = "kept"  # in the context of a node
WEIGHT = "num-examples"
NOISE, KEY = "noise", 32  # keys that a node keeps, by round; bytes of each


def client_app(site: Site) -> ClientApp:
    """The app of a site, whose clients are the partitions that Flower numbers."""
    app = ClientApp()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        return Message(to_record(learn(message, context)), reply_to=message)

    def learn(message: Message, context: Context) -> Update:
        number = int(context.node_config["partition-id"])
        told = to_told(message.content.array_records[ARRAYS])
        order = order_of(message)
        key = _noise_key(order, context)
        update, kept = site.train(number, told, order, kept_of(context.state), key)
        context.state[KEPT] = to_arrays(asdict(kept))
        return update

    def learn_integers(message: Message, context: Context) -> tuple[Update, Vector]:
        update, kept = learn(message, context), kept_of(context.state)
        assert kept is not None
        return update, opened(site.program, kept.base, update.data, order_of(message))

    add_secure_stages(app, site, learn_integers)
    return app


def _noise_key(order: Order, context: Context) -> bytes:
    """A key drawn for this message, which stays at the node: it may replay its noise."""
    if not order.noise:
        return b""
    key = os.urandom(KEY)
    keys = context.state.config_records.setdefault(NOISE, ConfigRecord())
    keys[str(order.server_round)] = key
    return key


def order_of(message: Message) -> Order:
    """What a message asks for."""
    return Order.of(message.content.config_records[CONFIG])


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
    arrays = {UPDATE: update.data} | ({BEGUN: update.begun} if update.begun else {})
    return RecordDict({ARRAYS: to_arrays(arrays), METRICS: MetricRecord({**metrics})})


def to_update(record: RecordDict) -> Update:
    """What a message carries."""
    metrics = record.metric_records[METRICS]
    blocks = _blocks(record.array_records[ARRAYS])
    return Update(
        blocks[UPDATE],
        int(_number(metrics["client"])),
        int(_number(metrics[WEIGHT])),
        float(_number(metrics["accuracy"])) if "accuracy" in metrics else None,
        int(_number(metrics["steps"])),
        float(_number(metrics["seconds"])),
        int(_number(metrics["bytes_down"])),
        int(_number(metrics["bytes_up"])),
        blocks.get(BEGUN, b""),
    )


def keep_record(kept: Kept) -> RecordDict:
    """What a client keeps, as the context of its node holds it."""
    return RecordDict({KEPT: to_arrays(asdict(kept))})


def kept_of(record: RecordDict) -> Kept | None:
    """What the context of a node holds."""
    found = record.array_records.get(KEPT)
    return None if found is None else Kept(**_blocks(found))


def of_told(told: Told) -> ArrayRecord:
    """What a client is told, as a message carries it."""
    whole = {} if told.whole is None else {STATE: told.whole}
    return to_arrays(whole | {str(i): data for i, data in enumerate(told.differences)})


def to_told(record: ArrayRecord) -> Told:
    """What a message carries."""
    blocks = _blocks(record)
    whole = blocks.pop(STATE, None)
    return Told(whole, tuple(blocks[name] for name in sorted(blocks, key=int)))


def to_arrays(blocks: Mapping[str, bytes]) -> ArrayRecord:
    """Blocks of bytes as the arrays of a record: each costs 128 bytes more than its data."""
    return ArrayRecord({k: Array(np.frombuffer(data, np.uint8)) for k, data in blocks.items()})


def _blocks(record: ArrayRecord) -> dict[str, bytes]:
    return {name: array.numpy().tobytes() for name, array in record.items()}


def _number(value: float | list[int] | list[float]) -> float:
    assert not isinstance(value, list)
    return value
