# SPDX-License-Identifier: Apache-2.0
"""Other ways to update weights, for comparison only: no firmware has them.

Each is a core that differs from the product's in one respect. Of the masters, only weights are
concerned: biases keep the product's rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from myna.engines.library import HostLibrary, compile_library
from myna.engines.reference import Reference
from myna.evaluation.engine import CoreEngine, Engine, EngineSpec, PredictingCore
from myna.fixed import IntArray
from myna.ir import Array, Tensor
from myna.ops.base import Op, Type
from myna.ops.depthwise import DepthwiseUpdate
from myna.ops.sgd import UpdateInputs, update_weight
from myna.passes.macs import UPDATES
from myna.passes.memory.plan import Program
from myna.project import Project, open_project

HALF = 1 << 15
LSB = 256  # master steps in one step of the int8 weight
Masters = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NearestUpdate(Op):
    """A weight update that rounds to the nearest master step."""

    original: Op

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return self.original.infer(*inputs)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, dy, *shared, w, residual = inputs
        accumulator: IntArray = self.original.accumulate(x, dy)  # type: ignore[attr-defined]
        axis = 2 if isinstance(self.original, DepthwiseUpdate) else 0
        exact = UpdateInputs(*shared).exact(accumulator, axis)
        return update_weight(w, residual, (exact + HALF) >> 16)


def nearest(program: Program) -> Program:
    """The program with `NearestUpdate` in place of every weight update; NumPy only."""
    nodes = tuple(
        replace(node, op=NearestUpdate(node.op)) if isinstance(node.op, UPDATES) else node
        for node in program.graph.nodes
    )
    return replace(program, graph=replace(program.graph, nodes=nodes))


class WithoutImprint(HostLibrary):
    """Starts a new class with a row of zeros."""

    def imprint(self, label: int, total: Array, shots: int, halvings: int = 0) -> None:
        """Leaves the row as it is."""


class Rule(Protocol):
    """What a training step does to the masters of all trained weights."""

    def __call__(self, masters: Masters, step: Masters) -> Masters:
        """The integer steps to take in place of the product's, from the masters before it."""


class EightBit:
    """Keeps the int8 weights alone: a step that is no multiple of 256 is rounded to one."""

    def __init__(self, *, stochastic: bool) -> None:
        self._stochastic, self._random = stochastic, np.random.default_rng(0)

    def __call__(self, masters: Masters, step: Masters) -> Masters:
        """See `Rule`."""
        noise = self._random.random(step.size) if self._stochastic else 0.5
        weights = np.floor((masters + step) / LSB + noise).clip(-127, 127)
        return weights * LSB - masters


class Momentum:
    """Averages steps: the sum of all is the same as without, in the long run."""

    def __init__(self, share: float) -> None:
        self._share, self._velocity = share, np.zeros(1)
        self._random = np.random.default_rng(0)

    def __call__(self, masters: Masters, step: Masters) -> Masters:
        """See `Rule`."""
        self._velocity = self._share * self._velocity + (1 - self._share) * step
        return np.floor(self._velocity + self._random.random(step.size))


class Batch:
    """Gathers the steps of several examples, taken at the same weights, and takes them at once."""

    def __init__(self, size: int) -> None:
        self._size, self._seen, self._sum = size, 0, np.zeros(1)

    def __call__(self, masters: Masters, step: Masters) -> Masters:
        """See `Rule`."""
        self._seen, self._sum = self._seen + 1, self._sum + step
        if self._seen % self._size:
            return np.zeros_like(step)
        taken, self._sum = self._sum, np.zeros(1)
        return taken


class Falling:
    """Lets the learning rate fall as 1 / (1 + steps / `span`)."""

    def __init__(self, span: float) -> None:
        self._span, self._seen = span, 0
        self._random = np.random.default_rng(0)

    def __call__(self, masters: Masters, step: Masters) -> Masters:
        """See `Rule`."""
        share = 1 / (1 + self._seen / self._span)
        self._seen += 1
        return np.floor(share * step + self._random.random(step.size))


class AlteredSteps(HostLibrary):
    """The C core with another rule for the weights of a training step."""

    def __init__(self, program: Program, library: Path, rule: Callable[[], Rule]) -> None:
        self._make_rule = rule
        super().__init__(program, library)

    def reset(self) -> None:
        """Back to the initial state, of the rule, too."""
        super().reset()
        self._rule = self._make_rule()

    def train_step(self, features: Array, label: int) -> int:
        """See `HostLibrary`."""
        before = self._planes()
        loss = super().train_step(features, label)
        self._alter(before)
        return loss

    def train_latent(self, latent: Array, label: int) -> int:
        """See `HostLibrary`."""
        before = self._planes()
        loss = super().train_latent(latent, label)
        self._alter(before)
        return loss

    def _alter(self, before: Array) -> None:
        masters, after = (LSB * p[0].astype(float) + p[1] for p in (before, self._planes()))
        steps = self._rule(masters, after - masters).astype(np.int64)
        weight, residual = before
        planes = update_weight(weight, residual, -steps)
        self._state[self._places()] = np.array(planes, np.int8).view(np.uint8)

    def _planes(self) -> Array:
        """Copies of weights and residuals, int8 [2, n]."""
        return self._state[self._places()].view(np.int8)

    @cache  # noqa: B019  one instance for each process
    def _places(self) -> npt.NDArray[np.int64]:
        """Where weights and residuals are in the state block, [2, n]."""
        state, tensors = self.program.state, self.program.graph.tensors
        trained = [name for name in state if f"{name}.residual" in state]
        return np.concatenate(
            [
                np.add.outer(
                    [state[name], state[f"{name}.residual"]], np.arange(tensors[name].size)
                )
                for name in trained
            ],
            axis=1,
        )


def _altered(rule: Callable[[], Rule]) -> Callable[[Project], PredictingCore]:
    return lambda project: AlteredSteps(project.program, compile_library(project.generated), rule)


def _distilling(project: Project) -> PredictingCore:
    from myna.evaluation.float_baseline import DistillingCore  # noqa: PLC0415  imports TensorFlow

    return DistillingCore(project)


CORES: Mapping[str, Callable[[Project], PredictingCore]] = {
    "nearest": lambda project: Reference(nearest(project.program)),
    "no imprint": lambda project: WithoutImprint(
        project.program, compile_library(project.generated)
    ),
    "8 bits": _altered(lambda: EightBit(stochastic=True)),
    "8 bits, nearest": _altered(lambda: EightBit(stochastic=False)),
    "distilling": _distilling,
    "momentum": _altered(lambda: Momentum(0.9)),
    "batch": _altered(lambda: Batch(8)),
    "falling": _altered(lambda: Falling(40)),
}


@dataclass(frozen=True)
class SimulatedSpec(EngineSpec):
    """An engine with one of `CORES`."""

    core: str = ""

    @contextmanager
    def open(self) -> Iterator[Engine]:
        """See `EngineSpec`."""
        project = open_project(self.model, self.options)
        yield CoreEngine(CORES[self.core](project), project.package)
