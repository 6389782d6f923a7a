# SPDX-License-Identifier: Apache-2.0
"""Sound files of every format that recordings may have."""

from __future__ import annotations

from pathlib import Path

import soundfile
from myna.audio.config import RATE
from myna.audio.features import Pcm


def write_sound(path: Path, pcm: Pcm, rate: int = RATE) -> None:
    """Write int16 [samples] or [samples, channels] in the format that the suffix tells."""
    if path.suffix.lower() == ".opus":  # soundfile does not know the suffix
        soundfile.write(path, pcm, rate, format="OGG", subtype="OPUS")
    else:
        soundfile.write(path, pcm, rate, subtype="PCM_16")
