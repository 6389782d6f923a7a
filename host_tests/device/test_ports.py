# SPDX-License-Identifier: Apache-2.0
"""Boards that were booted, found by their links; boards that cannot be started."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from myna.device import ports, target
from myna.device.session import Board
from myna.errors import MynaError
from support import fake_board


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_board.build(tmp_path_factory.mktemp("target"))


def test_the_link_of_a_board_that_died_leads_nowhere(elf: Path, tmp_path: Path) -> None:
    """Its terminal's number is given to the next board that starts."""
    link = ports.boot("host", elf, tmp_path)
    with Board.connect(ports.attach(str(link))) as board:
        assert board.info.board == "host"
    pid = int((tmp_path / "host.pid").read_text("utf-8").split()[0])
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)  # nobody waits for it: it stays in the table of processes, as ended
    with target.start("host", elf) as other:
        link.unlink()
        link.symlink_to(other)
        with pytest.raises(MynaError, match="has stopped"):
            ports.attach(str(link))
        assert not link.is_symlink()
        assert ports.attach(other) == other


def test_links_that_nobody_booted_are_followed(elf: Path, tmp_path: Path) -> None:
    with target.start("host", elf) as port:
        link = tmp_path / "my-board"
        link.symlink_to(port)
        assert ports.attach(str(link)) == str(link)


def test_a_board_file_of_a_real_board_is_read(tmp_path: Path) -> None:
    known = target.PROJECT / "firmware" / "platform" / "boards" / "qemu_m4.json"
    data = json.loads(known.read_text("utf-8"))
    del data["virtual"]
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(data), "utf-8")
    board = target._read_board(file)
    assert (board.name, board.kind) == ("mine", target.REAL)
    image = tmp_path / "firmware.elf"
    image.touch()
    with pytest.raises(MynaError, match="mine: is a real board"):
        target.command(board, image)
