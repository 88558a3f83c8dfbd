"""Audio of any accepted type, converted to one float32 channel."""

import numpy as np

from .errors import FmgError

_INT16 = np.float32(1 / 32768)
_LOUDEST = 16.0
"""Float samples beyond this are integers that were converted without being scaled; sums of many voices stay far below."""
MAX_CHANNELS = 64


class AudioError(FmgError, ValueError):
    """These samples are not audio that a session takes; the message says what would be."""


def to_mono(audio: bytes | bytearray | memoryview | np.ndarray, channels: int = 1) -> np.ndarray:
    """One block of samples as (n,) float32 at its own rate; full scale is ±1, the channels are averaged.

    Parameters
    ----------
    audio : bytes of little-endian int16; or an int16 or float array, (n * channels,) interleaved or (n, channels).
        Samples that are not finite become 0.
    channels : of bytes and of one-dimensional arrays. A two-dimensional array says it itself.

    Raises
    ------
    AudioError
        Another type or shape, a part of a sample, or floats far beyond ±1.
    """
    if isinstance(audio, bytes | bytearray | memoryview):
        if len(audio) % (2 * channels):
            raise AudioError(f"{len(audio)} bytes are no whole number of int16 samples of {channels} channel(s)")
        audio = np.frombuffer(audio, "<i2")
    if not isinstance(audio, np.ndarray):
        raise AudioError(f"audio is bytes or a NumPy array, not {type(audio).__name__}")
    if audio.ndim == 1 and channels > 1:
        if len(audio) % channels:
            raise AudioError(f"{len(audio)} interleaved samples are no whole number of {channels} channels")
        audio = audio.reshape(-1, channels)
    if audio.ndim not in (1, 2) or (audio.ndim == 2 and not 1 <= audio.shape[1] <= MAX_CHANNELS):
        raise AudioError(f"audio has the shape (samples,) or (samples, channels), not {audio.shape}")
    if audio.dtype == np.int16:
        samples = audio.astype(np.float32) * _INT16
    elif audio.dtype.kind == "f":
        samples = audio
        if samples.dtype != np.float32:
            with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and then 0
                samples = samples.astype(np.float32)
        if not samples.size:
            return samples.reshape(-1)
        peak = max(float(samples.max()), -float(samples.min()))  # both are NaN where a sample is
        if not peak < np.inf:
            samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
            peak = float(np.abs(samples).max())
        if peak > _LOUDEST:
            raise AudioError(f"float samples lie in [-1, 1], these reach {peak:.0f}: scale them, or hand int16 over as int16")
    else:
        raise AudioError(f"audio is int16 or float, not {audio.dtype}")
    return samples if samples.ndim == 1 else samples.mean(axis=1)
