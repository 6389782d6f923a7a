# SPDX-License-Identifier: Apache-2.0
"""Sound of any rate and number of channels: what is heard stays, and nothing is added."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from myna.audio.config import RATE
from myna.audio.convert import HIGHEST, LOWEST, Converter
from myna.audio.features import Pcm
from myna.errors import MynaError

RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192_000)
EDGE = 2000  # samples in which a filter settles


def tone(hz: float, rate: int, level: float = 0.5, seconds: float = 2) -> npt.NDArray[np.float64]:
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def convert(sound: npt.NDArray[np.floating], rate: int, piece: int = 1 << 20) -> Pcm:
    converter, channels = Converter(rate), sound.reshape(len(sound), -1)
    parts = [converter.push(channels[at : at + piece]) for at in range(0, len(sound), piece)]
    return np.concatenate([*parts, converter.push(channels[:0], last=True)])


def decibels(pcm: Pcm, hz: float) -> tuple[float, float]:
    """The level of a tone, and of all else, in dB of full scale."""
    sound = pcm[EDGE:-EDGE] / 32768
    wave = np.exp(-2j * np.pi * hz * np.arange(len(sound)) / RATE)
    window = np.hanning(len(sound))
    amplitude = 2 * (sound * wave * window).sum() / window.sum()
    rest = sound - (amplitude * wave.conj()).real
    return 20 * np.log10(abs(amplitude)), 10 * np.log10(2 * np.mean(rest**2))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [100.0, 1000.0, 3500.0, 7400.0])
def test_a_tone_keeps_frequency_and_level(rate: int, hz: float) -> None:
    if hz >= 0.46 * rate:
        return
    level, rest = decibels(convert(tone(hz, rate), rate), hz)
    assert abs(level - 20 * np.log10(0.5)) < 0.05
    assert rest < -90  # what rounding to int16 adds is at -98 dB


@pytest.mark.parametrize("rate", [rate for rate in RATES if rate > RATE])
def test_what_would_alias_is_gone(rate: int) -> None:
    """Down to the rounding of int16: what an aliased tone leaves is no step of it."""
    for hz in np.geomspace(8100, 0.49 * rate, 12):
        left = convert(tone(hz, rate, 0.9), rate)[EDGE:-EDGE]
        assert np.abs(left).max() <= 1, hz


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("samples", [1, 777, 44100, 100_003])
def test_the_length_is_kept(rate: int, samples: int) -> None:
    assert abs(len(convert(np.zeros(samples), rate)) - samples * RATE / rate) <= 1


@pytest.mark.parametrize("rate", RATES)
def test_pieces_of_any_size_give_the_same_samples(rate: int) -> None:
    sound = np.random.default_rng(1).normal(0, 0.2, (rate, 2))
    whole = convert(sound, rate)
    for piece in (97, 4096):
        np.testing.assert_array_equal(convert(sound, rate, piece), whole)


@pytest.mark.parametrize("rate", RATES)
def test_nothing_is_added_to_silence(rate: int) -> None:
    assert not convert(np.zeros(rate), rate).any()
    assert set(convert(np.full(rate, 5 / 32768), rate)[EDGE:-EDGE].tolist()) == {5}


def test_16_khz_mono_is_left_as_it_is() -> None:
    sound = np.arange(-32768, 32768)
    np.testing.assert_array_equal(convert(sound / 32768, RATE), sound)


def test_channels_are_averaged() -> None:
    left, right = tone(300, RATE, 0.4), tone(500, RATE, 0.2)
    mixed = convert(np.stack([left, right, np.zeros_like(left)], 1), RATE)
    np.testing.assert_array_equal(mixed, np.rint((left + right) / 3 * 32768))


def test_channels_that_cancel_each_other_are_refused() -> None:
    sound, converter = tone(300, RATE), Converter(RATE)
    converter.push(np.stack([sound, -sound], 1))
    with pytest.raises(MynaError, match="cancel each other") as caught:
        converter.expect_sum()
    assert "c0=c0" in caught.value.fix
    for other in (0 * sound, -0.9 * sound, sound):
        fine = Converter(RATE)
        fine.push(np.stack([sound, other], 1))
        fine.expect_sum()


@pytest.mark.parametrize("rate", [RATE, 48000])
def test_clipping_is_counted_before_it_is_smoothed(rate: int) -> None:
    converter = Converter(rate)
    converter.push(np.clip(tone(201.3, rate, 4), -1, 1)[:, None])
    assert converter.clipped == pytest.approx(1 - 2 / np.pi * np.arcsin(1 / 4), abs=0.01)


@pytest.mark.parametrize("rate", [1, LOWEST - 1, HIGHEST + 1, 2**31 - 1])
def test_rates_that_nothing_is_recorded_at_are_refused(rate: int) -> None:
    with pytest.raises(MynaError, match=f"sampled at {rate} Hz"):
        Converter(rate)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rate", [RATE, 44100])
def test_what_is_no_number_is_refused(value: float, rate: int) -> None:
    with pytest.raises(MynaError, match="no numbers"):
        convert(np.array([0.1, value, 0.1]), rate)
