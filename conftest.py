"""For tests and bench alike: where compiled kernels are kept, where slow references and the machine's pace are found."""

import hashlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent


def _kernel_cache() -> Path:
    """A cache for exactly these kernel sources.

    Numba looks at the file of a kernel only, so an edit of the compile flags in ``jit.py`` would go unnoticed; a new
    cache for every run would cost 20 s of compilation. One named by the hash of all sources is fresh when it must be.
    """
    digest = hashlib.sha256()
    for path in sorted((ROOT / "runtime" / "fmg_rt" / "kernels").glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return ROOT / ".pytest_cache" / "numba" / digest.hexdigest()[:16]


# At import, not in a hook: other conftest files may import numba, which reads it once. Child processes inherit it.
os.environ.setdefault("NUMBA_CACHE_DIR", str(_kernel_cache()))
sys.path.insert(0, str(ROOT / "tests"))  # reference_*.py, machine.py
