# SPDX-License-Identifier: Apache-2.0
"""Variations of feature maps: NumPy against C, what each step may do, and levels against sound."""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from myna.audio import augment, features, native
from myna.audio.config import RATE, AudioConfig
from myna.audio.tables import make_tables
from myna.errors import MynaError
from myna.pretrain import corpus, examples

BANDS = 20
STEP = 57_000 / 2**14  # int8 steps in an octave of power
LOG_MEL = AudioConfig(
    mels=BANDS, coefficients=0, offset=tuple(range(30 << 20, 50 << 20, 1 << 20)),
    multiplier=(57_000,) * BANDS,
)  # fmt: skip
MFCC = AudioConfig()
UNEQUAL = replace(LOG_MEL, multiplier=(*(57_000,) * (BANDS - 1), 57_001))
CONFIGS = {
    "log_mel": LOG_MEL,
    "coarsest": replace(LOG_MEL, multiplier=(1,) * BANDS),
    "coarse": replace(LOG_MEL, multiplier=(9_000,) * BANDS),
    "fine": replace(LOG_MEL, multiplier=(1 << 19,) * BANDS),
    "finest": replace(LOG_MEL, multiplier=(1 << 24,) * BANDS),
    "one_frame": AudioConfig(
        mels=8, coefficients=0, frames=1, offset=(0,) * 8, multiplier=(40_000,) * 8
    ),
    "mfcc": MFCC,
    "unequal": UNEQUAL,
}
LEVELS = {name: config for name, config in CONFIGS.items() if name not in ("mfcc", "unequal")}
KEYS = np.random.default_rng(5).integers(0, 1 << 32, 400).tolist()
GAINS = range(-7, 8)  # ±6.02 dB in steps of LOG_MEL
needs_compiler = pytest.mark.skipif(native.find_compiler() is None, reason="no C compiler")


def random_map(config: AudioConfig, seed: int) -> np.ndarray:
    """Values of all magnitudes, the extremes among them."""
    random = np.random.default_rng(seed)
    shape = config.frames, config.features
    spread = random.choice([1, 10, 50, 500])
    return np.clip(np.rint(random.normal(0, spread, shape)), -128, 127).astype(np.int8)


def flat(value: int, config: AudioConfig = LOG_MEL) -> np.ndarray:
    return np.full((config.frames, config.features), value, np.int8)


# -- the same in C ---------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize("name", CONFIGS)
def test_c_gives_the_same_bytes(name: str) -> None:
    config = CONFIGS[name]
    for key in (0, 1, (1 << 32) - 1, *KEYS):
        one, other = random_map(config, key), random_map(config, key + 1)
        noise = other if key % 4 else None
        expected = augment.vary(config, one, noise, key)
        np.testing.assert_array_equal(native.vary(config, one, noise, key), expected)
        assert expected.dtype == np.int8


@needs_compiler
@pytest.mark.parametrize("name", CONFIGS)
def test_c_has_no_undefined_behaviour_and_stays_within_its_maps(name: str) -> None:
    config, compiler = CONFIGS[name], native.find_compiler() or ""
    flags = "-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all"
    library = ctypes.CDLL(str(native.build_library(config, compiler, *flags)))
    tables = ctypes.c_void_p.in_dll(library, "audio_tables")
    size = config.frames * config.features
    for key in KEYS[:60]:
        maps = [random_map(config, key + n) for n in range(2)]
        out = np.full(3 * size, 99, np.int8)
        source, noise = (ctypes.c_void_p(each.ctypes.data) for each in maps)
        target = ctypes.c_void_p(out.ctypes.data + size)
        library.myna_audio_vary(tables, source, noise, ctypes.c_uint32(key), target)
        expected = augment.vary(config, *maps, key)
        np.testing.assert_array_equal(out[size : 2 * size], expected.ravel())
        assert (np.delete(out, np.s_[size : 2 * size]) == 99).all()


def test_native_falls_back_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "find_compiler", lambda: None)
    one, other = random_map(LOG_MEL, 1), random_map(LOG_MEL, 2)
    expected = augment.vary(LOG_MEL, one, other, 3)
    np.testing.assert_array_equal(native.vary(LOG_MEL, one, other, 3), expected)


# -- time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [MFCC, UNEQUAL], ids=["mfcc", "unequal"])
def test_only_time_varies_where_features_are_no_levels(config: AudioConfig) -> None:
    """Each frame tells its number, so the shift and the mask can be read from the result."""
    number = np.arange(1, config.frames + 1, dtype=np.int8)
    frames = np.repeat(number[:, None], config.features, axis=1)
    shifts, widths = Counter[int](), Counter[int]()
    for key in KEYS:
        varied = augment.vary(config, frames, random_map(config, key), key)
        assert (varied == varied[:, :1]).all()
        masked = np.flatnonzero(varied[:, 0] == 0)
        assert len(masked) in (0, np.ptp(masked) + 1 if len(masked) else 0)  # one stretch
        kept = np.flatnonzero(varied[:, 0])
        inner = kept[(varied[kept, 0] > 1) & (varied[kept, 0] < config.frames)]
        shift = int(inner[0] + 1 - varied[inner[0], 0])
        expected = np.clip(np.arange(config.frames) - shift, 0, config.frames - 1) + 1
        np.testing.assert_array_equal(varied[kept, 0], expected[kept])
        shifts[shift] += 1
        widths[len(masked)] += 1
    assert sorted(shifts) == list(range(-5, 6))
    assert sorted(widths) == list(range(7))
    assert max(shifts.values()) < 3 * len(KEYS) / len(shifts)
    assert max(widths.values()) < 3 * len(KEYS) / len(widths)


# -- level and masks -------------------------------------------------------------------------------


def test_gain_is_one_number_and_masks_are_stretches() -> None:
    gains, bands, frames = Counter[int](), Counter[int](), Counter[int]()
    for key in KEYS:
        varied = augment.vary(LOG_MEL, flat(50), None, key)
        in_time, in_band = (varied == 0).all(1), (varied == 0).all(0)
        for mask in (in_time, in_band):
            assert np.count_nonzero(np.diff(mask.astype(int))) <= 2
        kept = varied[~in_time][:, ~in_band]
        assert kept.min() == kept.max()
        gains[int(kept[0, 0]) - 50] += 1
        bands[int(in_band.sum())] += 1
        frames[int(in_time.sum())] += 1
    assert sorted(gains) == list(GAINS)
    assert sorted(bands) == list(range(4))
    assert sorted(frames) == list(range(7))


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("value", [-128, 127])
def test_levels_saturate(name: str, value: int) -> None:
    """A sum that wrapped around would change its sign."""
    config = LEVELS[name]
    most = round(2 * config.multiplier[0] / 2**14)
    for key in KEYS[:100]:
        varied = augment.vary(config, flat(value, config), flat(value, config), key).astype(int)
        sum_of_both = int(make_tables(config).log_add[0])
        lowest = 127 - most if value > 0 else -128
        highest = 127 if value > 0 else min(-128 + most + sum_of_both, 127)
        assert ((varied == 0) | ((varied >= lowest) & (varied <= highest))).all()


def test_every_key_varies_otherwise() -> None:
    one, other = random_map(LOG_MEL, 2), random_map(LOG_MEL, 3)
    results = {augment.vary(LOG_MEL, one, other, key).tobytes() for key in KEYS}
    assert len(results) == len(KEYS)


# -- noise -----------------------------------------------------------------------------------------


def test_noise_comes_to_half_of_the_maps_at_any_time_and_level() -> None:
    """The noise is so loud that the features vanish: it can be read from the result."""
    noise = np.repeat(np.arange(49, dtype=np.int8)[:, None], BANDS, axis=1) + np.int8(30)
    starts, gains, noisy = set[int](), set[int](), 0
    for key in range(1500):
        varied = augment.vary(LOG_MEL, flat(-128), noise, key).astype(int)
        if varied.max() <= 0:
            continue
        noisy += 1
        column = varied[:, np.flatnonzero(varied.any(0))[0]]
        ends = np.flatnonzero((column[:-1] > column[1:]) & (column[:-1] > 0) & (column[1:] > 0))
        if len(ends):
            gain = int(column[ends[0]]) - 78
            gains.add(gain)
            starts.add((48 - int(ends[0])) % 49)
            expected = (np.arange(49) + 48 - int(ends[0])) % 49 + 30 + gain
            kept = column != 0
            np.testing.assert_array_equal(column[kept], expected[kept])
    assert 0.45 < noisy / 1500 < 0.55
    assert gains == set(GAINS)
    assert len(starts) > 45


def test_faint_noise_changes_nothing() -> None:
    for key in KEYS:
        one = random_map(LOG_MEL, key).clip(-20, 127).astype(np.int8)
        alone = augment.vary(LOG_MEL, one, None, key)
        np.testing.assert_array_equal(augment.vary(LOG_MEL, one, flat(-128), key), alone)


@pytest.mark.parametrize("name", LEVELS)
def test_adding_levels_is_close_to_real_numbers(name: str) -> None:
    """All pairs of int8; the rounding of the table is the only error."""
    config = LEVELS[name]
    a, b = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))
    octave = config.multiplier[0] / 2**14
    exact = np.logaddexp2(a / octave, b / octave) * octave
    limit = 0.51 if octave < 255 else np.inf  # beyond, the table itself saturates
    assert np.abs(augment.log_add(config, a, b) - exact).max() < limit
    np.testing.assert_array_equal(augment.log_add(config, a, b), augment.log_add(config, b, a))
    assert (augment.log_add(config, a, b) >= np.maximum(a, b)).all()


def test_the_table_ends_where_it_becomes_zero() -> None:
    assert make_tables(LOG_MEL).log_add.tolist() == [3, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1]
    assert make_tables(CONFIGS["coarsest"]).log_add.tolist() == [0]
    assert make_tables(CONFIGS["finest"]).log_add.tolist()[:2] == [255, 255]
    for config in (MFCC, UNEQUAL):
        assert not len(make_tables(config).log_add)


# -- levels against sound --------------------------------------------------------------------------


def voice(pitch: float) -> np.ndarray:
    """Harmonics under two moving formants, in syllables."""
    time = np.arange(RATE) / RATE
    sound = np.zeros(RATE)
    for n in range(1, int(7000 / pitch)):
        hz = n * pitch
        formants = [400 + 300 * time, 1800 - 600 * time]
        sound += sum(1 / (1 + ((hz - f) / 150) ** 2) for f in formants) * np.sin(
            2 * np.pi * hz * time + n * n
        )
    return 3000 * sound * np.sin(2 * np.pi * 1.5 * time) ** 2


def hum(colour: float, seed: int) -> np.ndarray:
    """Gaussian noise, coloured, that swells."""
    random = np.random.default_rng(seed)
    spectrum = np.fft.rfft(random.normal(size=RATE))
    noise = np.fft.irfft(spectrum * np.maximum(np.arange(len(spectrum)), 1.0) ** -colour, RATE)
    return noise / noise.std() * (1 + np.sin(np.arange(RATE) / 1500) / 2)


def extracted(sound: np.ndarray) -> np.ndarray:
    """A map of LOG_MEL with offsets that centre it roughly."""
    return features.extract(CENTRED, np.rint(sound).astype(np.int16)).astype(int)


CENTRED = replace(LOG_MEL, offset=tuple(range(62 << 20, 42 << 20, -1 << 20)))


@pytest.mark.parametrize("level", [50, 300, 2000])
@pytest.mark.parametrize("colour", [0.0, 0.5])
@pytest.mark.parametrize("pitch", [110.0, 210.0])
def test_adding_levels_is_close_to_adding_sounds(pitch: float, colour: float, level: float) -> None:
    speech, noise = voice(pitch), level * hum(colour, 7)
    together, alone = extracted(speech + noise), extracted(speech)
    error = augment.log_add(CENTRED, alone, extracted(noise)) - together
    changed = np.abs(together - alone).mean()
    assert np.abs(error).mean() < 1 < changed / 2
    assert abs(error.mean()) < 0.2


@pytest.mark.parametrize("octaves", [-2, 2])
def test_gain_is_close_to_amplification(octaves: int) -> None:
    sound = voice(110) + 300 * hum(0.5, 3)
    louder = extracted(sound * 2 ** (octaves / 2))
    expected = np.clip(extracted(sound) + round(octaves * STEP), -128, 127)
    assert np.abs(louder - expected).mean() < 1
    assert GAINS[-1] == round(2 * STEP)


def test_pretraining_gives_log_mel_features_one_multiplier() -> None:
    sounds = [np.rint(voice(pitch)).astype(np.int16) for pitch in (90.0, 140.0, 230.0)]
    sources = [corpus.Source(pcm, label, "word") for label, pcm in enumerate(sounds)]
    config = examples.fit_normalisation(LOG_MEL, sources, [], seed=1)
    assert len(set(config.multiplier)) == 1
    assert len(set(config.offset)) == BANDS
    assert len(make_tables(config).log_add)


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("vary", [augment.vary, native.vary])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.zeros((49, BANDS), np.int16), None),
        (np.zeros((49, BANDS + 1), np.int8), None),
        (np.zeros((49, BANDS), np.int8), np.zeros((48, BANDS), np.int8)),
    ],
)
def test_wrong_maps_are_refused(
    vary: Callable[..., np.ndarray], one: np.ndarray, other: np.ndarray | None
) -> None:
    with pytest.raises(MynaError, match=r"must be int8 \[49, 20\]"):
        vary(LOG_MEL, one, other, 1)
