# SPDX-License-Identifier: Apache-2.0
"""firmware/audio/endpoint.c in this process."""

from __future__ import annotations

import ctypes

import numpy as np
from myna.audio import native
from myna.audio.config import AudioConfig
from myna.audio.endpoint import Verdict, Word
from myna.audio.features import Pcm

CONFIG = AudioConfig()


class Heard(ctypes.Structure):
    """struct endpoint_word"""

    _fields_ = [("verdict", ctypes.c_uint16), ("start", ctypes.c_uint16),
                ("length", ctypes.c_uint16)]  # fmt: skip


class Twin:
    """firmware/audio/endpoint.c, under the undefined behaviour sanitizer."""

    def __init__(self) -> None:
        compiler = native.find_compiler()
        assert compiler is not None
        flags = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
        self._c = ctypes.CDLL(str(native.build_library(CONFIG, compiler, *flags)))
        self._c.myna_endpoint_first_frame.restype = ctypes.c_uint32

    def listen(self, pcm: Pcm, frames: int, piece: int) -> tuple[Word, int]:
        """The word and the clip's first frame, of samples pushed in pieces."""
        state, heard = ctypes.create_string_buffer(1024), Heard()
        self._c.myna_endpoint_reset(state)
        for at in range(0, len(pcm), piece):
            some = np.ascontiguousarray(pcm[at : at + piece])
            self._c.myna_endpoint_push(state, ctypes.c_void_p(some.ctypes.data), len(some))
        self._c.myna_endpoint_find(state, ctypes.byref(heard))
        first = self._c.myna_endpoint_first_frame(state, ctypes.byref(heard), frames)
        return Word(Verdict(heard.verdict), heard.start, heard.length), first
