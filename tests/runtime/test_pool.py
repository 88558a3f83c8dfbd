"""Pool: many sessions at once are what each would be alone, and none disturbs another."""

import numpy as np
import pytest
from conftest import random_weights

from fmg_rt import AudioError, Pool, Session
from fmg_rt.networks.gru import GRUNetwork


def faces(frames):
    return np.array([frame.coefficients for frame in frames]).reshape(-1, 52)


@pytest.fixture(scope="module")
def voices():
    """Nine voices of different lengths, (n,) float32."""
    random = np.random.default_rng(7)
    return [
        (0.2 * np.sin(np.arange(n) / 900) * random.standard_normal(n)).astype(np.float32) for n in range(16_000, 25_000, 1_001)
    ]


@pytest.mark.parametrize("threads", [1, 3])
def test_together_is_bit_equal_to_alone(voices, threads):
    pool = Pool(random_weights(), threads=threads)
    sessions = [pool.session(egemaps=False, seed=i, lookahead=(0, 800)[i % 2]) for i in range(len(voices))]
    got = {session: [] for session in sessions}
    for start in range(0, 25_000, 3_333):
        blocks = {s: voice[start : start + 3_333] for s, voice in zip(sessions, voices, strict=True)}
        for session, frames in pool.push(blocks).items():
            got[session] += frames
    for i, (session, voice) in enumerate(zip(sessions, voices, strict=True)):
        alone = Session(pool.weights, egemaps=False, seed=i, lookahead=(0, 800)[i % 2])
        assert np.array_equal(faces(got[session] + session.flush()), faces(alone.push(voice) + alone.flush()))
    pool.close()


@pytest.mark.parametrize("n", [1, 3, 4, 5, 11])
def test_steps_in_one_pass_are_bit_equal(n):
    weights = random_weights()
    mel = np.random.default_rng(3).normal(-8, 4, (n, 40, 80)).astype(np.float32)
    alone, together = ([GRUNetwork(weights, 800) for _ in range(n)] for _ in range(2))
    face, other = np.empty((2, 52), np.float32)
    for j in range(40):
        due = False
        for one, many, frames in zip(alone, together, mel, strict=True):
            one.push(frames[j])
            due = many.take(frames[j])
        if due:
            together[0].step_with(together[1:])
        for one, many in zip(alone, together, strict=True):
            assert one.horizon == many.horizon
            one.evaluate(one.horizon - 100, face)
            many.evaluate(many.horizon - 100, other)
            assert np.array_equal(face, other)
    assert face.any()


def test_what_one_cannot_take_disturbs_no_other(voices):
    pool = Pool(random_weights())
    good, bad = pool.session(egemaps=False), pool.session(egemaps=False)
    done = pool.push({bad: np.zeros(10, np.int64), good: voices[0]})
    assert isinstance(done[bad], AudioError)
    assert np.array_equal(faces(done[good]), faces(Session(pool.weights, egemaps=False).push(voices[0])))
    pool.close()


def test_other_networks_and_late_egemaps_are_moved_too(voices):
    pool = Pool(random_weights("cross_attention", lookaheads=(0,)))
    session, late = pool.session(egemaps=False), pool.session(egemaps="later")
    late.wait()
    done = pool.push({session: voices[0], late: voices[0]})
    assert len(done[session]) == len(done[late]) > 25
    pool.close()


def test_sessions_share_what_is_made_of_the_weights():
    pool = Pool(random_weights())
    one, two = pool.session(egemaps=False), pool.session(egemaps=False)
    assert one._stream.network._weights[0] is two._stream.network._weights[0]
    pool.close()
