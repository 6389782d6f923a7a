# SPDX-License-Identifier: Apache-2.0
"""One set of op cases, every target: host with sanitizers, and each emulated core.

All cases become nodes of one program, in front of a small network's training step, so that one
firmware per target runs them and its trace digests tell which case differs.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from myna.audio.config import AudioConfig
from myna.bench.program import with_cases
from myna.codegen import generate
from myna.codegen.emit import Labels
from myna.device import pio, target
from myna.device.session import Board
from myna.engines.verify import Verifier, verify_steps
from myna.ops.table import OPS
from myna.passes.memory.plan import Program, plan
from myna.passes.memory.reversible import reversible
from myna.passes.pipeline import training_graph
from myna.passes.training.hindsight import RangeMode, hindsight
from support import tiny
from support.pairs import RISCV, riscv

SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")
TARGETS = [
    pytest.param("host", SANITIZE, id="host-sanitized"),
    *(
        pytest.param(board, (), id=board, marks=pytest.mark.qemu)
        for board in ("qemu_m0plus", "qemu_m3", "qemu_m33", "qemu_m4", "qemu_m7", "qemu_m55")
    ),
    pytest.param(RISCV, (), id=RISCV, marks=riscv().marks),
]


def cases_program() -> Program:
    """Every case of every op, then one training step of the reversible network."""
    model = tiny.quantized("reversible")
    ranges = tiny.gradient_ranges(model, RangeMode.RELATIVE)
    step = reversible(hindsight(training_graph(model, 0.05), ranges, RangeMode.RELATIVE))
    return plan(with_cases(step, (case for op in OPS for case in op.cases())))


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Program, Path]:
    program = cases_program()
    folder = tmp_path_factory.mktemp("generated") / "cases"
    audio = AudioConfig.from_json(tiny.float_model("plain").audio)
    generate(program, Labels(tiny.LABELS, audio), folder, "pytest")
    return program, folder


MEMBER = re.compile(
    r"    struct \{\n(?:        int8_t at_\w+\[\d+\];\n)?        (\w+ )(t_\w+\[\d+\];).*\n    \};\n"
)


def guarded(generated: Path, folder: Path) -> Path:
    """The same program with each tensor of the arena as an array of its own.

    Sanitizers see who reads or writes beyond it then; in the arena it would be another tensor.
    """
    shutil.copytree(generated, folder)
    text = (folder / "model.c").read_text("utf-8")
    arrays = "".join(
        f"static _Alignas(8) {kind}arena_{name}\n" for kind, name in MEMBER.findall(text)
    )
    text = MEMBER.sub("", text).replace("static union {", f"{arrays}static union {{", 1)
    text = re.sub(r"_Static_assert\(sizeof\(arena\).*\n", "", text)
    (folder / "model.c").write_text(text.replace("arena.t_", "arena_t_"), "utf-8")
    return folder


@pytest.mark.parametrize(("board", "flags"), TARGETS)
def test_every_case_equals_the_reference(
    board: str, flags: tuple[str, ...], generated: tuple[Program, Path], tmp_path: Path
) -> None:
    program, folder = generated
    folder = guarded(folder, tmp_path / "cases") if flags else folder
    firmware = pio.build(board, folder, tmp_path / "build", flags)
    clips = [(x, i % len(tiny.LABELS)) for i, x in enumerate(tiny.features(4))]
    with target.start(board, firmware.elf) as port, Board.connect(port) as session:
        verifier = Verifier(program, session, clips)
        result = verify_steps(verifier, 3)
    assert result.first is None, f"first difference: {result.first}"
    assert result.differences == 0
    assert result.compared > 3 * len(program.graph.nodes)


def test_a_wrong_kernel_is_found(generated: tuple[Program, Path], tmp_path: Path) -> None:
    """A device whose code differs in one clamp is caught, and the first wrong element named."""
    program, folder = generated
    broken = tmp_path / "broken"
    broken.mkdir()
    for source in folder.iterdir():
        (broken / source.name).write_text(source.read_text("utf-8"), "utf-8")
    text = (broken / "model.c").read_text("utf-8")
    before = ".layer.low = -100"
    assert before in text
    (broken / "model.c").write_text(text.replace(before, ".layer.low = -99", 1), "utf-8")
    firmware = pio.build("host", broken, tmp_path / "build")
    clips = [(x, i) for i, x in enumerate(tiny.features(2))]
    with target.start("host", firmware.elf) as port, Board.connect(port) as session:
        result = verify_steps(Verifier(program, session, clips), 1)
    assert result.first is not None
    assert result.first.node.startswith("case ")
    assert (result.first.expected, result.first.found) == (-100, -99)
