# SPDX-License-Identifier: Apache-2.0
"""What an exported .tflite file says about itself: a JSON block named `myna`."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import tflite

from myna.errors import MynaError
from myna.tflite.schema import IDENTIFIER

NAME = "myna"


@dataclass(frozen=True)
class Metadata:
    """What a firmware needs beside the network, and where the network is from.

    Attributes:
        model: its name.
        labels: one per output, words that were enrolled last; none if it reconstructs its input.
        audio: fields of `myna.audio.config.AudioConfig`; empty for a network that hears nothing.
        input: shape (without the batch), scale and zero_point of what the network reads.
        provenance: myna (version), fingerprint and state_crc (hexadecimal), steps, seed; a
            network that was not trained on a device has no state_crc.
    """

    model: str
    labels: tuple[str, ...]
    audio: Mapping[str, Any]
    input: Mapping[str, Any]
    provenance: Mapping[str, Any]

    def blocks(self) -> dict[str, bytes]:
        """As `write` takes it."""
        return {NAME: json.dumps(asdict(self), ensure_ascii=False).encode()}


def read_metadata(data: bytes) -> Metadata:
    """What an exported file says about itself.

    Args:
        data: the whole .tflite file.

    Raises:
        MynaError: it is none, is damaged, or was not exported by Myna.
    """
    try:
        record = json.loads(_block(data))
        return Metadata(**{**record, "labels": tuple(record["labels"])})
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error) as error:
        raise MynaError(
            f"holds no description by Myna ({error})",
            where="TensorFlow Lite file",
            fix="export it with `myna export MODEL -o FILE.tflite`",
        ) from error


def _block(data: bytes) -> bytes:
    if data[4:8] != IDENTIFIER:
        raise ValueError("not TensorFlow Lite's format")
    model = tflite.Model.GetRootAs(data, 0)
    for index in range(min(model.MetadataLength(), len(data))):
        entry = model.Metadata(index)
        if entry.Name() == NAME.encode():
            return bytes(model.Buffers(entry.Buffer()).DataAsNumpy())
    raise ValueError(f"no block {NAME!r}")
