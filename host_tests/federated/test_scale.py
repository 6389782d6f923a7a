# SPDX-License-Identifier: Apache-2.0
"""A server of many clients is measured apart from them; its speakers are synthetic, and differ."""

from __future__ import annotations

import numpy as np
from myna.federated.scale import TAKES, know, measure, speakers
from myna.passes.pipeline import Options
from support import tiny_model

MEGABYTE = 1 << 20


def test_a_server_is_measured() -> None:
    found = measure(tiny_model.folder(), clients=9, sampled=3, rounds=4)
    assert (found.clients, found.sampled) == (9, 3)
    assert 20 * MEGABYTE < found.memory < 1000 * MEGABYTE
    assert 0 < found.server_seconds < found.round_seconds
    assert found.bytes_up > 100
    assert found.bytes_down > 50  # where the state differs from the one as built


def test_what_it_takes_to_know_clients_is_measured() -> None:
    found = know(200_000, 30)
    assert found.clients == 200_000
    assert 20_000_000 < found.memory < 200_000_000
    assert 0 < found.seconds < 5


def test_speakers_say_known_words_each_in_a_way_of_their_own() -> None:
    some = speakers(tiny_model.folder(), Options(train="head"), 3)
    assert [client.number for client in some] == [0, 1, 2]
    assert all(len(client.takes) == TAKES for client in some)
    assert {*some[0].takes.labels} == {0, 1, 2, 3}
    first, second = some[0].takes, some[1].takes
    assert not np.array_equal(first.features, second.features)
    again = speakers(tiny_model.folder(), Options(train="head"), 2)
    assert np.array_equal(again[1].takes.features, second.features)
