"""Print how closely fmg's eGeMAPS follows openSMILE 2.6.0:  python bench/egemaps_accuracy.py

The oracle runs here and now, over speech made here and now, see `egemaps_speech`. It needs the extra [oracle] (openSMILE, for
measuring only: its licence forbids commercial use), espeak-ng and flite. tests/parity/test_egemaps_accuracy.py asserts
every line of the table.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from egemaps_speech import CONDITIONS, SAMPLE_RATE, missing, speak, vary

from fmg_rt.egemaps import FEATURE_NAMES, EGeMAPS, stream
from fmg_rt.kernels.egemaps_hop import LONG_HOPS, MEMORY, SCRATCH, SHORT_HOPS, views
from fmg_rt.spec import EGEMAPS_INTERVAL, HOP_LENGTH

WINDOW = 5 * SAMPLE_RATE
STAGES = (
    "magnitudes 20 ms",
    "magnitudes 60 ms",
    "octave spectrum",
    "candidate frequency",
    "candidate voicing",
    "F0",
    "F0 semitones",
    "jitter, shimmer",
    "HNR",
    "mfcc",
    "loudness",
    "formants",
)
SLOPES_AND_JITTER = (6, 7, 8, 9, 30, 31)


@dataclass(frozen=True)
class Line:
    """One line of the table: what was measured, the worst of it, and whether it is good enough."""

    name: str
    measured: str
    holds: bool
    count: int = 0


class Recorder(EGeMAPS):
    """Keeps what the stages hand on."""

    def reset(self):
        super().reset()
        self.stages = {name: [] for name in STAGES[:6]}

    def push(self, samples):
        for start in range(0, len(samples), HOP_LENGTH):
            decided, hops = self._n_decided, self._n_samples // HOP_LENGTH
            super().push(samples[start : start + HOP_LENGTH])
            if self._n_samples // HOP_LENGTH > hops:
                self._keep(hops + 1, self._n_decided - decided)

    def _keep(self, n_hops, n_decided):
        """What the newest of `n_hops` hops left behind; it decided the pitch of `n_decided` frames."""
        memory, scratch = views(MEMORY, self._memory), views(SCRATCH, stream._scratch.of_hop)
        if n_hops >= SHORT_HOPS:
            self.stages["magnitudes 20 ms"].append(memory["last_magnitude"].copy())
        if n_hops >= LONG_HOPS:
            self.stages["magnitudes 60 ms"].append(scratch["magnitude"].copy())
            self.stages["octave spectrum"].append(scratch["octaves"].copy())
            self.stages["candidate frequency"].append(scratch["candidates"][0].copy())
            self.stages["candidate voicing"].append(scratch["candidates"][1].copy())
            self.stages["F0"] += [[hz] for hz in scratch["pitch"][:n_decided]]


def oracle(level=None):
    """openSMILE's extractor of functionals, or of one of its internal levels: (n,) → (rows, columns)."""
    import opensmile

    options = [opensmile.FeatureSet.eGeMAPSv02] + ([level] if level else [])
    smile = opensmile.Smile(*options)
    return lambda wave: smile.process_signal(wave, SAMPLE_RATE).to_numpy()


def stage_errors(waves):
    """For each stage the share of frames that are off by more than 1e-4 of its deviation; and of unequal voicing."""
    levels = {
        name: oracle(level)
        for name, level in (
            ("magnitudes 20 ms", "gemapsv01b_fftmagH25"),
            ("magnitudes 60 ms", "gemapsv01b_fftmagG60"),
            ("octave spectrum", "gemapsv01b_hpsG60"),
            ("candidates", "gemapsv01b_pitchShsG60"),
            ("pitch", "gemapsv01b_logPitch"),
            ("jitter, shimmer", "gemapsv01b_jitterShimmer"),
            ("HNR", "gemapsv01b_harmonics"),
            ("mfcc", "egemapsv02_mfcc"),
            ("loudness", "gemapsv01b_loudness"),
            ("formants", "gemapsv01b_formants"),
        )
    }
    ours, theirs = {name: [] for name in STAGES}, {name: [] for name in STAGES}
    voicing = []
    for wave in waves:
        recorder = Recorder()
        recorder.push(wave)
        level = {name: extract(wave) for name, extract in levels.items()}
        level["candidate frequency"], level["candidate voicing"] = level["candidates"][:, 1:7], level["candidates"][:, 7:13]
        level["F0"], level["F0 semitones"] = level["pitch"][:, :1], level["pitch"][:, 1:2]
        level["HNR"], level["formants"] = level["HNR"][:, :1], level["formants"][:, [0, 5, 1, 6, 2, 7]]
        contours = recorder._contours[:, : len(recorder.stages["magnitudes 20 ms"])].T
        decided = contours[: recorder._n_decided]
        stages = {name: np.array(frames) for name, frames in recorder.stages.items()} | {
            "F0 semitones": decided[:, 17:18],
            "jitter, shimmer": decided[:, 18:20],
            "HNR": decided[:, 20:21],
            "mfcc": contours[:, 1:5],
            "loudness": contours[:, :1],
            "formants": contours[:, 11:17],
        }
        for name in STAGES:
            n = min(len(stages[name]), len(level[name]))
            ours[name].append(stages[name][:n])
            theirs[name].append(level[name][:n])
        n = recorder._n_decided
        voicing.append((stages["F0"][:, 0] > 0) != (level["F0"][:n, 0] > 0))
    shares = {}
    for name in STAGES:
        a, b = np.concatenate(ours[name]).astype(np.float64), np.concatenate(theirs[name]).astype(np.float64)
        shares[name] = float(np.mean((np.abs(a - b) > 1e-4 * b.std(axis=0)).any(axis=1)))
    return shares, float(np.mean(np.concatenate(voicing)))


def windows(variants):
    """Features (n, 88) of windows 300 ms apart: by a new EGeMAPS, by one running since the clip began, by the oracle."""
    extract, fresh = oracle(), EGeMAPS()
    single, streamed, expected = [], [], []
    for wave in variants:
        stream = EGeMAPS()
        stream.push(wave[: WINDOW - EGEMAPS_INTERVAL])
        for end in range(WINDOW, len(wave) + 1, EGEMAPS_INTERVAL):
            stream.push(wave[end - EGEMAPS_INTERVAL : end])
            fresh.reset()
            fresh.push(wave[end - WINDOW : end])
            single.append(fresh.functionals())
            streamed.append(stream.functionals())
            expected.append(extract(wave[end - WINDOW : end])[0])
    return [np.array(x, np.float64) for x in (single, streamed, expected)]


def scores(ours, theirs):
    """Columns: r after clipping to the oracle's 1st-99th percentile, plain r, median and 95th percentile of |error| / IQR."""
    out = np.empty((ours.shape[1], 4))
    for i in range(len(out)):
        a, b = ours[:, i], theirs[:, i]
        low, high = np.percentile(b, [1, 99])
        error = np.abs(a - b) / np.subtract(*np.percentile(b, [75, 25]))
        out[i] = (
            np.corrcoef(np.clip(a, low, high), np.clip(b, low, high))[0, 1],
            np.corrcoef(a, b)[0, 1],
            np.median(error),
            np.percentile(error, 95),
        )
    return out


def tier(i):
    """Tier of a feature, and the least rw, greatest m and p95 that it may have."""
    name = FEATURE_NAMES[i]
    if i in SLOPES_AND_JITTER:
        return "F0 slopes, jitter", 0.999, np.inf, 1e-2
    if "H1-A3" in name or "amplitude" in name:
        return "formant amplitudes, H1-A3", 0.99, np.inf, 0.02
    if name.startswith(("F1", "F2", "F3")):
        return "formants", 0.98 if "bandwidth" in name and "stddev" in name else 0.99, 0.02, 0.4
    return "core", 0.9999, np.inf, 1e-3


def edge_signals():
    """Name → (80 000,) float32: silence, offsets, clipping, pure tones, clicks, 60 ms of sound in silence."""
    t = np.arange(WINDOW) / SAMPLE_RATE
    rng = np.random.default_rng(5)
    burst = np.zeros(WINDOW)
    burst[30_000:30_960] = 0.4 * np.sin(2 * np.pi * 200 * t[:960])
    click = np.zeros(WINDOW)
    click[40_000] = 0.9
    voice = sum(np.sin(2 * np.pi * 120 * h * t) / h for h in range(1, 20))
    signals = {
        "digital silence": 0 * t,
        "constant 0.3": 0 * t + 0.3,
        "least bit": rng.integers(-1, 2, WINDOW) / 32768,
        "white noise": 0.2 * rng.normal(size=WINDOW),
        "tone 100 Hz": 0.5 * np.sin(2 * np.pi * 100 * t),
        "tone 440 Hz": 0.5 * np.sin(2 * np.pi * 440 * t),
        "tone 7 kHz": 0.5 * np.sin(2 * np.pi * 7000 * t),
        "buzz 120 Hz": 0.2 * voice,
        "clipped buzz": 5 * voice,
        "buzz with offset": 0.1 * voice + 0.5,
        "click": click,
        "60 ms of tone": burst,
    }
    return {name: np.clip(x, -1, 1 - 2**-15).astype(np.float32) for name, x in signals.items()}


def edge_errors():
    """Name → (88,) of |error| / (1 + |value|), a hundredth of it for F0 slopes: must not exceed 1e-3."""
    extract = oracle()
    out = {}
    for name, wave in edge_signals().items():
        stream = EGeMAPS()
        stream.push(wave)
        ours, theirs = stream.functionals().astype(np.float64), extract(wave)[0].astype(np.float64)
        out[name] = np.abs(ours - theirs) / (1 + np.abs(theirs))
        out[name][6:10] /= 100
    return out


def table(seconds=8.0):
    """All lines of the table, over clips of so many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        clips = list(speak(Path(folder), seconds).values())
    variants = [vary(clip, condition, 10 * i + j) for i, clip in enumerate(clips) for j, condition in enumerate(CONDITIONS)]
    lines = []

    # every clip once, its condition in turn: the stages see them all
    chosen = [variants[i * len(CONDITIONS) + i % len(CONDITIONS)][:WINDOW] for i in range(len(clips))]
    shares, unequal = stage_errors(chosen)
    for name in STAGES:
        share = shares[name]
        lines.append(Line(f"stage: {name}", f"{100 * (1 - share):.2f} % of frames within 1e-4", share <= 1e-3))
    lines.append(Line("stage: voicing", f"{100 * (1 - unequal):.3f} % of frames agree", unequal <= 1e-3))

    single, streamed, expected = windows(variants)
    by_window, by_stream = scores(single, expected), scores(streamed, expected)
    for group in dict.fromkeys(tier(i)[0] for i in range(88)):
        members = [i for i in range(88) if tier(i)[0] == group]
        part = by_window[members]
        holds = all(
            by_window[i, 0] >= tier(i)[1] and by_window[i, 2] <= tier(i)[2] and by_window[i, 3] <= tier(i)[3] for i in members
        )
        text = f"rw >= {part[:, 0].min():.6f}, m <= {part[:, 2].max():.1e}, p95 <= {part[:, 3].max():.1e}"
        lines.append(Line(f"window: {len(members)} {group}", text, holds, len(expected)))
    formant = np.array([tier(i)[0] == "formants" for i in range(88)])
    m, p95 = by_stream[:, 2], by_stream[:, 3]
    n_close = int((by_stream[:, 1] >= 0.99).sum())
    holds = bool((m <= 0.02).all() and (p95 <= np.where(formant, 0.3, 0.06)).all()) and n_close >= 84
    text = f"m <= {m.max():.1e}, p95 <= {p95.max():.1e}, r >= 0.99 on {n_close}"
    lines.append(Line("stream, every 300 ms: all 88", text, holds, len(expected)))

    for name, errors in edge_errors().items():
        worst = int(errors.argmax())
        lines.append(Line(f"edge: {name}", f"{errors[worst]:.1e} ({FEATURE_NAMES[worst]})", bool(errors[worst] <= 1e-3)))
    return lines


def main():
    if missing():
        sys.exit(missing())
    lines = table()
    for line in lines:
        windows_seen = f" ({line.count} windows)" if line.count else ""
        print(f"{'ok  ' if line.holds else 'FAIL'} {line.name:42s} {line.measured}{windows_seen}")
    sys.exit(not all(line.holds for line in lines))


if __name__ == "__main__":
    main()
