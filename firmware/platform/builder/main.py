# SPDX-License-Identifier: Apache-2.0
"""SCons script of the platform: tools and flags, then Myna's firmware (core.py) or another project.

A project of its own, such as firmware/example, has its sources in src, libraries in lib, and
a linker script that it names in `board_build.ldscript`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from SCons.Script import Default, DefaultEnvironment

env = DefaultEnvironment()
board = env.BoardConfig()
prefix = board.get("build.compiler", "arm-none-eabi-gcc").removesuffix("gcc")
cpu_flags = board.get("build.cpu_flags").split()

env.Replace(
    PROGNAME="firmware",
    PROGSUFFIX=".elf",
    CC=f"{prefix}gcc",
    AS=f"{prefix}gcc",
    AR=f"{prefix}ar",
    RANLIB=f"{prefix}ranlib",
    LINK=f"{prefix}gcc",
    SIZETOOL=f"{prefix}size",
    SIZECHECKCMD="$SIZETOOL -A -d $SOURCES",
    SIZEPROGREGEXP=r"^\.(?:vectors|text|rodata|ARM\.exidx|data)\s+(\d+)",
    SIZEDATAREGEXP=r"^\.(?:data|bss|stack)\s+(\d+)",
)
env.Append(
    ASPPFLAGS=cpu_flags,
    CCFLAGS=[*cpu_flags, "-g", f"-ffile-prefix-map={env.subst('$PROJECT_DIR')}/="],
    LINKFLAGS=[*cpu_flags, "-Wl,--gc-sections"],
)
if prefix:
    library = [] if "--specs" in board.get("build.cpu_flags") else ["--specs=nano.specs"]
    env.Append(LINKFLAGS=["-nostartfiles", *library])

if (Path(env.subst("$PROJECT_SRC_DIR")) / "kernels").is_dir():
    env.SConscript("core.py", exports="env")
else:
    env.Replace(LDSCRIPT_PATH=env.subst(f"$PROJECT_DIR/{board.get('build.ldscript')}"))
program = env.BuildProgram()
if prefix:
    env.Depends(program, env["LDSCRIPT_PATH"])  # SCons sees no file in a linker's flags


def _boot(target: object, source: list[object], env: object) -> None:
    # Imported here: building needs no installed myna.
    from myna.device.ports import boot  # noqa: PLC0415
    from myna.errors import MynaError  # noqa: PLC0415

    try:
        print(f"port: {boot(board.id, Path(str(source[0])), ports)}")
    except MynaError as error:
        sys.exit(f"error: {error}")


def _halt(target: object, source: object, env: object) -> None:
    from myna.device.ports import halt  # noqa: PLC0415

    halt(board.id, ports)


ports = Path(env.subst("$PROJECT_WORKSPACE_DIR")) / "ports"
if board.get("virtual", ""):
    boot = env.VerboseAction(_boot, "Booting $SOURCE")
    env.AddPlatformTarget("upload", program, boot, "Boot in the background")
    halt = env.VerboseAction(_halt, "Halting")
    env.AddPlatformTarget("halt", None, halt, "Stop what upload booted")
elif env.get("UPLOADCMD"):  # upload_command in platformio.ini
    upload = env.VerboseAction("$UPLOADCMD", "Uploading $SOURCE")
    env.AddPlatformTarget("upload", program, upload, "Put it onto the board")
Default([program])
