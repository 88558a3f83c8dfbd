"""The soak, for as long as a quick test may take; ``python tests/soak.py`` goes on for an hour of audio."""

import os
import random

import pytest
import soak


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_nothing_is_lost_whatever_fails(tmp_path):
    rounds = soak.Soak(tmp_path, random.Random(5))
    rounds.device(3.0)
    rounds.pipe(20.0, fast=True)
    rounds.pipe(4.0, fast=False)
    assert rounds.audio > 20 and sum(rounds.faults.values()) > 0
