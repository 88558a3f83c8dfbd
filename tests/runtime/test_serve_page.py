"""The page of a server in a real browser: what is seen against what is heard, and a microphone."""

import base64
import json
import shutil
from pathlib import Path

import avatars
import browser
import numpy as np
import pytest

pytest.importorskip("grpc")
pytest.importorskip("aiohttp")

from serving import serving  # noqa: E402

from fmg_rt import Session, arkit  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not browser.CHROMIUM, reason="Chromium is not installed")]

JAW = arkit.INDEX["jawOpen"]
RATE = 16000


def choose(page, selector, path):
    document = page.call("DOM.getDocument")["root"]["nodeId"]
    node = page.call("DOM.querySelector", nodeId=document, selector=selector)["nodeId"]
    page.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])


@pytest.fixture(scope="module")
def clip():
    """The packaged voice's first six seconds, float32 at 16 kHz."""
    import soundfile

    from fmg_rt.weights import packaged

    return soundfile.read(packaged().with_name("demo.flac"), dtype="float32")[0][: 6 * RATE]


@pytest.fixture(scope="module")
def page(clip, tmp_path_factory):
    import soundfile

    folder = tmp_path_factory.mktemp("page")
    soundfile.write(folder / "clip.wav", clip, RATE, "PCM_16")
    flags = (
        "--autoplay-policy=no-user-gesture-required",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={folder / 'clip.wav'}",
    )
    with serving(egemaps=False) as running, browser.chromium(folder, *flags) as tab:
        tab.size(640, 560)
        tab.clip = folder / "clip.wav"
        tab.url = f"http://{running.http}/"
        tab.open(tab.url, "document.getElementById('state').textContent === 'ready'")
        yield tab


# Taps what the page plays, sample by sample, and what it shows, picture by picture, both against the audio clock.
RECORD = """(async () => {
  const { context } = fmg;
  await context.resume();
  const tap = context.createScriptProcessor(1024, 1, 1);
  window.heard = []; window.seen = [];
  tap.onaudioprocess = (event) => {
    const samples = event.inputBuffer.getChannelData(0);
    let energy = 0;
    for (const x of samples) energy += x * x;
    window.heard.push([event.playbackTime - 1.5 * 1024 / context.sampleRate, energy / samples.length]);
  };
  fmg.output = context.createGain();
  fmg.output.connect(context.destination);
  fmg.output.connect(tap);
  tap.connect(context.destination);
  (function look() { requestAnimationFrame(look); window.seen.push([fmg.heard(), context.currentTime, fmg.pose()[JAW]]); })();
})()""".replace("JAW", str(JAW))


def shift(times, values, reference_times, reference):
    """Seconds by which `values` come after `reference`, by the highest correlation."""
    grid = np.arange(0, 5.0, 0.001)
    wanted = np.interp(grid, reference_times, reference)
    shifts = np.arange(times[0] - 0.2, times[-1] - 4.0, 0.002)
    scores = [np.corrcoef(wanted, np.interp(grid + s, times, values))[0, 1] for s in shifts]
    assert max(scores) > 0.9, max(scores)
    return shifts[int(np.argmax(scores))]


def test_the_mouth_moves_with_the_sound(page, clip):
    """Mouth opening against played audio, both against the audio clock: within 25 ms."""
    page.run(RECORD)
    choose(page, "#sound", page.clip)
    page.wait("fmg.speaking")
    page.wait("!fmg.speaking", 30)
    heard, seen = np.array(page.run("window.heard")), np.array(page.run("window.seen"))
    session = Session(egemaps=False)
    jaw = np.array([frame.coefficients[JAW] for frame in session.push(clip) + session.flush()])
    blocks = clip[: len(clip) // 256 * 256].reshape(-1, 256)
    sound_start = shift(heard[:, 0], heard[:, 1], (np.arange(len(blocks)) + 0.5) * 256 / RATE, (blocks**2).mean(axis=1))
    face_start = shift(seen[:, 0], seen[:, 2], np.arange(len(jaw)) / 30, jaw)
    print(f"the mouth is {1000 * (face_start - sound_start):.0f} ms after the sound")
    assert abs(face_start - sound_start) <= 0.025
    assert not page.errors


def test_interruption_is_quick_and_smooth(page):
    choose(page, "#sound", page.clip)
    page.wait(f"fmg.pose()[{JAW}] > 0.15")
    curve = np.array(
        page.run(
            """new Promise((done) => {
      const seen = [], start = performance.now();
      fmg.interrupt();
      (function look() {
        seen.push([performance.now() - start, fmg.pose()[JAW]]);
        performance.now() - start < 400 ? setTimeout(look, 4) : done(seen);
      })();
    })""".replace("JAW", str(JAW))
        )
    )
    assert curve[0, 1] > 0.05 and (curve[curve[:, 0] > 160, 1] == 0).all() and (np.diff(curve[:, 1]) <= 1e-6).all()
    assert not page.run("fmg.speaking")
    choose(page, "#sound", page.clip)  # and the next utterance has a face again
    page.wait(f"fmg.pose()[{JAW}] > 0.15")
    page.run("fmg.interrupt()")
    assert not page.errors


def picture(page):
    """What the page shows now, without what is written there."""
    page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    clip = {"x": 0, "y": 60, "width": 640, "height": 420, "scale": 1}
    return page.call("Page.captureScreenshot", format="png", clip=clip)["data"]


def show(page, head=(0, 0, 0), **pose):
    """A picture of the page with a face of our choice."""
    values = np.zeros(arkit.N_COEFFICIENTS + 3)
    for name, value in pose.items():
        values[arkit.INDEX[name]] = value
    values[-3:] = head
    page.run(f"fmg.pose = () => new Float32Array({values.tolist()})")
    return picture(page)


def assert_it_moves(page):
    """Whatever the page shows has a mouth that opens, and a head that turns each way, and rests as it did."""
    rest, heads = show(page), np.eye(3) * 0.3
    moved = [show(page, jawOpen=0.8), show(page, mouthPucker=0.8), *(show(page, head) for head in heads)]
    assert len({rest, *moved}) == 6 and show(page) == rest
    page.run("delete fmg.pose")


def test_the_drawn_face_moves_mouth_and_head(page):
    assert_it_moves(page)
    choose(page, "#sound", page.clip)
    page.wait("Math.abs(fmg.pose()[52]) > 0.002", 20)  # and the voice does turn it
    page.run("fmg.interrupt()")
    assert not page.errors


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_a_vrm_moves_mouth_and_head(page, tmp_path, version, way):
    """Its own mouth expressions, which have no ARKit names, and its head's bone; in silence and with a sound file."""
    if not page.run("!!document.createElement('canvas').getContext('webgl2')"):
        pytest.skip("this Chromium draws no WebGL")
    page.open(page.url, "document.getElementById('state').textContent === 'ready'")
    path = avatars.person(tmp_path / "person.vrm", version)
    if way == "chosen":
        choose(page, "#own", path)
    else:
        data = base64.b64encode(path.read_bytes()).decode()
        page.run(f"""(() => {{
          const bytes = Uint8Array.from(atob("{data}"), (letter) => letter.charCodeAt(0)), dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([bytes], "person.vrm"));
          document.dispatchEvent(new DragEvent("drop", {{ dataTransfer }}));
        }})()""")
    page.wait("document.getElementById('state').textContent.startsWith('person.vrm: 0 of 52 shapes, vowels')")
    assert page.run("document.getElementById('face').hidden") and not page.run("document.getElementById('avatar').hidden")
    assert_it_moves(page)
    rest = show(page)
    page.run("delete fmg.pose")
    choose(page, "#sound", page.clip)
    page.wait(f"fmg.pose()[{JAW}] > 0.15")
    page.run("const held = fmg.pose().slice(); fmg.pose = () => held; 0")
    assert picture(page) != rest
    page.run("delete fmg.pose; fmg.interrupt()")
    assert not page.errors


def test_microphone(page):
    page.run("document.getElementById('talk').click()")
    page.wait(f"fmg.pose()[{JAW}] > 0.15")
    page.run("document.getElementById('talk').click()")
    page.wait("document.getElementById('state').textContent === 'ready'")
    page.wait(f"fmg.pose()[{JAW}] === 0")
    assert not page.errors


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
def test_the_agent_of_the_example_talks(page, program):
    script = Path(__file__).parents[2] / "examples" / "agent.py"
    agent = program("--http", "127.0.0.1:0", "--no-browser", start=[str(script)])
    line = next(line for line in agent.process.stdout if line.startswith("open "))
    page.open(line.split()[1], "window.fmg?.ready")
    page.run("document.querySelector('form button').click()")
    page.wait(f"fmg.pose()[{JAW}] > 0.15")
    page.run("document.getElementById('stop').click()")
    page.wait(f"fmg.pose()[{JAW}] === 0")
    assert not page.errors
    agent.process.terminate()
    code, _, error = agent.end()
    assert code == 0 and not error


def test_refusals_are_told(page):
    with serving(egemaps=False, token="secret") as running:
        page.open(f"http://{running.http}/", "document.getElementById('state').textContent.includes('closed')")
        page.open(f"http://{running.http}/?token=secret", "document.getElementById('state').textContent === 'ready'")
        script = f"new FaceClient({json.dumps(f'ws://{running.http}/v1/stream')}, fmg.context"
        page.run(f"""import("/client.js").then(async ({{ FaceClient }}) => {{
          const client = {script}, {{ token: "secret", options: {{ settings: {{ mouth: 9 }} }} }});
          window.reason = await client.open().catch((error) => error.message);
        }})""")
        assert "mouth" in page.run("window.reason")
    assert not page.errors
