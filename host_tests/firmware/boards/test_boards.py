# SPDX-License-Identifier: Apache-2.0
"""Every board: it builds without a warning, boots, carries bytes both ways, and fails visibly."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import serial
from myna.device import pio, ports, session, target
from myna.device.frame import MAX_ENCODED
from myna.errors import MynaError
from support import fake_board, workspaces
from support.pairs import emulated

PROBE = Path(__file__).with_name("port_probe.c")
PROBE_FLAGS = ("-Wl,--wrap=myna_server_init", "-Wl,--wrap=myna_server_poll")


def _generated(folder: Path, code: str = "") -> Path:
    """A model with the port probe, and perhaps more code, beside it."""
    fake_board.generated(folder)
    shutil.copy(PROBE, folder)
    if code:
        (folder / "extra.c").write_text(code)
    return folder


@pytest.fixture(scope="module", params=["host", *emulated()])
def board(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def firmware(board: str, tmp_path_factory: pytest.TempPathFactory) -> pio.Firmware:
    folder = tmp_path_factory.mktemp(board)
    return pio.build(board, _generated(folder / "kws"), folder / "build", PROBE_FLAGS)


def _connect(port: str) -> serial.Serial:
    link = serial.Serial(port)
    _await_echo(link)
    return link


def _await_echo(link: serial.Serial) -> None:
    """Waits until the firmware echoes; what it said before is dropped."""
    link.timeout = 0.2
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        link.write(b".")
        if link.read(1) == b".":
            while link.read(64):
                pass
            link.timeout = 20
            return
    raise AssertionError("the board does not answer")


def test_image_sizes_are_the_sum_of_its_sections(firmware: pio.Firmware, board: str) -> None:
    entry = target.BOARDS[board]
    assert 0 < firmware.flash_bytes < entry.flash_bytes
    assert firmware.sections[".text"] < firmware.flash_bytes
    if entry.kind == "qemu":
        assert firmware.sections[".stack"] + firmware.sections[".bss"] <= firmware.ram_bytes
    assert 0 < firmware.ram_bytes <= entry.ram_bytes


def test_board_knows_its_name_and_echoes(firmware: pio.Firmware, board: str) -> None:
    with target.start(board, firmware.elf) as port, _connect(port) as link:
        link.write(b"n")
        assert link.read(len(board)) == board.encode()
        data = bytes(range(128, 256)) * 16
        link.write(data)
        assert link.read(len(data)) == data


def test_server_learns_alike_on_every_board(board: str) -> None:
    image = fake_board.emulated(board)
    features = np.random.default_rng(5).integers(-128, 128, (49, 10), np.int8)
    twin = fake_board.FakeModel()
    with target.start(board, image) as port, session.Board.connect(port) as device:
        assert device.info.board == board
        device.put_features(features, slot=3, label=2)
        assert device.train(5).tolist() == twin.train({3: (features, 2)}, 5)
        assert device.read_state() == twin.state()


def test_a_full_window_waits_for_a_busy_core(firmware: pio.Firmware, board: str) -> None:
    with target.start(board, firmware.elf) as port, _connect(port) as link:
        link.write(b"w")
        (window,) = struct.unpack("<I", link.read(4))
        assert window >= MAX_ENCODED  # of which the host needs one
        data = (bytes(range(128, 256)) * 16)[: window - 1]
        link.write(b"b" + data)
        assert link.read(len(data)) == data


def test_reset_restarts_and_keeps_the_connection(firmware: pio.Firmware, board: str) -> None:
    with target.start(board, firmware.elf) as port, _connect(port) as link:
        link.write(b"d")
        before = struct.unpack("<II", link.read(8))
        link.write(b"r")
        _await_echo(link)
        link.write(b"s")
        after = struct.unpack("<II", link.read(8))
        assert after[0] == before[0]
        assert after[1] < before[1] or board == "host"


def test_stack_high_water_follows_the_depth(firmware: pio.Firmware, board: str) -> None:
    with target.start(board, firmware.elf) as port, _connect(port) as link:
        link.write(b"s")
        size, shallow = struct.unpack("<II", link.read(8))
        link.write(b"d")
        _, deep = struct.unpack("<II", link.read(8))
    if board == "host":
        assert (size, deep) == (0, 0)
    else:
        assert size == firmware.sections[".stack"]
        assert 0 < shallow < 1024
        assert 3 * 1024 <= deep <= 4 * 1024


@pytest.mark.parametrize(
    ("command", "emulated_words", "host_words"),
    [
        pytest.param(b"a", "assertion failed: sink == ", "Assertion `sink == ", id="assertion"),
        pytest.param(b"u", "HardFault pc=0x", "exit status -", id="undefined"),
        pytest.param(b"o", "(stack overflow)", "exit status -", id="overflow"),
    ],
)
def test_faults_are_reported(
    firmware: pio.Firmware, board: str, command: bytes, emulated_words: str, host_words: str
) -> None:
    with pytest.raises(MynaError) as caught:  # noqa: SIM117 - the error leaves the inner block
        with target.start(board, firmware.elf) as port, _connect(port) as link:
            link.write(command)
            assert link.read(1), "nothing came"
    assert (host_words if board == "host" else emulated_words) in str(caught.value)
    assert caught.value.where == board


def _is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def _wait_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not _is_running(pid)


STARTER = """
import os, subprocess, sys, time
from pathlib import Path
from myna.device import target
with target.start(sys.argv[1], Path(sys.argv[2])):
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    print(children.split()[0], flush=True)
    time.sleep(60)
"""


def test_board_dies_when_python_is_killed(firmware: pio.Firmware, board: str) -> None:
    arguments = [sys.executable, "-c", STARTER, board, str(firmware.elf)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert _is_running(child)
        parent.kill()
    assert _wait_until_gone(child)


@pytest.mark.parametrize("name", ["host", pytest.param("qemu_m4", marks=pytest.mark.qemu)])
def test_upload_boots_at_a_stable_port_and_replaces(name: str, tmp_path: Path) -> None:
    pio.prepare()
    environment = {
        **os.environ,
        **workspaces.variables(tmp_path),
        "MYNA_GENERATED": str(_generated(tmp_path / "kws")),
        "MYNA_BUILD_FLAGS": " ".join(PROBE_FLAGS),
    }

    def run(goal: str) -> None:
        arguments = ["-m", "platformio", "run", "-e", name, "-t", goal]
        subprocess.run(
            [sys.executable, *arguments], cwd=target.PROJECT, env=environment, check=True
        )

    folder = tmp_path / "ports"
    try:
        run("upload")
        first = int((folder / f"{name}.pid").read_text().split()[0])
        run("upload")
        assert _wait_until_gone(first)
        with _connect(ports.attach(str(folder / name))) as link:
            link.write(b"n")
            assert link.read(len(name)) == name.encode()
        second = int((folder / f"{name}.pid").read_text().split()[0])
        run("halt")
        assert _wait_until_gone(second)
        assert not (folder / name).is_symlink()
    finally:
        ports.halt(name, folder)


def test_compile_error_shows_the_compilers_line(tmp_path: Path) -> None:
    generated = _generated(
        tmp_path / "kws", "int narrow(long x);\nint narrow(long x) { return x; }"
    )
    with pytest.raises(MynaError, match=r"extra\.c:2:.*error.*conversion"):
        pio.build("host", generated, tmp_path / "build", PROBE_FLAGS)


@pytest.mark.qemu
def test_image_must_fit_the_boards_ram(tmp_path: Path) -> None:
    code = "#include <stdint.h>\nextern uint8_t huge[1 << 18];\nuint8_t huge[1 << 18];\n"
    generated = _generated(tmp_path / "kws", code)
    flags = (*PROBE_FLAGS, "-Wl,--undefined=huge")
    with pytest.raises(MynaError, match="region `ram' overflowed"):
        pio.build("qemu_m4", generated, tmp_path / "build", flags)


def test_build_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(MynaError, match="no generated model") as caught:
        pio.build("host", tmp_path)
    assert caught.value.where == str(tmp_path)


def test_unknown_board_lists_the_known() -> None:
    with pytest.raises(MynaError, match=r"unknown board 'qemu_m5'(.|\n)*qemu_m55"):
        target.find_board("qemu_m5")


def test_missing_program_names_its_debian_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = tmp_path / "firmware.elf"
    image.touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MynaError, match=r"apt-get install .* gcc-arm-none-eabi libnewlib"):
        pio.build("qemu_m4", tmp_path)
    (tmp_path / "taskset").touch(mode=0o755)
    with pytest.raises(MynaError, match=r"qemu-system-arm is not installed(.|\n)*apt-get install"):
        target.command(target.BOARDS["qemu_m4"], image)
    (tmp_path / "taskset").unlink()
    assert target.missing_programs(target.BOARDS["host"]) == ["gcc", "setpriv", "taskset"]


def test_absent_port_lists_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(MynaError, match="no such serial port"):
        ports.attach(str(tmp_path / "ttyACM0"))
    assert ports.attach("socket://localhost:7000") == "socket://localhost:7000"


def test_dead_image_is_an_error_with_the_emulators_words(tmp_path: Path) -> None:
    image = tmp_path / "firmware.elf"
    image.write_text("#!/bin/sh\necho out of order >&2\nexit 3\n")
    image.chmod(0o755)
    with pytest.raises(MynaError, match="did not start: out of order"), target.start("host", image):
        pass
