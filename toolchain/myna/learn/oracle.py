# SPDX-License-Identifier: Apache-2.0
"""The float oracle: the same recipe in float32, SGD of batch 1, on the same network.

Importing this module imports TensorFlow; `engine.open_float` does.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# less talk, and the same rounding on every kind of CPU
os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"} | os.environ

import tensorflow as tf

from myna import fixed
from myna.audio.config import AudioConfig
from myna.frontend.keras import to_keras
from myna.frontend.model import FloatModel, load_model
from myna.ir import Array
from myna.learn.engine import Labels, Losses, order
from myna.learn.examples import Examples
from myna.passes.autodiff import CLASSES
from myna.passes.plan import Program
from myna.passes.tape import RATE, SEED, STEP

BATCH = 64


class FloatEngine:
    """See `Engine`; "classes", "seed", "step" and "learning_rate" start as on the device.

    Args:
        folder: a model's folder, with float.npz.
        program: says which tensors are trained, how many output rows there are, and the state.
    """

    def __init__(self, folder: Path, program: Program) -> None:
        model = load_model(folder)
        rows = program.graph.tensors[program.graph.outputs[0]].size
        self._scale = np.float32(AudioConfig.from_json(model.audio).scale)
        self._network = to_keras(with_spare_rows(model, rows))
        self._trained = [v for v in self._network.trainable_variables if _name(v) in program.state]
        self._initial = self._network.get_weights()
        self._program = program
        self._step_function = tf.function(self._train_step, reduce_retracing=True)
        self._logits = tf.function(self._network, reduce_retracing=True)
        self.reset()

    def reset(self) -> None:
        """See `Engine`."""
        self._network.set_weights(self._initial)
        tensors = self._program.graph.tensors
        self._state = {name: np.array(tensors[name].data) for name in (RATE, SEED, STEP, CLASSES)}

    def set_state(self, name: str, value: Array) -> None:
        """See `Engine`."""
        self._state[name] = np.array(value, np.int32)

    def predict(self, features: npt.NDArray[np.int8]) -> Labels:
        """See `Engine`."""
        classes = int(self._state[CLASSES][0])
        found = [
            self._logits(self._input(features[i : i + BATCH])).numpy()[:, :classes].argmax(1)
            for i in range(0, len(features), BATCH)
        ]
        return np.concatenate([np.empty(0, np.int64), *found]).astype(np.int64)

    def train(self, examples: Examples, steps: int) -> Losses:
        """See `Engine`."""
        seed, step, classes = (int(self._state[n][0]) for n in (SEED, STEP, CLASSES))
        mantissa, exponent = self._state[RATE]
        rate = tf.constant(fixed.pair_to_float((int(mantissa), int(exponent))), tf.float32)
        inputs, labels = self._input(examples.features), tf.constant(examples.labels)
        losses = [
            self._step_function(inputs[i : i + 1], labels[i], tf.constant(classes), rate)
            for i in order(len(examples), seed, step, steps)
        ]
        self._state[STEP] = np.array([step + steps], np.int32)
        return np.array([float(loss) for loss in losses])

    def _input(self, features: npt.NDArray[np.int8]) -> Any:
        return tf.constant(features.astype(np.float32)[..., None] * self._scale)

    def _train_step(self, inputs: Any, label: Any, classes: Any, rate: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = self._network(inputs)[0, :classes]
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits)
        for variable, gradient in zip(
            self._trained, tape.gradient(loss, self._trained), strict=True
        ):
            variable.assign_sub(rate * gradient)
        return loss


def with_spare_rows(model: FloatModel, rows: int) -> FloatModel:
    """The model with zero rows appended to its output layer, as the integer engines have."""
    wide = {model.output: {"units": rows}}
    layers = tuple(
        replace(layer, attrs={**layer.attrs, **wide.get(layer.name, {})}) for layer in model.layers
    )
    weights = dict(model.weights)
    for part in "wb":
        name = f"{model.output}/{part}"
        old = weights[name]
        weights[name] = np.pad(old, [(0, 0)] * (old.ndim - 1) + [(0, rows - old.shape[-1])])
    return replace(model, layers=layers, weights=weights)


def _name(variable: Any) -> str:
    """The program's name of a Keras variable: "<layer>.w" or "<layer>.b"."""
    layer, _, part = variable.path.rpartition("/")
    return f"{layer.rpartition('/')[2]}.{'b' if part == 'bias' else 'w'}"
