"""Facial Motion Generator, runtime: speech in, 52 ARKit blendshape coefficients out, in real time, on any CPU."""
