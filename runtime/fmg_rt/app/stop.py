"""Ctrl-C, termination and a closed console: leave at once where that is safe, else as soon as it is."""

import os
import signal


class Stop:
    """A signal handler that ends the program, but never in the middle of a frame."""

    def __init__(self) -> None:
        self.signal = 0
        """Number of the signal that came; 0: none."""
        self.begun = False
        """Something is open that must be finished. Until then a signal leaves without tearing anything down: half a
        compiler does not survive that."""
        self.deferred = False
        """A frame is on its way, or sinks are being opened: who set this looks at `signal` afterwards. A second signal
        does not wait."""

    @property
    def exit_code(self) -> int:
        """As shells report it: 130 after Ctrl-C, 0 when nothing came."""
        return 128 + self.signal if self.signal else 0

    def listen(self) -> None:
        """Become the handler; for the main thread."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):  # the last one is Windows': its console was closed
            number = getattr(signal, name, None)
            # nohup has a closed terminal ignored: that stays.
            if number is not None and not (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
                signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: object) -> None:
        again, self.signal = self.signal, number
        if not self.begun:
            os._exit(self.exit_code)
        if again or not self.deferred:
            raise SystemExit(self.exit_code)
