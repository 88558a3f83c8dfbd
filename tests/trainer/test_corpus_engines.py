"""Engines: every phone has a transcription, and the labels stand where the sound is. A missing engine is a skip."""

import subprocess
import sys

import numpy as np
import pytest

from fmg_train.corpus import espeak, festival, flite, jtalk, languages, recipe, vtl
from fmg_train.corpus.speech import EngineMissing, Voice, later, levels, move_burst_labels, to_16k, trim
from fmg_train.teacher import SILENCE, to_ipa

RATE = 16_000
VOWELS = tuple("aeiouɑɒæɛɪɔʊəɜɐʌyøœʏɯɨɤɵʉɝɚä")


@pytest.fixture(scope="module")
def engines():
    started: dict[str, object] = {}

    def get(name: str):
        if name not in started:
            try:
                started[name] = (recipe.ENGINES | {"festival": festival.Festival})[name]()
            except EngineMissing as error:
                pytest.skip(str(error))
        return started[name]

    yield get
    for engine in started.values():
        engine.close()


def speak(engine, text, voice):
    try:
        return engine.speak(text, voice, np.random.default_rng(0))
    except EngineMissing as error:
        pytest.skip(str(error))


def openness(ipa: str) -> float:
    """Loudness that a phone is expected to have, 0…1."""
    if ipa == SILENCE or ipa[0] in "ptkqcʔʈ":
        return 0.0
    return 1.0 if ipa.startswith(VOWELS) else 0.75 if ipa[0] in "mnɲŋɴlɫrɹjwʎɾ" else 0.45


def lag(utterances) -> float:
    """How much later the sound is than the labels, s: where the expected loudness fits the measured one best."""
    total = np.zeros(61)
    for u in utterances:
        level = levels(u.audio, 40, 160)
        level = np.clip(level - np.percentile(level, 95), -45, 0)
        time = np.arange(len(level)) * 40 / RATE
        expected = np.zeros(len(level))
        for name, start, end in u.phones:
            expected[(time >= start) & (time < end)] = openness(to_ipa(u.phone_set, name, u.language))
        total += [np.corrcoef(np.roll(expected, s)[40:-40], level[40:-40])[0, 1] for s in range(-30, 31)]
    return (int(np.argmax(total)) - 30) * 40 / RATE


def level_in(u, names: str, first: float, last: float) -> float:
    """Median level, dB below the loudest 5 %, in a part of every phone whose transcription begins with one of `names`."""
    level = levels(u.audio, 40, 160)
    level = level - np.percentile(level, 95)
    values = []
    for name, start, end in u.phones:
        if to_ipa(u.phone_set, name, u.language).startswith(tuple(names)):
            begin, stop = (int((start + share * (end - start)) * RATE / 40) for share in (first, last))
            values.append(level[begin : stop + 1].mean())
    assert values, names
    return float(np.median(values))


EN = "Pat may keep a happy copper puppy. Peter Piper picked a pepper pot, and Bob may tap it to a beat."
JA = "ぱぴぷぺぽ、きょうはさっぱりわからない。たかこさんはたべものをもってきた。"
VOICES = [
    *((("flite", name, "en"), EN) for name in flite.VOICES),
    *((("festival", name, language), EN) for name, (language, *_) in festival.VOICES.items() if language == "en"),
    (("jtalk", "mei", "ja"), JA),
    (("jtalk", "nitech", "ja"), JA),
    (("espeak", "en-us", "en"), EN),
    (("espeak", "de", "de"), "Papa packte die Pakete. Tante Käthe kaufte Pappe."),
    (("espeak", "ja", "ja"), JA),
    (("espeak", "fi", "fi"), "Pappa potki kattoa. Kuka otti pöydältä pipon?"),
]


@pytest.mark.parametrize("which, text", VOICES, ids=lambda value: value[1] if isinstance(value, tuple) else "")
def test_labels_stand_where_the_sound_is(engines, which, text):
    settings = {"variant": 7.0, "range": 50.0} if which[0] == "espeak" else {}
    u = speak(engines(which[0]), text, Voice(*which, settings=settings))
    assert u.audio.dtype == np.float32 and np.abs(u.audio).max() <= 1.1
    assert all(a[2] <= b[1] + 1e-6 for a, b in zip(u.phones, u.phones[1:], strict=False))
    assert 0 <= u.phones[0][1] and u.phones[-1][2] <= len(u.audio) / RATE + 0.03
    assert abs(lag([u])) <= 0.016
    assert level_in(u, VOWELS, 0.25, 0.75) > -10
    assert level_in(u, "ptk", 0.05, 0.45) < -18  # the closure lies inside the stop, not in the phone before


def test_burst_label_moves_back_over_the_silence():
    rng = np.random.default_rng(0)
    audio = np.zeros(RATE, np.float32)
    audio[2000:6000] = 0.3 * rng.standard_normal(4000)
    audio[6800:7600] = 0.2 * rng.standard_normal(800)  # 50 ms of closure before the burst
    phones = [("a", 0.125, 0.425), ("p", 0.425, 0.475)]
    moved = move_burst_labels(phones, audio, lambda name: name == "p")
    assert moved[0][2] == moved[1][1] == pytest.approx(0.375, abs=0.008)
    assert move_burst_labels(phones, audio, lambda name: False) == phones
    voiced = audio + np.where(np.arange(RATE) < 6800, 0.2, 0).astype(np.float32)
    assert move_burst_labels(phones, voiced, lambda name: name == "p") == phones


def test_pieces():
    assert later([("a", 0.0, 0.1)], -0.05) == [("a", 0.0, 0.05)]
    tone = np.sin(2 * np.pi * 500 * np.arange(22050) / 22050)
    assert np.abs(to_16k(tone, 22050)[800:-800] - np.sin(2 * np.pi * 500 * np.arange(16000) / RATE)[800:-800]).max() < 0.02
    audio, phones = trim(
        np.arange(RATE, dtype=np.float32), [("_", 0, 0.5), ("a", 0.5, 0.7), ("_", 0.7, 1.0)], lambda n: n == "_", 0.1
    )
    assert audio[0] == 6400 and len(audio) == pytest.approx(6400, abs=2)
    assert [n for n, *_ in phones] == ["_", "a", "_"] and phones[1][1] == pytest.approx(0.1)


@pytest.mark.parametrize("language", [*recipe.TRAINING_LANGUAGES, *languages.HELD_OUT])
def test_every_phone_of_espeak_has_a_transcription(engines, language):
    engine, rng = engines("espeak"), np.random.default_rng(3)
    texts, seen = recipe.texts(language, "train", "espeak"), set()
    for _ in range(12):
        u = speak(engine, texts.sentence(rng), engine.draw(language, rng))
        seen |= {to_ipa(u.phone_set, name, language) for name, *_ in u.phones}
    assert len(seen) > 8


@pytest.mark.parametrize("name, language", [("flite", "en"), ("festival", "ru"), ("jtalk", "ja")])
def test_every_phone_of_the_others_has_a_transcription(engines, name, language):
    engine, rng = engines(name), np.random.default_rng(4)
    texts = recipe.texts(language, "train", name)
    for _ in range(4):
        u = speak(engine, texts.sentence(rng), engine.draw(language, rng))
        assert all(to_ipa(u.phone_set, phone, language) for phone, *_ in u.phones)


def test_held_out_voices_are_never_drawn(engines):
    rng = np.random.default_rng(0)
    assert {engines("flite").draw("en", rng).name for _ in range(200)} == set(flite.VOICES) - {flite.HELD_OUT}
    assert {engines("jtalk").draw("ja", rng).name for _ in range(50)} == {"mei"} and jtalk.HELD_OUT == "nitech"
    assert not set(languages.HELD_OUT) & set(recipe.TRAINING_LANGUAGES)
    assert "festival" not in recipe.ENGINES


def test_geminates_are_held_stops(engines):
    u = speak(engines("jtalk"), "さっぱり", Voice("jtalk", "mei", "ja"))
    names = [name for name, *_ in u.phones]
    assert "cl" not in names and "p" in names
    start, end = next((s, e) for n, s, e in u.phones if n == "p")
    assert end - start > 0.11


def test_espeak_variants_differ_and_are_reproducible_from_a_fresh_process():
    program = (
        "import hashlib, numpy as np\nfrom fmg_train.corpus.espeak import Espeak\ne = Espeak()\n"
        "for s in (1, 2):\n v = e.draw('en', np.random.default_rng(s))\n"
        " print(hashlib.sha256(e.speak('Happy people', v, None).audio.tobytes()).hexdigest())\ne.close()\n"
    )
    if espeak.ctypes.util.find_library("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
        for _ in range(2)
    ]
    assert runs[0] == runs[1] and runs[0][0] != runs[0][1]


def test_vocaltractlab_closes_its_lips_at_p_and_opens_at_a(tmp_path):
    pytest.importorskip("vocaltractlab_cython")
    sequence = vtl.segments([("a", 0, 0.15), ("p", 0.15, 0.27), ("a", 0.27, 0.45), ("tʃ", 0.45, 0.57), ("uː", 0.57, 0.75)])
    assert [name for name, *_ in sequence] == ["", "a", "p", "a", "tS", "u:", ""]
    item = vtl.item(sequence, tmp_path)
    span = {name: slice(int(s * 100), int(e * 100) + 1) for name, s, e in sequence if name}
    assert np.nanmin(item.aperture[span["p"]]) == 0
    assert np.nanmax(item.aperture[span["a"]]) > 0.5
    assert np.isnan(item.aperture[:5]).all() and len(item.aperture) == len(item.face)
    with pytest.raises(ValueError, match="ǃ"):
        vtl.segments([("ǃ", 0, 0.1)])


def test_phonation_changes_the_voice_and_not_the_articulation():
    score = (
        '<gesture_sequence type="vowel-gestures" unit=""><gesture value="a" slope="0"/></gesture_sequence>'
        '<gesture_sequence type="glottal-shape-gestures" unit=""><gesture value="modal" slope="0"/>'
        '<gesture value="voiced-plosive" slope="0"/></gesture_sequence>'
        '<gesture_sequence type="f0-gestures" unit="st"><gesture value="80.0" slope="0"/></gesture_sequence>'
        '<gesture_sequence type="lung-pressure-gestures" unit="dPa"><gesture value="8000.0" slope="0"/>'
        "</gesture_sequence>"
    )
    assert vtl._phonate(score, vtl.Phonation(3.0, 1.25, "pressed")) == (
        score.replace("80.0", "83.000000").replace("8000.0", "10000.000000").replace("modal", "pressed")
    )


def test_vocaltractlab_for_training_shows_its_own_lips():
    pytest.importorskip("vocaltractlab_cython")
    if espeak.ctypes.util.find_library("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    # In a process of its own: eSpeak starts once a process.
    program = (
        "import numpy as np\nfrom fmg_train.evaluate import scores\nfrom fmg_train.corpus import vtl\n"
        "from fmg_train.teacher import measured\n"
        "(split, clean), (_, copied), (_, other) = vtl.training(1, 1, 0.2)\nknown = np.isfinite(clean.aperture)\n"
        "lips = measured.aperture_from_vocaltractlab(clean.aperture[known])\n"
        "r = np.corrcoef(scores.aperture(clean.face)[known], lips)[0, 1]\n"
        "print(split, known.sum(), np.ptp(lips), r,\n"
        "      *(copy.aperture is not None and len(copy.audio) for copy in (copied, other)))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    split, known, opening, r, *copies = result.stdout.split()
    assert split == "train" and int(known) > 50 and float(opening) > 0.2 and float(r) > 0.97
    assert len(copies) == 2 and all(int(samples) > 16_000 for samples in copies)
