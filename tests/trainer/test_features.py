"""Cached features: the runtime's own, and the face at the right time."""

import numpy as np
import pytest

from fmg_rt import arkit, spec
from fmg_rt.features.logmel import log_mel
from fmg_train import features
from fmg_train.config import Augment
from fmg_train.datasets import form
from fmg_train.fit import batches


def test_cache_holds_the_runtimes_features(bursts):
    train, _ = bursts
    features.build(train, with_egemaps=False)
    cache = features.load(train)
    assert len(cache.recordings) == 8 and cache.known.all() and not cache.measured.any()
    first, end = cache.spans[3]
    expected = log_mel(form.read_audio(train, cache.recordings[3]))
    assert np.array_equal(cache.mel[first:end], expected.astype(np.float16))


def test_face_row_is_the_face_at_its_sample():
    # A face whose only value is its own time: row j must read (160 j + 80) / 16000.
    curve = np.zeros((101, arkit.N_COEFFICIENTS), np.float32)
    curve[:, 0] = np.arange(101) / 100 * 0.5
    rows = features.face_rows(form.Face(curve, 50.0, start=0.1), 60)
    times = (160 * np.arange(60) + 80) / spec.SAMPLE_RATE
    assert np.allclose(rows[:, 0], np.maximum(times - 0.1, 0) * 0.25, atol=1e-6)  # 0.005 a frame, 50 a second


@pytest.mark.parametrize("stack", [1, 2])
@pytest.mark.parametrize("lookahead_ms", [0, 50, 100])
def test_target_is_the_face_lookahead_before_the_newest_sample(tmp_path, stack, lookahead_ms):
    seconds, rate = 4.0, 100.0
    curve = np.zeros((int(seconds * rate), arkit.N_COEFFICIENTS), np.float32)
    curve[:, 0] = np.arange(len(curve)) / len(curve)  # the value is the time, over 4 s
    recording = form.write_recording(
        tmp_path,
        "a",
        np.zeros(64_000, np.float32),
        form.Face(curve, rate),
        split="train",
        speaker="s",
        language="en",
        source="x",
        licence="MIT",
    )
    form.write_manifest(tmp_path, [recording])
    features.build(tmp_path, with_egemaps=False)
    cache = features.load(tmp_path)
    pool = batches.Pool([([cache], 1.0)])
    lookahead = np.array([lookahead_ms // 10])
    start = 40
    *_, target, _, _, _ = batches._sequence(cache, start, 100, stack, lookahead, 0, False)
    newest = start + np.arange(stack - 1, 100, stack)
    expected = (160 * newest + 400) / spec.SAMPLE_RATE - lookahead_ms / 1000
    assert np.abs(target[:, 0, 0] * seconds - expected).max() < 0.004  # float16
    batch = pool.draw(np.random.default_rng(0), 3, 100, stack, lookahead)
    assert batch.mel.shape == (3, 100, 80) and batch.target.shape == (3, 100 // stack, 1, 52)
    assert batch.known.shape == (3, 100 // stack, 1, 52) and batch.measured.shape == (3, 100 // stack, 1)


def test_half_of_the_sequences_begin_where_a_recording_begins(tmp_path):
    recordings = []
    for name, level in (("a", 0.1), ("b", 0.2), ("c", 0.3)):
        curve = np.full((400, arkit.N_COEFFICIENTS), level, np.float32)
        curve[:4] = 1.0  # the first 40 ms
        recordings.append(
            form.write_recording(
                tmp_path,
                name,
                np.zeros(64_000, np.float32),
                form.Face(curve, 100.0),
                split="train",
                speaker="s",
                language="en",
                source="x",
                licence="MIT",
            )
        )
    form.write_manifest(tmp_path, recordings)
    features.build(tmp_path, with_egemaps=False)
    pool = batches.Pool([([features.load(tmp_path)], 1.0)])
    first = pool.draw(np.random.default_rng(0), 600, 100, 1, np.array([2])).target[:, :5, 0, 0]  # face of the window's start
    starts = (first[:, 0] == 1.0) & (first[:, 4] < 1.0)
    assert 0.45 < starts.mean() < 0.57
    assert {round(float(v), 1) for v in first[starts, 4]} == {0.1, 0.2, 0.3}


def test_they_begin_with_any_frame_of_a_step(tmp_path):
    curve = np.repeat(np.arange(800, dtype=np.float32)[:, None] / 1000, arkit.N_COEFFICIENTS, 1)
    recording = form.write_recording(
        tmp_path,
        "ramp",
        np.zeros(127_920, np.float32),
        form.Face(curve, 100.0, 0.005),
        split="train",
        speaker="s",
        language="en",
        source="x",
        licence="MIT",
    )
    form.write_manifest(tmp_path, [recording])
    features.build(tmp_path, with_egemaps=False)
    pool = batches.Pool([([features.load(tmp_path)], 1.0)])
    # With this look-ahead the face of the first step is the row of the sequence's first frame.
    begun = pool.draw(np.random.default_rng(0), 800, 100, 2, np.array([3])).target[:, 0, 0, 0] * 1000
    for frame in (0, 1):
        assert 0.2 < np.mean(np.abs(begun - frame) < 0.5) < 0.3


def test_noise_is_mixed_at_the_snr_that_is_drawn(tmp_path):
    rng = np.random.default_rng(0)
    recordings = []
    for name, source, level in (("a", "speech", 0.1), ("b", batches.NOISE, 0.002)):
        audio = (level * rng.standard_normal(64_000)).astype(np.float32)
        face = form.Face(np.zeros((400, arkit.N_COEFFICIENTS), np.float32), 100.0)
        recordings.append(
            form.write_recording(
                tmp_path, name, audio, face, split="train", speaker="s", language="en", source=source, licence="MIT"
            )
        )
    form.write_manifest(tmp_path, recordings)
    features.build(tmp_path, with_egemaps=False)
    cache = features.load(tmp_path)
    noise = batches.Pool([([cache], 1.0)]).noise(rng, 200, 500)  # longer than the recording: it repeats
    first, end = cache.spans[1]
    assert noise.shape == (200, 500, 80)
    assert np.isin(noise[:, 0, 0], cache.mel[first:end, 0].astype(np.float32)).all()

    speech = np.stack([log_mel(form.read_audio(tmp_path, recordings[0]))] * 200)
    mixed = batches.mix(speech, noise[:, : speech.shape[1]], rng)
    # Both are steady and white: noise 0…25 dB below adds 10 lg(1 + 10^(-snr/10)) = 3.0…0.014 dB.
    added = 10 * np.log10(np.exp(mixed).mean((1, 2)) / np.exp(speech).mean((1, 2)))
    assert 2.7 < added.max() < 3.2 and added.min() < 0.05
    expected = np.mean(10 * np.log10(1 + 10 ** (-np.linspace(0, 25, 1000) / 10)))
    assert abs(added.mean() - expected) < 0.1


def test_steady_noise_is_drawn_more_often(tmp_path):
    recordings = []
    for kind, level in (("noise", 0.1), ("tones", 0.001)):
        audio = (level * np.random.default_rng(0).standard_normal(32_000)).astype(np.float32)
        face = form.Face(np.zeros((200, arkit.N_COEFFICIENTS), np.float32), 100.0)
        recordings.append(
            form.write_recording(
                tmp_path,
                kind,
                audio,
                face,
                split="train",
                speaker=f"nonspeech-{kind}",
                language="zxx",
                source=batches.NOISE,
                licence="MIT",
            )
        )
    form.write_manifest(tmp_path, recordings)
    features.build(tmp_path, with_egemaps=False)
    noise = batches.Pool([([features.load(tmp_path)], 1.0)]).noise(np.random.default_rng(0), 2000, 10)
    loud = noise.mean((1, 2)) > noise.mean()
    assert loud.mean() == pytest.approx(batches.STEADY_WEIGHT / (1 + batches.STEADY_WEIGHT), abs=0.03)


def test_a_chosen_sequence_is_noise_before_a_resting_face():
    def batch(value):
        shapes = ((80,), (88,), (1, 52), (1, 52), (1,), (1,))
        return batches.Batch(*(np.full((3, 4, *rest), value, np.float32) for rest in shapes))

    chosen = np.array([True, False, True])
    got = batches.rest(batch(0.5), np.full((3, 4, 80), 7, np.float32), chosen)
    assert (got.mel[chosen] == 7).all() and np.isnan(got.egemaps[chosen]).all() and (got.target[chosen] == 0).all()
    assert (got.known[chosen] == 1).all() and (got.measured[chosen] == 0).all()
    assert (got.spoken[chosen] == 0).all()
    for part in vars(got).values():
        assert part.dtype == np.float32 and (part[~chosen] == 0.5).all()


def test_who_speaks_when():
    phones = [("_", 0.0, 0.5), ("a", 0.5, 1.0), ("_", 1.0, 1.2), ("b", 1.2, 1.6), ("_", 1.6, 3.0), ("c", 3.0, 3.4)]
    spoken = features.spoken_rows("flite", phones, 400)
    assert (spoken[:43] == 0).all() and spoken[49] == -1 and (spoken[55:155] == 1).all(), "a short pause belongs to the speech"
    assert (spoken[170:290] == 0).all() and (spoken[305:335] == 1).all() and (spoken[350:] == 0).all()
    assert (features.spoken_rows("facegood", (), 10) == -1).all(), "without phones nothing is known"
    assert (features.spoken_rows(features.NOISE, (), 10) == 0).all()


def test_data_without_such_recordings_gives_no_noise(bursts):
    features.build(bursts[0], with_egemaps=False)
    assert batches.Pool([([features.load(bursts[0])], 1.0)]).noise(np.random.default_rng(0), 2, 100) is None


def test_egemaps_come_from_the_preceding_window(bursts):
    train, _ = bursts
    features.build(train, with_egemaps=True)
    cache = features.load(train)
    assert cache.windows[0].tolist() == [0, 10]  # 3 s: one every 300 ms
    first, end = cache.spans[1]
    ends = np.arange(first, end)
    vectors = batches._functionals(cache, ends, np.full(len(ends), 1))
    # Log-mel frame 57 comes out with sample 9600: only from there on the runtime hands out functionals.
    assert np.isnan(vectors[:57]).all() and np.array_equal(vectors[57], cache.egemaps[cache.windows[1, 0] + 1])
    assert np.array_equal(vectors[87], cache.egemaps[cache.windows[1, 0] + 2])
    assert features.is_complete(train, with_egemaps=True)


def test_features_are_stale_when_the_data_changes(tmp_path, bursts):
    import os
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(bursts[0], copy)
    features.build(copy, with_egemaps=False)
    assert features.is_complete(copy)
    manifest = copy / form.MANIFEST
    later = manifest.stat().st_mtime_ns + 10**12
    os.utime(manifest, ns=(later, later))
    assert not features.is_complete(copy)
    with pytest.raises(form.DatasetError, match="fmg-train cache"):
        features.load(copy)


def test_cut_features_are_one_line(tmp_path, bursts):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(bursts[0], copy)
    features.build(copy, with_egemaps=False)
    for name in ("mel", "face", "spoken", "egemaps"):
        path = copy / "cache" / f"{name}.npy"
        whole = path.read_bytes()
        for length in (0, 3, 8, 20, 64, 100, 120):
            path.write_bytes(whole[:length])
            with pytest.raises(form.DatasetError, match="damaged features"):
                features.load(copy)
                features.is_complete(copy, with_egemaps=True)
        path.write_bytes(whole)
    features.load(copy)


def test_a_manifest_that_is_no_utf8(tmp_path):
    (tmp_path / form.MANIFEST).write_bytes(b'{"id": "\xff"}\n')
    with pytest.raises(form.DatasetError, match="not a manifest in UTF-8"):
        form.read_manifest(tmp_path)


def test_augment_leaves_the_silent_settings_alone_and_moves_the_rest():
    rng = np.random.default_rng(1)
    mel = rng.standard_normal((4, 10, 80)).astype(np.float32)
    assert np.allclose(batches.augment(mel, rng, Augment(0, 0, 0, 0)), mel, atol=1e-6)
    louder = batches.augment(mel, rng, Augment(gain_db=6, tilt_db=0, eq_db=0, warp_bands=0)) - mel
    assert np.allclose(louder, louder[:, :1, :1], atol=1e-5) and np.abs(louder[:, 0, 0]).std() > 0.1
    assert np.abs(batches.augment(mel, rng, Augment(0, 0, 0, 2.0)) - mel).mean() > 0.05
