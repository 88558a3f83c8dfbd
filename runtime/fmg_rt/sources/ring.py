"""Ring: audio of any block size from one thread to another, the oldest audio is dropped when the reader is late."""

import threading

import numpy as np


class Ring:
    """Samples from one producer thread to one consumer thread, without a lock around the samples.

    The producer never waits: it writes over the oldest audio. The consumer sees that it was overtaken, moves on to the
    oldest audio that is still whole and counts what it lost in `overflow`, so that lag never grows beyond the capacity.

    Parameters
    ----------
    capacity : samples held at most.
    """

    def __init__(self, capacity: int):
        self.overflow = 0
        """Samples lost because the consumer was late."""
        self._samples = np.zeros(capacity, np.float32)  # (capacity,)
        # Counts of samples since the start, never wrapped. The producer raises `_claimed` before it writes over old
        # samples and `_written` when the new ones stand: a consumer whose samples were claimed meanwhile reads again.
        self._claimed = 0
        self._written = 0
        self._taken = 0
        # A binary semaphore: unlike a timeout, its release wakes the consumer at once on every system.
        self._news = threading.Lock()
        self._news.acquire()

    @property
    def available(self) -> int:
        """Samples that wait for the consumer."""
        return min(self._written - self._taken, len(self._samples))

    def write(self, block: np.ndarray) -> None:
        """Append a block (n,), any n; for the producer alone, and never blocks it."""
        capacity = len(self._samples)
        end = self._written + len(block)
        self._claimed = end
        kept = block[-capacity:]
        start = (end - len(kept)) % capacity
        first = min(len(kept), capacity - start)
        self._samples[start : start + first] = kept[:first]
        self._samples[: len(kept) - first] = kept[first:]
        self._written = end
        try:
            self._news.release()
        except RuntimeError:  # already released: the consumer will wake anyway
            pass

    def read(self, out: np.ndarray) -> bool:
        """Fill `out` (n,) with the oldest n samples, n ≤ capacity; False, and nothing taken, while there are fewer."""
        capacity, wanted = len(self._samples), len(out)
        while self._written - self._taken >= wanted:
            start = max(self._taken, self._claimed - capacity)
            if self._written - start < wanted:  # the producer is in the middle of a block that claims the rest
                return False
            position = start % capacity
            first = min(wanted, capacity - position)
            out[:first] = self._samples[position : position + first]
            out[first:] = self._samples[: wanted - first]
            if self._claimed - capacity <= start:
                self.overflow += start - self._taken
                self._taken = start + wanted
                return True
        return False

    def clear(self) -> None:
        """Drop all waiting samples and the count of lost ones among them; for the consumer."""
        self._taken = self._written

    def skip(self, n: int) -> None:
        """Drop the oldest n samples, at most those that wait; for the consumer."""
        self._taken = min(self._taken + n, self._written)

    def wait(self, timeout: float) -> bool:
        """Sleep until something was written since the last call, `timeout` seconds at most; False: nothing was."""
        return self._news.acquire(timeout=timeout)
