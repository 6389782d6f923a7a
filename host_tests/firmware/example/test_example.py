# SPDX-License-Identifier: Apache-2.0
"""A firmware of its own, with Myna as a library, learns what the reference learns, bit for bit."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import serial
from myna.audio.endpoint import Verdict
from myna.audio.features import Pcm
from myna.device import pio, target
from myna.device.target import PROJECT
from myna.engines.library import HostLibrary
from myna.engines.reference import Reference
from myna.learn.examples import Examples
from myna.learn.learn import Learner
from myna.learn.recipe import Recipe
from myna.learn.utterance import Utterance, Utterances
from myna.names import NAMES, RATE
from myna.package.library import write_library
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from myna.sessions.learning import rate_pair
from support import tiny_model
from support.fake_board import compile_c

EXAMPLE = PROJECT / "firmware" / "example"
WORD, TAKES, KNOWN = "lamp", 3, 4
HOP = 320
PLANS = ("head", "all")


@cache
def project(train: str) -> Project:
    return open_project(tiny_model.folder(), Options(train=train))


@cache
def spoken() -> Pcm:
    """Takes of a new word, then it and a known one once more, in a quiet room."""
    tones = [tiny_model.tone("one", seed, 0.7) for seed in range(TAKES + 1)]
    tones.append(tiny_model.tone("b", 9, 0.7))
    room = np.random.default_rng(5).normal(0, 30, (len(tones) + 1, 16000)).astype(np.int16)
    parts = [part for tone, quiet in zip(tones, room[1:], strict=True) for part in (tone, quiet)]
    return np.concatenate([room[0], *parts])


@cache
def utterances() -> tuple[Utterance, ...]:
    return tuple(Utterances(project("head").package.audio).push(spoken()))


@dataclass(frozen=True)
class Learned:
    """What the reference has after the takes, and what it says then."""

    state: bytes
    labels: tuple[int, ...]


def learned(core: HostLibrary | Reference, built: Project) -> Learned:
    names = core.get_state(NAMES).copy()
    names[0, : len(WORD)] = np.frombuffer(WORD.encode(), np.int8)
    core.set_state(NAMES, names)
    core.set_state(RATE, rate_pair(recipe(built).rate))
    takes = np.stack([utterance.features for utterance in utterances()[:TAKES]])
    examples = Examples(takes, np.full(TAKES, KNOWN))
    Learner(core, built.package.audio, silence(built), examples, recipe(built)).learn()
    state = core.read_state()
    labels = tuple(
        int(core.infer(u.features)[: core.classes].argmax()) for u in utterances()[TAKES:]
    )
    return Learned(state, labels)


def silence(built: Project) -> int:
    return list(built.package.labels).index("silence")


def recipe(built: Project) -> Recipe:
    return replace(Recipe.of(whole=built.program.is_whole), vary=True)


def requests() -> bytes:
    """Everything that is sent to the example, in order."""
    pcm = spoken()
    blocks = pcm[: len(pcm) // HOP * HOP].reshape(-1, HOP)
    taught = next(i for i in range(len(blocks)) if (i + 1) * HOP >= utterances()[TAKES - 1].time)
    sound = [b"s" + block.tobytes() for block in blocks]
    learn = f"e{WORD}\n".encode(), b"l", b"r"
    return (
        learn[0] + b"".join(sound[: taught + 1]) + b"".join(learn[1:] + tuple(sound[taught + 1 :]))
    )


def expected(labels: tuple[int, ...]) -> list[str]:
    takes = [f"take {number}" for number in range(1, TAKES + 1)]
    return ["enroll 0", *takes, "learn 0", "recognize 0", *(f"word {i}" for i in labels)]


def wait_for(link: serial.Serial) -> None:
    """Bytes sent before the firmware is up, or answered before the port is open, are lost."""
    link.timeout = 0.5
    for _ in range(60):
        link.write(b"r")
        if link.readline().endswith(b"recognize 0\n"):
            break
    time.sleep(0.5)
    link.reset_input_buffer()
    link.timeout = 60


def test_words_are_said_on_their_own() -> None:
    assert [u.word.verdict for u in utterances()] == [Verdict.OK] * (TAKES + 2)


def test_sound_may_come_in_any_pieces() -> None:
    found = Utterances(project("head").package.audio)
    cuts = np.sort(np.random.default_rng(2).integers(0, len(spoken()), 300))
    again = [u for piece in np.split(spoken(), cuts) for u in found.push(piece)]
    assert [u.time for u in again] == [u.time for u in utterances()]
    for one, other in zip(again, utterances(), strict=True):
        np.testing.assert_array_equal(one.features, other.features)


@pytest.mark.parametrize("train", PLANS)
def test_the_library_learns_what_the_reference_learns(train: str, tmp_path: Path) -> None:
    built = project(train)
    write_library(built.generated, "tiny", tmp_path / "myna")
    source = tmp_path / "myna" / "src"
    files = [*source.rglob("*.c"), EXAMPLE / "src/main.c", Path(__file__).with_name("host_board.c")]
    program = compile_c(tmp_path / "example", files, f"-I{source}", f"-I{EXAMPLE / 'src'}")
    output = subprocess.run([program], input=requests(), capture_output=True, check=True).stdout
    goal = learned(Reference(built.program), built)
    said = expected(goal.labels)
    said = ["ready 0", *said]
    assert output[: len("\n".join(said))].decode().splitlines() == said
    assert goal.state in output  # its flash, at the end


@pytest.mark.qemu
def test_the_example_builds_offline_and_learns_under_the_emulator(tmp_path: Path) -> None:
    built = project("head")
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("lib", ".pio"))
    write_library(built.generated, "tiny", folder / "lib" / "myna")
    ini = (folder / "platformio.ini").read_text("utf-8")
    for inside, place in (
        ("../../.pio-core", pio.CORE),
        ("../platform", PROJECT / "firmware/platform"),
    ):
        assert inside in ini
        ini = ini.replace(inside, str(place))
    (folder / "platformio.ini").write_text(ini, "utf-8")
    pio.prepare()
    command = [sys.executable, "-m", "platformio", "run", "--silent", "-d", str(folder)]
    subprocess.run(command, check=True)
    goal, nv = learned(Reference(built.program), built), tmp_path / "nv"
    elf = folder / ".pio/build/mps2_m4/firmware.elf"
    said = expected(goal.labels)
    with target.start("qemu_m4", elf, nv) as port, serial.Serial(port, timeout=60) as link:
        wait_for(link)
        link.write(requests())
        assert [link.readline().decode().strip() for _ in said] == said
    assert goal.state in nv.read_bytes()
    with target.start("qemu_m4", elf, nv) as port, serial.Serial(port, timeout=60) as link:
        pieces = requests()[requests().index(b"lr") + 2 :]
        wait_for(link)
        link.write(pieces)
        assert [link.readline().decode().strip() for _ in range(2)] == said[-2:]
