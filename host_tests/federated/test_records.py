# SPDX-License-Identifier: Apache-2.0
"""What a site says is checked: whatever it sends, only its own client is left out of the round."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from myna.errors import MynaError
from myna.federated.audit import audit
from myna.federated.flower import (
    ArrayRecord,
    ConfigRecord,
    Context,
    Message,
    MetricRecord,
    RecordDict,
)
from myna.federated.privacy.terms import PLAIN, Privacy
from myna.federated.records import (
    BEGUN,
    BLOCKS,
    METRICS,
    UNSENT,
    UPDATE,
    WEIGHT,
    to_record,
    to_told,
    to_update,
)
from myna.federated.secure.client_app import DOWN, MASKED, PARCELS, SECONDS, TERMS
from myna.federated.site import Update
from myna.federated.store import Store
from support.federations import Answer, federation, quiet, run, through

HONEST = Update(b"update", 3, 12, 50.0, 24, 1.5, 10, 20, b"begun", b"unsent")
METRIC_NAMES = ("client", WEIGHT, "accuracy", "steps", "seconds", "bytes_down", "bytes_up")


def test_an_update_arrives_as_it_was_sent() -> None:
    assert to_update(to_record(HONEST)) == HONEST


values: st.SearchStrategy[Any] = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(), st.lists(st.integers(0, 9), max_size=3)
)


@settings(deadline=None)
@given(name=st.sampled_from(METRIC_NAMES), value=values)
def test_a_number_is_taken_where_it_can_be_right_and_refused_otherwise(
    name: str, value: Any
) -> None:
    record = to_record(HONEST)
    record.metric_records[METRICS][name] = value
    is_count = name not in ("accuracy", "seconds")
    kinds = int if is_count else (int, float)
    if isinstance(value, kinds) and 0 <= value < (2**62 if is_count else float("inf")):
        assert to_update(record) is not None
    else:
        with pytest.raises(MynaError, match=name):
            to_update(record)


@pytest.mark.parametrize("name", sorted({*METRIC_NAMES} - {"accuracy"}))
def test_a_number_that_lacks_is_named(name: str) -> None:
    record = to_record(HONEST)
    del record.metric_records[METRICS][name]
    with pytest.raises(MynaError, match=name):
        to_update(record)


def replaced(name: str, part: Any) -> Callable[[RecordDict], None]:
    def change(content: RecordDict) -> None:
        content[name] = part

    return change


def metric(name: str, value: Any) -> Callable[[RecordDict], None]:
    def change(content: RecordDict) -> None:
        content.metric_records[METRICS][name] = value

    return change


def term(name: str, value: Any) -> Callable[[RecordDict], None]:
    def change(content: RecordDict) -> None:
        content.config_records[TERMS][name] = value

    return change


def emptied(content: RecordDict) -> None:
    for name in list(content):
        del content[name]


SAID: dict[str, tuple[Callable[[RecordDict], None], str]] = {
    "nothing": (emptied, "lacks blocks"),
    "no update": (replaced(BLOCKS, ConfigRecord({BEGUN: b""})), "lacks blocks.update"),
    "text": (replaced(BLOCKS, ConfigRecord({UPDATE: "text"})), "lacks blocks.update"),
    "an array": (replaced(BLOCKS, ArrayRecord([np.zeros(3)])), "lacks blocks"),
    "an empty update": (replaced(BLOCKS, ConfigRecord({UPDATE: b""})), "damaged"),
    "no numbers": (replaced(METRICS, MetricRecord()), "lacks client"),
    "the number of another client": (metric("client", 2), "speaks for client 2"),
    "the number of nobody": (metric("client", 2**40), "speaks for client"),
    "no takes": (metric(WEIGHT, 0), "learned 0 takes"),
    "more takes than it may": (metric(WEIGHT, 2**40), "takes, not 1 to 8"),
    "takes that are no number": (metric(WEIGHT, [1]), "lacks num-examples"),
}

SAID_IN_SECRET: dict[str, tuple[Callable[[RecordDict], None], str]] = {
    "nothing": (emptied, "lacks parcels"),
    "a parcel of no node": (replaced(PARCELS, ConfigRecord({"-1": b""})), "of no node"),
    "a parcel of another": (replaced(PARCELS, ConfigRecord({"3": b""})), "other parcels"),
    "text": (replaced(PARCELS, ConfigRecord({"2": "text"})), "lacks parcels.2"),
    "no numbers": (replaced(TERMS, ConfigRecord()), "lacks seconds"),
    "time that never ends": (term(SECONDS, float("nan")), "lacks seconds"),
    "bytes that are no number": (term(DOWN, "many"), "lacks bytes_down"),
}


def speak(
    change: Callable[[RecordDict], None], answer: Answer, message: Message, context: Context
) -> Message:
    """The second of four clients says something else than it should, in the second of rounds."""
    reply = answer(message, context)
    config = message.content.config_records.get("config", {})
    if context.node_id == 2 and config.get("server_round") == 2:
        change(reply.content)
    return reply


def fail(answer: Answer, message: Message, context: Context) -> Message:
    if message.metadata.message_type not in ("train", MASKED):
        return answer(message, context)
    return speak(_raise, answer, message, context)


def _raise(content: RecordDict) -> None:
    raise ValueError("failed")


@pytest.mark.parametrize(
    ("privacy", "said"),
    [(PLAIN, said) for said in SAID] + [(Privacy(secure=True), said) for said in SAID_IN_SECRET],
    ids=lambda value: value if isinstance(value, str) else "secure" if value.secure else "plain",
)
def test_who_says_what_cannot_be_is_left_out_of_that_round_only(
    privacy: Privacy, said: str
) -> None:
    change, reason = (SAID_IN_SECRET if privacy.secure else SAID)[said]
    asked = federation(privacy=privacy, make_app=partial(through, partial(speak, change)))
    with Store.open(None, {}, resume=False) as store:
        state = asked.run(store, quiet)
        dropped = {
            (number, row.client): row.dropout for number, row in store.clients() if row.dropout
        }
    assert [*dropped] == [(2, 1)]
    assert reason in str(dropped[2, 1])
    assert state == run(federation(make_app=partial(through, fail)))


def short(block: bytes) -> bytes:
    return block[:-1]


def out_of_bounds(block: bytes) -> bytes:
    return b"\xff" * len(block)


@pytest.mark.parametrize("name", [BEGUN, UNSENT])
@pytest.mark.parametrize("change", [short, out_of_bounds])
def test_whose_evidence_is_no_state_is_left_out(
    name: str, change: Callable[[bytes], bytes]
) -> None:
    """Otherwise it is the audit that fails, after all rounds, of everybody."""

    def spoil(content: RecordDict) -> None:
        blocks = content.config_records[BLOCKS]
        blocks[name] = change(cast(bytes, blocks[name]))

    asked = federation(audit=12, make_app=partial(through, partial(speak, spoil)))
    with Store.open(None, {}, resume=False) as store:
        asked.run(store, quiet)
        dropped = [(number, row.client) for number, row in store.clients() if row.dropout]
        assert len(store.evidence()) == 11
        assert not audit(asked, store, quiet)
    assert dropped == [(2, 1)]


def test_a_message_that_tells_nothing_is_refused() -> None:
    with pytest.raises(MynaError, match="lacks blocks"):
        to_told(RecordDict())
