# SPDX-License-Identifier: Apache-2.0
"""The steps of a secure sum, at a client and at the server; SPEC.md, 18.

Bonawitz et al., "Practical Secure Aggregation for Privacy-Preserving Machine Learning", 2017,
against a server that follows the protocol (semi-honest): each client adds a mask of its own, and
one for each pair of clients that cancels in the sum. Seeds are shared among all, so that the
masks of clients that are lost can be removed: of each client either the seed of its own mask is
told or that of its pairwise ones, never both, so an update that arrives too late stays masked.

Clients are known by the numbers of their nodes. What travels from or to whom is a `Parcels`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from myna.federated.secure.errors import SecureSumError
from myna.federated.secure.keys import (
    OWN_KEY,
    PAIR,
    PAIR_KEY,
    SEAL,
    Advert,
    Secrets,
    agree,
    commit,
    derive,
    public,
    seal,
    unseal,
)
from myna.federated.secure.masks import Residues, Ring
from myna.federated.secure.shares import SHARE, combine, split

Parcels = Mapping[int, bytes]  # by node


@dataclass(frozen=True)
class Member:
    """A client within a round.

    Attributes:
        node: its number.
        secrets: its own.
        adverts: of all who take part, itself among them.
        threshold: how many must stay.
    """

    node: int
    secrets: Secrets
    adverts: Mapping[int, Advert]
    threshold: int

    def check(self) -> None:
        """Raise SecureSumError where taking part would not hide this client's update."""
        count, own = len(self.adverts), self.adverts.get(self.node)
        if not max(1, count // 2) < self.threshold <= count:
            raise SecureSumError(
                f"a threshold of {self.threshold} of {count} clients hides nothing",
                where=f"node {self.node}",
            )
        if own != self.secrets.advert():
            raise SecureSumError("the server changed this client's keys", where=f"node {self.node}")

    def share(self) -> Parcels:
        """Both seeds' shares, sealed for each client."""
        count = len(self.adverts)
        pairs = split(self.secrets.pair, self.threshold, count)
        owns = split(self.secrets.own, self.threshold, count)
        return {
            node: seal(self._channel(node, self.node, node), pair + own)
            for node, pair, own in zip(sorted(self.adverts), pairs, owns, strict=True)
        }

    def mask(self, ring: Ring, values: Residues, partners: Collection[int]) -> bytes:
        """The values under all masks.

        Args:
            ring: of the values.
            values: uint64 [elements].
            partners: clients whose shares the server has.

        Raises:
            SecureSumError: they are too few.
        """
        self._enough(partners)
        private = derive(self.secrets.pair, PAIR_KEY)
        keys = {
            node: _pair(private, self.adverts[node].pair, self.node, node)
            for node in partners
            if node != self.node
        }
        own = ring.mask(derive(self.secrets.own, OWN_KEY))
        return ring.to_bytes(values + own + ring.pairwise(self.node, keys))

    def reveal(self, sealed: Parcels, survivors: Collection[int]) -> Parcels:
        """Of each client one share: of its own mask's seed if it survived, else of its pairs'.

        Args:
            sealed: shares for this client.
            survivors: clients whose masked updates arrived.

        Raises:
            SecureSumError: survivors are too few, or a share was changed.
        """
        self._enough(survivors)
        opened = {
            node: unseal(self._channel(node, node, self.node), data)
            for node, data in sealed.items()
        }
        return {
            node: both[SHARE:] if node in survivors else both[:SHARE]
            for node, both in opened.items()
        }

    def _channel(self, other: int, sender: int, receiver: int) -> bytes:
        return agree(self.secrets.channel, self.adverts[other].channel, SEAL, sender, receiver)

    def _enough(self, nodes: Collection[int]) -> None:
        known = len({*nodes} & self.adverts.keys())
        if known < self.threshold or known != len(nodes) or self.node not in nodes:
            raise SecureSumError(
                f"{known} clients are too few to hide this one, {self.threshold} are needed",
                where=f"node {self.node}",
            )


def unmask(
    ring: Ring,
    adverts: Mapping[int, Advert],
    partners: Collection[int],
    masked: Parcels,
    revealed: Mapping[int, Parcels],
    threshold: int,
) -> Residues:
    """The sum of the updates that arrived, without masks: the server's last step.

    Args:
        ring: of the values.
        adverts: of all who took part.
        partners: clients whose shares the server has.
        masked: updates that arrived.
        revealed: by client who told them, shares by the client whose seeds they are.
        threshold: shares that make a seed.

    Returns:
        uint64 [elements].

    Raises:
        SecureSumError: shares do not make the seed that a client announced.
    """
    total = ring.total(ring.of(data) for data in masked.values())
    numbers = {node: number for number, node in enumerate(sorted(adverts), 1)}
    for node in partners:
        shares = {numbers[teller]: told[node] for teller, told in revealed.items() if node in told}
        seed = combine(shares, threshold)
        if node in masked:
            _check(commit(seed) == adverts[node].own, node)
            total -= ring.mask(derive(seed, OWN_KEY))
        else:
            private = derive(seed, PAIR_KEY)
            _check(public(private) == adverts[node].pair, node)
            keys = {other: _pair(private, adverts[other].pair, node, other) for other in masked}
            total += ring.pairwise(node, keys)
    return total


def _pair(private: bytes, other: bytes, node: int, partner: int) -> bytes:
    return agree(private, other, PAIR, min(node, partner), max(node, partner))


def _check(fits: bool, node: int) -> None:
    if not fits:
        raise SecureSumError(
            "its shares do not make the seed that it announced", where=f"node {node}"
        )
