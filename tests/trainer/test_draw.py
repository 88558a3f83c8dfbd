"""Pictures for people: what is drawn is what the numbers say."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fmg_rt import Frame, arkit
from fmg_rt.sinks import Recorder

pytest.importorskip("matplotlib")
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from fmg_train.evaluate import draw

EXAMPLE = Path(__file__).parents[2] / "examples" / "plot_record.py"
REST = np.zeros(arkit.N_COEFFICIENTS, np.float32)


def face(**values):
    result = REST.copy()
    for name, value in values.items():
        result[arkit.INDEX[name]] = value
    return result


def picture(coefficients):
    """(260, 190, 3) int16, the face alone; the face's axis is in the middle."""
    figure = Figure(figsize=(1.9, 2.6), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    draw.draw_face(axes, coefficients)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(np.int16)


@pytest.fixture(scope="module")
def drawn():
    return {name: picture(face(**{name: 1})) for name in arkit.ARKIT_NAMES} | {"rest": picture(REST)}


def changed(a, b):
    return np.abs(a - b).max(axis=-1) > 30


def test_every_coefficient_is_drawn(drawn):
    assert not [name for name in arkit.ARKIT_NAMES if changed(drawn[name], drawn["rest"]).sum() < 15]


@pytest.mark.parametrize(
    "name",
    [
        "browDown",
        "eyeBlink",
        "eyeSquint",
        "cheekSquint",
        "noseSneer",
        "mouthSmile",
        "mouthFrown",
        "mouthDimple",
        "mouthPress",
        "mouthStretch",
        "mouthUpperUp",
        "mouthLowerDown",
    ],
)
def test_left_is_the_subjects_left(drawn, name):
    left, right = (changed(drawn[name + side], drawn["rest"]) for side in ("Left", "Right"))
    half = left.shape[1] // 2
    assert left[:, half:].sum() > 3 * left[:, :half].sum()
    assert right[:, :half].sum() > 3 * right[:, half:].sum()


def test_closed_lips_stay_closed_over_an_open_jaw():
    def inside(image):  # the colour of an open mouth
        return int((np.abs(image - [0x3D, 0x0D, 0x1B]).max(axis=-1) < 25).sum())

    assert inside(picture(face(jawOpen=0.6))) > 100
    assert inside(picture(face(jawOpen=0.6, mouthClose=0.6))) < 10
    assert changed(picture(face(jawOpen=0.6, mouthClose=0.6)), picture(REST)).sum() > 200  # the chin is down all the same


def test_filmstrip_shows_every_face(tmp_path):
    png = tmp_path / "顔 strip.png"
    draw.filmstrip(png, np.stack([face(jawOpen=i / 9) for i in range(10)]), [f"{i}" for i in range(10)], columns=4)
    image = imread(png)
    skin = np.abs(image[..., :3] - [0.973, 0.784, 0.651]).max(axis=-1) < 0.02
    # Ten heads in three rows of four: skin in the first two cells of the last row, none in the others.
    rows, columns = np.array_split(skin, 3, axis=0), 4
    counts = [[cell.sum() for cell in np.array_split(row, columns, axis=1)] for row in rows]
    assert min(counts[0] + counts[1] + counts[2][:2]) > 1000 and max(counts[2][2:]) < 100
    assert [p.name for p in tmp_path.iterdir()] == [png.name]


def test_curves_lie_where_the_numbers_say(tmp_path):
    png = tmp_path / "curves.png"
    frames = np.stack([face(jawOpen=float(30 <= k < 60)) for k in range(90)])
    draw.curves_over_waveform(png, np.zeros(48_000, np.float32), frames, 30.0, ["jawOpen"])
    image = imread(png)[..., :3]
    orange = np.abs(image - [0xE0 / 255, 0x8A / 255, 0]).max(axis=-1) < 0.1
    columns = np.nonzero(orange.any(axis=0))[0]
    left, right = columns.min(), columns.max()
    top = [np.nonzero(orange[:, x])[0].mean() for x in (int(left + f * (right - left)) for f in (0.15, 0.5, 0.85))]
    assert top[1] < top[0] - 30 and top[1] < top[2] - 30  # high in the middle second alone


@pytest.mark.parametrize(
    ("frames", "names"),
    [
        (np.zeros((3, 51)), ["jawOpen"]),
        (np.zeros((0, 52)), ["jawOpen"]),
        (np.zeros((3, 52)), ["jawopen"]),
        (np.zeros((3, 52)), []),
    ],
)
def test_bad_input_is_refused(tmp_path, frames, names):
    with pytest.raises(ValueError):
        draw.curves_over_waveform(tmp_path / "x.png", np.zeros(100), frames, 30.0, names)
    with pytest.raises(ValueError):
        draw.filmstrip(tmp_path / "x.png", frames, ["one label too many"] * (len(frames) + 1))
    assert not list(tmp_path.iterdir())


@pytest.fixture
def recorded(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    record, audio = tmp_path / "a b.csv", tmp_path / "声.wav"
    recorder = Recorder(record, "csv", 30.0)
    for k in range(60):
        recorder.send(Frame(k, k / 30, face(jawOpen=k / 60)))
    recorder.close()
    soundfile.write(audio, np.random.default_rng(0).normal(0, 0.1, (88_200, 2)), 44_100)
    return record, audio


def test_example_plots_a_recording(tmp_path, recorded):
    record, audio = recorded
    out = tmp_path / "out.png"
    subprocess.run([sys.executable, EXAMPLE, record, audio, "-o", out, "--faces", "4"], check=True)
    assert imread(out).shape[1] > 600 and imread(tmp_path / "out-faces.png").shape[1] > 400
    times, faces = runpy.run_path(str(EXAMPLE))["read"](record)
    assert np.allclose(times, np.arange(60) / 30, atol=1e-6)
    assert np.array_equal(faces[:, arkit.INDEX["jawOpen"]].astype(np.float32), np.arange(60, dtype=np.float32) / 60)


def test_example_says_what_is_wrong_in_one_line(tmp_path, recorded):
    _, audio = recorded
    result = subprocess.run([sys.executable, EXAMPLE, audio.with_name("none.csv"), audio], capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.startswith("plot_record.py: ") and len(result.stderr.splitlines()) == 1
