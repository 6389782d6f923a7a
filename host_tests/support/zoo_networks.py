# SPDX-License-Identifier: Apache-2.0
"""The networks of the zoo in Keras: `python -m support.zoo_networks FOLDER` makes all.

Importing this module imports TensorFlow.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from support.zoo import ZOO, Floats, samples

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same rounding on every kind of CPU

from myna.tensorflow import keras, tf

layers = keras.layers

FITTED, KEPT, CALIBRATION = 384, 1000, 96  # samples


def _norm(x: Any, activation: Any = "relu") -> Any:
    return layers.Activation(activation)(layers.BatchNormalization(momentum=0.9)(x))


def ds_cnn(x: Any) -> Any:
    """Depthwise separable convolutions (Zhang et al., 2017), as in MLPerf Tiny, but small."""
    x = _norm(layers.Conv2D(12, (10, 4), strides=2, padding="same", use_bias=False)(x))
    for _ in range(3):
        x = _norm(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x))
        x = _norm(layers.Conv2D(12, 1, use_bias=False)(x))
    x = layers.AveragePooling2D(x.shape[1:3])(layers.Dropout(0.2)(x))
    return layers.Dense(6, activation="softmax")(layers.Flatten()(x))


def tc_resnet8(x: Any) -> Any:
    """Temporal convolutions with the coefficients as channels (Choi et al., 2019), narrow."""

    def convolve(x: Any, channels: int, kernel: int, strides: int = 1) -> Any:
        return layers.Conv1D(channels, kernel, strides, padding="same", use_bias=False)(x)

    x = convolve(x, 8, 3)
    for channels in (12, 16, 24):
        short = _norm(convolve(x, channels, 1, 2))
        x = _norm(convolve(x, channels, 9, 2))
        x = layers.BatchNormalization(momentum=0.9)(convolve(x, channels, 9))
        x = layers.ReLU()(layers.Add()([x, short]))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(x))
    return layers.Dense(6, activation="softmax")(x)


def mobilenet_v2(x: Any) -> Any:
    """A few inverted residual blocks (Sandler et al., 2018)."""
    x = _norm(layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x), "relu6")
    for channels, strides in ((8, 1), (12, 2), (12, 1)):
        y = _norm(layers.Conv2D(4 * x.shape[-1], 1, use_bias=False)(x), "relu6")
        y = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(y)
        y = layers.Conv2D(channels, 1, use_bias=False)(_norm(y, "relu6"))
        y = layers.BatchNormalization(momentum=0.9)(y)
        x = layers.Add()([x, y]) if strides == 1 else y
    x = _norm(layers.Conv2D(32, 1, use_bias=False)(x), "relu6")
    return layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling2D()(x))


def autoencoder(x: Any) -> Any:
    """Finds anomalies as what it cannot reconstruct, as in MLPerf Tiny; a little smaller."""
    inputs = x.shape[-1]
    for units in (64, 64, 8, 64, 64):
        x = _norm(layers.Dense(units)(x))
    return layers.Dense(inputs)(x)


def resnet8(x: Any) -> Any:
    """Residual blocks, as in MLPerf Tiny's image classification, with half the channels."""

    def convolve(x: Any, channels: int, kernel: int, strides: int = 1) -> Any:
        return layers.Conv2D(channels, kernel, strides, padding="same")(x)

    x = _norm(convolve(x, 6, 3))
    for channels, strides in ((6, 1), (12, 2), (24, 2)):
        y = _norm(convolve(x, channels, 3, strides))
        y = layers.BatchNormalization(momentum=0.9)(convolve(y, channels, 3))
        short = x if strides == 1 else convolve(x, channels, 1, strides)
        x = layers.Activation("relu")(layers.Add()([short, y]))
    x = layers.Flatten()(layers.AveragePooling2D(x.shape[1:3])(x))
    return layers.Dense(5, activation="softmax")(x)


def motion(x: Any) -> Any:
    """Convolutions over time, on what an accelerometer delivers."""
    x = layers.Conv1D(8, 5, padding="same", activation="relu")(x)
    x = layers.MaxPooling1D(2)(x)
    x = layers.Conv1D(16, 5, activation="relu")(x)
    x = layers.MaxPooling1D(3, 2, padding="same")(x)
    x = layers.GlobalAveragePooling1D()(layers.Conv1D(16, 3, activation="relu")(x))
    return layers.Dense(5)(x)


def pools(x: Any) -> Any:
    """Explicit padding, and pools whose windows overlap and leave the map."""
    x = layers.ZeroPadding2D(((1, 2), (2, 1)))(x)
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    x = layers.SeparableConv2D(12, 3, padding="same", activation="relu6")(x)
    x = layers.AveragePooling2D(3, 2, padding="same")(x)
    x = layers.Concatenate()([x, layers.Conv2D(4, 1)(x)])
    x = layers.Dense(24, activation="relu")(layers.Flatten()(x))
    return layers.Dense(4, activation="softmax")(x)


NETWORKS = {
    network.__name__: network
    for network in (ds_cnn, tc_resnet8, mobilenet_v2, autoencoder, resnet8, motion, pools)
}


def make(name: str, into: Path) -> None:
    """Fit a network and write its files."""
    entry = ZOO[name]
    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    model = _model(name, None)
    x, labels = samples(entry, FITTED, seed=1)
    if entry.classes:
        loss: Any = keras.losses.SparseCategoricalCrossentropy(from_logits=name == "motion")
    else:
        loss = "mean_squared_error"
    model.compile(keras.optimizers.SGD(0.02, momentum=0.9), loss)
    model.fit(x, labels if entry.classes else x, batch_size=16, epochs=6, verbose=0)
    model.save(into / "model.keras")
    fixed = _model(name, 1)
    fixed.set_weights(model.get_weights())
    (into / "model.tflite").write_bytes(_tflite(fixed, x[:CALIBRATION]))
    inputs, _ = samples(entry, KEPT, seed=2)
    np.savez(into / "examples.npz", features=x[:CALIBRATION], labels=labels[:CALIBRATION])
    np.savez(into / "samples.npz", inputs=inputs, outputs=model.predict(inputs, verbose=0))


def _model(name: str, batch: int | None) -> Any:
    inputs = keras.Input(ZOO[name].shape, batch_size=batch)
    return keras.Model(inputs, NETWORKS[name](inputs))


def _tflite(model: Any, calibration: Floats) -> bytes:
    """Quantized to int8, with int8 input and output, by TensorFlow Lite's converter."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([one[None]] for one in calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


if __name__ == "__main__":
    for each in ZOO:
        folder = Path(sys.argv[1], each)
        folder.mkdir(exist_ok=True)
        make(each, folder)
