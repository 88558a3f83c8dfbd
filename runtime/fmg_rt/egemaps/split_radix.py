"""Plan and twiddles of the 512-point transform whose rounding the formants depend on, see `kernels.egemaps_split`.

The turns are those of the reference implementation down to the last bit: angles are multiplied in float32, every other
turn of the first pass is the mean of its neighbours, and a turn by 3/8 pi comes from the sine of 1/8 pi where it can.

References
----------
Duhamel and Hollmann, Split radix FFT algorithm, Electronics Letters 20, 1984. Ooura, General purpose FFT package, 2006.
"""

import numpy as np

SIZE = 256
"""Complex points: two real samples each."""
EIGHTH = SIZE // 4
"""Steps in an eighth of a turn; all angles count in steps of pi / 256."""
_STEP = np.float32(np.pi / SIZE)


def _base(harmonic: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of `harmonic` times 0..64 steps."""
    angle = (np.float32(harmonic) * _STEP * np.arange(EIGHTH + 1, dtype=np.float32)).astype(np.float64)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


_SINGLE, _TRIPLE = _base(1), _base(3)
ROOT_HALF = _SINGLE[0][EIGHTH]


def _single(step: int) -> tuple[np.float32, np.float32]:
    """Cosine and sine of up to a quarter turn."""
    if step <= EIGHTH:
        return _SINGLE[0][step], _SINGLE[1][step]
    return _SINGLE[1][2 * EIGHTH - step], _SINGLE[0][2 * EIGHTH - step]


def _triple(step: int) -> tuple[np.float32, np.float32]:
    """Cosine and sine of three times up to a quarter turn."""
    if step <= EIGHTH:
        return _TRIPLE[0][step], _TRIPLE[1][step]
    return -_TRIPLE[1][2 * EIGHTH - step], -_TRIPLE[0][2 * EIGHTH - step]


def _sixteenth(count: int) -> tuple[np.float32, np.float32]:
    """Cosine and sine of `count` times pi / 16."""
    quarters, rest = divmod(count % 32, 8)
    first = ((np.float32(1), np.float32(0)), _single(16), _single(32), _triple(16), (ROOT_HALF, ROOT_HALF))
    c, s = first[rest] if rest <= 4 else first[8 - rest][::-1]
    for _ in range(quarters):
        c, s = -s, c
    return c, s


def _first_pass() -> list:
    """(single, triple) of the 64 turns of the first pass: the odd ones up to an eighth are means, the rest mirrored."""
    turns = [[_single(2 * j), _triple(2 * j)] for j in range(EIGHTH)]
    half = EIGHTH // 2
    turns[half] = [(ROOT_HALF, ROOT_HALF), (-ROOT_HALF, ROOT_HALF)]
    scales = [np.float32(0.5 / np.cos(np.float64(np.float32(h) * _STEP * np.float32(2)))) for h in (1, 3)]
    for j in range(1, half, 2):
        pairs = zip(scales, turns[j - 1], turns[j + 1], strict=True)
        turns[j] = [(scale * (a[0] + b[0]), scale * (a[1] + b[1])) for scale, a, b in pairs]
    for j in range(1, half):
        (c1, s1), (c3, s3) = turns[j]
        turns[EIGHTH - j] = [(s1, c1), (-s3, -c3)]
    return turns


def _twiddles(size: int, odd: bool) -> np.ndarray:
    """(8, size / 4): cosine and sine of the turns of one block, those of an even block in the first and third pair."""
    out = np.zeros((8, size // 4), np.float32)
    for j in range(size // 4):
        if size == 16:
            step = j if odd else 2 * j
            turns = [_sixteenth(step), _sixteenth(step + 4), _sixteenth(3 * step), _sixteenth(3 * step + 12)]
        elif odd:
            step = j * SIZE // size
            turns = [_single(step), _single(step + EIGHTH), _triple(step), _triple(step + EIGHTH)]
            if step == EIGHTH // 2:
                (c, s), _ = turns[:2]
                turns[2:] = [(s, c), (-c, -s)]
        else:
            step = 2 * j * SIZE // size
            single, triple = _first_pass()[j] if size == SIZE else (_single(step), _triple(step))
            turns = [single, single, triple, triple]
        out[:, j] = np.ravel(turns)
    return out


def build() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Plan (85, 4): offset, quarter of the size, odd or even, column of the twiddles, of each block, largest first.

    Then the twiddles (8, n), the position (256,) at which each bin stands at last, and the turns (2, 128) that take the
    two interleaved transforms apart.
    """
    plan: list[tuple[int, int, bool, int]] = []
    twiddles: list[np.ndarray] = []
    columns: dict[tuple[int, bool], int] = {}
    position = np.zeros(SIZE, np.int32)
    blocks = [(0, SIZE, False, 0, 1)]  # offset, size, odd; first bin and distance of the bins
    while blocks:
        offset, size, odd, first, apart = blocks.pop(0)
        if size == 1:
            position[first] = offset
            continue
        if (size, odd) not in columns:
            columns[size, odd] = sum(t.shape[1] for t in twiddles)
            twiddles.append(_twiddles(size, odd))
        quarter = size // 4
        plan.append((offset, quarter, odd, columns[size, odd]))
        for i, (bin_of, is_odd) in enumerate(((0, False), (2, True), (1, False), (3, odd))):
            blocks.append((offset + i * quarter, quarter, is_odd, first + bin_of * apart, 4 * apart))
    half = np.float32(0.5)
    cosines = [np.float32(0.5 * np.float64(np.cos(np.float64(_STEP * np.float32(j))))) for j in range(EIGHTH + 1)]
    sines = [np.float32(0.5 * np.float64(np.sin(np.float64(_STEP * np.float32(j))))) for j in range(EIGHTH + 1)]
    table = np.array(cosines + sines[EIGHTH - 1 :: -1], np.float32)  # half the cosine of 0..128 steps
    halves = np.stack([half - table[::-1], table])
    return np.array(plan, np.int32), np.concatenate(twiddles, axis=1), position, np.ascontiguousarray(halves[:, :128])
