# SPDX-License-Identifier: Apache-2.0
"""The integer front end: PCM to int8 features, the specification that firmware/audio repeats.

All values are integers; `>>` is an arithmetic shift (rounds towards minus infinity). Each frame
covers 512 samples and starts 320 samples after the one before; x[n] is int16 at 16 kHz.

1. Window. z[n] = x[n]·window[n], Q15, exact. |z| ≤ 2^15·32767 < 2^30.
2. FFT. Even and odd samples are the real and imaginary parts of 256 complex values, which go
   through a radix-2 decimation-in-time transform: inputs in bit-reversed order, then for
   span = 2, 4, …, 256 and j < span/2, with c, s = twiddle[j·512/span],
       t.re = (b.re·c + b.im·s) >> 32,  t.im = (b.im·c − b.re·s) >> 32   (64-bit products and sum)
       a, b ← (a >> 1) + t, (a >> 1) − t   on real and imaginary parts.
   Every stage halves, so the modulus stays below √2·2^30 plus two per stage: int32 never
   overflows.
3. Power. The real signal's spectrum, halved once more, from Z[k] and Z[256−k], k = 0…128:
       e = (Z[k].re >> 2) + (Z[256−k].re >> 2),  f = (Z[k].im >> 2) − (Z[256−k].im >> 2)
       d = (Z[k].re >> 1) − (Z[256−k].re >> 1),  g = (Z[k].im >> 1) + (Z[256−k].im >> 1)
       t = (g·c − d·s) >> 32,  u = (d·c + g·s) >> 32,  c, s = twiddle[k]
       power[k] = ((e + t)² + (f − u)²) >> 6,  power[256−k] = ((e − t)² + (f + u)²) >> 6
   (Z[256] is Z[0]; power[256] is not used.) |d|, |g| ≤ 2^31 − 2 and |e ± t|, |f ± u| ≤ 2^29 plus
   rounding, because a Hann window sums to 2^8. By Parseval all powers together stay below 2^52.
4. Mel. mel[m] = Σ weight·power over the triangle's bins, below 2^60, unsigned 64 bits.
5. Logarithm, relative to the floor. v = mel[m] + 2^floor_bits; e = index of v's highest set bit;
   i = the 5 bits below it, r = the 10 bits below those (zeros below bit 0);
       l = log2[i] + (((log2[i+1] − log2[i])·r) >> 10)                          (Q12)
       log[m] = (e − floor_bits)·256 + ((l + 8) >> 4)                           (Q8, 0 … 41·256)
6. DCT. acc[c] = Σ_m log[m]·dct[c][m], Q22; |acc| < 41·256·√(2·64)·2^14 < 2^31.
   With coefficients = 0: acc[m] = log[m] << 14.
7. Normalisation. q[c] = clamp(((acc[c] − offset[c])·multiplier[c] + 2^35) >> 36, −128, 127),
   in 64 bits: |acc − offset| < 2^32, multiplier ≤ 2^24.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from myna.audio.config import FRAME, HOP, AudioConfig
from myna.audio.tables import make_tables
from myna.errors import MynaError

Ints = npt.NDArray[np.int64]
Pcm = npt.NDArray[np.int16]
POINTS = FRAME // 2  # complex points of the FFT
CHUNK = 2048  # frames computed at once, bounds the memory used


def extract(config: AudioConfig, pcm: Pcm) -> npt.NDArray[np.int8]:
    """Features of one clip or of any array of clips.

    Args:
        config: the front end's parameters.
        pcm: int16 [..., samples], at least `config.samples` long; what follows is ignored.

    Returns:
        int8 [..., frames, features], scale `config.scale`, zero point 0.

    Raises:
        MynaError: `pcm` is not int16 or too short.
    """
    acc = raw_coefficients(config, pcm)
    scaled = (acc - np.array(config.offset)) * np.array(config.multiplier)
    return np.asarray(np.clip((scaled + (1 << 35)) >> 36, -128, 127), np.int8)


def raw_coefficients(config: AudioConfig, pcm: Pcm) -> Ints:
    """Steps 1 to 6: int64 [..., frames, features], Q22. Arguments and errors as for `extract`."""
    check_pcm(config, pcm)
    windows = np.lib.stride_tricks.sliding_window_view(pcm[..., : config.samples], FRAME, axis=-1)
    frames = windows[..., ::HOP, :].reshape(-1, FRAME)
    rows = [
        _frame_coefficients(config, frames[start : start + CHUNK].astype(np.int64))
        for start in range(0, len(frames), CHUNK)
    ]
    shape = (*pcm.shape[:-1], config.frames, config.features)
    return np.concatenate(rows).reshape(shape) if rows else np.zeros(shape, np.int64)


def check_pcm(config: AudioConfig, pcm: Pcm) -> None:
    """Raise a MynaError unless `pcm` is int16 and long enough for the configuration."""
    if pcm.dtype != np.int16 or pcm.ndim < 1 or pcm.shape[-1] < config.samples:
        raise MynaError(
            f"the front end needs int16 [..., {config.samples} or more], "
            f"not {pcm.dtype} {list(pcm.shape)}",
            where="audio features",
            fix="read clips with myna.audio.files.read_clip, which pads and converts",
        )


def _frame_coefficients(config: AudioConfig, frames: Ints) -> Ints:
    """Frames [n, 512] → raw coefficients [n, features]."""
    tables = make_tables(config)
    power = _power(*_fft(frames * tables.window, tables.twiddle.astype(np.int64)), tables.twiddle)
    ends = np.cumsum(tables.mel_count)
    log = np.empty((len(frames), config.mels), np.int64)
    for m, (first, count, end) in enumerate(
        zip(tables.mel_first, tables.mel_count, ends, strict=True)
    ):
        mel = power[:, first : first + count] @ tables.mel_weight[end - count : end].astype("i8")
        log[:, m] = _log2(mel + (1 << config.floor_bits), tables.log2, config.floor_bits)
    return log @ tables.dct.T.astype(np.int64) if config.coefficients else log << 14


def _fft(windowed: Ints, twiddle: Ints) -> tuple[Ints, Ints]:
    """Real samples [n, 512] → complex spectrum of 256 points, scaled by 1/256."""
    order = [int(f"{k:08b}"[::-1], 2) for k in range(POINTS)]
    re, im = windowed[:, 0::2][:, order], windowed[:, 1::2][:, order]
    span = 2
    while span <= POINTS:
        c, s = twiddle[:: FRAME // span][: span // 2].T
        re, im = (x.reshape(len(windowed), -1, 2, span // 2) for x in (re, im))
        (a_re, b_re), (a_im, b_im) = ((x[:, :, 0] >> 1, x[:, :, 1]) for x in (re, im))
        t_re, t_im = (b_re * c + b_im * s) >> 32, (b_im * c - b_re * s) >> 32
        re = np.stack([a_re + t_re, a_re - t_re], axis=2)
        im = np.stack([a_im + t_im, a_im - t_im], axis=2)
        span *= 2
    return re.reshape(-1, POINTS), im.reshape(-1, POINTS)


def _power(re: Ints, im: Ints, twiddle: npt.NDArray[np.int32]) -> Ints:
    """Complex spectrum [n, 256] → power of the real signal's bins 0 … 255."""
    k = np.arange(POINTS // 2 + 1)
    c, s = twiddle[k].T.astype(np.int64)
    z_re, z_im, m_re, m_im = re[:, k], im[:, k], re[:, -k], im[:, -k]
    e, f = (z_re >> 2) + (m_re >> 2), (z_im >> 2) - (m_im >> 2)
    d, g = (z_re >> 1) - (m_re >> 1), (z_im >> 1) + (m_im >> 1)
    t, u = (g * c - d * s) >> 32, (d * c + g * s) >> 32
    low = ((e + t) ** 2 + (f - u) ** 2) >> 6
    high = ((e - t) ** 2 + (f + u) ** 2) >> 6
    return np.concatenate([low, high[:, POINTS // 2 - 1 : 0 : -1]], axis=1)


def _log2(value: Ints, table: npt.NDArray[np.int16], floor_bits: int) -> Ints:
    """log2(value) − floor_bits in Q8, for 2^floor_bits ≤ value < 2^61."""
    exponent = np.zeros_like(value)
    for step in (32, 16, 8, 4, 2, 1):
        exponent += step * ((value >> (exponent + step)) > 0)
    mantissa = value << (62 - exponent)  # the leading one in bit 62, clear of the sign
    index, rest = (mantissa >> 57) & 31, (mantissa >> 47) & 1023
    table = table.astype(np.int64)
    log = table[index] + (((table[index + 1] - table[index]) * rest) >> 10)
    return np.asarray(((exponent - floor_bits) << 8) + ((log + 8) >> 4))
