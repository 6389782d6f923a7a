# SPDX-License-Identifier: Apache-2.0
"""A network as it was trained, as a .tflite file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from myna import __version__
from myna.codegen.emit import ABI
from myna.formats.tflite_export import write
from myna.ir import Array, Kind
from myna.names import SEED, STEP
from myna.passes.execute import initial_values
from myna.passes.lowering.lower import lower
from myna.passes.lowering.quantize import QuantizedModel
from myna.project import Project
from myna.sessions.checkpoint import Checkpoint, Identity
from myna.sessions.words import words_in
from myna.tflite.metadata import Metadata


@dataclass(frozen=True)
class Exported:
    """A .tflite file: its bytes, what it says about itself, and that in one line."""

    data: bytes
    metadata: Metadata
    description: str


def identity_of(project: Project) -> Identity:
    """What a checkpoint must be of to fit a project."""
    program = project.program
    return Identity(program.graph.name, ABI, project.fingerprint, program.state_bytes)


def checkpoint_of(project: Project, state: bytes) -> Checkpoint:
    """A state block of a project's program as a board with its firmware would save it."""
    own, program = identity_of(project), project.program
    step = int(program.unpack(state)[STEP][0])
    options = project.asked.to_json()
    return Checkpoint(own.model, options, own.fingerprint, own.abi, step, state)


def export_model(project: Project, checkpoint: Checkpoint | None = None) -> Exported:
    """A network as it was trained, with an output for each class in use.

    Args:
        project: the compiled model.
        checkpoint: a state of it; None for the model as it is before training on a device.

    Raises:
        MynaError: the network has an op without an equal in TensorFlow Lite.
    """
    initial = initial_values(project.program.graph)
    state = project.program.unpack(checkpoint.state) if checkpoint else initial
    model = project.package.model.model
    labels = (*model.labels, *(words_in(state, len(model.labels)) if checkpoint else ()))
    steps = checkpoint.step if checkpoint else 0
    trained = replace(project.package, model=_trained(project.package.model, state))
    if model.loss == "classify":
        trained = trained.with_rows(len(labels))
    graph = lower(trained.model)
    (source,) = graph.of_kind(Kind.INPUT)
    reads = {"shape": source.shape, "scale": source.scale, "zero_point": source.zero_point}
    origin = {
        "myna": __version__,
        "fingerprint": f"{project.fingerprint:08x}",
        "steps": steps,
        "seed": int(state[SEED][0]) & 0xFFFFFFFF,
    }
    if checkpoint:
        origin["state_crc"] = f"{checkpoint.crc:08x}"
    metadata = Metadata(model.name, labels, model.audio, reads, origin)
    classes = f"{len(labels)} classes, " if labels else ""
    description = f"{model.name}: {classes}{steps} steps, Myna {__version__}"
    data = write(graph, softmax=model.softmax, description=description, metadata=metadata.blocks())
    return Exported(data, metadata, description)


def _trained(model: QuantizedModel, state: Mapping[str, Array]) -> QuantizedModel:
    """The model with the weights and biases that a state holds."""
    weights = {name: state.get(f"{name}.w", w) for name, w in model.weights.items()}
    biases = {name: state.get(f"{name}.b", b) for name, b in model.biases.items()}
    return replace(model, weights=weights, biases=biases)
