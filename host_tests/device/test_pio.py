# SPDX-License-Identifier: Apache-2.0
"""Building: nothing is compiled twice, and nothing stale is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from myna.device import pio, target
from myna.device.session import Board
from myna.device.target import PROJECT
from support import fake_board, workspaces

SHARED = ("kernels", "audio", "protocol", "storage")  # and the files that a board names


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The boards that PlatformIO was started for."""
    started: list[str] = []
    run = pio._run_pio

    def count(board: pio.Board, *rest: object) -> None:
        started.append(board.name)
        run(board, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(pio, "_run_pio", count)
    return started


def test_only_what_changed_is_built(runs: list[str], tmp_path: Path) -> None:
    model, build = fake_board.generated(tmp_path / "model"), tmp_path / "build"
    first = pio.build("host", model, build)
    image = first.elf.read_bytes()
    assert pio.build("host", model, build) == first
    assert len(runs) == 1
    source = model / "model.c"
    source.write_text(source.read_text("utf-8").replace(fake_board.FINGERPRINT, "0x1"), "utf-8")
    assert pio.build("host", model, build).elf.read_bytes() != image
    pio.build("host", model, build, ("-Wl,--no-undefined",))
    assert len(runs) == 3
    first.elf.unlink()
    pio.build("host", model, build, ("-Wl,--no-undefined",))
    assert len(runs) == 4
    assert first.elf.exists()


def test_a_damaged_image_is_built_again(runs: list[str], tmp_path: Path) -> None:
    """Whether it lost its end, or a byte in it changed."""
    model, build = fake_board.generated(tmp_path / "model"), tmp_path / "build"
    built = pio.build("host", model, build)
    image = built.elf.read_bytes()
    middle = len(image) // 2
    changed = image[:middle] + bytes([image[middle] ^ 1]) + image[middle + 1 :]
    for damaged in (image[:-1], changed):
        built.elf.write_bytes(damaged)
        assert pio.build("host", model, build) == built
        assert built.elf.read_bytes() == image
    assert len(runs) == 3


def test_a_build_that_failed_is_tried_again(runs: list[str], tmp_path: Path) -> None:
    model, build = fake_board.generated(tmp_path / "model"), tmp_path / "build"
    image = pio.build("host", model, build).elf.read_bytes()
    (model / "extra.c").write_text("#error no")
    for _ in range(2):
        with pytest.raises(pio.MynaError, match="no"):
            pio.build("host", model, build)
    (model / "extra.c").unlink()
    assert pio.build("host", model, build).elf.read_bytes() == image
    assert len(runs) == 4


def pio_run(workspace: Path, *arguments: str, model: Path) -> subprocess.CompletedProcess[str]:
    """`pio run` as users type it, with what it makes in a folder of the test's own."""
    variables = {"MYNA_GENERATED": str(model), **workspaces.variables(workspace)}
    return subprocess.run(
        [sys.executable, "-m", "platformio", "run", "-d", str(PROJECT), *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_pio_run_builds_the_model_that_is_named(tmp_path: Path) -> None:
    model = fake_board.generated(tmp_path / "model")
    pio.build("host", model, tmp_path / "before")  # so that PlatformIO is set up
    done = pio_run(tmp_path, "-e", "host", model=model)
    assert done.returncode == 0, done.stderr
    image = tmp_path / "build" / "host" / "firmware.elf"
    with target.start("host", image) as port, Board.connect(port) as board:
        assert board.info.fingerprint == int(fake_board.FINGERPRINT, 16)


def test_pio_run_says_that_there_is_no_model(tmp_path: Path) -> None:
    done = pio_run(tmp_path, "-e", "host", model=tmp_path / "nowhere")
    assert done.returncode == 1
    assert f"{tmp_path / 'nowhere'}: no generated model here" in done.stderr
    assert "myna build MODEL -o FOLDER" in done.stderr


@pytest.mark.qemu
def test_a_real_board_is_written_by_the_command_of_its_owner(tmp_path: Path) -> None:
    """Its file says nothing of a virtual board, and `upload_command` how the image goes there."""
    model = fake_board.generated(tmp_path / "model")
    text = (PROJECT / "firmware/platform/boards/qemu_m4.json").read_text("utf-8")
    board = json.loads(text)
    del board["virtual"]
    (tmp_path / "boards").mkdir()
    (tmp_path / "boards" / "qemu_m4.json").write_text(json.dumps(board), "utf-8")
    settings = (PROJECT / "platformio.ini").read_text("utf-8")
    settings = settings.replace("[platformio]", f"[platformio]\nboards_dir = {tmp_path}/boards")
    settings += f"\n[env:mine]\nboard = qemu_m4\nupload_command = cp $SOURCE {tmp_path}/written\n"
    (tmp_path / "platformio.ini").write_text(settings, "utf-8")
    options = ("-c", f"{tmp_path}/platformio.ini", "-e", "mine", "-t", "upload")
    done = pio_run(tmp_path, *options, model=model)
    assert done.returncode == 0, done.stderr
    image = tmp_path / "build" / "mine" / "firmware.elf"
    assert (tmp_path / "written").read_bytes() == image.read_bytes()


def test_what_knows_no_model_is_compiled_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither another model nor flags of the linker compile a kernel again; other flags do."""
    monkeypatch.setenv("PLATFORMIO_WORKSPACE_DIR", str(tmp_path))
    objects = tmp_path / "objects" / "host"

    def build(name: str, *flags: str) -> Path:
        model = fake_board.generated(tmp_path / name, fingerprint=name)
        return pio.build("host", model, tmp_path / f"build{name}", flags).elf.parent

    def kept() -> set[tuple[str, int]]:
        """Names of sources, and their objects' inodes."""
        return {
            (path.relative_to(objects).as_posix().rpartition("-")[0], path.stat().st_ino)
            for path in objects.rglob("*.o")
        }

    build("0x1")
    before = kept()
    folder = build("0x2", "-Wl,--no-undefined")
    assert kept() == before
    assert (folder / "src" / "server" / "server.o").exists()
    firmware = PROJECT / "firmware"
    sources = {path for name in SHARED for path in (firmware / name).rglob("*.[cS]")}
    board = {name for name, _ in before if name.startswith("boards/")}
    assert "boards/host/port.c" in board
    found = {name for name, _ in before} - board
    assert found == {str(path.relative_to(firmware)) for path in sources}
    build("0x3", "-DOTHER")
    assert len(kept()) == 2 * len(before)
