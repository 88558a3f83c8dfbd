"""A sound file, of any rate and channel count that libsndfile reads."""

import os
from collections.abc import Callable, Generator
from importlib import resources
from pathlib import Path

import numpy as np

from . import SourceError
from .blocks import BlockSource

DEMO = "demo"
"""The name under which the packaged clip is asked for."""


def open_file(path: str | os.PathLike[str], again: Callable[[], bool] = lambda: False) -> BlockSource:
    """The source of a sound file, or of the packaged clip when `path` is ``demo``.

    again : asked at the end of the file whether it shall begin anew.

    Raises
    ------
    SourceError
        No such file, not a sound, or an empty one.
    """
    import soundfile

    name = os.fspath(path)
    target = Path(str(resources.files("fmg_weights") / "demo.flac")) if name == DEMO else Path(name)
    if not target.is_file():
        raise SourceError(f"{target}: there is no such file")
    if target.stat().st_size == 0:
        raise SourceError(f"{target}: the file is empty")
    try:
        sound = soundfile.SoundFile(target)
    except soundfile.LibsndfileError as error:
        raise SourceError(f"{target}: not a sound file that libsndfile can read ({error.error_string})") from None
    if sound.frames == 0:
        sound.close()
        raise SourceError(f"{target}: there is no sound in the file")
    return BlockSource(name, _blocks(sound, target, again), sound.samplerate)


def _blocks(sound, target: Path, again: Callable[[], bool]) -> Generator[np.ndarray, None, None]:
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
                if not again():
                    return
                sound.seek(0)
                continue
            # Float files may hold anything; the filter would spread one NaN over its whole length.
            yield np.nan_to_num(block.mean(axis=1), nan=0.0, posinf=0.0, neginf=0.0)
