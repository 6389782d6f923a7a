# SPDX-License-Identifier: Apache-2.0
"""What is analysed: a model's folder, or a published shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from myna.analysis.shapes import shape_program
from myna.errors import MynaError
from myna.frontend.mobilenet import GROUP_BYTES, mobilenet_v2
from myna.frontend.model import FloatModel
from myna.package.budget import compile_package
from myna.package.package import load_package
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options

ARCHITECTURES: Mapping[str, Callable[[int], FloatModel]] = {
    "mobilenet_v2": lambda group_bytes: mobilenet_v2(group_bytes=group_bytes)
}
UNDIVIDED = 1 << 31  # bytes; no map is so large


@dataclass(frozen=True)
class Subject:
    """A network, and how to compile its training step.

    Attributes:
        name: of the network.
        source: the folder, or the name under which it is known here.
        program: its training step with these options.
    """

    name: str
    source: str
    program: Callable[[Options], Program]


def subject(
    model: Path | None, architecture: str | None, group_bytes: int = GROUP_BYTES
) -> Subject:
    """Either a model's folder or one of ``ARCHITECTURES``.

    Args:
        model: the folder.
        architecture: the name.
        group_bytes: of an architecture, the largest expanded map of a group of channels.

    Raises:
        MynaError: both or neither are given, or the model is missing or damaged.
    """
    if (model is None) == (architecture is None):
        raise MynaError("needs either MODEL or --arch", fix="name one of them")
    if architecture is not None:
        shape = ARCHITECTURES[architecture](group_bytes)
        return Subject(architecture, architecture, lambda options: shape_program(shape, options))
    assert model is not None
    package = load_package(model)
    name = package.model.model.name
    return Subject(name, str(model), lambda options: compile_package(package, options)[-1])
