# SPDX-License-Identifier: Apache-2.0
"""What an exported .tflite file says about itself: a JSON block named `myna`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from myna.errors import MynaError
from myna.tflite.read import parse

NAME = "myna"
FIX = "export it with `myna export MODEL -o FILE.tflite`"


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
    where = "TensorFlow Lite file"
    block = parse(data, where).metadata.get(NAME)
    if block is None:
        raise MynaError("holds no description by Myna", where=where, fix=FIX)
    return unpack(block, where)


def unpack(block: bytes, where: str) -> Metadata:
    """What the block of an exported file says.

    Args:
        block: the metadata named NAME.
        where: the file, for messages.

    Raises:
        MynaError: it is damaged.
    """
    try:
        record = json.loads(block)
        if not isinstance(record["audio"], dict) or not isinstance(record["labels"], list):
            raise ValueError("labels or audio are of another type")
        return Metadata(**{**record, "labels": tuple(record["labels"])})
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MynaError(
            f"holds no description by Myna ({type(error).__name__}: {error})", where=where, fix=FIX
        ) from error
