"""What computes for the server's event loop: many sessions in one pass, each as if it were alone."""

import asyncio

import numpy as np
import pytest

pytest.importorskip("grpc")
pytest.importorskip("aiohttp")

from fmg_rt import AudioError, Pool  # noqa: E402
from fmg_rt.serve.crew import Together  # noqa: E402

STEP = 533


@pytest.fixture
def pool(weight_file):
    pool = Pool(weight_file, threads=1)
    yield pool
    pool.close()


def sounds(count):
    return np.random.default_rng(4).normal(0, 2000, (count, 12 * STEP)).astype("<i2")


def test_many_pushes_in_one_round_are_each_session_s_own(pool, monkeypatch):
    """More than one pass holds; the frames are those of sessions that were alone, and a round is few passes."""
    data = sounds(40)
    expected = [_new(pool).push(row) for row in data]
    passes, push = [], pool.push
    monkeypatch.setattr(pool, "push", lambda audio: passes.append(len(audio)) or push(audio))

    async def run():
        together = Together(pool)
        sessions = [_new(pool) for _ in data]
        given = [[] for _ in data]
        for at in range(0, 12 * STEP, STEP):
            pushed = [together.push(s, row[at : at + STEP]) for s, row in zip(sessions, data, strict=True)]
            for mine, frames in zip(given, await asyncio.gather(*pushed), strict=True):
                mine += frames
        return given, together.seconds

    given, seconds = asyncio.run(run())
    assert passes == [32, 8] * 12 and seconds > 0
    for mine, own in zip(given, expected, strict=True):
        assert len(mine) == len(own) > 0
        assert np.array_equal([f.coefficients for f in mine], [f.coefficients for f in own])


def test_what_one_cannot_take_disturbs_no_other(pool):
    """What is no audio is told to who sent it; who left is spared; a fault of ours leaves nobody waiting."""
    data = sounds(5)[:, : 3 * STEP]

    async def run():
        together = Together(pool)
        sessions = [_new(pool) for _ in data]
        pushed = [together.push(s, row) for s, row in zip(sessions[:3], data, strict=False)]
        pushed.append(together.push(sessions[3], np.full(STEP, 3e4, np.float32)))
        pushed.append(together.push(sessions[4], data[4]))
        pushed[4].cancel()
        given = await asyncio.gather(*pushed, return_exceptions=True)
        assert isinstance(given[3], AudioError) and isinstance(given[4], asyncio.CancelledError)
        for frames, row in zip(given[:3], data, strict=False):
            assert np.array_equal([f.coefficients for f in frames], [f.coefficients for f in _new(pool).push(row)])
        assert sessions[4].push(data[4])[0].index == 0  # it had heard nothing
        together._pool = None
        assert isinstance(
            (await asyncio.gather(together.push(sessions[0], data[0]), return_exceptions=True))[0], AttributeError
        )

    asyncio.run(run())


def _new(pool):
    return pool.session(egemaps=False)
