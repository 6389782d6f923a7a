# SPDX-License-Identifier: Apache-2.0
"""Words enrolled on a running board; what it has learned, saved and restored."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from click.testing import CliRunner, Result
from myna.audio.endpoint import Verdict
from myna.cli import cli
from myna.device import target
from myna.device.session import Board
from myna.errors import MynaError
from myna.learn.recipe import Recipe
from myna.project import Project, open_project
from myna.sessions import enroll as enrollment
from myna.sessions.recordings import Take
from myna.sessions.words import read_words, write_name
from support import tiny_model

SIZE = 48  # clip slots


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(tiny_model.folder(), tiny_model.HEAD)


@pytest.fixture(scope="module")
def running(project: Project) -> Iterator[str]:
    with target.start("host", project.firmware("host").elf) as port:
        yield port


@pytest.fixture
def port(running: str, project: Project) -> str:
    """The port of a board that has learned nothing."""
    with Board.connect(running) as board:
        board.reset_state()
        board.clear_clips()
    return running


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    return tiny_model.recordings(tmp_path / "takes", ("me",), ("a", "one", "two"), 3)


def run(command: str, *arguments: object) -> Result:
    return CliRunner().invoke(cli, [command, *map(str, arguments)])


def enroll(port: str, word: str, *arguments: object) -> Result:
    return run("enroll", tiny_model.folder(), "--port", port, "--word", word, "--wav", *arguments)


def learned(port: str) -> tuple[str, ...]:
    """The words that a board says it has learned."""
    with Board.connect(port) as board:
        return read_words(board)


def memory(port: str) -> tuple[bytes, int]:
    """Everything that a board remembers: its state, and how many clips."""
    with Board.connect(port) as board:
        return board.read_state(), board.status().clips


def test_words_take_classes_in_turn_and_all_clips_are_trained(
    port: str, takes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strong = Recipe(epochs=30, enough=0.0, rehearsals=1, vary=False)
    monkeypatch.setattr(Recipe, "of", lambda **_: strong)
    file = tmp_path / "result.json"
    for word, count, label in (("one", 3, 4), ("two", 6, 5), ("a", 9, 0)):
        done = enroll(port, word, takes / word, "--json", file)
        assert done.exit_code == 0, done.exception
        result = json.loads(file.read_text())
        assert (result["class"], result["takes"]) == (label, 3)
        assert result["steps"] == 30 * count * 2  # all that is stored, and as many memories
        assert (result["before"] == 100) == (word == "a")  # the others were not classes yet
        assert result["after"] == 100
    assert learned(port) == ("one", "two")
    with Board.connect(port) as board:
        assert board.status().classes == 6
        assert board.score().correct == 9


def test_a_word_that_sounds_like_a_known_one_is_said_before_training(
    port: str, takes: Path, tmp_path: Path
) -> None:
    file = tmp_path / "result.json"
    done = enroll(port, "one", takes / "one", "--json", file)
    assert "confused" not in done.stderr
    assert json.loads(file.read_text())["confusable"] == {}
    again = tiny_model.recordings(tmp_path / "again", ("you",), ("one",), 3)
    done = enroll(port, "won", again / "one", "--json", file)
    assert "3 of 3 takes of 'won' are as much like 'one' as its own" in done.stderr
    assert json.loads(file.read_text())["confusable"] == {"one": 3}


def test_more_takes_of_a_learned_word_keep_its_class(
    port: str, takes: Path, tmp_path: Path
) -> None:
    files = sorted((takes / "one").iterdir())
    assert enroll(port, "one", files[0]).exit_code == 0
    assert enroll(port, "one", files[1], files[2]).exit_code == 0
    with Board.connect(port) as board:
        assert (board.status().classes, board.status().clips) == (5, 3)


def sound(path: Path, data: object, rate: int = 16000) -> Path:
    soundfile.write(path, np.asarray(data, np.int16), rate, subtype="PCM_16")
    return path


TONE = tiny_model.tone("one", 1)


def words(*times: float) -> npt.NDArray[np.int16]:
    """Half a second of tone at each time but the last, which is the end."""
    whole = np.zeros(round(16000 * times[-1]), np.int16)
    for time in times[:-1]:
        start = round(16000 * time)
        whole[start : start + 8000] = TONE[:8000]
    return whole


BAD: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "rate": ("sampled at 4000 Hz", lambda p: sound(p, TONE, 4000)),
    "channels": ("cancel each other", lambda p: sound(p, np.stack([TONE, -TONE], 1))),
    "empty": ("the file is empty", lambda p: (p.write_bytes(b""), p)[1]),
    "text": ("cannot be read as audio", lambda p: (p.write_text("hello"), p)[1]),
    "short": ("too short for a word", lambda p: sound(p, TONE[:1000])),
    "silent": ("holds only silence", lambda p: sound(p, 0 * TONE)),
    "quiet": ("too quiet to learn from", lambda p: sound(p, TONE // 400)),
    "clipped": ("clipped throughout", lambda p: sound(p, np.where(TONE > 0, 32767, -32768))),
    "loud": ("is clipped", lambda p: sound(p, np.clip(8.0 * TONE, -32768, 32767))),
    "long": ("lasts 4.2 s, longer than the 4 s", lambda p: sound(p, words(1.0, 3.0, 4.2))),
    "two": ("holds two words", lambda p: sound(p, words(0.5, 1.5, 2.5))),
    "noisy": ("holds no word that stands out", lambda p: sound(p, np.tile(TONE, 2))),
    "cut": ("begins or ends within the word", lambda p: sound(p, words(0.0, 2.0))),
    "missing": ("no such file", lambda p: p),
    "folder": ("holds no recordings", lambda p: (p.mkdir(), p)[1]),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_recordings_leave_the_board_as_it_is(
    kind: str, port: str, takes: Path, tmp_path: Path
) -> None:
    good = next((takes / "one").iterdir())
    assert enroll(port, "one", good).exit_code == 0
    before = memory(port)
    message, make = BAD[kind]
    done = enroll(port, "two", good, make(tmp_path / "bad.wav"))
    assert isinstance(done.exception, MynaError)
    assert message in str(done.exception)
    assert "bad.wav" in str(done.exception)
    assert memory(port) == before
    assert learned(port) == ("one",)


def test_a_word_is_learned_wherever_it_is_in_the_recording(port: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(1)  # without which all three were one recording
    takes = [
        sound(tmp_path / f"{at}.wav", words(at, 3.0) + noise.integers(-9, 10, 48000))
        for at in (0.1, 0.9, 2.2)
    ]
    assert enroll(port, "one", *takes).exit_code == 0
    with Board.connect(port) as board:
        first, *others = (board.get_features(slot) for slot in range(3))
    for other in others:
        assert np.abs(first.astype(int) - other).max() <= 20  # frames begin elsewhere in the tone


def test_full_board_and_full_output_layer_refuse(port: str, takes: Path, tmp_path: Path) -> None:
    good = next((takes / "one").iterdir())
    for word in ("one", "two"):
        assert enroll(port, word, next((takes / word).iterdir())).exit_code == 0
    before = memory(port)
    many = enroll(port, "one", *[good] * (SIZE - 1))
    assert "47 do not fit beside the 2 it holds" in str(many.exception)
    third = enroll(port, "three", good)
    assert "no class is free for 'three'" in str(third.exception)
    assert memory(port) == before


def test_other_model_and_missing_port_end_with_status_1(port: str, takes: Path) -> None:
    before = memory(port)
    good = next((takes / "one").iterdir())
    for model, where, message in (
        (tiny_model.folder("plain"), port, "the board runs model 'reversible'"),
        (tiny_model.folder(), "/dev/ttyNONE", "no such serial port"),
    ):
        command = [sys.executable, "-c", "from myna.cli import main; main()", "enroll"]
        command += [str(model), "--port", where, "--word", "one", "--wav", str(good)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert memory(port) == before


@pytest.fixture
def saved(port: str, takes: Path, tmp_path: Path) -> Path:
    """A file saved from a board that has learned a word."""
    file = tmp_path / "saved.npz"
    assert enroll(port, "one", takes / "one").exit_code == 0
    done = run("export", tiny_model.folder(), "--port", port, "-o", file)
    assert done.exit_code == 0, done.exception
    return file


def restore(port: str, file: Path) -> Result:
    return run("restore", file, "--port", port)


def test_saved_state_comes_back(port: str, saved: Path) -> None:
    trained = memory(port)[0]
    with Board.connect(port) as board:
        board.reset_state()
        assert board.read_state() != trained
        info = board.info
    with np.load(saved) as file:
        assert file["state"].tobytes() == trained
        provenance = json.loads(file["provenance"].item())
    assert provenance["model"] == "reversible"
    assert (provenance["fingerprint"], provenance["abi"]) == (info.fingerprint, info.model_abi)
    assert provenance["step"] > 0
    done = restore(port, saved)
    assert done.exit_code == 0, done.exception
    assert memory(port)[0] == trained
    assert learned(port) == ("one",)
    assert "it knows one" in done.output


def test_damaged_or_foreign_state_is_refused_before_anything_is_sent(
    port: str, saved: Path, tmp_path: Path
) -> None:
    with Board.connect(port) as board:
        board.reset_state()
    before = memory(port)
    with np.load(saved) as file:
        state, provenance = file["state"], json.loads(file["provenance"].item())

    def write(**changes: object) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npz"
        text = np.array(json.dumps(provenance | changes))
        np.savez(path, state=state, provenance=text)
        return path

    for path, message in (
        (write(crc=provenance["crc"] ^ 1), "is damaged: its CRC is wrong"),
        (write(model="kws"), "was saved from model kws"),
        (write(abi=provenance["abi"] + 1), "was saved from model ABI"),
        (write(fingerprint=1), "was saved from program 00000001"),
        *((write(**{key: "x"}), "is no saved state") for key in ("fingerprint", "abi", "step")),
        (write(model=5), "is no saved state"),
        (write(model="../kws"), "is no saved state"),
        (write(options=[]), "is no saved state"),
        (next((tmp_path / "takes" / "one").iterdir()), "no intact archive of arrays"),
        (tmp_path / "none.npz", "no such file"),
    ):
        done = restore(port, path)
        assert isinstance(done.exception, MynaError)
        assert message in str(done.exception)
        assert memory(port) == before


# -- what does not end well ------------------------------------------------------------------------


def interrupt(at: int, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Ctrl-C right after the board has done what a session asked for, at the given call of it."""
    asked, calls = getattr(Board, method), iter(range(1, 99))

    def asking(*args: Any, **options: Any) -> Any:
        reply = asked(*args, **options)
        if next(calls) == at:
            raise KeyboardInterrupt
        return reply

    monkeypatch.setattr(Board, method, asking)


@pytest.mark.parametrize(
    ("method", "at"),
    [("upload_audio", 1), ("upload_audio", 3), ("read_state", 1), ("score", 1), ("learn", 1)],
)
def test_an_interrupted_enrollment_leaves_nothing(
    method: str, at: int, port: str, takes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = memory(port)
    with monkeypatch.context() as patch:
        interrupt(at, patch, method)
        assert enroll(port, "one", takes / "one").exit_code == 1
    assert memory(port) == before
    assert enroll(port, "two", takes / "two").exit_code == 0  # and nothing is in its way
    assert learned(port) == ("two",)
    with Board.connect(port) as board:
        assert (board.status().classes, board.status().clips) == (5, 3)


def test_a_word_that_costs_known_ones_is_not_learned(
    port: str, takes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Takes of a word that the model knows, under another name, and nothing is rehearsed."""
    before = memory(port)
    with monkeypatch.context() as patch:
        patch.setattr(Recipe, "of", lambda **_: Recipe(epochs=9, rehearsals=0))
        done = enroll(port, "one", takes / "a")
    assert isinstance(done.exception, MynaError)
    assert "at the cost of known classes" in str(done.exception)
    assert memory(port) == before
    assert enroll(port, "one", takes / "one", "--json", takes / "r.json").exit_code == 0
    said = json.loads((takes / "r.json").read_text())
    assert said["known_after"] >= said["known_before"] - 1


def test_takes_of_an_abandoned_word_do_not_become_another(
    port: str, takes: Path, tmp_path: Path
) -> None:
    """What a host that vanished has sent is of a class that nobody has begun."""
    with Board.connect(port) as board:
        for take in sorted((takes / "two").iterdir()):
            pcm = soundfile.read(take, dtype="int16")[0]
            board.upload_audio(pcm, board.status().clips, 4)
        assert board.status().clips == 3
    assert enroll(port, "one", takes / "one").exit_code == 0
    with Board.connect(port) as board:
        assert (board.status().classes, board.status().clips) == (5, 3)


def test_a_restored_state_has_no_clips_of_other_words(port: str, saved: Path, takes: Path) -> None:
    assert enroll(port, "two", takes / "two").exit_code == 0
    assert restore(port, saved).exit_code == 0
    with Board.connect(port) as board:
        assert (board.status().classes, board.status().clips) == (5, 3)  # those of "one"
    with Board.connect(port) as board:
        write_name(board, 4, "two")
    assert restore(port, saved).exit_code == 0  # what is stored was said to be another word
    with Board.connect(port) as board:
        assert (board.status().classes, board.status().clips) == (5, 0)


def test_takes_that_are_not_recognized_afterwards_are_said(
    port: str, takes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here of a known class, whose other takes are not learned."""
    monkeypatch.setattr(Recipe, "of", lambda **_: Recipe(epochs=0, vary=False))
    file = tmp_path / "result.json"
    done = enroll(port, "a", takes / "two", "--json", file)
    assert done.exit_code == 0, done.exception
    assert json.loads(file.read_text("utf-8"))["recognized"] == 0
    assert "only 0 of 3 takes recognized as 'a'" in done.output
    with Board.connect(port) as board:
        board.clear_clips()
    done = enroll(port, "a", takes / "a", "--json", file)
    assert done.exit_code == 0, done.exception
    assert json.loads(file.read_text("utf-8"))["recognized"] == 3
    assert "recognized as" not in done.output


@pytest.mark.parametrize(("frames", "hops"), [(49, 50), (99, 100), (12, 50)])
def test_a_word_may_be_as_long_as_what_the_model_hears(
    tmp_path: Path, frames: int, hops: int
) -> None:
    """And a second at least: a recording of a second is never cut."""
    found = SimpleNamespace(verdict=Verdict.OK, word_length=hops)
    session = SimpleNamespace(info=SimpleNamespace(frames=frames), upload_audio=lambda *_: found)
    take = Take(tmp_path / "x.wav", np.zeros(16000, np.int16))
    enrollment.upload(cast(Board, session), take, 0, 0)
    found.word_length += 1
    with pytest.raises(MynaError, match=f"longer than the {hops / 50:g} s"):
        enrollment.upload(cast(Board, session), take, 0, 0)
