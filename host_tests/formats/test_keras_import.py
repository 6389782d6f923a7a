# SPDX-License-Identifier: Apache-2.0
"""Keras's files: the float model computes what Keras does; what Myna lacks is named."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
from myna.codegen.text import identifier
from myna.errors import MynaError
from myna.frontend.identifiers import new_name
from myna.frontend.model import FloatModel
from myna.passes.lowering.calibrate import forward
from myna.project import open_project
from support import tiny_model, zoo
from support.lazy import Lazy

pytestmark = pytest.mark.train
keras, layers = Lazy("keras"), Lazy("keras.layers")
importer = Lazy("myna.formats.keras_import")
TOLERANCE = 1e-4


def computed(model: FloatModel, x: Any) -> Any:
    """Outputs [n, outputs] for inputs [n, ...], probabilities where the model says so."""
    shaped = x.reshape(-1, *model.input_shape).astype(np.float64)
    y = np.array([forward(model, one)[model.output] for one in shaped])
    if not model.softmax:
        return y
    e = np.exp(y - y.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("name", zoo.ZOO)
def test_the_zoo_computes_what_keras_does(name: str) -> None:
    folder = zoo.folder(name)
    model = importer.read_keras(folder / "model.keras", name, None)
    data = np.load(folder / "samples.npz")
    x, expected = data["inputs"][:40], data["outputs"][:40]
    assert expected.std() > 0.1
    np.testing.assert_allclose(computed(model, x), expected, atol=TOLERANCE)


def test_a_zoo_model_needs_no_more_layers_than_it_should() -> None:
    model = importer.read_keras(zoo.folder("ds_cnn") / "model.keras", "ds_cnn", tuple("abcdef"))
    ops = [layer.op for layer in model.layers]
    assert ops == [
        "conv2d",
        *["depthwise_conv2d", "conv2d"] * 3,
        "average_pool",
        "flatten",
        "dense",
    ]
    assert [layer.attrs.get("activation") for layer in model.layers[:7]] == ["relu"] * 7
    assert model.softmax
    assert model.labels == tuple("abcdef")


# -- odd cases -------------------------------------------------------------------------------------


def causal(x: Any) -> Any:
    x = layers.Conv1D(4, 3, strides=2, padding="causal", activation="relu")(x)
    return layers.DepthwiseConv1D(3, padding="same", activation="relu6")(x)


def separable(x: Any) -> Any:
    x = layers.SeparableConv1D(6, 3, padding="same")(x)
    x = layers.ZeroPadding1D((2, 1))(layers.BatchNormalization()(x))
    return layers.AveragePooling1D(3, 2, padding="same")(x)


def norm_first(x: Any) -> Any:
    return layers.Conv2D(3, 3)(layers.BatchNormalization()(x))


def norm_of_flat(x: Any) -> Any:
    x = layers.BatchNormalization(scale=False)(layers.GlobalMaxPooling2D()(x))
    return layers.ReLU()(layers.BatchNormalization(center=False)(x))


def norm_after_activation(x: Any) -> Any:
    return layers.BatchNormalization()(layers.Conv2D(3, 3, activation="relu")(x))


def norm_of_what_is_read_twice(x: Any) -> Any:
    x = layers.Conv2D(3, 3)(x)
    return layers.Add()([layers.BatchNormalization()(x), layers.Dropout(0.1)(x), layers.ReLU()(x)])


def norm_and_activation_behind_dropout(x: Any) -> Any:
    x = layers.Dropout(0.1)(layers.Conv2D(3, 3)(x))
    return layers.Activation("relu")(layers.SpatialDropout2D(0.1)(layers.BatchNormalization()(x)))


def one_relu_in_two_places(x: Any) -> Any:
    relu = layers.ReLU(6.0)
    return relu(layers.Conv2D(3, 3)(relu(x)))


def functions(x: Any) -> Any:
    return keras.activations.relu6(layers.Conv2D(2, 1)(x) + keras.activations.relu(x))


def widened(x: Any) -> Any:
    x = layers.Conv2D(1, 1)(x)
    return layers.DepthwiseConv2D(3, depth_multiplier=4, activation="relu")(x)


def pointwise_dense(x: Any) -> Any:
    x = layers.GlobalAveragePooling2D(keepdims=True)(layers.Dense(5, activation="relu")(x))
    return layers.Reshape((5, 1))(x)


def scaled(x: Any) -> Any:
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    return layers.Normalization(mean=[0.1, -0.2], variance=[2.0, 0.3])(x)


def nested(x: Any) -> Any:
    inner = keras.Input(x.shape[1:])
    y = layers.BatchNormalization()(layers.Conv2D(4, 3)(inner))
    body = keras.Model(inner, layers.Concatenate()([y, layers.ReLU()(y)]))
    return keras.Sequential([layers.MaxPooling2D(2), layers.Conv2D(3, 1)])(body(x))


CASES = {
    causal: (9, 3),
    separable: (12, 2),
    norm_first: (6, 5, 2),
    norm_of_flat: (6, 5, 2),
    norm_after_activation: (6, 5, 2),
    norm_of_what_is_read_twice: (6, 5, 2),
    norm_and_activation_behind_dropout: (6, 5, 2),
    one_relu_in_two_places: (6, 5, 2),
    functions: (6, 5, 2),
    widened: (7, 6, 2),
    pointwise_dense: (3, 4, 2),
    scaled: (6, 5, 2),
    nested: (8, 7, 2),
}


def save(body: Callable[[Any], Any], shape: tuple[int, ...], path: Path) -> Any:
    """A model of random weights and statistics, which ends in a Dense layer, saved."""
    inputs = keras.Input(shape)
    x = body(inputs)
    x = layers.Flatten()(x) if len(x.shape) > 2 else x
    model = keras.Model(inputs, layers.Dense(3)(x))
    rng = np.random.default_rng(4)
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.2, 2, w.shape) for w in layer.get_weights()])
        elif not isinstance(layer, keras.Model | layers.Normalization):
            layer.set_weights([rng.normal(0, 0.5, w.shape) for w in layer.get_weights()])
    model.save(path)
    return model


@pytest.mark.parametrize("body", CASES, ids=lambda body: body.__name__)
def test_odd_networks_compute_what_keras_does(body: Any, tmp_path: Path) -> None:
    shape = CASES[body]
    network = save(body, shape, tmp_path / "odd.keras")
    model = importer.read_keras(tmp_path / "odd.keras", "odd", ("a", "b", "c"))
    x = np.random.default_rng(1).normal(1, 2, (12, *shape)).astype(np.float32)
    expected = network.predict(x, verbose=0)
    assert np.ptp(expected, axis=0).min() > 0.01
    np.testing.assert_allclose(computed(model, x), expected, atol=TOLERANCE, rtol=1e-5)


def test_names_become_identifiers_that_nobody_else_has() -> None:
    taken = {"conv", "conv_2"}
    assert new_name("a/b-c:0", ()) == "a_b_c_0"
    assert new_name("conv", taken) == "conv_3"
    assert new_name("1x1", ()) == "layer_1x1"
    assert new_name("é", ()) == "layer"
    assert new_name("stem_b", ()) == "stem_b_layer"  # in C, the bias of stem is called so
    assert new_name("x" * 99, ()) == "x" * 48
    assert new_name("while", ()) == "while"  # C gets it with a prefix
    assert new_name("step", ()) == "layer_step"
    assert new_name("d_conv", ()) == "layer_d_conv"


def test_names_of_layers_are_not_those_of_other_tensors() -> None:
    project = open_project(tiny_model.folder("reversible"))
    own = {layer.name for layer in project.package.model.model.layers}
    names = {identifier(name).removeprefix("t_") for name in project.program.graph.tensors} - own
    assert len(names) > 150
    assert not [name for name in names if new_name(name, ()) == name]


# -- what is refused -------------------------------------------------------------------------------


def two_outputs(x: Any) -> Any:
    return [layers.Flatten()(x), layers.ReLU()(x)]


def shared(x: Any) -> Any:
    conv = layers.Conv2D(2, 1)
    return layers.Add()([conv(x), conv(layers.ReLU()(x))])


def softmax_inside(x: Any) -> Any:
    return layers.Conv2D(3, 1)(layers.Conv2D(2, 1, activation="softmax")(x))


def exponential(x: Any) -> Any:
    return keras.ops.exp(x)


def one(kind: str, *arguments: Any, **options: Any) -> Callable[[Any], Any]:
    """A single layer, made when it is called."""

    def body(x: Any) -> Any:
        return getattr(layers, kind)(*arguments, **options)(x)

    return body


REFUSED: dict[str, tuple[Callable[[Any], Any], str, str]] = {  # body, error, what to do
    "unknown": (
        one("UpSampling2D", name="up"),
        r"layer 2 \(up\): UpSampling2D",
        "Dense",
    ),
    "recurrent": (lambda x: layers.LSTM(2)(layers.Reshape((10, 4))(x)), "LSTM", "Conv1D"),
    "lambda": (one("Lambda", lambda y: y), "Lambda runs code", "Keras's own"),
    "activation": (
        one("Conv2D", 2, 1, activation="gelu", name="c"),
        "c .*gelu",
        "relu",
    ),
    "sigmoid": (one("Activation", "sigmoid"), "sigmoid", "softmax"),
    "leaky": (one("ReLU", negative_slope=0.1), "not the plain ReLU", "ReLU"),
    "dilated": (one("Conv2D", 2, 2, dilation_rate=2), "dilated", "larger kernel"),
    "grouped": (one("Conv2D", 4, 1, groups=2), "groups", "Depthwise"),
    "multiplier": (
        one("DepthwiseConv2D", 2, depth_multiplier=2),
        "multiplier",
        "1 × 1",
    ),
    "axis": (lambda x: layers.Concatenate(axis=1)([x, x]), "another axis", "axis=-1"),
    "norm_axis": (one("BatchNormalization", axis=1), "another axis", "axis=-1"),
    "broadcast": (
        lambda x: layers.Add()([x, layers.MaxPooling2D((5, 4))(x)]),
        "differ in shape",
        "make the shapes agree",
    ),
    "constant": (lambda x: x + 1.0, "adds a constant", "bias"),
    "function": (exponential, "Exp is not supported", "use these only"),
    "shared": (shared, "used twice", "weights of its own"),
    "softmax_inside": (softmax_inside, "softmax", "relu"),
    "rank": (one("Reshape", (2, 2, 5, 2)), r"shape \(2, 2, 5, 2\)", "Input"),
    "outputs": (two_outputs, "1 inputs and 2 outputs", "one output"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_myna_lacks_is_named(case: str, tmp_path: Path) -> None:
    body, error, instead = REFUSED[case]
    inputs = keras.Input((5, 4, 2))
    path = tmp_path / "refused.keras"
    keras.Model(inputs, body(inputs)).save(path)
    with pytest.raises(MynaError, match=error) as caught:
        importer.read_keras(path, "refused", None)
    assert str(path) in caught.value.where
    assert instead in caught.value.fix


def test_models_without_an_input_shape_are_refused(tmp_path: Path) -> None:
    for shape, error in (((None, 3), r"shape \(None, 3\)"), (None, "no input shape")):
        head = [] if shape is None else [keras.Input(shape)]
        path = tmp_path / "open.keras"
        keras.Sequential([*head, layers.GlobalAveragePooling1D(), layers.Dense(2)]).save(path)
        with pytest.raises(MynaError, match=error):
            importer.read_keras(path, "open", None)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="last")])
    model.set_weights([np.full((3, 2), np.nan), np.zeros(2)])
    model.save(tmp_path / "nan.keras")
    with pytest.raises(MynaError, match=r"last .*not finite"):
        importer.read_keras(tmp_path / "nan.keras", "nan", None)


def test_labels_must_be_as_many_as_outputs(tmp_path: Path) -> None:
    keras.Sequential([keras.Input((3,)), layers.Dense(2)]).save(tmp_path / "two.keras")
    assert importer.read_keras(tmp_path / "two.keras", "two", None).labels == ("class_0", "class_1")
    with pytest.raises(MynaError, match="3 labels"):
        importer.read_keras(tmp_path / "two.keras", "two", ("a", "b", "c"))


# -- files that nobody vouches for -----------------------------------------------------------------


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keras") / "good.keras"
    keras.Sequential([keras.Input((4, 3)), layers.Conv1D(2, 3), layers.Flatten()]).save(path)
    return path


def changed(good: Path, path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of a file with another configuration."""
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(path, "w") as copy:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                config = json.loads(data)
                change(config)
                data = json.dumps(config).encode()
            copy.writestr(name, data)
    return path


def conv(config: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = config["config"]["layers"][1]
    return found


GETS_FILE = {"module": "keras.src.utils", "class_name": "function", "config": "get_file"}
RUNS = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
READS = {
    "module": "keras.layers",
    "class_name": "StringLookup",
    "config": {"vocabulary": "/etc/passwd"},
}
HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "other_module": (lambda c: conv(c).update(module="subprocess"), "not one of Keras's own"),
    "no_module": (lambda c: conv(c).pop("module"), "not one of Keras's own"),
    "other_class": (lambda c: conv(c).update(class_name="Popen"), "Popen is not supported"),
    "function": (lambda c: conv(c)["config"].update(activation=RUNS), "not one of Keras's own"),
    "keras_function": (lambda c: conv(c)["config"].update(activation=GETS_FILE), "not supported"),
    "reads_a_file": (lambda c: c["config"]["layers"].append(READS), "StringLookup"),
    "other_shape": (lambda c: conv(c)["config"].update(filters=3), "Keras cannot load it"),
    "negative": (lambda c: conv(c)["config"].update(filters=-3), "Keras cannot load it"),
    "no_layers": (lambda c: c["config"].update(layers=[]), "Keras cannot load it"),
    "many_layers": (lambda c: c["config"]["layers"].extend([conv(c)] * 300), "300 layers"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_changed_files_are_refused_before_they_do_harm(
    case: str, good: Path, tmp_path: Path
) -> None:
    change, error = HOSTILE[case]
    path = changed(good, tmp_path / "changed.keras", change)
    with pytest.raises(MynaError, match=error):
        importer.read_keras(path, "changed", None)


def test_a_damaged_stream_in_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "stream.keras"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "[" + "0, 1, 2, " * 999 + "3]")
    data = bytearray(path.read_bytes())
    begin = data.index(b"config.json") + len("config.json")
    data[begin + 2 : begin + 12] = b"\xff" * 10
    path.write_bytes(data)
    with pytest.raises(MynaError, match=r"is no \.keras file"):
        importer.read_keras(path, "stream", None)


def test_damaged_and_missing_files_are_refused(good: Path, tmp_path: Path) -> None:
    assert importer.read_keras(good, "good", None).labels == (
        "class_0",
        "class_1",
        "class_2",
        "class_3",
    )
    path, data = tmp_path / "damaged.keras", good.read_bytes()
    for part in (b"", data[:50], data[: len(data) // 2], data[:-40]):
        path.write_bytes(part)
        with pytest.raises(MynaError, match=r"is no \.keras file"):
            importer.read_keras(path, "damaged", None)
    with pytest.raises(MynaError, match="no such file"):
        importer.read_keras(tmp_path / "absent.keras", "absent", None)


def test_files_that_unpack_to_too_much_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", " " * (1 << 23))
    with pytest.raises(MynaError, match="unpacks to 8,388,608 bytes"):
        importer.read_keras(path, "bomb", None)
