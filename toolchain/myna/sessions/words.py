# SPDX-License-Identifier: Apache-2.0
"""The names of the words that a board has learned: in its state, with all else it has learned.

They are saved, undone, exported and restored with it. Nothing on the board computes with a name.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from myna.device import bodies as b
from myna.device import messages as m
from myna.device.session import Board
from myna.errors import MynaError
from myna.ir import Array
from myna.names import CLASSES, NAMES
from myna.passes.memory.plan import Program
from myna.passes.training.imprint import NAME_BYTES, without_class
from myna.sessions.checkpoint import require_whole
from myna.sessions.undo import undoing


def read_words(session: Board) -> tuple[str, ...]:
    """The words that a board has learned beyond its labels, in order of their classes."""
    size, labels = session.info.name_bytes, len(session.labels)
    if not size:
        return ()
    begun = session.status().classes - labels
    pieces = [b.Range(session.info.names_offset + i * size, size) for i in range(begun)]
    return _decoded([r.data for r in session.link.stream(m.STATE_READ, pieces)], labels)


def known_words(session: Board) -> tuple[str, ...]:
    """All words that a board knows, by class: its labels, and what it has learned."""
    return *session.labels, *read_words(session)


def words_in(state: Mapping[str, Array], labels: int) -> tuple[str, ...]:
    """The words of a state beyond the labels that its model has."""
    if NAMES not in state:
        return ()
    rows = state[NAMES][: int(state[CLASSES][0]) - labels]
    return _decoded([row.tobytes() for row in rows], labels)


def listed(words: Sequence[str]) -> str:
    """What a board is said to know beyond the labels of its model."""
    return f"it knows {', '.join(words)}" if words else "no word was learned"


def _decoded(rows: Sequence[bytes], labels: int) -> tuple[str, ...]:
    """Names that can be shown and told apart, whatever the bytes are."""
    names: list[str] = []
    for label, row in enumerate(rows, labels):
        text = row.rstrip(b"\0").decode(errors="replace")
        is_fit = text.strip() and text.isprintable() and text not in names
        names.append(text if is_fit else f"class {label}")
    return tuple(names)


def check_name(word: str, names: Sequence[str]) -> None:
    """Refuse what a new word cannot be called.

    Args:
        word: its name.
        names: of the words that are known.

    Raises:
        MynaError: it is blank, too long, or differs from a known one by case alone, or not at all.
    """
    if not word.strip() or not word.isprintable() or word != word.strip():
        raise MynaError(
            "is no word", where=repr(word), fix="choose a name without spaces around it"
        )
    if (size := len(word.encode(errors="replace"))) > NAME_BYTES:
        raise MynaError(
            f"takes {size} bytes in UTF-8, a board keeps {NAME_BYTES}",
            where=repr(word),
            fix="choose a shorter name",
        )
    for name in names:
        if name.casefold() == word.casefold():
            raise MynaError(
                f"is known as {name!r}",
                where=repr(word),
                fix=f"call it {shlex.quote(name)}, or choose another name",
            )


def learned_class(word: str, session: Board) -> int:
    """The class of a word that a board has learned.

    Raises:
        MynaError: it has learned no such word.
    """
    learned = read_words(session)
    if word not in learned:
        known = ", ".join(learned) or "no word"
        raise MynaError(
            f"is no word that the board has learned; it has learned {known}",
            where=repr(word),
            fix="myna words lists what it knows; what the model knew before stays as it is",
        )
    return len(session.labels) + learned.index(word)


def write_name(session: Board, label: int, word: str) -> None:
    """Give a class behind the labels its name."""
    at = session.info.names_offset + (label - len(session.labels)) * session.info.name_bytes
    session.patch_state(at, word.encode().ljust(session.info.name_bytes, b"\0"))


def remove_class(session: Board, program: Program, label: int) -> None:
    """Let a board forget a class that it has learned, and its clips; the last one takes its number.

    Args:
        session: with a board that runs `program`.
        program: says where the state tensors are.
        label: behind the labels.

    Raises:
        MynaError: the state is incomplete, or the board failed. If the state could not be written,
            all is as it was; if the clips could not follow, they are forgotten.
    """
    status = session.status()
    require_whole(session, status)
    last = status.classes - 1
    before = session.read_state()
    after = program.pack(without_class(program.graph, program.unpack(before), label))
    with undoing(lambda: session.write_state(before)):
        session.write_state(after)
    with undoing(session.clear_clips):
        session.link.request(m.CLASS_REMOVED, b.ClassRemoved(label, last))
