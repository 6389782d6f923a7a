# SPDX-License-Identifier: Apache-2.0
"""Clients who share the body and keep their heads: on any engine, and whatever fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
from myna.device import target
from myna.federated.audit import audit
from myna.federated.flower import Context, Message
from myna.federated.records import kept_of, order_of, to_update
from myna.federated.result import result
from myna.federated.site import Kept
from myna.federated.store import Store
from myna.ir import Array
from myna.learn.vector import averaged, head_tensors, to_vector
from myna.passes.pipeline import Options
from myna.project import open_project
from support import tiny_model
from support.federations import HOST, ORDER, Answer, federation, quiet, run, through

ALL = Options(train="all")
PRIVATE = replace(ORDER, rate=4.0, epochs=2, private_head=True)
PROGRAM = open_project(tiny_model.folder(), ALL).program


def split(state: bytes) -> tuple[Array, Array]:
    """Integers of the head, and of the rest."""
    names = head_tensors(PROGRAM)
    is_head = np.concatenate([np.full(p.size, p.tensor in names) for p in averaged(PROGRAM)])
    vector = to_vector(PROGRAM, state)
    return vector[is_head], vector[~is_head]


def test_the_server_learns_a_body_and_no_head() -> None:
    asked = federation(ALL, order=PRIVATE, bits_down=4.0, audit=12)
    with Store.open(None, {}, resume=False) as store:
        head, body = split(asked.run(store, quiet))
        assert not audit(asked, store, quiet)
        report = result(asked, store, quiet)
    built_head, built_body = split(asked.start())
    assert head.tolist() == built_head.tolist()
    assert (body != built_body).mean() > 0.5
    assert report["personalized"]["mean"] > report["after"]["mean"] + 20
    assert report["float32_bytes"] == 4 * sum(
        part.size
        for part in averaged(PROGRAM)
        if part.tensor not in head_tensors(PROGRAM) and part.tensor.endswith((".w", ".b"))
    )


def test_a_head_outlives_a_round_that_failed() -> None:
    """Who failed is told the whole state; the body is the server's then, the head is not."""
    kept: dict[int, Kept] = {}
    begun: dict[int, bytes] = {}

    def tap(answer: Answer, message: Message, context: Context) -> Message:
        if context.node_id != 3:
            return answer(message, context)
        number = order_of(message).server_round
        if number == 2:
            raise ValueError("failed")
        reply, found = answer(message, context), kept_of(context.state)
        assert found is not None
        kept[number], begun[number] = found, to_update(reply.content).begun
        return reply

    order = replace(PRIVATE, bits=4.0)
    run(federation(ALL, order=order, audit=1, make_app=partial(through, tap)))
    learned, (head, body) = split(kept[1].state), split(begun[3])
    assert head.tolist() == learned[0].tolist()
    assert body.tolist() == split(kept[3].base)[1].tolist() != learned[1].tolist()


@contextmanager
def board() -> Iterator[str]:
    firmware = open_project(tiny_model.folder(), ALL).firmware("host")
    with target.start("host", firmware.elf) as port:
        yield port


def test_boards_keep_their_heads_as_engines_do() -> None:
    engine = replace(HOST, options=ALL)
    with board() as one, board() as other:
        engines = (engine, replace(engine, port=one), engine, replace(engine, port=other))
        mixed = run(federation(ALL, order=PRIVATE, engines=engines))
    assert mixed == run(federation(ALL, order=PRIVATE))
