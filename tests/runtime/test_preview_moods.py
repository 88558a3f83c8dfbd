"""What a viewer sees of an emotion: a rule on pixels of the preview's face tells seven moods apart while the face speaks."""

from importlib import resources

import browser
import numpy as np
import pytest
import soundfile

from fmg_rt import Session, arkit
from fmg_rt.expression import ExpressionSettings
from fmg_rt.preview import Controls, Preview

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not browser.CHROMIUM, reason="Chromium is not installed")]

MOODS = ("joy", "anger", "sadness", "fear", "disgust", "surprise", "calm")
WIDTH, HEIGHT = 120, 140
SEEN, NEW = range(45, 150, 5), range(180, 285, 7)
"""Frames, at 30 Hz, of the packaged clip that the rule learns from, and those of later words that it is asked about."""


def spoken(mood):
    """(frames, 52) of the packaged clip with a mood chosen at 1."""
    audio, rate = soundfile.read(resources.files("fmg_weights") / "demo.flac", dtype="float32")
    settings = ExpressionSettings(emotion={mood: 1.0} if mood else {}, blink=False, gaze=False)
    session = Session(settings=settings, sample_rate=rate, egemaps=False)
    return np.array([frame.coefficients for frame in session.push(audio) + session.flush()])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Mood, "" for none → (frames of SEEN and NEW, HEIGHT, WIDTH, 3) float32 in [0, 255]."""
    controls = Controls(
        settings=ExpressionSettings(), update=lambda _: None, devices=list, device="", choose=lambda _: None, quit=lambda: None
    )
    preview = Preview(0, controls)
    drawn = {}
    try:
        with browser.chromium(tmp_path_factory.mktemp("chromium")) as page:
            page.open(preview.url, "document.querySelectorAll('#bars b').length === 52")
            for mood in ("", *MOODS):
                faces = spoken(mood)[[*SEEN, *NEW]]
                poses = [dict(zip(arkit.ARKIT_NAMES, map(float, face.round(4)), strict=True)) for face in faces]
                drawn[mood] = browser.drawings(page, poses, WIDTH, HEIGHT)[..., :3].astype(np.float32)
    finally:
        preview.close()
    return drawn


def test_seven_moods_are_told_apart_on_words_that_were_not_seen(pictures):
    """The mean picture of each mood over some words; each later frame belongs to the nearest one."""
    means = np.stack([pictures[mood][: len(SEEN)].mean(0) for mood in MOODS])
    right = {}
    for mood in MOODS:
        away = np.square(pictures[mood][len(SEEN) :, None] - means).sum((2, 3, 4))  # (frames, moods)
        right[mood] = np.mean([MOODS[i] == mood for i in away.argmin(1)])
    assert all(share == 1.0 for share in right.values()), right


def test_a_mood_changes_what_is_seen_more_than_a_word_does(pictures):
    """But for calm, which is meant to be hardly anything, a mood is farther from no mood than two words of one are."""
    plain = pictures[""]
    words = np.square(plain - plain.mean(0)).sum((1, 2, 3)).mean()
    for mood in MOODS:
        change = np.square(pictures[mood] - plain).sum((1, 2, 3)).mean()
        assert change > (0.1 if mood == "calm" else 1.0) * words, (mood, change / words)
