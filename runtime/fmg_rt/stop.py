"""Ctrl-C, termination and a closed console: leave at once where that is safe, else as soon as it is."""

import os
import signal
import sys
import threading

_AGAIN = 0.01
"""Seconds after which a way out that was swallowed is taken once more."""


class Stop:
    """A signal handler that ends the program, but never in the midst of a frame."""

    def __init__(self) -> None:
        self.signal = 0
        """Number of the signal that came; 0: none."""
        self.deferred = False
        """A frame is on its way: who set this looks at `signal` afterwards. A second signal does not wait."""

        self.nothing_begun = False
        """Nothing is open that must be finished: leave without tidying up, which half a compiler may not survive."""

    @property
    def exit_code(self) -> int:
        """As shells report it: 130 after Ctrl-C, 0 when nothing came."""
        return 128 + self.signal if self.signal else 0

    def listen(self) -> None:
        """Become the handler; for the main thread."""
        for name in ("SIGINT", "SIGTERM", "SIGBREAK"):  # the last one exists on Windows only: its console was closed
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._handle)

    def _handle(self, number: int, _frame: object) -> None:
        again, self.signal = self.signal, number
        if self.nothing_begun:
            os._exit(self.exit_code)
        if again or not self.deferred:
            sys.unraisablehook = self._ignored
            raise SystemExit(self.exit_code)

    def _ignored(self, what: "sys.UnraisableHookArgs") -> None:
        """What the signal left half made may fail when it is taken down: of no interest to a person who wants to leave.

        But a destructor that was running when the signal came cannot raise: it has swallowed the way out.
        """
        if what.exc_type is SystemExit:
            again = threading.Timer(_AGAIN, signal.raise_signal, [self.signal])
            again.daemon = True
            again.start()
