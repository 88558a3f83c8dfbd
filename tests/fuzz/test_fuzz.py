"""Broken and hostile input: every parser refuses it by an error of ours, in one line, and memory stays bounded.

Quick by default; ``pytest tests/fuzz --fuzz-seconds 600`` goes on for longer, with other inputs each time. What failed is
written to a file that the message names.
"""

import contextlib
import io
import itertools
import json
import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from mutate import archive, damage, members, npy, to_json, twist, twist_archive

from fmg_rt import FmgError, Session, architectures, weights
from fmg_rt.app import config
from fmg_rt.expression import ExpressionSettings
from fmg_rt.expression.calibration import read_calibration
from fmg_rt.features import LogMel
from fmg_rt.preview import Controls, Preview
from fmg_rt.sources import wav
from fmg_rt.sources.file import open_file
from fmg_rt.sources.pipe import Pipe
from fmg_rt.stream import FaceStream

_MEMORY = 400e6
"""Bytes that a target may add to the process."""
_SOUND = (0.3 * np.sin(np.arange(4000) / 9)).astype(np.float32)


def _sound(form, kind):
    file = io.BytesIO()
    soundfile.write(file, np.stack([_SOUND, -_SOUND / 2], 1), 16_000, kind, format=form)
    return file.getvalue()


def _films():
    """An m4a and a webm, where PyAV is installed."""
    try:
        import av
    except ImportError:
        return []
    films = []
    for form, codec in (("mp4", "aac"), ("webm", "libopus")):
        file = io.BytesIO()
        with av.open(file, "w", format=form) as container:
            stream = container.add_stream(codec, rate=48_000, layout="mono")
            frame = av.AudioFrame.from_ndarray(np.repeat(_SOUND, 6)[None], "fltp", "mono")
            frame.sample_rate = 48_000
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
        films.append(file.getvalue())
    return films


def _network():
    """A recurrent network of random numbers."""
    chance = np.random.default_rng(1)
    config = {"n_stack": 2, "d_input": 16, "d_model": 16, "d_head": 16, "n_lookaheads": 2}
    tensors = {n: chance.normal(0, 0.5, s).astype(np.float32) for n, s in architectures.gru_tensors(config).items()}
    statistics = [np.full(80, -10), np.full(80, 4), np.zeros(88), np.ones(88)]
    return weights.Weights("gru", config, (0, 800), *(s.astype(np.float32) for s in statistics), tensors)


def _weight_file():
    with tempfile.TemporaryDirectory() as folder:
        weights.write(Path(folder) / "w.npz", _network())
        return (Path(folder) / "w.npz").read_bytes()


def _hops(source):
    hop = np.empty(160, np.float32)
    try:
        for _ in range(300):
            if not source.read(hop, 0.0):
                return
            assert np.isfinite(hop).all()
    finally:
        source.close()


class Target:
    """seeds : valid inputs. spoil : (random, seed) → a broken one. take : gives bytes in a file to a parser."""

    def __init__(self, seeds, take, spoil=damage, suffix=".bin"):
        self.seeds, self.take, self.spoil, self.suffix = seeds, take, spoil, suffix


def _pipe(path):
    with open(path, "rb", buffering=0) as raw:
        source = Pipe(str(path), 16_000)
        source._raw = raw
        _hops(source)


def _header(path):
    with open(path, "rb") as file, contextlib.suppress(wav.WavError):
        form = wav.read_header(file.read)
        data = file.read(1 << 16)
        form.decode(data[: len(data) - len(data) % form.frame_bytes])


_CALIBRATION = {"affine": {"jawOpen": {"scale": 2.0, "bias": -0.1}, "mouthClose": {"scale": 1}}}
_CONFIG = b"rate: 60\nvrchat: true\nosc:\n  - 127.0.0.1:9000\n  - 10.0.0.1:9001\nmouth: 1.5 # more\nweights: 'a b.npz'\n"
_YAML = [
    b"? [a]\n: 1\n",
    b"&a [*a]",
    b"!!python/object:os.system x",
    b"a: 2020-99-99",
    b"- " * 1200,
    b"{" * 1200,
    b"\xff\xfe",
    b"rate: 0x" + b"f" * 5000,
    b"rate: " + b"9" * 5000,
    b"9" * 5000 + b": 1",
    b"<<: 1",
    b"rate: !!int x",
    b"rate: 1e999",
    b"? {a: 1}\n: 2",
    b"rate: 190:20:30:99999999999999999999",
    b"a: &a {b: *a}",
    b"=: 1",
    b"rate: !!timestamp x",
]


def _config_text(random, seed):
    return random.choice(_YAML) + (seed if random.random() < 0.3 else b"") if random.random() < 0.4 else damage(random, seed)


def _twisted(random, seed):
    return to_json(twist(random, json.loads(seed))) if random.random() < 0.8 else damage(random, seed)


def _weights(random, seed):
    return twist_archive(random, seed) if random.random() < 0.8 else damage(random, seed)


TARGETS = {
    "weights": Target(lambda: [_weight_file()], weights.read, _weights, ".npz"),
    "calibration": Target(lambda: [to_json(_CALIBRATION)], read_calibration, _twisted, ".json"),
    "config": Target(
        lambda: [_CONFIG], lambda path: config.read(path, ("rate", "vrchat", "osc", "mouth", "weights")), _config_text, ".yaml"
    ),
    "sound files": Target(
        lambda: (
            [
                _sound(*kind)
                for kind in (
                    ("WAV", "PCM_16"),
                    ("FLAC", "PCM_16"),
                    ("OGG", "VORBIS"),
                    ("AIFF", "PCM_24"),
                    ("WAV", "ULAW"),
                    ("AU", "FLOAT"),
                    ("CAF", "PCM_16"),
                )
            ]
            + _films()
        ),
        lambda path: _hops(open_file(path)),
    ),
    "WAV headers": Target(
        lambda: (
            [_sound("WAV", kind) for kind in ("PCM_U8", "PCM_24", "DOUBLE")]
            + [_sound("WAVEX", "FLOAT"), _sound("RF64", "PCM_16")]
        ),
        _header,
    ),
    "pipes": Target(lambda: [_sound("WAV", "FLOAT"), _sound("FLAC", "PCM_16"), bytes(range(256)) * 20], _pipe),
}


@pytest.fixture
def seconds(request):
    """How long to go on; and whether by chance."""
    asked = request.config.getoption("--fuzz-seconds")
    return asked / (len(TARGETS) + 2) if asked else 1.5


def _memory():
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_our_errors(name, tmp_path, seconds, request):
    target = TARGETS[name]
    path, chance = tmp_path / f"input{target.suffix}", random.Random(time.time() if seconds > 2 else 1)
    seeds = target.seeds()
    for seed in seeds:  # what is valid is taken: else nothing below would mean anything
        path.write_bytes(seed)
        target.take(path)
    before, end, refused = _memory(), time.monotonic() + seconds, 0
    for number in itertools.count():
        if time.monotonic() > end and number >= 20:
            break
        path.write_bytes(target.spoil(chance, chance.choice(seeds)))
        try:
            target.take(path)
        except FmgError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < 3000, str(error)
        except Exception as error:
            kept = Path(tempfile.gettempdir()) / f"fmg-fuzz-{name.replace(' ', '-')}{target.suffix}"
            kept.write_bytes(path.read_bytes())
            pytest.fail(f"{type(error).__name__}: {error} (input kept in {kept})")
    print(f"{name}: {number} inputs, {refused} refused")
    assert refused > 0 or name == "WAV headers"
    assert _memory() - before < _MEMORY


def test_a_bomb_is_refused_before_it_is_inflated(tmp_path):
    """Four megabytes that would be gigabytes: as a tensor of a wrong shape, and as one that the description agrees with."""
    tensor = npy(np.zeros((1, 1), np.float32))
    header = tensor[:128].replace(b"(1, 1)", b"(30000, 30000)").replace(b" " * 10, b"", 1)[:128]
    parts = members(_weight_file())
    bomb = parts | {"net.input.weight.npy": header + bytes(1 << 26)}
    meta = json.loads(str(np.load(io.BytesIO(parts["meta.npy"])).item()))
    meta["config"] |= {"d_input": 32_000, "d_model": 32_000, "d_head": 32_000}
    agreed = parts | {"meta.npy": npy(json.dumps(meta))}
    texts = parts | {"meta.npy": npy("x" * (1 << 25))}
    before = _memory()
    for name, content in {"shape": bomb, "agreed": agreed, "text": texts}.items():
        (tmp_path / f"{name}.npz").write_bytes(archive(content, True))
        del content
        began = time.monotonic()
        with pytest.raises(FmgError):
            weights.read(tmp_path / f"{name}.npz")
        assert time.monotonic() - began < 2.0
    assert _memory() - before < 400e6  # what the test itself packs


@pytest.mark.parametrize(
    "text, words",
    [
        ('{"affine": {"jawOpen": {"scale": 1e300}}}', "jawOpen"),
        ('{"affine": {"jawOpen": {"scale": 1' + "0" * 400 + "}}}", "jawOpen"),
        ('{"affine": {"jawOpen": {"bias": NaN}}}', "jawOpen"),
        ('{"affine": {"jawOpen": {"scale": 1' + "0" * 5000 + "}}}", "JSON"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_calibrations_that_nobody_means(tmp_path, text, words):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(FmgError, match=words):
        read_calibration(tmp_path / "a.json")


@pytest.mark.skipif(sys.platform == "win32", reason="/dev/zero")
def test_files_without_an_end(tmp_path):
    for read in (weights.read, read_calibration, lambda path: config.read(path, ("rate",))):
        with pytest.raises(FmgError):
            read(Path("/dev/zero"))


def test_page_messages(seconds):
    """Whatever a page says, it changes what may be changed or is answered with a note."""
    chance, valid = random.Random(2), [{"strength": ["mouth", 1.2]}, {"calibration": ["jawOpen", 2, 0.1]}, {"device": "Yeti"}]
    now = ExpressionSettings()
    controls = Controls(settings=now, update=lambda new: None, devices=lambda: ["Yeti"], choose=lambda name: None)
    preview = Preview(0, controls)
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = twist(chance, chance.choice(valid))
            if isinstance(message, dict) and "save" not in message:
                preview._receive(message)
        assert all(0 <= getattr(controls.settings, name) <= 3 for name in ("mouth", "eyes"))
    finally:
        preview.close()


@pytest.mark.parametrize("shape", [(0,), (159,), (161,), (1000,), (100_000,), (160, 1), (1, 160)])
def test_hops_of_another_size(shape):
    """Kernels check nothing: 1 000 samples once ended the process."""
    hop = np.zeros(shape, np.float32)
    for take in (LogMel().push, FaceStream(_network()).step):
        with pytest.raises(ValueError):
            take(hop)


_SESSION = []


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    st.one_of(
        st.binary(max_size=2000),
        arrays.arrays(
            st.sampled_from([np.float32, np.float64, np.float16, np.int16, np.int32, np.uint8, np.bool_, "U3", object]),
            arrays.array_shapes(min_dims=0, max_dims=3, max_side=600),
        ),
        st.none(),
        st.text(),
        st.lists(st.floats()),
    )
)
def test_audio_of_any_kind(audio):
    if not _SESSION:
        _SESSION.append(Session(_network(), egemaps=False))
    try:
        frames = _SESSION[0].push(audio)
    except FmgError:
        return
    for frame in frames:
        assert ((frame.coefficients >= 0) & (frame.coefficients <= 1)).all()
