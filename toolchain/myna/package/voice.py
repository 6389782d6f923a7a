# SPDX-License-Identifier: Apache-2.0
"""What tells voices apart: ``voice.npz`` in a model's folder, and how it is fitted.

Linear discriminant analysis of the statistics of words (`ops.voice_statistics`), in NumPy: axes in
which one person's words vary little, and people much. Source: Fisher, "The Use of Multiple
Measurements in Taxonomic Problems" (1936); as the back end of x-vectors in Snyder et al. (2018).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from myna import fixed
from myna.errors import MynaError
from myna.files import read_arrays, write_arrays
from myna.ir import Array, Tensor
from myna.ops.similarity import ONE_Q15
from myna.ops.voice_statistics import VoiceStatistics
from myna.passes.training.owner import Projection

VOICE_FILE = "voice.npz"
VALUES = 32  # of a voice
RIDGE = 0.02  # of the mean variance within a person, added to each: few words of each are known
REACH = 4.0  # standard deviations that int8 holds of a value
MAKE = "make it from recordings of many people: `myna voices`"
FIX = "make it again with `myna voices`, or delete it"
PARTS = {"w": "int8", "bias": "int32", "mantissa": "int32", "shift": "int32", "threshold": "int32"}

Floats = npt.NDArray[np.float64]


def statistics(features: Array) -> Array:
    """The statistics of feature maps, int8 [n, frames, bands] -> int8 [n, 2 · bands]."""
    op = VoiceStatistics()
    return np.array([op.reference(one[..., None])[0] for one in features])


def fit(found: Array, speakers: Sequence[str], threshold: int = ONE_Q15) -> Projection:
    """The projection that tells these people apart.

    Args:
        found: int8 [n, 2 · bands], from `statistics`.
        speakers: who says each.
        threshold: the least score that is accepted, Q15.

    Raises:
        MynaError: fewer people say several words than a voice has values.
    """
    x, who = found.astype(np.float64), np.unique(speakers, return_inverse=True)[1]
    several = np.bincount(who)[who] > 1  # who is heard once says nothing of how he varies
    if len(np.unique(who[several])) <= VALUES:
        raise MynaError(
            f"fewer than {VALUES + 1} people say several words",
            where="recordings of people",
            fix="name recordings of more people: --data",
        )
    center, spread = x.mean(0), x.std(0) + 1e-6
    axes = _axes((x - center)[several] / spread, who[several])
    return _quantized(x, axes.T / spread, np.rint(center).astype(np.int64), threshold)


def _axes(x: Floats, who: npt.NDArray[np.int64]) -> Floats:
    """The discriminant axes, [n, VALUES], along which the variance within a person is one."""
    _, who, counts = np.unique(who, return_inverse=True, return_counts=True)
    means = np.zeros((len(counts), x.shape[1]))
    np.add.at(means, who, x)
    means /= counts[:, None]
    away = x - means[who]
    within = away.T @ away / (len(x) - len(counts))
    within += RIDGE * np.trace(within) / len(within) * np.eye(len(within))
    whiten = np.linalg.inv(np.linalg.cholesky(within))
    _, vectors = np.linalg.eigh(whiten @ np.cov(means.T) @ whiten.T)  # ascending
    return np.asarray(whiten.T @ vectors[:, ::-1][:, :VALUES])


def _quantized(x: Floats, w: Floats, center: Array, threshold: int) -> Projection:
    """Weights of one scale a row, the centre in the bias, all values at one scale."""
    scales = np.abs(w).max(1) / 127
    rows = np.rint(w / scales[:, None]).astype(np.int64)
    values = (x - center) @ rows.T * scales
    step = REACH * float(values.std()) / 127
    pairs = [fixed.requantize_multiplier(float(scale / step)) for scale in scales]
    mantissa, shift = np.array(pairs, np.int32).T.copy()
    bias = -(rows @ center)
    return Projection(rows.astype(np.int8), bias.astype(np.int32), mantissa, shift, threshold)


def save_projection(projection: Projection, speakers: Collection[str], folder: Path) -> Path:
    """Write ``voice.npz``, with the speakers who had a part in it; its path."""
    parts = {name: np.asarray(getattr(projection, name), kind) for name, kind in PARTS.items()}
    write_arrays(folder / VOICE_FILE, **parts, speakers=np.array(sorted(speakers)))
    return folder / VOICE_FILE


def load_projection(folder: Path, input_shape: Sequence[int]) -> Projection | None:
    """Read ``voice.npz``; None if a model's folder has none.

    Raises:
        MynaError: it is damaged, or does not fit the model's input.
    """
    path = folder / VOICE_FILE
    if not path.exists():
        return None
    arrays = read_arrays(path, fix=FIX)
    if (problem := _misfit(arrays, input_shape)) is not None:
        raise MynaError(f"does not fit the model: {problem}", where=str(path), fix=FIX)
    w, bias, mantissa, shift, threshold = (arrays[name] for name in PARTS)
    return Projection(w, bias, mantissa, shift, int(threshold))


def speakers_of(folder: Path) -> frozenset[str]:
    """The speakers who had a part in a model's projection or threshold.

    Raises:
        MynaError: its ``voice.npz`` is missing or damaged.
    """
    missing = "has no voice.npz, which tells voices apart"
    arrays = read_arrays(folder / VOICE_FILE, missing, MAKE)
    return frozenset(map(str, arrays.get("speakers", np.array([], str)).reshape(-1).tolist()))


def _misfit(arrays: dict[str, Array], input_shape: Sequence[int]) -> str | None:
    if any(name not in arrays or arrays[name].dtype != kind for name, kind in PARTS.items()):
        return f"it must hold {', '.join(f'{name} {kind}' for name, kind in PARTS.items())}"
    (size,), _ = VoiceStatistics().infer(Tensor("features", tuple(input_shape), "int8"))[0]
    values = len(arrays["bias"])
    if arrays["w"].shape != (values, size):
        return f"its weights are not [{values}, {size}]"
    if any(arrays[name].shape != (values,) for name in ("bias", "mantissa", "shift")):
        return "its rows differ in number"
    w, bias = (arrays[name].astype(np.int64) for name in ("w", "bias"))
    sums = 255 * np.abs(w).sum(1) + np.abs(bias)
    moved = sums << np.maximum(arrays["shift"], 0).clip(0, 30)
    within = (np.abs(arrays["shift"].astype(np.int64)) <= 30).all() and (moved < fixed.SMALL).all()
    positive = (arrays["mantissa"] >= 1 << 30).all() and arrays["threshold"].shape == ()
    return None if within and positive else "its numbers are out of bounds"
