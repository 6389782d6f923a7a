# SPDX-License-Identifier: Apache-2.0
"""The integer front end: NumPy against C, against float, at the extremes, and its locked tables."""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from myna.audio import features, float_features, native, render, tables
from myna.audio.config import FRAME, HOP, RATE, AudioConfig
from myna.errors import MynaError

TIME = np.arange(RATE) / RATE
MFCC = AudioConfig(
    offset=(290_000_000, *(0,) * 9), multiplier=(9000, 30_000, *range(60_000, 220_000, 20_000))
)
LOG_MEL = AudioConfig(
    mels=32, coefficients=0, low_hz=100, offset=(60_000_000,) * 32, multiplier=(90_000,) * 32
)
WIDE = AudioConfig(
    mels=64,
    coefficients=20,
    frames=25,
    low_hz=300,
    high_hz=7999,
    floor_bits=20,
    offset=(0,) * 20,
    multiplier=(1 << 24,) * 20,
)
CONFIGS = {"mfcc": MFCC, "log_mel": LOG_MEL, "wide": WIDE}


def _signals() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    samples = np.arange(RATE)
    signals = {
        "silence": np.zeros(RATE),
        "lowest": np.full(RATE, -32768),
        "highest": np.full(RATE, 32767),
        "alternating": np.where(samples % 2, 32767, -32768),
        "square": np.where(samples // 8 % 2, 32767, -32768),
        "impulses": np.where(samples % 700 == 0, -32768, 0),
        "one_step": samples // 8000,
        "uniform": random.integers(-32768, 32768, RATE),
        "bits": random.choice([-32768, 32767], RATE),
        "chirp": 32767 * np.sin(2 * np.pi * 4000 * TIME**2),
    }
    signals |= {f"tone_{hz}": 32767 * np.sin(2 * np.pi * hz * TIME) for hz in (31.25, 440, 7999)}
    signals |= {f"noise_{level}": random.normal(0, level, RATE) for level in (1, 30, 1000)}
    return {
        name: np.clip(np.rint(x), -32768, 32767).astype(np.int16) for name, x in signals.items()
    }


SIGNALS = _signals()
needs_compiler = pytest.mark.skipif(native.find_compiler() is None, reason="no C compiler")


@needs_compiler
@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("name", CONFIGS)
def test_c_gives_the_same_bytes(name: str, signal: str) -> None:
    expected = features.extract(CONFIGS[name], SIGNALS[signal])
    np.testing.assert_array_equal(native.extract(CONFIGS[name], SIGNALS[signal]), expected)


def test_native_falls_back_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "find_compiler", lambda: None)
    pcm = SIGNALS["chirp"]
    np.testing.assert_array_equal(native.extract(MFCC, pcm), features.extract(MFCC, pcm))


@needs_compiler
@pytest.mark.parametrize("chunk", [1, 7, 320, 511, 512, 513, 16000])
def test_streaming_does_not_depend_on_the_chunks(chunk: int) -> None:
    library = ctypes.CDLL(str(native.build_library(MFCC, native.find_compiler() or "")))
    config = ctypes.c_void_p.in_dll(library, "audio_tables")
    state, ready = ctypes.create_string_buffer(native.STATE_BYTES), ctypes.c_bool()
    row = np.empty(MFCC.features, np.int8)
    library.myna_audio_reset(state)
    rows, pcm = [], SIGNALS["uniform"]
    for start in range(0, len(pcm), chunk):
        rest = pcm[start : start + chunk]
        while len(rest):
            source, target = ctypes.c_void_p(rest.ctypes.data), ctypes.c_void_p(row.ctypes.data)
            taken = library.myna_audio_push(
                state, config, source, len(rest), target, ctypes.byref(ready)
            )
            rest = rest[taken:]
            if ready:
                rows.append(row.copy())
    assert len(rows) == (len(pcm) - FRAME) // HOP + 1
    np.testing.assert_array_equal(rows, features.extract(MFCC, pcm))


SANITIZE = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
SANITIZED = """
import sys
import numpy as np
from myna.audio import features, native
from test_features import CONFIGS, SANITIZE, SIGNALS
build = native.build_library
native.build_library = lambda config, compiler: build(config, compiler, *SANITIZE)
for config in CONFIGS.values():
    for pcm in SIGNALS.values():
        assert np.array_equal(native.extract(config, pcm), features.extract(config, pcm))
"""


@needs_compiler
def test_extreme_signals_under_the_sanitizers() -> None:
    compiler = native.find_compiler() or ""
    runtime = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if not Path(runtime).is_absolute():
        pytest.skip("the compiler has no address sanitizer library to preload")
    for config in CONFIGS.values():  # compiled here: the child runs with a preloaded library
        native.build_library(config, compiler, *SANITIZE)
    preload = {
        "LD_PRELOAD": runtime,
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONPATH": str(Path(__file__).parent),
    }
    done = subprocess.run(
        [sys.executable, "-c", SANITIZED],
        env=os.environ | preload,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", CONFIGS)
def test_features_have_the_shape_of_the_clips(name: str) -> None:
    config = CONFIGS[name]
    pcm = np.stack(list(SIGNALS.values())).reshape(2, -1, RATE)
    maps = features.extract(config, pcm)
    assert maps.dtype == np.int8
    assert maps.shape == (*pcm.shape[:2], config.frames, config.features)
    np.testing.assert_array_equal(maps[1, 3], features.extract(config, pcm[1, 3]))


def test_close_to_floating_point() -> None:
    noise = np.stack([SIGNALS[name] for name in ("noise_30", "noise_1000", "uniform", "chirp")])
    error = float_features.measure(MFCC, noise)
    assert error.max < 1.5
    assert error.mean < 0.3  # rounding alone gives 0.25
    assert error.different < 0.05


def test_silence_is_the_noise_floor() -> None:
    assert not features.raw_coefficients(MFCC, SIGNALS["silence"]).any()


def test_louder_is_larger_by_its_level() -> None:
    quiet, loud = SIGNALS["noise_1000"], SIGNALS["noise_1000"] * 8
    rise = features.raw_coefficients(LOG_MEL, loud) - features.raw_coefficients(LOG_MEL, quiet)
    assert np.median(rise) / 2**22 == pytest.approx(6, abs=0.01)  # 8 times the amplitude, log2


@pytest.mark.parametrize("hz", [250, 1000, 3000, 6000])
def test_a_tone_is_strongest_in_its_own_triangle(hz: int) -> None:
    tone = np.rint(8000 * np.sin(2 * np.pi * hz * TIME)).astype(np.int16)
    energy = features.raw_coefficients(LOG_MEL, tone).mean(0)
    response = tables.mel_triangles(LOG_MEL)[:, round(hz * FRAME / RATE)]
    assert np.argmax(energy) == np.argmax(response)


LOCKED = {
    "window": "ad65cc8d0abc",
    "twiddle": "c9e6ac273150",
    "log2": "9c6e50af0d0d",
    "mel_first": "35c7eb847097",
    "mel_count": "3f9b3dd140bb",
    "mel_weight": "06bb37bd16a9",
    "dct": "c4424f92a8bc",
}


@pytest.mark.parametrize("name", LOCKED)
def test_tables_are_locked(name: str) -> None:
    table = getattr(tables.make_tables(MFCC), name)
    assert hashlib.sha256(table.tobytes()).hexdigest()[:12] == LOCKED[name]


def test_features_are_locked() -> None:
    maps = np.stack([features.extract(MFCC, SIGNALS[name]) for name in ("square", "one_step")])
    assert hashlib.sha256(maps.tobytes()).hexdigest()[:12] == "4ac0c1d753b2"


def test_no_table_entry_is_near_a_rounding_boundary() -> None:
    exact = {
        "dct": 2**14 * tables.dct_basis(MFCC),
        "mel": 255 * tables.mel_triangles(MFCC),
        "log2": 4096 * np.log2(1 + np.arange(33) / 32),
    }
    for name, values in exact.items():
        boundary = np.abs(values - np.floor(values) - 0.5)
        assert boundary.min() > 1e-7, name


@needs_compiler
@pytest.mark.parametrize("name", CONFIGS)
def test_rendered_tables_compile_without_warnings(name: str, tmp_path: Path) -> None:
    source = tmp_path / "tables.c"
    text = '#include "audio/features.h"\n' + render.render_tables(CONFIGS[name])
    source.write_text(text + "const void *use(void) { return &audio_config; }\n")
    command = [native.find_compiler() or "", "-std=c11", "-Wall", "-Wextra", "-Wconversion"]
    command += ["-Werror", f"-I{native.SOURCES.parent}", "-c", str(source)]
    command += ["-o", str(tmp_path / "tables.o")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "." not in text.split("{", 1)[1].split("};", 1)[0]  # integers only


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mels", 65),
        ("mels", 7),
        ("coefficients", 41),
        ("coefficients", -1),
        ("frames", 0),
        ("low_hz", 7600.0),
        ("high_hz", 8000.0),
        ("floor_bits", 19),
        ("scale", 0.0),
        ("offset", (0,) * 9),
        ("offset", (1 << 31,) * 10),
        ("multiplier", (0,) * 10),
    ],
)
def test_configuration_is_validated(field: str, value: object) -> None:
    with pytest.raises(MynaError, match=field):
        replace(MFCC, **{field: value})


@pytest.mark.parametrize("name", CONFIGS)
def test_configuration_survives_json(name: str) -> None:
    assert AudioConfig.from_json(CONFIGS[name].to_json()) == CONFIGS[name]


@pytest.mark.parametrize("change", [{"unheard_of": 1}, {"mels": None}])
def test_json_with_wrong_fields_is_refused(change: dict[str, object]) -> None:
    values = MFCC.to_json() | change
    values = {key: value for key, value in values.items() if value is not None}
    with pytest.raises(MynaError, match="missing fields"):
        AudioConfig.from_json(values)


def test_narrow_triangles_are_refused() -> None:
    narrow = AudioConfig(mels=64, low_hz=0, high_hz=1000)
    with pytest.raises(MynaError, match="holds no FFT bin"):
        tables.make_tables(narrow)


@pytest.mark.parametrize(
    "pcm", [np.zeros(RATE, np.float32), np.zeros(15871, np.int16), np.zeros((), np.int16)]
)
def test_wrong_samples_are_refused(pcm: np.ndarray) -> None:
    with pytest.raises(MynaError, match="front end needs"):
        features.extract(MFCC, pcm)
