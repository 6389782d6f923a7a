# SPDX-License-Identifier: Apache-2.0
"""Sound files of every format that recordings may have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from myna.audio.config import RATE
from myna.audio.features import Pcm

CODECS = {  # of the suffixes that do not tell soundfile all it needs
    ".aif": ("AIFF", "PCM_16"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".oga": ("OGG", "VORBIS"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
}


def write_sound(path: Path, pcm: Pcm, rate: int = RATE) -> None:
    """Write int16 [samples] or [samples, channels] in the format that the suffix tells."""
    container, codec = CODECS.get(path.suffix.lower(), (None, "PCM_16"))
    # libsndfile 1.2.2 writes int16 as MP3 at another level in each channel
    sound = pcm if codec == "PCM_16" else (pcm / 32768).astype(np.float32)
    soundfile.write(path, sound, rate, format=container, subtype=codec)
