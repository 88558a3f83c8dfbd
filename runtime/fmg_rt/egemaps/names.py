"""Names of what is measured, in the order in which it stands in the arrays."""

LLD_NAMES: tuple[str, ...] = (
    "Loudness",
    "mfcc1",
    "mfcc2",
    "mfcc3",
    "mfcc4",
    "spectralFlux",
    "alphaRatio",
    "hammarbergIndex",
    "slope0-500",
    "slope500-1500",
    "energy",
    "F1frequency",
    "F1bandwidth",
    "F2frequency",
    "F2bandwidth",
    "F3frequency",
    "F3bandwidth",
    "F0semitoneFrom27.5Hz",
    "jitterLocal",
    "shimmerLocaldB",
    "HNRdBACF",
    "logRelF0-H1-H2",
    "logRelF0-H1-A3",
    "F1amplitudeLogRelF0",
    "F2amplitudeLogRelF0",
    "F3amplitudeLogRelF0",
    "F0",
)
"""Low-level descriptors of one frame, not smoothed, F0 in semitones and in Hz.

From the semitones on they need the pitch, which is decided some frames later.
"""


def _moments(*names: str) -> list[str]:
    return [f"{name}_{statistic}" for name in names for statistic in ("amean", "stddevNorm")]


def _contour(name: str) -> list[str]:
    statistics = ["percentile20.0", "percentile50.0", "percentile80.0", "pctlrange0-2"]
    statistics += [f"{moment}{way}Slope" for way in ("Rising", "Falling") for moment in ("mean", "stddev")]
    return _moments(name) + [f"{name}_{statistic}" for statistic in statistics]


FEATURE_NAMES: tuple[str, ...] = (
    *_contour("F0semitoneFrom27.5Hz_sma3nz"),
    *_contour("loudness_sma3"),
    *_moments("spectralFlux_sma3", "mfcc1_sma3", "mfcc2_sma3", "mfcc3_sma3", "mfcc4_sma3"),
    *_moments(*(f"{name}_sma3nz" for name in LLD_NAMES[18:23])),
    *_moments(*(f"F{i}{what}_sma3nz" for i in (1, 2, 3) for what in ("frequency", "bandwidth", "amplitudeLogRelF0"))),
    *_moments("alphaRatioV_sma3nz", "hammarbergIndexV_sma3nz", "slopeV0-500_sma3nz", "slopeV500-1500_sma3nz"),
    *_moments(*(f"{name}V_sma3nz" for name in ("spectralFlux", "mfcc1", "mfcc2", "mfcc3", "mfcc4"))),
    *(f"{name}_sma3nz_amean" for name in ("alphaRatioUV", "hammarbergIndexUV", "slopeUV0-500", "slopeUV500-1500")),
    "spectralFluxUV_sma3nz_amean",
    "loudnessPeaksPerSec",
    "VoicedSegmentsPerSec",
    "MeanVoicedSegmentLengthSec",
    "StddevVoicedSegmentLengthSec",
    "MeanUnvoicedSegmentLength",
    "StddevUnvoicedSegmentLength",
    "equivalentSoundLevel_dBp",
)
"""The 88 features of eGeMAPSv02, named as openSMILE names them."""
