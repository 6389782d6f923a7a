# SPDX-License-Identifier: Apache-2.0
"""What to do without, so that a board learns within so many bytes of RAM, all told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod

from myna.errors import MynaError
from myna.ir import Kind, Node
from myna.ops.layer import Layer
from myna.package.package import Package
from myna.passes.layout import occupied
from myna.passes.macs import UPDATES, macs
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options, compile_model
from myna.passes.training.select import AUTO

# Bytes; a test compares them with linked firmware, and with the stack's measured high water.
FIRMWARE = 3200  # of the runtime, beside what depends on the model
PER_CLIP = 8  # label, flags, place in a list
PER_OUTPUT = 4  # digest of a traced tensor
RECOMPUTED = 256  # digests of what is computed again
BACKWARD = 2048  # digests of a step that trains more than the head
STACK_FORWARD = 4864  # of inference, and of training the head
STACK_BACKWARD = 5376  # of training more
# How many clips are tried to be kept: five words with 5, 3, 2 takes and one.
CLIPS = (25, 15, 10, 5)
CLIP_BYTES = 98304  # of all clips, where no limit was asked for and five take no more
NEW_WORDS = 5  # rows of the output layer beyond the model's own, at least


@dataclass(frozen=True)
class Needs:
    """What a board takes to run a program, in bytes."""

    arena: int
    state: int
    firmware: int
    stack: int
    clip: int

    @classmethod
    def of(cls, program: Program, *, has_front_end: bool) -> Needs:
        """Of a program, on every board at most; `has_front_end`: it makes features of sound."""
        graph, step = program.graph, program.graph.nodes[: program.train_nodes]
        outputs = sum(len(node.outputs) for node in step)
        last = _last_layer(program)
        deep = any(isinstance(n.op, UPDATES) and last.inputs[1] not in n.outputs for n in step)
        return cls(
            occupied(program, has_front_end=has_front_end),
            program.state_bytes,
            FIRMWARE + PER_OUTPUT * outputs,
            STACK_BACKWARD if deep else STACK_FORWARD,
            graph.of_kind(Kind.INPUT)[0].nbytes + PER_CLIP,
        )

    def total(self, clips: int) -> int:
        """All of it, with so many clips."""
        return self.arena + self.state + self.firmware + self.stack + clips * self.clip

    def clips(self, options: Options) -> int:
        """How many clips the RAM asked for holds beside it, of those wanted; negative: too much."""
        assert options.ram is not None
        return min((options.ram - self.total(0)) // self.clip, options.clips)


def _last_layer(program: Program) -> Node:
    """The last one with weights: the head, if the network has one."""
    forward = program.graph.nodes[: program.forward_nodes]
    return next(node for node in reversed(forward) if isinstance(node.op, Layer))


def fit_ram(package: Package, options: Options) -> tuple[Package, Options]:
    """Choose what a program does without until it needs no more than `options.ram`.

    Where that is no matter, only clips of large inputs are fewer than usual.

    First what costs no accuracy: inference by rows, then clips beyond 25. Then residuals of as few
    layers as possible, spare classes, and more clips; at last activations are recomputed. If the
    plan `all` fits in no way, as much of it is trained as does; of `auto` at least the head.

    Raises:
        MynaError: nothing is left to do without.
    """
    if options.ram is None:
        most = max(CLIP_BYTES // (prod(package.model.model.input_shape) + PER_CLIP), CLIPS[-1])
        return package, replace(options, clips=min(options.clips, most))
    asked = replace(options, backup=0)
    if asked.train == AUTO and (chosen := _auto(package, asked, options.ram)):
        return package, chosen
    plans = [asked] if asked.train != AUTO else []
    if asked.train in ("all", AUTO):
        plans.append(replace(asked, train="head"))
    for plan in plans:
        for least in CLIPS:
            for small, choice in _choices(package, plan, least):
                needs = _needs(small, choice)
                if (clips := needs.clips(options)) >= least:
                    return _enlarged(small, replace(choice, clips=clips), asked, least)
        tight = _within(small, choice, options.ram)
        needs = _needs(small, tight)
        if (clips := needs.clips(options)) >= CLIPS[-1]:
            return small, replace(tight, clips=clips)
    less = ", or train less: --train head" if needs.stack > STACK_FORWARD else ""
    raise MynaError(
        f"{options.ram} bytes of RAM do not hold arena {needs.arena}, state {needs.state}, "
        f"{CLIPS[-1]} clips {CLIPS[-1] * needs.clip}, firmware {needs.firmware}, stack "
        f"{needs.stack}",
        where=f"model {package.model.model.name}, training plan {options.train!r}",
        fix=f"allow at least {needs.total(CLIPS[-1])} bytes{less}",
    )


def _choices(package: Package, options: Options, least: int) -> Iterator[tuple[Package, Options]]:
    """Ways to need less, each less welcome than the one before."""
    yield package, options
    rows = replace(options, rows=True)
    yield package, rows
    program = _compile(package, rows)
    assert options.ram is not None
    layers = _narrowed(
        program, Needs.of(program, has_front_end=package.has_front_end).total(least) - options.ram
    )
    if layers:
        yield package, replace(rows, int8_weights=layers)
    few = package.with_rows(len(package.labels) + NEW_WORDS)
    yield few, replace(rows, int8_weights=layers)


def _narrowed(program: Program, excess: int) -> tuple[str, ...]:
    """As few layers as bring so many bytes if their weights keep no residual, or all there are."""
    tensors, last = program.graph.tensors, _last_layer(program)
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


def _enlarged(
    package: Package, found: Options, asked: Options, least: int
) -> tuple[Package, Options]:
    """As much more of what was asked for as contributions say, and memory has room for."""
    if found.train == asked.train or package.contributions is None:
        return package, found
    found_by_rows = replace(found, rows=True)
    head = _needs(package, found_by_rows)
    assert found.ram is not None
    room = found.ram - head.total(least) + head.arena + head.state
    while room >= head.arena + head.state:
        more = replace(found_by_rows, train=f"ram-{room}")
        needs = _needs(package, more)
        if (clips := needs.clips(asked)) >= least:
            return package, replace(more, clips=clips)
        room -= needs.total(least) - found.ram  # more digests and stack than the head's
    return package, found


def _auto(package: Package, asked: Options, ram: int) -> Options | None:
    """The plan auto with arena and state held to what the rest leaves: 25 clips, or fewer.

    None if there is no room beside the head. If the head alone takes too long, compiling says so.
    """
    rows = replace(asked, rows=True)
    head = _compile(package, replace(rows, train="head"))
    if asked.macs and macs(head.graph, head.graph.nodes) > asked.macs:
        return rows
    needs = Needs.of(head, has_front_end=package.has_front_end)
    rest = needs.total(0) - needs.arena - needs.state - needs.stack + STACK_BACKWARD + BACKWARD
    rooms = {clips: ram - rest - clips * needs.clip for clips in CLIPS}
    fitting = [n for n, room in rooms.items() if room >= needs.arena + needs.state]
    return replace(rows, clips=fitting[0], memory=rooms[fitting[0]]) if fitting else None


def _within(package: Package, options: Options, ram: int) -> Options:
    """The same with the fewest clips, and with arena and state held to what the rest leaves."""
    needs = _needs(package, options)
    room = ram - needs.total(CLIPS[-1]) + needs.arena + needs.state - RECOMPUTED
    return replace(options, clips=CLIPS[-1], memory=max(room, 1))


def _needs(package: Package, options: Options) -> Needs:
    """What the program takes that these make."""
    return Needs.of(_compile(package, options), has_front_end=package.has_front_end)


def _compile(package: Package, options: Options) -> Program:
    """The program without its memories, which are in flash."""
    options = replace(options, replay=0)
    return compile_model(
        package.model,
        package.ranges_of(options.ranges),
        options,
        package.knowledge,
        package.contributions,
    )
