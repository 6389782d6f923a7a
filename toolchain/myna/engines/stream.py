# SPDX-License-Identifier: Apache-2.0
"""The C core's inference on sound as it comes, called through ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np

from myna.audio.features import Pcm
from myna.errors import MynaError
from myna.ir import Array
from myna.passes.streaming.stream import StreamingProgram
from myna.passes.training.imprint import embedding_of

_BYTES = ctypes.POINTER(ctypes.c_int8)
_SAMPLES = ctypes.POINTER(ctypes.c_int16)
_DUE = ctypes.POINTER(ctypes.c_bool)


class _Streaming(ctypes.Structure):
    """`struct myna_streaming` of firmware/runtime/stream.h."""

    _fields_ = (
        ("rows", _BYTES),
        ("row_bytes", ctypes.c_uint16),
        ("period", ctypes.c_uint16),
        ("warm_up", ctypes.c_uint16),
        ("delay", ctypes.c_uint16),
        ("step", ctypes.c_void_p),
        ("logits", _BYTES),
        ("embedding", _BYTES),
        ("kept", ctypes.c_void_p),
        ("kept_bytes", ctypes.c_uint32),
        ("foils", _BYTES),
        ("foil_count", ctypes.c_uint16),
        ("draft", ctypes.c_void_p),
    )


class HostStream:
    """The stream of a shared library; mirrors `learn.stream.Stream`.

    Args:
        core: the library; its weights are read in every step.
        streaming: what it was compiled from.

    Raises:
        MynaError: the library was compiled without streaming, or from another program.
    """

    def __init__(self, core: ctypes.CDLL, streaming: StreamingProgram) -> None:
        try:
            found = _Streaming.in_dll(core, "myna_streaming")
        except ValueError as error:
            raise MynaError("was compiled without streaming", where=core._name) from error
        if (found.kept_bytes, found.period) != (streaming.state_bytes, streaming.period):
            raise MynaError("was compiled from another program", where=core._name)
        self._c, self._streaming, self._row_bytes = core, streaming, found.row_bytes
        self._c.myna_stream_push.argtypes = (_SAMPLES, ctypes.c_uint32, _DUE)
        self._c.myna_stream_push.restype = ctypes.c_uint32
        self._c.myna_stream_row.argtypes = (_BYTES,)
        self._c.myna_stream_row.restype = ctypes.c_bool
        size = streaming.graph.tensors[streaming.graph.outputs[0]].size
        self._logits = np.ctypeslib.as_array(found.logits, (size,))
        if found.embedding:
            size = embedding_of(streaming.graph).size
            self._embedding = np.ctypeslib.as_array(found.embedding, (size,))
        self.reset()

    def reset(self) -> None:
        """Forget all sound."""
        self._c.myna_stream_reset()

    def push(self, pcm: Pcm) -> Iterator[Array]:
        """The logits, int8 [n], that so many more samples (int16, 16 kHz) bring."""
        rest, due = np.ascontiguousarray(pcm, np.int16), ctypes.c_bool()
        while len(rest):
            data = rest.ctypes.data_as(_SAMPLES)
            rest = rest[self._c.myna_stream_push(data, len(rest), ctypes.byref(due)) :]
            if due.value:
                yield self._logits.copy()

    @property
    def embedding(self) -> Array:
        """The input of the head, int8 [n], of which the latest logits were made."""
        return self._embedding.copy()

    def row(self, row: Array) -> Array | None:
        """Take a row of features, int8; the logits, int8 [n], if there are new ones."""
        data = np.ascontiguousarray(row, np.int8).ctypes.data_as(_BYTES)
        return self._logits.copy() if self._c.myna_stream_row(data) else None

    def window(self, rows: Array) -> Array:
        """The logits, int8 [n], of one window of features, int8 of any shape.

        What comes before it is like its first row, and what comes after it like its last.
        """
        self.reset()
        window, behind = rows.reshape(-1, self._row_bytes), self._streaming.delay
        before = self._streaming.period * (self._streaming.warm_up + 1) - behind - len(window)
        padded = np.pad(window, ((before, behind), (0, 0)), "edge")
        *_, logits = (self.row(row) for row in padded)
        assert logits is not None
        return logits
