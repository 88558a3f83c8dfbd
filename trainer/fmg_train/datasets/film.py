"""A film: its sound and its pictures on one clock, through PyAV."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fmg_rt import spec

from .form import DatasetError

SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".3gp")
LONGEST_SIDE = 1280
"""Larger pictures are made smaller, pixels: a detector sees no more in them."""
GAP = 0.05
"""Seconds of sound that may be missing before silence takes their place."""
_SLOWEST = 12.0
"""Frames per second below which no lips can be followed."""


def find(directory: Path) -> list[Path]:
    """All films in and below a folder, by name."""
    return sorted(path for path in directory.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def sound(path: Path) -> tuple[np.ndarray, float]:
    """((samples,) float32 at 16 kHz, all channels mixed; the film's time of the first sample, s).

    Raises
    ------
    DatasetError
        Unreadable, no sound, or below 16 kHz.
    """
    import soxr

    container = _open(path)
    with container:
        tracks = [track for track in container.streams.audio if track.codec_context is not None]
        if not tracks:
            raise DatasetError(f"{path}: the film has no sound")
        rate = tracks[0].codec_context.sample_rate
        if not rate or rate < spec.SAMPLE_RATE:
            raise DatasetError(f"{path}: its sound has {rate} Hz; at least {spec.SAMPLE_RATE} Hz are needed")
        start, length, pieces = None, 0, []
        for piece, time in _samples(container, tracks[0], rate):
            if start is None:
                start = time
            missing = round((time - start) * rate) - length
            if missing > GAP * rate:
                pieces.append(np.zeros(missing, np.float32))
                length += missing
            pieces.append(piece)
            length += len(piece)
    if start is None:
        raise DatasetError(f"{path}: the film's sound is empty or cannot be read")
    audio = np.nan_to_num(np.concatenate(pieces))
    return np.clip(soxr.resample(audio, rate, spec.SAMPLE_RATE), -1, 1).astype(np.float32), start


def pictures(path: Path) -> Iterator[tuple[float, np.ndarray]]:
    """(time in the film, s; upright picture (height, width, 3) uint8 RGB), in the order of time, up to the end or damage.

    Raises
    ------
    DatasetError
        Unreadable, no pictures, or so few a second that lips cannot be followed.
    """
    container = _open(path)
    with container:
        if not container.streams.video:
            raise DatasetError(f"{path}: there are no pictures in the file")
        track = container.streams.video[0]
        track.thread_type = "AUTO"
        if track.average_rate and track.average_rate < _SLOWEST:
            raise DatasetError(f"{path}: {float(track.average_rate):.1f} pictures a second; at least {_SLOWEST:g} are needed")
        last = -np.inf
        for frame in _decoded(container, track):
            if frame.time is None or frame.time <= last:
                continue
            last = frame.time
            scale = min(1.0, LONGEST_SIDE / max(frame.width, frame.height))
            size = [2 * max(1, round(scale * side / 2)) for side in (frame.width, frame.height)]
            image = frame.to_ndarray(format="rgb24", width=size[0], height=size[1])
            yield float(frame.time), np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))


def seconds(path: Path) -> float:
    """Length that the file says it has, 0 where it says nothing."""
    import av

    with _open(path) as container:
        return float(container.duration or 0) / av.time_base


def _open(path: Path) -> Any:
    try:
        import av
    except ModuleNotFoundError:
        from fmg_rt.distribution import install

        raise DatasetError(f"films need PyAV and MediaPipe, which are not installed: {install('train,video')}") from None
    try:
        return av.open(str(path), metadata_errors="ignore")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise DatasetError(f"{path}: not a film, or cut off ({getattr(error, 'strerror', None) or error})") from None


def _decoded(container: Any, track: Any) -> Iterator[Any]:
    """The frames of a track up to its end or to the first damage: what comes before is good."""
    import av

    try:
        yield from container.decode(track)
    except (av.FFmpegError, OSError, ValueError):
        return


def _samples(container: Any, track: Any, rate: int) -> Iterator[tuple[np.ndarray, float]]:
    """Blocks of mono samples and the time of their first."""
    import av

    resampler = av.AudioResampler("flt", track.codec_context.layout, rate)
    for frame in _decoded(container, track):
        for block in resampler.resample(frame):
            samples = block.to_ndarray().reshape(-1, len(block.layout.channels))
            yield samples.mean(1), float(block.time if block.time is not None else 0.0)
