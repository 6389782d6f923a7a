# SPDX-License-Identifier: Apache-2.0
"""SCons script of the platform: builds one model's firmware for one board.

What knows no model is compiled once for all of a board's models, into .pio/objects.

Environment variables: MYNA_GENERATED, the folder of the generated model (default
firmware/generated/kws); MYNA_BUILD_FLAGS, further compiler and linker flags; MYNA_MAIN,
the file with main() (default main.c).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from SCons.Script import Default, DefaultEnvironment, Move

SHARED = ("kernels", "audio", "protocol", "storage", "boards")  # folders whose files know no model
UNUSED = 7 * 24 * 3600  # seconds after which a shared object is removed

env = DefaultEnvironment()
board = env.BoardConfig()
firmware = Path(env.subst("$PROJECT_SRC_DIR"))
generated = Path(os.environ.get("MYNA_GENERATED") or firmware / "generated" / "kws").resolve()
if not any(generated.glob("*.c")):
    sys.exit(f"error: {generated}: no generated model here\n  -> myna build MODEL -o FOLDER")
prefix = "" if board.get("virtual.kind", "") == "host" else "arm-none-eabi-"
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
    CPPPATH=[str(firmware), str(generated)],
    CPPDEFINES=[("MYNA_BOARD", env.StringifyMacro(board.id))],
    ASPPFLAGS=cpu_flags,
    CCFLAGS=[*cpu_flags, "-g", f"-ffile-prefix-map={env.subst('$PROJECT_DIR')}/="],
    LINKFLAGS=[*cpu_flags, "-Wl,--gc-sections"],
    SRC_FILTER=[
        f"+<{pattern}>"
        for pattern in (*board.get("build.sources"), os.environ.get("MYNA_MAIN") or "main.c")
    ],
)
if prefix:
    memory = {
        **board.get("build.memory"),
        "flash_length": board.get("upload.maximum_size"),
        "ram_length": board.get("upload.maximum_ram_size"),
    }
    env.Replace(LDSCRIPT_PATH=str(firmware / board.get("build.ldscript")))
    env.Append(
        LINKFLAGS=[
            "-nostartfiles",
            "--specs=nano.specs",
            *(f"-Wl,--defsym={symbol}={value}" for symbol, value in memory.items()),
        ]
    )
env.ProcessFlags(os.environ.get("MYNA_BUILD_FLAGS", ""))

objects = Path(env.subst("$PROJECT_WORKSPACE_DIR")) / "objects" / board.id
headers = b"".join(path.read_bytes() for path in sorted(firmware.rglob("*.h")))
compiler = Path(shutil.which(env["CC"]) or env["CC"])
compiler_stamp = f"{compiler} {compiler.stat().st_mtime_ns}" if compiler.exists() else ""


def _shared(env: Any, node: Any) -> Any:
    """The object of a source, in a file named after all that it is made of: if there, it is right.

    It is put there whole, and left there by builds that run at the same time.
    """
    source = Path(node.srcnode().get_abspath())
    flags = env.subst("$CFLAGS $CCFLAGS $CPPFLAGS $ASPPFLAGS $_CPPDEFFLAGS")
    parts = (compiler_stamp, flags, str(source), source.read_bytes(), headers)
    data = b"\0".join(part if isinstance(part, bytes) else part.encode() for part in parts)
    digest = hashlib.sha256(data).hexdigest()[:16]
    stem = f"{objects / source.relative_to(firmware)}-{digest}"
    made = Path(f"{stem}.o")
    if made.exists() and made.stat().st_size:
        os.utime(made)
        return [env.File(str(made))]
    draft = env.Object(f"{stem}.{os.getpid()}.o", node, CPPPATH=[str(firmware)])
    return env.Precious(env.Command(str(made), draft, Move("$TARGET", "$SOURCE")))


for old in objects.rglob("*.o"):
    with suppress(FileNotFoundError):  # a build that runs at the same time moves its drafts
        if time.time() - old.stat().st_mtime > UNUSED:
            old.unlink()
for folder in SHARED:
    env.AddBuildMiddleware(_shared, str(firmware / folder / "*"))

env.BuildSources("$BUILD_DIR/generated", str(generated), "+<*.c>")
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
