# SPDX-License-Identifier: Apache-2.0
"""Everything that `myna bench` measures of a model on an emulated board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from myna.bench.cases import cases
from myna.bench.count import (
    Listening,
    count_enrollment,
    count_listening,
    count_steps,
    count_update,
)
from myna.bench.counters import Count
from myna.bench.cycles import Clock
from myna.bench.program import PREFIX, with_cases
from myna.bench.result import Bench, Kernel, Words
from myna.codegen import generate
from myna.codegen.emit import Labels
from myna.errors import MynaError
from myna.evaluation import speech
from myna.evaluation.verified_enrollment import featurize
from myna.ir import Graph, Node
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe
from myna.learn.templates import most_words, refused_bytes, word_bytes
from myna.package.calibration import load_calibration
from myna.passes.macs import macs
from myna.passes.memory.plan import plan
from myna.passes.pipeline import Options, state_copies
from myna.project import BUILD, Project, open_project
from myna.sessions.footprint import Footprint, measure

SHOTS = 5
SEED = 1


def run(
    model: Path, board: str, options: Options, *, enroll: bool, clock: Clock | None = None
) -> Bench:
    """Count and measure a model on an emulated board.

    Args:
        model: its folder.
        board: name of an emulated board.
        options: how to compile it.
        enroll: whether to count an enrollment, too, of a model that hears; with all layers trained
            it takes minutes.
        clock: by which cycles are estimated, if there is one.

    Raises:
        MynaError: see `count_steps`; or the model holds too few clips for the enrollment.
    """
    project = open_project(model, options)
    program = project.program
    has_base = state_copies(program.state_bytes, project.options.backup) == 2
    # first: it may not fit
    examples = _examples(project) if enroll and project.package.has_front_end else None
    recipe = Recipe.of(whole=program.is_whole)
    steps = count_steps(board, project.generated, program.forward_nodes, program.train_nodes)
    return Bench(
        project,
        board,
        kernels(project, board),
        _nodes(program.graph, program.graph.nodes, steps.infer),
        _nodes(program.graph, program.graph.nodes, steps.train_step),
        steps.features,
        *_listening(project, board),
        steps.functions,
        count_enrollment(board, project.generated, examples, recipe) if examples else None,
        count_update(board, project.generated) if has_base else None,
        _footprint(project, board),
        clock,
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


def _listening(project: Project, board: str) -> tuple[Listening | None, Words]:
    """What it takes to listen, if the network can; beside it there is RAM enough."""
    options = replace(project.asked, streaming=True, ram=None)
    listening = open_project(project.folder, options)
    try:
        streaming = listening.streaming if project.package.has_front_end else None
    except MynaError:  # it says which layer cannot
        streaming = None
    if streaming is None:
        return None, Words(0, 0, 0)
    graph = listening.program.graph
    most = most_words(graph.tensors[graph.outputs[0]].size)
    words = Words(most, word_bytes(streaming), refused_bytes(streaming))
    return count_listening(board, listening.generated), words


def _nodes(graph: Graph, nodes: Sequence[Node], counts: Sequence[Count]) -> tuple[Kernel, ...]:
    return tuple(
        Kernel(node.name, graph.tensors[node.outputs[0]].shape, macs(graph, [node]), count)
        for node, count in zip(nodes, counts, strict=False)
    )


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
