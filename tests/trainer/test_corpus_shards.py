"""The corpus on disk: complete, the same whatever the jobs, taken up again where it stopped; real recordings."""

import ctypes.util
import json
import os
import shutil

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from fmg_rt import architectures, arkit, spec
from fmg_train.cli.corpus import corpus
from fmg_train.corpus import english, holdouts, items, japanese, languages, real, recipe, shards, validation, vtl
from fmg_train.corpus.speech import EngineMissing
from fmg_train.datasets import form
from fmg_train.teacher import measured

needs_espeak = pytest.mark.skipif(ctypes.util.find_library("espeak-ng") is None, reason="espeak-ng is not installed")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Short shards, no test sets, none to choose by, no vocal tract."""
    monkeypatch.setattr(shards, "SHARD_SECONDS", 12.0)
    monkeypatch.setattr(holdouts, "jobs", list)
    monkeypatch.setattr(validation, "jobs", lambda recordings: [])
    monkeypatch.setattr(vtl, "training", missing_engine)
    monkeypatch.setattr(japanese, "lexicon", lambda: {k: [(w, "") for w in v.split()] for k, v in japanese._FALLBACK.items()})


def run(directory, *options):
    return CliRunner().invoke(corpus, ["--out", str(directory), "--hours", "0.007", "--languages", "de,fi", *options])


def hashes(directory):
    return {
        f"{shard.name}/{r.id}": (r.audio_sha256, r.face_sha256)
        for shard in form.shards(directory)
        for r in form.read_manifest(shard)
    }


@needs_espeak
def test_same_seed_same_corpus_whatever_the_jobs_and_it_goes_on(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    assert run(one, "--jobs", "1").exit_code == 0
    assert run(two, "--jobs", "2").exit_code == 0
    first = hashes(one)
    assert first == hashes(two)
    assert [shard.name for shard in form.shards(one)] == ["shard-00000", "shard-00001", "val"]
    # A half-written shard is made again, a finished one is left alone.
    (one / "shard-00001" / form.MANIFEST).unlink()
    (one / "shard-00001" / "audio" / "99999.flac").write_bytes(b"half")
    untouched = (one / "shard-00000" / form.MANIFEST).stat().st_mtime_ns
    assert run(one).exit_code == 0
    assert hashes(one) == first
    assert not (one / "shard-00001" / "audio" / "99999.flac").exists()
    assert (one / "shard-00000" / form.MANIFEST).stat().st_mtime_ns == untouched
    other = run(one, "--seed", "2")
    assert other.exit_code == 1 and "another seed" in other.output and "Traceback" not in other.output


@needs_espeak
def test_shards_are_valid_data_sets_with_resting_faces_at_non_speech(tmp_path):
    assert run(tmp_path).exit_code == 0
    resting, speaking = 0, 0
    for shard in form.shards(tmp_path):
        split = "val" if shard.name == "val" else "train"
        for recording in form.read_manifest(shard):
            face, audio = form.read_face(shard, recording), form.read_audio(shard, recording)
            assert recording.split == split and recording.licence
            assert len(face.coefficients) == round(len(audio) / 160)
            if recording.source == "nonspeech":
                resting += 1
                assert face.coefficients.max() == 0 and not face.phones
            else:
                speaking += 1
                assert recording.language in ("de", "fi")
                assert face.coefficients[:, arkit.INDEX["jawOpen"]].max() > 0.05
                assert face.phones[-1][2] == pytest.approx(recording.seconds, abs=0.05)
    assert resting and speaking


def test_words_of_the_validation_are_not_those_of_training():
    for make in (english.English, lambda part: languages.Language("es", part)):
        train, val = make("train")._words, make("val")._words
        if len(train) > 1000:
            assert not set(train) & set(val) and 0.01 < len(val) / len(train) < 0.04


def test_shares_and_unknown_language():
    shares = recipe.language_shares(recipe.TRAINING_LANGUAGES)
    assert sum(shares.values()) == pytest.approx(1) and shares["en"] > shares["ja"] > max(
        share for name, share in shares.items() if name not in ("en", "ja")
    )
    assert len(shares) >= 14
    result = CliRunner().invoke(corpus, ["--out", "x", "--languages", "en,xx"])
    assert result.exit_code == 2 and "'xx'" in result.output


def test_every_mora_is_said():
    rng = np.random.default_rng(0)
    text = "".join(japanese.nonsense(rng) for _ in range(2000))
    assert all(mora in text for mora in japanese.MORAE)


def missing_engine(*_):
    raise EngineMissing("not here")
    yield


def test_a_missing_engine_leaves_out_its_test_set_and_stops_a_shard(tmp_path):
    assert shards.run(tmp_path, shards.Job("test-x", missing_engine, ())) is None
    assert not (tmp_path / "test-x").exists()
    with pytest.raises(EngineMissing):
        shards.run(tmp_path, shards.Job("shard-00000", missing_engine, ()))


def make_recordings(directory):
    """A folder in the form of the real recordings: tones with phones, lips for GRID's."""
    rng = np.random.default_rng(0)
    lines, clip, t, opening = [], [], [], []
    plan = [("grid_s1", f"g{i:02d}", "grid_s1", [["SIL", 0, 0.3], ["AA", 0.3, 0.7], ["B", 0.7, 1.0]]) for i in range(20)]
    plan += [
        ("emodb", f"{actor}a01{letter}a", f"emodb_{actor}", [[".", 0, 0.3], ["a", 0.3, 1.0]] if letter != "L" else [])
        for actor in ("08", "09")
        for letter in "WLEAFTN"
    ]
    for source, name, speaker, phones in plan:
        path = directory / source / f"{name}.ogg"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * rng.standard_normal(16000), 16000)
        lines.append(
            json.dumps(
                {
                    "file": f"{source}/{name}.ogg",
                    "source": source,
                    "speaker": speaker,
                    "lang": "en",
                    "seconds": 1.0,
                    "licence": "none",
                    "label_kind": "x",
                    "phones": phones,
                }
            )
        )
        if source == "grid_s1":
            clip += [name] * 25
            t += list(np.arange(25) / 25)
            opening += list(np.where((np.arange(25) > 8) & (np.arange(25) < 17), 0.1, 0.0))
    (directory / "manifest.jsonl").write_text("\n".join(lines))
    np.savez(
        directory / "grid_s1_face.npz", clip=np.array(clip), t=np.array(t, np.float32), open_inner=np.array(opening, np.float32)
    )


@needs_espeak
def test_sets_to_choose_by_are_clean_sentences_and_the_same_kind_in_other_voices(tmp_path):
    def make(folder, changed=False):
        job = shards.Job("val-some", validation.spoken, ("espeak", ("de", "en"), 2, 0, changed))
        assert [seconds > 3.0 for _, seconds in shards.generate(tmp_path / folder, [job], 1)] == [True]
        return form.read_manifest(tmp_path / folder / "val-some")

    plain, again, changed = make("plain"), make("again"), make("changed", True)
    assert [(r.split, r.language, r.augmented) for r in plain] == [("val", name, False) for name in ("de", "de", "en", "en")]
    assert [r.audio_sha256 for r in plain] == [r.audio_sha256 for r in again]
    assert [(r.split, r.language, r.augmented) for r in changed] == [(r.split, r.language, True) for r in plain]


def test_measured_sentences_to_choose_by_keep_their_lips_in_other_voices(tmp_path):
    make_recordings(tmp_path)
    found = list(validation.measured(tmp_path))
    assert len(found) == validation.VOICES  # of the twenty, one is for validation
    assert len({len(item.audio) for _, item in found}) == len(found)  # each at a tape speed of its own
    for split, item in found:
        assert split == "val" and item.augmented
        assert len(item.face) == len(item.aperture) == round(len(item.audio) / spec.SAMPLE_RATE * items.FACE_RATE)
        shown, lips = aperture(item.face), measured.aperture_from_grid(item.aperture)
        inside = np.isfinite(lips)
        assert inside.sum() > 50 and np.abs(shown - lips)[inside].max() < 0.03 and lips[inside].max() > 0.2


def test_corpus_has_the_sets_to_choose_by(tmp_path, monkeypatch):
    monkeypatch.undo()
    names = [job.name for job in shards.plan(1.0, 1, ("en",), None, 4)]
    assert {"val", "val-en", "val-en-changed", "val-ja", "val-ja-changed", "val-languages"} <= set(names)
    assert "val-grid-changed" not in names and "val-grid-changed" in [
        job.name for job in shards.plan(1.0, 1, ("en",), tmp_path, 4)
    ]


def aperture(face):
    def mean(name):
        return (face[:, arkit.INDEX[f"{name}Left"]] + face[:, arkit.INDEX[f"{name}Right"]]) / 2

    def one(name):
        return face[:, arkit.INDEX[name]]

    return np.maximum(
        0,
        one("jawOpen")
        - one("mouthClose")
        + 0.4 * mean("mouthLowerDown")
        + 0.3 * mean("mouthUpperUp")
        + 0.2 * one("mouthFunnel")
        - 0.2 * (one("mouthRollLower") + one("mouthRollUpper"))
        - 0.2 * mean("mouthPress"),
    )


def test_real_recordings_with_measured_lips_splits_and_copies(tmp_path):
    make_recordings(tmp_path)
    made = list(real.items(tmp_path, "grid_s1", 1, 2))
    by_split = {split: [item for s, item in made if s == split] for split in form.SPLITS}
    assert len(by_split["test"]) == 2 and len(by_split["val"]) == 1 and len(by_split["train"]) == 17 * 5
    assert [item.augmented for item in by_split["train"][:6]] == [False, True, True, True, True, False]
    assert measured.is_grid_test(9) and measured.is_grid_test(19)
    for _, item in made:
        known = np.isfinite(item.aperture)
        assert len(item.aperture) == len(item.face)
        wanted = measured.aperture_from_grid(item.aperture[known])
        assert np.abs(aperture(item.face[known]) - wanted).max() < 0.03
    longest = {len(item.audio) for item in by_split["test"]}
    assert longest == {16000}


def test_emotions_are_in_the_name_and_two_actors_are_held_out(tmp_path):
    make_recordings(tmp_path)
    made = list(real.items(tmp_path, "emodb", 1, 0))
    assert not any(item.augmented for _, item in made)
    assert {item.speaker for split, item in made if split == "test"} == {"emodb_09"} <= set(real.EMODB_TEST)
    assert {item.emotion for _, item in made} == set(architectures.EMOTIONS)
    for _, item in made:  # boredom has no labels here: its emotion is known, its face is not
        assert item.known.all() == (item.emotion != "boredom") and item.known.any() == item.known.all()


def test_voices_with_an_emotion_are_also_heard_at_other_tape_speeds(tmp_path):
    make_recordings(tmp_path)
    made = [item for split, item in real.items(tmp_path, "emodb", 1, 1) if split == "train"]
    assert len(made) == 7 * (1 + 1 + len(real.TAPE_SPEEDS))
    lengths = [len(item.audio) / 16000 for item in made[2:6]]
    assert lengths == pytest.approx([1 / factor for factor in real.TAPE_SPEEDS], abs=0.001)
    assert all(item.augmented and item.emotion == made[0].emotion for item in made[1:6])


def test_recordings_of_many_speakers_are_split_by_speaker():
    entries = [{"file": f"{i}", "speaker": f"s{i % 60:02d}"} for i in range(120)]
    split = real.splits("librispeech", entries)
    speakers = {s: {e["speaker"] for e, name in zip(entries, split, strict=True) if name == s} for s in form.SPLITS}
    assert len(speakers["test"]) == 20 and len(speakers["val"]) == 10
    assert not speakers["test"] & speakers["train"] and not speakers["val"] & speakers["train"]


def test_a_bad_folder_of_recordings_is_one_clear_line(tmp_path):
    for prepare in (lambda: None, lambda: (tmp_path / "manifest.jsonl").write_text("{")):
        prepare()
        result = CliRunner().invoke(corpus, ["--out", str(tmp_path / "out"), "--real", str(tmp_path), "--hours", "0.001"])
        assert result.exit_code == 1 and "manifest.jsonl" in result.output and "Traceback" not in result.output
        assert not form.shards(tmp_path / "out")
        shutil.rmtree(tmp_path / "out", ignore_errors=True)


def test_silence_between_sentences_is_part_of_the_phones():
    u = items.Utterance(np.full(1600, 0.1, np.float32), [("aa", 0.0, 0.1)], "arpabet", "s", "en", "l")
    audio, phones = items.join([u, u], [0.2, 0.3, 0.1])
    assert len(audio) == 16000 * 0.8
    assert [name for name, *_ in phones] == ["_", "ɑ", "_", "ɑ", "_"]
    assert [round(start, 3) for _, start, _ in phones] == [0.0, 0.2, 0.3, 0.6, 0.7]


def die():
    os._exit(3)
    yield


def test_a_dying_engine_is_an_error_that_names_the_set(tmp_path):
    with pytest.raises(form.DatasetError, match="shard-00007.*exit code 3"):
        list(shards.generate(tmp_path, [shards.Job("shard-00007", die, ())], 1))
