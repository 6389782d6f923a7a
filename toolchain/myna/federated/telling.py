# SPDX-License-Identifier: Apache-2.0
"""What clients know of the server's state, and what they are still to be told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from myna.federated.site import Told
from myna.learn import codec
from myna.passes.memory.plan import Program


@dataclass
class Teller:
    """The server's side of all bases.

    What clients know is not quite the server's state: each round they are told of what changed as
    much as the bits allow, and the rest later.

    Attributes:
        program: of server and clients.
        bits: for each trained weight that a round's difference may take.
        base: what a client knows that was told everything.
        differences: by the round that they end; each leads from the base before.
        known: by node, the round whose base it knows.
    """

    program: Program
    bits: float
    base: bytes
    differences: dict[int, bytes] = field(default_factory=dict)
    known: dict[int, int] = field(default_factory=dict)

    def tell(self, node: int, server_round: int) -> Told:
        """What a node must be told before it learns in a round."""
        if node in self.known:
            missed = range(self.known[node] + 1, server_round)
            differences = tuple(self.differences[number] for number in missed)
            if sum(map(len, differences)) < len(self.base):
                return Told(None, differences)
        return Told(self.base)

    def answered(self, node: int, server_round: int) -> None:
        """A node learned in a round, so it knows the base before it."""
        self.known[node] = server_round - 1

    def failed(self, node: int) -> None:
        """A node failed; whatever it knows now, it is told the whole state."""
        self.known.pop(node, None)

    def forget_absent(self, there: Iterable[int]) -> None:
        """Of nodes that are not there nothing is known: they may have lost all when they return."""
        self.known = {node: self.known[node] for node in self.known.keys() & {*there}}

    def advance(self, server_round: int, state: bytes) -> bytes:
        """Go on to the base after a round, as near to the server's state as the bits allow.

        Returns:
            the difference that leads there.
        """
        budget = codec.budget(self.program, self.bits)
        data, _ = codec.encode(self.program, self.base, state, budget)
        difference = codec.decode(self.program, self.base, data)
        self.base = codec.apply(self.program, self.base, difference)
        self.differences[server_round] = data
        return data
