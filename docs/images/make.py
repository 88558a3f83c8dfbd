"""Make the pictures of the preview: python docs/images/make.py (needs Chromium and Pillow)."""

import base64
import io
import json
import sys
import tempfile
import time
from importlib import resources
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "tests"), str(HERE.parents[1] / "tests" / "runtime")]
import browser  # noqa: E402
from test_preview_page import POSES, Switchboard  # noqa: E402

from fmg_rt import Session, arkit, emotions  # noqa: E402
from fmg_rt.expression import ExpressionSettings  # noqa: E402
from fmg_rt.preview import Controls, Preview  # noqa: E402

SHOWN = {"rest": "rest", "aa": "“aa”", "oo": "“oo”", "ee": "“ee”", "mm": "“mm”", "f": "“f”", "smile": "smile"}
FACES = """(async (poses, labels, names) => {
  const { drawFace } = await import("/face.js");
  const [w, h, foot] = [230, 290, 84], keys = Object.keys(labels);
  const canvas = Object.assign(document.createElement("canvas"), { width: w * keys.length, height: h + foot });
  const g = canvas.getContext("2d");
  g.fillStyle = "#191c2f";
  g.fillRect(0, 0, canvas.width, canvas.height);
  keys.forEach((key, i) => {
    const whole = Object.assign(document.createElement("canvas"), { width: 310, height: 362 });
    drawFace(whole.getContext("2d"), poses[key], whole.width, whole.height);
    g.drawImage(whole, 40, 12, w, h, i * w, 0, w, h);  // without the shoulders' ends
    g.fillStyle = "#eef0ff";
    g.font = "600 17px sans-serif";
    g.textAlign = "center";
    g.fillText(labels[key], (i + 0.5) * w, h + 20);
    const step = (w - 28) / names.length;
    names.forEach((name, j) => {  // the 52 bars, alphabetical
      const height = 46 * (poses[key][name] ?? 0);
      g.fillStyle = "#2c3050";
      g.fillRect(i * w + 14 + j * step, h + 76, step - 1, 2);
      g.fillStyle = "#ff7d8c";
      g.fillRect(i * w + 14 + j * step, h + 76 - height, step - 1, height);
    });
  });
  return canvas.toDataURL("image/png");
})"""
SHEET = """(async (names) => {
  const { drawFace } = await import("/face.js");
  const [w, h, columns] = [120, 140, 13];
  const canvas = Object.assign(document.createElement("canvas"), { width: w * columns, height: 4 * (h + 16) });
  const g = canvas.getContext("2d");
  g.fillStyle = "#191c2f";
  g.fillRect(0, 0, canvas.width, canvas.height);
  names.forEach((name, i) => {
    const [x, y] = [i % columns * w, Math.floor(i / columns) * (h + 16)];
    const small = Object.assign(document.createElement("canvas"), { width: w, height: h });
    drawFace(small.getContext("2d"), { [name]: 1 }, w, h);
    g.drawImage(small, x, y);
    g.fillStyle = "#cdd1ee";
    g.font = "10.5px sans-serif";
    g.textAlign = "center";
    g.fillText(name, x + w / 2, y + h + 11);
  });
  return canvas.toDataURL("image/png");
})"""


def keep(name, png):
    """Write a PNG with a palette: a quarter of the size, and nobody sees a difference."""
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(256, kmeans=2, dither=Image.Dither.FLOYDSTEINBERG)
    image.save(HERE / name, optimize=True)
    print(name, (HERE / name).stat().st_size)


def clip(seconds, **changes):
    """The frames of the packaged clip's first seconds, as they leave with these settings."""
    import soundfile

    samples, rate = soundfile.read(resources.files("fmg_weights") / "demo.flac", dtype="float32")
    session = Session(sample_rate=rate, settings=ExpressionSettings(**changes))
    return [frame for frame in session.push(samples) if frame.time < seconds]


def show(page, preview, frames, query, room):
    """Open the page and let it see the frames."""
    page.open(f"{preview.url}?{query}", "document.querySelectorAll('#bars b').length === 52")
    page.run(f"document.querySelector('[data-room={room}]').click()")
    for frame in frames:
        preview.send(frame)
        time.sleep(0.01)
    time.sleep(2.2)
    return page.screenshot()


def main():
    joy = {"joy": 0.6}
    controls = Controls(
        settings=ExpressionSettings(emotion=joy),
        update=lambda _: None,
        emotions=emotions.NAMES,
        devices=lambda: ["Yeti Nano", "Webcam"],
        device="Yeti Nano",
        choose=lambda _: None,
        receivers=Switchboard(),
        command=lambda _: "fmg-rt --preview",
        quit=lambda: None,
    )
    preview = Preview(0, controls)
    preview.status({"level": -18.0, "latency": 96.0, "rate": 30.0, "overflows": 0, "device": "Yeti Nano", "note": ""})
    try:
        with tempfile.TemporaryDirectory() as folder, browser.chromium(Path(folder)) as page:
            page.size(1280, 800)
            keep("preview.png", show(page, preview, clip(11.3), "lang=en&theme=dark", "bars"))
            smiling = clip(11.3, emotion=joy)
            keep("preview-ja.png", show(page, preview, smiling, "lang=ja&theme=light", "emotion"))
            for name, script, words in (
                ("faces.png", FACES, (POSES, SHOWN, arkit.ARKIT_NAMES)),
                ("shapes.png", SHEET, (arkit.ARKIT_NAMES,)),
            ):
                url = page.run(f"{script}({', '.join(map(json.dumps, words))})")
                keep(name, base64.b64decode(url.split(",")[1]))
    finally:
        preview.close()


if __name__ == "__main__":
    main()
