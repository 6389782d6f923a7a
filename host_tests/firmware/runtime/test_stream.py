# SPDX-License-Identifier: Apache-2.0
"""Sound that arrives over a serial line, in pieces as they come: every core gives the same logits.

What a build without streaming has of it is nothing.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import serial
from myna.device import pio, target
from myna.device.target import PROJECT
from myna.engines.reference import Reference
from myna.learn.stream import Stream
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from support import tiny_model
from support.pairs import emulated
from support.streams import sound

PROBE = Path(__file__).with_name("stream_probe.c")
FLAGS = ("-Wl,--wrap=myna_server_init", "-Wl,--wrap=myna_server_poll")
MODELS = {"reversible": tiny_model.folder(), "kws": PROJECT / "models" / "kws"}
CORES = [
    pytest.param("host", "kws"),
    pytest.param("qemu_m4", "kws", marks=pytest.mark.qemu),
    *(pytest.param(*core.values, "reversible", marks=core.marks) for core in emulated()),
]


def project(name: str, *, streaming: bool = True) -> Project:
    return open_project(MODELS[name], Options(train="head", streaming=streaming))


@pytest.mark.parametrize(("core", "name"), CORES)
def test_every_core_infers_the_same(core: str, name: str, tmp_path: Path) -> None:
    built = project(name)
    folder = tmp_path / "model"
    shutil.copytree(built.generated, folder)
    shutil.copy(PROBE, folder)
    image = pio.build(core, folder, tmp_path / "build", FLAGS)
    assert built.streaming is not None
    running = Stream(built.streaming, Reference(built.program).values, built.package.audio)
    expected = np.stack(list(running.push(sound())))
    with target.start(core, image.elf) as port, serial.Serial(port, timeout=30) as link:
        for at in range(0, sound().nbytes, 999):  # samples are cut in two
            link.write(sound().tobytes()[at : at + 999])
        answer = link.read(expected.size)
    found = np.frombuffer(answer, np.int8).reshape(-1, expected.shape[1])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.qemu
def test_a_build_without_streaming_has_nothing_of_it(tmp_path: Path) -> None:
    plain = project("reversible", streaming=False).generated
    assert "myna_streaming" not in (plain / "model.c").read_text("utf-8")
    image = pio.build("qemu_m4", plain, tmp_path / "build")
    assert not {"stream_kept", "stream_arena", "stream"} & pio.variables("qemu_m4", image).keys()
