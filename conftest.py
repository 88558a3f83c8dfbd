"""For tests and bench alike: where compiled kernels are kept, where slow references and the machine's pace are found."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent


# At import, not in a hook: other conftest files may import numba, which reads it once. Child processes inherit it.
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".pytest_cache" / "kernels"))
sys.path.insert(0, str(ROOT / "tests"))  # reference_*.py, machine.py


def pytest_addoption(parser):
    parser.addoption("--fuzz-seconds", type=float, default=0.0, metavar="S", help="how long tests/fuzz goes on, by chance")
