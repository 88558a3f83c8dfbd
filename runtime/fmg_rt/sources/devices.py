"""The list of microphones, and the choice of one."""

import difflib
from types import ModuleType
from typing import Any

from . import SourceError

_WITHOUT = "or use another source: --input demo, --input FILE or --input -"


def portaudio() -> ModuleType:
    """The sounddevice module.

    Raises
    ------
    SourceError
        PortAudio is not installed.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise SourceError(
            f"microphones need PortAudio, and it cannot be loaded ({error}): install it "
            f"(Debian, Ubuntu: apt install libportaudio2; macOS: brew install portaudio), "
            f"{_WITHOUT}"
        ) from None
    return sounddevice


def inputs(sd: ModuleType) -> list[dict[str, Any]]:
    """Every device that records, the default first, then the preferred audio system's; ``host`` is its name."""
    hosts = sd.query_hostapis()
    host = _preferred_host(sd, hosts)
    devices = [
        dict(d, host=hosts[d["hostapi"]]["name"], default=d["index"] == host["default_input_device"])
        for d in sd.query_devices()
        if d["max_input_channels"] > 0
    ]
    # One microphone appears once for each audio system: with equal names the preferred system is found first.
    return sorted(devices, key=lambda d: (not d["default"], d["hostapi"] != host["index"]))


def _preferred_host(sd: ModuleType, hosts: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """The audio system to record from: PortAudio's default, but not its slow one (MME) on Windows."""
    for index, host in enumerate(hosts):
        if host["name"] == "Windows WASAPI" and host["default_input_device"] >= 0:
            return dict(host, index=index)
    index = max(sd.default.hostapi, 0)
    return dict(hosts[index], index=index) if hosts else {"index": -1, "default_input_device": -1}


def find(devices: list[dict[str, Any]], wanted: str | None) -> dict[str, Any]:
    """The device that `wanted` names: PortAudio's index, its name, a part of the name; None: the default one.

    Raises
    ------
    SourceError
        There is none; near names are suggested.
    """
    if not devices:
        raise SourceError(f"there is no microphone: plug one in, {_WITHOUT}")
    if wanted is None:
        return devices[0]
    if wanted.isdecimal():
        for device in devices:
            if device["index"] == int(wanted):
                return device
        raise SourceError(f"no microphone has the index {wanted} (fmg-rt --list-devices shows them all)")
    part = wanted.casefold()
    names = [device["name"] for device in devices]
    for fits in (lambda name: name.casefold() == part, lambda name: part in name.casefold()):
        for device in devices:
            if fits(device["name"]):
                return device
    by_case = {name.casefold(): name for name in names}
    near = [by_case[n] for n in difflib.get_close_matches(part, by_case, n=3, cutoff=0.4)] or sorted(set(names))[:3]
    raise SourceError(
        f"no microphone is called '{wanted}'. Near names: {', '.join(near)} (fmg-rt --list-devices shows them all)"
    )


def describe(devices: list[dict[str, Any]]) -> str:
    """One line for each device: index, name, audio system, channels, rate; ``*`` marks the default."""
    return "\n".join(
        f"{'*' if d['default'] else ' '}{d['index']:4d}  {d['name']}  "
        f"({d['host']}, {d['max_input_channels']} channels, {d['default_samplerate']:g} Hz)"
        for d in sorted(devices, key=lambda d: d["index"])
    )
