"""A WebSocket client and a headless Chromium driven over its DevTools port, small enough to read."""

import base64
import contextlib
import itertools
import json
import os
import shutil
import socket
import struct
import subprocess
import time
import urllib.request
from pathlib import Path

import numpy as np

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
]


class WebSocket:
    """The client's side of RFC 6455: text out, text and binary in."""

    def __init__(self, host, port, path, *, headers=(), timeout=20.0, receive_buffer=None):
        self._socket = socket.socket()
        self._socket.settimeout(timeout)
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.connect((host, port))
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode(),
            *headers,
        ]
        self._socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        self._buffer = b""
        while b"\r\n\r\n" not in self._buffer:
            more = self._socket.recv(4096)
            if not more:
                raise ConnectionError(self._buffer)
            self._buffer += more
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(head.decode())

    def send(self, message, opcode=1):
        data = message.encode() if isinstance(message, str) else message
        head = bytes([0x80 | opcode])
        if len(data) < 126:
            head += bytes([0x80 | len(data)])
        elif len(data) < 65_536:
            head += struct.pack(">BH", 0x80 | 126, len(data))
        else:
            head += struct.pack(">BQ", 0x80 | 127, len(data))
        mask = os.urandom(4)
        self._socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def _exactly(self, count):
        while len(self._buffer) < count:
            more = self._socket.recv(1 << 16)
            if not more:
                raise ConnectionError("closed")
            self._buffer += more
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def receive(self):
        """The next message: str, bytes, or None for a close frame."""
        first, size = self._exactly(2)
        if size >= 126:
            (size,) = struct.unpack(">H", self._exactly(2)) if size == 126 else struct.unpack(">Q", self._exactly(8))
        data = self._exactly(size)
        opcode = first & 0xF
        return data.decode() if opcode == 1 else None if opcode == 8 else data

    def close(self):
        self._socket.close()


class Page:
    """One tab."""

    def __init__(self, port, target):
        self._socket = WebSocket("127.0.0.1", port, f"/devtools/page/{target}", timeout=60.0)
        self._numbers = itertools.count(1)
        self.requested, self.errors = [], []
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.receive())
            if message.get("method") == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
            if message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(message["params"]["exceptionDetails"])
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def run(self, script):
        """Value of an expression; promises are awaited."""
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description", details["text"]))
        return result["result"].get("value")

    def open(self, url, ready="document.readyState === 'complete'"):
        """Seconds until `ready` holds."""
        start = time.perf_counter()
        self.call("Page.navigate", url=url)
        self.wait(ready)
        return time.perf_counter() - start

    def wait(self, condition, timeout=20.0):
        end = time.perf_counter() + timeout
        while True:
            # Between two documents there is none to ask.
            with contextlib.suppress(RuntimeError):
                if self.run(condition):
                    return
            if time.perf_counter() > end:
                raise TimeoutError(condition)
            time.sleep(0.01)

    def size(self, width, height, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)

    def screenshot(self):
        """PNG bytes."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])


DRAW = """(async (poses, width, height, head) => {
  const { drawFace } = await import("/face.js");
  const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  return poses.map((pose) => {
    drawFace(pen, pose, width, height, head);
    const bytes = pen.getImageData(0, 0, width, height).data;
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return btoa(text);
  });
})"""


def drawings(page, poses, width, height, head=(0, 0, 0)):
    """The preview's face in each pose, a name → value: (poses, height, width, 4) uint8. The page is one of the preview's."""
    data = page.run(f"{DRAW}({json.dumps(list(poses))}, {width}, {height}, {json.dumps(head)})")
    return np.stack([np.frombuffer(base64.b64decode(one), np.uint8).reshape(height, width, 4) for one in data])


@contextlib.contextmanager
def chromium(profile: Path, *flags: str):
    """A browser with a new profile in `profile` and more flags; yields its one tab."""
    process = subprocess.Popen(
        [CHROMIUM, *FLAGS, *flags, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        announced = profile / "DevToolsActivePort"
        end = time.perf_counter() + 30
        while not (announced.exists() and "\n" in announced.read_text()):
            if process.poll() is not None or time.perf_counter() > end:
                raise RuntimeError("Chromium did not start")
            time.sleep(0.05)
        port = int(announced.read_text().split("\n")[0])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=10) as answer:
            target = next(t["id"] for t in json.load(answer) if t["type"] == "page")
        yield Page(port, target)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        if process.poll() is None:
            process.kill()
            process.wait()
