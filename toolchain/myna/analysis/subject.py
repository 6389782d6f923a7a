# SPDX-License-Identifier: Apache-2.0
"""What is analysed: a model's folder, or a published shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from myna.analysis.shapes import mobilenet_program
from myna.errors import MynaError
from myna.passes.hindsight import RangeMode
from myna.passes.plan import Program
from myna.pipeline import Options, compile_model
from myna.quantized import load_package

ARCHITECTURES: Mapping[str, Callable[[Options], Program]] = {"mobilenet_v2": mobilenet_program}


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


def subject(model: Path | None, architecture: str | None) -> Subject:
    """Either a model's folder or one of ``ARCHITECTURES``.

    Raises:
        MynaError: both or neither are given, or the model is missing or damaged.
    """
    if (model is None) == (architecture is None):
        raise MynaError("needs either MODEL or --arch", fix="name one of them")
    if architecture is not None:
        return Subject(architecture, architecture, ARCHITECTURES[architecture])
    assert model is not None
    package = load_package(model)

    def program(options: Options) -> Program:
        mode = RangeMode.PLAIN if options.ranges is RangeMode.PLAIN else RangeMode.RELATIVE
        ranges = package.ranges[mode]
        parts = (package.knowledge, package.contributions)
        return compile_model(package.model, ranges, options, *parts)

    return Subject(package.model.model.name, str(model), program)
