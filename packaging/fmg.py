"""What the application starts: `fmg-rt` with its page and a settings file of this person; with arguments, `fmg-rt` itself."""

import multiprocessing
import os
import sys
from pathlib import Path


def folder() -> Path:
    """Where this person's settings are kept."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "fmg"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "fmg"
    return Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "fmg"


def arguments(place: Path) -> list[str]:
    """The command line of a start by a click: the page, the settings saved there, and the clip where there is no microphone."""
    from fmg_rt.sources import SourceError
    from fmg_rt.sources.devices import inputs, portaudio

    place.mkdir(parents=True, exist_ok=True)
    settings = place / "fmg.yaml"
    if not settings.exists():
        settings.write_text("# Saved by the page of fmg; every option of `fmg-rt --help` may stand here.\n", encoding="utf-8")
    try:
        heard = bool(inputs(portaudio()))
    except SourceError:
        heard = False
    return ["--preview", "--config", str(settings), *([] if heard else ["--input", "demo"])]


def main() -> None:
    multiprocessing.freeze_support()
    place = folder()
    if sys.stderr is None:  # a windowed program has no console: its last words go to a file
        place.mkdir(parents=True, exist_ok=True)
        sys.stdout = sys.stderr = open(place / "log.txt", "w", encoding="utf-8", buffering=1)  # noqa: SIM115
    if len(sys.argv) == 1:
        sys.argv += arguments(place)
    from fmg_rt.cli import main as run

    run(prog_name="fmg")


if __name__ == "__main__":
    main()
