# SPDX-License-Identifier: Apache-2.0
"""The stages of a secure sum in the Flower ClientApp, which is asked for each by a message.

``query.keys`` → ``query.shares`` → ``train.masked`` → ``query.reveal``. A node draws secrets anew
for each round, keeps them in its context, and forgets them before it reveals shares. No stage
can be repeated with the same secrets, so never are both seeds of a client told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from myna.errors import MynaError
from myna.federated.flower import ClientApp, ConfigRecord, Context, Message, RecordDict
from myna.federated.secure.keys import Advert, Secrets
from myna.federated.secure.masks import sum_ring
from myna.federated.secure.protocol import Member, Parcels
from myna.federated.site import Site, Update
from myna.learn.vector import Vector

# Types of messages, which are the stages in their order.
KEYS, SHARES, MASKED, REVEAL = "query.keys", "query.shares", "train.masked", "query.reveal"
PARCELS, TERMS = "parcels", "terms"  # records of messages
THRESHOLD, NODES = "threshold", "nodes"  # terms of the server
CLIENT, SECONDS, DOWN = "client", "seconds", "bytes_down"  # terms of a client
MEMORY, TURN, ADVERTS = "secure", "turn", "adverts"  # what a node remembers

Learn = Callable[[Message, Context], tuple[Update, Vector]]


def add_secure_stages(app: ClientApp, site: Site, learn: Learn) -> None:
    """Let the app of a site take part in secure sums.

    Args:
        app: to which the stages are added.
        site: who learns.
        learn: does what a message asks for; the update, as sent in the clear and as integers.
    """

    @app.query(_action(KEYS))
    def keys(message: Message, context: Context) -> Message:
        secrets = Secrets.draw()
        context.state[MEMORY] = ConfigRecord({**vars(secrets), TURN: SHARES})
        return _reply(message, {context.node_id: secrets.advert().to_bytes()})

    @app.query(_action(SHARES))
    def shares(message: Message, context: Context) -> Message:
        memory = _take_turn(context, SHARES, MASKED)
        memory[THRESHOLD] = message.content.config_records[TERMS][THRESHOLD]
        context.state[ADVERTS] = message.content[PARCELS]
        member = _member(context)
        member.check()
        return _reply(message, member.share())

    @app.train(_action(MASKED))
    def masked(message: Message, context: Context) -> Message:
        _take_turn(context, MASKED, REVEAL)
        done, update = learn(message, context)
        weighted = done.takes * update.astype(np.int64)
        values = np.append(weighted, done.takes).view(np.uint64)
        data = _member(context).mask(sum_ring(site.program), values, _nodes(message))
        terms = {CLIENT: done.client, SECONDS: done.seconds, DOWN: done.bytes_down}
        return _reply(message, {context.node_id: data}, terms)

    @app.query(_action(REVEAL))
    def reveal(message: Message, context: Context) -> Message:
        _take_turn(context, REVEAL, KEYS)
        member = _member(context)
        del context.state[MEMORY], context.state[ADVERTS]
        return _reply(message, member.reveal(to_parcels(message.content), _nodes(message)))


def to_parcels(content: RecordDict) -> Parcels:
    """The parcels that a message carries."""
    found: dict[int, bytes] = {}
    for node, data in content.config_records[PARCELS].items():
        assert isinstance(data, bytes)
        found[int(node)] = data
    return found


def to_record(parcels: Parcels) -> ConfigRecord:
    """Parcels as a message carries them: numbers of nodes are uint64, Flower's integers are not."""
    return ConfigRecord({str(node): data for node, data in parcels.items()})


def _reply(
    message: Message, parcels: Parcels, terms: Mapping[str, int | float] | None = None
) -> Message:
    content = RecordDict({PARCELS: to_record(parcels), TERMS: ConfigRecord({**(terms or {})})})
    return Message(content, reply_to=message)


def _action(stage: str) -> str:
    return stage.partition(".")[2]


def _nodes(message: Message) -> set[int]:
    nodes = message.content.config_records[TERMS][NODES]
    assert isinstance(nodes, list)
    return {int(node) for node in nodes}


def _take_turn(context: Context, stage: str, following: str) -> ConfigRecord:
    memory = context.state.config_records.get(MEMORY)
    if memory is None or memory[TURN] != stage:
        raise MynaError(f"asked out of turn for {stage}", where=f"node {context.node_id}")
    memory[TURN] = following
    return memory


def _member(context: Context) -> Member:
    memory = {**context.state.config_records[MEMORY]}
    known = context.state.config_records[ADVERTS].items()
    adverts = {int(node): Advert.of(_bytes(data)) for node, data in known}
    secrets = Secrets(*(_bytes(memory[name]) for name in Secrets.__dataclass_fields__))
    threshold = memory[THRESHOLD]
    assert isinstance(threshold, int)
    return Member(context.node_id, secrets, adverts, threshold)


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value
