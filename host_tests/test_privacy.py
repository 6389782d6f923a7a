# SPDX-License-Identifier: Apache-2.0
"""No request returns sound, whatever came before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tiny
from myna.audio.config import AudioConfig
from myna.codegen import generate
from myna.codegen.emit import Labels
from myna.device import bodies as b
from myna.device import messages, pio, target
from myna.device.session import Board
from myna.passes.hindsight import RangeMode
from myna.pipeline import Options, compile_model


def test_a_trace_never_shows_the_sound_of_an_upload(tmp_path: Path) -> None:
    model = tiny.quantized("plain")
    program = compile_model(model, tiny.gradient_ranges(model, RangeMode.RELATIVE), Options())
    audio = AudioConfig.from_json(model.model.audio)
    generate(program, Labels(tiny.LABELS, audio), tmp_path / "model", "pytest")
    firmware = pio.build("host", tmp_path / "model", tmp_path / "build")
    with target.start("host", firmware.elf) as port, Board.connect(port) as session:
        session.put_features(tiny.features(1)[0, ..., 0], 0, 1)
        assert len(session.trace_step().digests) > 0
        session.link.request(messages.AUDIO_BEGIN, b.AudioBegin(audio.samples, 1, 0))
        pcm = np.full(200, 0x1234, "<i2").tobytes()
        session.link.request(messages.AUDIO_DATA, b.Piece(0, pcm))
        reply = session.link.request(messages.TRACE_READ, b.TraceRead(0))
        assert (reply.total, reply.digests) == (0, b"")
