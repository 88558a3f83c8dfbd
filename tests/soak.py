"""A soak: an hour of audio through the program while devices, receivers, pipes and the kernel cache fail, and nothing is lost.

``python tests/soak.py`` takes some minutes, since most of its rounds run faster than they sound. Each round starts the program
(or its loop, for a device) with one random trouble of each kind and compares every recorded frame with what one session gives
for the same audio. ``--seed`` repeats a soak.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import soundfile

from fmg_rt import Session
from fmg_rt.app.loop import run as loop
from fmg_rt.app.status import Status
from fmg_rt.kernels import cache
from fmg_rt.sinks import Sinks
from fmg_rt.weights import packaged

RATE = 30
NO_HOST = "no-such-host.invalid:9000"


class Soak:
    """Rounds of trouble in `folder`, by `chance`; `audio` counts the seconds that went through."""

    def __init__(self, folder: Path, chance: random.Random):
        self.folder, self.chance, self.audio, self.faults = (
            folder,
            chance,
            0.0,
            dict.fromkeys(("device", "receiver", "pipe", "cache", "stop", "end"), 0),
        )
        sound, _ = soundfile.read(packaged().with_name("demo.flac"), dtype="int16")
        self._voice = sound if sound.ndim == 1 else sound[:, 0]
        subprocess.run([sys.executable, "-m", "fmg_rt", "cache", "warm"], check=True, capture_output=True)
        self._cache = folder / "cache"
        (self._cache / "fmg").mkdir(parents=True)
        for path, _ in cache.kept():
            shutil.copy(path, self._cache / "fmg")
        self._session = Session()

    def sound(self, seconds: float) -> np.ndarray:
        """Speech, noise and silence in turn, (n,) int16, whole hops."""
        parts, left = [], 160 * round(100 * seconds)
        while left > 0:
            n, at = self.chance.randint(1_000, 80_000), self.chance.randrange(len(self._voice))
            noise = np.random.default_rng(self.chance.getrandbits(32)).normal(0, 300, n).astype(np.int16)
            parts.append(self.chance.choice([np.roll(self._voice, -at)[:n], noise, np.zeros(n, np.int16)])[:left])
            left -= len(parts[-1])
        return np.concatenate(parts)

    def expected(self, sound: np.ndarray) -> np.ndarray:
        """The frames of the command, (n, 52)."""
        self._session.reset()
        return np.array([frame.coefficients for frame in [*self._session.push(sound), *self._session.flush()]])

    def damage(self) -> None:
        """Spoil two kernels that every start reads and that compile quickly."""
        quick = tuple(f"expression_face.{name}-" for name in ("aperture", "keep_between", "keep_in_range", "scale_and_shift"))
        small = [path for path in sorted((self._cache / "fmg").iterdir()) if path.name.startswith(quick)]
        for path in self.chance.sample(small, 2):
            content = path.read_bytes()
            path.write_bytes(self.chance.choice([b"", content[: len(content) // 3], content[:-9] + bytes(9)]))
        self.faults["cache"] += 1

    def pipe(self, seconds: float, fast: bool) -> None:
        """One run of the program on a pipe whose writer stalls, itself stopped at times, its receiver gone at times."""
        sound, record = self.sound(seconds), self.folder / "take.csv"
        record.unlink(missing_ok=True)
        if self.chance.random() < 0.5:
            self.damage()
        ends = not fast and self.chance.random() < 0.5
        with Receiver() as receiver:
            program = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "fmg_rt",
                    "--input",
                    "-",
                    "--fast" if fast else "--paced",
                    "--record",
                    str(record),
                    "--osc",
                    f"127.0.0.1:{receiver.port}",
                    *(["--vmc", NO_HOST] if self.chance.random() < 0.3 else []),
                ],
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "NUMBA_CACHE_DIR": str(self._cache)},
            )
            writer = threading.Thread(target=self._write, args=(program, sound.astype("<i2").tobytes()), daemon=True)
            writer.start()
            ready = threading.Event()
            trouble = threading.Thread(target=self._trouble, args=(program, receiver, ends, ready), daemon=True)
            trouble.start()
            said = ""
            for line in program.stderr:
                said += line.decode()
                if b"frames/s" in line:
                    ready.set()
            ready.set()
            code = program.wait(600)
            trouble.join(30)
            writer.join(30)
        assert code == (143 if ends else 0) and "Traceback" not in said, said
        faces, wanted = table(record), self.expected(sound)
        if ends:
            assert 0 < len(faces) <= len(wanted), f"{len(faces)} of {len(wanted)} frames"
            wanted = wanted[: len(faces)]
        assert faces.shape == wanted.shape, f"{len(faces)} of {len(wanted)} frames\n{said}"
        assert np.abs(faces - wanted).max() < 1e-5
        self.audio += len(faces) / RATE

    def _write(self, program: subprocess.Popen, data: bytes) -> None:
        chance, at = random.Random(self.chance.getrandbits(32)), 0
        with contextlib.suppress(OSError):
            while at < len(data):
                n = chance.choice((1, 333, 4096, 65_536))
                os.write(program.stdin.fileno(), data[at : at + n])
                at += n
                if chance.random() < 0.002:
                    self.faults["pipe"] += 1
                    time.sleep(chance.uniform(0.05, 0.6))
        program.stdin.close()
        program.stdin = None

    def _trouble(self, program: subprocess.Popen, receiver: "Receiver", ends: bool, ready: threading.Event) -> None:
        ready.wait()
        time.sleep(self.chance.uniform(0.2, 1.5))
        if ends:
            self.faults["end"] += 1
            program.send_signal(signal.SIGTERM)
            return
        for _ in range(self.chance.randint(1, 3)):
            if program.poll() is not None:
                return
            if self.chance.random() < 0.5 and hasattr(signal, "SIGSTOP"):
                self.faults["stop"] += 1
                program.send_signal(signal.SIGSTOP)
                time.sleep(self.chance.uniform(0.1, 0.8))
                program.send_signal(signal.SIGCONT)
            else:
                self.faults["receiver"] += 1
                receiver.away(self.chance.uniform(0.1, 0.5))
            time.sleep(self.chance.uniform(0.1, 0.6))

    def device(self, seconds: float) -> None:
        """The program's loop on a microphone that is unplugged and comes back: frames go on, each once."""
        sound = self.sound(seconds)
        device, sink = Device(sound, self.chance), Faces()
        status = Status(device, 0.0, out=open(os.devnull, "w"))  # noqa: SIM115
        try:
            session = Session()
            began = time.perf_counter()
            loop(device, session, Sinks([sink], report=lambda line: None), status)
        finally:
            status.close()
        took = time.perf_counter() - began
        assert sink.numbers == list(range(len(sink.numbers))), "a frame is missing or twice"
        # The loop waits 0.2 s for audio before it goes on with silence.
        least = RATE * (took - 0.5 - 0.25 * device.faults)
        assert len(sink.numbers) >= least, f"{len(sink.numbers)} frames in {took:.1f} s with {device.faults} faults"
        self.faults["device"] += device.faults
        self.audio += seconds

    def run(self, seconds: float) -> None:
        """Rounds until so much audio has gone through."""
        while self.audio < seconds:
            self.device(min(20.0, max(2.0, seconds / 60)))
            self.pipe(self.chance.uniform(4, 8), fast=False)
            for _ in range(4):
                if self.audio < seconds:
                    self.pipe(min(self.chance.uniform(30, 300), max(10.0, seconds - self.audio)), fast=True)
            print(f"{self.audio:.0f} s of audio, nothing lost; faults: {self.faults}", flush=True)


class Receiver:
    """A UDP port that somebody listens at, most of the time."""

    def __enter__(self) -> "Receiver":
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        return self

    def away(self, seconds: float) -> None:
        self._socket.close()
        time.sleep(seconds)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with contextlib.suppress(OSError):
            self._socket.bind(("127.0.0.1", self.port))

    def __exit__(self, *_: object) -> None:
        self._socket.close()


class Device:
    """A source of live audio that is gone at times, while it goes on sounding."""

    name, latency, overflows = "device", 0.01, 0

    def __init__(self, sound: np.ndarray, chance: random.Random):
        self._sound, self._chance, self._began, self._at = sound, chance, time.perf_counter(), 0
        self._gone, self.trouble, self.faults = 0.0, "", 0

    @property
    def ended(self) -> bool:
        return self._at + 160 > len(self._sound)

    def read(self, hop: np.ndarray, timeout: float) -> bool:
        now = time.perf_counter()
        if self.ended:
            return False
        if now > self._gone and self._chance.random() < 0.002:
            self.faults += 1
            self._gone = now + self._chance.uniform(0.1, 1.5)
            self._at += round((self._gone - now) * 100) * 160
        wait = max(self._gone, self._began + (self._at + 160) / 16_000) - now
        if wait > timeout:
            time.sleep(timeout)
            return False
        time.sleep(max(wait, 0.0))
        hop[:] = self._sound[self._at : self._at + 160].astype(np.float32) / 32768
        self._at += 160
        return True

    def close(self) -> None:
        pass


class Faces:
    """A sink that remembers the numbers of its frames."""

    name, live, address = "soak", False, None

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def send(self, frame: object) -> None:
        assert ((frame.coefficients >= 0) & (frame.coefficients <= 1)).all()
        self.numbers.append(frame.index)

    def close(self) -> None:
        pass


def table(path: Path) -> np.ndarray:
    """The coefficients of a recording in CSV, (n, 52)."""
    return np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2, dtype=np.float32)[:, 1:53]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0, help="of audio")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}")
    with tempfile.TemporaryDirectory() as folder:
        Soak(Path(folder), random.Random(chosen.seed)).run(chosen.seconds)


if __name__ == "__main__":
    main()
