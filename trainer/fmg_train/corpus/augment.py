"""Rooms, microphones, noises and vocal tracts: augmentation of clean speech.

Everything keeps the time of the sound (the direct sound of a room is at sample 0, filters are minimum phase), except
`resample` and `retime`, which the face has to follow.

References: N. Jaitly, G. Hinton, Vocal tract length perturbation, 2013; R. Bristow-Johnson, Audio EQ cookbook;
ITU-T G.711 (µ-law); J. Allen, D. Berkley, 1979 (decay of a room); J. Flanagan, R. Golden, Phase vocoder, 1966; RFC 6716
(Opus, as libsndfile encodes it).
"""

import io
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr
from scipy import fft, ndimage, signal

from fmg_rt import spec

RATE = spec.SAMPLE_RATE
_N_FFT, _HOP = 512, 128
DIRECT_TO_REVERBERANT_DB = -12.0, 20.0
"""How far the direct sound of a `room` may be above the rest of it: a microphone across the room … before the mouth."""
FRAME = _HOP
"""Samples of one frame of `retime`."""
_WINDOW = np.hanning(_N_FFT + 1)[:-1].astype(np.float32)


def rms(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(audio), dtype=np.float64) + 1e-20))


def speech_level(audio: np.ndarray) -> float:
    """RMS of the louder half of 20 ms frames: the level while somebody speaks."""
    n = len(audio) // 320 * 320
    if n == 0:
        return rms(audio)
    power = np.sort(np.square(audio[:n].reshape(-1, 320)).mean(1))
    return float(np.sqrt(power[len(power) // 2 :].mean() + 1e-20))


def stft(audio: np.ndarray) -> np.ndarray:
    """(frames, 257) complex64; every sample lies in four frames, the first and last ones too."""
    padded = np.pad(audio, _N_FFT)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _N_FFT)[::_HOP]
    return fft.rfft(frames * _WINDOW, axis=1)


def istft(spectra: np.ndarray, n_samples: int) -> np.ndarray:
    """The inverse of `stft` by overlap-add."""
    frames = fft.irfft(spectra, _N_FFT, axis=1).astype(np.float32) * _WINDOW
    quarters = frames.reshape(len(frames), 4, _HOP)
    out = np.zeros((len(frames) + 3, _HOP), np.float32)
    for i in range(4):
        out[i : i + len(frames)] += quarters[:, i]
    # The squared Hann window at a quarter of its length sums to 1.5.
    return out.reshape(-1)[_N_FFT : _N_FFT + n_samples] / np.float32(1.5)


def log_envelope(spectra: np.ndarray, n_cepstra: int = 28) -> np.ndarray:
    """(frames, 257) natural log of the spectral envelope, by the first cepstra."""
    cepstra = fft.irfft(np.log(np.abs(spectra) + 1e-6), axis=1)
    cepstra[:, n_cepstra : -n_cepstra + 1] = 0
    return fft.rfft(cepstra, axis=1).real


def resample(audio: np.ndarray, factor: float) -> np.ndarray:
    """`factor` times faster and higher, as a tape."""
    return soxr.resample(audio, RATE, RATE / factor, quality="HQ").astype(np.float32)


def warp_formants(audio: np.ndarray, factor: float) -> np.ndarray:
    """Formants `factor` times higher, pitch and time unchanged."""
    spectra = stft(audio)
    envelope = log_envelope(spectra)
    bins = np.arange(envelope.shape[1], dtype=np.float32) / factor
    left = np.minimum(bins.astype(int), envelope.shape[1] - 2)
    share = np.clip(bins - left, 0, 1)
    warped = envelope[:, left] * (1 - share) + envelope[:, left + 1] * share
    return istft(spectra * np.exp(np.clip(warped - envelope, -4, 4)), len(audio))


def retime(audio: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """A phase vocoder: output frame k (of 128 samples) sounds as the input does around sample `positions[k]`, pitch unchanged.

    positions : (frames,) ascending, samples. Returns (128 frames,) float32.
    """
    spectra = stft(audio)
    place = np.clip((positions + _N_FFT / 2) / _HOP, 0, len(spectra) - 2)
    before = place.astype(int)
    share = (place - before).astype(np.float32)[:, None]
    size = np.abs(spectra)
    size = size[before] * (1 - share) + size[before + 1] * share
    phase = np.angle(spectra)
    turned = np.concatenate((phase[before[:1]], (phase[before + 1] - phase[before])[:-1]))
    out = size * np.exp(1j * np.cumsum(turned, axis=0, dtype=np.float64)).astype(np.complex64)
    lead = np.zeros((2, out.shape[1]), np.complex64)  # `istft` drops what lies before the first whole frame
    return istft(np.concatenate((lead, out, lead)), _HOP * len(positions))


def at_tempo(audio: np.ndarray, factor: float) -> np.ndarray:
    """`factor` times faster at the same pitch."""
    frames = int(np.ceil(len(audio) / factor / _HOP))
    return retime(audio, np.arange(frames) * _HOP * factor)[: max(1, round(len(audio) / factor))]


def repitch(audio: np.ndarray, factor: float, formants: bool) -> np.ndarray:
    """Pitch `factor` times higher in the same time, the formants with it or not, as voice changers do."""
    out = resample(at_tempo(audio, 1 / factor), factor)
    out = np.pad(out, (0, max(0, len(audio) - len(out))))[: len(audio)]
    return out if formants else warp_formants(out, 1 / factor)


def peaking(frequency: float, gain_db: float, q: float) -> np.ndarray:
    """(1, 6) section of a peaking equaliser."""
    a, w = 10 ** (gain_db / 40), 2 * np.pi * frequency / RATE
    alpha = np.sin(w) / (2 * q)
    b = np.array([1 + alpha * a, -2 * np.cos(w), 1 - alpha * a])
    d = np.array([1 + alpha / a, -2 * np.cos(w), 1 - alpha / a])
    return np.concatenate((b, d))[None] / d[0]


def equalise(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One to three peaks or notches and a tilt."""
    sections = [
        peaking(float(np.exp(rng.uniform(np.log(120), np.log(7000)))), rng.uniform(-9, 9), rng.uniform(0.5, 2.5))
        for _ in range(rng.integers(1, 4))
    ]
    tilt = rng.uniform(-0.6, 0.6)
    sections.append(np.array([[1 / (1 + abs(tilt)), -tilt / (1 + abs(tilt)), 0.0, 1.0, 0.0, 0.0]]))
    return signal.sosfilt(np.concatenate(sections), audio).astype(np.float32)


def room(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A synthetic room: direct sound at sample 0, early reflections, an exponential tail that darkens."""
    rt60 = float(np.exp(rng.uniform(np.log(0.08), np.log(0.9))))
    n = int(rt60 * RATE)
    time = np.arange(n) / RATE
    tail = rng.standard_normal(n) * np.exp(-6.908 * time / rt60)
    tail[: int(rng.uniform(0.001, 0.006) * RATE)] = 0
    tail = signal.lfilter([1 - (damping := rng.uniform(0.1, 0.75))], [1, -damping], tail)
    direct_to_reverberant = rng.uniform(*DIRECT_TO_REVERBERANT_DB)
    response = tail * 10 ** (-direct_to_reverberant / 20) / (np.sqrt(np.square(tail).sum()) + 1e-9)
    for _ in range(rng.integers(2, 9)):
        position = int(rng.uniform(0.001, 0.03) * RATE)
        if position < n:
            response[position] += rng.uniform(-0.4, 0.4) * 10 ** (-direct_to_reverberant / 40)
    response[0] = 1.0
    return signal.oaconvolve(audio, response.astype(np.float32))[: len(audio)].astype(np.float32)


def coloured(n: int, rng: np.random.Generator, slope: float) -> np.ndarray:
    """(n,) noise of power 1/f^slope, RMS 1."""
    padded = fft.next_fast_len(n + 64, real=True)
    white = fft.rfft(rng.standard_normal(padded).astype(np.float32))
    frequency = np.maximum(np.arange(len(white)) / padded * RATE, 30)
    noise = fft.irfft(white * frequency ** (-slope / 2), padded)[:n]
    return (noise / rms(noise)).astype(np.float32)


def hum(n: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) mains hum with overtones, RMS 1."""
    time = np.arange(n) / RATE
    base = rng.choice((50.0, 60.0)) * rng.uniform(0.998, 1.002)
    out = sum(rng.uniform(0, 1) / k**0.7 * np.sin(2 * np.pi * (k * base * time + rng.random())) for k in range(1, 12))
    return (out / rms(out)).astype(np.float32)


def fan(n: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) a fan or motor: dark noise with a slow beat and a whine, RMS 1."""
    time = np.arange(n) / RATE
    out = coloured(n, rng, rng.uniform(1, 2)) * (1 + rng.uniform(0, 0.4) * np.sin(2 * np.pi * rng.uniform(2, 25) * time))
    whine = rng.uniform(0, 0.4) * np.sin(2 * np.pi * rng.uniform(90, 1500) * time)
    return ((out + whine) / rms(out + whine)).astype(np.float32)


def babble(n: int, rng: np.random.Generator, voices: list[np.ndarray], n_voices: int) -> np.ndarray:
    """(n,) several people talking at once, RMS 1; noise while there is nobody."""
    if not voices:
        return coloured(n, rng, 1.0)
    out = np.zeros(n, np.float32)
    for _ in range(n_voices):
        voice = voices[rng.integers(len(voices))]
        out += np.resize(np.roll(voice, rng.integers(len(voice))), n) / (speech_level(voice) + 1e-6)
    return out / (rms(out) + 1e-9)


def noise(n: int, rng: np.random.Generator, voices: list[np.ndarray]) -> np.ndarray:
    """(n,) one kind of background, RMS 1."""
    kind = rng.choice(5, p=(0.4, 0.08, 0.12, 0.32, 0.08))
    if kind == 0:
        return coloured(n, rng, rng.uniform(-0.3, 2))
    if kind == 1:
        return hum(n, rng)
    if kind == 2:
        return fan(n, rng)
    if kind == 3:
        return babble(n, rng, voices, int(rng.integers(2, 9)))
    mixed = coloured(n, rng, rng.uniform(0, 2)) + rng.uniform(0.2, 1) * hum(n, rng)
    return mixed / rms(mixed)


def mu_law(audio: np.ndarray) -> np.ndarray:
    """Through 8 bit µ-law and back."""
    compressed = np.sign(audio) * np.log1p(255 * np.minimum(np.abs(audio), 1)) / np.log(256)
    compressed = np.round(compressed * 127) / 127
    return (np.sign(compressed) * np.expm1(np.abs(compressed) * np.log(256)) / 255).astype(np.float32)


def transmit(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A cheap path: compressor, telephone band, low-pass, clipping, µ-law, few bits, noise suppressor, codec, drop-outs; each
    seldom. Peak near 1."""
    audio = audio / (np.abs(audio).max() + 1e-9)
    if rng.random() < 0.08:
        audio = signal.sosfilt(
            signal.butter(4, (rng.uniform(150, 350), rng.uniform(3000, 3800)), "band", fs=RATE, output="sos"), audio
        )
    elif rng.random() < 0.2:
        audio = signal.sosfilt(signal.butter(4, rng.uniform(2800, 7500), "low", fs=RATE, output="sos"), audio)
    elif rng.random() < 0.2:
        audio = signal.sosfilt(signal.butter(2, rng.uniform(60, 250), "high", fs=RATE, output="sos"), audio)
    if rng.random() < 0.08:
        audio = compress(audio, rng)
        audio /= np.abs(audio).max() + 1e-9
    if rng.random() < 0.1:
        audio = clip(audio, rng)
    if rng.random() < 0.05:
        audio = mu_law(np.clip(audio, -1, 1))
    if rng.random() < 0.05:
        steps = 2.0 ** rng.integers(6, 11)
        audio = np.round(audio * steps) / steps
    if rng.random() < 0.08:
        audio = suppress(audio, rng)
    if rng.random() < 0.06:
        audio = opus(np.asarray(audio, np.float32), rng)
    if rng.random() < 0.05:
        audio = np.array(audio)
        for _ in range(rng.integers(1, 5)):
            start = rng.integers(len(audio))
            audio[start : start + int(rng.uniform(0.004, 0.03) * RATE)] = 0
    return np.asarray(audio, np.float32)


def clip(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Overdriven by up to 26 dB."""
    limit = np.float32(10 ** (-rng.uniform(2, 26) / 20))
    return np.clip(audio, -limit, limit) / limit


def compress(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A compressor, or an automatic gain: what is soft comes nearer to what is loud."""
    level = ndimage.uniform_filter1d(np.abs(audio), int(rng.uniform(0.01, 0.4) * RATE)) + 1e-4
    return (audio * (level / level.max()) ** -rng.uniform(0.2, 0.7)).astype(np.float32)


def suppress(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A noise suppressor: bands below a floor are lowered, and between words there is digital silence."""
    spectra = stft(audio)
    power = np.square(np.abs(spectra))
    floor = np.quantile(power, rng.uniform(0.05, 0.3), axis=0) * 10 ** rng.uniform(0.3, 1.2)
    gain = np.maximum(1 - floor / (power + 1e-12), 10 ** -rng.uniform(0.5, 2))
    out = istft(spectra * ndimage.uniform_filter(gain, (3, 3)), len(audio))
    if rng.random() < 0.6:
        level = ndimage.maximum_filter1d(np.abs(out), int(rng.uniform(0.03, 0.25) * RATE))
        out = out * (level > np.abs(out).max() * 10 ** (-rng.uniform(30, 45) / 20))
    return out.astype(np.float32)


def through_opus(audio: np.ndarray, level: float) -> np.ndarray:
    """Coded and decoded by Opus at libsndfile's compression `level`, 0 to 1: about 9 kbit/s at 0.98, 60 at 0.75."""
    coded = io.BytesIO()
    soundfile.write(coded, audio, RATE, format="OGG", subtype="OPUS", compression_level=level)
    coded.seek(0)
    out = soundfile.read(coded, dtype="float32")[0]
    return np.pad(out, (0, max(0, len(audio) - len(out))))[: len(audio)]


def opus(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Through the Opus codec at about 9 to 60 kbit/s."""
    return through_opus(audio, float(np.clip(1.0 - 0.25 * rng.beta(1, 1.5), 0.0, 0.98)))


@dataclass(frozen=True)
class Limits:
    """What a manner of speaking allows: range of the gain below full scale, dB."""

    softest: float = -37.0
    loudest: float = -1.0


def scene(audio: np.ndarray, rng: np.random.Generator, voices: list[np.ndarray], limits: Limits) -> np.ndarray:
    """Clean speech in a room, with noise, through a microphone, at some gain; same length, within ± 1."""
    if rng.random() < 0.6:
        audio = warp_formants(audio, float(np.clip(np.exp(0.1 * rng.standard_normal()), 0.76, 1.32)))
    if rng.random() < 0.7:
        audio = equalise(audio, rng)
    if rng.random() < 0.45:
        audio = room(audio, rng)
    # Training mixes further noise under the log-mel, as much as it likes, but cannot take any away: half stays without.
    if rng.random() < 0.5:
        snr = 40 * rng.beta(1.4, 1.3)
        audio = audio + noise(len(audio), rng, voices) * speech_level(audio) * np.float32(10 ** (-snr / 20))
    audio = transmit(audio, rng)
    peak = limits.loudest + (limits.softest - limits.loudest) * rng.beta(1.2, 1.9)
    audio = audio * np.float32(10 ** (peak / 20) / (np.abs(audio).max() + 1e-9))
    if rng.random() < 0.3:  # the microphone's own noise, whatever the gain
        audio = audio + coloured(len(audio), rng, rng.uniform(0, 1)) * np.float32(10 ** (-rng.uniform(58, 80) / 20))
    return np.clip(audio, -1, 1).astype(np.float32)


def whisper(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same words without a voice: noise through the envelope of the speech, low frequencies more or less taken out."""
    envelope = log_envelope(stft(audio), int(rng.integers(14, 26)))
    frequency = np.arange(envelope.shape[1]) * RATE / _N_FFT
    throat = 1 / (1 + (rng.uniform(0, 600) / np.maximum(frequency, 1)) ** 2)
    out = istft(stft(rng.standard_normal(len(audio)).astype(np.float32)) * np.exp(envelope) * throat, len(audio))
    return out * np.float32(0.3 * speech_level(audio) / (speech_level(out) + 1e-9))


def shout(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Spoken up: flatter spectrum, compressed; the caller also raises the pitch."""
    brighter = signal.lfilter([1.0, -rng.uniform(0.45, 0.8)], [1.0], audio)
    brighter /= speech_level(brighter) + 1e-9
    return (0.35 * np.tanh(0.9 * brighter)).astype(np.float32)
