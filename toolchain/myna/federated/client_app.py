# SPDX-License-Identifier: Apache-2.0
"""The Flower ClientApp: a message with the server's state comes in, an update goes back."""

from __future__ import annotations

import os

from myna.federated.client import Order
from myna.federated.flower import ClientApp, ConfigRecord, Context, Message
from myna.federated.records import KEPT, keep_record, kept_of, order_of, to_record, to_told
from myna.federated.secure.client_app import add_secure_stages
from myna.federated.site import Site, Update
from myna.federated.updates import opened
from myna.learn.vector import Vector

NOISE, KEY = "noise", 32  # keys that a node keeps, by round; bytes of each


def client_app(site: Site) -> ClientApp:
    """The app of a site, whose clients are the partitions that Flower numbers."""
    app = ClientApp()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        return Message(to_record(learn(message, context)), reply_to=message)

    def learn(message: Message, context: Context) -> Update:
        number = int(context.node_config["partition-id"])
        told = to_told(message.content)
        order = order_of(message)
        key = _noise_key(order, context)
        update, kept = site.train(number, told, order, kept_of(context.state), key)
        context.state[KEPT] = keep_record(kept)[KEPT]
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
