"""Ctrl-C, termination and a closed console: exit at once if that is safe, otherwise as soon as it is."""

import os
import signal


class Stop:
    """A signal handler that ends the program, but never in the middle of a frame."""

    def __init__(self) -> None:
        self.signal = 0
        """Number of the signal that came; 0: none."""
        self.begun = False
        """Something is open that must be completed. Before that, a signal exits without a teardown, which a running
        compiler would not survive."""
        self.deferred = False
        """A frame is being sent, or sinks are being opened: the code that set this checks `signal` afterwards. A second
        signal does not wait."""

    @property
    def exit_code(self) -> int:
        """As shells report it: 130 after Ctrl-C, 0 when nothing came."""
        return 128 + self.signal if self.signal else 0

    def listen(self) -> None:
        """Become the handler; for the main thread."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):  # the last one is Windows': its console was closed
            number = getattr(signal, name, None)
            # nohup ignores a closed terminal: keep that.
            if number is not None and not (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
                signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: object) -> None:
        again, self.signal = self.signal, number
        if not self.begun:
            os._exit(self.exit_code)
        if again or not self.deferred:
            raise SystemExit(self.exit_code)
