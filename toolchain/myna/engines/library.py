# SPDX-License-Identifier: Apache-2.0
"""The C core in this process: compiled by the host's compiler, called through ctypes."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from myna.device.target import PROJECT, require
from myna.device.tool import locked
from myna.engines.listening import HostListening
from myna.engines.stream import HostStream
from myna.errors import MynaError
from myna.ir import Array
from myna.names import CLASSES, CODEWORD, SEED, STEP, VOICE
from myna.passes.bounds import check_values
from myna.passes.memory.plan import Program
from myna.passes.streaming.stream import StreamingProgram
from myna.passes.training.imprint import embedding_of

FIRMWARE = PROJECT / "firmware"
FLAGS = ("-std=c11", "-O3", "-fPIC", "-Wall", "-Wextra", "-Wconversion", "-Werror")
# -Bsymbolic: a kernel must never be taken for a function of the process that has the same name
LINK = ("-shared", "-Wl,-Bsymbolic")
CORE = PROJECT / "build" / "host" / "core.o"  # kernels and audio, the same for all models
OWN = (
    "boards/host/library.c",
    *(f"runtime/{name}.c" for name in ("stream", "sound", "listening", "gate", "meter", "detect")),
    *(f"runtime/{name}.c" for name in ("templates", "sightings")),
)  # what depends on the model

_TRACE = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_uint16)
_BYTES = ctypes.POINTER(ctypes.c_int8)
_WORDS = ctypes.POINTER(ctypes.c_int32)
_SIZE = ctypes.POINTER(ctypes.c_uint32)


def compile_library(generated: Path) -> Path:
    """Compile a generated model with the kernels; unless sources or flags changed, only once.

    Raises:
        MynaError: no compiler, or the sources do not compile.
    """
    include = f"-I{FIRMWARE}"
    sources = [*FIRMWARE.glob("kernels/**/*.c"), *FIRMWARE.glob("audio/**/*.c")]
    headers = [*FIRMWARE.glob("**/*.h")]
    core = _compile(CORE, sources, headers, (include, "-r"))
    own = [FIRMWARE / name for name in OWN]
    sources = [core, *own, *generated.glob("*.c")]
    headers += generated.glob("*.h")
    library = generated / f"lib{generated.name}.so"
    return _compile(library, sources, headers, (include, f"-I{generated}", *LINK))


def _compile(
    output: Path, sources: Sequence[Path], headers: Sequence[Path], flags: Sequence[str]
) -> Path:
    """Compile into a file whose name holds a digest of all that it is made of."""
    command = [require("gcc"), *FLAGS, *flags, *map(str, sorted(sources))]
    parts = [" ".join(command).encode(), *(p.read_bytes() for p in sorted([*sources, *headers]))]
    digest = hashlib.sha256(b"".join(parts)).hexdigest()[:16]
    made = output.with_stem(f"{output.stem}-{digest}")
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        with locked(output.with_suffix(".lock")):  # what another process compiles is waited for
            if not made.exists():
                draft = made.with_suffix(".draft")
                _run([*command, "-o", str(draft)])
                draft.rename(made)
    return made


def _run(command: Sequence[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise MynaError(f"the C core does not compile:\n{result.stderr[:4000]}", where=command[0])


class HostLibrary:
    """A device that is a shared library; mirrors `engines.reference.Reference`.

    Each instance loads a private copy, because the C core keeps its state in static memory.
    """

    def __init__(self, program: Program, library: Path) -> None:
        self.program = program
        with tempfile.TemporaryDirectory(prefix="myna-") as folder:
            copy = Path(shutil.copy(library, folder))
            self._c = ctypes.CDLL(str(copy))
        self._c.myna_library_infer.argtypes = (_BYTES, _BYTES)
        self._c.myna_library_train_step.argtypes = (_BYTES, ctypes.c_int32, _TRACE)
        self._c.myna_library_train_step.restype = ctypes.c_int32
        self._c.myna_library_rehearse.argtypes = (_BYTES, ctypes.c_int32)
        self._c.myna_library_rehearse.restype = ctypes.c_int32
        self._c.myna_library_recall.argtypes = (_BYTES, _BYTES)
        self._c.myna_library_encode.argtypes = (_BYTES, _BYTES)
        self._c.myna_library_compare.argtypes = (_BYTES,)
        self._c.myna_library_embed.argtypes = (_BYTES, _WORDS)
        self._c.myna_library_similarity.restype = _WORDS
        numbers = ctypes.c_int32, ctypes.c_int32
        self._c.myna_library_imprint.argtypes = (ctypes.c_int32, _WORDS, *numbers)
        self._c.myna_library_codeword.restype = _BYTES
        self._c.myna_library_score_voice.argtypes = (_BYTES, _BYTES)
        self._c.myna_library_score_voice.restype = _WORDS
        self._c.myna_library_state.argtypes = (_SIZE,)
        self._c.myna_library_state.restype = ctypes.POINTER(ctypes.c_uint8)
        self._c.myna_library_output.argtypes = (ctypes.c_uint16, ctypes.c_uint16, _SIZE)
        self._c.myna_library_output.restype = ctypes.c_void_p
        size = ctypes.c_uint32()
        state = self._c.myna_library_state(ctypes.byref(size))
        if size.value != program.state_bytes:
            raise MynaError("was compiled from another program", where=str(library))
        self._state = np.ctypeslib.as_array(state, (size.value,))
        logits = program.graph.tensors[program.graph.outputs[0]]
        self._logits = np.zeros(logits.size, np.int8)
        self.reset()

    def reset(self) -> None:
        """Back to the initial state."""
        self._c.myna_library_reset()
        if CODEWORD in self.program.graph.tensors:
            known = self.program.graph.tensors[CODEWORD].data
            assert known is not None
            self.set_codeword(known)

    def infer(self, features: Array) -> Array:
        """Logits (int8) of one feature map."""
        self._c.myna_library_infer(_pointer(features), _pointer(self._logits))
        return self._logits.copy()

    def predict(self, features: Array) -> int:
        """The class with the largest logit among those in use; the first of equals."""
        return int(self.infer(features)[: self.classes].argmax())

    def train_step(self, features: Array, label: int) -> int:
        """One step; returns the loss before it (nats, Q16)."""
        self._check(label)
        return int(self._c.myna_library_train_step(_pointer(features), label, _TRACE()))

    def rehearse(self, memory: int, varied: Array | None = None) -> int:
        """One step on a memory; returns the loss before it (nats, Q16).

        Args:
            memory: its number.
            varied: what to take in place of its latent.
        """
        replay = self.program.replay
        latent = replay.latents[memory] if varied is None else varied
        return self.train_latent(latent, int(replay.labels[memory]))

    def recall(self, memory: int) -> Array:
        """Logits (int8) of a memory."""
        return self.infer_latent(self.memory(memory))

    def encode(self, features: Array) -> Array:
        """The latent of a feature map, int8 [bytes]: what the frozen part makes of it."""
        latent = np.zeros(self.program.latent_bytes, np.int8)
        self._c.myna_library_encode(_pointer(features), _pointer(latent))
        return latent

    def infer_latent(self, latent: Array) -> Array:
        """Logits (int8) of a latent."""
        self._c.myna_library_recall(_pointer(latent), _pointer(self._logits))
        return self._logits.copy()

    def compare(self, latent: Array) -> Array:
        """How much a latent resembles each class (Q15), int32 [rows]."""
        self._c.myna_library_compare(_pointer(latent))
        return self.similarity

    def memory(self, memory: int) -> Array:
        """The latent of a memory, int8 [bytes]."""
        return np.asarray(self.program.replay.latents[memory])

    def train_latent(self, latent: Array, label: int) -> int:
        """One step on a latent; returns the loss before it (nats, Q16)."""
        return int(self._c.myna_library_rehearse(_pointer(latent), label))

    def embed(self, features: Array) -> Array:
        """The input of the head, int32 [n] without its zero point."""
        embedding = np.zeros(embedding_of(self.program.graph).size, np.int32)
        self._c.myna_library_embed(_pointer(features), embedding.ctypes.data_as(_WORDS))
        return embedding

    @property
    def similarity(self) -> Array:
        """Of what was last inferred to each class (Q15), int32 [rows]."""
        found = self._c.myna_library_similarity()
        return np.ctypeslib.as_array(found, self._logits.shape).copy()

    def set_codeword(self, codeword: Array) -> None:
        """Who the user is: int8 [outputs] of -1 and 1, until the next reset."""
        place = self._c.myna_library_codeword()
        np.ctypeslib.as_array(place, self._logits.shape)[:] = codeword

    def imprint(self, label: int, total: Array, shots: int, halvings: int = 0) -> None:
        """Start a class from the sum of the embeddings of so many examples, int32 [n]."""
        data = np.ascontiguousarray(total, np.int32)
        self._c.myna_library_imprint(label, data.ctypes.data_as(_WORDS), shots, halvings)

    def score_voice(self, features: Array) -> tuple[Array, Array]:
        """The voice of a feature map, int8 [n], and its scores by class (Q15), int32 [rows]."""
        voice = np.zeros(self.program.graph.tensors[VOICE].size, np.int8)
        found = self._c.myna_library_score_voice(_pointer(features), _pointer(voice))
        return voice, np.ctypeslib.as_array(found, self._logits.shape).copy()

    def stream(self, streaming: StreamingProgram) -> HostStream:
        """Inference on sound as it comes, if the library was compiled with it."""
        return HostStream(self._c, streaming)

    def listening(self) -> HostListening:
        """Always listening, if the library was compiled with streaming."""
        return HostListening(self._c, self._logits.size, embedding_of(self.program.graph).size)

    def train_step_digests(self, features: Array, label: int) -> tuple[int, list[tuple[int, ...]]]:
        """One step; the loss, and the digests of every node's outputs in order."""
        self._check(label)
        digests: list[tuple[int, ...]] = []

        def trace(node: int) -> bool:
            digests.append(self._digest(node))
            return True

        loss = self._c.myna_library_train_step(_pointer(features), label, _TRACE(trace))
        return int(loss), digests

    @property
    def classes(self) -> int:
        """How many classes are in use; one, of which all are, of a network without labels."""
        return int(self.get_state(CLASSES)[0]) if CLASSES in self.program.state else 1

    @property
    def clock(self) -> tuple[int, int]:
        """Seed, and training steps done: what random numbers depend on."""
        return int(self.get_state(SEED)[0]) & 0xFFFFFFFF, int(self.get_state(STEP)[0])

    def get_state(self, name: str) -> Array:
        """A state tensor."""
        tensor, offset = self.program.graph.tensors[name], self.program.state[name]
        piece = self._state[offset : offset + tensor.nbytes].view(tensor.dtype)
        return piece.reshape(tensor.shape).copy()

    def set_state(self, name: str, value: Array) -> None:
        """Assign a state tensor."""
        values = np.asarray(value, self.program.graph.tensors[name].dtype)
        check_values(self.program, {name: values})
        data = values.tobytes()
        offset = self.program.state[name]
        self._state[offset : offset + len(data)] = np.frombuffer(data, np.uint8)

    def read_state(self) -> bytes:
        """The state block."""
        return self._state.tobytes()

    def write_state(self, block: bytes) -> None:
        """Load a state block of this program; one that does not fit is refused."""
        check_values(self.program, self.program.unpack(block))
        self._state[:] = np.frombuffer(block, np.uint8)

    def _check(self, label: int) -> None:
        if not 0 <= label < self.classes:
            raise MynaError(f"label {label} is not one of {self.classes} classes in use")

    def _digest(self, node: int) -> tuple[int, ...]:
        size = ctypes.c_uint32()
        digests: list[int] = []
        while data := self._c.myna_library_output(node, len(digests), ctypes.byref(size)):
            digests.append(zlib.crc32(ctypes.string_at(data, size.value)))
        return tuple(digests)


def _pointer(array: Array) -> ctypes._Pointer[ctypes.c_int8]:
    flat = np.ascontiguousarray(array, np.int8)
    return flat.ctypes.data_as(_BYTES)  # keeps a reference to the array
