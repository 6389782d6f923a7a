# SPDX-License-Identifier: Apache-2.0
"""Train the last layer alone, on the embeddings of a trained network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from myna.audio.config import AudioConfig
from myna.formats import keras as network
from myna.frontend.model import FloatModel
from myna.pretrain.examples import Bank
from myna.pretrain.training import SMOOTHING
from myna.tensorflow import keras

EPOCHS, BATCH = 20, 256
RATE, DECAY = 2e-2, 1e-3  # of embeddings of length 10
LENGTH = 10.0


def fit(model: FloatModel, bank: Bank, seed: int) -> FloatModel:
    """The model with an output layer for its labels, trained on the bank by AdamW.

    Embeddings are brought to one length on average first, so that the same rate fits every
    network.

    Args:
        model: labels and layers as they shall be; weights of all layers but the last.
        bank: examples of its labels.
        seed: of initial weights, order and dropout.
    """
    keras.utils.set_random_seed(seed)
    embeddings = embed(model, bank.features)
    scale = np.float32(np.sqrt(np.mean(np.sum(embeddings**2, axis=1))) / LENGTH)
    targets = np.eye(len(model.labels), dtype=np.float32)[bank.label]
    steps = EPOCHS * -(-len(targets) // BATCH)
    dense = keras.layers.Dense(len(model.labels))
    head = keras.Sequential([keras.layers.Dropout(network.DROPOUT), dense])
    head.compile(
        keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(RATE, steps), DECAY),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING),
    )
    head.fit(embeddings / scale, targets, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    w, b = dense.get_weights()
    trained = {f"{model.output}/w": np.asarray(w / scale, np.float32), f"{model.output}/b": b}
    return replace(model, weights={**model.weights, **trained})


def embed(model: FloatModel, maps: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    """Inputs of the last layer, [n, size], for int8 feature maps; its weights do not matter."""
    last = f"{model.output}/"
    body = {name: w for name, w in model.weights.items() if not name.startswith(last)}
    whole = network.to_keras(replace(model, weights=body))
    inner = keras.Model(whole.inputs, whole.get_layer(model.output).input)
    scale = np.float32(AudioConfig.from_json(model.audio).scale)
    x = maps.astype(np.float32)[..., None] * scale
    return np.asarray(inner.predict(x, batch_size=BATCH, verbose=0))
