"""A PulseAudio of the tests' own, with a virtual cable as the only microphone that ALSA, and so PortAudio, can see."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np

MICROPHONE = "virtual_cable"
RATE = 48000


class SoundServer:
    """Runs in `folder`; `plug` and `unplug` add and remove the microphone, `play` is heard by it."""

    def __init__(self, folder: Path):
        self._socket, self._asoundrc = folder / "native", folder / "asound.conf"
        self.environment = {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_RUNTIME_PATH": str(folder / "pulse"),
            "PULSE_SERVER": f"unix:{self._socket}",
            "ALSA_CONFIG_PATH": str(self._asoundrc),
            "PULSE_LATENCY_MSEC": "",
        }
        self._env = {**os.environ, **self.environment}
        self._list(False)
        self._daemon = subprocess.Popen(
            [
                "pulseaudio",
                "-n",
                "--daemonize=no",
                "--use-pid-file=no",
                "--exit-idle-time=-1",
                "--disable-shm=yes",
                "--realtime=no",
                "--high-priority=no",
                "--log-level=error",
                "-L",
                f"module-native-protocol-unix socket={self._socket} auth-anonymous=1",
            ],
            env=self._env,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while self._pactl("info", check=False).returncode != 0:
            if time.monotonic() > deadline or self._daemon.poll() is not None:
                raise RuntimeError("PulseAudio does not start")
            time.sleep(0.05)
        self._module: str | None = None
        self._players: list[subprocess.Popen] = []
        self.plug()

    @staticmethod
    def missing() -> str:
        """What is not installed; empty when all is there."""
        plugins = any(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so"))
        return "" if shutil.which("pulseaudio") and shutil.which("pactl") and plugins else "pulseaudio libasound2-plugins"

    def _pactl(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        return subprocess.run(["pactl", *words], env=self._env, check=check, capture_output=True, text=True)

    def _list(self, plugged: bool) -> None:
        # ALSA's list of devices is this file: PortAudio sees a change only when it starts again.
        plugin = f'{{ type pulse\n server "unix:{self._socket}"\n device "{MICROPHONE}.monitor" }}\n'
        self._asoundrc.write_text(
            # Debian's PortAudio aborts when every device in the list can be opened, or there is none.
            "pcm.absent { type hw\n card 31 }\n" + (f"pcm.{MICROPHONE} {plugin}pcm.!default {plugin}" if plugged else "")
        )

    def plug(self) -> None:
        answer = self._pactl("load-module", "module-null-sink", f"sink_name={MICROPHONE}", f"rate={RATE}", "channels=1")
        self._module = answer.stdout.strip()
        # A null sink begins with a piece of two seconds, and goes on in small ones when it wakes up among eager players.
        self._play("/dev/zero", 5)
        while not self._pactl("list", "short", "sink-inputs").stdout:
            time.sleep(0.01)
        self._pactl("suspend-sink", MICROPHONE, "1")
        self._pactl("suspend-sink", MICROPHONE, "0")
        self._list(True)

    def unplug(self) -> None:
        self._list(False)
        self._pactl("unload-module", str(self._module))

    def pipe(self) -> Path:
        """A microphone in place of the cable that hears what is written to this FIFO, s16le mono at `RATE`, when it is."""
        self.unplug()
        fifo = self._asoundrc.with_name("fifo")
        self._pactl(
            "load-module",
            "module-pipe-source",
            f"source_name={MICROPHONE}.monitor",
            f"file={fifo}",
            "format=s16le",
            f"rate={RATE}",
            "channels=1",
        )
        self._list(True)
        return fifo

    def play(self, samples: np.ndarray) -> None:
        """Start to play (n,) in [-1, 1] at `RATE` into the cable."""
        sound = self._asoundrc.with_suffix(f".{len(self._players)}")
        sound.write_bytes(samples.astype("<f4").tobytes())
        self._play(sound, 200)

    def _play(self, sound: str | Path, latency: int) -> None:
        self._players.append(
            subprocess.Popen(
                [
                    "pacat",
                    "--playback",
                    f"--device={MICROPHONE}",
                    f"--rate={RATE}",
                    "--channels=1",
                    "--format=float32le",
                    f"--latency-msec={latency}",
                    sound,
                ],
                env=self._env,
                stderr=subprocess.DEVNULL,
            )
        )

    def close(self) -> None:
        for process in [*self._players, self._daemon]:
            process.terminate()
            process.wait()
