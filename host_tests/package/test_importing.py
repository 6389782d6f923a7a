# SPDX-License-Identifier: Apache-2.0
"""``myna import``: a folder that every command takes, with labels, front end and examples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from myna.cli import cli
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.frontend.model import load_architecture
from myna.ir import Kind
from myna.package.calibration import load_calibration
from myna.package.package import CLASSES, Package, load_package
from myna.passes.execute import execute
from myna.passes.lowering.lower import lower
from myna.project import open_project
from myna.sessions.export import export_model
from myna.tflite.metadata import Metadata
from support import tiny, tiny_model
from support.lazy import Lazy
from support.tflite_files import Draft

keras = Lazy("keras")


def run(file: Path, out: Path, *arguments: Any) -> Result:
    command = ["import", str(file), "--out", str(out), *map(str, arguments)]
    return CliRunner().invoke(cli, command)


def imported(file: Path, out: Path, *arguments: Any) -> Package:
    result = run(file, out, *arguments)
    assert result.exit_code == 0, result.output or result.exception
    return load_package(out)


def refusal(file: Path, out: Path, *arguments: Any) -> MynaError:
    error = run(file, out, *arguments).exception
    assert isinstance(error, MynaError), error
    assert error.fix
    return error


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keyword spotter of Myna's own."""
    path = tmp_path_factory.mktemp("exported") / "spotter.tflite"
    path.write_bytes(export_model(open_project(tiny_model.folder(), tiny_model.HEAD)).data)
    return path


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of six classes from elsewhere, for maps [10, 8, 3]."""
    path = tmp_path_factory.mktemp("foreign") / "net.tflite"
    draft = Draft(1)
    x = draft.input(10, 8, 3)
    y = draft.conv(x, 5, (3, 3), (2, 2), activation="relu")
    path.write_bytes(draft.bytes(x, draft.softmax(draft.dense(y, 6))))
    return path


def examples(path: Path, features: Any, labels: Any) -> Path:
    np.savez(path, features=features, labels=labels)
    return path


def logits(package: Package, x: Any) -> Any:
    graph = lower(package.model)
    source = graph.of_kind(Kind.INPUT)[0]
    return execute(graph, {source.name: x.reshape(source.shape)})[graph.outputs[0]]


def test_what_was_exported_comes_back(exported: Path, tmp_path: Path) -> None:
    original = load_package(tiny_model.folder())
    features = tiny.features(12)
    known = examples(tmp_path / "known.npz", features, np.arange(12) % 4)
    package = imported(exported, tmp_path / "mine", "--calibration", known)
    assert package.labels == original.labels == tiny.LABELS
    assert package.audio == original.audio
    assert package.model.model.name == "mine"
    assert package.rows == CLASSES
    for x in features:
        assert (logits(package, x)[:4] == logits(original, x)[:4]).all()
    saved, labels = load_calibration(tmp_path / "mine")
    assert (saved.reshape(features.shape) == features).all()
    assert labels.tolist() == [i % 4 for i in range(12)]


def test_an_imported_network_trains(foreign: Path, tmp_path: Path) -> None:
    imported(foreign, tmp_path / "net", "--classes", 8)
    core = Reference(open_project(tmp_path / "net").program)
    x = np.random.default_rng(0).integers(-128, 128, (10, 8, 3)).astype(np.int8)
    before = {name: values.copy() for name, values in core.values.items()}
    logits_before = core.infer(x).astype(int)
    for _ in range(30):
        core.train_step(x, 2)
    logits_after = core.infer(x).astype(int)
    assert logits_after[2] - logits_after.max() > logits_before[2] - logits_before.max()
    learned = [name for name in before if name.endswith(".residual")]
    assert len(learned) == 2
    assert all((before[name] != core.values[name]).any() for name in learned)


def test_what_is_rehearsed_without_examples_is_told_to_be_synthesized(
    foreign: Path, tmp_path: Path
) -> None:
    result = run(foreign, tmp_path / "net", "--labels", "a,b,c,d,e,f")
    assert "synthesized" in result.stderr
    card = (tmp_path / "net" / "README.md").read_text("utf-8")
    assert "synthesized" in card
    package = load_package(tmp_path / "net")
    assert package.labels == tuple("abcdef")
    assert package.model.model.softmax
    features, labels = load_calibration(tmp_path / "net")
    assert len(np.unique(labels)) > 1
    for x, label in zip(features[:10], labels[:10], strict=True):
        assert logits(package, x)[:6].argmax() == label


def test_a_summary_says_what_learning_takes(foreign: Path, tmp_path: Path) -> None:
    result = run(foreign, tmp_path / "net")
    weights, biases = 5 * 27 + 6 * 100, 5 + 6
    assert "10×8×3 int8 -> 6 classes in 32 rows" in result.stdout
    assert f"{weights + biases} parameters" in result.stdout
    assert "--train head:" in result.stdout
    assert "--train all:" in result.stdout
    assert "2 layers can be trained" in result.stdout


def test_real_features_are_quantized(foreign: Path, tmp_path: Path) -> None:
    quant = imported(foreign, tmp_path / "first").model.quants["features"]
    steps = np.random.default_rng(1).integers(-128, 128, (9, 10, 8, 3))
    real = ((steps - quant.zero_point) * quant.scale[0]).astype(np.float32)
    real[0, 0, 0] = (1e6, -1e6, 0)  # saturates
    file = examples(tmp_path / "real.npz", real.reshape(9, -1), np.arange(9) % 6)
    imported(foreign, tmp_path / "second", "--calibration", file)
    features, _ = load_calibration(tmp_path / "second")
    assert (features[1:] == steps[1:]).all()
    assert features[0, 0, 0].tolist() == [127, -128, quant.zero_point]


def test_a_network_may_reconstruct(tmp_path: Path) -> None:
    draft = Draft(2)
    x = draft.input(20)
    file = tmp_path / "auto.tflite"
    file.write_bytes(draft.bytes(x, draft.dense(draft.dense(x, 5, activation="relu"), 20)))
    package = imported(file, tmp_path / "auto", "--reconstruct")
    assert package.model.model.loss == "reconstruct"
    assert package.labels == ()
    assert package.knowledge is None


# -- front ends ------------------------------------------------------------------------------------


def test_a_front_end_can_be_named(exported: Path, tmp_path: Path) -> None:
    assert load_architecture(tiny_model.folder()).audio
    deaf = imported(exported, tmp_path / "deaf", "--front-end", "none")
    assert deaf.model.model.audio == {}
    hearing = imported(exported, tmp_path / "hearing", "--front-end", tiny_model.folder())
    assert hearing.audio == load_package(tiny_model.folder()).audio


def test_a_front_end_must_make_what_the_network_reads(foreign: Path, tmp_path: Path) -> None:
    error = refusal(foreign, tmp_path / "net", "--front-end", tiny_model.folder())
    assert "but the front end makes (12, 8, 1)" in error.what
    assert not (tmp_path / "net").exists()


def test_a_deaf_model_has_no_front_end(exported: Path, tmp_path: Path) -> None:
    imported(exported, tmp_path / "deaf", "--front-end", "none")
    error = refusal(exported, tmp_path / "net", "--front-end", tmp_path / "deaf")
    assert error.what == "hears nothing"


@pytest.mark.parametrize(
    "audio",
    [{"frames": 3}, {**tiny.AUDIO.to_json(), "frames": "many"}, [1], "loud"],
    ids=["few fields", "text", "list", "no fields"],
)
def test_a_described_front_end_is_not_trusted(audio: Any, tmp_path: Path) -> None:
    draft = Draft(1)
    x = draft.input(12, 8, 1)
    draft.metadata = Metadata("n", tuple("abc"), audio, {}, {}).blocks()
    file = tmp_path / "net.tflite"
    file.write_bytes(draft.bytes(x, draft.dense(x, 3)))
    refusal(file, tmp_path / "net")


# -- what is refused -------------------------------------------------------------------------------


def test_labels_must_be_as_many_as_outputs(foreign: Path, tmp_path: Path) -> None:
    error = refusal(foreign, tmp_path / "net", "--labels", "a,b")
    assert error.what == "has 6 outputs, there are 2 labels"


def test_other_files_are_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path / "net.onnx", tmp_path / "net")
    assert ".tflite or .keras" in error.fix


MAPS = np.zeros((4, 10, 8, 3), np.int8)
FOUR = np.arange(4)


@pytest.mark.parametrize(
    ("features", "labels", "what"),
    [
        (MAPS[:, :9], FOUR, r"features of shape \[4, 9, 8, 3\]"),
        (MAPS[:0], FOUR[:0], "features of shape"),
        (MAPS.astype(np.int32), FOUR, "not int8, nor finite"),
        (np.full(MAPS.shape, np.nan), FOUR, "not int8, nor finite"),
        (MAPS, FOUR[:3], "no label from 0 to 5"),
        (MAPS, FOUR + 3, "no label from 0 to 5"),
        (MAPS, FOUR - 1, "no label from 0 to 5"),
        (MAPS, FOUR / 2, "no label from 0 to 5"),
    ],
)
def test_examples_must_fit(
    features: Any, labels: Any, what: str, foreign: Path, tmp_path: Path
) -> None:
    file = examples(tmp_path / "examples.npz", features, labels)
    error = refusal(foreign, tmp_path / "net", "--calibration", file)
    assert re.search(what, error.what)
    assert error.where == str(file)
    assert not (tmp_path / "net").exists()


def test_another_model_is_not_overwritten(foreign: Path, tmp_path: Path) -> None:
    out = tmp_path / "net"
    imported(foreign, out)
    imported(foreign, out)  # its own folder may be made again
    (out / "README.md").write_text("# net\n\nMade with care.\n", "utf-8")
    before = (out / "int8.npz").read_bytes()
    assert "holds another model" in refusal(foreign, out).what
    assert (out / "int8.npz").read_bytes() == before


@pytest.mark.parametrize("kind", ["one array", "text", "half"])
def test_examples_that_are_no_archive(kind: str, foreign: Path, tmp_path: Path) -> None:
    file = tmp_path / "examples.npy"
    if kind == "one array":
        np.save(file, MAPS)
    else:
        whole = examples(tmp_path / "whole.npz", MAPS, FOUR).read_bytes()
        file.write_bytes(b"hello" if kind == "text" else whole[: len(whole) // 2])
    error = refusal(foreign, tmp_path / "net", "--calibration", file)
    assert error.where == str(file)
    assert not (tmp_path / "net").exists()


def test_a_readme_of_somebody_is_not_overwritten(foreign: Path, tmp_path: Path) -> None:
    out = tmp_path / "net"
    out.mkdir()
    (out / "README.md").write_text("# Mine\n", "utf-8")
    assert "holds another README.md" in refusal(foreign, out).what
    assert [path.name for path in out.iterdir()] == ["README.md"]


@pytest.mark.parametrize(
    "part", ["myna.package.importing.save_package", "myna.commands.import_.macs"]
)
def test_an_import_that_fails_leaves_the_folder_as_it_was(
    part: str, foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "net"
    for before in (None, "made"):
        if before:
            imported(foreign, out)
        held = {path: path.read_bytes() for path in out.glob("*")}
        with monkeypatch.context() as patch:
            patch.setattr(part, fail)
            assert run(foreign, out).exit_code == 1
        assert {path: path.read_bytes() for path in out.glob("*")} == held
        assert out.exists() == bool(before)
        assert not [path for path in tmp_path.iterdir() if path != out]


def test_a_folder_that_cannot_be_written(foreign: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    error = refusal(foreign, tmp_path / "file" / "net")
    assert "cannot be written" in error.what


@pytest.mark.train
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "float32", "float64"])
def test_numbers_of_any_type_are_what_a_float_network_reads(dtype: str, tmp_path: Path) -> None:
    """They have no scale yet: int8 was taken for quantized, and the model was wrong."""
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    features = rng.integers(0, 100, (64, 12))
    inputs = keras.Input((12,))
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    network = keras.Model(inputs, keras.layers.Dense(3)(hidden))
    network.save(tmp_path / "net.keras")
    theirs = network.predict(features.astype(np.float32), verbose=0).argmax(1)
    file = examples(tmp_path / "examples.npz", features.astype(dtype), theirs)
    package = imported(tmp_path / "net.keras", tmp_path / "net", "--calibration", file)
    graph, quant = lower(package.model), package.model.quants["features"]
    assert quant.scale[0] == pytest.approx(features.max() / 255, rel=1e-3)
    kept, _ = load_calibration(tmp_path / "net")
    ours = [int(execute(graph, {"features": x})[graph.outputs[0]][:3].argmax()) for x in kept]
    assert (ours == theirs).mean() > 0.9
