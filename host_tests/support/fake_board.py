# SPDX-License-Identifier: Apache-2.0
"""The firmware with a model that tests can follow, as a process under sanitizers."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
from myna.audio.config import AudioConfig
from myna.audio.render import render_tables
from myna.device import pio
from myna.device.ports import Channel
from myna.device.target import PROJECT
from myna.learn import schedule

from support.kept import kept

FEW = ("fixed.c", "block.c")  # kernels that the runtime calls
FIRMWARE = PROJECT / "firmware"
MODEL = Path(__file__).parent / "fake_model"
AUDIO = AudioConfig()
FINGERPRINT = "0x12345678"  # in fake_model/model.c
CLASSES, FEATURE_BYTES, CLIPS = 12, 490, 32
FLAGS = ("-std=c11", "-g", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def compile_c(program: Path, sources: list[Path], *flags: str) -> Path:
    """Compiles C of this repository for the host, with sanitizers."""
    command = ["gcc", *FLAGS, *SANITIZERS, f"-I{FIRMWARE}", *flags, *map(str, sources)]
    subprocess.run([*command, "-o", str(program)], check=True)
    return program


def generated(folder: Path, fingerprint: str = FINGERPRINT, audio: AudioConfig = AUDIO) -> Path:
    """The fake model as a generated folder; with another fingerprint it is another model."""
    shutil.copytree(MODEL, folder, dirs_exist_ok=True)
    source = folder / "model.c"
    source.write_text(source.read_text("utf-8").replace(FINGERPRINT, fingerprint), "utf-8")
    (folder / "audio_tables.h").write_text(render_tables(audio), "utf-8")
    return folder


def emulated(board: str) -> Path:
    """The firmware of an emulated board with the fake model, built once for all tests."""
    return pio.build(board, kept("fake_model", generated)).elf


def build(folder: Path, fingerprint: str = FINGERPRINT) -> Path:
    """The host board with the fake model."""
    return link_host(generated(folder / "model", fingerprint), folder / "firmware.elf", *FEW)


def link_host(model: Path, program: Path, *kernels: str) -> Path:
    """The host board with a generated model and all or some kernels, under sanitizers."""
    sources = [FIRMWARE / "main.c", model / "model.c"]
    for pattern in (
        *("boards/host/nvm.c", "boards/host/port.c", "boards/host/random.c"),
        "boards/virtual/flash.c",
        *("protocol/*.c", "runtime/*.c", "server/*.c", "storage/*.c"),
        *("audio/**/*.c",),
        *(f"kernels/{pattern}" for pattern in kernels or ["**/*.c"]),
    ):
        sources += sorted(FIRMWARE.glob(pattern))
    return compile_c(program, sources, f"-I{model}", '-DMYNA_BOARD="host"')


class FakeModel:
    """Twin of fake_model/model.c: what state and logits must be."""

    def __init__(self) -> None:
        self.step, self.seed, self.classes = 0, 7, 10
        self.rows = np.zeros((CLASSES, FEATURE_BYTES), np.uint8)

    def logits(self, features: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        sums = self.rows.astype(np.int64) @ features.reshape(-1).view(np.uint8)
        return ((sums & 255) - 128).astype(np.int8)

    def train(self, clips: dict[int, tuple[npt.NDArray[np.int8], int]], steps: int) -> list[int]:
        losses = []
        for _ in range(steps):
            features, label = clips[schedule.pick(sorted(clips), self.seed, self.step)]
            row = self.rows[label].astype(np.int64) * 3 + features.reshape(-1).view(np.uint8)
            self.rows[label] = (row + self.step) & 255
            losses.append(label * 65536 + self.step)
            self.step += 1
        return losses

    def state(self) -> bytes:
        head = np.array([self.step, self.seed, self.classes], "<i4").tobytes()
        return head + self.rows.tobytes()


class LossyChannel:
    """Drops, doubles and corrupts bytes both ways, each with the same probability."""

    def __init__(self, channel: Channel, seed: int, rate: float) -> None:
        self._channel, self._random, self._rate = channel, random.Random(seed), rate
        self._received = b""
        self.faults = 0

    @property
    def in_waiting(self) -> int:
        return len(self._received) + self._channel.in_waiting

    def read(self, size: int = 1) -> bytes:
        missing = size - len(self._received)
        if missing > 0:
            self._received += self._spoil(self._channel.read(missing))
        data, self._received = self._received[:size], self._received[size:]
        return data

    def write(self, data: bytes) -> int | None:
        return self._channel.write(self._spoil(data))

    def close(self) -> None:
        self._channel.close()

    def _spoil(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            kind = self._random.randrange(3) if self._random.random() < self._rate else None
            self.faults += kind is not None
            if kind == 0:  # lost
                continue
            out.append(self._random.randrange(256) if kind == 1 else byte)
            if kind == 2:
                out.append(byte)
        return bytes(out)
