# SPDX-License-Identifier: Apache-2.0
"""Examples of what a network knows, where nobody gives any: inputs that it is sure about.

Noise is changed against the gradient of the loss until the network takes it for a class (model
inversion; Yin et al., "Dreaming to Distill", CVPR 2020, without the statistics of
BatchNormalization, which a quantized network no longer has). The gradients are those of a training
step, in the same integers.
"""

from __future__ import annotations

import numpy as np

from myna.ir import Array, Kind
from myna.names import LABEL
from myna.passes.execute import initial_values, run
from myna.passes.lowering.lower import lower
from myna.passes.lowering.quantize import QuantizedModel
from myna.passes.training.autodiff import input_gradient

EXAMPLES = 96  # of all classes together
ENOUGH = round(0.05 * 65536)  # loss at which the network is sure (nats, Q16); surer is no likelier
STEPS = 40
STEP = 0.25  # root mean square of a step, as a part of the noise's
FAINTEST, LOUDEST = 6.0, 48.0  # standard deviation of the noise, in int8 steps


def invert(quantized: QuantizedModel) -> tuple[Array, Array]:
    """Inputs that a classifier is sure about.

    Args:
        quantized: the classifier.

    Returns:
        int8 [n, *input_shape] and what the network takes each for, int32 [n]. A class is missing
        there if nothing was found that is taken for it.
    """
    search, rng = _Search(quantized), np.random.default_rng(0)
    classes = len(quantized.model.labels)
    turns = list(range(classes)) * max(1, EXAMPLES // classes)
    found = [search.find(rng, label) for label in turns]
    return np.array([x for x, _ in found]), np.array([taken for _, taken in found], np.int32)


class _Search:
    def __init__(self, quantized: QuantizedModel) -> None:
        graph, self._classes = lower(quantized), len(quantized.model.labels)
        self._source = graph.of_kind(Kind.INPUT)[0]
        self._graph = input_gradient(graph, self._classes)
        self._constants = initial_values(self._graph)

    def find(self, rng: np.random.Generator, label: int) -> tuple[Array, int]:
        """An input, int8 [*input_shape], and what it is taken for: this class, if one was found.

        Its noise is faint or loud: nobody knows how loud are the inputs that were trained on.
        """
        loudness = np.exp(rng.uniform(*np.log((FAINTEST, LOUDEST))))
        x = rng.normal(0, loudness, self._source.shape)
        for _ in range(STEPS):
            rounded = np.clip(np.rint(x), -128, 127).astype(np.int8)
            logits, loss, gradient = self._run(rounded, label)
            if loss < ENOUGH or not gradient.any():
                break
            length = np.sqrt(np.mean(gradient.astype(float) ** 2))
            x = np.clip(x - STEP * loudness * gradient / length, -128, 127)
        return rounded, int(logits.argmax())

    def _run(self, x: Array, label: int) -> tuple[Array, int, Array]:
        """Logits, loss and the gradient of the input."""
        given = {self._source.name: x, LABEL: np.array([label], np.int32)}
        values = self._constants | given
        run(self._graph.nodes, values)
        logits, loss, gradient = (values[name] for name in self._graph.outputs)
        return logits.reshape(-1)[: self._classes], int(loss[0]), gradient.reshape(x.shape)
