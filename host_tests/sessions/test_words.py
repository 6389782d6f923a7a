# SPDX-License-Identifier: Apache-2.0
"""The words that a board has learned: their names are with it, and go and come with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from myna.cli import cli
from myna.device import target
from myna.device.session import Board
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.names import CLASSES, NAMES, TYPICAL
from myna.passes.training.imprint import NAME_BYTES, without_class
from myna.project import Project, open_project
from myna.sessions.words import check_name, read_words, words_in, write_name
from support import tiny, tiny_model

KNOWN = len(tiny.LABELS)


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(tiny_model.folder(), tiny_model.HEAD)


@pytest.fixture
def port(project: Project, tmp_path: Path) -> Iterator[str]:
    """A board that saves."""
    with target.start("host", project.firmware("host").elf, tmp_path / "nv") as started:
        yield started


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    return tiny_model.recordings(tmp_path / "takes", ("me",), ("one", "two"), 3)


def run(command: str, *arguments: object) -> Result:
    return CliRunner().invoke(cli, [command, *map(str, arguments)])


def enroll(port: str, word: str, *files: Path) -> Result:
    return run("enroll", tiny_model.folder(), "--port", port, "--word", word, *files)


def words(port: str) -> tuple[str, ...]:
    with Board.connect(port) as board:
        return read_words(board)


def test_names_stay_with_each_board(project: Project, takes: Path, tmp_path: Path) -> None:
    """Whatever is learned in between by another one, and after a loss of power."""
    elf = project.firmware("host").elf
    memories = [tmp_path / "a", tmp_path / "b"]
    with target.start("host", elf, memories[0]) as a, target.start("host", elf, memories[1]) as b:
        assert enroll(a, "one", takes / "one").exit_code == 0
        assert enroll(b, "radio", takes / "two").exit_code == 0
        assert enroll(a, "radio", takes / "two").exit_code == 0
        assert (words(a), words(b)) == (("one", "radio"), ("radio",))
    for memory, learned in zip(memories, (("one", "radio"), ("radio",)), strict=True):
        with target.start("host", elf, memory) as again:
            assert words(again) == learned


@pytest.mark.parametrize("removed", ["one", "two"])
def test_a_word_that_is_removed_leaves_the_others_as_they_were(
    removed: str, port: str, takes: Path
) -> None:
    for word in ("one", "two"):
        assert enroll(port, word, takes / word).exit_code == 0
    kept = "two" if removed == "one" else "one"
    with Board.connect(port) as board:
        before = [board.infer(slot).logits for slot in range(6)]
    done = run("words", tiny_model.folder(), "--port", port, "--remove", removed)
    assert done.exit_code == 0, done.exception
    assert words(port) == (kept,)
    old = KNOWN + ("one", "two").index(kept)
    with Board.connect(port) as board:
        assert (board.status().classes, board.status().clips) == (KNOWN + 1, 3)
        slots = range(3) if kept == "one" else range(3, 6)
        for slot in slots:
            now = board.infer(slot).logits
            assert now[:KNOWN].tolist() == before[slot][:KNOWN].tolist()
            assert now[KNOWN] == before[slot][old]
    assert enroll(port, removed, takes / removed).exit_code == 0  # and can be learned again
    assert words(port) == (kept, removed)


@given(st.data())
def test_without_a_class_all_rows_but_its_own_stay(project: Project, data: st.DataObject) -> None:
    graph, core = project.program.graph, Reference(project.program)
    before = core.program.unpack(core.read_state())
    rows = before[TYPICAL].size
    begun = data.draw(st.integers(1, rows - KNOWN))
    label = data.draw(st.integers(KNOWN, KNOWN + begun - 1))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    before[TYPICAL] = rng.integers(-9, 9, rows).astype(np.int32)
    before[NAMES][:begun] = rng.integers(1, 99, (begun, NAME_BYTES))
    before[CLASSES] = np.array([KNOWN + begun], np.int32)
    after = without_class(graph, before, label)
    named = lambda values: {  # noqa: E731
        values[NAMES][i].tobytes(): int(values[TYPICAL][KNOWN + i])
        for i in range(int(values[CLASSES][0]) - KNOWN)
    }
    expected = named(before)
    del expected[before[NAMES][label - KNOWN].tobytes()]
    assert named(after) == expected
    assert not after[NAMES][begun - 1 :].any()
    assert after[TYPICAL][:KNOWN].tolist() == before[TYPICAL][:KNOWN].tolist()


def test_a_removal_that_fails_leaves_no_clip_under_another_word(
    port: str, takes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for word in ("one", "two"):
        assert enroll(port, word, takes / word).exit_code == 0

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("myna.sessions.words.without_class", interrupted)
        assert run("words", tiny_model.folder(), "--port", port, "--remove", "one").exit_code == 1
        assert words(port) == ("one", "two")
    write_state, calls = Board.write_state, []

    def written(board: Board, state: bytes) -> None:
        write_state(board, state)
        calls.append(state)
        if len(calls) == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Board, "write_state", written)
        assert run("words", tiny_model.folder(), "--port", port, "--remove", "one").exit_code == 1
        assert words(port) == ("one", "two")


def test_a_word_is_renamed_for_good(project: Project, takes: Path, tmp_path: Path) -> None:
    elf = project.firmware("host").elf
    with target.start("host", elf, tmp_path / "nv") as port:
        assert enroll(port, "one", takes / "one").exit_code == 0
        with Board.connect(port) as board:
            before = board.infer(0).logits.tolist()
        assert run("words", "--port", port, "--rename", "one", "żółta lampa").exit_code == 0
        with Board.connect(port) as board:
            assert board.infer(0).logits.tolist() == before
    with target.start("host", elf, tmp_path / "nv") as port:
        assert words(port) == ("żółta lampa",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--remove", "two"], "is no word that the board has learned; it has learned one"),
        (["--remove", "a"], "what the model knew before stays"),
        (["--rename", "two", "three"], "is no word that the board has learned"),
        (["--rename", "one", "A"], "is known as 'a'"),
        (["--rename", "one", " "], "is no word"),
        (["--rename", "one", "x" * 25], "takes 25 bytes in UTF-8, a board keeps 24"),
        (["--rename", "one", "two", "--remove", "one"], "two things"),
    ],
)
def test_what_cannot_be_done_to_a_word_is_refused(
    options: list[str], message: str, port: str, takes: Path
) -> None:
    assert enroll(port, "one", takes / "one").exit_code == 0
    done = run("words", tiny_model.folder(), "--port", port, *options)
    assert isinstance(done.exception, MynaError)
    assert message in str(done.exception)
    assert words(port) == ("one",)


def test_a_word_without_a_name_is_listed_and_blocks_nothing(port: str, takes: Path) -> None:
    assert enroll(port, "one", takes / "one").exit_code == 0
    for name in (b"\xff\xfe", b"\x1b[31m", b"", b"   "):
        with Board.connect(port) as board:
            board.patch_state(board.info.names_offset, name.ljust(NAME_BYTES, b"\0"))
        assert words(port) == (("\ufffd\ufffd",) if name == b"\xff\xfe" else (f"class {KNOWN}",))
    assert enroll(port, "two", takes / "two").exit_code == 0
    assert run("words", "--port", port, "--rename", f"class {KNOWN}", "one").exit_code == 0
    assert words(port) == ("one", "two")


@given(st.text(min_size=1, max_size=NAME_BYTES))
def test_names_come_back_as_they_were_given_or_are_refused(project: Project, name: str) -> None:
    try:
        check_name(name, tiny.LABELS)
    except MynaError:
        return
    core = Reference(project.program)
    state = core.program.unpack(core.read_state())
    state[NAMES][0] = np.frombuffer(name.encode().ljust(NAME_BYTES, b"\0"), np.int8)
    state[CLASSES] += 1
    assert words_in(state, KNOWN) == (name,)


def test_a_take_is_not_taught_twice(port: str, takes: Path) -> None:
    first, second, *_ = sorted((takes / "one").iterdir())
    assert enroll(port, "one", first).exit_code == 0
    for files in ([first], [second, first], [second, second]):
        done = enroll(port, "one", *files)
        assert isinstance(done.exception, MynaError)
        assert str(files[-1]) in str(done.exception)
        assert "is the same recording as another take" in str(done.exception)
        with Board.connect(port) as board:
            assert board.status().clips == 1
    assert enroll(port, "one", second).exit_code == 0


def test_a_take_is_not_taught_as_two_words(port: str, takes: Path) -> None:
    first, second, *_ = sorted((takes / "one").iterdir())
    assert enroll(port, "one", first, second).exit_code == 0
    done = enroll(port, "two", first)
    assert isinstance(done.exception, MynaError)
    assert "is the same recording as another take" in str(done.exception)
    assert words(port) == ("one",)


def test_a_word_typed_in_two_ways_is_one(port: str, takes: Path) -> None:
    first, second, *_ = sorted((takes / "one").iterdir())
    assert enroll(port, "z\u00e9ro", first).exit_code == 0
    assert enroll(port, "ze\u0301ro", second).exit_code == 0
    assert words(port) == ("z\u00e9ro",)
    assert run("words", "--port", port, "--rename", "ze\u0301ro", "one").exit_code == 0


def test_write_name_is_refused_nothing_but_its_own_bytes(port: str, takes: Path) -> None:
    assert enroll(port, "one", takes / "one").exit_code == 0
    with Board.connect(port) as board:
        before = board.read_state()
        write_name(board, KNOWN, "x" * NAME_BYTES)
        after = board.read_state()
    changed = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    offset = changed[0]
    assert changed == list(range(offset, offset + NAME_BYTES))
