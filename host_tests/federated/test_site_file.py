# SPDX-License-Identifier: Apache-2.0
"""A site's file: whose takes it serves, under which numbers; what is wrong with it is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from myna.errors import MynaError
from myna.federated.site_file import open_site
from support import tiny_model, voices

TEXT = """
model = "{model}"
train = "head"
data = "data"
words = "one,a"
engine = "host,socket://127.0.0.1:7000"
[clients]
7 = "s1"
2 = "s0"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tiny_model.recordings(tmp_path / "data", ("s0", "s1", "s2"), ("a", "one", "two"), 2)
    file = tmp_path / "site.toml"
    file.write_text(TEXT.format(model=tiny_model.folder()), "utf-8")
    return file


def test_clients_have_the_takes_of_their_speakers(path: Path) -> None:
    site = open_site(path)
    assert [(client.number, client.speaker) for client in site.clients] == [(7, "s1"), (2, "s0")]
    a, one = 0, 4  # the first free class
    assert [client.takes.labels.tolist() for client in site.clients] == 2 * [[a, a, one, one]]
    assert [spec.port for spec in site.engines] == [None, "socket://127.0.0.1:7000"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("train =", "trains =", r"describes no site \(KeyError: 'train'\)"),
        ('"s1"', '"s1', "describes no site"),
        ("7 =", "seven =", "describes no site"),
        ("[clients]", "[[clients]]", "describes no site"),
        ('"s1"', '"s9"', "no recording of speaker s9"),
        ("one,a", "c", "no usable recording of a word by speaker s0"),
        ('"data"', '"elsewhere"', "no such data folder"),
        ('"host,', '"float,', "updates are integers"),
        ('"head"', '"heart"', "heart"),
    ],
)
def test_what_is_wrong_is_said(path: Path, old: str, new: str, says: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(MynaError, match=says):
        open_site(path)


def users(path: Path, engine: str) -> Path:
    """The same site where users are told."""
    text = path.read_text("utf-8").replace(str(tiny_model.folder()), str(voices.project().folder))
    text = text.replace("one,a", "").replace("host,socket://127.0.0.1:7000", engine)
    path.write_text(text, "utf-8")
    return path


def test_users_are_those_of_boards_whatever_they_say(path: Path) -> None:
    site = open_site(users(path, "socket://127.0.0.1:7000,socket://127.0.0.1:7001"))
    assert [(client.number, client.draws) for client in site.clients] == [(7, True), (2, True)]
    assert [client.takes.labels.tolist() for client in site.clients] == 2 * [6 * [0]]


@pytest.mark.parametrize(
    ("engine", "says"),
    [
        ("host,socket://127.0.0.1:7000", "only a board keeps its user's codeword"),
        ("socket://127.0.0.1:7000", "a board has one user"),
    ],
)
def test_a_user_without_a_board_is_refused(path: Path, engine: str, says: str) -> None:
    with pytest.raises(MynaError, match=says):
        open_site(users(path, engine))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MynaError, match=r"nowhere.toml: describes no site"):
        open_site(tmp_path / "nowhere.toml")


def test_not_all_words_are_said_at_a_site(path: Path) -> None:
    text = path.read_text("utf-8")
    path.write_text(text.replace("one,a", "c,b,one,a"), "utf-8")
    assert [len(client.takes) for client in open_site(path).clients] == [4, 4]


def test_a_client_without_takes_is_named(path: Path) -> None:
    for file in (path.parent / "data").glob("*/s0_*"):
        file.write_bytes(b"")
    with pytest.raises(MynaError, match="no usable recording of a word by speaker s0"):
        open_site(path)
