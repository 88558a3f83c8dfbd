"""Build the application: one folder, dist/fmg, that runs without Python.

    pip install ".[application]"
    python packaging/application.py             # dist/fmg
    python packaging/application.py --archive   # and dist/fmg-VERSION-SYSTEM.zip

The kernels' sources are packed beside their byte code: Numba compiles them on the first start and caches what it made.
"""

import argparse
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
UNUSED = [
    "av",
    "grpc",
    "grpc_tools",
    "aiohttp",
    "matplotlib",
    "torch",
    "scipy",
    "pandas",
    "PIL",
    "tkinter",
    "IPython",
    "pytest",
    "setuptools",
    "fmg_train",
]
"""What is imported if it is there, by us or by Numba, and would make the folder larger than its 250 MB."""


def build() -> Path:
    """The finished folder."""
    import PyInstaller.__main__

    # PyInstaller cannot follow an editable installation: it gets a plain one.
    installed = ROOT / "build" / "installed"
    shutil.rmtree(installed, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(installed), str(ROOT)]
    subprocess.run(pip, check=True)
    sys.path.insert(0, str(installed))
    options = ["--noconfirm", "--clean", "--name", "fmg", "--onedir", "--log-level", "WARN"]
    options += ["--distpath", str(ROOT / "dist"), "--workpath", str(ROOT / "build"), "--specpath", str(ROOT / "build")]
    for name in UNUSED:
        options += ["--exclude-module", name]
    # The modules are imported by name when a command needs them, and Numba reads the kernels' sources.
    options += ["--collect-all", "fmg_rt", "--collect-data", "fmg_weights", "--hidden-import", "fmg_weights"]
    options += ["--paths", str(installed), "--collect-all", "soxr"]
    options += ["--windowed"] if sys.platform in ("win32", "darwin") else []
    PyInstaller.__main__.run([*options, str(ROOT / "packaging" / "fmg.py")])
    if sys.platform == "linux":
        strip(ROOT / "dist" / "fmg")
    return ROOT / "dist" / ("fmg.app" if sys.platform == "darwin" else "fmg")


def strip(folder: Path) -> None:
    """Take the symbols out of libraries: 40 MB. Those that a wheel has patched (a hash in the name) do not survive it."""
    for path in folder.rglob("*.so*"):
        if not re.search(r"-[0-9a-f]{8}", path.name) and not path.is_symlink():
            subprocess.run(["strip", "--strip-unneeded", str(path)], check=True)


def size(folder: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", action="store_true", help="also make the ZIP file of a release")
    wanted = parser.parse_args()
    folder = build()
    print(f"{folder}: {size(folder) / 1e6:.0f} MB")
    if wanted.archive:
        from fmg_rt.distribution import __version__

        name = f"fmg-{__version__}-{platform.system().lower()}-{platform.machine().lower()}"
        print(shutil.make_archive(str(ROOT / "dist" / name), "zip", folder.parent, folder.name))


if __name__ == "__main__":
    main()
