# SPDX-License-Identifier: Apache-2.0
"""Files are written whole or not at all, also through links; damaged ones are named as such."""

from __future__ import annotations

import os
import re
import stat
import threading
from pathlib import Path

import numpy as np
import pytest
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.files import read_arrays, whole_folder, write_arrays, write_file, write_generated

FULL = Path("/dev/full")


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    write_file(tmp_path / "link", b"1")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


def test_what_is_no_file_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_file(pipe, b"1")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    reader.join(10)
    assert read == [b"1"]


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(FULL)
    with pytest.raises(MynaError, match=r"link: cannot be written \(No space left"):
        write_file(tmp_path / "link", b"1")
    assert FULL.is_char_device()


def test_a_file_that_was_not_generated_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "model.c"
    path.write_bytes(b"int main(void) { return 0; } /* \xe4 */")
    with pytest.raises(MynaError, match="is no generated file"):
        write_generated(path, b"/* made */", b"made")
    assert path.read_bytes().startswith(b"int main")
    path.write_bytes(b"/* made before */")
    write_generated(path, b"/* made */", b"made")
    before = path.stat()
    write_generated(path, b"/* made */", b"made")
    assert path.stat() == before
    assert path.read_bytes() == b"/* made */"


def test_a_damaged_archive_is_named_without_advice_to_trust_it(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_arrays(path, x=np.arange(100))
    whole = path.read_bytes()
    assert read_arrays(path)["x"].sum() == 4950
    np.savez(tmp_path / "objects.npz", x=np.array([None]))
    np.save(tmp_path / "one.npy", np.arange(3))
    others = [(tmp_path / name).read_bytes() for name in ("objects.npz", "one.npy")]
    for data in (b"", b"text", whole[:-1], whole[: len(whole) // 2], *others):
        path.write_bytes(data)
        with pytest.raises(MynaError, match="no intact archive of arrays") as caught:
            read_arrays(path)
        assert "pickle" not in str(caught.value)
    with pytest.raises(MynaError, match=r"cannot be read \(Is a directory\)"):
        read_arrays(tmp_path)
    with pytest.raises(MynaError, match="gone"):
        read_arrays(tmp_path / "b.npz", missing="gone")


def test_archives_are_read_and_written_in_one_place() -> None:
    paths = (PROJECT / "toolchain").rglob("*.py")
    calls = re.compile(r"\bnp\.(?:load|savez?|savez_compressed)\(")
    assert [path.name for path in paths if calls.search(path.read_text("utf-8"))] == ["files.py"]


@pytest.mark.parametrize("name", ["taken/file", "taken/folder/file"])
def test_a_path_below_a_file_is_named_as_such(tmp_path: Path, name: str) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(MynaError, match="part of its path is a file"):
        write_file(tmp_path / name, b"1")
    with (
        pytest.raises(MynaError, match="part of its path is a file"),
        whole_folder(tmp_path / name),
    ):
        pass
