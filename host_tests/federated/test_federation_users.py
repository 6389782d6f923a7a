# SPDX-License-Identifier: Apache-2.0
"""Federations of users who are told by codewords: the same apps and engines as for words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from myna.device import session as board_session
from myna.device import target
from myna.device.session import Board
from myna.engines.reference import Reference
from myna.federated import verification
from myna.federated.audit import audit
from myna.federated.board_users import users_of_boards
from myna.federated.client import DROPPED
from myna.federated.codebook import codewords
from myna.federated.flower import Context, Message
from myna.federated.privacy.terms import PLAIN, Privacy
from myna.federated.records import BEGUN, BLOCKS, UPDATE, of_blocks, order_of, to_told, to_update
from myna.federated.store import Store
from myna.federated.verification import CODEWORDS, federate_codewords
from myna.ir import Array
from myna.learn import codec
from myna.learn.vector import to_vector
from myna.package.verifier import OUTPUT
from myna.passes.training.user import codeword_of
from myna.project import MODELS
from support.federations import Answer, crossing, quiet, run, through
from support.leaks import Values, leaks
from support.line import Line, shows, stored_secret
from support.voices import LENGTH, SHOTS, USERS, cohort, federation, project, users

SECURE = Privacy(secure=True)


def test_rounds_without_compression_are_those_of_the_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the figures of `myna evaluate --protocol verification` are those of a federation."""
    pytest.importorskip("galois")
    monkeypatch.setattr(verification, "ROUNDS", 3)
    source = MODELS / "kws"
    alone = federate_codewords(source, tmp_path, users(), LENGTH, CODEWORDS, quiet)
    clients = users().clients(codewords(LENGTH, USERS, CODEWORDS.seed))
    order, whole = CODEWORDS.order(SHOTS), {"rounds": 3, "bits_down": 24.0}
    asked = federation(cohort=replace(cohort(), clients=clients), order=order, **whole)
    state, program = run(asked), asked.program
    assert to_vector(program, alone.engine.read_state()).tolist() == (
        to_vector(program, state).tolist()
    )
    assert to_vector(program, asked.start()).tolist() != to_vector(program, state).tolist()


def test_engines_of_two_kinds_give_the_same_state() -> None:
    (host,) = federation().engines
    mixed = run(federation(engines=(host, replace(host, name="reference"))))
    assert mixed == run(federation())


def tamper(answer: Answer, message: Message, context: Context) -> Message:
    """One client changes one integer of its first update."""
    reply = answer(message, context)
    if (order_of(message).server_round, context.node_id) != (1, 3):
        return reply
    program, update = project().program, to_update(reply.content)
    base = to_told(message.content).whole
    assert base is not None
    found = codec.decode(program, base, update.data)
    found = found + np.eye(1, found.size, 70, dtype=np.int32)[0]
    data, _ = codec.encode(program, base, codec.apply(program, base, found), 10**6)
    reply.content.config_records[BLOCKS][UPDATE] = data
    return reply


def test_updates_are_replayed_and_who_tampers_is_named() -> None:
    for app, expected in (({}, []), ({"make_app": partial(through, tamper)}, [(1, 2)])):
        asked = federation(audit=2 * USERS, **app)
        with Store.open(None, {}, resume=False) as store:
            asked.run(store, quiet)
            assert len(store.evidence()) == 2 * USERS
            differ = audit(asked, store, quiet)
        assert [(one.server_round, one.client) for one in differ] == expected


def test_a_run_that_was_interrupted_goes_on_to_the_same_state(tmp_path: Path) -> None:
    def stop(answer: Answer, message: Message, context: Context) -> Message:
        if (order_of(message).server_round, context.node_id) == (2, 3):
            raise KeyboardInterrupt
        return answer(message, context)

    path = tmp_path / "results.db"
    with pytest.raises(KeyboardInterrupt):
        run(federation(make_app=partial(through, stop)), path)
    with Store.open(path, {}, resume=True) as store:
        assert store.rounds() == 1
    assert run(federation(), path, resume=True) == run(federation())


def test_dropouts_are_survived_and_nobody_tells_how_right_he_was() -> None:
    asked = federation(rounds=4, order=replace(federation().order, dropout=0.4))
    with Store.open(None, {}, resume=False) as store:
        state = asked.run(store, quiet)
        rows = [row for _, row in store.clients()]
    dropped = [row for row in rows if row.dropout]
    assert 1 <= len(dropped) < len(rows)
    assert all(str(row.dropout).endswith(DROPPED) for row in dropped)
    assert {row.accuracy for row in rows} == {None}
    assert state != asked.start()


def test_a_secure_sum_is_that_of_plain_updates() -> None:
    order, whole = CODEWORDS.order(SHOTS), {"bits_down": 24.0}
    plain = run(federation(order=order, **whole))
    masked = run(federation(order=SECURE.order(order, USERS), privacy=SECURE, **whole))
    assert masked == plain


# -- what crosses the link -------------------------------------------------------------------------


@cache
def secrets() -> Mapping[str, list[Values]]:
    """What only clients know, beside codewords: of a take of each features and embedding."""
    reference = Reference(project().program)
    (dense,) = (n for n in project().program.graph.nodes if n.inputs[1:2] == (f"{OUTPUT}.w",))
    found: dict[str, list[Values]] = {"features": [], "embeddings": []}
    for client in cohort().clients:
        take = client.takes.features[0]
        reference.infer(take)
        found["features"].append(take[20:30])  # of a word's middle
        found["embeddings"].append(reference.values[dense.inputs[0]].copy())
    return found


def words() -> list[Array]:
    return [client.codeword for client in cohort().clients if client.codeword is not None]


def sent(monkeypatch: pytest.MonkeyPatch, **chosen: Any) -> bytes:
    """All that crosses in a run, as it is sent to far nodes."""
    return crossing(monkeypatch, lambda: run(federation(**chosen)))


@pytest.mark.parametrize("privacy", [PLAIN, SECURE], ids=["plain", "secure"])
def test_neither_codewords_nor_embeddings_cross_the_link(
    privacy: Privacy, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = privacy.order(replace(federation().order, bits=privacy.bits(None, 4.0)), USERS)
    found = sent(monkeypatch, privacy=privacy, order=order, bits_down=privacy.bits(None, 4.0))
    assert len(found) > 20_000
    assert not leaks(found, secrets())
    assert not any(shows(found, word) for word in words())


def test_a_codeword_or_an_embedding_that_is_sent_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    embedding = secrets()["embeddings"][0].tobytes()

    def plant(answer: Answer, message: Message, context: Context) -> Message:
        reply = answer(message, context)
        told = np.packbits(words()[1] > 0).tobytes() + embedding
        update = to_update(reply.content)
        reply.content[BLOCKS] = of_blocks({UPDATE: update.data, BEGUN: told})
        return reply

    found = sent(monkeypatch, make_app=partial(through, plant))
    assert leaks(found, secrets()) == {"embeddings"}
    assert [shows(found, word) for word in words()] == [False, True, False, False]


# -- users of boards -------------------------------------------------------------------------------


def test_a_board_learns_a_codeword_that_it_alone_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[Line] = []

    def record(port: str, _: int) -> Line:
        lines.append(Line(port))
        return lines[-1]

    (host,) = federation().engines
    nv, program, clients = tmp_path / "nv", project().program, cohort().clients
    with target.start("host", project().firmware("host").elf, nv) as port:
        engines = (host, host, replace(host, port=port), host)
        own = users_of_boards(clients, engines)
        assert [client.draws for client in own] == [False, False, True, False]
        monkeypatch.setattr(board_session, "open_port", record)
        with Store.open(None, {}, resume=False) as store:
            asked = federation(cohort=replace(cohort(), clients=own), engines=engines)
            mixed = asked.run(store, quiet)
            assert not [row.dropout for _, row in store.clients() if row.dropout]
        monkeypatch.undo()
        with Board.connect(port) as session:
            number, *_ = stored_secret(session, nv, program.state_bytes)
    assert project().package.code is not None
    drawn = codeword_of(project().package.code, number)
    assert lines
    assert not any(shows(line.seen, drawn) for line in lines)
    known = (*clients[:2], replace(clients[2], codeword=drawn), *clients[3:])
    assert run(federation(cohort=replace(cohort(), clients=known))) == mixed
