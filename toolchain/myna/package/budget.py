# SPDX-License-Identifier: Apache-2.0
"""What to do without, so that a board learns within so many bytes of RAM, all told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import prod
from typing import Any

from myna.errors import MynaError
from myna.ops.layer import Layer
from myna.package.needs import PER_CLIP, PER_OUTPUT, STACK_BACKWARD, STACK_FORWARD, Needs
from myna.package.package import Package
from myna.passes.layout import last_layer
from myna.passes.macs import macs
from myna.passes.memory.plan import ALIGNMENT, Program, with_variations
from myna.passes.pipeline import Compiler, Options, rehearsing
from myna.passes.streaming.stream import stream
from myna.passes.training.select import AUTO

# Bytes; a test compares them with linked firmware.
RECOMPUTED = 256  # digests of what is computed again
BACKWARD = 2048  # digests of a step that trains more than the head
# How many clips are tried to be kept: five words with 5, 3, 2 takes and one.
CLIPS = (25, 15, 10, 5)
VARIATIONS = (8, 4, 2, 0)  # of each clip that are tried to be kept
CLIP_BYTES = 98304  # of all clips, where no limit was asked for and five take no more
NEW_WORDS = 5  # rows of the output layer beyond the model's own, at least


def fit_ram(package: Package, options: Options) -> tuple[Package, Options]:
    """Choose what a program does without until it needs no more than `options.ram`.

    Where that is no matter, only clips of large inputs are fewer than usual.

    Raises:
        MynaError: an option does not fit the model, or nothing is left to do without.
    """
    search = Search(package, options)
    chosen = search.run()
    return search.package(chosen), chosen.options


def compile_package(package: Package, options: Options) -> tuple[Package, Options, Program]:
    """Choose as `fit_ram` does, and compile the choice.

    Raises:
        MynaError: an option does not fit the model, or nothing is left to do without.
    """
    search = Search(package, options)
    chosen = search.run()
    package, program = search.package(chosen), search.program(chosen)
    return package, chosen.options, rehearsing(program, chosen.options, package.knowledge)


@dataclass(frozen=True)
class Candidate:
    """A way to compile a model, of which the output layer has so many rows."""

    options: Options
    output_rows: int

    def but(self, **changes: Any) -> Candidate:
        """The same with other options."""
        return replace(self, options=replace(self.options, **changes))


class Search:
    """Searches the way to compile a model that fits the RAM asked for and gives up least.

    First what costs no accuracy: what was heard, inference by whole maps, then kept variations of
    clips, which save time alone, and clips beyond 25. Then residuals of as few layers as possible,
    spare rows of the output layer, and more clips; at last activations are recomputed. If the plan
    `all` fits in no way, as much of it is trained as does; of `auto` at least the head.

    Each candidate is compiled once, however often it is considered.

    Args:
        package: the model.
        asked: what is asked for.
    """

    def __init__(self, package: Package, asked: Options) -> None:
        self._package, self._asked, self._ram = package, asked, asked.ram or 0
        self._compiler, self._compiled = cache(self._compiler_of), cache(self._compile)

    def run(self) -> Candidate:
        """The candidate to choose.

        Raises:
            MynaError: an option does not fit the model, or no candidate fits.
        """
        asked, rows = self._asked, self._package.rows
        if asked.ram is None:
            clip = prod(self._package.model.model.input_shape) + PER_CLIP
            clips = max(CLIP_BYTES // clip, CLIPS[-1])
            usual = min(asked.clips, clips) if asked.clips <= Options.clips else asked.clips
            return Candidate(replace(asked, clips=usual, heard=self._heard), rows)
        first = Candidate(replace(asked, backup=0, heard=0), rows)
        if asked.train == AUTO and (chosen := self._auto(first.but(variations=0))):
            return chosen
        plans = [first] if asked.train != AUTO else []
        if asked.train in ("all", AUTO):
            plans.append(first.but(train="head"))
        for plan in plans:
            for least in CLIPS:
                for candidate in self._candidates(plan, least):
                    if self._clips(candidate) >= least:
                        return self._filled(self._trained_more(candidate, least))
            tight = self._recomputing(candidate)
            if self._clips(tight) >= CLIPS[-1]:
                return self._filled(tight)
        raise self._refusal(self._needs(tight))

    def package(self, candidate: Candidate) -> Package:
        """The model that a candidate compiles."""
        return self._package.with_rows(candidate.output_rows)

    def program(self, candidate: Candidate) -> Program:
        """The program of a candidate without its memories, which are in flash."""
        program = self._compiled(candidate.but(clips=0, variations=0, heard=0))  # whatever they are
        most = candidate.options.variations
        return with_variations(program, most if self._package.has_front_end else min(most, 1))

    def _compiler_of(self, output_rows: int) -> Compiler:
        package, asked = self._package.with_rows(output_rows), self._asked
        knowledge, contributions = package.knowledge, package.contributions
        ranges = package.ranges_of(asked.ranges)
        # within a limit, words come before the voice that says them
        projection = package.projection if asked.ram is None else None
        parts = package.model, ranges, asked, knowledge, contributions, projection
        return Compiler(*parts, package.code)

    def _compile(self, candidate: Candidate) -> Program:
        return self._compiler(candidate.output_rows).compile(candidate.options)

    @property
    def _heard(self) -> int:
        return self._asked.heard if self._package.has_front_end else 0

    def _needs(self, candidate: Candidate) -> Needs:
        program = self.program(candidate)
        streams = stream(program.graph) if candidate.options.streaming else None
        return Needs.of(program, has_front_end=self._package.has_front_end, streaming=streams)

    def _clips(self, candidate: Candidate) -> int:
        """How many clips the RAM holds beside a candidate; negative: it does not hold even that."""
        return self._needs(candidate).clips(self._asked)

    def _filled(self, candidate: Candidate) -> Candidate:
        """The same with what was heard, if 25 clips fit beside it, and as many clips as fit."""
        needs, asked = self._needs(candidate), self._asked
        beside = needs.clips(asked, self._heard)
        if beside >= min(CLIPS[0], asked.clips):
            return candidate.but(clips=beside, heard=self._heard)
        return candidate.but(clips=needs.clips(asked))

    def _candidates(self, plan: Candidate, least: int) -> Iterator[Candidate]:
        """Ways to need less, each less welcome than the one before."""
        yield plan
        for count in VARIATIONS:
            by_rows = plan.but(rows=True, variations=count)
            yield by_rows
        excess = self._needs(by_rows).total(least) - self._ram
        for slack in (0, ALIGNMENT):  # where tensors are aligned, a layer may bring that much less
            layers = _int8_layers(self.program(by_rows), excess + slack)
            small = by_rows.but(int8_weights=layers)
            if layers:
                yield small
        few = len(self._package.labels) + NEW_WORDS
        yield replace(small, output_rows=min(few, self._package.rows))

    def _trained_more(self, found: Candidate, least: int) -> Candidate:
        """As much more of what was asked for as contributions say, and memory has room for."""
        if found.options.train == self._asked.train or self._package.contributions is None:
            return found
        fresh = found.but(rows=True, variations=0)
        head = self._needs(fresh)
        room = self._ram - head.total(least) + head.arena + head.state
        while room >= head.arena + head.state:
            more = fresh.but(train=f"ram-{room}")
            needs = self._needs(more)
            if needs.clips(self._asked) >= least:
                return more if needs.state > head.state else found
            room -= needs.total(least) - self._ram  # more digests and stack than the head's
        return found

    def _auto(self, first: Candidate) -> Candidate | None:
        """The plan auto with arena and state held to what the rest leaves: 25 clips, or fewer.

        None if there is no room beside the head. If the head alone takes too long, compiling says
        so.
        """
        by_rows = first.but(rows=True)
        head = by_rows.but(train="head")
        graph, limit = self.program(head).graph, self._asked.macs
        if limit and macs(graph, graph.nodes) > limit:
            return by_rows
        needs = self._needs(head)
        rest = needs.total(0) - needs.arena - needs.state - needs.stack + STACK_BACKWARD + BACKWARD
        for clips in CLIPS:
            room = self._ram - rest - clips * needs.clip
            if room >= needs.arena + needs.state:
                return by_rows.but(clips=clips, memory=room)
        return None

    def _recomputing(self, candidate: Candidate) -> Candidate:
        """The same with arena and state held to what the rest and the fewest clips leave."""
        needs = self._needs(candidate)
        room = self._ram - needs.total(CLIPS[-1]) + needs.arena + needs.state - RECOMPUTED
        return candidate.but(memory=max(room, 1))

    def _refusal(self, needs: Needs) -> MynaError:
        less = ", or train less: --train head" if needs.stack > STACK_FORWARD else ""
        return MynaError(
            f"{self._ram} bytes of RAM do not hold arena {needs.arena}, state {needs.state}, "
            f"{CLIPS[-1]} clips {CLIPS[-1] * needs.clip}, firmware {needs.firmware}, stack "
            f"{needs.stack}",
            where=f"model {self._package.model.model.name}, training plan {self._asked.train!r}",
            fix=f"allow at least {needs.total(CLIPS[-1])} bytes{less}",
        )


def _int8_layers(program: Program, excess: int) -> tuple[str, ...]:
    """As few layers as bring so many bytes if their weights keep no residual, or all there are."""
    tensors, last = program.graph.tensors, last_layer(program)
    weights = [
        tensors[node.inputs[1]]
        for node in program.graph.nodes[: program.forward_nodes]
        if isinstance(node.op, Layer) and node is not last
    ]
    trained = [w for w in weights if f"{w.name}.residual" in tensors]
    chosen: list[str] = []
    for weight in sorted(trained, key=lambda w: -w.size):
        if excess <= 0:
            break
        # the first and largest one's plane is kept, for all of them
        excess -= weight.size * bool(chosen) - 2 * PER_OUTPUT
        chosen.append(weight.name.removesuffix(".w"))
    return tuple(chosen)
