"""What the application starts: `fmg-rt` with its page and a settings file of this person; with arguments, `fmg-rt` itself."""

import multiprocessing
import os
import socket
import sys
import webbrowser
from pathlib import Path

import yaml

SETTINGS = """\
# Settings of the application. "save" on the page writes here; every option of `fmg-rt --help` may stand here.
preview: 8052
"""

_OF_THE_LAST_DECADE = {"avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"}
"""What x86-64-v3 asks of a processor: Intel's since 2013, AMD's since 2015."""


def choose_processor() -> None:
    """Compile for a processor that most computers are better than, so that the kernels packed with the program fit.

    An older one compiles its own on the first start. Before Numba is imported, which reads these variables once.
    """
    from llvmlite import binding

    triple = binding.get_process_triple()
    if triple.startswith("arm64-apple"):
        name = "apple-m1"  # no Mac has less
    elif (
        triple.startswith("x86_64") and {n for n, has in binding.get_host_cpu_features().items() if has} >= _OF_THE_LAST_DECADE
    ):
        name = "x86-64-v3"
    else:
        return
    os.environ.setdefault("NUMBA_CPU_NAME", name)
    os.environ.setdefault("NUMBA_CPU_FEATURES", "")


def folder() -> Path:
    """Where this person's settings are kept."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "fmg"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "fmg"
    return Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "fmg"


def settings_file(place: Path) -> Path:
    """The settings, made on the first start."""
    place.mkdir(parents=True, exist_ok=True)
    path = place / "fmg.yaml"
    if not path.exists():
        path.write_text(SETTINGS, encoding="utf-8")
    return path


def is_running(settings: Path) -> bool:
    """Whether a page is there already: then it is shown, and nothing is started twice."""
    try:
        port = int(yaml.safe_load(settings.read_text(encoding="utf-8"))["preview"])
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except (OSError, ValueError, TypeError, KeyError, OverflowError, yaml.YAMLError):
        return False
    webbrowser.open(f"http://127.0.0.1:{port}/")
    return True


def has_microphone() -> bool:
    from fmg_rt.sources import SourceError
    from fmg_rt.sources.devices import inputs, portaudio

    try:
        return bool(inputs(portaudio()))
    except SourceError:
        return False


def main() -> None:
    multiprocessing.freeze_support()
    if "LD_LIBRARY_PATH_ORIG" in os.environ:  # the libraries packed here are not for the browser
        os.environ["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH_ORIG"]
    if len(sys.argv) == 1:
        settings = settings_file(folder())
        if sys.stderr is None:  # a windowed program has no console: its lines go to a file
            sys.stdout = sys.stderr = open(folder() / "log.txt", "w", encoding="utf-8", buffering=1)  # noqa: SIM115
        if is_running(settings):
            return
        # Without a microphone the page shows the packaged clip instead of nothing.
        sys.argv += ["--config", str(settings), *([] if has_microphone() else ["--input", "demo"])]
    choose_processor()
    from fmg_rt.cli import main as run

    run(prog_name="fmg")


if __name__ == "__main__":
    main()
