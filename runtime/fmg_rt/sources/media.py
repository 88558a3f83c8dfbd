"""The sound of files that phones, browsers and cameras record (m4a, mp4, mov, mkv, webm …), through PyAV."""

from collections.abc import Generator
from typing import Any, BinaryIO

import numpy as np

from . import SourceError

_LONGEST = 1 << 16
"""Samples of one block handed on; less than a second at 96 kHz."""
_FORMATS = "mov,matroska,aac,mp3,ogg,flac,wav,avi,flv,mpegts,mpeg,asf,amr,caf,aiff,w64,au,ac3,eac3,wv,ape,tta"
"""FFmpeg's names of the formats that may be opened. Play lists are not: they could name other files."""


def available() -> bool:
    """Whether PyAV is installed."""
    try:
        import av  # noqa: F401
    except ImportError:
        return False
    return True


def open_media(file: BinaryIO, name: str) -> tuple[float, int, Generator[np.ndarray, None, None]]:
    """Sample rate (Hz), channels, and blocks (n, channels) float32 of the first sound track.

    file : closed with the blocks; a pipe's has no `seek`.

    Raises
    ------
    SourceError
        Nothing that FFmpeg can read, or it has no sound; also from the blocks, where the file is damaged.
    """
    import av

    try:
        container = av.open(file, "r", options={"format_whitelist": _FORMATS}, metadata_errors="ignore")
    except (av.FFmpegError, OSError, ValueError) as error:
        file.close()
        raise SourceError(f"{name}: not a sound that libsndfile or FFmpeg can read ({_reason(error)})") from None
    # A track whose codec FFmpeg does not know has no context.
    tracks = [track for track in container.streams.audio if track.codec_context is not None]
    if not tracks:
        container.close()
        file.close()
        raise SourceError(f"{name}: there is no sound in the file that FFmpeg knows")
    track = tracks[0]
    rate, channels = track.codec_context.sample_rate, track.codec_context.channels
    if not 1000 <= rate <= 768_000 or not channels:
        container.close()
        file.close()
        raise SourceError(f"{name}: the file is damaged ({rate} Hz, {channels} channels)")

    def blocks() -> Generator[np.ndarray, None, None]:
        resampler = av.AudioResampler("flt", track.codec_context.layout, rate)
        try:
            with file, container:
                for frame in container.decode(track):
                    yield from _pieces(resampler.resample(frame), channels)
                yield from _pieces(resampler.resample(None), channels)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise SourceError(f"{name}: the file is damaged ({_reason(error)})") from None

    return float(rate), channels, blocks()


def _pieces(frames: Any, channels: int) -> Generator[np.ndarray, None, None]:
    for frame in frames:
        samples = frame.to_ndarray().reshape(-1, channels)
        for start in range(0, len(samples), _LONGEST):
            yield samples[start : start + _LONGEST]


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
