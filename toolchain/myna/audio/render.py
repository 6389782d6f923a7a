# SPDX-License-Identifier: Apache-2.0
"""The front end's tables as C text, for the generated model's folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import Any

import numpy.typing as npt

from myna.audio.config import AudioConfig
from myna.audio.tables import make_tables


def render_tables(config: AudioConfig) -> str:
    """C text that defines `audio_config`, a `struct myna_audio_config`, and all it points to.

    It is static and needs `audio/features.h` included before it. Symbols without a value (the DCT
    of a log-mel configuration) are null pointers.
    """
    tables = make_tables(config)
    arrays: dict[str, tuple[str, Sequence[int] | npt.NDArray[Any]]] = {
        "window": ("int16_t", tables.window),
        "twiddle": ("int32_t", tables.twiddle.ravel()),
        "log2": ("int16_t", tables.log2),
        "mel_first": ("int16_t", tables.mel_first),
        "mel_count": ("int16_t", tables.mel_count),
        "mel_weight": ("uint8_t", tables.mel_weight),
        "dct": ("int16_t", tables.dct.ravel()),
        "offset": ("int32_t", config.offset),
        "multiplier": ("int32_t", config.multiplier),
        "log_add": ("uint8_t", tables.log_add),
    }
    numbers = {
        "frames": config.frames,
        "mels": config.mels,
        "coefficients": config.coefficients,
        "features": config.features,
        "floor_bits": config.floor_bits,
        "log_add_count": len(tables.log_add),
    }
    texts = [_array(name, kind, values) for name, (kind, values) in arrays.items() if len(values)]
    members = [f"    .{name} = {value}," for name, value in numbers.items()] + [
        f"    .{name} = {f'audio_{name}' if len(values) else '0'},"
        for name, (_, values) in arrays.items()
    ]
    struct = ["static const struct myna_audio_config audio_config = {", *members, "};", ""]
    return "\n".join([*texts, *struct])


def _array(name: str, kind: str, values: Iterable[int]) -> str:
    numbers = [str(int(value)) for value in values]
    body = fill(", ".join(numbers), 96, initial_indent="    ", subsequent_indent="    ")
    return f"static const {kind} audio_{name}[{len(numbers)}] = {{\n{body},\n}};\n"
