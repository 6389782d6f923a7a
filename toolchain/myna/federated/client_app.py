# SPDX-License-Identifier: Apache-2.0
"""The Flower ClientApp: a message with the server's state comes in, an update goes back."""

from __future__ import annotations

import os

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
from myna.federated.site import Site, Update

ARRAYS, CONFIG, METRICS = "arrays", "config", "metrics"  # as Flower's strategies call them
STATE, UPDATE = "state", "update"
WEIGHT = "num-examples"
NOISE, KEY = "noise", 32  # keys that a node keeps, by round; bytes of each


def client_app(site: Site) -> ClientApp:
    """The app of a site, whose clients are the partitions that Flower numbers."""
    app = ClientApp()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        return Message(to_record(site.train(*asked(message, context))), reply_to=message)

    add_secure_stages(app, site, asked)
    return app


def asked(message: Message, context: Context) -> tuple[int, bytes, Order, bytes]:
    """The client that a message means, the state to begin with, what to do, a key of noise.

    The key is drawn for this message, and stays at the node, which may replay its noise.
    """
    number = int(context.node_config["partition-id"])
    state = message.content.array_records[ARRAYS][STATE].numpy().tobytes()
    order, key = Order.of(message.content.config_records[CONFIG]), b""
    if order.noise:
        key = os.urandom(KEY)
        keys = context.state.config_records.setdefault(NOISE, ConfigRecord())
        keys[str(order.server_round)] = key
    return number, state, order, key


def to_record(update: Update) -> RecordDict:
    """An update as a message carries it."""
    metrics: dict[str, int | float] = {
        WEIGHT: update.takes,
        "client": update.client,
        "steps": update.steps,
        "seconds": update.seconds,
    }
    if update.accuracy is not None:
        metrics["accuracy"] = update.accuracy
    return RecordDict(
        {
            ARRAYS: to_arrays(UPDATE, update.data),
            METRICS: MetricRecord({**metrics}),
        }
    )


def to_update(record: RecordDict) -> Update:
    """What a message carries."""
    metrics = record.metric_records[METRICS]
    return Update(
        record.array_records[ARRAYS][UPDATE].numpy().tobytes(),
        int(_number(metrics["client"])),
        int(_number(metrics[WEIGHT])),
        float(_number(metrics["accuracy"])) if "accuracy" in metrics else None,
        int(_number(metrics["steps"])),
        float(_number(metrics["seconds"])),
    )


def to_arrays(name: str, data: bytes) -> ArrayRecord:
    """Bytes as the one array of a record: each array costs 128 bytes more than its data."""
    return ArrayRecord({name: Array(np.frombuffer(data, np.uint8))})


def _number(value: float | list[int] | list[float]) -> float:
    assert not isinstance(value, list)
    return value
