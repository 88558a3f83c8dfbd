"""``python -m fmg_rt`` is ``fmg-rt``."""

from .cli import main

main(prog_name="fmg-rt")
