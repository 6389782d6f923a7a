# SPDX-License-Identifier: Apache-2.0
"""The float baseline: the same recipe in float32, SGD of batch 1, on the same network.

Importing this module imports TensorFlow; `engine.open_float` does.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np

from myna.names import CLASSES, RATE, SEED, STEP, THRESHOLD, TYPICAL

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same rounding on every kind of CPU

from myna import fixed
from myna.formats.keras import to_keras
from myna.frontend.model import FloatModel, Floats, load_model
from myna.ir import Array
from myna.ops.imprint import CENTER_BITS
from myna.ops.similarity import ONE_Q15
from myna.package.calibration import input_quant
from myna.passes.training.imprint import head_scales, learning_rates
from myna.project import Project
from myna.tensorflow import keras, tf

STATE = (RATE, SEED, STEP, CLASSES, TYPICAL, THRESHOLD)


class FloatCore:
    """See `learn.Core`; "classes", "seed", "step" and "learning_rate" start as on the device.

    Args:
        project: the compiled model; says what is trained and rehearsed, how fast and with how
            many classes. Its folder must have float.npz.
    """

    def __init__(self, project: Project) -> None:
        program, package = project.program, project.package
        model = load_model(project.folder)
        rows = program.graph.tensors[program.graph.outputs[0]].size
        self.program = program
        self._quant = input_quant(model, project.folder)
        self._knowledge, self._rows = package.known, head_scales(program.graph)
        self._network = to_keras(with_spare_rows(model, rows))
        updated = {n for node in program.graph.nodes[: program.train_nodes] for n in node.updates}
        self._trained = [v for v in self._network.trainable_variables if _name(v) in updated]
        prior, body_rate = package.known.prior, project.options.body_rate
        rates = learning_rates(program.graph, prior, body_rate)
        self._rates = [rates[_name(variable)] for variable in self._trained]
        self._initial = self._network.get_weights()
        self._head = self._network.get_layer(model.output)
        outputs = [self._head.output, self._head.input]
        self._forward = tf.function(keras.Model(self._network.inputs, outputs))
        self._step = tf.function(self._train_step, reduce_retracing=True)
        self.reset()

    def reset(self) -> None:
        """The state as built."""
        self._network.set_weights(self._initial)
        tensors = self.program.graph.tensors
        self._state = {name: np.array(tensors[name].data) for name in STATE}

    def get_state(self, name: str) -> Array:
        """One of `STATE`."""
        return self._state[name]

    def set_state(self, name: str, value: Array) -> None:
        """Assign one of `STATE`."""
        self._state[name] = np.array(value, np.int32)

    @property
    def classes(self) -> int:
        """How many classes are in use."""
        return int(self._state[CLASSES][0])

    @property
    def clock(self) -> tuple[int, int]:
        """Seed, and training steps done."""
        return int(self._state[SEED][0]), int(self._state[STEP][0])

    def infer(self, features: Array) -> Array:
        """Real-valued logits of one feature map."""
        logits, embeddings = self._forward(self._input(features))
        self._embedding = np.asarray(embeddings[0])
        return np.asarray(logits[0])

    def recall(self, memory: int) -> Array:
        """Real-valued logits of a memory, which is always taken as features."""
        return self.infer(self.memory(memory))

    def encode(self, features: Array) -> Array:
        """The features, from which every step begins here."""
        return features

    def infer_latent(self, latent: Array) -> Array:
        """Real-valued logits."""
        return self.infer(latent)

    def compare(self, latent: Array) -> Array:
        """See `similarity`."""
        self.infer(latent)
        return self.similarity

    def memory(self, memory: int) -> Array:
        """The features of a memory."""
        return np.asarray(self._knowledge.memories.features[memory])

    def train_latent(self, latent: Array, label: int) -> int:
        """See `train_step`."""
        return self.train_step(latent, label)

    @property
    def similarity(self) -> Array:
        """`ops.similarity` in real numbers, of what was last inferred; rounded to Q15."""
        center = self._knowledge.prior.center * (self._rows[0] / 2**CENTER_BITS)
        away, w = self._embedding - center, self._head.get_weights()[0]
        lengths = np.linalg.norm(away) * np.linalg.norm(w, axis=0)
        cosines = away @ w / np.maximum(lengths, 1e-9)
        return np.asarray(np.rint(cosines * ONE_Q15), np.int32)

    def embed(self, features: Array) -> Array:
        """The real-valued input of the head."""
        return np.asarray(self._forward(self._input(features))[1][0])

    def imprint(self, label: int, total: Array, shots: int, halvings: int = 0) -> None:
        """`ops.imprint` in real numbers."""
        embedding, row = self._rows
        prior, mean = self._knowledge.prior, total / shots
        away = mean - prior.center * (embedding / 2**CENTER_BITS)
        norm, own = prior.norm / 2**halvings, prior.own / 2**halvings
        direction = away * (norm * row / max(float(np.linalg.norm(away)), 1e-9))
        w, b = self._head.get_weights()
        w[:, label], b[label] = direction, own * embedding * row - direction @ mean
        self._head.set_weights([w, b])

    def train_step(self, features: Array, label: int) -> int:
        """One step; returns the loss before it (nats, Q16)."""
        return self._learn(features, self._certain(label))

    def rehearse(self, memory: int, varied: Array | None = None) -> int:
        """One step on a memory, which is always taken as features."""
        features = self.memory(memory) if varied is None else varied
        label = int(self._knowledge.memories.labels[memory])
        return self._learn(features, self._remembered(features, label))

    def _certain(self, label: int) -> Floats:
        """The probabilities of a known label, float32 [rows]."""
        return np.asarray(np.eye(self._head.units, dtype=np.float32)[label])

    def _remembered(self, features: Array, label: int) -> Floats:
        """The probabilities that rehearsing a memory teaches."""
        return self._certain(label)

    def _learn(self, features: Array, target: Floats) -> int:
        rate = tf.constant(fixed.pair_to_float(tuple(self._state[RATE].tolist())), tf.float32)
        x, classes = self._input(features), tf.constant(self.classes)
        loss = self._step(x, tf.constant(target), classes, rate)
        self._state[STEP] = self._state[STEP] + 1
        return round(float(loss) * 65536)

    def _input(self, features: Array) -> Any:
        shape = (1, *self._network.input_shape[1:])
        steps = features.astype(np.float32).reshape(shape) - self._quant.zero_point
        return tf.constant(steps * np.float32(self._quant.scale[0]))

    def _train_step(self, inputs: Any, target: Any, classes: Any, rate: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = self._network(inputs)[0, :classes]
            loss = tf.nn.softmax_cross_entropy_with_logits(target[:classes], logits)
        gradients = tape.gradient(loss, self._trained)
        updates = zip(self._trained, gradients, self._rates, strict=True)
        for variable, gradient, factor in updates:
            variable.assign_sub(rate * factor * gradient)
        return loss


class DistillingCore(FloatCore):
    """Rehearses what the network said of a memory before it learned anything, not its label.

    Learning without forgetting, on memories in place of new examples (Li & Hoiem, ECCV 2016).
    For comparison only: no firmware does so.
    """

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self._teacher = keras.models.clone_model(self._network)
        self._teacher.set_weights(self._initial)
        self._known = len(project.package.labels)

    def _remembered(self, features: Array, label: int) -> Floats:
        logits = self._teacher(self._input(features))[0, : self._known]
        target = np.zeros_like(self._certain(label))
        target[: self._known] = tf.nn.softmax(logits)
        return target


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
