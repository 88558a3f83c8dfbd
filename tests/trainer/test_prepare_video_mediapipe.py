"""prepare video with MediaPipe: films of the preview's drawn face, whose 52 coefficients are known. Needs the extra [video].

It shows that the way from pixels to coefficients holds together; what a drawing cannot show stands in films.py.
"""

import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fmg_rt import arkit
from fmg_train.cli import main
from fmg_train.datasets import detector, form
from fmg_train.evaluate import scores

pytest.importorskip("av")
pytest.importorskip("mediapipe")
sys.path.append(str(Path(__file__).parents[1] / "runtime"))
import browser  # noqa: E402

from . import films  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.skipif(browser.CHROMIUM is None, reason="needs Chromium")]
RATE, LENGTH = 30, 24
SHOWN = ("jawOpen", "mouthPucker", "mouthSmileLeft", "mouthSmileRight", "eyeBlinkLeft")


def ramps():
    """(n, 52): every one of `SHOWN` goes to 1 and back; a jaw that opens and closes fully in 0.2 s; then rest."""
    up = np.concatenate([np.zeros(4), np.linspace(0, 1, 8), np.ones(3), np.linspace(1, 0, 8), [0]])
    parts = []
    for name in SHOWN:
        part = np.zeros((LENGTH, 52))
        part[:, arkit.INDEX[name]] = up
        parts.append(part)
    quick = np.zeros((LENGTH, 52))
    quick[:, arkit.INDEX["jawOpen"]] = np.tile([0.0, 0.35, 0.5, 0.5, 0.35, 0.0], LENGTH // 6)
    return np.concatenate([*parts, quick, np.zeros((40, 52))])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(coefficients of the drawn face, what was recovered)."""
    folder, truth = tmp_path_factory.mktemp("films"), ramps()
    opening = scores.aperture(truth)
    t = np.arange(round(len(truth) / RATE * 16_000)) / 16_000
    loud = np.interp(t, np.arange(len(truth)) / RATE, opening)
    audio = 0.5 * loud * np.random.default_rng(0).uniform(-1, 1, len(t))
    with browser.chromium(tmp_path_factory.mktemp("chromium")) as tab:
        films.write(folder / "in" / "me.mp4", films.drawn(tab, truth), RATE, audio)
    result = CliRunner().invoke(main, ["prepare", "video", str(folder / "in"), "--out", str(folder / "out")])
    assert "100% used in 1 recordings" in result.output, (result.output, result.exception)
    (recording,) = form.read_manifest(folder / "out")
    face = form.read_face(folder / "out", recording)
    return truth[: len(face.coefficients)], face.coefficients[: len(truth)]


def test_the_model_is_packaged():
    assert detector.model_file(None).name == detector.MODEL


def test_the_drawn_face_comes_back(made):
    truth, found = made
    for number, name in enumerate(SHOWN[:-1]):
        part = slice(number * LENGTH, (number + 1) * LENGTH)
        column = arkit.INDEX[name]
        assert np.corrcoef(truth[part, column], found[part, column])[0, 1] > 0.9, name
        assert found[part, column].max() > 0.35, name


def test_quick_closures_are_not_smoothed_away(made):
    truth, found = made
    part = slice(len(SHOWN) * LENGTH, (len(SHOWN) + 1) * LENGTH)
    wanted, got = scores.aperture(truth[part]), scores.aperture(found[part])
    assert np.corrcoef(wanted, got)[0, 1] > 0.95
    assert got[wanted == 0].max() < 0.1 * got.max()


def test_a_blink_moves_nothing_else(made):
    _, found = made
    part = slice((len(SHOWN) - 1) * LENGTH, len(SHOWN) * LENGTH)
    assert found[part].max() < 0.2
    assert not found[:, [arkit.INDEX[name] for name in arkit.REGIONS["eyes"]]].any()


def test_rest_is_rest(made):
    _, found = made
    assert found[-25:].max() < 0.06
