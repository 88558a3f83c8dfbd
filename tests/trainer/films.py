"""Films that the tests make: the preview's drawn face in headless Chromium, encoded by PyAV.

What they show: that a film becomes the coefficients that its face was drawn with, as far as a drawing moves like a face. A
drawing has no beard, no shadow and no teeth that shine; how well real faces are followed they do not show.
"""

import base64
import io
import json
from fractions import Fraction
from pathlib import Path

import numpy as np

from fmg_rt import arkit

FACE_JS = Path(__file__).parents[2] / "runtime" / "fmg_rt" / "preview" / "static" / "face.js"
WIDTH, HEIGHT = 480, 560
_BATCH = 64
_DRAW = """((values, heads, names, width, height) => {
  const pen = new OffscreenCanvas(width, height).getContext("2d");
  return Promise.all(values.map(async (face, i) => {
    window.drawFace(pen, Object.fromEntries(face.map((v, k) => [names[k], v])), width, height, heads[i]);
    const bytes = new Uint8Array(await (await pen.canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 })).arrayBuffer());
    let text = "";
    for (let k = 0; k < bytes.length; k += 8192) text += String.fromCharCode(...bytes.subarray(k, k + 8192));
    return btoa(text);
  }));
})"""


def drawn(tab, faces, heads=None, width=WIDTH, height=HEIGHT):
    """Pictures (height, width, 3) uint8 of `faces` (n, 52) and `heads` (n, 3), in a tab of `browser.chromium`."""
    from PIL import Image

    heads = np.zeros((len(faces), 3)) if heads is None else heads
    source = FACE_JS.read_text(encoding="utf-8").replace("export function drawFace", "window.drawFace = function drawFace")
    tab.run(f"(() => {{ {source} ; return 1; }})()")
    for start in range(0, len(faces), _BATCH):
        part = np.asarray(faces[start : start + _BATCH], np.float64).round(4).tolist()
        turns = np.asarray(heads[start : start + _BATCH], np.float64).round(4).tolist()
        script = f"{_DRAW}({json.dumps(part)}, {json.dumps(turns)}, {json.dumps(arkit.ARKIT_NAMES)}, {width}, {height})"
        for data in tab.run(script):
            yield np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def write(path, pictures, rate=30, audio=None, times=None, sound_at=0.0, gap=0.0, sample_rate=16_000):
    """A film at `path`; `times` (s) of the pictures where they are not even. The sound begins at `sound_at` s and lacks
    `gap` s in its middle."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=rate)
        video.pix_fmt, video.options = "yuv420p", {"crf": "18", "preset": "veryfast"}
        base = video.time_base = video.codec_context.time_base = Fraction(1, 12_000)
        voice = container.add_stream("aac", rate=sample_rate) if audio is not None else None
        for i, picture in enumerate(pictures):
            if i == 0:
                video.height, video.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round((i / rate if times is None else times[i]) / base), base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if voice is not None:
            block = 1024
            samples = np.clip(np.asarray(audio, np.float32), -1, 1)
            for start in range(0, len(samples), block):
                frame = av.AudioFrame.from_ndarray(samples[None, start : start + block], format="fltp", layout="mono")
                frame.sample_rate, frame.time_base = sample_rate, Fraction(1, sample_rate)
                frame.pts = start + round((sound_at + gap * (start >= len(samples) / 2)) * sample_rate)
                container.mux(voice.encode(frame))
            container.mux(voice.encode(None))


def turned(path, degrees):
    """Write a display matrix into an .mp4 that turns its pictures clockwise by 90 or 180 degrees, as phones do."""
    cosine, sine = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd") + 4 + 40  # version 0: flags, times, track, duration, 2 × reserved, layer, group, volume
    one = 1 << 16
    matrix = np.array([cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30], ">i4")
    data[at : at + 36] = matrix.tobytes()
    path.write_bytes(data)
