# SPDX-License-Identifier: Apache-2.0
"""Every test case of every op: types, purity, and outputs that stay what they were.

``golden/ops.json`` locks the references' outputs, so that reference and C cannot drift together.
After a deliberate change of an op's arithmetic: ``python host_tests/ops/test_ops.py`` makes it
again.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import zlib

import numpy as np
import pytest
from myna import fixed
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.ir import Array, Quant, Tensor
from myna.ops.add import Add, Rescale
from myna.ops.base import Case, Op
from myna.ops.codeword import CodewordCorrelation, CodewordLoss
from myna.ops.concat import Concat
from myna.ops.conv2d import Conv2D
from myna.ops.coupling import Couple, Uncouple
from myna.ops.dense import Dense
from myna.ops.depthwise import DepthwiseConv2D
from myna.ops.gradient import ClampGrad, GradAdd
from myna.ops.loss import SoftmaxCrossEntropy
from myna.ops.max_pool import MaxPool
from myna.ops.mean import Mean
from myna.ops.pad import Crop, Pad
from myna.ops.pool import AveragePool
from myna.ops.ranges import PEAK_LIMIT, RangeUpdate
from myna.ops.requantize import Requantize
from myna.ops.reshape import Reshape
from myna.ops.squared_error import SquaredError
from myna.ops.table import OPS
from myna.ops.window import Window

GOLDEN = PROJECT / "host_tests" / "golden" / "ops.json"
KERNELS = PROJECT / "firmware" / "kernels"
CASES = [(op, case) for op in OPS for case in op.cases()]
each_case = pytest.mark.parametrize(
    "case", [case for _, case in CASES], ids=[case.name for _, case in CASES]
)
each_op = pytest.mark.parametrize("op", OPS, ids=[op.__name__ for op in OPS])


def digest(array: Array) -> str:
    """Type, shape and CRC-32 of an array's bytes."""
    crc = zlib.crc32(np.ascontiguousarray(array).tobytes())
    return f"{array.dtype}{list(array.shape)} {crc:08x}"


def digests() -> dict[str, list[str]]:
    return {
        case.name: [digest(output) for output in case.op.reference(*case.inputs)]
        for _, case in CASES
    }


def declared(case: Case) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(f"input{i}", array.shape, str(array.dtype)) for i, array in enumerate(case.inputs)
    )


@each_case
def test_inferred_types_are_those_produced(case: Case) -> None:
    outputs = case.op.reference(*case.inputs)
    produced = [(output.shape, str(output.dtype)) for output in outputs]
    assert produced == [tuple(kind) for kind in case.op.infer(*declared(case))]


@each_case
def test_reference_leaves_its_inputs_alone(case: Case) -> None:
    before = [array.copy() for array in case.inputs]
    outputs = case.op.reference(*case.inputs)
    for array, copy in zip(case.inputs, before, strict=True):
        assert np.array_equal(array, copy)
        assert not any(np.shares_memory(array, output) for output in outputs)


@each_case
def test_updated_state_keeps_its_type(case: Case) -> None:
    outputs = case.op.reference(*case.inputs)
    updated = outputs[len(outputs) - len(case.updates) :]
    for position, output in zip(case.updates, updated, strict=True):
        assert output.shape == case.inputs[position].shape
        assert output.dtype == case.inputs[position].dtype


def test_outputs_are_locked() -> None:
    locked, found = json.loads(GOLDEN.read_text("utf-8")), digests()
    different = [
        name for name in found.keys() | locked.keys() if found.get(name) != locked.get(name)
    ]
    assert not different, f"{sorted(different)} changed; see the head of this file"


def test_case_names_are_unique() -> None:
    assert len({case.name for _, case in CASES}) == len(CASES)


@each_op
def test_every_op_has_cases_of_its_own(op: type[Op]) -> None:
    cases = list(op.cases())
    assert cases
    assert all(type(case.op) is op for case in cases)


def test_the_op_table_is_complete() -> None:
    def leaves(kind: type[Op]) -> set[type[Op]]:
        below = [leaf for child in kind.__subclasses__() for leaf in leaves(child)]
        return set(below) if below else {kind}

    ours = {op for op in leaves(Op) if op.__module__.startswith("myna.ops.")}
    assert ours == set(OPS)


@each_case
def test_kernel_and_parameters_match_the_header(case: Case) -> None:
    op = case.op
    stem = type(op).__module__.rpartition(".")[2]
    header = (KERNELS / f"{stem}.h").read_text("utf-8")
    declaration = re.search(rf"\bvoid {op.kernel}\(([^)]*)\);", header)
    assert declaration, f"{stem}.h does not declare {op.kernel}"
    outputs = op.infer(*declared(case))
    expected = bool(op.struct) + len(case.inputs) + len(outputs) - len(case.updates)
    assert len(declaration[1].split(",")) == expected
    if op.struct:
        assert f"const struct {op.struct} *" in declaration[1]
        assert re.search(rf"\bstruct {op.struct} {{", header)


@each_case
def test_kernel_arguments_have_the_types_of_the_tensors(case: Case) -> None:
    stem = type(case.op).__module__.rpartition(".")[2]
    header = (KERNELS / f"{stem}.h").read_text("utf-8")
    found = re.search(rf"\bvoid {case.op.kernel}\(([^)]*)\);", header)
    assert found
    arguments = [" ".join(a.split()) for a in found[1].split(",")][bool(case.op.struct) :]
    dtypes = [str(array.dtype) for array in case.inputs]
    mutable = [i in case.updates for i in range(len(case.inputs))]
    outputs = [kind[1] for kind in case.op.infer(*declared(case))]
    fresh = outputs[: len(outputs) - len(case.updates)]
    expected = [
        f"{'' if change else 'const '}{dtype}_t *"
        for dtype, change in zip([*dtypes, *fresh], [*mutable, *[True] * len(fresh)], strict=True)
    ]
    assert [argument[: argument.index("*") + 1] for argument in arguments] == expected


@each_case
def test_the_line_above_a_kernel_gives_its_shapes(case: Case) -> None:
    """Names in order, read before the arrow, written behind it; dimensions as in this case."""
    header = (KERNELS / f"{type(case.op).__module__.rpartition('.')[2]}.h").read_text("utf-8")
    kernel = rf"/\* ([^/]*?) ?\*/\nvoid {case.op.kernel}\(([^)]*)\);"
    found = re.search(kernel, header)
    assert found, f"no shapes above {case.op.kernel}"
    arguments = [a for a in found[2].split(",") if not a.endswith("*p")]
    line = [found[1].replace("\n * ", " ").partition("->")[i].split() for i in (0, 2)]
    for words, kind in zip(line, (True, False), strict=True):
        names = [a.partition("*")[2] for a in arguments if ("const" in a) == kind]
        assert [word.partition("[")[0] for word in words] == names
    shapes = [array.shape for array in case.inputs]
    shapes += [shape for shape, _ in case.op.infer(*declared(case))]
    bound: dict[str, int] = {}
    for word, shape in zip(line[0] + line[1], shapes, strict=False):
        bind(word, shape, bound)


def bind(word: str, shape: tuple[int, ...], bound: dict[str, int]) -> None:
    """Learn the dimensions in ``name[a,b]``, or compare them; leading axes may be joined."""
    names = word.rstrip("]").partition("[")[2].split(",") if "[" in word else ["1"]
    joined = len(shape) - len(names) + 1
    sizes = (math.prod(shape[:joined]), *shape[joined:]) if joined > 0 else (1, *shape)
    for name, size in zip(names, sizes, strict=True):
        if name.isidentifier() and name not in bound:
            bound[name] = size
        terms = [bound.get(term) or int(term) for term in name.split("+")]
        assert sum(terms) == size, f"{word} is {shape}, with {bound}"


@each_case
def test_operands_that_may_share_memory_have_equal_size(case: Case) -> None:
    outputs = case.op.reference(*case.inputs)
    for source, target in case.op.shares:
        assert case.inputs[source].nbytes == outputs[target].nbytes


@each_op
def test_attributes_reach_c_as_integers(op: type[Op]) -> None:
    for case in op.cases():
        outputs = tuple(
            Tensor(f"output{i}", shape, dtype)
            for i, (shape, dtype) in enumerate(case.op.infer(*declared(case)))
        )
        fields = case.op.params(declared(case), outputs)
        assert bool(fields) == bool(case.op.struct)
        assert all(type(value) is int for value in fields.values())


def test_ops_are_frozen_values() -> None:
    for op, case in CASES:
        assert dataclasses.is_dataclass(op)
        assert hash(case.op) == hash(dataclasses.replace(case.op))


# -- what does not fit is refused, by name ---------------------------------------------------------

LAYER = {"x_zero": 0, "y_zero": 0, "low": -128, "high": 127}
MISFITS: dict[str, tuple[Op, list[tuple[tuple[int, ...], str]], str]] = {
    "conv2d weights": (
        Conv2D(**LAYER, window=Window((3, 3))),
        [((8, 8, 2), "int8"), ((4, 3, 3, 5), "int8")],
        "input1",
    ),
    "conv2d flat input": (
        Conv2D(**LAYER, window=Window((3, 3))),
        [((64,), "int8"), ((4, 3, 3, 2), "int8")],
        "input0",
    ),
    "depthwise weights": (
        DepthwiseConv2D(**LAYER, window=Window((3, 3))),
        [((8, 8, 2), "int8"), ((3, 3, 5), "int8")],
        "input1",
    ),
    "dense weights": (Dense(**LAYER), [((7,), "int8"), ((4, 8), "int8")], "input1"),
    "mean of less than a window": (AveragePool(Window((3, 8))), [((7, 6, 2), "int8")], "input0"),
    "maximum of a flat tensor": (MaxPool(Window((1, 1))), [((7,), "int8")], "input0"),
    "sum of different shapes": (
        Add(Rescale(0, 0, 0), Rescale(0, 0, 0), Rescale(0, 0, 0), -128, 127),
        [((4,), "int8"), ((2, 2), "int8")],
        "input1",
    ),
    "mean of a flat tensor": (Mean(0, 0, 0, 0), [((7,), "int8")], "input0"),
    "margins of a flat tensor": (Pad((1, 1, 1, 1), 0), [((7,), "int8")], "input0"),
    "crop of all rows": (Crop((1, 2, 0, 0)), [((3, 3, 1), "int8")], "input0"),
    "reshape of a stream": (Reshape((4,)), [((2, 2), "int16")], "input0"),
    "reshape to less": (Reshape((3,)), [((2, 2), "int8")], "input0"),
    "concat of unlike maps": (
        Concat(),
        [((2, 2, 3), "int8"), ((2, 1, 3), "int8")],
        "input1",
    ),
    "couple of int8": (
        Couple(0, 0, 0),
        [((4,), "int8"), ((4,), "int8"), ((1,), "int32")],
        "input0",
    ),
    "uncouple of unlike shapes": (
        Uncouple(0, 0, 0),
        [((4,), "int16"), ((5,), "int8")],
        "input1",
    ),
    "mask of another shape": (ClampGrad(0, 1), [((4,), "int8"), ((5,), "int8")], "input1"),
    "sum of unlike shapes": (
        GradAdd(((0, 0), (0, 0))),
        [((4,), "int8"), ((5,), "int8")],
        "input1",
    ),
    "requantize of another width": (
        Requantize("int16", "int8", 0, 0, 0, 0, 0, 0),
        [((4,), "int8")],
        "input0",
    ),
    "too many classes": (SoftmaxCrossEntropy(), [((65,), "int8")], "input0"),
    "codeword of another length": (
        CodewordCorrelation(0),
        [((4,), "int8"), ((5,), "int8")],
        "input1",
    ),
    "codeword too long": (CodewordCorrelation(0), [((1025,), "int8")] * 2, "input0"),
    "codeword of a loss too long": (
        CodewordLoss(0, 1, (0, 0)),
        [((1025,), "int8")] * 2,
        "input0",
    ),
    "codeword of fewer outputs": (
        CodewordLoss(0, 1, (0, 0)),
        [((4,), "int8"), ((5,), "int8")],
        "input1",
    ),
    "reconstruction of another size": (
        SquaredError(0, 0, 1, 1, (0, 0), 0, 1),
        [((4,), "int8"), ((2, 1, 1), "int8")],
        "input0",
    ),
    "too many reconstructed": (
        SquaredError(0, 0, 1, 1, (0, 0), 0, 1),
        [((1025,), "int8"), ((1025,), "int8")],
        "input0",
    ),
}


@pytest.mark.parametrize("name", MISFITS)
def test_misfits_are_refused_by_name(name: str) -> None:
    op, kinds, culprit = MISFITS[name]
    tensors = [Tensor(f"input{i}", *kind) for i, kind in enumerate(kinds)]
    with pytest.raises(MynaError) as error:
        op.infer(*tensors)
    assert culprit in error.value.where


def test_windows_see_something_of_the_map() -> None:
    with pytest.raises(MynaError, match="not less than the kernel"):
        Window((1, 3), padding=(1, 0, 0, 0))
    with pytest.raises(MynaError, match="not less than the kernel"):
        Window((3, 3), padding=(0, 0, 0, 3))


@pytest.mark.parametrize("scales", [(0.5, 0.125, 0.25), (1e-3, 7e-3, 9e-3), (2.0, 2.0, 3.0)])
def test_an_addition_scales_as_tensorflow_lite_prepares_it(scales: tuple[float, ...]) -> None:
    """kernels/add.cc of TFLite-Micro: operands in twice the larger scale, lifted by 20 bits."""
    a, b, y = (Quant((scale,), 3) for scale in scales)
    op = Add.of(a, b, y, low=-128, high=127)
    twice = 2 * max(scales[:2])
    wanted = scales[0] / twice, scales[1] / twice, twice / ((1 << 20) * scales[2])
    for side, real in zip((op.a, op.b, op.y), wanted, strict=True):
        assert (side.mantissa, side.shift) == fixed.requantize_multiplier(real)
        assert side.zero == 3


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=c.name) for _, c in CASES if c.updates == (7, 8)]
)
def test_updates_tell(case: Case) -> None:
    """A case whose weights stay, or all end at their limits, compares nothing."""
    x, dy, *_, before, _ = case.inputs
    moving = case.op.accumulate(x, dy) != 0  # type: ignore[attr-defined]
    after = case.op.reference(*case.inputs)[0]
    assert moving.any()
    assert np.mean((after != before)[moving]) > 0.4
    assert np.mean(np.abs(after[moving].astype(int)) == 127) < 0.4


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(digests(), indent=1, sort_keys=True) + "\n", "utf-8")


@pytest.mark.parametrize(
    ("smoothing", "headroom", "fits"),
    [
        (0.9, 2.0, True),
        (0.9, 64.0, True),
        (0.01, 64.0, True),
        (0.005, 64.0, False),
        (0.0, 2.0, False),
    ],
)
def test_a_range_grows_within_int32(smoothing: float, headroom: float, fits: bool) -> None:
    if not fits:
        with pytest.raises(MynaError, match="cannot track"):
            RangeUpdate.of(smoothing, headroom)
        return
    update = RangeUpdate.of(smoothing, headroom)
    assert update.keep + update.gain * PEAK_LIMIT < 2**31
