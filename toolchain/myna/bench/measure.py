# SPDX-License-Identifier: Apache-2.0
"""Everything that `myna bench` measures of a model on an emulated board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from myna.bench.cases import cases
from myna.bench.count import (
    NOTHING,
    Count,
    Enrollment,
    Listening,
    Update,
    compiler,
    count_enrollment,
    count_listening,
    count_steps,
    count_update,
    total,
)
from myna.bench.program import PREFIX, with_cases
from myna.codegen import generate
from myna.codegen.emit import Labels
from myna.device.pio import compile_flags
from myna.device.target import find_board
from myna.errors import MynaError
from myna.evaluation import speech
from myna.evaluation.verified_enrollment import featurize
from myna.ir import Graph, Kind, Node
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe
from myna.names import RESIDUAL
from myna.package.calibration import load_calibration
from myna.passes.macs import macs
from myna.passes.memory.plan import plan
from myna.passes.pipeline import Options, state_copies
from myna.project import BUILD, Project, open_project
from myna.sessions.footprint import Footprint, measure

# Functions that find, keep and apply the ranges of gradients (kernels/pairs.h, kernels/ranges.c).
TRACKING = ("gradient_narrow", "myna_hindsight_scale", "myna_range_update")
HELIUM = "cortex-m55"
SHOTS = 5
SEED = 1


@dataclass(frozen=True)
class Kernel:
    """What one node executed.

    Attributes:
        name: of the node.
        shape: of its first output.
        macs: multiply-accumulates; 0 where there are none worth counting.
        count: instructions and bytes.
    """

    name: str
    shape: tuple[int, ...]
    macs: int
    count: Count

    def to_json(self) -> dict[str, Any]:
        """The fields of the result."""
        work = {"instructions_per_mac": self.count.instructions / self.macs} if self.macs else {}
        return {
            "name": self.name,
            "shape": list(self.shape),
            "macs": self.macs,
            **work,
            **_counted(self.count),
        }


@dataclass(frozen=True)
class Bench:
    """Counts of a model on a board.

    Attributes:
        project: the model as compiled.
        board: where it ran.
        kernels: the shapes of `bench.cases`, one by one.
        infer, train_step: node by node.
        features: of one second of sound; nothing if the model hears none.
        listening: to sound as it comes; None if the model hears none, or cannot infer so.
        functions: instructions of the counted run by function, see `bench.profile`.
        enroll: of five synthetic words with five takes each; None if left out.
        update: encoded, and a difference applied; None if the board has no room for the base.
        footprint: RAM and flash, measured on the running board.
    """

    project: Project
    board: str
    kernels: tuple[Kernel, ...]
    infer: tuple[Kernel, ...]
    train_step: tuple[Kernel, ...]
    features: Count
    listening: Listening | None
    functions: Mapping[str, int]
    enroll: Enrollment | None
    update: Update | None
    footprint: Footprint

    def to_json(self) -> dict[str, Any]:
        """The result, as `--json` writes it."""
        program, memory = self.project.program, self.footprint
        constants = sum(t.nbytes for t in program.graph.of_kind(Kind.CONST))
        weights = constants + program.state_bytes + program.replay.latents.nbytes
        return {
            "model": str(self.project.folder),
            "board": self.board,
            "train": self.project.options.train,
            "compiler": compiler(self.board),
            "flags": compile_flags(self.board),
            "kernels": [kernel.to_json() for kernel in self.kernels],
            "inference": _sum(self.infer),
            "train_step": _sum(self.train_step),
            "enroll": asdict(self.enroll) if self.enroll else None,
            "update": self._update(),
            "features_1s": _counted(self.features) if self.features != NOTHING else None,
            "listening": asdict(self.listening) if self.listening else None,
            "range_tracking": self._tracking(),
            "ram": {
                "arena": memory.arena,
                "arena_lower_bound": program.arena_lower_bound,
                "weights": _weight_planes(program.graph),
                "state": memory.state,
                "buffers": memory.clips + memory.other,
                "stack": memory.stack,
                "total": memory.ram,
            },
            "flash": {
                "code": memory.flash - weights,
                "weights": weights,
                "total": memory.flash,
            },
        }

    def _update(self) -> dict[str, Any] | None:
        if self.update is None:
            return None
        return {"encode": _counted(self.update.encode), "apply": _counted(self.update.apply)}

    def _tracking(self) -> dict[str, Any] | None:
        """What ranges cost: one comparison a gradient, which saturates it, too, and their nodes.

        None with Helium, whose kernels track a vector at a time among other instructions.
        """
        if find_board(self.board).cpu == HELIUM:
            return None
        instructions = sum(self.functions.get(name, 0) for name in TRACKING)
        step = total([node.count for node in self.train_step]).instructions
        return {"instructions": instructions, "share_of_step": instructions / step}


def run(model: Path, board: str, options: Options, *, enroll: bool) -> Bench:
    """Count and measure a model on an emulated board.

    Args:
        model: its folder.
        board: name of an emulated board.
        options: how to compile it.
        enroll: whether to count an enrollment, too, of a model that hears; with all layers trained
            it takes minutes.

    Raises:
        MynaError: see `count_steps`; or the model holds too few clips for the enrollment.
    """
    project = open_project(model, options)
    program = project.program
    has_base = state_copies(program.state_bytes, project.options.backup) == 2
    # first: it may not fit
    examples = _examples(project) if enroll and project.package.has_front_end else None
    steps = count_steps(board, project.generated, program.forward_nodes, program.train_nodes)
    return Bench(
        project,
        board,
        kernels(project, board),
        _nodes(program.graph, program.graph.nodes, steps.infer),
        _nodes(program.graph, program.graph.nodes, steps.train_step),
        steps.features,
        _listening(project, board) if project.package.has_front_end else None,
        steps.functions,
        count_enrollment(board, project.generated, examples, Recipe()) if examples else None,
        count_update(board, project.generated) if has_base else None,
        _footprint(project, board),
    )


def kernels(project: Project, board: str) -> tuple[Kernel, ...]:
    """The counts of `bench.cases`, which run in front of a model's own step."""
    graph = with_cases(project.program.graph, cases())
    program = plan(graph)
    folder = BUILD / "bench" / f"{project.generated.name}-{board}"
    generate(program, Labels(project.package.labels, project.package.audio, 1), folder, "bench")
    steps = count_steps(board, folder, program.forward_nodes, program.train_nodes)
    found = _nodes(graph, graph.nodes, steps.train_step)
    return tuple(
        Kernel(k.name.removeprefix(PREFIX), k.shape, k.macs, k.count)
        for k in found
        if k.name.startswith(PREFIX)
    )


def _listening(project: Project, board: str) -> Listening | None:
    """What it takes to listen, if the network can; beside it there is RAM enough."""
    options = replace(project.asked, streaming=True, ram=None)
    listening = open_project(project.folder, options)
    try:
        _ = listening.streaming
    except MynaError:  # it says which layer cannot
        return None
    return count_listening(board, listening.generated)


def _nodes(graph: Graph, nodes: Sequence[Node], counts: Sequence[Count]) -> tuple[Kernel, ...]:
    return tuple(
        Kernel(node.name, graph.tensors[node.outputs[0]].shape, macs(graph, [node]), count)
        for node, count in zip(nodes, counts, strict=False)
    )


def _sum(nodes: Sequence[Kernel]) -> dict[str, Any]:
    counted, work = total([node.count for node in nodes]), sum(node.macs for node in nodes)
    return {
        "macs": work,
        "instructions_per_mac": counted.instructions / work,
        **_counted(counted),
    }


def _counted(count: Count) -> dict[str, int]:
    """A count's fields, the same in every section."""
    return {
        "instructions": count.instructions,
        "bytes_loaded": count.loaded,
        "bytes_stored": count.stored,
        "stack_high_water": count.stack,
    }


def _weight_planes(graph: Graph) -> int:
    """Bytes of trained weights and biases, inside the state."""
    names = {n.name.removesuffix(".update") for n in graph.nodes if n.name.endswith(".update")}
    planes = {*names, *(f"{name}.residual" for name in names), RESIDUAL}
    return sum(t.nbytes for t in graph.of_kind(Kind.STATE) if t.name in planes)


def _examples(project: Project) -> Examples:
    """Five synthetic words, five takes each."""
    words = speech.SYNTHETIC_WORDS
    if project.options.clips < SHOTS * len(words):
        raise MynaError(
            f"{SHOTS} takes of {len(words)} words do not fit {project.options.clips} clips",
            where="counting an enrollment",
            fix="allow more --ram, or leave it out: --no-enroll",
        )
    first = len(project.package.labels)
    takes, _ = speech.synthetic_user(words, SHOTS, SEED)
    classes = {word: first + i for i, word in enumerate(words)}
    return featurize(project.package.front_end, takes, classes)


def _footprint(project: Project, board: str) -> Footprint:
    """After an inference and a training step over the protocol."""
    features, labels = load_calibration(project.folder)
    with project.connect(board) as session:
        session.put_features(features[0], 0, int(labels[0]))
        session.infer(0)
        session.train(1)
        return measure(project.firmware(board), session)
