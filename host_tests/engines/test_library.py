# SPDX-License-Identifier: Apache-2.0
"""The reference and the C core agree bit for bit, after every node of every step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from myna.audio.config import AudioConfig
from myna.codegen import generate
from myna.codegen.emit import Labels
from myna.engines.library import HostLibrary, compile_library
from myna.engines.reference import Reference
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options, compile_model
from myna.passes.training.hindsight import RangeMode
from support import tiny

OPTIONS = {
    "relative": Options(),
    "plain": Options(ranges=RangeMode.PLAIN),
    "dynamic": Options(ranges=RangeMode.DYNAMIC),
    "store-all": Options(store_all=True),
    "head": Options(train="head"),
    "last-2": Options(train="last-2"),
    "bias": Options(train="bias"),
}


def build(name: str, options: Options, folder: Path) -> tuple[Program, HostLibrary]:
    model = tiny.quantized(name)
    ranges = tiny.gradient_ranges(model, RangeMode(options.ranges or RangeMode.RELATIVE))
    program = compile_model(model, ranges, options)
    audio = AudioConfig.from_json(model.model.audio)
    generate(program, Labels(tiny.LABELS, audio), folder, "pytest")
    return program, HostLibrary(program, compile_library(folder))


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", tiny.LAYERS)
def test_c_core_equals_reference(name: str, option: str, tmp_path: Path) -> None:
    program, library = build(name, OPTIONS[option], tmp_path / "model")
    reference = Reference(program)
    initial = reference.read_state()
    assert library.read_state() == initial
    for step, x in enumerate(tiny.features(12, seed=3)):
        label = step % len(tiny.LABELS)
        assert np.array_equal(library.infer(x), reference.infer(x))
        expected, found = (d.train_step_digests(x, label) for d in (reference, library))
        names = [node.name for node in program.graph.nodes]
        different = [n for n, e, f in zip(names, expected[1], found[1], strict=True) if e != f]
        assert not different, f"step {step}: first difference at {different[0]}"
        assert expected == found
        assert library.read_state() == reference.read_state()
    assert reference.read_state() != initial
