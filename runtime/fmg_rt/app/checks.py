"""Would the main job run here? One check a function, each giving findings; nothing is printed."""

import errno
import platform
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from .. import arkit, spec, weights
from ..distribution import __version__
from ..frame import Frame
from ..session import Session
from ..sinks import Sink
from ..sources import Source, SourceError
from ..sources.devices import find, inputs, portaudio
from ..weights import Weights, WeightsError

OK, NOTE, FAIL = "ok", "note", "FAIL"
_SILENCE = -120.0
"""Level of digital silence, dBFS."""
_TAKEN = {errno.EADDRINUSE, 10_048, 10_013}
"""What `bind` says of a port in use; Windows has two numbers of its own (WSAEADDRINUSE, WSAEACCES)."""
_WAKING = 5.0
"""Seconds that the main job's microphone may take to its first sound; a sound server's default device takes two."""
_REFUSAL_WAIT = 0.2
"""Seconds within which a computer in the same house says that nobody listens."""


@dataclass(frozen=True)
class Finding:
    """What a check found. verdict : `OK`, `NOTE` (worth knowing) or `FAIL` (the main job would not run)."""

    verdict: str
    topic: str
    text: str


def check_program() -> Finding:
    """Versions of what bug reports ask for."""
    import numba  # whose metadata the application without Python does not have

    packages = f"fmg {__version__}, numpy {np.__version__}, numba {numba.__version__}"
    return Finding(OK, "program", f"{packages}, Python {platform.python_version()}, {platform.platform()}")


def check_weights(path: Path) -> tuple[Weights | None, Finding]:
    """Read the weight file; None when it cannot be used."""
    try:
        found = weights.read(path)
    except WeightsError as error:
        return None, Finding(FAIL, "weights", f"{error}; name another file with --weights")
    size = sum(tensor.size for tensor in found.tensors.values())
    ahead = ", ".join(f"{1000 * n / spec.SAMPLE_RATE:g}" for n in found.lookaheads)
    return found, Finding(
        OK, "weights", f"{path.name}: {found.architecture}, {size} parameters, look-ahead {ahead} ms, sha256 {found.sha256}"
    )


def check_speed(found: Weights, rate: float) -> Iterator[Finding]:
    """Compile or load every kernel, then time frames of noise against the time that a frame may take."""
    began = time.perf_counter()
    session = Session(found, rate=rate)
    took = time.perf_counter() - began
    yield _check_kernels(took)

    noise = np.random.default_rng(0).normal(0, 0.05, (600, spec.HOP_LENGTH)).astype(np.float32)  # six seconds
    frames, since = [], 0.0
    for hop in noise:
        began = time.perf_counter()
        n = len(session.push(hop))
        since += time.perf_counter() - began
        if n:
            frames += [1000 * since / n] * n
            since = 0.0
    budget = 1000 / rate
    median, worst = statistics.median(frames), float(np.quantile(frames, 0.99))
    verdict = FAIL if median > budget else NOTE if worst > budget else OK
    hint = "" if verdict == OK else "; close other programs, or lower --rate"
    yield Finding(verdict, "speed", f"{median:.2f} ms a frame (1 in 100: {worst:.2f} ms) of {budget:.1f} ms{hint}")


def _check_kernels(took: float) -> Finding:
    from ..kernels.cache import kept, places, tally

    n = tally.loaded + tally.compiled
    damaged = f"; {tally.damaged} were damaged and deleted" if tally.damaged else ""
    if tally.refusal:
        return Finding(
            NOTE,
            "kernels",
            f"{n} in {took:.1f} s; {tally.compiled} compiled at every start, since they cannot be "
            f"kept ({tally.refusal}): set NUMBA_CACHE_DIR to a folder with room{damaged}",
        )
    size = sum(path.stat().st_size for path, whole in kept() if whole)
    what, hint = "all of them compiled before", "`fmg-rt cache clear` deletes them"
    if tally.compiled:
        what, hint = f"{tally.compiled} compiled just now, the next start finds them", "`fmg-rt cache warm` compiles the others"
    return Finding(
        NOTE if tally.damaged else OK,
        "kernels",
        f"{n}, {what} in {tally.place or places()[0]} ({size / 1e6:.1f} MB); ready in {took:.1f} s{damaged}; {hint}",
    )


def check_microphones(wanted: str | None, seconds: float, show: Callable[[str, float], None]) -> Iterator[Finding]:
    """Listen for a moment to each microphone; that of the main job must open, the others are only noted.

    Parameters
    ----------
    wanted : what ``--device`` says. show : called with name and level (dBFS) while listening.
    """
    from ..sources.microphone import Microphone

    try:
        sd = portaudio()
        yield Finding(OK, "portaudio", sd.get_portaudio_version()[1])
        devices = inputs(sd)
        chosen = find(devices, wanted)
    except SourceError as error:
        yield Finding(FAIL, "microphone", str(error))
        return
    # Windows lists each microphone once for every audio system.
    for device in (d for d in devices if d["host"] == chosen["host"]):
        main = device["index"] == chosen["index"]
        about = (
            f"{'* ' if main else ''}{device['index']} {device['name']} ({device['host']}"
            f"{', default' if device['default'] else ''}, {device['default_samplerate']:g} Hz)"
        )
        try:
            microphone = Microphone(str(device["index"]))
        except SourceError as error:
            yield Finding(FAIL if main else NOTE, "microphone", f"{about}: {error}")
            continue
        level = listen(microphone, seconds, partial(show, device["name"]), _WAKING if main else 0.0)
        if level is None:
            yield Finding(FAIL if main else NOTE, "microphone", f"{about}: opens, but no audio arrives")
        elif level <= _SILENCE + 1:
            yield Finding(NOTE, "microphone", f"{about}: digital silence; is it muted, or forbidden by privacy settings?")
        else:
            yield Finding(OK, "microphone", f"{about}: {level:.0f} dBFS")


def check_source(source: Source, waits: bool = False) -> Finding:
    """A file or pipe in place of the microphone: whether a first hop comes. waits : the main job waits for it, too."""
    try:
        level = listen(source, 0.5, lambda _: None)
    except SourceError as error:
        return Finding(FAIL, "input", str(error))
    if level is not None:
        return Finding(OK, "input", f"{source.name}: readable")
    if waits and not source.ended:
        return Finding(NOTE, "input", f"{source.name}: no audio yet; the main job would wait for it")
    return Finding(FAIL, "input", f"{source.name}: no audio arrives")


def listen(source: Source, seconds: float, show: Callable[[float], None], patience: float = 0.0) -> float | None:
    """Level of what `source` gives within `seconds`, dBFS; None when it gives nothing. Closes it.

    patience : more seconds to wait for the first sound; a device may take that long to start.
    """
    hop, power, n = np.empty(spec.HOP_LENGTH, np.float32), 0.0, 0
    end = time.monotonic() + seconds + patience
    try:
        while time.monotonic() < end and not source.ended:
            if source.read(hop, 0.1):
                if n == 0:
                    end = time.monotonic() + seconds
                now = float(np.mean(np.square(hop)))
                power, n = power + now, n + 1
                show(_decibels(now))
    finally:
        source.close()
    return _decibels(power / n) if n else None


def _decibels(power: float) -> float:
    return max(_SILENCE, 10 * float(np.log10(power + 1e-20)))


def check_receivers(sinks: Sequence[Sink], copies: Sequence[Sink], catcher: socket.socket) -> Iterator[Finding]:
    """What each sink would send, and whether it would arrive. No listener is a note; an unreachable address is a failure.

    Parameters
    ----------
    sinks : as the main job would have them. copies : the same, but all send to `catcher`, a bound datagram socket.
    """
    catcher.settimeout(0.05)
    faces = np.linspace(0, 1, 2 * arkit.N_COEFFICIENTS, dtype=np.float32).reshape(2, -1)
    for sink, copy in zip(sinks, copies, strict=True):
        for index, face in enumerate(faces):  # the first frame also carries what is sent once a second
            _drain(catcher)
            copy.send(Frame(index, index / 30, face))
        sizes = _drain(catcher)
        assert sink.address is not None, f"{sink.name} sends no datagrams"
        verdict, answer = ask_port(*sink.address)
        yield Finding(verdict, "receiver", f"{sink.name}: up to {sum(sizes)} bytes a frame in {len(sizes)} datagrams; {answer}")


def _drain(catcher: socket.socket) -> list[int]:
    sizes = []
    try:
        while True:
            sizes.append(len(catcher.recv(65_536)))
    except TimeoutError:
        return sizes


def check_vtube_studio(host: str, port: int) -> Finding:
    """Whether anyone listens where VTube Studio should."""
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        return Finding(NOTE, "receiver", f"vtubestudio {host}:{port}: {why}; is it running, with its plugin API switched on?")
    return Finding(OK, "receiver", f"vtubestudio {host}:{port}: somebody listens")


def ask_port(host: str, port: int) -> tuple[str, str]:
    """Verdict on a UDP port, and why: `OK` a program probably listens, `NOTE` none does yet, `FAIL` unreachable.

    On this computer a port that is taken has a listener; another computer may say that nobody listens.
    """
    try:
        family, kind, protocol, _, address = min(
            socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM), key=lambda found: found[0] != socket.AF_INET
        )
    except (OSError, UnicodeError) as error:
        return FAIL, f"no such host ({getattr(error, 'strerror', None) or error})"
    places = [address]
    if sys.platform == "win32":  # where a listener on all addresses leaves each single one free
        places.append(("", port) if family == socket.AF_INET else ("::", port))
    here = False
    for place in places:
        with socket.socket(family, kind, protocol) as probe:
            try:
                probe.bind(place)
                here = True
            except OSError as error:
                if error.errno in _TAKEN:
                    return OK, "a program on this computer listens there"
    if here:
        return NOTE, "no program listens there yet"
    with socket.socket(family, kind, protocol) as probe:
        try:
            probe.connect(address)
            probe.settimeout(_REFUSAL_WAIT)
            probe.send(b"")
            probe.recv(1)
        except TimeoutError:
            return OK, "another computer, which does not refuse (UDP tells no more)"
        except ConnectionError:
            return NOTE, "the other computer says that no program listens there"
        except OSError as error:
            return FAIL, f"cannot be reached ({error.strerror or error})"
    return OK, "another computer, which answers"
