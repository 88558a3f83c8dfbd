"""Streaming log-mel, exactly the features that the networks were trained on."""

import numpy as np

from .. import spec
from ..kernels import logmel as kernels
from . import tables

_ROWS, _COLUMNS, _LANES = kernels.N_ROWS, kernels.N_COLUMNS, kernels.N_LANES
_FIRST = -(-spec.WIN_LENGTH // spec.HOP_LENGTH)
"""Hops until the first window is full."""

_WINDOW = np.zeros((_ROWS, _LANES))  # (16, 32) float64
_WINDOW[:, :_COLUMNS] = tables.hann_window(spec.WIN_LENGTH).reshape(_ROWS, _COLUMNS)
_TABLES = np.concatenate([table.reshape(-1) for table in (_WINDOW, *tables.split_dft(_ROWS, _COLUMNS, _LANES))])
_FILTERS = tables.mel_filters(spec.SAMPLE_RATE, spec.N_FFT, spec.N_MELS)
_BANDS = tables.sparse_bands(_FILTERS, _ROWS, _COLUMNS, _LANES)
_OFFSET = np.float32(spec.LOG_OFFSET)


class LogMel:
    """Hops in, log-mel frames out.

    Frame ``j`` covers samples [160 j, 160 j + 400) and is ready when hop ``j + 2`` has come. Power of a Hann-windowed
    transform through 80 Slaney mel bands, then ``ln(mel + 1e-10)``. Samples beyond full scale are clipped and a hop
    with a sample that is not finite counts as silence, so nothing that a device sends outlives three hops.

    Attributes
    ----------
    frame : (80,) float32 view, the newest frame; overwritten by the next `push` that returns True.
    """

    def __init__(self) -> None:
        self._memory = np.zeros(kernels.N_MEMORY, np.float32)  # the newest samples (480,), and power
        self._scratch = np.empty(kernels.N_SCRATCH)  # float64
        self.frame = np.empty(spec.N_MELS, np.float32)  # (80,)
        self.reset()

    def reset(self) -> None:
        """Forget everything heard; equal to a new one."""
        self._n_hops = 0  # the samples need no clearing: three new hops replace all before the next frame
        self.frame[:] = np.log(_OFFSET)

    def push(self, hop: np.ndarray) -> bool:
        """Take the next `hop`, (160,) float32 in [-1, 1]; True when `frame` is a new one.

        Raises
        ------
        ValueError
            Another shape: the kernel writes as much as it is given.
        TypeError
            Not a contiguous float32 array.
        """
        if np.shape(hop) != (spec.HOP_LENGTH,):
            raise ValueError(f"a hop is ({spec.HOP_LENGTH},), not {np.shape(hop)}")
        full = self._n_hops + 1 >= _FIRST
        kernels.log_mel_hop(_TABLES, *_BANDS, _OFFSET, full, hop, self._memory, self._scratch, self.frame)
        self._n_hops += 1
        return full


def log_mel(wave: np.ndarray) -> np.ndarray:
    """The log-mel frames of a whole `wave` (n,) in [-1, 1] at 16 kHz, (frames, 80) float32, bit-equal to the stream's.

    frames = 1 + (n - 400) // 160, none when n < 400.
    """
    wave = np.asarray(wave, np.float32)
    n_frames = max(0, 1 + (len(wave) - spec.WIN_LENGTH) // spec.HOP_LENGTH)
    out = np.empty((n_frames, spec.N_MELS), np.float32)
    if n_frames == 0:
        return out
    hops = np.zeros((n_frames + _FIRST - 1, spec.HOP_LENGTH), np.float32)  # the last hop may reach past the end
    n = min(hops.size, len(wave))
    hops.reshape(-1)[:n] = wave[:n]
    stream, j = LogMel(), 0
    for hop in hops:
        if stream.push(hop):
            out[j] = stream.frame
            j += 1
    return out
