# SPDX-License-Identifier: Apache-2.0
"""Secure sums: exact whoever is lost, and nothing told of a single client."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from myna.errors import MynaError
from myna.federated.secure.keys import OWN_KEY, PAIR, PAIR_KEY, Advert, Secrets, agree, derive
from myna.federated.secure.masks import Residues, Ring
from myna.federated.secure.protocol import Member, Parcels, unmask
from myna.federated.secure.shares import combine

RING = Ring(np.array([False] * 40 + [True] * 4))


@dataclass
class Sum:
    """All messages of a round among members, some of which are lost at each stage."""

    members: dict[int, Member]
    shares: dict[int, Parcels]
    masked: dict[int, bytes]
    revealed: dict[int, Parcels]

    def result(self) -> npt.NDArray[np.int64]:
        """What the server finds."""
        some = next(iter(self.members.values()))
        found = unmask(
            *(RING, some.adverts, self.shares, self.masked, self.revealed, some.threshold)
        )
        return RING.signed(found)


def members(count: int, threshold: int) -> dict[int, Member]:
    secrets = {2**40 + 7 * i: Secrets.draw() for i in range(count)}
    adverts = {node: Advert.of(own.advert().to_bytes()) for node, own in secrets.items()}
    return {node: Member(node, own, adverts, threshold) for node, own in secrets.items()}


def exchanged(
    values: list[Residues], threshold: int, lost: tuple[Collection[int], ...] = ((), (), ())
) -> Sum:
    """A round: members number `lost[0]` send no shares, and so on."""
    own = members(len(values), threshold)
    nodes = list(own)
    left = [
        [node for i, node in enumerate(nodes) if not any(i in gone for gone in lost[: stage + 1])]
        for stage in range(3)
    ]
    for member in own.values():
        member.check()
    shares = {node: own[node].share() for node in left[0]}
    masked = {
        node: own[node].mask(RING, value, left[0])
        for node, value in zip(nodes, values, strict=True)
        if node in left[1]
    }
    revealed = {
        node: own[node].reveal({u: sent[node] for u, sent in shares.items()}, masked)
        for node in left[2]
    }
    return Sum(own, shares, masked, revealed)


def residues(seed: int) -> Residues:
    """Any residues."""
    return RING.of(np.random.default_rng(seed).bytes(RING.size))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_sum_is_exact_for_whoever_is_lost_at_any_stage(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 7))
    threshold = data.draw(st.integers(count // 2 + 1, count))
    gone = data.draw(st.lists(st.integers(0, 3), max_size=count - threshold))
    stages = data.draw(st.permutations(gone + [3] * (count - len(gone))))  # 3: stays to the end
    lost = tuple([i for i, stage in enumerate(stages) if stage == gone] for gone in range(3))
    values = [residues(i) for i in range(count)]
    found = exchanged(values, threshold, lost).result()
    arrived = [value for value, stage in zip(values, stages, strict=True) if stage >= 2]
    assert np.array_equal(found, RING.signed(RING.total(arrived)))


def test_sums_are_of_signed_integers() -> None:
    extremes = np.array([2**31 - 1, -(2**31), -1] + [0] * 37 + [2**63 - 1, -(2**63), -1, 5])
    zeros = np.zeros_like(extremes)
    found = exchanged([x.view(np.uint64) for x in (extremes, zeros, zeros)], 2).result()
    assert np.array_equal(found, extremes)


def looks_random(data: bytes) -> bool:
    """Chi-square of the 256 values of bytes: below what one random string of a million exceeds."""
    counts = np.bincount(np.frombuffer(data, np.uint8), minlength=256)
    expected = len(data) / 256
    return float(((counts - expected) ** 2 / expected).sum()) < 377.1


def test_a_masked_update_looks_random_alone_and_beside_another() -> None:
    ring = Ring(np.zeros(20_000, bool))
    value = np.arange(20_000, dtype=np.uint64) % 7
    own = members(4, 3)
    sent = [member.mask(ring, value, own) for member in own.values()]
    assert not looks_random(ring.to_bytes(value))
    assert all(map(looks_random, sent))
    for i in range(4):
        for j in range(i):
            assert looks_random(ring.to_bytes(ring.of(sent[i]) - ring.of(sent[j])))
            assert looks_random(ring.to_bytes(ring.of(sent[i]) + ring.of(sent[j])))


def test_an_update_that_arrives_too_late_stays_masked() -> None:
    """The server has the seed of its pairwise masks then, not that of its own mask."""
    ring = Ring(np.zeros(20_000, bool))
    value = np.arange(20_000, dtype=np.uint64) % 7
    own = members(4, 3)
    late, *others = own
    private = own[late].secrets
    keys = {node: pair_key(derive(private.pair, PAIR_KEY), own, late, node) for node in others}
    left = ring.of(own[late].mask(ring, value, own)) - ring.pairwise(late, keys)
    assert looks_random(ring.to_bytes(left))
    unmasked = left - ring.mask(derive(private.own, OWN_KEY))
    assert ring.to_bytes(unmasked) == ring.to_bytes(value)


def pair_key(private: bytes, own: dict[int, Member], node: int, other: int) -> bytes:
    public = own[other].secrets.advert().pair
    return agree(private, public, PAIR, min(node, other), max(node, other))


def test_of_no_client_are_both_seeds_told() -> None:
    asked = exchanged([residues(i) for i in range(4)], 3, ((), (2,), ()))
    lost = list(asked.members)[2]
    for node, member in asked.members.items():
        told = {number: parcels[node] for number, parcels in enumerate(asked.revealed.values(), 1)}
        pair, own = member.secrets.pair, member.secrets.own
        # the members before and after the lost one have the numbers 1, 2 and 4
        seeds = {combine(dict(zip((1, 2, 4), told.values(), strict=True)), 3)}
        assert seeds == {pair if node == lost else own}


def test_wrong_shares_are_noticed() -> None:
    for lost in ((), (3,)):  # seeds of own masks only, and of pairs
        asked = exchanged([residues(i) for i in range(4)], 3, ((), lost, ()))
        first, *_, last = asked.members
        told = asked.revealed[first]
        asked.revealed[first] = {**told, last: bytes([told[last][0] ^ 1]) + told[last][1:]}
        with pytest.raises(MynaError, match=f"node {last}: its shares do not make the seed"):
            asked.result()


def test_too_few_shares_are_noticed() -> None:
    asked = exchanged([residues(i) for i in range(4)], 3)
    asked.revealed.popitem()
    asked.revealed.popitem()
    with pytest.raises(MynaError, match="2 shares make no secret, 3 are needed"):
        asked.result()


def test_a_changed_sealed_share_is_refused_by_who_it_is_for() -> None:
    own = members(3, 2)
    first, second, third = own
    sealed = own[first].share()[second]
    with pytest.raises(MynaError, match="a sealed share was changed"):
        own[second].reveal({first: sealed[:-1] + bytes([sealed[-1] ^ 1])}, own)
    with pytest.raises(MynaError, match="a sealed share was changed"):
        own[third].reveal({first: sealed}, own)  # sealed for another


def test_a_member_takes_no_part_where_its_update_would_not_be_hidden() -> None:
    for count, threshold in ((1, 1), (2, 1), (4, 2), (3, 4)):
        member = next(iter(members(count, threshold).values()))
        with pytest.raises(MynaError, match="hides nothing"):
            member.check()
    own = members(3, 2)
    first, second, third = own
    with pytest.raises(MynaError, match="1 clients are too few"):
        own[first].mask(RING, residues(1), [first])
    with pytest.raises(MynaError, match="are too few"):
        own[first].mask(RING, residues(1), [second, third])  # it is not among them
    with pytest.raises(MynaError, match="are too few"):
        own[first].reveal({}, [first, 5])  # who is 5?


def test_changed_keys_are_refused() -> None:
    own = members(3, 2)
    first, second, _ = own
    swapped = {**own[first].adverts, first: own[second].adverts[second]}
    with pytest.raises(MynaError, match="the server changed this client's keys"):
        replace(own[first], adverts=swapped).check()
    none = replace(own[first].adverts[second], channel=bytes(32), pair=bytes(32))
    other = replace(own[first], adverts={**own[first].adverts, second: none})
    with pytest.raises(MynaError, match="a public key is none"):
        other.share()
    with pytest.raises(MynaError, match="a public key is none"):
        other.mask(RING, residues(1), own)


def test_messages_of_another_size_are_refused() -> None:
    with pytest.raises(MynaError, match="announced 95 bytes, not 96"):
        Advert.of(bytes(95))
    with pytest.raises(MynaError, match="a masked update of 8 bytes, not 192"):
        RING.of(bytes(8))
