# SPDX-License-Identifier: Apache-2.0
"""The op table: every op that a graph may hold."""

from myna.ops.add import Add
from myna.ops.base import Case, GradOp, Op
from myna.ops.concat import Concat, Slice
from myna.ops.conv2d import Conv2D, Conv2DGradInput, Conv2DUpdate
from myna.ops.coupling import Couple, Uncouple
from myna.ops.dense import Dense, DenseGradInput, DenseUpdate
from myna.ops.depthwise import DepthwiseConv2D, DepthwiseGradInput, DepthwiseUpdate
from myna.ops.gradient import ClampGrad, GradAdd, StreamClampGrad
from myna.ops.imprint import Imprint
from myna.ops.loss import SoftmaxCrossEntropy
from myna.ops.max_pool import MaxPool, MaxPoolGrad, MaxPoolGradSum
from myna.ops.mean import Mean
from myna.ops.pad import Crop, Pad
from myna.ops.pool import AveragePool, AveragePoolGrad, AveragePoolGradSum
from myna.ops.ranges import DynamicScale, HindsightScale, ProbeScale, RangeUpdate
from myna.ops.requantize import Requantize
from myna.ops.reshape import Reshape
from myna.ops.rounding import RoundWeight
from myna.ops.rows import Rows
from myna.ops.sgd import Advance, BiasUpdate
from myna.ops.similarity import Similarity
from myna.ops.squared_error import SquaredError

OPS: tuple[type[Op], ...] = (
    Add,
    Advance,
    AveragePool,
    AveragePoolGrad,
    AveragePoolGradSum,
    BiasUpdate,
    ClampGrad,
    Concat,
    Conv2D,
    Conv2DGradInput,
    Conv2DUpdate,
    Couple,
    Crop,
    Dense,
    DenseGradInput,
    DenseUpdate,
    DepthwiseConv2D,
    DepthwiseGradInput,
    DepthwiseUpdate,
    DynamicScale,
    GradAdd,
    HindsightScale,
    Imprint,
    MaxPool,
    MaxPoolGrad,
    MaxPoolGradSum,
    Mean,
    Pad,
    ProbeScale,
    RangeUpdate,
    Requantize,
    Reshape,
    RoundWeight,
    Rows,
    Similarity,
    Slice,
    SoftmaxCrossEntropy,
    SquaredError,
    StreamClampGrad,
    Uncouple,
)

__all__ = [
    "OPS",
    "Add",
    "Advance",
    "AveragePool",
    "AveragePoolGrad",
    "AveragePoolGradSum",
    "BiasUpdate",
    "Case",
    "ClampGrad",
    "Concat",
    "Conv2D",
    "Conv2DGradInput",
    "Conv2DUpdate",
    "Couple",
    "Crop",
    "Dense",
    "DenseGradInput",
    "DenseUpdate",
    "DepthwiseConv2D",
    "DepthwiseGradInput",
    "DepthwiseUpdate",
    "DynamicScale",
    "GradAdd",
    "GradOp",
    "HindsightScale",
    "Imprint",
    "MaxPool",
    "MaxPoolGrad",
    "MaxPoolGradSum",
    "Mean",
    "Op",
    "Pad",
    "ProbeScale",
    "RangeUpdate",
    "Requantize",
    "Reshape",
    "RoundWeight",
    "Rows",
    "Similarity",
    "Slice",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "StreamClampGrad",
    "Uncouple",
]
