# SPDX-License-Identifier: Apache-2.0
"""The parameters of the integer front end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from myna.errors import MynaError

SILENCE, UNKNOWN = "silence", "unknown"  # labels of clips without speech, of other words
RATE = 16000  # samples per second
FRAME = 512  # samples of one analysis frame, and the length of its FFT
HOP = 320  # samples from one frame to the next
RECORDING = 4 * RATE  # samples of the longest recording
MAX_MELS = 64  # bounds the int32 accumulator of the DCT (features.py)


@dataclass(frozen=True)
class AudioConfig:
    """What one model asks of the front end; every field is JSON, the normalisation is integer.

    Args:
        mels: triangles of the mel filter bank, 8 to 64.
        coefficients: rows of the DCT (MFCC), or 0 to use the log-mel energies themselves.
        frames: rows of a clip's feature map; 49 are one second.
        low_hz, high_hz: the filter bank's range.
        floor_bits: the noise floor 2^floor_bits that is added to every mel energy.
        offset: subtracted from each raw coefficient (Q22), one per feature.
        multiplier: scales each coefficient to int8 (Q36), one per feature.
        scale: the real value of one int8 step; the zero point is 0.

    Raises:
        MynaError: a field is out of range.
    """

    mels: int = 40
    coefficients: int = 10
    frames: int = 49
    low_hz: float = 60.0
    high_hz: float = 7600.0
    floor_bits: int = 26
    offset: tuple[int, ...] = (0,) * 10
    multiplier: tuple[int, ...] = (1 << 14,) * 10
    scale: float = 1 / 32

    def __post_init__(self) -> None:
        for name in ("offset", "multiplier"):
            object.__setattr__(self, name, tuple(int(v) for v in getattr(self, name)))
        nyquist = RATE / 2
        self._require("mels", 8 <= self.mels <= MAX_MELS, f"between 8 and {MAX_MELS}")
        self._require(
            "coefficients", 0 <= self.coefficients <= self.mels, f"between 0 and mels ({self.mels})"
        )
        longest = (RECORDING - FRAME) // HOP + 1
        self._require("frames", 1 <= self.frames <= longest, f"between 1 and {longest}")
        self._require("low_hz", 0 <= self.low_hz < self.high_hz, "0 or more and below high_hz")
        self._require("high_hz", self.high_hz < nyquist, f"below {nyquist:g}")
        self._require("floor_bits", 20 <= self.floor_bits <= 40, "between 20 and 40")
        self._require("scale", self.scale > 0, "positive")
        for name, low, high in (("offset", -(1 << 30), 1 << 30), ("multiplier", 1, 1 << 24)):
            values = getattr(self, name)
            fits = len(values) == self.features and all(low <= v <= high for v in values)
            self._require(name, fits, f"{self.features} integers between {low} and {high}")

    def _require(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise MynaError(
                f"{name} = {getattr(self, name)!r} is not {rule}",
                where="audio configuration",
                fix=f"correct `{name}` under `audio` in the model's architecture.json",
            )

    @property
    def features(self) -> int:
        """Values per frame."""
        return self.coefficients or self.mels

    @property
    def samples(self) -> int:
        """PCM samples that fill `frames` frames."""
        return FRAME + HOP * (self.frames - 1)

    @property
    def window(self) -> int:
        """Samples that a recording is fitted to: a second, or all that the model hears if more."""
        return max(RATE, HOP * (self.frames + 1))

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values; `from_json` reads them back."""
        return asdict(self) | {"offset": list(self.offset), "multiplier": list(self.multiplier)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> AudioConfig:
        """Rebuild a configuration.

        Raises:
            MynaError: an unknown or missing field, or one out of range; or there are none, as of
                a model that hears nothing.
        """
        if not values:
            raise MynaError(
                "this model has no audio front end",
                where="audio configuration",
                fix="name a model that hears, like models/kws; this one is taught by --examples",
            )
        known = {field.name for field in fields(cls)}
        if values.keys() != known:
            wrong = ", ".join(sorted(values.keys() ^ known))
            raise MynaError(
                f"unknown or missing fields: {wrong}",
                where="audio configuration",
                fix=f"`audio` in architecture.json needs exactly: {', '.join(sorted(known))}",
            )
        return cls(**values)


def silence_of(labels: Sequence[str]) -> int | None:
    """The class of clips without speech, if there is one."""
    return labels.index(SILENCE) if SILENCE in labels else None


def unknown_of(labels: Sequence[str]) -> int | None:
    """The class of other words, if there is one."""
    return labels.index(UNKNOWN) if UNKNOWN in labels else None
