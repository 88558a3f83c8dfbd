"""``python -m fmg_train``, as torchrun needs it."""

from .cli import main

main(prog_name="fmg-train")
