# SPDX-License-Identifier: Apache-2.0
"""Live listening: to a long recording, to a microphone, on a terminal and on none."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from myna.audio.config import RATE
from myna.audio.files import write_wav
from myna.cli import cli
from myna.commands.listen import AFTER, LongRecording
from myna.device import target
from myna.device.session import Board
from myna.errors import MynaError
from myna.passes.pipeline import Options
from myna.project import open_project
from myna.sessions.stream import BoardListening, StoredWord
from support import tiny_model, wake_words
from support.fake_sounddevice import FakeMicrophone, attach
from support.sounds import write_sound

BOARDS_LENGTH = 0.8  # seconds: a board refuses what is longer than a window


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wake_words.recordings(tmp_path_factory.mktemp("listen") / "data")


@pytest.fixture(scope="module")
def long(data: Path) -> Path:
    write_wav(data.parent / "long.wav", wake_words.sound())
    return data.parent / "long.wav"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    project = open_project(wake_words.folder(), wake_words.STREAMING)
    nv = tmp_path_factory.mktemp("flash") / "flash"
    with target.start("host", project.firmware("host").elf, nv) as name:
        yield name


def stored(port: str) -> list[StoredWord | None]:
    """What the board listens for, of the classes that a user can have begun."""
    with Board.connect(port) as board:
        labels = len(board.labels)
        return [BoardListening(board).word(label) for label in (labels, labels + 1)]


def on_board(command: str, port: str, *rest: object) -> Result:
    words = [command, str(wake_words.folder()), "--port", port, *map(str, rest)]
    return CliRunner().invoke(cli, words)


def run_on(port: str, command: str, *rest: object) -> Result:
    done = CliRunner().invoke(cli, [command, "--port", port, *map(str, rest)])
    assert done.exit_code == 0, done.exception
    return done


def arguments(data: Path, *rest: object) -> list[str]:
    return ["listen", str(wake_words.folder()), "--words", str(data), *map(str, rest)]


def run(data: Path, *rest: object) -> Result:
    return CliRunner().invoke(cli, arguments(data, *rest))


def heard(text: str) -> tuple[str, ...]:
    """The words of the lines of events."""
    return tuple(re.findall(r"^ +[\d.]+ s  (\w+)  ", text, re.MULTILINE))


def result(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def test_words_are_heard_in_a_long_recording(data: Path, long: Path, tmp_path: Path) -> None:
    done = run(data, "--wav", long, "--json", tmp_path / "out.json")
    assert done.exit_code == 0, done.exception
    assert heard(done.output) == wake_words.SAID
    assert "nothing was loud" not in done.output
    assert "\x1b" not in done.output
    found = result(tmp_path / "out.json")
    assert [event["word"] for event in found["events"]] == list(wake_words.SAID)
    for event, at in zip(found["events"], wake_words.AT, strict=True):
        assert at < event["time_s"] < at + wake_words.LENGTH + 1.5
        assert event["score"] >= event["threshold"]
        assert 0 < event["confidence"] <= 1
    assert (found["lost"], found["samples"]) == (0, len(wake_words.sound()) + AFTER)
    assert [word["name"] for word in found["words"]] == list(wake_words.WORDS)


def test_a_recording_in_which_nothing_is_loud_is_told(data: Path, tmp_path: Path) -> None:
    rustle = np.random.default_rng(1).normal(0, 20, 3 * RATE).astype(np.int16)
    write_wav(tmp_path / "quiet.wav", rustle)
    assert "nothing was loud enough" in run(data, "--wav", tmp_path / "quiet.wav").output


def test_the_same_words_are_heard_at_another_rate(data: Path, tmp_path: Path) -> None:
    sound = np.repeat(wake_words.sound(), 3)
    write_sound(tmp_path / "long.flac", np.stack([sound, sound], 1), 48000)
    assert heard(run(data, "--wav", tmp_path / "long.flac").output) == wake_words.SAID


def test_a_word_at_the_very_end_is_heard(data: Path, tmp_path: Path) -> None:
    end = round(RATE * (wake_words.AT[2] + wake_words.LENGTH))
    write_wav(tmp_path / "cut.wav", wake_words.sound()[:end])
    assert heard(run(data, "--wav", tmp_path / "cut.wav").output) == wake_words.SAID


def test_what_was_heard_is_told_although_the_recording_is_damaged(
    data: Path, tmp_path: Path
) -> None:
    path, second = tmp_path / "long.flac", round(RATE * wake_words.AT[1])
    write_sound(path, wake_words.sound(), RATE)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * second // len(wake_words.sound())])
    done = run(data, "--wav", path, "--json", tmp_path / "out.json")
    assert isinstance(done.exception, MynaError)
    assert "1 event in" in done.output
    assert [event["word"] for event in result(tmp_path / "out.json")["events"]] == [
        wake_words.SAID[0]
    ]


def test_a_microphone_is_heard_until_somebody_interrupts(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach(FakeMicrophone(wake_words.sound(), full_at=(3,)), monkeypatch)
    done = run(data, "--mic", "--json", tmp_path / "out.json")
    assert done.exit_code == 0, done.exception
    assert heard(done.output) == wake_words.SAID
    assert "sound 1 time before" in done.output
    found = result(tmp_path / "out.json")
    assert (found["overflows"], found["samples"]) == (1, len(wake_words.sound()))


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ([], "one thing"),
        (["--mic", "--wav", "x.wav"], "one thing"),
        (["--wav", "x.wav", "--device", "USB"], "is a microphone's"),
        (["--wav", "x.wav", "--false-accepts-per-hour", "0"], "range"),
        (["--wav", "x.wav", "--false-accepts-per-hour", "1e308"], "range"),
        (["--wav", "x.wav", "--false-accepts-per-hour", "nan"], "finite"),
    ],
)
def test_wrong_calls_are_told(data: Path, rest: list[str], says: str) -> None:
    done = run(data, *rest)
    assert done.exit_code == 2
    assert says in done.output


@pytest.mark.parametrize(
    ("name", "contents"),
    [("none.wav", None), ("empty.wav", b""), ("text.wav", b"hello"), ("half.wav", b"RIFF")],
)
def test_a_recording_that_is_none_is_refused(
    data: Path, name: str, contents: bytes | None, tmp_path: Path
) -> None:
    if contents is not None:
        (tmp_path / name).write_bytes(contents)
    done = run(data, "--wav", tmp_path / name)
    assert isinstance(done.exception, MynaError)
    assert name in done.exception.where


def test_a_model_that_hears_nothing_is_refused(data: Path, long: Path) -> None:
    done = CliRunner().invoke(cli, ["listen", str(tiny_model.folder("plain")), "--words", str(data),
                                    "--wav", str(long)])  # fmt: skip
    assert done.exception is not None


def test_pieces_are_as_short_as_a_microphones(long: Path) -> None:
    pieces = list(LongRecording(long).pieces())
    assert max(map(len, pieces)) <= RATE // 5
    expected = np.pad(wake_words.sound(), (0, AFTER))
    np.testing.assert_array_equal(np.concatenate(pieces), expected)


def test_a_terminal_shows_levels_scores_and_counts(data: Path, long: Path) -> None:
    """In a process of its own, on a pseudo-terminal; the last view is what remains."""
    ours, theirs = pty.openpty()
    code = "from myna.cli import main; main()"
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    command = [sys.executable, "-c", code, *arguments(data, "--wav", long)]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        while piece := _read(ours):
            shown += piece
    os.close(ours)
    text = shown.decode()
    assert process.returncode == 0, text
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\r", "\n")
    assert heard(plain) == wake_words.SAID
    *_, last = plain.split("level ")
    for word in wake_words.WORDS:
        assert re.search(rf"{word} +━+.* \(from 0\.\d+ on\)", last), last
    assert f"{len(wake_words.sound()) + AFTER:,} samples, 0 lost, 20.0 s" in last
    assert " dB" in last
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor is shown again


def _read(terminal: int) -> bytes:
    """What a terminal shows next; nothing once nobody writes to it any more."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_a_board_listens_for_what_was_enrolled_on_it(port: str, long: Path, tmp_path: Path) -> None:
    none = on_board("listen", port, "--wav", long)
    assert isinstance(none.exception, MynaError)
    assert "knows no word of its user's" in none.exception.what
    for word in wake_words.WORDS:
        takes = [tmp_path / f"{word}_{i}.wav" for i in range(3)]
        for seed, take in enumerate(takes):
            write_wav(take, wake_words.say(word, seed, BOARDS_LENGTH))
        done = on_board("enroll", port, "--word", word, "--wav", *takes)
        assert done.exit_code == 0, done.exception
        assert "does not listen" not in done.stderr
    enrolled = stored(port)
    assert [word and (word.takes, word.rate) for word in enrolled] == [(3, 0.5), (3, 0.5)]
    done = on_board("listen", port, "--wav", long)
    assert done.exit_code == 0, done.exception
    assert heard(done.output) == wake_words.SAID
    assert "; 0 samples lost" in done.output
    assert stored(port) == enrolled, "nothing was made anew"


def test_a_sound_that_was_no_word_is_refused_and_taken_back(
    port: str, long: Path, tmp_path: Path
) -> None:
    before = stored(port)
    done = on_board("listen", port, "--wav", long)
    assert f"myna refuse --stream --port {port}" in done.output
    listed = run_on(port, "heard", "--stream", "--json", tmp_path / "heard.json")
    sounds = result(tmp_path / "heard.json")["sounds"]
    assert [sound["word"] for sound in sounds][:3] == list(wake_words.SAID[::-1])
    assert f"{sounds[0]['number']:3} 'one', accepted" in listed.output
    done = run_on(port, "refuse", "--stream", "--json", tmp_path / "refuse.json")
    assert "taken for 'one', is no word from now on" in done.output
    assert result(tmp_path / "refuse.json")["number"] == sounds[0]["number"]
    assert heard(on_board("listen", port, "--wav", long).output) == wake_words.SAID[:2]
    run_on(port, "undo")
    assert stored(port) == before
    assert heard(on_board("listen", port, "--wav", long).output) == wake_words.SAID


def test_a_sound_that_was_a_word_joins_its_template(port: str, long: Path) -> None:
    before = stored(port)
    on_board("listen", port, "--wav", long)
    model = ["--model", str(wake_words.folder())]
    with Board.connect(port) as board:
        newest = BoardListening(board).sightings()[0].number
    done = run_on(port, "accept", newest, "--stream", "--word", "three", *model)
    assert "belongs to 'three' from now on" in done.output
    first, second = stored(port)
    assert first == before[0]
    assert second is not None
    assert before[1] is not None
    assert second.takes == before[1].takes + 1
    assert second.threshold != before[1].threshold
    gone = CliRunner().invoke(cli, ["accept", str(newest), "--stream", "--port", port, *model])
    assert isinstance(gone.exception, MynaError)
    assert "myna heard --stream" in gone.exception.fix
    run_on(port, "undo")
    assert stored(port) == before


def test_thresholds_are_set_anew_for_another_rate(port: str, long: Path, tmp_path: Path) -> None:
    before = stored(port)
    done = on_board("listen", port, "--wav", long, "--false-accepts-per-hour", 7,
                    "--json", tmp_path / "out.json")  # fmt: skip
    assert done.exit_code == 0, done.exception
    after = stored(port)
    assert [word and word.rate for word in after] == [7.0, 7.0]
    for one, other in zip(before, after, strict=True):
        assert one is not None
        assert other is not None
        assert other.threshold < one.threshold
    found = result(tmp_path / "out.json")
    assert [word["false_accepts_per_hour"] for word in found["words"]] == [7.0, 7.0]
    assert CliRunner().invoke(cli, ["undo", "--port", port]).exit_code == 0
    assert stored(port) == before


def test_a_word_that_is_enrolled_again_keeps_its_rate(port: str, tmp_path: Path) -> None:
    take = tmp_path / "one_9.wav"
    for rest in (["--false-accepts-per-hour", "3"], []):
        seed = 20 + len(rest)
        write_wav(take, wake_words.say("one", seed, BOARDS_LENGTH))
        done = on_board("enroll", port, "--word", "one", *rest, "--wav", take)
        assert done.exit_code == 0, done.exception
    first, second = stored(port)
    assert first is not None
    assert (first.takes, first.rate) == (5, 3.0)
    assert second is not None
    assert second.rate == 0.5


def test_all_templates_follow_where_training_changes_embeddings(tmp_path: Path) -> None:
    project = open_project(wake_words.folder(), Options(train="all", streaming=True))
    with target.start("host", project.firmware("host").elf) as name:
        for seed, word in enumerate(wake_words.WORDS):
            write_wav(tmp_path / "take.wav", wake_words.say(word, seed, BOARDS_LENGTH))
            done = on_board("enroll", name, "--word", word, "--wav", tmp_path / "take.wav")
            assert done.exit_code == 0, done.exception
        with Board.connect(name) as board:
            listening, labels = BoardListening(board), len(board.labels)
            for label in (labels, labels + 1):
                template = listening.template(label)
                listening.make_template(label)
                np.testing.assert_array_equal(template, listening.template(label))


def test_what_a_board_cannot_listen_for_is_told(tmp_path: Path) -> None:
    bare = open_project(tiny_model.folder(), wake_words.STREAMING)
    write_wav(tmp_path / "one.wav", wake_words.say("one", 1, BOARDS_LENGTH))
    with target.start("host", bare.firmware("host").elf) as name:
        words = ["enroll", str(tiny_model.folder()), "--port", name, "--word", "new"]
        done = CliRunner().invoke(cli, [*words, "--wav", str(tmp_path / "one.wav")])
    assert done.exit_code == 0, done.exception
    assert "does not listen for 'new'" in done.stderr
    assert "myna negatives" in done.stderr


def test_words_come_from_one_place(port: str, data: Path, long: Path) -> None:
    assert run(data, "--port", port, "--wav", long).exit_code == 2
    none = CliRunner().invoke(cli, ["listen", str(wake_words.folder()), "--wav", str(long)])
    assert none.exit_code == 2
