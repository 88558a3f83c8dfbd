"""The packaged weights and the demo clip, as data: ``importlib.resources.files("fmg_weights")``."""
