# SPDX-License-Identifier: Apache-2.0
"""The set of layers that brings most within budgets of memory and work.

How deep gradients must reach decides the arena; each layer then adds its state and the work of its
weight gradient. For every depth this is a knapsack with two limits, solved exactly by keeping the
sets that no other set beats. Set by set, what a step really takes is then measured, best first.

That is exact as long as the arena depends on the deepest layer alone. Where another layer adds to
it, the room is narrowed by what was too much: what is found fits, but a better set may be passed
over.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Demand:
    """What a training step takes: bytes of arena and state, and multiply-accumulates."""

    ram: float
    macs: float

    def fits(self, limit: Demand) -> bool:
        """Whether both are within the limits."""
        return self.ram <= limit.ram and self.macs <= limit.macs

    def plus(self, other: Demand) -> Demand:
        """Both together."""
        return Demand(self.ram + other.ram, self.macs + other.macs)

    def minus(self, other: Demand) -> Demand:
        """What is left of this."""
        return Demand(self.ram - other.ram, self.macs - other.macs)


@dataclass(frozen=True)
class Layer:
    """A layer that may be trained: its gain, and its demand where gradients pass it anyway."""

    name: str
    gain: float
    demand: Demand


def best_set(
    layers: Sequence[Layer], measure: Callable[[frozenset[str]], Demand], limit: Demand
) -> frozenset[str]:
    """The affordable set with the largest sum of gains; empty if no layer can be afforded.

    The largest provided that a set takes what its deepest layer takes, and of each other layer its
    demand; if it takes more, the set still fits, but another one may bring more.

    Args:
        layers: those that bring something, in forward order.
        measure: what a step takes that trains these layers and the head.
        limit: what it may take.
    """
    waiting: list[tuple[float, int, frozenset[str], Demand]] = []

    def consider(depth: int, room: Demand) -> None:
        """Queue the best set with this deepest layer, if the others have so much room."""
        if room.ram < 0 or room.macs < 0:
            return
        chosen = _knapsack(layers[depth + 1 :], room) | {layers[depth].name}
        gain = sum(layer.gain for layer in layers if layer.name in chosen)
        heapq.heappush(waiting, (-gain, depth, chosen, room))

    for depth, layer in enumerate(layers):
        consider(depth, limit.minus(measure(frozenset({layer.name}))))
    while waiting:
        _, depth, chosen, room = heapq.heappop(waiting)
        if (taken := measure(chosen)).fits(limit):
            return chosen
        more = Demand(max(0.0, taken.ram - limit.ram), max(0.0, taken.macs - limit.macs))
        consider(depth, room.minus(more))
    return frozenset()


def _knapsack(layers: Sequence[Layer], room: Demand) -> frozenset[str]:
    """The layers that bring most in so much room."""
    found: dict[Demand, tuple[float, frozenset[str]]] = {Demand(0, 0): (0.0, frozenset())}
    for layer in layers:
        added = {
            taken: (gain + layer.gain, names | {layer.name})
            for before, (gain, names) in found.items()
            if (taken := before.plus(layer.demand)).fits(room)
        }
        for taken, (gain, names) in added.items():
            if taken not in found or gain > found[taken][0]:
                found[taken] = (gain, names)
        found = _unbeaten(found)
    return max(found.values(), key=lambda entry: entry[0])[1]


def _unbeaten(
    found: Mapping[Demand, tuple[float, frozenset[str]]],
) -> dict[Demand, tuple[float, frozenset[str]]]:
    """The sets that take less, or bring more, than each other set."""
    kept: dict[Demand, tuple[float, frozenset[str]]] = {}
    for taken, entry in sorted(found.items(), key=lambda item: (-item[1][0], item[0].ram)):
        if not any(other.fits(taken) for other in kept):
            kept[taken] = entry
    return kept
