# SPDX-License-Identifier: Apache-2.0
"""Words come, go and are renamed in any order, undone, and cut short by a loss of power.

After each of them the board has, byte for byte, the state of a reference that did the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from myna.cli import cli
from myna.device import target
from myna.device.session import Board
from myna.errors import MynaError
from myna.evaluation.engine import CoreEngine
from myna.ir import Array
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe
from myna.names import CLASSES, NAMES
from myna.passes.training.imprint import without_class
from myna.project import Project, open_project
from myna.sessions.heard import heard
from myna.sessions.words import read_words, words_in
from support import tiny, tiny_model

KNOWN = len(tiny.LABELS)
Clips = dict[int, tuple[Array, int]]  # by slot: features and class


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(tiny_model.refusing(), tiny_model.HEAD)


class Reference:
    """The C core in this process, the clips, and what was saved last and before."""

    def __init__(self, project: Project) -> None:
        self.program = project.program
        self._engine = CoreEngine(project.library(), project.package)
        self._engine.reset()
        self.clips: Clips = {}
        self.saved: list[tuple[bytes, Clips]] = []

    @property
    def state(self) -> bytes:
        return self._engine.read_state()

    @property
    def words(self) -> tuple[str, ...]:
        return words_in(self.program.unpack(self.state), KNOWN)

    def save(self) -> None:
        self.saved = [(self.state, dict(self.clips)), *self.saved[:1]]

    def wake(self) -> None:
        """As after a loss of power."""
        self._engine.reset()
        self.clips = {}
        if self.saved:
            state, clips = self.saved[0]
            self._engine.write_state(state)
            self.clips = dict(clips)

    def undo(self) -> None:
        self.saved.reverse()
        self.wake()
        self.saved.reverse()
        self.save()

    def enroll(self, word: str, takes: Clips) -> None:
        if word not in self.words:
            self.rename(int(self._unpacked()[CLASSES][0]), word)
        self.learn(takes)

    def learn(self, takes: Clips) -> None:
        self.clips |= takes
        features, labels = zip(*(self.clips[slot] for slot in sorted(self.clips)), strict=True)
        self._engine.learn(Examples(np.array(features), np.array(labels, np.int64)), Recipe())
        self.save()

    def rename(self, label: int, name: str) -> None:
        values = {key: value.copy() for key, value in self._unpacked().items()}
        row = values[NAMES][label - KNOWN]
        row[:] = np.frombuffer(name.encode().ljust(row.size, b"\0"), np.int8)
        self._engine.write_state(self.program.pack(values))

    def remove(self, label: int) -> None:
        last = int(self._unpacked()[CLASSES][0]) - 1
        after = without_class(self.program.graph, self._unpacked(), label)
        self._engine.write_state(self.program.pack(after))
        self.clips = {
            slot: (features, label if own == last else own)
            for slot, (features, own) in self.clips.items()
            if own != label
        }
        self.save()

    def _unpacked(self) -> dict[str, Array]:
        return self.program.unpack(self.state)


def free(slots: set[int]) -> int:
    """The first slot that stores nothing."""
    return min(set(range(len(slots) + 1)) - slots)


class Walk:
    """A board that is told what the reference does.

    Args:
        project: what it runs.
        name: of the board.
        folder: for its memory, and for recordings.
        seed: of what happens.
    """

    def __init__(self, project: Project, name: str, folder: Path, seed: int) -> None:
        self._elf, self._name, self._nv = project.firmware(name).elf, name, folder / "nv"
        self._takes = tiny_model.recordings(folder / "takes", ("me",), ("one", "two", "three"), 8)
        self._random, self._used = random.Random(seed), 0
        self._reference = Reference(project)
        self._board = ExitStack()
        self.done: list[str] = []
        self.settled = 0

    def run(self, steps: int) -> None:
        with self._board:
            self._port = self._board.enter_context(self._power())
            for _ in range(steps):
                self._step()
                self._compare()

    def _power(self) -> ExitStack:
        stack = ExitStack()
        self._port = stack.enter_context(target.start(self._name, self._elf, self._nv))
        return stack

    def _step(self) -> None:
        words = self._reference.words
        possible: list[Callable[[], None]] = [self._cut]
        possible += [self._enroll] if self._used < 6 else []
        possible += [self._remove, self._rename, self._refuse, self._accept] if words else []
        possible += [self._undo] if len(self._reference.saved) == 2 else []
        chosen = self._random.choice(possible)
        self.done.append(chosen.__name__)
        chosen()

    def _compare(self) -> None:
        with Board.connect(self._port) as board:
            assert board.read_state() == self._reference.state, self.done
            assert read_words(board) == self._reference.words
            assert board.status().clips == len(self._reference.clips)
            for slot, (features, _) in self._reference.clips.items():
                assert (board.get_features(slot) == features).all()

    def _tell(self, *arguments: object) -> None:
        given = [*map(str, arguments), "--port", self._port]
        done = CliRunner().invoke(cli, given)
        assert done.exit_code == 0, (self.done, done.exception)

    def _cut(self) -> None:
        self._board.close()
        self._board.enter_context(self._power())
        self._reference.wake()

    def _enroll(self) -> None:
        sound = self._random.choice(("one", "two"))
        word = next((w for w in self._reference.words if w.endswith(sound)), sound)
        path = sorted((self._takes / sound).iterdir())[self._used]
        self._used += 1
        before = set(self._reference.clips)
        self._tell("enroll", tiny_model.refusing(), "--word", word, path)
        slot = free(before)
        label = (*tiny.LABELS, *self._reference.words, word).index(word)
        with Board.connect(self._port) as board:
            self._reference.enroll(word, {slot: (board.get_features(slot), label)})

    def _remove(self) -> None:
        label, word = self._word()
        self._tell("words", tiny_model.refusing(), "--remove", word)
        self._reference.remove(label)

    def _rename(self) -> None:
        label, word = self._word()
        name = f"{len(self.done)} {word[-3:]}"
        self._tell("words", "--rename", word, name)
        self._reference.rename(label, name)
        self._reference.save()

    def _refuse(self) -> None:
        self._settle("refuse", tiny.LABELS.index("c"))

    def _accept(self) -> None:
        label, word = self._word()
        self._settle("accept", label, "--word", word)

    def _settle(self, command: str, label: int, *options: str) -> None:
        """Let the board hear something and say what it was, if it notes it; it may do harm."""
        path = self._random.choice(sorted((self._takes / "three").iterdir()))
        self._tell("recognize", path)
        with Board.connect(self._port) as board:
            number = next((sound.number for sound in heard(board) if not sound.learned), None)
            used = set(board.score().labels) if board.status().clips else set()
        if number is None:
            return
        model = ["--port", self._port, "--model", str(tiny_model.refusing())]
        done = CliRunner().invoke(cli, [command, str(number), *options, *model])
        if done.exit_code != 0:
            assert "did harm" in str(done.exception) or "no take" in str(done.exception)
            return
        slot = free(used)
        with Board.connect(self._port) as board:
            self._reference.learn({slot: (board.get_features(slot), label)})
        self.settled += 1

    def _undo(self) -> None:
        self._tell("undo")
        self._reference.undo()

    def _word(self) -> tuple[int, str]:
        words = self._reference.words
        word = self._random.choice(words)
        return KNOWN + words.index(word), word


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_board_is_where_the_reference_is(project: Project, seed: int, tmp_path: Path) -> None:
    walk = Walk(project, "host", tmp_path, seed)
    walk.run(20)
    assert {"_enroll", "_cut", "_undo"} <= set(walk.done)
    assert walk.settled, "nothing was noted and learned"


@pytest.mark.qemu
def test_an_emulated_core_is_where_the_reference_is(project: Project, tmp_path: Path) -> None:
    Walk(project, "qemu_m4", tmp_path, 4).run(8)


def test_nothing_is_taken_back_before_something_was_saved_twice(
    project: Project, tmp_path: Path
) -> None:
    with target.start("host", project.firmware("host").elf, tmp_path / "nv") as port:
        for _ in range(2):
            done = CliRunner().invoke(cli, ["undo", "--port", port])
            assert isinstance(done.exception, MynaError)
            assert "nothing to take back" in str(done.exception)
            with Board.connect(port) as board:
                board.save_state()


def test_a_board_that_keeps_nothing_cannot_take_back(project: Project) -> None:
    with target.start("host", project.firmware("host").elf) as port:
        done = CliRunner().invoke(cli, ["undo", "--port", port])
        assert "forgets when it is off" in str(done.exception)
