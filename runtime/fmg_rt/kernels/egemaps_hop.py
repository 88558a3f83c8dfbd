"""One hop of eGeMAPS in one call: the descriptors of the 20 ms and the 60 ms that end with it, and what pitch decides.

Every array costs 50 ns a call, so what belongs together lies in one, in the order that the layouts here name:
`egemaps.stream` owns the arrays and fills the tables.
"""

from collections import namedtuple
from collections.abc import Mapping

import numpy as np

from .egemaps_fft import autocorrelation, magnitudes, spectrum
from .egemaps_formants import formants
from .egemaps_jitter import jitter
from .egemaps_pitch import candidates, follow, peaks_only, to_octaves
from .egemaps_spectral import spectral
from .egemaps_split import short_spectrum
from .egemaps_voice import semitones, voice
from .egemaps_wave import append, recall
from .jit import F32, F64, I16, I32, I64, IN1, OUT1, OUT2, VOID, array_in, array_out, kernel, part

ZERO = np.float32(0)
HOP, SHORT, LONG = 160, 320, 960
"""Samples of a hop and of both frames."""
SHORT_HOPS, LONG_HOPS = SHORT // HOP, LONG // HOP
BEFORE = 1024
"""Most samples before a frame in which a period of it may begin."""
N_PENDING = 64
"""Frames whose pitch may be undecided; `follow` counts modulo this number."""
N_TWIDDLES = 106
N_PROMPT = 17
"""Rows of the contours that need no pitch."""
_N, _HALF = 513, 257  # bins of both transforms

TABLES = {
    "split_twiddles": (8, N_TWIDDLES),
    "split_apart": (2, 128),
    "root_half": (1,),
    "hamming": (SHORT,),
    "mel_falling": (_HALF,),
    "loudness_weights": (26,),
    "dct": (4, 26),
    "resample_cos": (109, 220),
    "resample_sin": (109, 220),
    "gauss": (LONG,),
    "long_cos": (1024,),
    "long_sin": (1024,),
    "right": (3, _N),
    "tridiagonal": (3, _N),
    "interpolation": (4, _N),
    "decay": (15,),
}
"""Of `egemaps.tables`, float32."""
EXACT = {"slopes": (2, 49), "roots": (2, 12)}
"""The same, float64."""
PLACES = {"split_plan": (85, 4), "split_position": (256,), "mel_first": (28,), "node": (_N,), "shift": (15,)}
"""The same, int32."""
MEMORY = {"newest": (LONG,), "last_magnitude": (_HALF,), "ring": (N_PENDING, 7), "periods": (4,), "next_pitch": (1,)}
"""What a stream keeps from hop to hop, float32, besides wave, contours, `costs` and `paths`."""
SCRATCH = {
    "pitch": (48,),
    "candidates": (2, 6),
    "magnitude": (_N,),
    "octaves": (_N,),
    "again": (_N,),
    "peaks": (_N,),
    "second": (1, _N),
    "summed": (_N,),
    "short_fft": (2, 256),
    "short": (2, _HALF),
    "power": (_HALF,),
    "bands": (26,),
    "resampled": (231,),
    "lags": (2, 12),
    "lpc": (11,),
    "long_fft": (6, 512),
    "long": (2, _N),
    "around": (BEFORE + LONG,),
    "harmonics": (4, 100),
}
"""Overwritten by each hop, float32."""
EXACT_SCRATCH = {"zeros": (8, 12), "search": (25,), "sums": (2048,), "squares": (2048,), "match": (128,)}
"""The same, float64."""


def size(layout: Mapping[str, tuple[int, ...]]) -> int:
    """Numbers of all that a layout names."""
    return sum(int(np.prod(shape)) for shape in layout.values())


def views(layout: Mapping[str, tuple[int, ...]], flat: np.ndarray) -> dict[str, np.ndarray]:
    """Name → its part of the flat array, in its shape."""
    ends = np.cumsum([np.prod(shape) for shape in layout.values()])
    parts = np.split(flat[: ends[-1]], ends[:-1])
    return {name: part.reshape(shape) for (name, shape), part in zip(layout.items(), parts, strict=True)}


def _starts(layout):
    starts = [0, *np.cumsum([np.prod(shape) for shape in layout.values()]).tolist()]
    return namedtuple("Starts", [*layout, "end"])(*starts)


_T, _E, _P, _M, _S, _X = (_starts(layout) for layout in (TABLES, EXACT, PLACES, MEMORY, SCRATCH, EXACT_SCRATCH))

_PLACES, _EXACT, _WAVE = array_in(I32, 1), array_in(F64, 1), array_in(I16, 1)
_OUT_PLACES, _OUT_EXACT, _OUT_WAVE = array_out(I32, 2), array_out(F64, 1), array_out(I16, 1)


@part(VOID(IN1, _EXACT, _PLACES, I64, I64, OUT1, OUT1, _OUT_EXACT, OUT2))
def short_frame(tables, exact, places, frame, column, memory, scratch, exact_scratch, contours):
    """Rows 0-16 of `contours` (27, n) at `column`: what the newest 20 ms tell."""
    newest, short = memory[_M.newest : _M.last_magnitude], scratch[_S.short : _S.power].reshape((2, _HALF))
    short_spectrum(
        places[_P.split_plan : _P.split_position].reshape((85, 4)),
        tables[_T.split_twiddles : _T.split_apart].reshape((8, N_TWIDDLES)),
        places[_P.split_position : _P.mel_first],
        tables[_T.split_apart : _T.root_half].reshape((2, 128)),
        tables[_T.root_half],
        tables[_T.hamming : _T.mel_falling],
        newest,
        LONG - SHORT,
        scratch[_S.short_fft : _S.short].reshape((2, 256)),
        short,
    )
    spectral(
        places[_P.mel_first : _P.node],
        tables[_T.mel_falling : _T.loudness_weights],
        tables[_T.loudness_weights : _T.dct],
        tables[_T.dct : _T.resample_cos].reshape((4, 26)),
        exact[_E.slopes : _E.roots].reshape((2, 49)),
        short,
        newest,
        LONG - SHORT,
        column,
        memory[_M.last_magnitude : _M.ring],
        scratch[_S.power : _S.bands],
        scratch[_S.bands : _S.resampled],
        contours,
    )
    if frame == 0:
        contours[5, 0] = ZERO  # no flux without a frame before
    formants(
        tables[_T.resample_cos : _T.resample_sin].reshape((109, 220)),
        tables[_T.resample_sin : _T.gauss].reshape((109, 220)),
        exact[_E.roots : _E.end].reshape((2, 12)),
        short,
        column,
        scratch[_S.resampled : _S.lags],
        scratch[_S.lags : _S.lpc].reshape((2, 12)),
        scratch[_S.lpc : _S.long_fft],
        exact_scratch[_X.zeros : _X.search].reshape((8, 12)),
        contours,
    )


@part(I64(IN1, _PLACES, I64, I64, OUT1, _OUT_EXACT, _OUT_PLACES, OUT1, _OUT_EXACT, _OUT_PLACES))
def long_frame(tables, places, frame, n_decided, memory, costs, paths, scratch, exact_scratch, ways):
    """Pitch of the newest 60 ms; how many frames it decides, whose pitch begins ``scratch``, Hz, 0 when unvoiced."""
    magnitude, peaks = scratch[_S.magnitude : _S.octaves], scratch[_S.peaks : _S.second]
    octaves, long = scratch[_S.octaves : _S.again], scratch[_S.long : _S.around].reshape((2, _N))
    found, pitch = scratch[_S.candidates : _S.magnitude].reshape((2, 6)), scratch[_S.pitch : _S.candidates]
    level = spectrum(
        tables[_T.gauss : _T.long_cos],
        tables[_T.long_cos : _T.long_sin],
        tables[_T.long_sin : _T.right],
        memory[_M.newest : _M.last_magnitude],
        0,
        scratch[_S.long_fft : _S.long].reshape((6, 512)),
        long,
    )
    peaks_only(long, magnitude, peaks)
    to_octaves(
        tables[_T.right : _T.tridiagonal].reshape((3, _N)),
        tables[_T.tridiagonal : _T.interpolation].reshape((3, _N)),
        places[_P.node : _P.shift],
        tables[_T.interpolation : _T.decay].reshape((4, _N)),
        peaks,
        scratch[_S.second : _S.summed].reshape((1, _N)),
        octaves,
    )
    shift, decay = places[_P.shift : _P.end], tables[_T.decay : _T.end]
    candidates(shift, decay, octaves, scratch[_S.summed : _S.short_fft], found)
    ring, search = memory[_M.ring : _M.periods].reshape((N_PENDING, 7)), exact_scratch[_X.search : _X.sums]
    n = follow(found, level, n_decided, frame, ring, costs, paths, ways, search, pitch)
    memory[_M.next_pitch] = semitones(pitch[n])
    return n


@part(VOID(IN1, F32, _WAVE, I64, I64, OUT1, OUT1, _OUT_EXACT, OUT2))
def decided(tables, hz, wave, first, column, memory, scratch, exact_scratch, contours):
    """Rows 17-26 of `contours` at `column`, of a frame whose pitch is now known; it begins at `first` of the ring `wave`."""
    around, again = scratch[_S.around : _S.harmonics], scratch[_S.again : _S.peaks]
    long, periods = scratch[_S.long : _S.around].reshape((2, _N)), memory[_M.periods : _M.next_pitch]
    if hz > ZERO:
        before = min(I64(periods[0]), BEFORE)  # samples that the frame before left unread
        recall(wave, (first - before) % wave.shape[0], around[BEFORE - before :])
        # Computed a second time, since 64 spectra would be most of what a stream keeps.
        cos, sin = tables[_T.long_cos : _T.long_sin], tables[_T.long_sin : _T.right]
        fft = scratch[_S.long_fft : _S.long].reshape((6, 512))
        spectrum(tables[_T.gauss : _T.long_cos], cos, sin, around, BEFORE, fft, long)
        magnitudes(long, again)
        autocorrelation(cos, sin, again, fft, long)
    voice(hz, again, long[0], column, scratch[_S.harmonics : _S.end].reshape((4, 100)), contours)
    sums, squares = exact_scratch[_X.sums : _X.squares], exact_scratch[_X.squares : _X.match]
    jitter(hz, around, BEFORE, column, periods, sums, squares, exact_scratch[_X.match :], contours)


@kernel(
    I64(
        *(IN1, I64, I64, I64, I64),
        *(IN1, _EXACT, _PLACES),
        *(_OUT_WAVE, OUT2, OUT1, OUT1, _OUT_EXACT, _OUT_PLACES),
        *(OUT1, _OUT_EXACT, _OUT_PLACES),
    )
)
def hear(
    samples,
    first,
    count,
    heard,
    n_decided,
    tables,
    exact,
    places,
    wave,
    contours,
    lld,
    memory,
    costs,
    paths,
    scratch,
    exact_scratch,
    ways,
):
    """Hear samples[first:first + count] after `heard` others; how many frames have their pitch now, of all so far.

    Nothing is described before the samples complete a hop, which they may not exceed. n_decided: what the last call returned.
    tables, exact, places: `TABLES`, `EXACT` and `PLACES`, flat. wave: ring of samples, int16; contours (27, n): ring of
    frames; lld (27,): rows 0-16 of the newest frame and 17-26 of the newest with a pitch, 0 without any; memory: `MEMORY`;
    costs (8,), paths (7, 64): of `follow`. scratch, exact_scratch: `SCRATCH` and `EXACT_SCRATCH`, ways (7, 64).
    """
    append(samples, first, count, heard % wave.shape[0], wave)
    if (heard + count) % HOP != 0:
        return n_decided
    n_hops, n_window = (heard + count) // HOP, contours.shape[1]
    newest = memory[_M.newest : _M.last_magnitude]
    for i in range(LONG - HOP):
        newest[i] = newest[i + HOP]
    recall(wave, (n_hops - 1) * HOP % wave.shape[0], newest[LONG - HOP :])
    frame = n_hops - SHORT_HOPS
    if frame < 0:
        return n_decided
    short_frame(tables, exact, places, frame, frame % n_window, memory, scratch, exact_scratch, contours)
    for i in range(N_PROMPT):
        lld[i] = contours[i, frame % n_window]
    frame = n_hops - LONG_HOPS
    if frame < 0:
        return n_decided
    n = long_frame(tables, places, frame, n_decided, memory, costs, paths, scratch, exact_scratch, ways)
    for i in range(n_decided, n_decided + n):
        hz = scratch[_S.pitch + i - n_decided]
        decided(tables, hz, wave, i * HOP, i % n_window, memory, scratch, exact_scratch, contours)
    if n > 0:
        for i in range(N_PROMPT, lld.shape[0]):
            lld[i] = contours[i, (n_decided + n - 1) % n_window]
    return n_decided + n
