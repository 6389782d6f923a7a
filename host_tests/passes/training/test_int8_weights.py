# SPDX-License-Identifier: Apache-2.0
"""Trained weights of one byte: the same on every side, unbiased, and they learn."""

from __future__ import annotations

import numpy as np
import pytest
from myna.bench.result import _weight_planes
from myna.engines.reference import Reference
from myna.engines.verify import Verifier, verify_steps
from myna.errors import MynaError
from myna.names import RESIDUAL
from myna.ops.rounding import RoundWeight
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from support import tiny, tiny_model

LAYERS = ("stem_a", "f0_dw", "g1_pw")


def compiled(layers: tuple[str, ...] = LAYERS, train: str = "all") -> Project:
    options = Options(train=train, int8_weights=layers, body_rate=0.05)
    return open_project(tiny_model.folder(), options)


def test_one_plane_serves_all() -> None:
    wide, small = compiled(()).program, compiled().program
    sizes = [wide.graph.tensors[f"{layer}.w"].size for layer in LAYERS]
    assert small.graph.tensors[RESIDUAL].size == max(sizes)
    assert -4 < wide.state_bytes - small.state_bytes - (sum(sizes) - max(sizes)) < 4
    planes = _weight_planes(wide.graph) - _weight_planes(small.graph)
    assert planes == sum(sizes) - max(sizes)
    gone = set(wide.state) - set(small.state)
    assert gone == {f"{layer}.w.residual" for layer in LAYERS}


def test_the_plane_is_zero_between_steps_and_other_weights_are_unchanged() -> None:
    wide, small = Reference(compiled(()).program), Reference(compiled().program)
    features = tiny.features(1)[0]
    before = small.get_state("stem_a.w").copy()
    unlikely = int(wide.infer(features)[: wide.classes].argmin())
    for core in (wide, small):
        core.train_step(features, unlikely)
    assert not small.get_state(RESIDUAL).any()
    assert (small.get_state("stem_a.w") != before).any()
    for name in ("logits.w", "f0_pw.w", "f0_pw.w.residual", "stem_a.b"):
        assert np.array_equal(wide.get_state(name), small.get_state(name))
    away = small.get_state("stem_a.w").astype(int) - wide.get_state("stem_a.w")
    assert set(np.unique(away)) <= {-1, 0, 1}  # half a step of rounding, either way
    assert away.any()


def test_rounding_is_right_in_the_mean() -> None:
    residual = np.arange(-128, 128).astype(np.int8)
    weight, seed = np.zeros(256, np.int8), np.array([7], np.int32)
    rounded = [
        RoundWeight(3).reference(seed, np.array([step], np.int32), weight, residual)[0]
        for step in range(2000)
    ]
    assert np.abs(np.mean(rounded, axis=0) - residual / 256).max() < 5 * 0.5 / 2000**0.5
    assert {int(v) for v in np.unique(rounded)} == {-1, 0, 1}


def test_reference_and_c_core_agree() -> None:
    project = compiled()
    reference, library = Reference(project.program), project.library()
    for label, features in enumerate(tiny.features(4)):
        expected = reference.train_step_digests(features, label)
        assert library.train_step_digests(features, label) == expected
    assert library.read_state() == reference.read_state()


@pytest.mark.qemu
def test_an_emulated_core_agrees() -> None:
    project = compiled()
    clips = [(features, i) for i, features in enumerate(tiny.features(3))]
    with project.connect("qemu_m4") as session:
        result = verify_steps(Verifier(project.program, session, clips), 6)
    assert (result.differences, result.steps) == (0, 6)


def test_it_learns() -> None:
    """Through these weights alone, to call every sound by the next one's name."""
    core = Reference(compiled(("f1_pw", "g1_pw"), train="f1_pw.w,g1_pw.w").program)
    known = tiny_model.examples(tiny.LABELS, 3)
    losses = [
        core.train_step(features, (int(label) + 1) % len(tiny.LABELS))
        for _ in range(60)
        for features, label in zip(known.features, known.labels, strict=True)
    ]
    assert np.mean(losses[-12:]) < 0.5 * np.mean(losses[:12])


def test_only_what_is_trained_can_be_narrow() -> None:
    with pytest.raises(MynaError, match="not trained") as refused:
        compiled(("stem_a",), train="head")
    assert refused.value.where == "layer stem_a"
