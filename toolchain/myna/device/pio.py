# SPDX-License-Identifier: Apache-2.0
"""Building firmware with PlatformIO, offline, from the project's own platform."""

from __future__ import annotations

import configparser
import hashlib
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformio
from platformio.dependencies import get_core_dependencies

from myna.device.target import PROJECT, Board, find_board, require
from myna.device.tool import call, locked
from myna.errors import MynaError

CORE = PROJECT / ".pio-core"

# The same sections as in firmware/platform/builder/main.py.
FLASH_SECTIONS = (".vectors", ".text", ".rodata", ".ARM.exidx", ".data")
RAM_SECTIONS = (".stack", ".data", ".bss")

SOURCES = {".c", ".h", ".S", ".ld", ".py", ".json"}  # suffixes of the files in firmware/
ERROR_LINES = 30

# tool-scons as PlatformIO expects it, around the SCons that pip installed.
SCONS_SCRIPT = """\
import SCons.Script.Main

SCons.Script.Main.main()
"""


@dataclass(frozen=True)
class Firmware:
    """A linked firmware image; RAM includes the reserved stack. Sizes in bytes."""

    elf: Path
    ram_bytes: int
    flash_bytes: int
    sections: Mapping[str, int]

    @property
    def stack_bytes(self) -> int:
        """RAM reserved for the stack."""
        return self.sections.get(".stack", 0)

    @property
    def static_bytes(self) -> int:
        """RAM without the stack."""
        return self.sections.get(".data", 0) + self.sections.get(".bss", 0)


def prepare() -> None:
    """Sets PlatformIO up in .pio-core so that it never asks the network; cheap when done."""
    CORE.mkdir(exist_ok=True)
    with locked(CORE / "lock"):
        _write_settings()
        _write_scons()
        _link_platform()


def build(
    board: str,
    generated: Path,
    build_dir: Path | None = None,
    extra_flags: Sequence[str] = (),
    main: str = "main.c",
) -> Firmware:
    """Builds one generated model's firmware for one board; if it is up to date, at once.

    Args:
        board: name of a board.
        generated: folder with the generated model's C files.
        build_dir: where objects and image go; by default a folder of its own for every
            combination of model, board and flags, under .pio.
        extra_flags: further compiler and linker flags.
        main: the file with main(), in the firmware's folder.

    Raises:
        MynaError: missing compiler, compile error, or the image does not fit the board; with the
            compiler's own lines.
    """
    entry = find_board(board)
    require(entry.compiler)
    generated = generated.resolve()
    if not any(generated.glob("*.c")):
        raise MynaError("no generated model here", where=str(generated), fix="run `myna build`")
    prepare()
    folder = (build_dir or _default_folder(entry, generated, (main, *extra_flags))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    elf = folder / board / "firmware.elf"
    stamp = elf.with_suffix(".inputs")  # digests of what the image is made of, and of the image
    inputs = _inputs(entry, generated, (main, *extra_flags))
    with locked(folder.with_name(folder.name + ".lock")):
        if not (elf.exists() and stamp.exists() and stamp.read_text() == _stamp(inputs, elf)):
            for stale in (stamp, elf):  # SCons never looks at what it has made
                stale.unlink(missing_ok=True)
            _run_pio(entry, generated, folder, extra_flags, main)
            stamp.write_text(_stamp(inputs, elf))
    return _measure(entry, elf)


def _inputs(board: Board, generated: Path, variant: Sequence[str]) -> str:
    """A digest of all that an image is made of: compiler, settings and files."""
    firmware = PROJECT / "firmware"
    files = [path for path in firmware.rglob("*") if path.suffix in SOURCES]
    own = sorted(path for path in files if firmware / "generated" not in path.parents)
    settings = sorted(item for item in os.environ.items() if item[0].startswith("PLATFORMIO_"))
    compiler = Path(require(board.compiler))
    said = (board.name, *variant, settings, compiler, compiler.stat().st_mtime_ns)
    digest = hashlib.sha256(repr(said).encode())
    for path in (PROJECT / "platformio.ini", *own, *sorted(generated.glob("*.[ch]"))):
        digest.update(f"\0{path}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _stamp(inputs: str, elf: Path) -> str:
    return f"{inputs} {hashlib.sha256(elf.read_bytes()).hexdigest()}\n"


def _default_folder(board: Board, generated: Path, variant: Sequence[str]) -> Path:
    key = hashlib.sha256("\0".join([str(generated), *variant]).encode()).hexdigest()[:8]
    return PROJECT / ".pio" / "models" / f"{generated.name}-{key}" / board.name


def _run_pio(
    board: Board, generated: Path, folder: Path, extra_flags: Sequence[str], main: str
) -> None:
    environment = {
        **os.environ,
        "PLATFORMIO_CORE_DIR": str(CORE),
        "PLATFORMIO_BUILD_DIR": str(folder),
        "MYNA_GENERATED": str(generated),
        "MYNA_BUILD_FLAGS": shlex.join(extra_flags),
        "MYNA_MAIN": main,
    }
    arguments = ["run", "--silent", "--environment", board.name, "--project-dir", str(PROJECT)]
    result = subprocess.run(
        [sys.executable, "-m", "platformio", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        text = _compiler_lines(result.stderr or result.stdout)
        raise MynaError(
            f"the firmware does not build:\n{text}", where=f"{generated} on {board.name}"
        )


def _compiler_lines(output: str) -> str:
    """What the compiler said, without PlatformIO's advertisements and summary."""
    lines = itertools.takewhile(lambda line: not line.startswith("*** ["), output.splitlines())
    said = [line for line in lines if line.strip() and not line.startswith("*")]
    return "\n".join(said[:ERROR_LINES]) or output.strip()


def compile_flags(board: str) -> str:
    """The flags that all C of a board is compiled with, from platformio.ini and the board."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(PROJECT / "platformio.ini", "utf-8")
    return " ".join([*settings["env"]["build_flags"].split(), find_board(board).cpu_flags]).strip()


def variables(board: str, firmware: Firmware) -> dict[str, int]:
    """Bytes of each static variable, the largest first; those of one name together."""
    listing = _run_tool(find_board(board), "nm", "-S", str(firmware.elf))
    sizes: dict[str, int] = {}
    for size, name in re.findall(r"^\S+ (\S+) [bBdD] (\S+)$", listing, re.MULTILINE):
        sizes[name] = sizes.get(name, 0) + int(size, 16)
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def addresses(board: str, elf: Path, *symbols: str) -> list[int]:
    """Where symbols of an image lie."""
    listing = _run_tool(find_board(board), "nm", str(elf))
    found = {name: int(at, 16) for at, name in re.findall(r"^(\S+) \S (\S+)$", listing, re.M)}
    return [found[name] for name in symbols]


def _run_tool(board: Board, tool: str, *arguments: str) -> str:
    return call(board.compiler.removesuffix("gcc") + tool, *arguments).stdout


def _measure(board: Board, elf: Path) -> Firmware:
    listing = _run_tool(board, "size", "-A", "-d", str(elf))
    sections = {
        name: int(count) for name, count in re.findall(r"^(\.\S+)\s+(\d+)", listing, re.MULTILINE)
    }
    return Firmware(
        elf=elf,
        ram_bytes=sum(sections.get(name, 0) for name in RAM_SECTIONS),
        flash_bytes=sum(sections.get(name, 0) for name in FLASH_SECTIONS),
        sections=sections,
    )


def _json(path: Path) -> dict[str, Any]:
    """What a file holds; nothing if it is missing, or a full disk cut it off."""
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found


def _write_settings() -> None:
    """No telemetry and no search for updates, whose timeouts cost a minute offline."""
    path = CORE / "appstate.json"
    state = _json(path)
    settings = {
        "check_platformio_interval": 36500,
        "enable_telemetry": False,
        "disable_udev_rules_check": True,
    }
    if state.get("settings") == settings:
        return
    state["settings"] = settings
    state["last_version"] = platformio.__version__
    state["last_check"] = {"platformio_upgrade": int(time.time()), "prune_system": int(time.time())}
    path.write_text(json.dumps(state), encoding="utf-8")


def _package_spec(
    name: str, *, owner: str | None = None, uri: str | None = None
) -> dict[str, str | None]:
    return {"owner": owner, "id": None, "name": name, "requirements": None, "uri": uri}


def _write_scons() -> None:
    """Wraps the installed SCons as the package tool-scons, in the version PlatformIO wants."""
    version = re.sub(r"^[~^=]+", "", get_core_dependencies()["tool-scons"])
    folder = CORE / "packages" / "tool-scons"
    manifest = folder / "package.json"
    series = version.rpartition(".")[0]
    if _json(manifest).get("version", "").startswith(series):
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scons.py").write_text(SCONS_SCRIPT, encoding="utf-8")
    spec = _package_spec("tool-scons", owner="platformio")
    metadata = {"type": "tool", "name": "tool-scons", "version": version, "spec": spec}
    (folder / ".piopm").write_text(json.dumps(metadata), encoding="utf-8")
    manifest.write_text(json.dumps({"name": "tool-scons", "version": version}), encoding="utf-8")


def _link_platform() -> None:
    """Registers firmware/platform, as PlatformIO would at the first run of this copy."""
    folder = CORE / "platforms"
    folder.mkdir(exist_ok=True)
    spec = _package_spec("platform", uri="symlink://firmware/platform")
    text = json.dumps({"cwd": str(PROJECT), "spec": spec})
    link = folder / "platform.pio-link"
    if not link.exists() or link.read_text(encoding="utf-8") != text:
        link.write_text(text, encoding="utf-8")
