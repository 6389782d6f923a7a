# SPDX-License-Identifier: Apache-2.0
"""SCons script: builds one model's firmware for one board.

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

from SCons.Script import Import, Move

Import("env")
env: Any = env  # noqa: F821, PLW0127 - Import put it here

SHARED = ("kernels", "audio", "protocol", "storage", "boards")  # folders whose files know no model
UNUSED = 7 * 24 * 3600  # seconds after which a shared object is removed

board = env.BoardConfig()
firmware = Path(env.subst("$PROJECT_SRC_DIR"))
generated = Path(os.environ.get("MYNA_GENERATED") or firmware / "generated" / "kws").resolve()
if not any(generated.glob("*.c")):
    sys.exit(f"error: {generated}: no generated model here\n  -> myna build MODEL -o FOLDER")

env.Append(
    CPPPATH=[str(firmware), str(generated)],
    CPPDEFINES=[("MYNA_BOARD", env.StringifyMacro(board.id))],
    SRC_FILTER=[
        f"+<{pattern}>"
        for pattern in (*board.get("build.sources"), os.environ.get("MYNA_MAIN") or "main.c")
    ],
)
if board.get("virtual.kind", "") != "host":
    memory = {
        **board.get("build.memory"),
        "flash_length": board.get("upload.maximum_size"),
        "ram_length": board.get("upload.maximum_ram_size"),
    }
    env.Replace(LDSCRIPT_PATH=str(firmware / board.get("build.ldscript")))
    env.Append(LINKFLAGS=[f"-Wl,--defsym={symbol}={value}" for symbol, value in memory.items()])
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
