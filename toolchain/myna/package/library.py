# SPDX-License-Identifier: Apache-2.0
"""A model and the runtime as one folder that any firmware can build: PlatformIO, Arduino, CMake."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from myna import __version__
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.files import whole_folder

FIRMWARE = PROJECT / "firmware"
HEADER = "myna.h"
PARTS = ("audio", "kernels", "runtime", "storage")  # folders of firmware/ that applications need
MESSAGES = ("protocol/frame.h", "protocol/messages.h")  # types that the runtime shares with hosts
SOURCES = (".c", ".h", ".S")
MANIFEST = "library.json"
TITLE = "Learns its user's words on a microcontroller, in integers"
CMAKE = """\
# SPDX-License-Identifier: Apache-2.0
# add_subdirectory(<this folder>) and target_link_libraries(<firmware> myna); a linker that drops
# unused sections (--gc-sections) keeps the kernels that the model uses.
cmake_minimum_required(VERSION 3.13)
project(myna C ASM)
file(GLOB_RECURSE MYNA_SOURCES CONFIGURE_DEPENDS src/*.c src/*.S)
add_library(myna STATIC ${MYNA_SOURCES})
target_include_directories(myna PUBLIC src)
target_compile_features(myna PUBLIC c_std_11)
target_compile_options(myna PRIVATE -O2 -ffunction-sections -fdata-sections)
"""
PROPERTIES = """\
name=Myna
version={version}
author=Myna
maintainer=Myna
sentence={title}
paragraph=The model {model}, and the runtime that runs and trains it.
category=Signal Input/Output
url=
architectures=*
includes={header}
"""


def write_library(generated: Path, model: str, folder: Path) -> None:
    """Write model and runtime as one folder.

    Args:
        generated: folder of the model's C files.
        model: its name.
        folder: is replaced if it holds such a library; otherwise it must not exist, or be empty.

    Raises:
        MynaError: it holds something else, or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise MynaError("is no folder", where=str(folder), fix="name another one")
    if folder.is_dir() and any(folder.iterdir()) and not _is_library(folder):
        raise MynaError(
            "holds other things than a library of Myna's",
            where=str(folder),
            fix="name another folder, or empty this one",
        )
    with whole_folder(folder) as draft:
        _copy(generated, draft / "src")
        manifest = {
            "name": "myna",
            "version": __version__,
            "description": f"{TITLE}; model {model}",
            "license": "Apache-2.0",
            "headers": HEADER,
            "build": {"srcDir": "src", "includeDir": "src"},
        }
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
        (draft / "CMakeLists.txt").write_text(CMAKE, "utf-8")
        properties = PROPERTIES.format(version=__version__, title=TITLE, model=model, header=HEADER)
        (draft / "library.properties").write_text(properties, "utf-8")
        shutil.copy(PROJECT / "LICENSE", draft / "LICENSE")
        if _is_library(folder):
            shutil.rmtree(folder / "src")  # files move into place, and not into a full folder


def _copy(generated: Path, target: Path) -> None:
    files = [path for part in PARTS for path in sorted((FIRMWARE / part).rglob("*"))]
    files += [FIRMWARE / name for name in (HEADER, *MESSAGES)]
    for path in files:
        if path.suffix in SOURCES:
            place = target / path.relative_to(FIRMWARE)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
    for path in sorted(generated.glob("*.[ch]")):
        shutil.copy(path, target / path.name)


def _is_library(folder: Path) -> bool:
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("name") == "myna"
