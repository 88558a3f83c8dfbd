"""The signal that runtime and trainer share: rates and sizes. Plain constants."""

SAMPLE_RATE = 16_000
"""Samples per second of every signal inside fmg, Hz."""
HOP_LENGTH = 160
"""Advance from one log-mel frame to the next, samples (10 ms)."""
WIN_LENGTH = 400
"""Length of the analysis window, samples (25 ms)."""
N_FFT = 400
"""Transform length, samples."""
N_MELS = 80
"""Slaney mel bands between 0 and 8000 Hz."""
LOG_OFFSET = 1e-10
"""Added to the mel power before the natural logarithm."""
N_EGEMAPS = 88
"""Functionals of eGeMAPSv02."""
EGEMAPS_INTERVAL = 4_800
"""Samples between two eGeMAPS vectors handed to a network (300 ms)."""
EGEMAPS_LIMIT = 5.0
"""Standardised eGeMAPS features are clipped to ± this: some explode when a mean crosses zero."""
STD_OFFSET = 1e-10
"""Added to every standard deviation before dividing by it."""
