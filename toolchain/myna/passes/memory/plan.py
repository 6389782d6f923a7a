# SPDX-License-Identifier: Apache-2.0
"""Memory plan: an offset in the arena per value, one in the state block per state tensor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from myna.errors import MynaError
from myna.ir import Array, Graph, Kind, Node
from myna.names import IMPRINT, LOSS, VOICE_FEATURES
from myna.passes.memory.place import Buffer, bytes_live, place
from myna.passes.training.replay import (
    NO_MEMORIES,
    Latent,
    Memories,
    Replay,
    features_of,
    find_latent,
    remember,
)

ALIGNMENT = 4
HELD_OUT = 2  # variations kept beside those that are learned, to calibrate what is accepted
MOST_ASKED = 48  # memories, where each takes an inference of the whole network
LARGEST_STORE = 2  # times the size of a clip, that its latents may take


@dataclass(frozen=True)
class Program:
    """A graph with every address decided. Nothing turns a Program back into a Graph.

    Attributes:
        graph: the training step, perhaps a node that imprints, and behind it those that score
            the owner's voice.
        forward_nodes: number of nodes up to the logits, which alone are inference.
        train_nodes: number of nodes of a training step.
        latent: where rehearsal enters the training step, and
        replay: what is rehearsed.
        variations: of every clip, of which the latent is computed once and kept, to learn from;
            0 if each step varies the clip anew.
        arena: offset of every value and input.
        arena_bytes: size of the arena.
        arena_lower_bound: largest sum of live bytes at any node; no plan can need less.
        state: offset of every state tensor.
        state_bytes: size of the state block.
        buffers: lifetimes, for plots.
    """

    graph: Graph
    forward_nodes: int
    train_nodes: int
    latent: Latent
    replay: Replay
    arena: Mapping[str, int]
    arena_bytes: int
    arena_lower_bound: int
    state: Mapping[str, int]
    state_bytes: int
    buffers: tuple[Buffer, ...]
    variations: int = 0

    @property
    def latent_bytes(self) -> int:
        """Size of a latent."""
        return self.graph.tensors[self.latent.tensor].nbytes

    @property
    def kept_latents(self) -> int:
        """How many latents are kept of each clip: of itself and of variations; 0 if none are."""
        return 1 + self.variations + HELD_OUT if self.variations else 0

    @property
    def is_whole(self) -> bool:
        """Whether every layer is trained, from the first one's weights on."""
        nodes = self.graph.nodes
        trained = {
            name for node in nodes[self.forward_nodes : self.train_nodes] for name in node.updates
        }
        first = next((n for n in nodes[: self.forward_nodes] if len(n.inputs) > 1), None)
        return first is not None and first.inputs[1] in trained

    @property
    def asked_memories(self) -> int:
        """How many memories tell what is known: the first ones, in which the classes take turns."""
        count = len(self.replay.labels)
        return min(count, MOST_ASKED) if self.is_whole else count

    @property
    def ram_bytes(self) -> int:
        """What a training step takes: arena and state."""
        return self.arena_bytes + self.state_bytes

    @property
    def imprint_nodes(self) -> tuple[Node, ...]:
        """The node that starts a class, run on request; none if the program cannot."""
        return self.graph.nodes[self.train_nodes :][:1]

    @property
    def voice_nodes(self) -> tuple[Node, ...]:
        """The nodes that score a voice, run on request; none if the program cannot."""
        return self.graph.nodes[self.train_nodes :][1:]

    def pack(self, values: Mapping[str, Array]) -> bytes:
        """The state block that holds these tensors, of which every one of the state is needed."""
        block = bytearray(self.state_bytes)
        for name, offset in self.state.items():
            data = values[name].tobytes()
            block[offset : offset + len(data)] = data
        return bytes(block)

    def unpack(self, block: bytes) -> dict[str, Array]:
        """Copies of the tensors in a state block.

        Raises:
            MynaError: its size is not this program's.
        """
        if len(block) != self.state_bytes:
            raise MynaError(
                f"a state of {len(block)} bytes does not fit, it must be {self.state_bytes}",
                where=f"model {self.graph.name}",
                fix="use a state that was saved from the same model and training plan",
            )
        tensors = {name: self.graph.tensors[name] for name in self.state}
        return {
            name: np.frombuffer(block, t.dtype, t.size, self.state[name]).reshape(t.shape).copy()
            for name, t in tensors.items()
        }


def plan(graph: Graph) -> Program:
    """Place every tensor of a training step, which rehearses nothing yet."""
    values = place_values(graph)
    state, state_bytes = state_layout(graph)
    forward, train = phases(graph)
    latent = find_latent(graph, forward, train)
    replay = remember(graph, latent, NO_MEMORIES, 0)
    sizes = (values.size, values.lower_bound, state, state_bytes, values.buffers)
    return Program(graph, forward, train, latent, replay, values.offsets, *sizes)


@dataclass(frozen=True)
class Arena:
    """Where the values of a graph are, each as long as it lives.

    Attributes:
        offsets: of every value and input.
        size: bytes.
        lower_bound: largest sum of live bytes at any node; no plan can need less.
        buffers: lifetimes.
    """

    offsets: Mapping[str, int]
    size: int
    lower_bound: int
    buffers: tuple[Buffer, ...]


def place_values(graph: Graph) -> Arena:
    """Place every value and input of a graph."""
    buffers = lifetimes(graph)
    bound = max(bytes_live(buffers, len(graph.nodes)))
    placed = list(zip(buffers, place(buffers, bound), strict=True))
    offsets = {name: offset for buffer, offset in placed for name in buffer.tensors}
    top = max(offset + buffer.size for buffer, offset in placed)
    return Arena(offsets, top, bound, tuple(buffers))


def with_memories(
    program: Program, memories: Memories, budget: int, *, varied: bool = False
) -> Program:
    """The same program, which rehearses what was known.

    Args:
        program: that rehearses nothing.
        memories: what was known.
        budget: bytes of flash for it.
        varied: whether memories are feature maps even where a later latent would do, so that they
            are varied like clips.
    """
    latent = features_of(program.graph) if varied else program.latent
    replay = remember(program.graph, latent, memories, budget)
    return replace(program, latent=latent, replay=replay)


def with_variations(program: Program, count: int) -> Program:
    """The same program, which keeps the latents of so many variations of a clip, or of fewer.

    None if nothing is frozen that would make a latent of a clip.
    """
    clip = program.graph.tensors[features_of(program.graph).tensor].nbytes
    most = LARGEST_STORE * clip // program.latent_bytes - 1 - HELD_OUT
    return replace(program, variations=max(min(count, most), 0) if program.latent.node else 0)


def peak(graph: Graph) -> int:
    """The largest sum of live bytes at any node; no arena can be smaller."""
    return max(bytes_live(lifetimes(graph), len(graph.nodes)))


def phases(graph: Graph) -> tuple[int, int]:
    """Numbers of nodes up to the logits, and of a training step."""
    names = [node.name for node in graph.nodes]
    return names.index(LOSS), names.index(IMPRINT) if IMPRINT in names else len(names)


def lifetimes(graph: Graph) -> list[Buffer]:
    """Buffers of a graph in order of first use; in-place results join their input's buffer."""
    last = {name: index for index, node in enumerate(graph.nodes) for name in node.inputs}
    last |= dict.fromkeys(graph.outputs, len(graph.nodes))
    groups: dict[str, list[str]] = {t.name: [t.name] for t in graph.of_kind(Kind.INPUT)}
    group_of, start = dict(groups), dict.fromkeys(groups, -1)
    if VOICE_FEATURES in start:  # written just before they are read
        start[VOICE_FEATURES] = last[VOICE_FEATURES]
    for index, node in enumerate(graph.nodes):
        heirs = {o: i for i, o in shareable(graph, node) if last[i] == index}
        for name in node.outputs:
            if graph.tensors[name].kind is not Kind.VALUE:
                continue
            start[name] = index
            shared = heirs.get(name)
            if shared is not None and group_of[shared][-1] == shared:
                group_of[name] = group_of[shared]
                group_of[name].append(name)
            else:
                groups[name] = group_of[name] = [name]
    return [
        Buffer(
            tuple(names),
            aligned(graph.tensors[names[0]].nbytes),
            start[names[0]],
            last.get(names[-1], start[names[-1]]),
        )
        for names in groups.values()
    ]


def shareable(graph: Graph, node: Node) -> Iterator[tuple[str, str]]:
    """Inputs and outputs that may share memory, if the input is not read after this node.

    An op that reads a tensor twice would overwrite what it has yet to read.
    """
    for i, o in node.op.shares:
        source, target = graph.tensors[node.inputs[i]], graph.tensors[node.outputs[o]]
        values = source.kind is Kind.VALUE and target.kind is Kind.VALUE
        if values and node.inputs.count(source.name) == 1 and source.nbytes == target.nbytes:
            yield source.name, target.name


def state_layout(graph: Graph) -> tuple[dict[str, int], int]:
    """Offset of every state tensor, wide ones first so that nothing needs padding; size."""
    offsets, end = {}, 0
    for tensor in sorted(graph.of_kind(Kind.STATE), key=lambda t: -np.dtype(t.dtype).itemsize):
        offsets[tensor.name] = end
        end += tensor.nbytes
    return offsets, aligned(end)


def aligned(size: int, to: int = ALIGNMENT) -> int:
    """The next multiple, in bytes."""
    return -(-size // to) * to
