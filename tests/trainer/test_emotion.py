"""The emotion read-out on made-up voices whose moods are known, and on real functionals of made-up sounds."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fmg_rt import architectures, spec, weights
from fmg_rt.egemaps import FEATURE_NAMES
from fmg_rt.networks.emotion import EmotionReadout
from fmg_train import emotion
from fmg_train.features import NOISE, Cache

N_CLASSES = len(architectures.EMOTIONS)
FEATURE = {name: i for i, name in enumerate(FEATURE_NAMES)}


def _examples(n: int, seed: int, feature: int | None = None, size: float = 3.0) -> emotion.Examples:
    """`n` windows, two a recording. Each class has a place of its own; or only its arousal shows, in one feature."""
    rng = np.random.default_rng(seed)
    classes = np.repeat(np.arange(n // 2) % N_CLASSES, 2)
    features = rng.standard_normal((n, spec.N_EGEMAPS))
    if feature is None:
        features += size * np.random.default_rng(1).standard_normal((N_CLASSES, spec.N_EGEMAPS))[classes]
    else:
        features[:, feature] += size * np.array([emotion.AROUSAL[name] for name in architectures.EMOTIONS])[classes]
    scale, offset = 10.0 ** rng.uniform(-2, 2, spec.N_EGEMAPS), rng.uniform(-5, 5, spec.N_EGEMAPS)
    return emotion.Examples(features * scale + offset, classes, np.repeat(np.arange(n // 2), 2), np.zeros(n, bool))


def _split(data: emotion.Examples, n: int) -> tuple[emotion.Examples, emotion.Examples]:
    parts = (slice(None, n), slice(n, None))
    first, second = (emotion.Examples(data.features[p], data.emotion[p], data.recording[p], data.augmented[p]) for p in parts)
    return first, second


def test_it_learns_moods_that_the_features_show():
    learnt, unseen = _split(_examples(420, 0), 280)
    arousal, classes = emotion.accuracy(unseen, emotion.train(learnt))
    assert arousal > 0.95
    assert classes > 0.95


def test_a_weight_file_can_hold_it():
    readout = emotion.train(_examples(140, 0))
    assert {"emotion.weight": readout.weight.shape, "emotion.bias": readout.bias.shape} == architectures.EMOTION_TENSORS
    for array in (readout.mean, readout.std, readout.weight, readout.bias):
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        assert np.isfinite(array).all()


def test_the_loss_is_at_its_least():
    """The loss written down once more, in float64, is flat at the result, measured by its slope at zero weights.

    In it every recording weighs the same within its class, however many windows it has, but an augmented copy a quarter.
    """
    data = _examples(140, 3, size=0.5)
    kept = np.flatnonzero((np.arange(140) % 2 == 0) | (np.arange(140) % 6 == 1))
    data = emotion.Examples(data.features[kept], data.emotion[kept], data.recording[kept], data.recording[kept] % 3 == 0)
    readout = emotion.train(data)
    x = np.clip((data.features - data.features.mean(0)) / data.features.std(0), -5, 5)
    share = np.where(data.augmented, 1.0, 4.0) / [np.sum(data.recording == origin) for origin in data.recording]
    share /= N_CLASSES * np.array([share[data.emotion == mood].sum() for mood in data.emotion])
    names = [architectures.EMOTIONS[mood] for mood in data.emotion]
    affect = np.array([[emotion.AROUSAL[name], emotion.VALENCE[name]] for name in names])

    def loss(w: np.ndarray, b: np.ndarray) -> float:
        z = x @ w.T + b
        likelihood = np.exp(z[np.arange(len(x)), data.emotion]) / np.exp(z[:, :N_CLASSES]).sum(1)
        felt = ((np.tanh(z[:, N_CLASSES:]) - affect) ** 2).sum(1)
        return float(share @ (felt - np.log(likelihood))) + 0.01 * np.sum(w**2)

    def slopes(w: np.ndarray, b: np.ndarray) -> np.ndarray:
        found = []
        for place in np.argwhere(emotion.HEARD)[::7]:
            step = np.zeros_like(w)
            step[tuple(place)] = 1e-4
            found.append((loss(w + step, b) - loss(w - step, b)) / 2e-4)
        return np.array(found)

    w, b = readout.weight.astype(float), readout.bias.astype(float)
    at_zero = np.abs(slopes(np.zeros_like(w), np.zeros_like(b))).max()
    assert np.abs(slopes(w, b)).max() < 0.001 * at_zero


def test_every_class_weighs_the_same():
    """Where the features say nothing, no class is likelier for being frequent and the mood is the classes' mean."""
    moods = np.repeat(np.arange(N_CLASSES), [40, 3, 5, 1, 9, 20, 2])
    silent = emotion.Examples(np.ones((len(moods), spec.N_EGEMAPS)), moods, np.arange(len(moods)), np.zeros(len(moods), bool))
    bias = emotion.train(silent).bias
    np.testing.assert_allclose(bias[:N_CLASSES], bias[0], atol=1e-3)
    means = [np.mean(list(table.values())) for table in (emotion.AROUSAL, emotion.VALENCE)]
    np.testing.assert_allclose(np.tanh(bias[N_CLASSES:]), means, atol=1e-3)


def test_level_and_timbre_are_told_by_name():
    level = {name for name, is_level in zip(FEATURE_NAMES, emotion.LEVEL, strict=True) if is_level}
    assert level == {
        "loudness_sma3_amean",
        "loudness_sma3_percentile20.0",
        "loudness_sma3_percentile50.0",
        "loudness_sma3_percentile80.0",
        "loudness_sma3_pctlrange0-2",
        "loudness_sma3_meanRisingSlope",
        "loudness_sma3_stddevRisingSlope",
        "loudness_sma3_meanFallingSlope",
        "loudness_sma3_stddevFallingSlope",
        "spectralFlux_sma3_amean",
        "spectralFluxV_sma3nz_amean",
        "spectralFluxUV_sma3nz_amean",
        "equivalentSoundLevel_dBp",
    }
    assert [name for name, is_timbre in zip(FEATURE_NAMES, emotion.TIMBRE, strict=True) if is_timbre] == [
        name for name in FEATURE_NAMES if "mfcc" in name
    ]


@pytest.mark.parametrize("name", ["loudness_sma3_amean", "mfcc2_sma3_amean"])
def test_arousal_does_not_hear_level_or_timbre(name):
    data = _examples(280, 6, FEATURE[name])
    readout = emotion.train(data)
    assert not readout.weight[-2, FEATURE[name]]
    assert np.abs(readout.weight[:N_CLASSES, FEATURE[name]]).max() > 0.1
    # The same mood in a feature that is heard is found.
    heard, unseen = _split(_examples(560, 6, FEATURE["F0semitoneFrom27.5Hz_sma3nz_amean"]), 280)
    assert emotion.accuracy(unseen, emotion.train(heard))[0] > 0.85 > emotion.accuracy(data, readout)[0]


def _voice(gain: float = 1.0) -> np.ndarray:
    """Three seconds of a gliding harmonic sound in syllables, with a little breath."""
    rng = np.random.default_rng(8)
    t = np.arange(3 * spec.SAMPLE_RATE) / spec.SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(140 + 30 * np.sin(2 * np.pi * 0.7 * t)) / spec.SAMPLE_RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 25)) + 0.02 * rng.standard_normal(len(t))
    return (gain * 0.1 * sound * (0.1 + np.clip(np.sin(2 * np.pi * 3 * t), 0, 1))).astype(np.float32)


def test_what_grows_with_the_gain_is_level():
    from fmg_rt.egemaps import egemaps

    quiet, loud = (egemaps(_voice(gain))[-1].astype(float) for gain in (0.5, 2.0))
    moved = np.abs(loud - quiet) / (0.5 * np.abs(loud + quiet) + 1e-3)
    # Spectral slopes, by openSMILE's definition, move a little with the gain; they tell moods all the same.
    slope = np.array([name.startswith("slope") for name in FEATURE_NAMES])
    assert moved[~emotion.LEVEL & ~slope].max() < 0.1
    # What this voice does not have, an unvoiced part, is zero at any gain.
    present = emotion.LEVEL & (quiet != 0)
    assert present.sum() == emotion.LEVEL.sum() - 1
    assert moved[present].min() > 0.4


def _cache(
    n_windows: list[int], moods: list[str | None], splits: list[str], augmented: bool = False, source: str = "read"
) -> Cache:
    ends = np.cumsum(n_windows)
    windows = np.stack([ends - n_windows, ends], axis=1)
    egemaps = np.repeat(np.arange(ends[-1], dtype=np.float32)[:, None], spec.N_EGEMAPS, axis=1)
    recordings = tuple(
        SimpleNamespace(emotion=m, split=s, augmented=augmented, source=source) for m, s in zip(moods, splits, strict=True)
    )
    nothing = np.empty(0)
    return Cache(nothing, nothing, egemaps, nothing, windows, recordings, nothing, nothing, nothing)


def test_examples_are_the_windows_with_a_second_of_speech():
    cache = _cache([6, 5, 5, 2], ["joy", None, "anger", "fear"], ["train", "train", "test", "train"])
    learnt = emotion.examples([cache], "train")
    # Window 3 is the first that ends after a second; a recording shorter than that gives its last one.
    np.testing.assert_array_equal(learnt.features[:, 0], [3, 4, 5, 17])
    assert [architectures.EMOTIONS[i] for i in learnt.emotion] == ["joy"] * 3 + ["fear"]
    assert len(set(learnt.recording)) == 2 and not learnt.augmented.any()
    assert emotion.examples([_cache([4], ["joy"], ["train"], augmented=True)], "train").augmented.all()
    held_out = emotion.examples([cache, cache], "test", last_only=True)
    np.testing.assert_array_equal(held_out.features[:, 0], [15, 15])
    assert len(set(held_out.recording)) == 2


def test_calm_speech_is_neutral_and_no_set_outweighs_the_others():
    read = _cache([6, 5, 4], [None, "anger", None], ["train", "train", "test"])
    calm = emotion.calm_examples([read, _cache([6], [None], ["train"], source=NOISE)])
    np.testing.assert_array_equal(calm.features[:, 0], [3, 4, 5])
    assert {architectures.EMOTIONS[i] for i in calm.emotion} == {"neutral"}
    n = 2 * emotion.CALM_RECORDINGS + 7
    many = emotion.calm_examples([_cache([4] * n, [None] * n, ["train"] * n), read])
    assert emotion.CALM_RECORDINGS / 2 < len(set(many.recording)) - 1 <= emotion.CALM_RECORDINGS
    # Spread from the first to nearly the last of the large set, whose windows are numbered on.
    large = many.features[:-3, 0]
    assert large[0] == 3 and large[-1] > 4 * (n - 4) and len(set(np.diff(large))) == 1


def test_an_export_learns_from_every_calm_set(monkeypatch):
    from fmg_train.commands import export

    sets = {
        "moods": _cache([6, 6], ["joy", "anger"], ["train", "train"]),
        "one": _cache([4], [None], ["train"]),
        "two": _cache([5], [None], ["train"]),
    }
    monkeypatch.setattr(export, "_caches", lambda folder: [sets[folder.name]])
    learnt, train = [], emotion.train
    monkeypatch.setattr(emotion, "train", lambda data: learnt.append(data) or train(data))
    packaged = weights.read(weights.packaged())
    export._with_emotion(packaged, Path("moods"), (Path("one"), Path("two")))
    moods = [architectures.EMOTIONS[i] for i in learnt[0].emotion]
    assert (moods.count("joy"), moods.count("anger"), moods.count("neutral")) == (3, 3, 3)
    assert len(set(learnt[0].recording)) == 4


def test_no_recording_with_a_mood_gives_no_example():
    assert len(emotion.examples([_cache([3], [None], ["train"])], "train").emotion) == 0
    assert len(emotion.examples([], "train").emotion) == 0


def test_accuracy_counts_one_decision_an_example():
    weight = np.zeros((N_CLASSES + 2, spec.N_EGEMAPS), np.float32)
    bias = np.zeros(N_CLASSES + 2, np.float32)
    bias[architectures.EMOTIONS.index("joy")] = 1.0
    weight[N_CLASSES, 0] = 1.0
    readout = emotion.Readout(np.zeros(88, np.float32), np.ones(88, np.float32), weight, bias)
    features = np.zeros((4, spec.N_EGEMAPS))
    features[:, 0] = (1, -1, -1, 1)
    moods = [architectures.EMOTIONS.index(name) for name in ("joy", "joy", "sadness", "disgust")]
    assert emotion.accuracy(emotion.Examples(features, np.array(moods), np.arange(4), np.zeros(4, bool)), readout) == (0.5, 0.5)


def test_standardise_is_what_the_runtime_does():
    """Both read the same voices the same way, up to float32: standardised, weighed, seven classes, arousal, valence."""
    rng = np.random.default_rng(9)
    features = (3 * rng.standard_normal((5, spec.N_EGEMAPS))).astype(np.float32)
    mean, std = rng.standard_normal((2, spec.N_EGEMAPS)).astype(np.float32)
    weight = (0.1 * rng.standard_normal((N_CLASSES + 2, spec.N_EGEMAPS))).astype(np.float32)
    bias = rng.standard_normal(N_CLASSES + 2).astype(np.float32)
    learnt = emotion.Readout(mean, np.abs(std), weight, bias)
    read = EmotionReadout(SimpleNamespace(egemaps_mean=mean, egemaps_std=np.abs(std), emotion={"weight": weight, "bias": bias}))
    for row, standardised in zip(features, emotion.standardise(features, learnt), strict=True):
        assert (np.abs(standardised) <= spec.EGEMAPS_LIMIT).all() and len(np.unique(standardised)) > 20
        scores = weight @ standardised + bias
        feeling = read(row, seconds=0.0)  # no speech yet: nothing is known about the speaker
        expected = np.exp(scores[:N_CLASSES]) / np.exp(scores[:N_CLASSES]).sum()
        np.testing.assert_allclose(feeling.classes, expected, rtol=1e-4)
        np.testing.assert_allclose((feeling.arousal, feeling.valence), np.tanh(scores[N_CLASSES:]), rtol=1e-4, atol=1e-5)
