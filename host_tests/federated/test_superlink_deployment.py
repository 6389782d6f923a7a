# SPDX-License-Identifier: Apache-2.0
"""The guide to a deployment, run block by block: SuperLink and SuperNodes on loopback, with boards.

It ends in the state of one process, and nothing of it stays.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from myna.commands.federate import BITS_DOWN, BITS_UP
from myna.device import target
from myna.device.target import PROJECT
from myna.federated.store import Store
from myna.project import open_project
from support import tiny_model
from support.tcp import over_tcp

GUIDE = PROJECT / "docs" / "federated.md"
SECTION = "On many machines"
MINUTES = 15  # at most, on a machine that does much else; alone it takes one and a half


def session() -> str:
    """All that the section has typed in a shell."""
    parsed, inside, typed = MarkdownIt("commonmark").parse(GUIDE.read_text("utf-8")), False, []
    for before, token in zip([None, *parsed], parsed, strict=False):
        if before is not None and before.type == "heading_open" and before.tag == "h2":
            inside = token.content == SECTION
        elif inside and token.type == "fence" and token.info == "sh":
            typed.append(token.content)
    return "\n".join(typed)


def free_ports() -> int:
    """The first of three ports in a row that nobody uses."""
    for first in range(18000 + os.getpid() % 10000, 60000, 3):
        with suppress(OSError):
            for port in range(first, first + 3):
                with socket.create_server(("127.0.0.1", port)):
                    pass
            return first
    raise AssertionError("no port is free")


def processes_of(home: Path) -> Iterator[int]:
    """Processes, of any parent, that were started with this folder as Flower's."""
    mark = f"FLWR_HOME={home}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)


def left_over(home: Path) -> list[int]:
    """Processes that do not end by themselves, which they get some seconds for; ends them."""
    deadline = time.monotonic() + 30
    while (left := [*processes_of(home)]) and time.monotonic() < deadline:
        time.sleep(0.5)
    for process in left:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return left


SECRET = {  # what is typed otherwise where the server is to learn a sum only
    "--rounds 2": "--rounds 1 --secure",
    "rounds = 2": "rounds = 1",
    "secure = false": "secure = true",
    f"bits_up = {BITS_UP}": "bits_up = 0.0",
    f"bits_down = {BITS_DOWN}": "bits_down = 0.0",
}


def run(
    folder: Path, typed: str, **variables: str
) -> tuple[subprocess.CompletedProcess[str], list[int]]:
    """Run a session in a folder; what came of it, and the processes that did not end."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    left: list[int] = []
    try:
        done = subprocess.run(
            ["sh", "-e", "-c", typed],
            cwd=folder,
            env={**os.environ, "PATH": path, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=60 * MINUTES,
        )
    finally:
        left += left_over(folder / "flower")
    return done, left


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    speakers, words = tuple(f"s{i}" for i in range(6)), ("a", "one", "two")
    data = tiny_model.recordings(tmp_path / "recordings", speakers, words, 4)
    named = {"MODEL": str(tiny_model.folder()), "DATA": str(data), "WORDS": ",".join(words)}
    return named | {"PORT": str(free_ports())}


@pytest.mark.deployment
def test_the_guide_ends_as_one_process_and_leaves_nothing(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    firmware = open_project(tiny_model.folder(), tiny_model.HEAD).firmware("host").elf
    with (
        target.start("host", firmware) as port,
        target.start("host", firmware) as other,
        over_tcp(other) as url,
    ):
        done, left = run(tmp_path, session(), BOARDS=f"{port},{url}", **settings)
    assert not left
    said = done.stdout[-3000:] + done.stderr[-3000:]
    assert done.returncode == 0, said
    with Store.latest(tmp_path / "fleet.db") as store:
        digests = [row.digest for row in store.history()]
        rows = store.clients()
    alone = json.loads((tmp_path / "alone.json").read_text())
    assert digests[-1] == alone["aggregate_digest"]
    assert len({*digests}) == 3
    assert [row.dropout for _, row in rows] == [None] * 8
    assert (tmp_path / "rounds.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "learned.npz").exists()


@pytest.mark.deployment
def test_a_sum_that_is_kept_secret_ends_as_one_process(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    typed = session()
    for usual, secret in SECRET.items():
        assert usual in typed
        typed = typed.replace(usual, secret)
    done, left = run(tmp_path, typed, BOARDS="host", **settings)
    assert not left
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    with Store.latest(tmp_path / "fleet.db") as store:
        digest, rows = store.history()[-1].digest, [row for _, row in store.clients()]
    assert digest == json.loads((tmp_path / "alone.json").read_text())["aggregate_digest"]
    assert [(row.dropout, row.accuracy) for row in rows] == [(None, None)] * 4


@pytest.mark.deployment
def test_a_port_that_is_taken_is_named(tmp_path: Path, settings: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", int(settings["PORT"]))):
        done, left = run(tmp_path, session(), BOARDS="host", **settings)
    assert done.returncode == 1
    assert f"('127.0.0.1', {settings['PORT']}): address already in use" in done.stdout
    assert not left
