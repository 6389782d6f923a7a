# SPDX-License-Identifier: Apache-2.0
"""Results of federations in one SQLite file: runs, their rounds, what each client did.

A round is written whole or not at all, so a run whose server was killed goes on from its last
whole round. Tables:

- ``runs``: settings as JSON, when it began.
- ``rounds``: state block after each round, round 0 being the start; the block that clients are
  told of, and the encoded difference that tells them; takes learned, digest, seconds, and the key
  of the noise that the server added, if any, by which it may be replayed.
- ``clients``: of each round, what each client did or why it dropped out.
- ``evidence``: the updates that are replayed.
- ``kept``: what clients within this machine keep between rounds.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from myna.errors import MynaError
from myna.federated.client import DROPPED
from myna.federated.site import Kept

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    run INTEGER PRIMARY KEY, began TEXT DEFAULT CURRENT_TIMESTAMP, settings TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rounds (
    run INTEGER REFERENCES runs, round INTEGER, takes INTEGER, seconds REAL, digest TEXT,
    noise_key BLOB, state BLOB NOT NULL, base BLOB NOT NULL, difference BLOB NOT NULL,
    PRIMARY KEY (run, round));
CREATE TABLE IF NOT EXISTS clients (
    run INTEGER REFERENCES runs, round INTEGER, client INTEGER, speaker TEXT, takes INTEGER,
    accuracy REAL, steps INTEGER, seconds REAL, bytes_up INTEGER, bytes_down INTEGER, digest TEXT,
    dropout TEXT, PRIMARY KEY (run, round, client));
CREATE TABLE IF NOT EXISTS evidence (
    run INTEGER REFERENCES runs, round INTEGER, client INTEGER, draw INTEGER, data BLOB NOT NULL,
    begun BLOB NOT NULL, unsent BLOB NOT NULL, PRIMARY KEY (run, round, client));
CREATE TABLE IF NOT EXISTS kept (
    run INTEGER REFERENCES runs, client INTEGER, base BLOB NOT NULL, state BLOB NOT NULL,
    unsent BLOB NOT NULL, PRIMARY KEY (run, client));
"""


@dataclass(frozen=True)
class ClientRow:
    """What a client did in a round; see the table ``clients``."""

    client: int
    speaker: str
    takes: int = 0
    accuracy: float | None = None
    steps: int = 0
    seconds: float = 0.0
    bytes_up: int = 0
    bytes_down: int = 0
    digest: str | None = None
    dropout: str | None = None


@dataclass(frozen=True)
class RoundRow:
    """A round.

    Attributes:
        server_round: its number; 0 is the start.
        state: the state block after it.
        base: what clients then know of it.
        difference: encoded, that leads there from the base before.
        takes: learned.
        seconds: it took.
        noise_key: of the noise that the server added; empty without noise.
    """

    server_round: int
    state: bytes
    base: bytes
    difference: bytes = b""
    takes: int = 0
    seconds: float = 0.0
    noise_key: bytes = b""

    @property
    def digest(self) -> str:
        """CRC-32 of the state block."""
        return f"{zlib.crc32(self.state):08x}"


@dataclass(frozen=True)
class Evidence:
    """An update that may be replayed.

    Attributes:
        server_round, client: whose.
        draw: the random number by which it was chosen: those with the smallest are kept.
        data: as it was sent.
        begun, unsent: the state with which the client began, and what it had not sent.
    """

    server_round: int
    client: int
    draw: int
    data: bytes
    begun: bytes
    unsent: bytes


class Store:
    """A results file, and the run that is written into it."""

    def __init__(self, base: sqlite3.Connection, run: int) -> None:
        self._base, self._run = base, run

    @classmethod
    @contextmanager
    def open(
        cls, path: Path | None, settings: Mapping[str, Any], *, resume: bool
    ) -> Iterator[Store]:
        """A run with these settings, new or the last one of them that was begun.

        Args:
            path: of the file; None keeps the results in memory.
            settings: all that the result depends on but the number of rounds.
            resume: whether to go on with a run.

        Raises:
            MynaError: the file is no results file, or holds no such run.
        """
        where = str(path or "results in memory")
        if resume and path is not None and not path.exists():
            raise MynaError(
                "there is no such file to resume from",
                where=where,
                fix="name the file that --results of the interrupted command named",
            )
        text = json.dumps(settings, sort_keys=True)
        fix = "name another file with --results"
        with _connected(str(path or ":memory:"), where, "kept", fix) as base:
            base.executescript(SCHEMA)
            yield cls(base, cls._find(base, text, where) if resume else cls._begin(base, text))

    @classmethod
    @contextmanager
    def latest(cls, path: Path) -> Iterator[Store]:
        """The last run of a file that exists, to read.

        Raises:
            MynaError: the file is missing or no results file, or holds no run.
        """
        uri, fix = f"{path.absolute().as_uri()}?mode=ro", "name a file of myna federate --results"
        with _connected(uri, str(path), "read", fix) as base:
            (run,) = base.execute("SELECT max(run) FROM runs").fetchone()
            if run is None:
                raise MynaError("holds no run", where=str(path), fix=fix)
            yield cls(base, run)

    @staticmethod
    def _begin(base: sqlite3.Connection, settings: str) -> int:
        with base:
            made = base.execute("INSERT INTO runs (settings) VALUES (?)", (settings,)).lastrowid
        assert made is not None
        return made

    @staticmethod
    def _find(base: sqlite3.Connection, settings: str, where: str) -> int:
        query = "SELECT max(run) FROM runs WHERE settings = ?"
        (found,) = base.execute(query, (settings,)).fetchone()
        if found is None:
            raise MynaError(
                "holds no run with these settings",
                where=where,
                fix="repeat the command that was interrupted, or leave out --resume",
            )
        return int(found)

    def add_round(
        self,
        done: RoundRow,
        clients: Sequence[ClientRow] = (),
        kept: Mapping[int, Kept] = MappingProxyType({}),
        evidence: Sequence[Evidence] = (),
        keep: int = 0,
    ) -> None:
        """Write a round, whole; of all evidence, `keep` pieces stay."""
        run, number = self._run, done.server_round
        rows = [(run, number, *astuple(client)) for client in clients]
        pieces = [(run, *astuple(piece)) for piece in evidence]
        blocks = done.state, done.base, done.difference
        own = [(run, client, *astuple(one)) for client, one in kept.items()]
        surplus = """DELETE FROM evidence WHERE run = ? AND rowid NOT IN (
            SELECT rowid FROM evidence WHERE run = ? ORDER BY draw, round, client LIMIT ?)"""
        with self._base:
            self._base.execute(
                f"INSERT INTO rounds VALUES ({_marks(9)})",
                (run, number, done.takes, done.seconds, done.digest, done.noise_key, *blocks),
            )
            self._base.executemany(f"INSERT INTO clients VALUES ({_marks(12)})", rows)
            self._base.executemany(f"INSERT INTO evidence VALUES ({_marks(7)})", pieces)
            self._base.executemany(f"INSERT OR REPLACE INTO kept VALUES ({_marks(5)})", own)
            self._base.execute(surplus, (run, run, keep))

    def rounds(self) -> int:
        """The last whole round; -1 before the start was written."""
        query = "SELECT coalesce(max(round), -1) FROM rounds WHERE run = ?"
        return int(self._base.execute(query, (self._run,)).fetchone()[0])

    def state(self, server_round: int) -> bytes:
        """The state block after a round."""
        return self._block("state", server_round)

    def base(self, server_round: int) -> bytes:
        """What clients know after a round."""
        return self._block("base", server_round)

    def differences(self) -> dict[int, bytes]:
        """What clients were told, by the round that it ended."""
        query = "SELECT round, difference FROM rounds WHERE run = ? AND round > 0"
        return dict(self._base.execute(query, (self._run,)))

    def kept(self) -> dict[int, Kept]:
        """What clients keep, by their numbers."""
        query = "SELECT client, base, state, unsent FROM kept WHERE run = ?"
        rows = self._base.execute(query, (self._run,))
        return {client: Kept(*blocks) for client, *blocks in rows}

    def answered(self) -> dict[int, int]:
        """By client, the last round that it answered in, if it did not fail later.

        Where it dropped out at random it knows what it knew.
        """
        last: dict[int, int] = {}
        for server_round, row in self.clients():
            if row.dropout is None:
                last[row.client] = server_round
            elif not row.dropout.endswith(DROPPED):
                last.pop(row.client, None)
        return last

    def _block(self, column: str, server_round: int) -> bytes:
        query = f"SELECT {column} FROM rounds WHERE run = ? AND round = ?"
        return bytes(self._base.execute(query, (self._run, server_round)).fetchone()[0])

    def history(self) -> list[RoundRow]:
        """All rounds in order, the start first."""
        columns = "round, state, base, difference, takes, seconds, noise_key"
        query = f"SELECT {columns} FROM rounds WHERE run = ? ORDER BY round"
        return [RoundRow(*row) for row in self._base.execute(query, (self._run,))]

    def clients(self) -> list[tuple[int, ClientRow]]:
        """Round and what a client did in it, in order."""
        query = "SELECT * FROM clients WHERE run = ? ORDER BY round, client"
        rows = self._base.execute(query, (self._run,))
        return [(row[1], ClientRow(*row[2:])) for row in rows]

    def evidence(self) -> list[Evidence]:
        """What is replayed, in order of rounds and clients."""
        columns = "round, client, draw, data, begun, unsent"
        query = f"SELECT {columns} FROM evidence WHERE run = ? ORDER BY round, client"
        return [Evidence(*row) for row in self._base.execute(query, (self._run,))]


@contextmanager
def _connected(name: str, where: str, done: str, fix: str) -> Iterator[sqlite3.Connection]:
    """A connection, whose errors say that results cannot be `done`, and what to do."""
    try:
        with closing(sqlite3.connect(name, uri=name.startswith("file:"))) as base:
            yield base
    except sqlite3.Error as error:
        if "locked" in str(error):
            fix = f"wait until the other command that uses it has ended, or {fix}"
        if "full" in str(error):
            fix = "make room, and repeat the command with --resume: whole rounds are kept"
        raise MynaError(f"results cannot be {done} ({error})", where=where, fix=fix) from error


def _marks(count: int) -> str:
    return ", ".join("?" * count)
