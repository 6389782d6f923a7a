# SPDX-License-Identifier: Apache-2.0
"""Augmentation, sources, examples, recipes and a whole small training run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from myna.audio import dataset, features, files
from myna.audio.config import RATE, AudioConfig
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.frontend.model import load_architecture, load_model
from myna.pretrain import augment, corpus, examples, testset, warp
from myna.pretrain.recipe import Recipe, load_recipe
from myna.pretrain.warp import Warp
from support.lazy import Lazy

run, training = Lazy("myna.pretrain.run"), Lazy("myna.pretrain.training")
MODELS = PROJECT / "models"
LABELS = ("silence", "unknown", "yes", "no")
CONFIG = AudioConfig()
TIME = np.arange(RATE) / RATE


def tone(hz: float, level: float = 6000) -> np.ndarray:
    return np.rint(level * np.sin(2 * np.pi * hz * TIME)).astype(np.int16)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_augmentation_follows_its_generator() -> None:
    noises = [tone(100)[:8000].repeat(6)]
    first, second = (augment.augment(tone(700), noises, generator(4)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, augment.augment(tone(700), noises, generator(5)))
    assert first.dtype == np.int16
    assert len(first) == RATE


@pytest.mark.parametrize("by", [0, 1, 1600, -1, -1600])
def test_shift_moves_and_fills_with_zeros(by: int) -> None:
    sound = np.arange(1.0, RATE + 1)
    moved = augment.shift(sound, by)
    kept = moved[by:] if by >= 0 else moved[:by]
    np.testing.assert_array_equal(kept, sound[: RATE - by] if by >= 0 else sound[-by:])
    assert np.count_nonzero(moved) == RATE - abs(by)


def test_speed_changes_the_pitch_within_its_range() -> None:
    for seed in range(5):
        spectrum = np.abs(np.fft.rfft(augment.change_speed(tone(1000) * 1.0, generator(seed))))
        assert abs(np.argmax(spectrum) / 1000 - 1) <= augment.SPEED + 0.01


def test_colour_stays_within_its_range() -> None:
    flat = np.zeros(RATE)
    flat[0] = 1.0
    for seed in range(5):
        response = 20 * np.log10(np.abs(np.fft.rfft(augment.colour(flat, generator(seed)))))
        assert np.abs(response).max() <= augment.TILT_DB + 1e-6
        assert np.ptp(response) > 1


def test_silence_has_no_word_and_many_levels() -> None:
    levels = [augment.rms(augment.silence(RATE, [], generator(n)) * 1.0) for n in range(200)]
    assert min(levels) == 0
    assert max(levels) > 30 * np.median(levels) > 0


def test_warps_keep_shape_and_follow_their_generator() -> None:
    batch = generator(1).normal(size=(40, 49, 10)).astype(np.float32)
    change = Warp(CONFIG)
    changed = change(batch, generator(2))
    assert changed.shape == batch.shape
    assert changed.dtype == np.float32
    np.testing.assert_array_equal(changed, change(batch, generator(2)))
    assert not np.array_equal(changed, change(batch, generator(3)))


def test_warps_mask_whole_frames() -> None:
    changed = Warp(CONFIG)(np.full((200, 49, 10), 5, np.float32), generator())
    masked = (changed == 0).all(-1)
    assert ((changed == 0).any(-1) == masked).all()
    assert masked.sum(1).max() == warp.MASK
    assert 0.03 < masked.mean() < 0.12


@pytest.mark.parametrize("coefficients", [0, 10])
def test_tract_of_factor_one_changes_nothing(coefficients: int) -> None:
    count = coefficients or CONFIG.mels
    values = {"offset": tuple(range(count)), "multiplier": tuple(range(9000, 9000 + count))}
    config = replace(CONFIG, coefficients=coefficients, **values)
    linear, offset = warp._tract(config, 1.0)
    np.testing.assert_allclose(linear, np.eye(count), atol=1e-9)
    np.testing.assert_allclose(offset, 0, atol=1e-9)


@pytest.mark.parametrize("factor", [0.88, 1.12])
def test_tract_moves_a_tone(factor: float) -> None:
    config = AudioConfig(
        coefficients=0, offset=(60_000_000,) * 40, multiplier=(90_000,) * 40, scale=1 / 32
    )
    linear, offset = warp._tract(config, factor)
    plain, higher = (
        features.extract(config, tone(hz))[20] * config.scale for hz in (1500, 1500 * factor)
    )
    assert np.argmax(plain @ linear + offset) == np.argmax(higher)


def test_place_keeps_the_whole_word() -> None:
    word = tone(500)[100:5000]
    places = {int(np.flatnonzero(augment.place(word, RATE, generator(n)))[0]) for n in range(9)}
    assert len(places) > 5
    assert len(augment.place(np.tile(word, 5), RATE, generator())) == RATE


def test_saturation_is_clean() -> None:
    np.testing.assert_array_equal(augment.to_pcm(np.array([-1e6, 1e6, 0.6])), [-32768, 32767, 1])


@pytest.mark.parametrize(
    ("labels", "word", "label"),
    [
        (LABELS, "yes", 2),
        (LABELS, "cat", 1),
        (("yes", "no"), "no", 1),
        (("yes", "no"), "cat", None),
    ],
)
def test_words_find_their_class(labels: Sequence[str], word: str, label: int | None) -> None:
    assert corpus.label_of(word, labels) == label


def speaker_of(split: str, number: int) -> str:
    names = (f"s{n}" for n in range(10_000))
    return next(islice((name for name in names if dataset.split_of(name) == split), number, None))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three "words" that are tones, said by nine training and three test speakers."""
    root = tmp_path_factory.mktemp("data") / "words"
    for word, hz in (("yes", 500), ("no", 2500), ("cat", 5000)):
        (root / word).mkdir(parents=True)
        for split, speakers in (("train", 9), ("test", 3)):
            for n in range(speakers):
                sound = tone(hz * (1 + n / 100)) * (TIME > 0.2) * (TIME < 0.8)
                noisy = sound + generator(n).normal(0, 20, RATE)
                path = root / word / f"{speaker_of(split, n)}_0.wav"
                files.write_wav(path, np.rint(noisy).astype(np.int16))
    noise = root.parent / "background_noise"
    noise.mkdir()
    for name in ("hum", corpus.HELD_OUT_NOISE):
        recording = np.rint(generator(7).normal(0, 500, 20 * RATE)).astype(np.int16)
        files.write_wav(noise / f"{name}.wav", recording)
    return root


def test_held_out_noise_is_not_trained_on(folder: Path) -> None:
    (noise,) = corpus.training_noises(folder)
    assert len(noise) == 5 * RATE


def test_test_silence_is_fixed_and_of_many_levels(folder: Path) -> None:
    clips = corpus.test_silence(folder, 100)
    np.testing.assert_array_equal(clips, corpus.test_silence(folder, 100))
    levels = clips.astype(float).std(axis=1)
    assert (levels == 0).sum() == 2
    assert levels.max() > 12 * levels[levels > 0].min()


def test_test_set_holds_test_speakers_only(folder: Path, tmp_path: Path) -> None:
    model = replace(load_architecture(MODELS / "kws"), labels=LABELS)
    maps, labels = testset.load_test(folder, model, tmp_path)
    assert Counter(labels.tolist()) == {1: 3, 2: 3, 3: 3}  # a tenth of nine is no silence
    assert maps.shape == (len(labels), *model.input_shape[:2])
    assert len(list(tmp_path.iterdir())) == 1
    again, _ = testset.load_test(folder, model, tmp_path)
    np.testing.assert_array_equal(again, maps)


def test_no_test_speaker_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "yes").mkdir()
    files.write_wav(tmp_path / "yes" / f"{speaker_of('train', 0)}_0.wav", tone(500))
    with pytest.raises(MynaError, match="no recording belongs to a test speaker"):
        corpus.test_clips(tmp_path, LABELS)


def _sources(folder: Path) -> list[corpus.Source]:
    recorded = corpus.recorded(dataset.select(dataset.scan(folder), split="train"), LABELS)
    spoken = [corpus.Source(tone(800)[:6000], 2, "yes", synthetic=True)] * 3
    nothing = [corpus.Source(np.zeros(0, np.int16), 0, corpus.SILENCE)] * 5
    return recorded + spoken + nothing


def test_bank_does_not_depend_on_the_workers(folder: Path) -> None:
    sources = _sources(folder)
    bank = examples.make_bank(CONFIG, sources, [], per_class=20, seed=1)
    assert bank.words == ("cat", "no", "silence", "yes")
    assert bank.recordings == {0: 5, 1: 9, 2: 9, 3: 9}
    assert bank.features.shape == (len(bank.label), 49, 10)
    counts = Counter(zip(bank.label.tolist(), bank.synthetic.tolist(), strict=True))
    assert counts == {(0, False): 20, (1, False): 18, (2, False): 18, (3, False): 18, (2, True): 9}
    alone = examples._variants(CONFIG, [], 1, (0, sources[0], 2))
    np.testing.assert_array_equal(bank.features[:2], alone)


def test_epochs_are_balanced(folder: Path) -> None:
    bank = examples.make_bank(CONFIG, _sources(folder), [], per_class=9, seed=1)
    index = examples.balanced(bank, 40, generator())
    assert Counter(bank.label[index].tolist()) == dict.fromkeys(range(4), 40)
    assert bank.synthetic[index].sum() == round(40 * examples.SYNTHETIC_SHARE)
    sizes = [len(x) for x, _ in examples.batches(bank, CONFIG, 40, 64, generator())]
    assert sizes == [64, 64]


def test_normalisation_centres_the_features(folder: Path) -> None:
    sources = _sources(folder)
    config = examples.fit_normalisation(CONFIG, sources, [], seed=2)
    bank = examples.make_bank(config, sources, [], per_class=60, seed=3)
    of_all = examples.balanced(bank, 60, generator())
    real = bank.features[of_all].reshape(-1, 10) * config.scale
    assert np.abs(real.mean(0)).max() < 0.6
    assert 0.5 < real.std(0).min() < real.std(0).max() < 2


@pytest.mark.parametrize("name", ["kws", "ds_cnn"])
def test_shipped_recipes_are_readable(name: str) -> None:
    assert load_recipe(MODELS / name).synthetic_voices > 0


def test_a_folder_without_recipe_gets_the_default(tmp_path: Path) -> None:
    assert load_recipe(tmp_path) == Recipe()


@pytest.mark.parametrize("text", ["", "[]", '{"speed": 1}', '{"epochs": "ten"}', '{"rate": -1}'])
def test_wrong_recipes_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(MynaError, match="is not a recipe"):
        load_recipe(tmp_path)


@pytest.mark.train
@pytest.mark.parametrize(
    ("words", "labels"),
    [
        (["yes", "no"], ("silence", "unknown", "yes", "no")),
        (["cat", "yes", "no"], ("silence", "cat", "yes", "no")),
    ],
)
def test_words_become_labels(folder: Path, words: list[str], labels: tuple[str, ...]) -> None:
    architecture = load_architecture(MODELS / "kws")
    model = run.with_words(architecture, dataset.scan(folder), words)
    assert model.labels == labels
    assert model.layers[-1].attrs["units"] == len(labels)


@pytest.mark.train
@pytest.mark.parametrize(("words", "message"), [(["dog"], "dog"), (["yes", "yes"], "different")])
def test_impossible_words_are_refused(folder: Path, words: list[str], message: str) -> None:
    architecture = load_architecture(MODELS / "kws")
    with pytest.raises(MynaError, match=message):
        run.with_words(architecture, dataset.scan(folder), words)


@pytest.mark.train
def test_a_teacher_for_other_words_is_refused(folder: Path) -> None:
    pupil = replace(load_architecture(MODELS / "kws"), labels=LABELS)
    with pytest.raises(MynaError, match="teacher has other labels"):
        run.load_teacher(MODELS / "kws", pupil)


@pytest.mark.train
def test_test_speakers_are_held_out_if_others_remain(folder: Path) -> None:
    clips = dataset.scan(folder)
    kept, held_out = run.split_speakers(clips, LABELS)
    assert held_out
    assert len(kept) == 27
    only_test = dataset.select(clips, split="test")
    assert run.split_speakers(only_test, LABELS) == (only_test, False)


@pytest.mark.train
def test_training_learns_to_tell_tones_apart(folder: Path, tmp_path: Path) -> None:
    architecture = tmp_path / "kws"
    architecture.mkdir()
    source = json.loads((MODELS / "ds_cnn" / "architecture.json").read_text("utf-8"))
    narrow = [
        {**layer, "filters": 16} if "filters" in layer else layer for layer in source["layers"]
    ]
    (architecture / "architecture.json").write_text(json.dumps({**source, "layers": narrow}))
    (architecture / "recipe.json").write_text(
        '{"epochs": 4, "per_class": 256, "prepared": 300, "batch": 32}'
    )
    lines: list[str] = []
    out = tmp_path / "tuned"
    result = run.train(architecture, folder, ["yes", "no"], out, seed=1, progress=lines.append)
    assert result.tested == 9
    assert result.accuracy is not None
    assert result.accuracy >= 80
    assert sum(line.startswith("epoch") for line in lines) == 4
    assert load_model(out).labels == LABELS
    again = tmp_path / "taught"
    pupil = run.train(out, folder, None, again, seed=2, epochs=1, teacher=out, progress=str)
    assert pupil.model.labels == LABELS
    with np.load(out / "calibration.npz") as calibration:
        assert set(calibration["labels"]) == {0, 1, 2, 3}


@pytest.mark.train
def test_what_has_no_class_calibrates_nothing(folder: Path, tmp_path: Path) -> None:
    further = corpus.unlabelled(dataset.scan(folder))
    bank = examples.make_bank(CONFIG, _sources(folder) + further, [], per_class=9, seed=1)
    assert corpus.NO_LABEL in bank.label
    run.save_calibration(bank, tmp_path, 1)
    with np.load(tmp_path / "calibration.npz") as calibration:
        assert Counter(calibration["labels"].tolist()) == {0: 5, 1: 9, 2: 9, 3: 9}
        assert len(calibration["features"]) == 32


@pytest.mark.train
def test_a_trained_body_learns_other_words_from_named_speakers(
    folder: Path, tmp_path: Path
) -> None:
    body = MODELS / "ds_cnn"
    named, others = [speaker_of("train", n) for n in range(6)], [speaker_of("test", 0)]
    result = run.retrain_head(body, folder, ["cat", "no"], tmp_path / "own", speakers=named)
    assert (result.accuracy, result.tested) == (None, 0)
    assert result.model.labels == ("silence", "unknown", "cat", "no")
    assert dataset.Heard.load(tmp_path / "own").speakers == tuple(sorted(named))
    old, new = load_model(body), load_model(tmp_path / "own")
    for name, weights in old.weights.items():
        assert np.array_equal(new.weights[name], weights) == (not name.startswith("logits"))
    clips = dataset.select(dataset.scan(folder), speakers=others)
    maps = features.extract(
        AudioConfig.from_json(new.audio), np.array([files.read_clip(c.path) for c in clips])
    )
    found = training.predict(new, maps).argmax(1)
    expected = [corpus.label_of(clip.word, new.labels) for clip in clips]
    assert found.tolist() == expected


@pytest.mark.train
def test_named_speakers_are_all_learned_from(folder: Path) -> None:
    clips = dataset.scan(folder)
    assert run.split_speakers(clips, LABELS, ["somebody"]) == (clips, False)
