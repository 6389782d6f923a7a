# SPDX-License-Identifier: Apache-2.0
"""What goes wrong around a command: conditions × commands.

Whatever it is, a command ends with the exit status that README.md documents and one message, which
says what, where and what to do; no traceback. What a board knew is as it was, unless the command
ends well.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from myna.audio.files import read_pcm
from myna.cli import main
from myna.device import ports, target
from myna.device.line import Line
from myna.device.session import Board
from myna.project import Project, open_project
from myna.sessions.checkpoint import load_checkpoint
from myna.sessions.words import read_words
from support import tiny_model
from support.conditions import COMMANDS, KNOWN, MODEL, ROWS, Row, World


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(MODEL, tiny_model.HEAD)


@pytest.fixture(scope="module")
def learned(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A board and its files; what it has learned is in a file, too."""
    folder = tmp_path_factory.mktemp("world")
    takes = tiny_model.recordings(folder / "takes", ("me",), ("one", "two"), 3)
    with target.start("host", project.firmware("host").elf, folder / "nv") as port:
        run("enroll", MODEL, "--port", port, "--word", "one", "--wav", takes / "one")
        run("export", MODEL, "--port", port, "-o", folder / "state.npz")
        yield World(folder, port, takes)


def settle(learned: World) -> None:
    """Give the board what it had learned, and nothing else."""
    state = load_checkpoint(learned.folder / "state.npz").state
    with Board.connect(learned.port) as board:
        board.write_state(state)
        board.clear_clips()
        for slot, take in enumerate(sorted((learned.takes / "one").iterdir())):
            board.upload_audio(read_pcm(take), slot, KNOWN)
        board.save_state()


@pytest.fixture
def world(learned: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same, as if nothing had ever happened to it."""
    folder = tmp_path / "w"
    shutil.copytree(learned.takes, folder / "takes")
    shutil.copy(learned.folder / "state.npz", folder / "state.npz")
    settle(learned)
    monkeypatch.setattr(ports, "PORTS", folder / "ports")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    values = {
        "model": MODEL,
        "port": learned.port,
        "word": "two",
        "known": "one",
        "wav": folder / "takes" / "two",
        "good": folder / "takes" / "two" / "me_x_0.wav",
        "state": folder / "state.npz",
        "file": folder / "state.npz",
        "out": folder / "out",
        "takes": folder / "takes",
        "board": "host",
    }
    return World(folder, learned.port, folder / "takes", values)


def run(*arguments: object) -> int:
    """What `myna` with these arguments ends with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["myna", *map(str, arguments)])
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
    return 0


def memory(port: str) -> tuple[object, ...]:
    """Everything that a board knows: its state and its clips, and whether that is whole."""
    with Board.connect(port) as board:
        status = board.status()
        slots = () if status.state_incomplete else board.score().labels
        clips = {slot: board.get_features(slot).tobytes() for slot in slots}
        return board.read_state(), status.clips, status.state_incomplete, clips


def mine(folder: Path) -> dict[Path, bytes]:
    """The files of a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files if "ports" not in path.parts}


CASES = [pytest.param(r, c, id=f"{r.name}-{c}") for r in ROWS for c in r.commands]


def test_the_table_has_sixty_conditions() -> None:
    assert len({row.name for row in ROWS}) >= 60
    assert len(CASES) > 150


@pytest.mark.parametrize(("row", "command"), CASES)
def test_a_condition_ends_in_a_message_and_nothing_is_lost(
    row: Row, command: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    row.arrange(world)
    before, files = memory(world.port), mine(world.folder)
    status = run(*(text.format(**world.values) for text in COMMANDS[command]))
    for end in world.values.get("ends", ()):  # type: ignore[attr-defined]
        os.close(end)
    said = capsys.readouterr()
    assert status == row.status, said
    assert "Traceback" not in said.err
    assert row.says in said.err + said.out
    if status == 1 and "Abort" not in said.err:
        assert "\nerror: " in f"\n{said.err}"
        assert "\n  -> " in said.err
    if row.learned:
        with Board.connect(world.port) as board:
            assert read_words(board) == row.learned
    elif status:
        assert memory(world.port) == before
    if status:
        assert mine(world.folder) == files  # and no half-written ones


@pytest.mark.parametrize("tenth", range(10))
@pytest.mark.parametrize("command", ["enroll", "words --remove", "words --rename", "restore"])
def test_interrupted_at_ten_points_a_command_was_done_or_was_not(
    command: str, tenth: int, world: World, learned: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [text.format(**world.values) for text in COMMANDS[command]]
    before, write = memory(world.port), Line.write
    sent: list[bytes] = []
    with monkeypatch.context() as patch:
        patch.setattr(Line, "write", lambda line, data: (sent.append(data), write(line, data))[1])
        assert run(*words) == 0
    after, count = memory(world.port), len(sent)
    settle(learned)
    point = max(1, tenth * count // 10)

    def interrupted(line: Line, data: bytes) -> None:
        sent.append(data)
        write(line, data)
        if len(sent) == point:
            raise KeyboardInterrupt

    sent.clear()
    with monkeypatch.context() as patch:
        patch.setattr(Line, "write", interrupted)
        assert run(*words) == 1
    assert memory(world.port)[:3] in (before[:3], after[:3])
