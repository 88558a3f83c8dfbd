"""The start matrix of docs/start.md: what every command does with every state of the kernel cache.

``python bench/start_matrix.py --write`` puts the table into the page. It takes a minute or more, since most states compile. The
states "full" and "read-only" mount a file system of their own (Linux, as root); elsewhere they are left out.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fmg_rt.kernels import cache

PAGE = Path(__file__).parents[1] / "docs" / "start.md"
BEGIN, END = "<!-- matrix -->\n", "<!-- end of matrix -->"
STATES = {
    "whole": "all kernels compiled before",
    "absent": "not compiled yet",
    "damaged": "of every three files one is empty, one cut, one has a flipped bit",
    "read-only": "not compiled yet, and nothing can be written",
    "full": "not compiled yet, and the disk is full",
}
QUICK = tuple(f"expression_face.{name}-" for name in ("aperture", "keep_between", "keep_in_range", "scale_and_shift"))
"""Kernels that every start reads and that compile quickly: without ``--all`` only these are in the state, the others stay
whole and tell nothing new."""


@contextlib.contextmanager
def state(name: str, warm: Path, place: Path, everything: bool) -> Iterator[bool]:
    """Bring the cache folder `place` into that state; False where that cannot be done here."""
    place.mkdir()
    mounted = name in ("read-only", "full")
    if mounted and mount(place, "size=64m"):
        yield False
        return
    try:
        shutil.copytree(warm, place, dirs_exist_ok=True)
        ours = [path for path in sorted((place / "fmg").iterdir()) if everything or path.name.startswith(QUICK)]
        for k, path in enumerate(ours if name != "whole" else []):
            content = path.read_bytes()
            if name == "damaged":
                spoilt = [b"", content[: len(content) // 2], content[:99] + bytes([content[99] ^ 1]) + content[100:]]
                path.write_bytes(spoilt[k % 3])
            else:
                path.unlink()
        if name == "read-only":
            mount(place, "remount,ro")
        if name == "full":
            with contextlib.suppress(OSError), open(place / "filler", "wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
        yield True
    finally:
        if mounted:
            subprocess.run(["umount", place], check=True)


def mount(place: Path, options: str) -> int:
    """A file system of its own; the exit code."""
    return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True).returncode


def commands(folder: Path) -> dict[str, list[str]]:
    """Each command, with a demo sound that is there anyway."""
    from fmg_weights import __file__ as weights

    demo = str(Path(weights).parent / "demo.flac")
    return {
        "run": ["--input", "demo", "--fast", "--record", str(folder / "run.csv")],
        "bake": ["bake", demo, "--out", str(folder / "baked")],
        "doctor": ["doctor", "--input", "demo"],
    }


def measure(arguments: list[str], place: Path, folder: Path) -> str:
    """One cell: how it ended, how long it took, how often it remarked something about the cache."""
    shutil.rmtree(folder / "baked", ignore_errors=True)
    (folder / "run.csv").unlink(missing_ok=True)
    began = time.perf_counter()
    result = subprocess.run(
        [sys.executable, "-m", "fmg_rt", *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "NUMBA_CACHE_DIR": str(place)},
    )
    seconds = time.perf_counter() - began
    remarks = result.stderr.count("are damaged; they are deleted") + result.stderr.count("cannot be stored")
    good = result.returncode == 0 and "Traceback" not in result.stderr
    said = {0: "says nothing", 1: "says it once"}.get(remarks, f"says it {remarks} times")
    return (
        f"{'runs' if good else 'FAILS'}, {said}, {seconds:.0f} s"
        if seconds >= 10
        else f"{'runs' if good else 'FAILS'}, {said}, {seconds:.1f} s"
    )


def table(everything: bool) -> str:
    """The matrix in Markdown."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warm = folder / "warm"
        (warm / "fmg").mkdir(parents=True)
        subprocess.run([sys.executable, "-m", "fmg_rt", "cache", "warm"], check=True, capture_output=True)
        for path, _ in cache.kept():
            shutil.copy(path, warm / "fmg")
        jobs = commands(folder)
        lines = ["| cache | " + " | ".join(jobs) + " |", "|---" * (len(jobs) + 1) + "|"]
        for kind, meaning in STATES.items():
            cells = []
            for command, arguments in jobs.items():
                place = folder / f"{kind} {command}"
                with state(kind, warm, place, everything) as there:
                    cells.append(measure(arguments, place, folder) if there else "not tried here")
                print(f"{kind} {command}: {cells[-1]}", file=sys.stderr)
            lines.append(f"| **{kind}**: {meaning} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put it into docs/start.md")
    parser.add_argument("--all", action="store_true", help="compile the slow kernels in every cell, too")
    chosen = parser.parse_args()
    made = table(chosen.all)
    print(made)
    if chosen.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(before + BEGIN + "\n" + made + "\n" + END + rest.partition(END)[2], encoding="utf-8")
    sys.exit("FAILS" in made)


if __name__ == "__main__":
    main()
