# SPDX-License-Identifier: Apache-2.0
"""The whole compiler on one screen, in order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from math import inf

from myna.errors import MynaError
from myna.ir import Array, Graph
from myna.passes.check import check
from myna.passes.lowering.lower import lower
from myna.passes.lowering.quantize import QuantizedModel
from myna.passes.macs import macs
from myna.passes.memory.optimal_schedule import optimal_schedule
from myna.passes.memory.plan import Program, plan, with_memories, with_variations
from myna.passes.memory.rematerialize import fit_memory, rematerialize
from myna.passes.memory.reversible import coupling_count, reversible
from myna.passes.memory.rowwise import rowwise
from myna.passes.training.accept import accept
from myna.passes.training.autodiff import autodiff
from myna.passes.training.hindsight import RangeMode, hindsight
from myna.passes.training.imprint import Prior, has_head, imprint, learning_rates
from myna.passes.training.int8_weights import share_residual
from myna.passes.training.knapsack import Demand
from myna.passes.training.learning_rates import cautious_rates
from myna.passes.training.owner import Projection, owner
from myna.passes.training.replay import Memories
from myna.passes.training.select import AUTO, ROOM, Contributions, choose, select
from myna.passes.training.user import with_code


@dataclass(frozen=True)
class Options:
    """What a user may choose about the training step.

    Attributes:
        train: which tensors to train, see ``passes.training.select``.
        ranges: how gradient scales are found.
        store_all: keep every activation instead of inverting reversible blocks.
        smoothing, headroom: of in-hindsight ranges.
        rate: initial learning rate, in inverse mean squared lengths of an embedding; of a network
            that has none, see `passes.training.learning_rates`.
        body_rate: factor of the learning rate for all layers but the last.
        replay: bytes of flash for examples of what was known, to be rehearsed; none are if they do
            not hold one of each class.
        int8_weights: layers whose trained weights keep no residual: one byte each instead of two.
        rows: compute what is not trained row by row, in less memory; not beside streaming, whose
            layers are the network's own.
        streaming: infer on sound as it comes, too; it takes memory of its own.
        clips: how many enrollment clips the device keeps.
        variations: how many variations of each clip the device learns from, where it keeps what
            the frozen part makes of them; 0 to vary a clip anew at each step.
        heard: of how many sounds that it took for words the device keeps features, so that the user
            can say what they were; none of a model without a front end.
        backup: bytes of RAM for copies of the state, see `state_copies`.
        ram: bytes of RAM to learn within, all told; `package.budget` chooses the rest accordingly.
        memory: bytes of it for arena and state: activations are stored, inverted or recomputed
            accordingly. By default reversible blocks are inverted, and nothing is recomputed.
        macs: multiply-accumulates that a step of the training plan auto may take.
    """

    train: str = "all"
    ranges: RangeMode = RangeMode.RELATIVE
    store_all: bool = False
    smoothing: float = 0.9
    headroom: float = 2.0
    rate: float = 1.0
    body_rate: float = 0.0001
    replay: int = 1 << 17
    int8_weights: tuple[str, ...] = ()
    rows: bool = False
    streaming: bool = False
    clips: int = 48
    variations: int = 8
    heard: int = 4
    backup: int = 16384
    ram: int | None = None
    memory: int | None = None
    macs: int | None = None

    def to_json(self) -> str:
        """What differs from the defaults, as a JSON text."""
        names = [field.name for field in fields(self)]
        given = {name: getattr(self, name) for name in names}
        return json.dumps({n: value for n, value in given.items() if value != getattr(Options, n)})

    @classmethod
    def from_json(cls, text: str, where: str) -> Options:
        """What `to_json` said.

        Raises:
            MynaError: `where`, there is an option that this version does not know.
        """
        try:
            given = json.loads(text)
            ranges = RangeMode(given.pop("ranges", cls.ranges))
            narrow = tuple(given.pop("int8_weights", ()))
            options = cls(ranges=ranges, int8_weights=narrow, **given)
        except (ValueError, TypeError, AttributeError) as error:
            raise _unknown(where) from error
        for name in given:
            kind, usual = type(getattr(options, name)), type(getattr(cls, name))
            if kind is not (int if getattr(cls, name) is None else usual):
                raise _unknown(where)
        return options

    def command_line(self) -> str:
        """The options of a command that builds with these choices."""
        given = [f"--train {self.train}"]
        given += [f"--ranges {self.ranges.value}"] if self.ranges != Options.ranges else []
        given += ["--store-all"] if self.store_all else []
        given += ["--streaming"] if self.streaming else []
        given += [f"--ram {self.ram}"] if self.ram else []
        given += [f"--time {self.macs}"] if self.macs else []
        return " ".join(given)

    @property
    def arithmetic(self) -> tuple[object, ...]:
        """What changes the numbers of a step, whatever is trained and however it is placed."""
        return self.ranges, self.smoothing, self.headroom, self.rate, self.body_rate


def state_copies(state: int, backup: int) -> int:
    """How many copies of a state a board keeps in RAM, 0 … 2.

    With one ADAPT needs no storage to put the state back; with two, host and board may tell each
    other differences: the base, and what was not sent (`learn.base`).

    Args:
        state: bytes of the state block.
        backup: bytes that copies may take.
    """
    return min(backup // state, 2)


def _unknown(where: str) -> MynaError:
    return MynaError(
        "was built with options that this version does not know",
        where=where,
        fix="use firmware of this version, and states that were saved from it",
    )


@dataclass(frozen=True)
class Knowledge:
    """What a model knew: how trained classes look, and examples of them to rehearse."""

    prior: Prior
    memories: Memories


def compile_model(
    model: QuantizedModel,
    gradient_ranges: Mapping[str, float],
    options: Options,
    knowledge: Knowledge | None = None,
    contributions: Contributions | None = None,
    projection: Projection | None = None,
    code: Array | None = None,
) -> Program:
    """Quantized model -> training program.

    Args:
        model: result of ``quantize``.
        gradient_ranges: first range of every gradient, from ``hindsight.calibrate``.
        options: the user's choices.
        knowledge: without it the program can neither imprint, rehearse nor tell foreign words, and
            all layers learn at one rate.
        contributions: of the layers, where the plan of what to train asks for them.
        projection: without it, or without knowledge, the program cannot tell its owner's voice.
        code: int8 [bits, outputs] of which codewords are drawn; without it there is but one.

    Raises:
        MynaError: an option does not fit the model.
    """
    compiler = Compiler(model, gradient_ranges, options, knowledge, contributions, projection, code)
    program = with_variations(compiler.compile(options), options.variations)
    return rehearsing(program, options, knowledge)


def rehearsing(program: Program, options: Options, knowledge: Knowledge | None) -> Program:
    """The same program with examples of what its model knew, if it knew anything."""
    if knowledge is None:
        return program
    varied = options.train == ROOM
    return with_memories(program, knowledge.memories, options.replay, varied=varied)


class Compiler:
    """Compiles a model in several ways, and does once what these have in common.

    Args:
        model, gradient_ranges, knowledge, contributions, projection, code: as of `compile_model`.
        options: those of all programs have the same arithmetic.
    """

    def __init__(
        self,
        model: QuantizedModel,
        gradient_ranges: Mapping[str, float],
        options: Options,
        knowledge: Knowledge | None = None,
        contributions: Contributions | None = None,
        projection: Projection | None = None,
        code: Array | None = None,
    ) -> None:
        self._arithmetic = options.arithmetic
        self._knowledge, self._contributions = knowledge, contributions
        self._projection, self._code = projection if knowledge else None, code
        graph = training_graph(model, options.rate, options, knowledge)
        self._graph = check(
            hindsight(graph, gradient_ranges, options.ranges, options.smoothing, options.headroom)
        )
        self._inverted = cache(lambda count: check(reversible(self._graph, count)))
        self._form = cache(self._formed)
        self._demand = cache(self._demanded)

    def compile(self, options: Options) -> Program:
        """The program that these options ask for, which rehearses nothing yet.

        Raises:
            MynaError: an option does not fit the model.
        """
        assert options.arithmetic == self._arithmetic
        most = 0 if options.store_all else coupling_count(self._graph)
        rows = options.rows and not options.streaming
        limit = Demand(options.memory or inf, options.macs or inf)
        budget = options.memory if options.train == AUTO else None

        def measure(tensors: Sequence[str]) -> Demand:
            return self._demand(",".join(tensors), most, rows, budget)

        chosen = choose(self._graph, options.train, self._contributions, measure, limit)
        trained, narrow = ",".join(chosen), options.int8_weights
        if options.memory is None:
            step = self._form(trained, most, rows, narrow)
        else:
            counts = range(most + 1)
            forms = (self._form(trained, count, rows, narrow) for count in counts)
            step = fit_memory(forms, options.memory)
        return self._placed(optimal_schedule(step))

    def _placed(self, step: Graph) -> Program:
        """The program of a step whose order is decided, with what runs on request alone."""
        step = owner(step, self._projection) if self._projection else step
        return plan(check(step if self._code is None else with_code(step, self._code)))

    def _formed(
        self, trained: str, inverted: int, rows: bool, int8_weights: tuple[str, ...] = ()
    ) -> Graph:
        """The step that trains some tensors, with so many couplings inverted."""
        step = check(select(self._inverted(inverted), trained))
        step = check(share_residual(step, int8_weights))
        if self._knowledge is not None:
            step = check(accept(check(imprint(step, self._knowledge.prior))))
        return check(rowwise(step)) if rows else step

    def _demanded(self, trained: str, inverted: int, rows: bool, memory: int | None) -> Demand:
        """What the step takes that trains some tensors, made to fit if memory is limited."""
        step = self._form(trained, inverted, rows)
        if memory is not None:
            step = rematerialize(step, memory)
        return Demand(self._placed(step).ram_bytes, macs(step, step.nodes))


def training_graph(
    model: QuantizedModel,
    rate: float,
    options: Options | None = None,
    knowledge: Knowledge | None = None,
) -> Graph:
    """Quantized model -> training step with dynamic ranges, all weights trained."""
    graph, rates = check(lower(model)), {}
    loss, classes = model.model.loss, len(model.model.labels)
    if knowledge and options:
        rates = learning_rates(graph, knowledge.prior, options.body_rate)
    elif not (classes and has_head(graph)):
        rates = cautious_rates(graph, loss)
    return check(autodiff(graph, loss, classes, rate, rates))
