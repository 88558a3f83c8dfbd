"""Build the application: one folder, dist/fmg, that runs without Python.

    pip install ".[application,receivers]"
    python packaging/application.py             # dist/fmg
    python packaging/application.py --archive   # and dist/fmg-VERSION-SYSTEM.zip

The kernels' sources are packed beside their byte code, and beside them what the finished program compiles of them, for the
processor that `fmg.choose_processor` names. On an older one it compiles them on its first start.
"""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
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
    "dbm",
    "_dbm",
    "readline",
    "doctest",
    "pydoc_data",
    "numba.np.ufunc.omppool",
    "numba.tests",
    "numpy.f2py",
    "websockets.asyncio",
    "websockets.legacy",
    "websockets.trio",
    "numba.np.ufunc.tbbpool",
]
"""What is imported if it is there, by us or by Numba, and would make the folder larger than its 250 MB."""
_PART = re.compile(r"^@(?:fast_)?part\(.*?\)\ndef (\w+)", re.MULTILINE | re.DOTALL)


def build() -> Path:
    """The finished folder."""
    import PyInstaller.__main__

    # PyInstaller cannot follow an editable installation: it gets a plain one.
    installed = ROOT / "build" / "installed"
    shutil.rmtree(installed, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(installed), str(ROOT)]
    subprocess.run(pip, check=True)
    sys.path.insert(0, str(installed))
    kernels = installed / "fmg_rt" / "kernels"
    options = ["--noconfirm", "--clean", "--name", "fmg", "--onedir", "--log-level", "WARN"]
    options += ["--distpath", str(ROOT / "dist"), "--workpath", str(ROOT / "build"), "--specpath", str(ROOT / "build")]
    for name in UNUSED:
        options += ["--exclude-module", name]
    # The modules are imported by name when a command needs them, and Numba reads the kernels' sources.
    options += [
        "--collect-submodules",
        "fmg_rt",
        "--collect-data",
        "fmg_rt",
        "--add-data",
        f"{kernels / '*.py'}:fmg_rt/kernels",
    ]
    options += ["--paths", str(installed), "--collect-data", "fmg_weights", "--hidden-import", "fmg_weights"]
    options += ["--collect-all", "soxr"]
    options += ["--windowed"] if sys.platform in ("win32", "darwin") else []
    PyInstaller.__main__.run([*options, str(ROOT / "packaging" / "fmg.py")])
    if sys.platform == "linux":
        slim(ROOT / "dist" / "fmg")
    folder = ROOT / "dist" / ("fmg.app" if sys.platform == "darwin" else "fmg")
    compile_ahead(folder)
    return folder


def program(folder: Path) -> Path:
    """What is started in the finished folder."""
    return folder / {"darwin": "Contents/MacOS/fmg", "win32": "fmg.exe"}.get(sys.platform, "fmg")


def compile_ahead(folder: Path) -> None:
    """Let the finished program compile its kernels, and pack those that a start loads: their parts lie in them."""
    (source,) = {path.resolve() for path in folder.rglob("kernels/jit.py")}
    packed = source.parent / "__pycache__"
    packed.mkdir(exist_ok=True)
    parts = {f"{path.stem}.{name}" for path in source.parent.glob("*.py") for name in _PART.findall(path.read_text("utf-8"))}
    with tempfile.TemporaryDirectory() as cache:
        subprocess.run([program(folder), "cache", "warm"], check=True, env={**os.environ, "NUMBA_CACHE_DIR": cache})
        for kernel in (Path(cache) / "fmg").iterdir():
            if kernel.name.rpartition("-")[0] not in parts:
                shutil.copy(kernel, packed)
    if sys.platform == "darwin":  # PyInstaller has signed the folder without them
        subprocess.run(["codesign", "--force", "--deep", "--sign", "-", str(folder)], check=True)


def slim(folder: Path) -> None:
    """Take out libmvec, a part of every system's glibc, and the symbols of libraries: 40 MB.

    Those that a wheel has patched (a hash in the name) do not survive it.
    """
    for path in folder.rglob("libmvec.so*"):
        path.unlink()
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
