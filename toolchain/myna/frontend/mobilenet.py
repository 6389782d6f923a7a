# SPDX-License-Identifier: Apache-2.0
"""The shape of MobileNetV2 (Sandler et al., CVPR 2018) with reversible residual blocks.

Width 1.0, 224 × 224 × 3. Kernels, strides, expansion, channels and the number of blocks are those
of the paper's table 2; three things differ. A map is carried in parts, int16 streams of equal
width, and a residual block is two couplings, each of which widens half of the channels by the same
factor (RevNet, Gomez et al. 2017). The bottleneck between two linear projections is a sum over its
expanded channels, ``Σ_g P_g(relu6(D_g(relu6(E_g(x)))))``, and is computed as one, a group of
channels at a time (the paper's section 5.1): each group is a coupling of its own. And there are as
many classes as our loss takes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from myna.frontend.model import FloatModel
from myna.layers.base import Layer

SIZE, STEM, LAST, CLASSES = 224, 32, 1280, 64
STAGES = (  # expansion, channels, blocks, stride of the first
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
PARTS = (4, 2, 2, 2, 2, 2, 2)  # of each stage's map
FIRST_STAGE = "s0"  # begins the names of the layers at 112 × 112 up to the first block's result
GROUP_BYTES = 40_000  # largest expanded map of a group


def mobilenet_v2(size: int = SIZE, group_bytes: int = GROUP_BYTES) -> FloatModel:
    """The architecture, without weights.

    Args:
        size: side of the image, a multiple of 32.
        group_bytes: largest expanded map of a group of channels.
    """
    layers = list(_Layers(size, group_bytes).build())
    labels = tuple(f"class{i}" for i in range(CLASSES))
    shape = (size, size, 3)
    return FloatModel("mobilenet_v2", labels, {}, "image", shape, tuple(layers), "logits")


class _Layers:
    """Emits layers in the order of computation; ``_size`` is the side of the current map."""

    def __init__(self, size: int, group_bytes: int) -> None:
        self._size, self._channels, self._group_bytes = size // 2, STEM, group_bytes
        self._streams: list[str] = []
        self._joined = ""  # the map in int8, where a block has made it already

    def build(self) -> Iterator[Layer]:
        yield from self._front()
        for index, (expansion, channels, blocks, stride) in enumerate(STAGES[1:], 1):
            yield from self._transition(f"s{index}b0", expansion, channels, stride, PARTS[index])
            for block in range(1, blocks):
                yield from self._residual(f"s{index}b{block}", expansion)
        yield from self._join_all("last")
        yield _conv("last", self._joined, LAST, 1, 1, "relu6")
        pool = {"pool": [self._size] * 2, "strides": [self._size] * 2, "padding": "valid"}
        yield Layer("pool", "average_pool", ("last",), pool)
        yield Layer("flat", "flatten", ("pool",))
        yield Layer("logits", "dense", ("flat",), {"units": CLASSES, "activation": "linear"})

    def _front(self) -> Iterator[Layer]:
        """Stem and first block, whose expansion is 1: one part of the result after the other."""
        groups = self._groups(STEM)
        for part in range(PARTS[0]):
            stream = ""
            for group, width in enumerate(groups):
                if part == 0:
                    yield _conv(f"s0stem{group}", "image", width, 3, 2, "relu6")
                    yield _depthwise(f"s0d{group}", f"s0stem{group}", 1)
                name, out = f"s0p{part}g{group}", STAGES[0][1] // PARTS[0]
                stream = yield from _add(name, f"s0d{group}", out, stream)
            yield from self._join(f"s0j{part}", stream)
        self._channels = STAGES[0][1]

    def _transition(
        self, name: str, expansion: int, channels: int, stride: int, parts: int
    ) -> Iterator[Layer]:
        """A block without residual: a new stream from the whole map."""
        yield from self._join_all(name)
        joined, streams = self._joined, [""] * parts
        out = channels // parts
        for group, width in enumerate(self._groups(expansion * self._channels)):
            wide = yield from _expand(f"{name}g{group}", joined, width, stride)
            for part in range(parts):
                label = f"{name}p{part}g{group}"
                streams[part] = yield from _add(label, wide, out, streams[part])
        self._streams, self._joined = streams, ""
        self._channels, self._size = channels, self._size // stride

    def _residual(self, name: str, expansion: int) -> Iterator[Layer]:
        """Two couplings: a += F(b), b += G(a)."""
        half = self._channels // 2
        for target, other in ((0, 1), (1, 0)):
            branch = f"{name}{'fg'[target]}"
            yield Layer(f"{branch}_in", "linear", (self._streams[other],))
            for group, width in enumerate(self._groups(expansion * half)):
                wide = yield from _expand(f"{branch}g{group}", f"{branch}_in", width, 1)
                stream = yield from _add(f"{branch}p{group}", wide, half, self._streams[target])
                self._streams[target] = stream

    def _join_all(self, name: str) -> Iterator[Layer]:
        """The int8 map that the parts of the stream make up."""
        for part, stream in enumerate(self._streams):
            yield from self._join(f"{name}j{part}", stream)

    def _join(self, name: str, stream: str) -> Iterator[Layer]:
        yield Layer(name, "linear", (stream,))
        if self._joined:
            yield Layer(f"{name}_all", "concat", (self._joined, name))
        self._joined = f"{name}_all" if self._joined else name

    def _groups(self, channels: int) -> list[int]:
        """Widths of the groups of an expanded map at the current size."""
        most = max(1, self._group_bytes // self._size**2)
        width = max(w for w in range(1, channels + 1) if channels % w == 0 and w <= most)
        return [width] * (channels // width)


def _expand(name: str, x: str, width: int, stride: int) -> Generator[Layer, None, str]:
    yield _conv(f"{name}e", x, width, 1, 1, "relu6")
    yield _depthwise(f"{name}d", f"{name}e", stride)
    return f"{name}d"


def _add(name: str, wide: str, channels: int, stream: str) -> Generator[Layer, None, str]:
    """Project a group and add it to a stream, or begin one."""
    yield _conv(name, wide, channels, 1, 1, "linear")
    if not stream:
        return name
    yield Layer(f"{name}_sum", "couple", (stream, name))
    return f"{name}_sum"


def _conv(name: str, x: str, filters: int, kernel: int, stride: int, activation: str) -> Layer:
    return Layer(name, "conv2d", (x,), {"filters": filters, **_window(kernel, stride, activation)})


def _depthwise(name: str, x: str, stride: int) -> Layer:
    return Layer(name, "depthwise_conv2d", (x,), _window(3, stride, "relu6"))


def _window(kernel: int, stride: int, activation: str) -> dict[str, Any]:
    return {
        "kernel": [kernel] * 2,
        "strides": [stride] * 2,
        "padding": "same",
        "activation": activation,
    }
