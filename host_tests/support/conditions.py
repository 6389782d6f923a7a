# SPDX-License-Identifier: Apache-2.0
"""What may go wrong around a command, and the commands that meet it: the table of a test."""

from __future__ import annotations

import os
import pty
import shutil
import termios
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from myna.audio.files import write_wav
from myna.device import bodies as b
from myna.device import messages as m
from myna.device.session import Board
from myna.passes.training.imprint import NAME_BYTES

from support import tiny_model

KNOWN = 4  # classes of the tiny model
MODEL = tiny_model.folder()


@dataclass
class World:
    """What a command meets.

    Attributes:
        folder: of the test's own.
        port: of a board that has learned "one" from three takes, and saved it.
        takes: folders "one" and "two" with three takes each.
        values: what a condition puts in place of these in a command's arguments.
    """

    folder: Path
    port: str
    takes: Path
    values: dict[str, object] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        return self.folder / name


Condition = Callable[[World], None]

# -- commands --------------------------------------------------------------------------------------

COMMANDS: dict[str, list[str]] = {
    "enroll": ["enroll", "{model}", "--port", "{port}", "--word", "{word}", "--wav", "{wav}"],
    "enroll --json": ["enroll", "{model}", "--port", "{port}", "--word", "{word}", "--wav", "{wav}",
                      "--json", "{out}"],
    "recognize": ["recognize", "--port", "{port}", "--wav", "{wav}"],
    "adapt": ["adapt", "{model}", "--port", "{port}", "--wav", "{wav}"],
    "words": ["words", "--port", "{port}"],
    "words --json": ["words", "--port", "{port}", "--json", "{out}"],
    "words --remove": ["words", "{model}", "--port", "{port}", "--remove", "{known}"],
    "words --rename": ["words", "--port", "{port}", "--rename", "{known}", "{word}"],
    "undo": ["undo", "--port", "{port}"],
    "heard": ["heard", "--port", "{port}"],
    "refuse": ["refuse", "--port", "{port}", "--model", "{model}"],
    "accept": ["accept", "--port", "{port}", "--model", "{model}"],
    "info": ["info", "--port", "{port}"],
    "reset": ["reset", "--port", "{port}"],
    "restore": ["restore", "{state}", "--port", "{port}"],
    "export": ["export", "{model}", "--port", "{port}", "-o", "{out}.npz"],
    "export network": ["export", "{model}", "--port", "{port}", "-o", "{out}.tflite"],
    "export --state": ["export", "{model}", "--state", "{state}", "-o", "{out}.tflite"],
    "verify": ["verify", "{model}", "--port", "{port}", "--steps", "1"],
    "build": ["build", "{model}", "--board", "{board}", "-o", "{out}"],
    "flash": ["flash", "{model}", "--board", "{board}"],
    "accuracy": ["accuracy", "{model}", "--data", "{takes}"],
    "quantize": ["quantize", "{model}"],
    "import": ["import", "{file}", "--out", "{out}"],
    "analyze": ["analyze", "memory", "{model}"],
    "stop": ["stop", "{board}"],
}  # fmt: skip
ASKING = [name for name, words in COMMANDS.items() if "{port}" in words]
HEARING = ["enroll", "recognize", "adapt"]
CHANGING = ["enroll", "words --remove", "words --rename", "restore"]
READING = ["build", "flash", "accuracy", "analyze"]


# -- conditions ------------------------------------------------------------------------------------


def puts(**values: object) -> Condition:
    """Other arguments; `{}` in a text is the test's folder."""

    def arrange(world: World) -> None:
        for name, value in values.items():
            text = value.replace("{}", str(world.folder)) if isinstance(value, str) else value
            world.values[name] = text

    return arrange


def sound(make: Callable[[], Any]) -> Condition:
    """A recording in place of the good ones."""

    def arrange(world: World) -> None:
        write_wav(world.path("bad.wav"), np.asarray(make(), np.int16))
        world.values["wav"] = world.path("bad.wav")

    return arrange


def file(name: str, role: str, data: bytes) -> Condition:
    """A file of other contents in place of a good one."""

    def arrange(world: World) -> None:
        world.path(name).write_bytes(data)
        world.values[role] = world.path(name)

    return arrange


def halved(role: str, whole: str) -> Condition:
    """A file cut in the middle."""

    def arrange(world: World) -> None:
        data = Path(str(world.values[whole])).read_bytes()
        file(f"half.{role}", role, data[: len(data) // 2])(world)

    return arrange


def damaged_model(name: str, data: bytes | None) -> Condition:
    """The model's folder with one file changed, or without it."""

    def arrange(world: World) -> None:
        shutil.copytree(MODEL, world.path("model"))
        world.path("model").joinpath(name).unlink()
        if data is not None:
            world.path("model").joinpath(name).write_bytes(data)
        world.values["model"] = world.path("model")

    return arrange


def on_board(act: Callable[[Board], object]) -> Condition:
    """Something that has happened to the board."""

    def arrange(world: World) -> None:
        with Board.connect(world.port) as board:
            act(board)

    return arrange


def fill_classes(board: Board) -> None:
    """As many words as the model has room for."""
    pcm = tiny_model.tone("two", 5)
    board.upload_audio(pcm, 40, KNOWN + 1)
    board.learn(b.Learn(0, 0, 0, 0, 0), None)
    board.empty(40)


def fill_slots(board: Board) -> None:
    features = board.get_features(0)
    for slot in range(3, board.info.max_clips):
        board.put_features(features ^ np.int8(slot), slot, 0)


def cut_upload(board: Board) -> None:
    info = board.info
    board.link.request(
        m.STATE_BEGIN, b.StateBegin(info.model_abi, info.fingerprint, info.state_bytes, 0)
    )


def strange_names(board: Board) -> None:
    board.patch_state(board.info.names_offset, b"\x1b[2J\xff".ljust(NAME_BYTES, b"\0"))


def silent_port(world: World) -> None:
    """A terminal that nobody answers on."""
    ours, theirs = pty.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    world.values["port"] = os.ttyname(theirs)
    world.values["ends"] = (ours, theirs)


def echoing_port(world: World) -> None:
    """A terminal that sends back what it gets, as a modem would."""
    ours, theirs = pty.openpty()
    world.values["port"] = os.ttyname(theirs)
    world.values["ends"] = (ours, theirs)


def dead_link(world: World) -> None:
    """The port of a virtual board that has ended."""
    world.path("ports").mkdir()
    world.path("ports/host").symlink_to(world.port)
    world.path("ports/host.pid").write_text("1 1\n", "utf-8")
    world.values["port"] = world.path("ports/host")


def below_a_file(world: World) -> None:
    world.path("taken").write_text("mine", "utf-8")
    world.values["out"] = world.path("taken") / "out"


def loop(world: World) -> None:
    world.path("loop").symlink_to(world.path("loop"))
    world.values["out"] = world.path("loop") / "out"


@dataclass(frozen=True)
class Row:
    """A condition, the commands that meet it, and how they end.

    Attributes:
        name: what is wrong.
        arrange: makes it so.
        commands: of `COMMANDS`.
        status: exit status.
        says: part of the message, or of what is shown.
        learned: what the board knows afterwards, where it is something else.
    """

    name: str
    arrange: Condition
    commands: list[str]
    status: int = 1
    says: str = ""
    learned: tuple[str, ...] = ()


TONE = tiny_model.tone("two", 3)
NOISE = np.random.default_rng(2).normal(0, 3000, 48000)
ROWS = [
    # ports
    Row("no such port", puts(port="/dev/ttyNONE"), ASKING, says="no such serial port"),
    Row("the port is a file", file("port", "port", b"x"), ASKING, says="port"),
    Row("the port is a folder", puts(port="{}"), ASKING, says="port"),
    Row("the port is no URL", puts(port="socket://nowhere"), ASKING, says="nowhere"),
    Row("nobody listens at the URL", puts(port="socket://127.0.0.1:1"), ASKING, says="127.0.0.1"),
    Row("the board has ended", dead_link, ASKING, says="has stopped"),
    Row("nobody answers", silent_port, ["info"], says="has not answered"),
    Row("a modem answers", echoing_port, ["info"], says="answer"),
    # recordings
    Row("no such recording", puts(wav="{}/none.wav"), HEARING, says="no such file"),
    Row("an empty file", file("e.wav", "wav", b""), HEARING, says="empty"),
    Row("a text", file("t.wav", "wav", b"hello"), HEARING, says="cannot be read as audio"),
    Row("half a recording", halved("wav", "good"), HEARING, says="half.wav"),
    Row("a folder without recordings", puts(wav="{}"), HEARING, says="no recordings"),
    Row("another format", file("x.mp3", "wav", b"ID3"), HEARING, says="cannot be read as audio"),
    Row("silence", sound(lambda: 0 * TONE), HEARING, says="only silence"),
    Row("too quiet", sound(lambda: TONE // 400), ["enroll"], says="too quiet"),
    Row("clipped", sound(lambda: np.clip(8.0 * TONE, -32768, 32767)), ["enroll"], says="clipped"),
    Row("too short", sound(lambda: TONE[:1000]), HEARING, says="too short"),
    Row("too long", sound(lambda: np.tile(TONE, 5)), HEARING, says="longer than the 4 s"),
    Row("a noise without a word", sound(lambda: NOISE), HEARING, says="is noise without a word"),
    Row("a take that the board has", puts(word="one", wav="{}/takes/one"), ["enroll"],
        says="the same recording"),
    # words
    Row("a blank word", puts(word="  "), ["enroll", "words --rename"], says="is no word"),
    Row("an empty word", puts(word=""), ["enroll", "words --rename"], says="is no word"),
    Row("a control character", puts(word="a\x1b[2J"), ["enroll", "words --rename"], says="no word"),
    Row("a name too long", puts(word="w" * 25), ["enroll", "words --rename"], says="25 bytes"),
    Row("known but for its case", puts(word="A"), ["enroll", "words --rename"], says="as 'a'"),
    Row("a word that nobody learned", puts(known="radio"), ["words --remove", "words --rename"],
        says="has learned one"),
    Row("a word of the model", puts(known="a"), ["words --remove", "words --rename"],
        says="stays as it is"),
    # boards
    Row("all classes are taken", on_board(fill_classes), ["enroll"], says="no class is free"),
    Row("all slots are full", on_board(fill_slots), ["enroll", "recognize", "adapt"],
        says="at most 48 clips"),
    Row("a state cut short", on_board(cut_upload),
        ["enroll", "export", "recognize", "adapt", "words --remove"], says="incomplete"),
    Row("nobody answers the question", puts(), ["reset", "verify"], says="Abort"),
    Row("a reset board", on_board(lambda board: (board.reset_state(), board.clear_clips())),
        ["words --remove", "words --rename"], says="it has learned no word"),
    Row("names that cannot be shown", on_board(strange_names), ["words", "info", "recognize"], 0,
        says="class 4"),
    # models
    Row("no such model", puts(model="{}/none"), [*READING, "quantize"], says="none"),
    Row("a model that is a file", file("f", "model", b"{}"), [*READING, "quantize"], says="f"),
    Row("another model than the board's", puts(model=tiny_model.folder("plain")),
        ["enroll {model}", "adapt {model}", "export", "words --remove", "verify"],
        says="the board runs"),
    Row("no weights", damaged_model("int8.npz", None), [*READING, "enroll {model}"],
        says="int8.npz"),
    Row("weights of zero bytes", damaged_model("int8.npz", b""), [*READING, "enroll {model}"],
        says="int8.npz"),
    Row("weights that are text", damaged_model("int8.npz", b"hello"), READING, says="int8.npz"),
    Row("no architecture", damaged_model("architecture.json", None), READING,
        says="architecture.json"),
    Row("an architecture that is no JSON", damaged_model("architecture.json", b"{"), READING,
        says="architecture.json"),
    Row("an architecture that is a list", damaged_model("architecture.json", b"[]"), READING,
        says="architecture.json"),
    Row("no such board", puts(board="qemu_m9"), ["build", "flash", "stop"], says="qemu_m9"),
    # saved states
    Row("no such state", puts(state="{}/none.npz"), ["restore", "export --state"], says="none.npz"),
    Row("an empty state", file("s.npz", "state", b""), ["restore", "export --state"], says="s.npz"),
    Row("half a state", halved("state", "state"), ["restore", "export --state"], says="half.state"),
    Row("a recording for a state", puts(state="{}/takes/one/me_x_0.wav"),
        ["restore", "export --state"], says="no intact archive"),
    Row("a folder for a state", puts(state="{}"), ["restore"], says="cannot be read"),
    Row("a folder for a --state", puts(state="{}"), ["export --state"], 2, says="is a directory"),
    # networks
    Row("no such network", puts(file="{}/none.tflite"), ["import"], says="none.tflite"),
    Row("a network of no bytes", file("n.tflite", "file", b""), ["import"], says="n.tflite"),
    Row("a network that is text", file("n.tflite", "file", b"hello"), ["import"], says="n.tflite"),
    Row("a network of another kind", file("n.onnx", "file", b"hello"), ["import"], says="n.onnx"),
    Row("a folder for a network", puts(file="{}"), ["import"], says=""),
    # outputs
    Row("the disk is full", puts(out="/dev/full"), ["words --json"], says="No space left"),
    Row("the disk is full after the board has learned", puts(out="/dev/full"), ["enroll --json"],
        says="No space left", learned=("one", "two")),
    Row("the output is below a file", below_a_file,
        ["words --json", "export", "export network", "export --state", "build"], says="taken"),
    Row("the output is a loop", loop, ["words --json", "export", "export network", "build"],
        says="loop"),
    Row("the output is a folder", puts(out="{}"), ["words --json"], 2, says="is a directory"),
    Row("the output's name is too long", puts(out="{}/" + 300 * "x"),
        ["words --json", "export", "export network", "build"], says="too long"),
    Row("the output's folder is not there", puts(out="{}/a/b/c"),
        ["words --json", "export", "export network", "export --state"], 0, says=""),
    # usage
    Row("no such command", puts(), ["bake"], 2, says="No such command"),
    Row("no port", puts(), ["enroll without"], 2, says="--port"),
    Row("no word", puts(), ["enroll wordless"], 2, says="--word"),
    Row("no steps", puts(), ["verify nothing"], 2, says="0 is not in the range"),
    Row("no such option", puts(), ["enroll --names"], 2, says="No such option"),
]  # fmt: skip
COMMANDS |= {
    "enroll {model}": COMMANDS["enroll"],
    "adapt {model}": COMMANDS["adapt"],
    "bake": ["bake"],
    "enroll without": ["enroll", "{wav}", "--word", "two"],
    "enroll wordless": ["enroll", "{wav}", "--port", "{port}"],
    "verify nothing": ["verify", "{model}", "--steps", "0"],
    "enroll --names": [*COMMANDS["enroll"], "--names", "x"],
}
