# SPDX-License-Identifier: Apache-2.0
"""The names of the words that a board has learned.

The board knows classes by number; names stay on the host, in a JSON file
``{"model": NAME, "words": [...]}`` whose first word is the class behind the model's labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from myna.device.session import Board
from myna.errors import MynaError
from myna.files import write_file


def load_words(path: Path, session: Board) -> tuple[str, ...]:
    """The names of the words that a board has learned beyond its labels.

    Names beyond those that the board has are left out: it was reset since.

    Raises:
        MynaError: the file is damaged or of another model, or lacks a name.
    """
    learned = session.status().classes - len(session.labels) if session.labels else 0
    words = _read(path, session.info.model)
    if len(words) < learned:
        raise MynaError(
            f"the board has learned {learned} words, {len(words)} of them have a name here",
            where=str(path),
            fix="name the file that was used when they were enrolled: --names FILE",
        )
    return words[: max(learned, 0)]


def save_words(path: Path, model: str, words: Sequence[str]) -> None:
    """Write the names of a model's learned words, in order of their classes.

    Raises:
        MynaError: the file cannot be written.
    """
    text = json.dumps({"model": model, "words": list(words)}, ensure_ascii=False, indent=1)
    write_file(path, f"{text}\n".encode(), fix="name another --names")


@contextmanager
def naming(path: Path, model: str, before: Sequence[str], after: Sequence[str]) -> Iterator[None]:
    """Around learning a word: its name is there before the word is, and goes if that fails.

    Raises:
        MynaError: the file cannot be written; nothing was learned then.
    """
    if tuple(before) != tuple(after):
        save_words(path, model, after)
    try:
        yield
    except BaseException:
        if tuple(before) != tuple(after):
            with suppress(MynaError):
                save_words(path, model, before)
        raise


def _read(path: Path, model: str) -> tuple[str, ...]:
    if not path.exists():
        return ()
    try:
        record = json.loads(path.read_text("utf-8"))
        owner, words = record["model"], tuple(record["words"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MynaError(
            f"holds no list of words ({error})", where=str(path), fix="name another --names"
        ) from error
    if owner != model:
        raise MynaError(
            f"names the words of model {owner!r}, the board runs {model!r}",
            where=str(path),
            fix="name another file with --names",
        )
    return words
