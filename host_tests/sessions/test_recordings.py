# SPDX-License-Identifier: Apache-2.0
"""Takes that are named one by one or as a folder, in every format that is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from myna.audio.decode import SUFFIXES
from myna.errors import MynaError
from myna.sessions.recordings import find_takes, read_takes
from support import tiny_model
from support.sounds import write_sound


def test_a_folder_gives_its_recordings_of_every_format(tmp_path: Path) -> None:
    names = [f"{take}{suffix}" for take, suffix in enumerate((*SUFFIXES, ".OPUS"))]
    for take, name in enumerate(names):
        write_sound(tmp_path / name, tiny_model.tone("one", take))
    (tmp_path / "notes.txt").write_text("not audio")
    takes = read_takes(find_takes([tmp_path]))
    assert [take.path.name for take in takes] == names
    assert {take.pcm.size for take in takes} == {tiny_model.RATE}


@pytest.mark.parametrize("suffix", [".m4a", ".amr"])
def test_a_folder_with_another_format_is_refused(suffix: str, tmp_path: Path) -> None:
    write_sound(tmp_path / "a.opus", tiny_model.tone("one", 1))
    (tmp_path / f"b{suffix}").touch()
    with pytest.raises(MynaError, match="another format than WAV, FLAC, Opus") as caught:
        find_takes([tmp_path])
    assert caught.value.where == str(tmp_path / f"b{suffix}")


def test_a_folder_without_recordings_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(MynaError, match="no recordings") as caught:
        find_takes([tmp_path])
    assert "WAV, FLAC, Opus" in str(caught.value.fix)
