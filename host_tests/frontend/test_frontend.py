# SPDX-License-Identifier: Apache-2.0
"""Float models: files, shapes, errors, and the Keras networks made of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from myna.audio.config import AudioConfig
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.frontend import model as models
from myna.frontend.model import FloatModel
from myna.layers.base import Layer

MODELS = PROJECT / "models"
NAMES = ("kws", "ds_cnn")
CONV = {"kernel": [3, 3], "strides": [2, 1], "padding": "same", "activation": "relu"}


POOL = {"pool": [5, 5], "strides": [5, 5], "padding": "valid"}


def small_model() -> FloatModel:
    """Every op once, on a 9 × 5 map, with random weights."""
    layers = (
        Layer("left", "conv2d", ("features",), {"filters": 4, **CONV}),
        Layer("right", "conv2d", ("features",), {"filters": 4, **CONV, "activation": "linear"}),
        Layer("dw", "depthwise_conv2d", ("right",), {**CONV, "strides": [1, 1]}),
        Layer("y", "couple", ("left", "dw")),
        Layer("r", "relu", ("y",)),
        Layer("sum", "add", ("r", "right"), {"activation": "relu6"}),
        Layer("both", "concat", ("r", "sum")),
        Layer("pool", "average_pool", ("both",), POOL),
        Layer("flat", "flatten", ("pool",)),
        Layer("logits", "dense", ("flat",), {"units": 3, "activation": "linear"}),
    )
    audio = AudioConfig(coefficients=5, offset=(0,) * 5, multiplier=(1,) * 5, frames=9)
    labels = ("silence", "yes", "no")
    model = FloatModel(
        "small", labels, audio.to_json(), "features", (9, 5, 1), layers, output="logits"
    )
    random = np.random.default_rng(5)
    shapes = models.weight_shapes(model)
    weights = {name: random.normal(size=shape).astype("f4") for name, shape in shapes.items()}
    return replace(model, weights=weights)


def test_a_model_survives_its_files(tmp_path: Path) -> None:
    model = small_model()
    models.save_model(model, tmp_path)
    loaded = models.load_model(tmp_path)
    assert replace(loaded, weights={}) == replace(model, weights={})
    assert loaded.weights.keys() == model.weights.keys()
    for name, array in model.weights.items():
        np.testing.assert_array_equal(loaded.weights[name], array)


def test_files_do_not_change_when_saved_again(tmp_path: Path) -> None:
    models.save_model(small_model(), tmp_path / "a")
    models.save_model(models.load_model(tmp_path / "a"), tmp_path / "b")
    for name in ("architecture.json", "float.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_shapes_follow_the_layers() -> None:
    shapes = models.shapes(small_model())
    assert shapes["left"] == (5, 5, 4)
    assert shapes["both"] == (5, 5, 8)
    assert shapes["pool"] == (1, 1, 8)
    assert shapes["flat"] == (8,)
    assert models.weight_shapes(small_model())["dw/w"] == (3, 3, 4)


def _edit(text: dict[str, Any], path: list[Any], value: object) -> None:
    for key in path[:-1]:
        text = text[key]
    text[path[-1]] = value


BROKEN: dict[str, tuple[list[Any], object, str]] = {
    "no_layers": (["layers"], None, "not an architecture"),
    "unknown_op": (["layers", 0, "op"], "conv3d", "unknown op 'conv3d'"),
    "missing_attribute": (["layers", 4, "slope"], 0.1, "takes these attributes"),
    "activation": (["layers", 0, "activation"], "gelu", "activation"),
    "padding": (["layers", 0, "padding"], "reflect", "padding"),
    "undefined_input": (["layers", 2, "inputs"], ["nowhere"], "'nowhere' is not defined"),
    "input_count": (["layers", 3, "inputs"], ["left"], "takes 2 inputs"),
    "model_name": (["name"], "2nd try", "must be a letter"),
    "input_name": (["input", "name"], "x y", "must be a letter"),
    "layer_name": (["layers", 0, "name"], "left-hand", "must be a letter"),
    "label": (["labels", 0], "a\nb", "printable"),
    "double_name": (["layers", 1, "name"], "left", "used twice"),
    "unequal_couple": (["layers", 3, "inputs"], ["features", "dw"], "differ in shape"),
    "unequal_concat": (["layers", 6, "inputs"], ["features", "r"], "more than the last axis"),
    "large_window": (["layers", 7, "pool"], [9, 9], "does not fit"),
    "dense_on_map": (["layers", 9, "inputs"], ["pool"], "flat input"),
    "label_count": (["labels"], ["yes"], "1 labels"),
    "output": (["output"], "absent", "output has shape None"),
    "no_stride": (["layers", 7, "strides"], [0, 1], "strides is not made of whole numbers"),
    "half_a_row": (["layers", 7, "pool"], [2.5, 1], "pool is not made of whole numbers"),
    "concat_of_nothing": (["layers", 6, "inputs"], [], "has no input"),
    "number_as_name": (["name"], 7, "must be text"),
    "list_as_op": (["layers", 6, "op"], ["concat"], "must be text"),
    "list_as_input": (["layers", 6, "inputs"], [["r"]], "must be text"),
    "text_as_labels": (["labels"], "ab", "labels must be a list"),
    "list_as_audio": (["audio"], [], "audio an object"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_inconsistent_architectures_are_refused(tmp_path: Path, case: str) -> None:
    path, value, message = BROKEN[case]
    models.save_model(small_model(), tmp_path)
    file = tmp_path / "architecture.json"
    text = json.loads(file.read_text())
    _edit(text, path, value)
    file.write_text(json.dumps(text))
    with pytest.raises(MynaError, match=message) as caught:
        models.load_architecture(tmp_path)
    assert str(file) in caught.value.where


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "x"}'])
def test_files_that_are_no_architecture_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "architecture.json").write_text(content)
    with pytest.raises(MynaError, match="is not an architecture"):
        models.load_architecture(tmp_path)


def test_deep_nesting_is_no_architecture(tmp_path: Path) -> None:
    (tmp_path / "architecture.json").write_text("[" * 100_000)
    with pytest.raises(MynaError, match="is not an architecture"):
        models.load_architecture(tmp_path)


def test_an_empty_file_of_weights_is_refused(tmp_path: Path) -> None:
    models.save_model(small_model(), tmp_path)
    (tmp_path / "float.npz").write_bytes(b"")
    with pytest.raises(MynaError, match="cannot be read"):
        models.load_model(tmp_path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(MynaError, match="no such model"):
        models.load_model(tmp_path)
    models.save_architecture(small_model(), tmp_path)
    with pytest.raises(MynaError, match="no weights"):
        models.load_model(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"left/w": None}, "has shape None"),
        ({"extra/w": np.zeros(3, np.float32)}, "the architecture None"),
        ({"left/b": np.zeros(5, np.float32)}, "has shape"),
        ({"left/b": np.full(4, np.nan, np.float32)}, "not finite"),
        ({"left/b": np.zeros(4)}, "not finite float32"),
    ],
)
def test_wrong_arrays_are_refused(
    tmp_path: Path, change: dict[str, np.ndarray | None], message: str
) -> None:
    model = small_model()
    models.save_model(model, tmp_path)
    arrays = {k: v for k, v in {**model.weights, **change}.items() if v is not None}
    np.savez(tmp_path / "float.npz", **arrays)
    with pytest.raises(MynaError, match=message):
        models.load_model(tmp_path)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    models.save_model(small_model(), tmp_path)
    (tmp_path / "float.npz").write_bytes((tmp_path / "float.npz").read_bytes()[:300])
    with pytest.raises(MynaError, match="cannot be read"):
        models.load_model(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_shipped_models_are_complete(name: str) -> None:
    model = models.load_model(MODELS / name)
    assert model.name == name
    assert len(model.labels) == 12
    assert model.parameters <= 50_000
    config = AudioConfig.from_json(model.audio)
    assert model.input_shape == (config.frames, config.features, 1)
    with np.load(MODELS / name / "calibration.npz") as calibration:
        assert calibration["features"].shape[1:] == model.input_shape[:2]
        assert calibration["features"].dtype == np.int8
        assert set(calibration["labels"]) == set(range(12))


def test_ds_cnn_has_the_shape_of_mlperf_tiny() -> None:
    model = models.load_architecture(MODELS / "ds_cnn")
    shapes = models.shapes(model)
    assert [layer.op for layer in model.layers] == [
        "conv2d",
        *["depthwise_conv2d", "conv2d"] * 4,
        "average_pool",
        "flatten",
        "dense",
    ]
    assert {shapes[layer.name] for layer in model.layers[:-3]} == {(25, 5, 64)}
    assert models.weight_shapes(model)["stem/w"] == (10, 4, 1, 64)


def test_kws_couples_only_through_branches() -> None:
    model = models.load_architecture(MODELS / "kws")
    made_by = {layer.name: layer for layer in model.layers}
    couples = [layer for layer in model.layers if layer.op == "couple"]
    assert len(couples) == 12
    for number, layer in enumerate(couples):
        stream, branch = (made_by[name] for name in layer.inputs)
        earlier = ["stem_a", "stem_b", *(couple.name for couple in couples)]
        assert stream.name == earlier[number]  # the two halves alternate
        source = made_by[made_by[branch.inputs[0]].inputs[0]].inputs[0]
        assert source == earlier[number + 1]  # and each branch reads the other half


@pytest.fixture(scope="module")
def keras_frontend() -> Any:
    return pytest.importorskip("myna.formats.keras")


@pytest.mark.train
def test_batch_norm_folds_into_the_convolutions(keras_frontend: Any) -> None:
    model = small_model()
    network = keras_frontend.build(model)
    random = np.random.default_rng(0)
    for layer in network.layers:
        if layer.name.endswith(keras_frontend.BN_SUFFIX):
            statistics = [random.uniform(0.5, 2, v.shape) for v in layer.get_weights()]
            layer.set_weights(statistics)
    x = random.normal(size=(7, 9, 5, 1)).astype(np.float32)
    folded = keras_frontend.fold(network, model)
    assert folded.weights.keys() == models.weight_shapes(model).keys()
    expected = network.predict(x, verbose=0)
    got = keras_frontend.to_keras(folded).predict(x, verbose=0)
    np.testing.assert_allclose(got, expected, atol=1e-4)


@pytest.mark.train
def test_the_folded_network_computes_what_the_layers_say(keras_frontend: Any) -> None:
    layers = (
        Layer("r", "relu", ("features",)),
        Layer("y", "couple", ("features", "r")),
        Layer("flat", "flatten", ("y",)),
        Layer("logits", "dense", ("flat",), {"units": 2, "activation": "linear"}),
    )
    w, b = np.array([[1, 0], [10, 1], [0, 0]], np.float32), np.array([0.5, 0], np.float32)
    model = FloatModel(
        "m", ("a", "b"), {}, "features", (3, 1, 1), layers, "logits", {"logits/w": w, "logits/b": b}
    )
    x = np.array([[-1, 2, 3]], np.float32).reshape(1, 3, 1, 1)
    network = keras_frontend.to_keras(model)
    np.testing.assert_allclose(network.predict(x, verbose=0), [[39.5, 4.0]], rtol=1e-6)
    assert len(network.trainable_variables) == 2
