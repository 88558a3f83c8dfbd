"""Calibration, strength, levelling, limits, mask, merge, and the options of the command line."""

import socket
import time

import click
import numpy as np
import pytest
from click.testing import CliRunner
from expression_signals import MOUTH, RATE, UPPER, Player, faces_of, noise, silence, slow_aperture, talk
from golden_demo import demo

from fmg_rt import arkit
from fmg_rt.cli.expression_options import ExpressionOptions, build_settings
from fmg_rt.cli.options import grouped
from fmg_rt.expression import (
    CalibrationError,
    Expression,
    ExpressionSettings,
    SettingsError,
    parse_mask,
    read_calibration,
    write_calibration,
)
from fmg_rt.expression.level import HIGHEST, LOWEST, TARGET
from fmg_rt.expression.merge import STALE
from fmg_rt.frame import Frame
from fmg_rt.sources.listener import ListenError
from fmg_rt.sources.tracker import FaceDecoder, TrackerSource

I = arkit.INDEX  # noqa: E741


def once(settings: ExpressionSettings, face: np.ndarray) -> np.ndarray:
    out = np.array(face, np.float32)
    Expression(settings, 30, 0).shape(out, 0)
    return out


def test_everything_off_is_the_network_bit_by_bit():
    faces = np.random.default_rng(0).random((500, 52), dtype=np.float32)
    faces[0], faces[1], faces[2, ::2] = 0.0, 1.0, np.float32(1e-30)
    expression = Expression(ExpressionSettings.off(), 30, 0)
    for k, face in enumerate(faces):
        out = face.copy()
        expression.shape(out, k * 533)
        assert out.tobytes() == face.tobytes()


# --- calibration ---


def test_calibration_is_the_predecessors(tmp_path):
    path = tmp_path / "較正 file.json"
    path.write_text('{"affine": {"jawOpen": {"scale": 5.39, "bias": -0.18}, "mouthPucker": {"scale": 2}}}', "utf-8-sig")
    affine = read_calibration(path)
    assert affine == {"jawOpen": (5.39, -0.18), "mouthPucker": (2.0, 0.0)}
    face = np.random.default_rng(1).random(52, dtype=np.float32) * 0.3
    out = once(ExpressionSettings.off(calibration=affine), face)
    assert out[I["jawOpen"]] == pytest.approx(min(1, max(0, 5.39 * face[I["jawOpen"]] - 0.18)), abs=1e-6)
    assert out[I["mouthPucker"]] == pytest.approx(min(1, 2 * face[I["mouthPucker"]]), abs=1e-6)
    rest = [i for i in range(52) if i not in (I["jawOpen"], I["mouthPucker"])]
    np.testing.assert_array_equal(out[rest], face[rest])


def test_calibration_survives_being_written_and_read(tmp_path):
    affine = {"jawOpen": (5.39, -0.18), "tongueOut": (0.1, 0.25)}
    write_calibration(tmp_path / "c.json", affine)
    assert read_calibration(tmp_path / "c.json") == affine
    assert [p.name for p in tmp_path.iterdir()] == ["c.json"]


@pytest.mark.parametrize(
    "text, says",
    [
        ("not json", "is not JSON"),
        ("[1]", "not of the form"),
        ("{}", "not of the form"),
        ('{"affine": 3}', "not of the"),
        ('{"affine": {"jawOpem": {"scale": 1}}}', "jawOpem"),
        ('{"affine": {"jawOpen": 3}}', "must be"),
        ('{"affine": {"jawOpen": {"scale": "3"}}}', "numbers"),
        ('{"affine": {"jawOpen": {"scale": NaN}}}', "finite"),
        ('{"affine": {"jawOpen": {"gain": 3}}}', "must be"),
        ('{"affine": {"jawOpen": {"scale": true}}}', "numbers"),
    ],
)
def test_bad_calibration_gives_one_clear_line(tmp_path, text, says):
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(CalibrationError, match=says) as raised:
        read_calibration(path)
    assert "c.json" in str(raised.value) and "\n" not in str(raised.value)


def test_a_missing_or_binary_calibration_too(tmp_path):
    with pytest.raises(CalibrationError, match="cannot read"):
        read_calibration(tmp_path / "none.json")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(CalibrationError, match="not JSON"):
        read_calibration(tmp_path / "b.json")


# --- strength, levelling, limits, mask ---


@pytest.mark.parametrize(
    "region, indices", [("mouth", MOUTH), *((name, arkit.region_indices(name)) for name in ("cheeks", "brows", "eyes"))]
)
def test_strength_scales_its_region_only(region, indices):
    face = np.linspace(0.01, 0.9, 52).astype(np.float32)
    out = once(ExpressionSettings.off(**{region: 1.5}), face)
    np.testing.assert_allclose(out[indices], np.minimum(1.5 * face[indices], 1), rtol=1e-6)
    others = [i for i in range(52) if i not in indices]
    np.testing.assert_array_equal(out[others], face[others])
    assert (once(ExpressionSettings.off(**{region: 0.0}), face)[indices] == 0).all()


def test_levelling_brings_quiet_and_loud_speakers_together():
    """A quiet network (six tenths of the usual motion) and a loud one (a quarter more) end nearly alike."""
    wave, ends = np.tile(demo(), 5)[: 60 * RATE], {}
    for name, size in (("quiet", 0.6), ("usual", 1.0), ("loud", 1.25)):
        faces = faces_of(size * talk(1810, 30.0, 3.7))
        _, out = Player(ExpressionSettings.off(level=True), 30, 0).play(wave, faces)
        gain = out[:, I["jawOpen"]] / faces[: len(out), I["jawOpen"]]
        assert gain.min() >= LOWEST - 1e-3 and gain.max() <= HIGHEST + 1e-3
        assert np.abs(np.diff(gain)).max() < 0.02  # slow
        ends[name] = np.percentile([slow_aperture(face) for face in out[-450:]], 90)
    values = list(ends.values())
    assert max(values) / min(values) < 1.1 < 1.25 / 0.6
    assert ends["usual"] == pytest.approx(TARGET, rel=0.15)


def test_levelling_learns_nothing_in_silence():
    faces = faces_of(np.full(610, 0.05))
    _, out = Player(ExpressionSettings.off(level=True), 30, 0).play(silence(20), faces)
    np.testing.assert_array_equal(out, faces[: len(out)])


def test_limits_bound_their_names():
    face = np.linspace(0, 1, 52).astype(np.float32)
    out = once(ExpressionSettings.off(limits={"jawOpen": (0.1, 0.3), "tongueOut": (0.0, 0.0)}), face)
    assert out[I["jawOpen"]] == np.float32(0.3) and out[I["tongueOut"]] == 0
    others = [i for i in range(52) if i not in (I["jawOpen"], I["tongueOut"])]
    np.testing.assert_array_equal(out[others], face[others])


def test_mask_drives_what_it_names_and_leaves_the_rest_at_zero():
    face = np.full(52, 0.5, np.float32)
    out = once(ExpressionSettings.off(mask=parse_mask("lips")), face)
    assert (out[MOUTH] == 0.5).all() and (out[UPPER] == 0).all()
    out = once(ExpressionSettings.off(mask=parse_mask("upper, jawOpen")), face)
    assert (out[UPPER] == 0.5).all() and out[I["jawOpen"]] == 0.5 and (out[MOUTH] == 0.5).sum() == 1


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: parse_mask("lips,jawopen"), "did you mean jawOpen"),
        (lambda: parse_mask(" , "), "names no coefficient"),
        (lambda: ExpressionSettings(mouth=3.5), "mouth must lie between 0 and 3"),
        (lambda: ExpressionSettings(brows=float("nan")), "brows must lie"),
        (lambda: ExpressionSettings(limits={"jawOpen": (0.5, 0.2)}), "limits of jawOpen"),
        (lambda: ExpressionSettings(limits={"nose": (0.0, 0.2)}), "'nose' is no ARKit coefficient"),
    ],
)
def test_settings_that_cannot_be_say_so(make, says):
    with pytest.raises(SettingsError, match=says):
        make()


def test_update_takes_effect_at_the_next_frame():
    expression = Expression(ExpressionSettings.off(), 30, 0)
    face = np.full(52, 0.5, np.float32)
    expression.shape(face, 0)
    assert (face == 0.5).all()
    expression.update(ExpressionSettings.off(brows=0.5))
    assert expression.settings.brows == 0.5
    expression.shape(face, 533)
    assert (face[arkit.region_indices("brows")] == 0.25).all() and (face[MOUTH] == 0.5).all()


def test_a_mask_outweighs_limits():
    settings = ExpressionSettings.off(mask=parse_mask("lips"), limits={"browInnerUp": (0.2, 0.4), "jawOpen": (0.2, 0.4)})
    out = once(settings, np.full(52, 0.5, np.float32))
    assert out[I["browInnerUp"]] == 0 and out[I["jawOpen"]] == np.float32(0.4)


def test_emotions_switched_off_add_nothing_and_come_back():
    on = ExpressionSettings.off(emotion_strength=1.0, emotion={"joy": 1.0})
    expression = Expression(on, 30, 0)

    def smile(k: int) -> float:
        face = np.zeros(52, np.float32)
        expression.shape(face, k * 533)
        return face[I["mouthSmileLeft"]]

    smiles = [smile(k) for k in range(300)]
    expression.update(ExpressionSettings.off())
    smiles += [smile(k) for k in range(300, 330)]
    assert smiles[299] > 0.5 and smiles[-1] == 0 and expression.emotion == {}
    expression.update(on)
    smiles += [smile(k) for k in range(330, 390)]
    assert smiles[-1] == pytest.approx(smiles[299], rel=0.01) and np.abs(np.diff(smiles)).max() < 0.1


# --- merge ---


class FakeTracker:
    head = None

    def __init__(self):
        self.count, self.face = 0, np.full(52, 0.75, np.float32)

    def read(self, out):
        out[:] = self.face
        return self.count


def test_merge_takes_everything_but_the_mouth_and_gives_it_back():
    tracker = FakeTracker()
    expression = Expression(ExpressionSettings.off(), 30, 0, 0, tracker)
    out = np.empty((120, 52), np.float32)
    for k in range(120):
        if 30 <= k < 60:
            tracker.count += 1
        out[k] = 0.25
        expression.shape(out[k], k * 533)
    assert (out[:, MOUTH] == 0.25).all()
    assert (out[:30, UPPER] == 0.25).all()
    np.testing.assert_allclose(out[40 : 60 + 28, UPPER], 0.75, atol=1e-6)
    last = 60 + STALE // 533 + 9
    np.testing.assert_allclose(out[last:, UPPER], 0.25, atol=1e-6)
    assert np.abs(np.diff(out[:, UPPER[0]])).max() < 0.1  # the change is a fade


def test_a_broken_tracker_breaks_no_face():
    tracker = FakeTracker()
    tracker.count, tracker.face = 1, np.tile(np.array([np.nan, 7, -1, np.inf], np.float32), 13)
    expression = Expression(ExpressionSettings.off(), 30, 0, 0, tracker)
    for k in range(30):
        face = np.full(52, 0.25, np.float32)
        expression.shape(face, k * 533)
        assert np.isfinite(face).all() and face.min() >= 0 and face.max() <= 1
    assert (face[MOUTH] == 0.25).all()


def test_nothing_out_of_range_leaves_whatever_a_part_does(monkeypatch):
    expression = Expression(ExpressionSettings(), 30, 0)
    monkeypatch.setattr(expression._breath, "shape", lambda face, *_: face.fill(np.nan))
    face = np.full(52, 0.25, np.float32)
    expression.shape(face, 0)
    assert (face == 0).all()


def osc_bundle(*contents):
    from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
    from pythonosc.osc_message_builder import OscMessageBuilder

    bundle = OscBundleBuilder(IMMEDIATELY)
    for address, *arguments in contents:
        message = OscMessageBuilder(address)
        for argument in arguments:
            message.add_arg(argument)
        bundle.add_content(message.build())
    return bundle.build().dgram


def test_the_tracker_understands_osc_vmc_and_live_link():
    pytest.importorskip("pythonosc")
    values = np.random.default_rng(2).random(52, dtype=np.float32)
    decoder = FaceDecoder()
    assert decoder.decode(osc_bundle(("/blendshapes", *map(float, values))))
    np.testing.assert_array_equal(decoder.face, values)
    assert decoder.decode(osc_bundle(*((f"/blendshape/{i}", float(v)) for i, v in enumerate(values[::-1]))))
    np.testing.assert_array_equal(decoder.face, values[::-1])
    names = [name if i % 2 else name[0].upper() + name[1:] for i, name in enumerate(arkit.ARKIT_NAMES)]
    halves = [
        [("/VMC/Ext/Blend/Val", name, float(v)) for name, v in zip(names[a:b], values[a:b], strict=True)]
        for a, b in ((0, 30), (30, 52))
    ]
    assert not decoder.decode(osc_bundle(("/VMC/Ext/OK", 1), ("/VMC/Ext/T", 1.5), *halves[0]))
    np.testing.assert_array_equal(decoder.face, values[::-1])  # nothing moves before Apply
    assert decoder.decode(osc_bundle(*halves[1], ("/VMC/Ext/Blend/Val", "A", 0.5), ("/VMC/Ext/Blend/Apply",)))
    np.testing.assert_array_equal(decoder.face, values)


def test_the_tracker_reads_what_the_live_link_sink_sends():
    """From this computer only, unless told otherwise; after a bundle that python-osc would read for ever, too."""
    from fmg_rt.sinks.livelink import LiveLinkSink

    source = TrackerSource(0)
    assert source._listener.host == "127.0.0.1"
    sink = LiveLinkSink("127.0.0.1", source.port, 60.0, subject="顔")
    face, out = np.random.default_rng(3).random(52, dtype=np.float32), np.empty(52, np.float32)
    assert source.read(out) == 0
    sink.udp.send([bytes.fromhex("2362756e646c65000000000000000001fffffffc")])
    sink.send(Frame(0, 0.0, face))
    until = time.monotonic() + 3
    while source.read(out) == 0 and time.monotonic() < until:
        time.sleep(0.01)
    assert source.read(out) == 1
    np.testing.assert_array_equal(out, face)
    sink.close()
    source.close()


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"/",
        b"#bundle\0",
        b"\x06",
        b"\x06\x00\x00\x00\xff",
        b"\x06" + b"\xff" * 300,
        b"/blendshapes\0\0\0\0,f\0\0",
        b"#bundle\0" + b"\0" * 8 + b"\x7f\xff\xff\xff/a\0\0",
        b"hello",
        bytes(70),
        b"/VMC/Ext/Blend/Val\0\0,sf\0\xff\xfe\xfd\0",
        b"".join(b"#bundle\0" + bytes(8) + n.to_bytes(4, "big") for n in range(59980, -1, -20)),
    ],
)
def test_the_tracker_ignores_what_is_broken(datagram):
    decoder = FaceDecoder()
    assert not decoder.decode(datagram)
    assert (decoder.face == 0).all()


def test_the_tracker_survives_noise_and_drops_what_is_not_finite():
    rng = np.random.default_rng(4)
    good = osc_bundle(("/blendshapes", *([0.5] * 50), float("nan"), 7.0))
    decoder = FaceDecoder()
    for _ in range(2000):
        bad = bytearray(good)
        for at in rng.integers(0, len(good), 4):
            bad[at] = rng.integers(0, 256)
        decoder.decode(bytes(bad[: rng.integers(1, len(good) + 1)]))
        assert np.isfinite(decoder.face).all() and decoder.face.min() >= 0 and decoder.face.max() <= 1
    decoder = FaceDecoder()
    assert decoder.decode(good)
    assert decoder.face[50] == 0 and decoder.face[51] == 1


def test_a_taken_port_gives_one_clear_line():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("", 0))
        with pytest.raises(ListenError, match="cannot listen for a tracker on port"):
            TrackerSource(taken.getsockname()[1])


# --- command line ---


@click.command()
@grouped
def command(options: ExpressionOptions):
    click.echo(repr(build_settings(options)))


def test_the_options_build_the_settings(tmp_path):
    write_calibration(tmp_path / "c.json", {"jawOpen": (2.0, 0.0)})
    got = {}

    @click.command()
    @grouped
    def run(options: ExpressionOptions):
        got["settings"] = build_settings(options)

    line = [
        "--mouth",
        "1.2",
        "--brows",
        "0.5",
        "--no-gaze",
        "--no-level",
        "--mood",
        "0",
        "--no-head",
        "--emotion",
        "happy=0.6,anger",
        "--limit",
        "jawOpen=0.8",
        "--limit",
        "tongueOut=0.1:0.2",
        "--mask",
        "lips",
        "--calibration",
        str(tmp_path / "c.json"),
    ]
    result = CliRunner().invoke(run, line, catch_exceptions=False)
    assert result.exit_code == 0
    assert got["settings"] == ExpressionSettings(
        mouth=1.2,
        brows=0.5,
        gaze=False,
        level=False,
        emotion_strength=0.0,
        head=0.0,
        emotion={"joy": 0.6, "anger": 1.0},
        mask=parse_mask("lips"),
        limits={"jawOpen": (0.0, 0.8), "tongueOut": (0.1, 0.2)},
        calibration={"jawOpen": (2.0, 0.0)},
    )
    CliRunner().invoke(run, ["--no-expression"], catch_exceptions=False)
    assert got["settings"] == ExpressionSettings.off()
    CliRunner().invoke(run, [], catch_exceptions=False)
    assert got["settings"] == ExpressionSettings()


@pytest.mark.parametrize(
    "line, says",
    [
        (["--mask", "mouth"], "is no ARKit coefficient"),
        (["--limit", "jawOpen"], "is not NAME=HIGH"),
        (["--limit", "jawOpen=2"], "limits of jawOpen"),
        (["--mouth", "9"], "--mouth"),
        (["--calibration", "nowhere.json"], "cannot read calibration"),
        (["--merge", "0"], "--merge"),
        (["--emotion", "joy=2"], "between 0 and 1"),
        (["--emotion", "envy"], "there is no emotion 'envy'"),
        (["--emotion", "joy=much"], "is not NAME=VALUE"),
        (["--emotion-mix", "2"], "--emotion-mix"),
    ],
)
def test_bad_options_give_one_line_and_no_traceback(line, says):
    result = CliRunner().invoke(command, line)
    assert result.exit_code != 0 and says in result.output and "Traceback" not in result.output


def test_help_needs_no_compiled_code():
    """The options must not cost start-up time before a command runs."""
    import subprocess
    import sys

    script = "import sys; import fmg_rt.cli.expression_options; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_a_whole_run_through_merge_and_mask_rests_too():
    tracker = FakeTracker()
    tracker.count = 1
    player = Player(ExpressionSettings(mask=parse_mask("lips")), 30, 800, tracker=tracker)
    _, faces = player.play(noise("pink", 2, -40))
    assert (faces[12:, MOUTH] == 0).all() and (faces[:, UPPER] == 0).all()
