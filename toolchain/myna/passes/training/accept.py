# SPDX-License-Identifier: Apache-2.0
"""Give a program the means to tell foreign words from its classes: similarities and a threshold.

Similarities are computed with every inference. What is typical of each class and the threshold
are state; `learn.accept` calibrates them from what the device stores.
"""

from __future__ import annotations

import numpy as np

from myna.ir import Builder, Graph
from myna.names import CENTER, LOSS, SIMILARITY, THRESHOLD, TYPICAL
from myna.ops.similarity import ONE_Q15, Similarity
from myna.passes.training.imprint import head_of


def accept(graph: Graph) -> Graph:
    """Insert the node that computes similarities, the last one of an inference.

    They are no output of a training step, which may so use their memory for others.

    Until they are calibrated, one is typical of every class and everything is accepted.

    Args:
        graph: that can imprint.
    """
    embedding, w = head_of(graph).inputs[:2]
    build = Builder(graph)
    build.state(TYPICAL, np.full(build.tensors[w].shape[0], ONE_Q15, np.int32))
    build.state(THRESHOLD, np.array([-2 * ONE_Q15], np.int32))
    op = Similarity(build.tensors[embedding].zero_point)
    build.node(SIMILARITY, op, (embedding, CENTER, w), (SIMILARITY,))
    node = build.nodes.pop()
    build.nodes.insert(next(i for i, n in enumerate(build.nodes) if n.name == LOSS), node)
    return build.build()
