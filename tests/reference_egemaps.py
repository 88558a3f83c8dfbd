"""Slow, obvious float64 twins of the eGeMAPS kernels; imports none of them."""

import numpy as np
from scipy.interpolate import CubicSpline


def mel(hz):
    return 1127 * np.log(1 + hz / 700)


def mel_bands(power):
    """(257,) powers at 31.25 Hz → (26,) powers in triangles between 28 points equidistant in mel."""
    points = np.linspace(mel(20), mel(8000), 28)
    at = mel(np.arange(257) * 31.25)
    bands = []
    for low, middle, high in zip(points, points[1:], points[2:], strict=False):
        weight = np.clip(np.minimum((at - low) / (middle - low), (high - at) / (high - middle)), 0, None)
        weight[[0, 1, 256]] = 0
        bands.append(weight @ power)
    return np.array(bands)


def spectral(magnitude, before):
    """Rows loudness, mfcc 1-4, flux, alpha ratio, Hammarberg index, two slopes, from magnitudes (257,)."""
    power = magnitude**2
    bands = mel_bands(power)
    w = 2 * np.pi * 700 * (np.exp(np.linspace(mel(20), mel(8000), 28)[1:-1] / 1127) - 1)
    ear = 1e32 * (w**2 + 56.8e6) * w**4 / ((w**2 + 6.3e6) ** 2 * (w**2 + 0.38e9) * (w**7 + 1.7e31))
    loudness = np.mean((np.maximum(bands, 9.3e-10) * ear) ** 0.33)
    log_bands = np.log(np.maximum(bands * 32767.0**2, 1))
    m = np.arange(26)
    mfcc = [
        (1 + 11 * np.sin(np.pi * i / 22)) * np.sqrt(2 / 26) * np.sum(log_bands * np.cos(np.pi * i * (m + 0.5) / 26))
        for i in range(1, 5)
    ]
    flux = np.sqrt(np.mean((magnitude[:160] - before[:160]) ** 2))
    alpha = 10 * np.log10(power[32:161].sum() / power[:32].sum())
    hammarberg = 10 * np.log10(power[:64].max() / power[64:161].max())
    level = 10 * np.log10(power)

    def slope(first, last):
        f, y = np.arange(first, last + 1) * 31.25, level[first : last + 1]
        n = last - first
        return (n * (f * y).sum() - f.sum() * y.sum()) / (n * (f**2).sum() - f.sum() ** 2)

    return np.array([loudness, *mfcc, flux, alpha, hammarberg, slope(0, 16), slope(16, 48)])


def peaks_only(magnitude):
    """Magnitudes (513,) without the bins between the peaks, smoothed by (1 2 1) / 4."""
    n = len(magnitude)
    padded = np.concatenate([[-np.inf], magnitude, [-np.inf]])
    peaks = [k for k in range(n) if padded[k + 1] > padded[k] and padded[k + 1] >= padded[k + 2]]
    out = magnitude.copy()
    for left, right in zip(peaks, peaks[1:], strict=False):
        out[left + 3 : right - 2] = 0
    if len(peaks) == 1:
        out[3:] = 0
    smooth = np.convolve(np.concatenate([[0], out, [0]]), [0.25, 0.5, 0.25], "valid")
    smooth[-1] = out[-1]
    return smooth


def to_octaves(y):
    """(513,) → (513,): natural cubic spline over log2 of frequency, 25 Hz to 8 kHz, floored and weighted."""
    x = np.log2(np.arange(1, 513) * 15.625)
    x = np.concatenate([[2 * x[0] - x[1]], x])
    value = CubicSpline(x, y, bc_type="natural")(np.linspace(np.log2(25), np.log2(8000), 513))
    r = 513 / np.log2(320)
    weight = 0.5 + np.arctan(3 * (np.arange(513) + 1 - (r * np.log2(65 / 50) - 1)) / r) / np.pi
    return np.maximum(value, 0) * weight


def candidates(octaves):
    """(513,) → frequencies (6,), voicing (6,)."""
    r = 513 / np.log2(320)
    total = np.zeros(513)
    for h in range(1, 16):
        shift = int(np.floor(r * np.log2(h)))
        total[: 513 - shift] += 0.85 ** (h - 1) / 15 * octaves[shift:]
    peaks = [j for j in range(1, 512) if total[j] > total[j - 1] and total[j] > total[j + 1]]
    peaks = sorted(peaks, key=lambda j: -total[j])[:6]
    found = []
    for j in peaks:
        a, b, c = total[j - 1 : j + 2]
        at = j + (a - c) / (2 * (a - 2 * b + c))
        score = b - (a - c) ** 2 / (8 * (a - 2 * b + c))
        hz = 25 * 2 ** (at * np.log2(320) / 512)
        if 55 <= hz <= 1000:
            found.append((hz, 1 - total.mean() / score if score > total.mean() else 0.0, score))
    if found:
        best = max(range(len(found)), key=lambda i: found[i][2])
        found[0], found[best] = found[best], found[0]
    out = np.zeros((2, 6))
    for i, (hz, voicing, _) in enumerate(found):
        out[:, i] = hz, voicing
    return out


def best_path(frequencies, voicings):
    """Pitch (n,) along the cheapest way through candidates (n, 6), (n, 6), found with all ways kept to the end."""
    costs, ways, last = None, None, 1.0
    for t, (f, v) in enumerate(zip(frequencies, voicings, strict=True)):

        def outside(hz):
            if hz == 0:
                return 2.0
            return 1 - hz / 100 if hz < 100 else 0.0 if hz <= 350 else (hz - 350) / 250 if hz < 600 else 1.2

        local = [2 * (-np.log(np.clip(v[i], 0.01, 1)) + 4 * (v[i] < np.float32(0.7))) + outside(f[i]) for i in range(6)]
        local.append(8.0 * (v >= np.float32(0.7)).any())
        if t == 0:
            costs, ways = local, [[i] for i in range(7)]
            continue
        new_costs, new_ways = [], []
        for i in range(7):
            options = []
            for j in range(7):
                if i < 6 and j < 6:
                    if f[i] == 0 or frequencies[t - 1][j] == 0:
                        step = 999.0
                    else:
                        jump = np.log(f[i]) - np.log(frequencies[t - 1][j])
                        step = 10 * abs(jump) + 10 * abs(jump - last)
                        last = jump
                elif i == j:
                    step = 1.0
                else:
                    step, last = 10.0, 0.0
                options.append(costs[j] + step)
            j = int(np.argmin(options))
            new_costs.append(options[j] + local[i])
            new_ways.append(ways[j] + [i])
        costs, ways = new_costs, new_ways
    return np.array([0.0 if s == 6 else frequencies[t][s] for t, s in enumerate(ways[int(np.argmin(costs))])])


def resample(frame):
    """320 windowed samples → 220 at 11 kHz, from the bins below 3.4 kHz."""
    padded = np.zeros(512)
    padded[96:416] = frame
    spectrum = np.fft.rfft(padded)
    k, i = np.arange(1, 110)[:, None], np.arange(220)
    turn = np.exp(2j * np.pi * k * i / 352)
    return (spectrum[0].real + (spectrum[1:110, None] * turn).real.sum(0)) / 256


def predict(x):
    """Coefficients (11,) of A(z) = 1 + sum a_i z^-i by the normal equations."""
    r = np.array([x[: len(x) - lag] @ x[lag:] for lag in range(12)])
    matrix = r[np.abs(np.subtract.outer(np.arange(11), np.arange(11)))]
    return np.linalg.solve(matrix, -r[1:])


def formants(coefficients):
    """Up to three (frequency, bandwidth) pairs, Hz, ascending: (3, 2), missing ones 0."""
    z = np.roots(np.concatenate([[1], -np.asarray(coefficients, np.float64)]))
    z = z[z.imag > 0]
    hz, width = np.angle(z) * 11_000 / (2 * np.pi), np.abs(np.log(np.abs(z))) * 11_000 / np.pi
    found = sorted((f, b) for f, b in zip(hz, width, strict=True) if 50 <= f <= 5450)[:3]
    return np.array(found + [(0.0, 0.0)] * (3 - len(found)))


def smooth_voiced(x):
    """Mean of the values other than 0 among three neighbours, ends repeated, 0 where x is 0."""
    out = np.zeros(len(x))
    for i, here in enumerate(x):
        if here != 0:
            three = np.array([x[max(i - 1, 0)], here, x[min(i + 1, len(x) - 1)]])
            out[i] = three[three != 0].mean()
    return out


def statistics(x):
    """Mean, deviation over mean, percentiles 20, 50, 80 and their range."""
    p = np.percentile(x, [20, 50, 80])
    return np.array([x.mean(), x.std() / x.mean(), *p, p[2] - p[0]])
