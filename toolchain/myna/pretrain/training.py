# SPDX-License-Identifier: Apache-2.0
"""The training loop: AdamW, cosine schedule, label smoothing, word head, weight averaging."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from myna.audio.config import AudioConfig
from myna.formats import keras as network
from myna.frontend.model import FloatModel, Floats
from myna.pretrain.augment import Random
from myna.pretrain.corpus import NO_LABEL
from myna.pretrain.examples import Bank, batches
from myna.pretrain.recipe import Recipe
from myna.tensorflow import keras, tf

SMOOTHING = 0.05  # of the labels
WORD_WEIGHT = 1.0  # of the loss that tells all words apart, not only the labels
WORD_SCALE = 20.0  # of the cosine between embedding and word
MARGIN = 4.0  # of the logits, for a class of one recording
TEACHER_SHARE = 0.5  # of the targets
SETTLE_BATCHES = 150  # to estimate BatchNorm's statistics anew for the averaged weights


def fit(
    architecture: FloatModel,
    bank: Bank,
    recipe: Recipe,
    seed: int,
    progress: Callable[[str], None],
    teacher: FloatModel | None = None,
) -> FloatModel:
    """Train on the bank and return the folded model.

    With a teacher, its probabilities make up TEACHER_SHARE of the targets (distillation, Hinton
    et al. 2015).
    The same seed gives the same initial weights and batches; the weights at the end are the same
    up to what the order of floating-point sums makes of them.
    """
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    model = network.build(architecture)
    trainer = _with_word_head(model, architecture, len(bank.words))
    config = AudioConfig.from_json(architecture.audio)
    rows = bank.labelled_rows(recipe.batch)
    steps = recipe.per_class * len(bank.recordings) // rows
    optimizer = _optimizer(recipe, recipe.epochs * steps)
    step = _make_step(trainer, optimizer)
    targets, margins = _targets(architecture, bank, teacher), _margins(architecture, bank)
    for epoch in range(recipe.epochs):
        losses = [
            step(x, targets[index[:rows]], margins[bank.label[index[:rows]]], bank.word[index])
            for x, index in batches(bank, config, recipe.per_class, recipe.batch, random)
        ]
        progress(f"epoch {epoch + 1}/{recipe.epochs}: loss {np.mean(losses):.3f}")
    optimizer.finalize_variable_values(trainer.trainable_variables)
    _settle(trainer, bank, config, recipe, random)
    return network.fold(model, architecture)


def predict(model: FloatModel, maps: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    """Logits [n, labels] of int8 feature maps [n, frames, features] under a folded model."""
    x = maps.astype(np.float32)[..., None] * np.float32(model.audio["scale"])
    return np.asarray(network.to_keras(model).predict(x, batch_size=256, verbose=0))


def _targets(architecture: FloatModel, bank: Bank, teacher: FloatModel | None) -> Floats:
    """Probabilities to learn, float32 [examples, labels]; without meaning where no label is."""
    labels = len(architecture.labels)
    targets = np.full((len(bank.label), labels), SMOOTHING / labels, np.float32)
    named = np.flatnonzero(bank.label != NO_LABEL)
    targets[named, bank.label[named]] += 1 - SMOOTHING
    if teacher is None:
        return targets
    taught = tf.nn.softmax(predict(teacher, bank.features)).numpy()
    return np.asarray((1 - TEACHER_SHARE) * targets + TEACHER_SHARE * taught, np.float32)


def _margins(architecture: FloatModel, bank: Bank) -> Floats:
    """What an example's own logit must exceed the others by, float32 [labels, labels].

    The fewer recordings a class has the more: MARGIN / n^(1/4) (LDAM, Cao et al. 2019).
    """
    margins = np.zeros((len(architecture.labels),) * 2, np.float32)
    for label, recordings in bank.recordings.items():
        margins[label, label] = MARGIN / max(recordings, 1) ** 0.25
    return margins


def _with_word_head(model: Any, architecture: FloatModel, words: int) -> Any:
    """The network with a second output: cosines between the embedding and one vector a word.

    The embedding is the last dense layer's input. A softmax over cosines makes directions tell
    words apart (NormFace, Wang et al. 2017), which is what a new word's row is set to.
    """
    last = next(layer for layer in architecture.layers if layer.name == architecture.output)
    embedding = model.get_layer(last.inputs[0]).output
    direction = keras.layers.UnitNormalization(name="direction")(embedding)
    unit = keras.constraints.UnitNorm(axis=0)
    head = keras.layers.Dense(words, use_bias=False, kernel_constraint=unit, name="words")(
        direction
    )
    return keras.Model(model.inputs, [model.outputs[0], head])


def _optimizer(recipe: Recipe, steps: int) -> Any:
    warm_up = max(steps // 20, 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.rate / 20, steps - warm_up, 1e-3, warmup_target=recipe.rate, warmup_steps=warm_up
    )
    momentum = 1 - min(10 / steps, 0.1)  # the average spans the last tenth of the run
    return keras.optimizers.AdamW(
        schedule, weight_decay=recipe.decay, use_ema=True, ema_momentum=momentum
    )


def _make_step(trainer: Any, optimizer: Any) -> Callable[..., Any]:
    optimizer.build(trainer.trainable_variables)
    word_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    label_loss = keras.losses.CategoricalCrossentropy(from_logits=True)

    def step(x: Any, target: Any, margin: Any, word: Any) -> Any:
        with tf.GradientTape() as tape:
            logits, cosines = trainer(x, training=True)
            loss = label_loss(target, logits[: tf.shape(target)[0]] - margin)
            total = loss + WORD_WEIGHT * word_loss(word, WORD_SCALE * cosines)
        gradients = tape.gradient(total, trainer.trainable_variables)
        optimizer.apply_gradients(zip(gradients, trainer.trainable_variables, strict=True))
        return loss

    return cast(Callable[..., Any], tf.function(step, reduce_retracing=True))


def _settle(trainer: Any, bank: Bank, config: AudioConfig, recipe: Recipe, random: Random) -> None:
    """Let BatchNorm's moving statistics follow the final weights."""
    for layer in trainer.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.97
    forward = tf.function(lambda x: trainer(x, training=True), reduce_retracing=True)
    done = 0
    while done < SETTLE_BATCHES:
        for x, _ in batches(bank, config, recipe.per_class, recipe.batch, random):
            forward(x)
            done += 1
