# SPDX-License-Identifier: Apache-2.0
"""The frame codec: exact bytes, and the same behaviour in Python and C on any input."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from myna.device.frame import MAX_ENCODED, MAX_PAYLOAD, Decoder, Frame, decode, encode
from support.fake_board import FIRMWARE, compile_c

FRAMES = st.builds(
    Frame,
    type=st.integers(0, 255),
    sequence=st.integers(0, 65535),
    payload=st.binary(max_size=MAX_PAYLOAD),
    status=st.integers(0, 255),
)


@pytest.fixture(scope="module")
def frame_filter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = [Path(__file__).with_name("frame_filter.c")]
    sources += [FIRMWARE / "protocol" / "frame.c", FIRMWARE / "runtime" / "crc32.c"]
    return compile_c(tmp_path_factory.mktemp("frame") / "filter", sources)


def _through_c(program: Path, stream: bytes) -> tuple[bytes, int]:
    """The frames that C found in a stream, encoded again by C, and how many it found damaged."""
    result = subprocess.run([program], input=stream, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout, int(result.stderr)


def _through_python(stream: bytes) -> tuple[bytes, int]:
    decoder = Decoder()
    frames = decoder.feed(stream)
    return b"".join(encode(frame) for frame in frames), decoder.damaged


def test_bytes_of_a_frame() -> None:
    frame = Frame(type=0x21, sequence=0x0100, payload=b"\x00\x11\x00", status=0)
    assert encode(frame).hex(" ") == "02 21 01 02 01 02 11 05 23 a9 c3 1f 00"


@given(FRAMES)
def test_decoding_undoes_encoding(frame: Frame) -> None:
    encoded = encode(frame)
    assert encoded.index(0) == len(encoded) - 1 <= MAX_ENCODED - 1
    assert decode(encoded[:-1]) == frame


@given(st.lists(FRAMES, max_size=4), st.data())
def test_frames_survive_any_chunking(frames: list[Frame], data: st.DataObject) -> None:
    stream = b"\0".join(encode(frame) for frame in frames)
    cut = data.draw(st.integers(0, len(stream)))
    decoder = Decoder()
    assert decoder.feed(stream[:cut]) + decoder.feed(stream[cut:]) == frames
    assert decoder.damaged == 0


@given(FRAMES, st.data())
def test_one_wrong_bit_is_noticed_and_the_next_frame_arrives(
    frame: Frame, data: st.DataObject
) -> None:
    encoded = bytearray(encode(frame))
    encoded[data.draw(st.integers(0, len(encoded) - 2))] ^= 1 << data.draw(st.integers(0, 7))
    decoder = Decoder()
    assert decoder.feed(bytes(encoded) + b"\0" + encode(frame)) == [frame]
    assert decoder.damaged >= 1


def test_endless_garbage_takes_no_memory_and_is_one_damage() -> None:
    decoder = Decoder()
    for _ in range(1000):
        assert decoder.feed(b"\xff" * 1000) == []
    assert len(decoder._rest) <= MAX_ENCODED
    assert decoder.feed(b"\0" + encode(Frame(1, 2))) == [Frame(1, 2)]
    assert decoder.damaged == 1


def _mutated(generator: random.Random, encoded: bytes) -> bytes:
    data = bytearray(encoded)
    for _ in range(generator.randrange(4)):
        at = generator.randrange(len(data))
        data[at : at + generator.randrange(2)] = generator.randbytes(generator.randrange(3))
        data = data or bytearray(b"\0")
    return bytes(data)


def _payload(generator: random.Random) -> bytes:
    """Random, or without zeros, or almost nothing but zeros, of any length up to the limit."""
    size = generator.choice([0, 1, 245, 246, 247, 500, 501, 512, generator.randrange(513)])
    alphabet = generator.choice([bytes(range(256)), bytes(range(1, 256)), b"\0\0\0\0\0\0\1"])
    return bytes(generator.choices(alphabet, k=size))


def test_c_encodes_and_decodes_as_python_does(frame_filter: Path) -> None:
    generator = random.Random(1)
    frames = [
        Frame(generator.randrange(256), generator.randrange(65536), _payload(generator), 3)
        for _ in range(3000)
    ]
    stream = b"".join(encode(frame) for frame in frames)
    assert _through_c(frame_filter, stream) == (stream, 0)


@pytest.mark.parametrize("seed", range(4))
def test_c_and_python_agree_on_damaged_streams(frame_filter: Path, seed: int) -> None:
    generator = random.Random(seed)
    pieces = []
    for index in range(3000):
        intact = encode(Frame(generator.randrange(256), index, _payload(generator)))
        garbage = generator.randbytes(generator.randrange(1500))
        pieces.append(generator.choice([intact, _mutated(generator, intact), garbage]))
    stream = b"".join(pieces) + b"\0"
    found, damaged = _through_c(frame_filter, stream)
    assert (found, damaged) == _through_python(stream)
    assert damaged > 500
    assert found.count(0) > 500
