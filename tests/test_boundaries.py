"""Imports go one way, the runtime stays light, and the wheel holds every package of the tree."""

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RUNTIME, TRAINER = ROOT / "runtime" / "fmg_rt", ROOT / "trainer" / "fmg_train"

LAYERS = [
    {"spec", "arkit", "frame", "errors", "distribution", "files"},
    {"emotions", "heard"},
    {"architectures", "kernels", "wire", "audio"},
    {"weights"},
    {"networks", "features", "egemaps"},
    {"expression"},
    {"stream"},
    {"handover"},
    {"sinks", "sources"},
    {"session"},
    {"pool"},
    {"preview", "serve"},
    {"app"},
    {"cli"},
    {"__init__", "__main__"},
]
"""Parts of the runtime from the ground up: a part imports only from itself and from layers below its own."""
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}

HEAVY = ("torch", "librosa", "opensmile", "matplotlib", "fmg_train", "pandas")
LATE = ("sounddevice", "soundfile", "soxr", "scipy")
"""Imported inside the function that needs them: they cost start-up time, and a user may lack the sound library."""
LATE_PARTS = ("sounddevice", "soundfile", "soxr", "scipy.io", "scipy.optimize", "scipy.signal", "scipy.special")
"""As `LATE`; ``scipy`` itself and ``scipy.linalg`` are loaded by Numba with its first kernel."""


def imports(path, package):
    """(absolute module name, imported at module level?) of every import in a file of `package`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) for n in ast.walk(f)}
    for node in ast.walk(tree):
        top = id(node) not in inside
        if isinstance(node, ast.Import):
            yield from ((alias.name, top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((f"{node.module}.{alias.name}", top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
            prefix = f"{base}.{node.module}" if node.module else base
            yield from ((f"{prefix}.{alias.name}", top) for alias in node.names)


def files(root):
    """(path, dotted package, part) of every module below the package folder `root`."""
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root).with_suffix("").parts
        package = ".".join((root.name, *relative[:-1]))
        yield pytest.param(path, package, relative[0], id="/".join(relative))


def part_of(module):
    """spec of fmg_rt.spec.SAMPLE_RATE; '__init__' of the package itself."""
    names = module.split(".")
    known = len(names) > 1 and ((RUNTIME / names[1]).is_dir() or (RUNTIME / f"{names[1]}.py").is_file())
    return names[1] if known else "__init__"


@pytest.mark.parametrize("path, package, part", list(files(RUNTIME)))
def test_runtime_imports_go_down(path, package, part):
    assert part in RANK, f"{part} is new: give it a layer in this test"
    for module, top in imports(path, package):
        root = module.split(".")[0]
        assert root not in HEAVY, f"the runtime must not import {module}"
        assert not (top and root in LATE), f"import {module} inside the function that needs it"
        if root != "fmg_rt":
            continue
        target = part_of(module)
        if path.name == "jit.py" and part == "kernels":
            assert module.startswith("fmg_rt.kernels.cache."), f"jit imports only the cache, not {module}"
        elif path.name == "cache.py" and part == "kernels":
            assert module.startswith("fmg_rt.files."), f"the cache imports only files, not {module}"
        elif part == "kernels":
            assert target == "kernels", f"a kernel imports only jit and other kernels, not {module}"
        elif target != part:
            assert RANK[target] < RANK[part], f"{part} must not import {module}"


@pytest.mark.parametrize("path, package, part", list(files(TRAINER)))
def test_trainer_imports_no_private_part_of_a_program(path, package, part):
    for module, _ in imports(path, package):
        assert not module.startswith(("fmg_rt.cli", "fmg_rt.app", "fmg_rt.preview", "fmg_rt.sinks")), module


def test_bench_imports_the_runtime_only():
    for path in (ROOT / "bench").rglob("*.py"):
        for module, _ in imports(path, "bench"):
            assert module.split(".")[0] != "fmg_train", f"{path.name} imports {module}"


def test_nothing_heavy_is_loaded():
    """In a fresh interpreter, after everything that a running program imports at its start."""
    code = f"""
import sys
import fmg_rt.cli, fmg_rt.cli.run, fmg_rt.stream, fmg_rt.networks.gru, fmg_rt.networks.cross_attention
import fmg_rt.egemaps, fmg_rt.expression, fmg_rt.sinks, fmg_rt.sources, fmg_rt.preview
print(sorted(set({HEAVY + LATE_PARTS!r}) & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"


def test_setup_lists_every_package():
    """A package missing from setup.cfg works in an editable install and is silently absent from the wheel."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = parser["options"]["packages"].split()
    tree = ["fmg_weights"]
    for root in (RUNTIME, TRAINER):
        for init in root.rglob("__init__.py"):
            tree.append(".".join((root.name, *init.parent.relative_to(root).parts)))
        for folder in {path.parent for path in root.rglob("*.py")}:
            assert (folder / "__init__.py").is_file(), f"{folder.relative_to(ROOT)} holds modules but is no package"
    assert sorted(listed) == sorted(tree)
    assert (ROOT / "weights" / "__init__.py").is_file()


def test_the_layer_test_sees_a_wrong_import(tmp_path):
    (tmp_path / "x.py").write_text("def f():\n    from ..stream import FaceStream\nimport scipy.signal\n", encoding="utf-8")
    assert list(imports(tmp_path / "x.py", "fmg_rt.kernels")) == [("scipy.signal", True), ("fmg_rt.stream.FaceStream", False)]
    assert part_of("fmg_rt.stream.FaceStream") == "stream" and part_of("fmg_rt.FaceStream") == "__init__"
