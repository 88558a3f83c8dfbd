"""A sound file: what libsndfile reads, WAV files whose recorder was killed, and with PyAV the formats of phones and cameras."""

import os
import stat
from collections.abc import Callable, Generator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from . import SourceError, media, wav
from .blocks import BlockSource
from .mono import Mono

DEMO = "demo"
"""The name of the packaged clip."""
Blocks = Generator[np.ndarray, None, None]


def is_pipe(path: str | os.PathLike[str]) -> bool:
    """Whether a name stands for bytes that can be read only once: a FIFO, ``/dev/stdin``, a process substitution."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def open_file(
    path: str | os.PathLike[str], again: Callable[[], bool] = lambda: False, channel: str | int = "mix"
) -> BlockSource:
    """The source of a sound file, or of the packaged clip when `path` is ``demo``.

    again : called at the end of the file; True starts it again. channel : see `mono.Mono`.

    Raises
    ------
    SourceError
        No such file, not a sound, or an empty one.
    """
    name = os.fspath(path)
    target = Path(str(resources.files("fmg_weights") / "demo.flac")) if name == DEMO else Path(name)
    rate, _, blocks = _open(target)

    def mono() -> Blocks:
        to_one = Mono(name, channel)
        now = blocks
        while True:
            for block in now:
                yield to_one(block)
            if not again():
                return
            now = _open(target)[2]

    return BlockSource(name, mono(), rate)


def describe(path: str | os.PathLike[str]) -> tuple[float, int]:
    """Seconds of sound, 0 where they are not known, and channels.

    Raises
    ------
    SourceError
        As `open_file`.
    """
    import soundfile

    try:
        with soundfile.SoundFile(_name(Path(path))) as sound:
            return sound.frames / sound.samplerate, sound.channels
    except (soundfile.LibsndfileError, OSError):
        _, channels, blocks = _open(Path(path))
        blocks.close()
        return 0.0, channels


def _open(target: Path) -> tuple[float, int, Blocks]:
    """Sample rate, channels and blocks (n, channels) of a file."""
    try:
        with open(target, "rb") as file:
            start = file.read(12)
            size = os.fstat(file.fileno()).st_size
    except IsADirectoryError:
        raise SourceError(f"{target}: this is a folder") from None
    except (FileNotFoundError, ValueError):  # the latter: a name with a zero in it
        raise SourceError(f"{target}: there is no such file") from None
    except OSError as error:
        raise SourceError(f"{target}: cannot be read ({error.strerror or error})") from None
    if size == 0:
        raise SourceError(f"{target}: the file is empty")
    if start[:4] in wav.MAGIC:
        opened = _open_wav(target)
        if opened is not None:
            return opened
    return _open_sound(target)


def _open_wav(target: Path) -> tuple[float, int, Blocks] | None:
    """As `_open`; None for a WAV that is better left to libsndfile."""
    file = open(target, "rb")  # noqa: SIM115, closed by the blocks
    try:
        form = wav.read_header(file.read)
    except wav.WavError:
        file.close()
        return None

    def blocks() -> Blocks:
        left = form.n_bytes
        size = form.frame_bytes * max(1, int(form.rate) // 2)
        with file:
            while left is None or left > 0:
                data = file.read(size if left is None else min(size, left))
                data = data[: len(data) - len(data) % form.frame_bytes]
                if not data:
                    return
                if left is not None:
                    left -= len(data)
                yield form.decode(data)

    if os.fstat(file.fileno()).st_size - file.tell() < form.frame_bytes:
        file.close()
        raise SourceError(f"{target}: there is no sound in the file")
    return form.rate, form.channels, blocks()


def _open_sound(target: Path) -> tuple[float, int, Blocks]:
    import soundfile

    try:
        sound = soundfile.SoundFile(_name(target))
    except soundfile.LibsndfileError as error:
        if media.available():
            return media.open_media(open(target, "rb"), str(target))
        raise SourceError(
            f"{target}: not a sound file that libsndfile can read ({error.error_string}). With "
            "pip install 'facial-motion-generator[media]' many more can be; or let FFmpeg do it: "
            f"ffmpeg -i {target} -f wav - | fmg-rt --input -"
        ) from None
    if not 1000 <= sound.samplerate <= 768_000:
        rate = sound.samplerate
        sound.close()
        raise SourceError(f"{target}: the file is damaged ({rate} Hz)")
    if sound.frames == 0:
        sound.close()
        raise SourceError(f"{target}: there is no sound in the file")
    return float(sound.samplerate), sound.channels, _sound_blocks(sound, target)


def _sound_blocks(sound: Any, target: Path) -> Blocks:
    import soundfile

    # Half a second at the file's own rate; less when a damaged header names an absurd rate or channel count.
    n = max(1, min(sound.samplerate // 2, 2**18 // sound.channels))
    buffer = np.empty((n, sound.channels), np.float32)  # (n, channels)
    with sound:
        while True:
            try:
                block = sound.read(out=buffer)
            except soundfile.LibsndfileError as error:
                raise SourceError(f"{target}: the file is damaged ({error.error_string})") from None
            if len(block) == 0:
                return
            yield block


def _name(target: Path) -> str | bytes:
    """As libsndfile takes it: Windows has its own letters, elsewhere a name is bytes, UTF-8 or not."""
    return os.fsencode(target) if os.sep == "/" else str(target)
