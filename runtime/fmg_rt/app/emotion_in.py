"""Emotions that another program chooses while this one runs, by OSC; see `wire.emotion`."""

from collections.abc import Callable
from dataclasses import replace

from .. import emotions
from ..errors import FmgError
from ..expression import ExpressionSettings
from ..session import Session
from ..sources.listener import Listener
from ..wire.emotion import decode
from ..wire.reading import WireError
from ..wire.udp import LOOPBACK

_MOST_REMARKS = 20


class EmotionIn:
    """Listens on a UDP port and, once started, changes the settings of a session.

    Parameters
    ----------
    session : whose settings change.
    changed : called with new settings, on the listener's thread.
    port, host : as for `sources.listener.Listener`, whose error it raises.
    """

    def __init__(self, session: Session, changed: Callable[[ExpressionSettings], None], port: int, host: str = LOOPBACK):
        self._session, self._changed = session, changed
        self._said: set[str] = set()
        self._listener = Listener("emotions", port, host)
        self.port, self.close = self._listener.port, self._listener.close

    def start(self, report: Callable[[str], None]) -> None:
        """Follow what comes; what cannot be changes nothing, and `report` gets one line of it, each kind once."""
        self._report = report
        self._listener.start(self._take)

    def _take(self, datagram: bytes) -> None:
        try:
            heard = decode(datagram)
            settings = self._session.settings
            for name, value in heard:
                settings = _with(settings, name, value)
        except (WireError, FmgError) as error:
            self._remark(str(error))
            return
        if heard:
            self._session.update(settings)
            self._changed(settings)

    def _remark(self, line: str) -> None:
        if line not in self._said and len(self._said) < _MOST_REMARKS:
            self._said.add(line)
            self._report(f"emotions: {line}")


def _with(settings: ExpressionSettings, name: str, value: float) -> ExpressionSettings:
    """The settings after one message."""
    if name == "strength":
        return replace(settings, emotion_strength=value)
    if name == "mix":
        return replace(settings, emotion_mix=value)
    if name in ("none", "neutral"):
        return replace(settings, emotion={})
    emotion = {**settings.emotion, emotions.canonical(name): value}
    return replace(settings, emotion={known: amount for known, amount in emotion.items() if amount != 0.0})
