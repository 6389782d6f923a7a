# SPDX-License-Identifier: Apache-2.0
"""Federations of speakers who say tones: the same result however it comes about; who tampers."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from myna.cli import cli
from myna.device import target
from myna.device.session import Board
from myna.errors import MynaError
from myna.evaluation.engine import Engine
from myna.federated import site
from myna.federated.audit import audit
from myna.federated.client import DROPPED, LOSSLESS, Order
from myna.federated.client_app import client_app
from myna.federated.flower import ClientApp, Context, Message
from myna.federated.records import BLOCKS, UPDATE, kept_of, order_of, to_update
from myna.federated.result import result
from myna.federated.site import Site
from myna.federated.store import Store
from myna.learn import codec
from myna.learn.vector import from_vector, to_vector
from myna.passes.pipeline import Options
from myna.project import open_project
from myna.sessions.checkpoint import load_checkpoint, write_board
from myna.sessions.words import known_words
from support import tiny_model
from support.federations import (
    HOST,
    ORDER,
    SPEAKERS,
    WORDS,
    cohort,
    federation,
    quiet,
    run,
)
from support.tcp import over_tcp


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tones")
    return tiny_model.recordings(folder / "data", SPEAKERS, WORDS, 4)


def test_they_learn_and_the_number_of_processes_does_not_matter() -> None:
    order = replace(ORDER, most=16, rate=4.0, epochs=4)
    asked = federation(jobs=2, rounds=6, audit=2, order=order)
    with Store.open(None, {}, resume=False) as store:
        state = asked.run(store, quiet)
        report = result(asked, store, quiet)
    assert state == run(replace(asked, jobs=1))
    assert report["after"]["mean"] > report["before"]["mean"] + 20
    assert report["personalized"]["mean"] >= report["after"]["mean"]
    assert report["aggregate_digest"] == f"{zlib.crc32(state):08x}"
    assert (report["audited"], report["audit_failures"], report["dropouts"]) == (2, 0, 0)
    assert set(report["speakers"]) | set(report["unseen"]) == set(SPEAKERS)
    assert not set(report["speakers"]) & set(report["unseen"])


def test_a_second_seed_gives_another_state() -> None:
    assert run(federation(order=replace(ORDER, seed=8))) != run(federation())


PROXIMAL = replace(ORDER, epochs=3, proximal=64)


@pytest.mark.parametrize("order", [ORDER, PROXIMAL], ids=["fedavg", "fedprox"])
def test_boards_beside_engines_give_the_same_state(order: Order) -> None:
    project = open_project(tiny_model.folder(), tiny_model.HEAD)
    reference = replace(HOST, name="reference")
    with target.start("host", project.firmware("host").elf) as port:
        board = replace(HOST, port=port)
        mixed = run(federation(engines=(HOST, board, reference), rounds=2, order=order))
    assert mixed == run(federation(rounds=2, order=order))


def test_who_goes_back_to_the_server_moves_it_less_and_is_replayed() -> None:
    asked = federation(order=PROXIMAL, bits_down=4.0, audit=12)
    with Store.open(None, {}, resume=False) as store:
        near = asked.run(store, quiet)
        assert not audit(asked, store, quiet)
    far = run(replace(asked, order=replace(PROXIMAL, proximal=0)))
    start, *ends = (
        to_vector(asked.program, one)[-72:].astype(np.int64) for one in (asked.start(), near, far)
    )
    moved = [np.abs(end - start).sum() for end in ends]
    assert moved[0] < 0.9 * moved[1]


@pytest.mark.qemu
def test_emulated_boards_beside_engines_give_the_same_state() -> None:
    elf = open_project(tiny_model.folder(), tiny_model.HEAD).firmware("qemu_m4").elf
    with (
        target.start("qemu_m4", elf) as port,
        target.start("qemu_m4", elf) as other,
        over_tcp(other) as url,
    ):
        engines = (HOST, replace(HOST, port=port), HOST, replace(HOST, port=url))
        with Store.open(None, {}, resume=False) as store:
            mixed = federation(engines=engines, rounds=2).run(store, quiet)
            assert not [row.dropout for _, row in store.clients() if row.dropout]
    assert mixed == run(federation(rounds=2))


def test_a_board_of_another_build_is_refused_and_the_others_go_on() -> None:
    other = open_project(tiny_model.folder(), Options(train="all"))
    with (
        target.start("host", other.firmware("host").elf) as port,
        Store.open(None, {}, resume=False) as store,
    ):
        asked = federation(engines=(HOST, replace(HOST, port=port)), rounds=1)
        asked.run(store, quiet)
        reasons = {row.speaker: row.dropout for _, row in store.clients()}
    speakers = [client.speaker for client in cohort().clients]
    assert [reasons[speaker] is None for speaker in speakers] == [True, False, True, False]
    assert "not the one meant" in str(reasons[speakers[1]])


def broken(fails: Callable[[int, int], BaseException | None], site: Site) -> ClientApp:
    """An app whose clients fail as told: by round and client."""
    honest, app = client_app(site), ClientApp()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        order = order_of(message)
        error = fails(order.server_round, int(context.node_config["partition-id"]))
        if error is not None:
            raise error
        return honest(message, context)

    return app


def test_a_client_that_fails_is_left_out_of_its_round_only() -> None:
    def fails(server_round: int, client: int) -> BaseException | None:
        return ValueError("pulled") if (server_round, client) == (2, 1) else None

    with Store.open(None, {}, resume=False) as store:
        asked = federation(make_app=lambda site: broken(fails, site))
        asked.run(store, quiet)
        dropouts = [(r, row.client, row.dropout) for r, row in store.clients() if row.dropout]
    assert dropouts == [(2, 1, "ValueError('pulled')")]


def test_a_board_that_is_pulled_is_left_out_from_then_on() -> None:
    firmware = open_project(tiny_model.folder(), tiny_model.HEAD).firmware("host")
    with ExitStack() as plugged, Store.open(None, {}, resume=False) as store:
        port = plugged.enter_context(target.start("host", firmware.elf))
        # as long as it is open here, no board of another test gets a port of the same name
        held = os.open(port, os.O_RDWR | os.O_NOCTTY)

        def pull(server_round: int, client: int) -> None:
            if (server_round, client) == (2, 1):
                plugged.close()

        engines = (HOST, replace(HOST, port=port))
        asked = federation(engines=engines, make_app=lambda site: broken(pull, site))
        asked.run(store, quiet)
        os.close(held)
        dropouts = [(r, row.client) for r, row in store.clients() if row.dropout]
    assert dropouts == [(2, 1), (2, 3), (3, 1), (3, 3)]


def test_when_nobody_can_learn_the_reason_is_given() -> None:
    def fails(server_round: int, client: int) -> BaseException | None:
        return MynaError("is unplugged", where=f"board {client}")

    with pytest.raises(MynaError, match=r"no client could learn.*board 0: is unplugged"):
        run(federation(make_app=lambda site: broken(fails, site)))


def test_dropouts_are_drawn_from_the_seed_and_survived() -> None:
    asked = federation(order=replace(ORDER, dropout=0.4), rounds=5)
    with Store.open(None, {}, resume=False) as store:
        state = asked.run(store, quiet)
        rows = store.clients()
    dropped = [row for _, row in rows if row.dropout]
    assert 2 <= len(dropped) <= 14
    assert all(str(row.dropout).endswith(DROPPED) for row in dropped)
    assert run(replace(asked, jobs=2)) == state


def tampering(change: Callable[[bytes, bytes], bytes], site: Site) -> ClientApp:
    """An app of which one client changes one update, given its base."""
    honest, app = client_app(site), ClientApp()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        reply = honest(message, context)
        order = order_of(message)
        if (order.server_round, int(context.node_config["partition-id"])) == (2, 3):
            kept, update = kept_of(context.state), to_update(reply.content)
            assert kept is not None
            reply.content[BLOCKS][UPDATE] = change(update.data, kept.base)
        return reply

    return app


@pytest.mark.parametrize("bits", [LOSSLESS, 1.0])
def test_one_changed_integer_is_found_and_named(bits: float) -> None:
    program = open_project(tiny_model.folder(), tiny_model.HEAD).program

    def change(data: bytes, base: bytes) -> bytes:
        update = codec.decode(program, base, data)
        changed = update + np.eye(1, len(update), 70, dtype=np.int32)[0]
        return codec.encode(program, base, codec.apply(program, base, changed), 10**6)[0]

    order = replace(ORDER, bits=bits)
    asked = federation(audit=12, order=order, bits_down=4.0, make_app=partial(tampering, change))
    with Store.open(None, {}, resume=False) as store:
        asked.run(store, quiet)
        assert len(store.evidence()) == 12
        (found,) = audit(asked, store, quiet)
    assert (found.server_round, found.client) == (2, 3)


def test_who_begins_elsewhere_than_it_was_told_is_named_though_it_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A board that another command wrote to in between, or one that cheats."""
    begun: list[int] = []

    def shifted(engine: Engine) -> tuple[bytes, bytes]:
        begun.append(len(begun))
        if len(begun) == 5:  # before and after each client's learning: before the third one's
            program, state = asked.program, engine.read_state()
            engine.write_state(from_vector(program, state, to_vector(program, state) + 9))
        return honest(engine)

    honest, asked = site.blocks_of, federation(audit=12)
    monkeypatch.setattr(site, "blocks_of", shifted)
    with Store.open(None, {}, resume=False) as store:
        asked.run(store, quiet)
        (found,) = audit(asked, store, quiet)
    assert (found.server_round, found.client) == (1, 2)


def test_a_name_that_boards_cannot_keep_is_refused_before_the_first_round() -> None:
    long = {"x" * 99 if word == "two" else word: n for word, n in cohort().classes.items()}
    with pytest.raises(MynaError, match="takes 99 bytes"):
        replace(federation(), cohort=replace(cohort(), classes=long)).start()


def test_what_cannot_work_is_said_before_anything_is_read(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.db"
    ended = CliRunner().invoke(cli, federate(data, path, "--engine", f"host,{tmp_path}/none"))
    assert "no such serial port" in str(ended.exception)
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    noise = ("--dp", "central", "--clip", "50000", "--noise", "1")
    ended = CliRunner().invoke(cli, federate(data, path, *noise))
    assert "cannot be computed (import of dp_accounting" in str(ended.exception)
    assert not path.exists()


def test_a_damaged_update_is_left_out_and_its_client_told_all() -> None:
    def change(data: bytes, base: bytes) -> bytes:
        return data[:-1] + bytes([data[-1] ^ 1])

    with Store.open(None, {}, resume=False) as store:
        federation(bits_down=4.0, make_app=partial(tampering, change)).run(store, quiet)
        rows = {(number, row.client): row for number, row in store.clients()}
    assert [key for key, row in rows.items() if row.dropout] == [(2, 3)]
    assert "damaged" in str(rows[2, 3].dropout)
    assert rows[3, 3].bytes_down > 2 * rows[3, 2].bytes_down


def test_a_run_goes_on_from_its_last_whole_round(tmp_path: Path) -> None:
    path = tmp_path / "results.db"

    def fails(server_round: int, client: int) -> BaseException | None:
        return KeyboardInterrupt() if (server_round, client) == (2, 2) else None

    with pytest.raises(KeyboardInterrupt):  # within the second round
        run(federation(make_app=lambda site: broken(fails, site)), path)
    with Store.open(path, {}, resume=True) as store:
        assert store.rounds() == 1
    run(federation(rounds=2), path, resume=True)  # ends between two rounds
    assert run(federation(), path, resume=True) == run(federation())


def federate(data: Path, results: Path, *more: str) -> list[str]:
    model = str(tiny_model.folder())
    asked = ["federate", model, "--data", str(data), "--clients", "4", "--shots", "2"]
    return [*asked, "--seed", "7", "--jobs", "1", "--results", str(results), *more]


def _rounds(path: Path) -> int:
    try:
        with sqlite3.connect(path) as base:
            return int(base.execute("SELECT count(*) FROM rounds").fetchone()[0])
    except sqlite3.Error:
        return 0


def _work(arguments: list[str]) -> None:
    cli(arguments)


def test_a_killed_server_continues_to_the_same_state(data: Path, tmp_path: Path) -> None:
    path, json_file = tmp_path / "results.db", tmp_path / "result.json"
    process = multiprocessing.get_context("spawn").Process(
        target=_work, args=(federate(data, path, "--rounds", "2000"),)
    )
    process.start()
    deadline = time.monotonic() + 60
    while _rounds(path) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    done = _rounds(path) - 1
    assert 2 <= done < 2000
    digests = []
    for results, more in ((path, ["--resume"]), (tmp_path / "other.db", [])):
        rounds = ("--rounds", str(done + 2), "--json", str(json_file))
        ended = CliRunner().invoke(cli, federate(data, results, *rounds, *more))
        assert ended.exit_code == 0, ended.output
        digests.append(json.loads(json_file.read_text())["aggregate_digest"])
    assert digests[0] == digests[1]


def test_a_board_that_forgot_meanwhile_takes_part_when_the_run_goes_on(tmp_path: Path) -> None:
    """It alone has what its client keeps, so that it is told the whole state."""
    elf = open_project(tiny_model.folder(), tiny_model.HEAD).firmware("host").elf
    path, order = tmp_path / "results.db", replace(ORDER, bits=4.0)
    with target.start("host", elf) as port:
        engines = (HOST, replace(HOST, port=port), HOST, HOST)
        asked = federation(order=order, bits_down=4.0, engines=engines, rounds=2)
        run(asked, path)
        with Board.connect(port) as board:
            board.reset_state()
        with Store.open(path, {}, resume=True) as store:
            replace(asked, rounds=3).run(store, quiet)
            assert not [row.dropout for _, row in store.clients() if row.dropout]


def test_fewer_rounds_than_are_done_are_refused(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    assert CliRunner().invoke(cli, federate(data, path, "--rounds", "2")).exit_code == 0
    ended = CliRunner().invoke(cli, federate(data, path, "--rounds", "1", "--resume"))
    assert "2 rounds are done, 1 were asked for" in str(ended.exception)


def test_a_run_on_other_recordings_is_not_continued(data: Path, tmp_path: Path) -> None:
    path, other = tmp_path / "results.db", tmp_path / "other" / data.name
    shutil.copytree(data, other)
    (word, *_), count = WORDS, 0
    for take in (other / word).glob("*.wav"):
        shutil.copy(data / WORDS[-1] / take.name, take)
        count += 1
    assert count
    assert CliRunner().invoke(cli, federate(data, path, "--rounds", "1")).exit_code == 0
    ended = CliRunner().invoke(cli, federate(other, path, "--rounds", "1", "--resume"))
    assert "holds no run with these settings" in str(ended.exception)


def test_a_client_whose_recordings_cannot_be_read_is_named(data: Path, tmp_path: Path) -> None:
    other = tmp_path / "data"
    shutil.copytree(data, other)
    for take in other.glob(f"*/{SPEAKERS[2]}_*"):
        take.write_bytes(b"RIFF")
    ended = CliRunner().invoke(cli, federate(other, tmp_path / "r.db", "--rounds", "1"))
    assert f"no usable recording of a word by speaker {SPEAKERS[2]}" in str(ended.exception)


@pytest.mark.parametrize("option", ["--rate", "--bits-up", "--dropout", "--proximal", "--noise"])
def test_what_is_no_number_is_refused(option: str, data: Path, tmp_path: Path) -> None:
    ended = CliRunner().invoke(cli, federate(data, tmp_path / "r.db", option, "nan"))
    assert ended.exit_code == 2
    assert "is not a finite number" in ended.output


def test_a_run_with_other_settings_is_not_continued(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    runner = CliRunner()
    assert runner.invoke(cli, federate(data, path, "--rounds", "1")).exit_code == 0
    ended = runner.invoke(cli, federate(data, path, "--rounds", "1", "--rate", "2", "--resume"))
    assert isinstance(ended.exception, MynaError)
    assert "holds no run with these settings" in str(ended.exception)


def test_where_no_take_is_left_nobody_enrolls(data: Path, tmp_path: Path) -> None:
    json_file = tmp_path / "result.json"
    more = ["--rounds", "1", "--shots", "4", "--json", str(json_file)]
    ended = CliRunner().invoke(cli, federate(data, tmp_path / "r.db", *more))
    assert ended.exit_code == 0, ended.output
    found = json.loads(json_file.read_text())
    assert found["local_only"] is found["personalized"] is None
    assert found["after"]["mean"] > 0


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--engine", "host,float", "the float baseline has none"),
        ("--engine", "host,,host", "a name is missing in 'host,,host'"),
        ("--rate", "1e300", "a learning rate of 1e+300"),
        ("--sample", "1000", "1000 clients cannot be asked"),
    ],
)
def test_what_cannot_be_is_refused(
    data: Path, tmp_path: Path, option: str, value: str, said: str
) -> None:
    ended = CliRunner().invoke(cli, federate(data, tmp_path / "r.db", option, value))
    assert isinstance(ended.exception, MynaError)
    assert said in str(ended.exception)
    assert not (tmp_path / "r.db").exists()


def test_nothing_is_made_where_there_is_nothing_to_resume(data: Path, tmp_path: Path) -> None:
    ended = CliRunner().invoke(cli, federate(data, tmp_path / "no.db", "--resume"))
    assert "no such file to resume from" in str(ended.exception)
    assert not (tmp_path / "no.db").exists()


def test_a_board_takes_what_was_learned_and_knows_its_words(data: Path, tmp_path: Path) -> None:
    output = tmp_path / "learned.npz"
    more = ["--rounds", "1", "-o", str(output)]
    ended = CliRunner().invoke(cli, federate(data, tmp_path / "r.db", *more))
    assert ended.exit_code == 0, ended.output
    with open_project(tiny_model.folder(), tiny_model.HEAD).connect() as board:
        write_board(board, load_checkpoint(output), output)
        assert known_words(board) == (*board.labels, "one", "two")
