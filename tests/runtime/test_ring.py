"""The ring: nothing lost while there is room, the oldest lost and counted when there is not, for any block sizes."""

import threading
import time

import numpy as np
import pytest

from fmg_rt.sources.ring import Ring


def _ramp(start, n):
    return np.arange(start, start + n, dtype=np.float32)


@pytest.mark.parametrize("blocks", [[160] * 10, [1] * 1600, [441] * 8, [1600], [7, 1000, 3, 333, 160, 97]])
def test_any_blocks_in_the_same_hops_out(blocks):
    ring, hop, heard, start = Ring(2000), np.empty(160, np.float32), [], 0
    for n in blocks:
        ring.write(_ramp(start, n))
        start += n
        while ring.read(hop):
            heard.append(hop.copy())
    assert np.array_equal(np.concatenate(heard), _ramp(0, start // 160 * 160))
    assert ring.available == start % 160
    assert ring.overflow == 0


def test_too_little_is_not_taken():
    ring, hop = Ring(400), np.full(160, -1, np.float32)
    ring.write(_ramp(0, 159))
    assert not ring.read(hop)
    assert (hop == -1).all()
    ring.write(_ramp(159, 1))
    assert ring.read(hop)
    assert np.array_equal(hop, _ramp(0, 160))


def test_when_full_the_oldest_goes_and_is_counted():
    ring, hop = Ring(480), np.empty(160, np.float32)
    for start in range(0, 1000, 100):
        ring.write(_ramp(start, 100))
    assert ring.available == 480
    assert ring.read(hop)
    assert np.array_equal(hop, _ramp(520, 160))
    assert ring.overflow == 520
    assert ring.read(hop) and ring.read(hop) and not ring.read(hop)
    assert hop[-1] == 999
    assert ring.overflow == 520


def test_a_block_larger_than_the_ring_leaves_its_newest_part():
    ring, hop = Ring(200), np.empty(160, np.float32)
    ring.write(_ramp(0, 33))
    ring.write(_ramp(33, 1000))
    assert ring.read(hop)
    assert np.array_equal(hop, _ramp(833, 160))
    assert ring.overflow == 833


def test_clear_forgets_without_counting():
    ring, hop = Ring(480), np.empty(160, np.float32)
    ring.write(_ramp(0, 1000))
    ring.clear()
    assert ring.available == 0 and not ring.read(hop)
    ring.write(_ramp(1000, 160))
    assert ring.read(hop)
    assert hop[0] == 1000 and ring.overflow == 0


def test_a_write_ends_the_wait_and_nothing_lets_it_pass():
    ring = Ring(480)
    assert not ring.wait(0.01)
    ring.write(_ramp(0, 10))
    ring.write(_ramp(0, 10))
    assert ring.wait(0.0)
    assert not ring.wait(0.0)
    woken = []
    thread = threading.Thread(target=lambda: woken.append((ring.wait(5.0), time.perf_counter())))
    thread.start()
    time.sleep(0.05)
    began = time.perf_counter()
    ring.write(_ramp(0, 10))
    thread.join()
    assert woken[0][0]
    assert woken[0][1] - began < 0.2


def test_a_late_reader_never_sees_torn_audio():
    """One thread writes without pause, the other reads: every hop is a piece of the ramp, and the count adds up."""
    n_blocks, size = 4000, 97
    ring, hop = Ring(800), np.empty(160, np.float32)
    done = threading.Event()

    def write():
        for i in range(n_blocks):
            ring.write(_ramp(i * size, size))
            if i % 50 == 0:
                time.sleep(0.0005)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    got, last, ended = 0, -1.0, False
    while not ended:
        ended = done.is_set()
        while ring.read(hop):
            assert np.array_equal(hop, _ramp(hop[0], 160))
            assert hop[0] > last
            last = hop[-1]
            got += 160
            if got % 4800 == 0:
                time.sleep(0.001)
    thread.join()
    assert got + ring.overflow + ring.available == n_blocks * size
    assert ring.overflow > 0


class _Overtaken(np.ndarray):
    """A hop into which the producer writes twice as much as the ring holds, while it is filled for the first time."""

    ring: Ring | None = None

    def __setitem__(self, key, value):
        ring, self.ring = self.ring, None
        if ring is not None:
            ring.write(_ramp(320, 480))
        super().__setitem__(key, value)


def test_a_hop_overwritten_while_it_is_read_is_read_again():
    ring = Ring(320)
    hop = np.empty(160, np.float32).view(_Overtaken)
    ring.write(_ramp(0, 320))
    hop.ring = ring
    assert ring.read(hop)
    assert np.array_equal(hop, _ramp(480, 160))
    assert ring.overflow == 480
