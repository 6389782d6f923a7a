# SPDX-License-Identifier: Apache-2.0
"""The firmware's front end, compiled for this computer: the same bytes as features.py, faster."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from myna.audio import augment, features
from myna.audio.config import FRAME, HOP, AudioConfig
from myna.audio.render import render_tables
from myna.errors import MynaError

Maps = npt.NDArray[np.int8]
ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "firmware" / "audio"
ARITHMETIC = SOURCES.parent / "kernels" / "fixed.h"
CACHE = ROOT / "build" / "native"
STATE_BYTES = 4096  # more than sizeof(struct audio_state)


def extract(config: AudioConfig, pcm: features.Pcm) -> Maps:
    """`features.extract`, in C where a compiler is found, else in NumPy."""
    features.check_pcm(config, pcm)
    compiler = find_compiler()
    if compiler is None or not SOURCES.is_dir():
        return features.extract(config, pcm)
    library, config_pointer = _load(config, compiler)
    clips = np.ascontiguousarray(pcm).reshape(-1, pcm.shape[-1])
    rows = np.empty((len(clips), config.frames, config.features), np.int8)
    for clip, out in zip(clips, rows, strict=True):
        _extract_clip(library, config_pointer, clip, out)
    return rows.reshape(*pcm.shape[:-1], config.frames, config.features)


def vary(config: AudioConfig, maps: Maps, noise: Maps | None, key: int) -> Maps:
    """`augment.vary`, in C where a compiler is found, else in NumPy."""
    augment.check_maps(config, maps, noise)
    compiler = find_compiler()
    if compiler is None or not SOURCES.is_dir():
        return augment.vary(config, maps, noise, key)
    library, config_pointer = _load(config, compiler)
    source, out = np.ascontiguousarray(maps), np.empty_like(maps, order="C")
    other = None if noise is None else np.ascontiguousarray(noise)
    address = None if other is None else other.ctypes.data
    library.audio_vary(config_pointer, source.ctypes.data, address, key, out.ctypes.data)
    return out


def find_compiler() -> str | None:
    """The host's C compiler ($CC, cc, gcc or clang), or None."""
    names = (os.environ.get("CC", "cc"), "cc", "gcc", "clang")
    return next((path for name in names if (path := shutil.which(name))), None)


def build_library(config: AudioConfig, compiler: str, *flags: str) -> Path:
    """Compile firmware/audio and the configuration's tables into a shared library, cached.

    The library exports the functions of firmware/audio and `audio_tables`, a pointer to the
    configuration.

    Raises:
        MynaError: the compiler failed; the message carries what it said.
    """
    text = '#include "audio/features.h"\n' + render_tables(config)
    text += "const struct audio_config *const audio_tables = &audio_config;\n"
    sources = sorted(SOURCES.rglob("*.[ch]"))
    read = [ARITHMETIC, *sources]
    parts = [text, compiler, *flags, *(path.read_text("utf-8") for path in read)]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    library = CACHE / f"audio-{digest}.so"
    if not library.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            tables, built = Path(folder, "tables.c"), Path(folder, "audio.so")
            tables.write_text(text, "utf-8")
            inputs = [tables, *(path for path in sources if path.suffix == ".c")]
            command = [
                compiler,
                "-std=c11",
                "-O3",
                "-shared",
                "-fPIC",
                f"-I{SOURCES.parent}",
                *flags,
            ]
            _run([*command, *map(str, inputs), "-o", str(built)])
            built.replace(library)  # atomic: two processes may build at once
    return library


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MynaError(
            f"the host's compiler failed:\n{done.stderr.strip()}",
            where=command[0],
            fix="repair the compiler or set CC to another one",
        )


@lru_cache(maxsize=16)
def _load(config: AudioConfig, compiler: str) -> tuple[ctypes.CDLL, int]:
    library = ctypes.CDLL(str(build_library(config, compiler)))
    pointer, size = ctypes.c_void_p, ctypes.c_uint32
    library.audio_push.argtypes = [pointer, pointer, pointer, size, pointer, pointer]
    library.audio_push.restype = size
    library.audio_vary.argtypes = [pointer, pointer, pointer, size, pointer]
    library.audio_vary.restype = None
    address = ctypes.c_void_p.in_dll(library, "audio_tables").value
    assert address is not None
    return library, address


def _extract_clip(library: ctypes.CDLL, config: int, pcm: features.Pcm, out: Maps) -> None:
    """Push the samples of each frame in turn; one push completes one frame."""
    state, ready = ctypes.create_string_buffer(STATE_BYTES), ctypes.c_bool()
    library.audio_reset(state)
    flag = ctypes.byref(ready)
    source, target, taken = pcm.ctypes.data, out.ctypes.data, 0
    for row in range(len(out)):
        left = len(pcm) - taken
        taken += library.audio_push(
            state, config, source + 2 * taken, left, target + row * out.shape[1], flag
        )
    assert taken == FRAME + HOP * (len(out) - 1)
