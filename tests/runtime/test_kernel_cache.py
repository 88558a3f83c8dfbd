"""Compiled kernels on disk: damaged, absent, full or forbidden, the program starts, says it once and does its work."""

import errno
import importlib
import itertools
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numba import config
from numba.core.codegen import get_host_cpu_features

from fmg_rt import files
from fmg_rt.cli import main
from fmg_rt.kernels import cache, jit

SPOILERS = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "one bit": lambda content: content[:-200] + bytes([content[-200] ^ 4]) + content[-199:],
    "one bit of the checksum": lambda content: bytes([content[0] ^ 1]) + content[1:],
    "another program's": lambda content: b"\x80\x04N." * 100,
}
KERNELS = Path(cache.__file__).parent
QUICK = tuple(
    f"expression_face.{name}-" for name in ("aperture", "keep_between", "keep_in_range", "move_head", "scale_and_shift")
)


def double(x, out):
    for i in range(len(x)):
        out[i] = 2 * x[i]


def half(x):
    return x / 2


def compiled():
    """The first function above as a kernel: compiled, or loaded from where it is kept."""
    return jit.fast_kernel(jit.VOID(jit.IN1, jit.OUT1))(double)


def works(kernel):
    out = np.empty(100, np.float32)
    kernel(np.arange(100, dtype=np.float32), out)
    return bool((out == 2 * np.arange(100)).all())


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A cache of its own, and a fresh tally."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "tally", cache.Tally())
    return tmp_path / "cache" / "fmg"


def test_what_was_compiled_is_found(place):
    assert works(compiled()) and cache.tally.compiled == 1
    (path,) = place.iterdir()
    assert path.suffix == cache.SUFFIX and path.name.startswith("test_kernel_cache.double-")
    assert works(compiled()) and (cache.tally.loaded, cache.tally.compiled) == (1, 1)
    assert list(cache.kept()) == [(path, True)] and cache.tally.place == place


def test_a_part_is_compiled_or_loaded_by_its_first_call(place):
    for n in (0, 1):
        part = jit.part(jit.VOID(jit.IN1, jit.OUT1))(double)
        assert (cache.tally.compiled, cache.tally.loaded) == (n, 0)
        assert works(part) and works(part) and (cache.tally.compiled, cache.tally.loaded) == (1, n)
    assert jit.part(jit.F32(jit.F32))(half)(3.0) == 1.5


def test_an_edit_of_a_kernel_in_another_file_reaches_its_callers(place, tmp_path, monkeypatch):
    """Three files, each calling the next: the one at the bottom is edited, and the one at the top computes anew."""
    monkeypatch.syspath_prepend(tmp_path)
    head = "from fmg_rt.kernels.jit import F32, kernel\n"
    for name, below in (("top", "middle"), ("middle", "bottom")):
        text = f"{head}from {below}_kernel import {below}\n@kernel(F32(F32))\ndef {name}(x):\n    return {below}(x)\n"
        (tmp_path / f"{name}_kernel.py").write_text(text, encoding="utf-8")
    for factor in ("x + x", "x * x", "x * x"):
        text = f"{head}@kernel(F32(F32))\ndef bottom(x):\n    return {factor}\n"
        (tmp_path / "bottom_kernel.py").write_text(text, encoding="utf-8")
        for name in ("top", "middle", "bottom"):
            sys.modules.pop(f"{name}_kernel", None)
        importlib.invalidate_caches()
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
        cache._source.cache_clear()
        assert importlib.import_module("top_kernel").top(3.0) == (6.0 if "+" in factor else 9.0)
    assert (cache.tally.compiled, cache.tally.loaded) == (6, 3)


@pytest.mark.parametrize("how", SPOILERS)
def test_damage_is_said_once_thrown_away_and_compiled_anew(place, how, caplog):
    compiled()
    (path,) = place.iterdir()
    whole = path.read_bytes()
    for _ in range(2):
        path.write_bytes(SPOILERS[how](whole))
        assert list(cache.kept()) == [(path, False)]
        assert works(compiled())
    assert cache.tally.damaged == 2 and cache.tally.compiled == 3
    assert [record.message for record in caplog.records] == [
        f"fmg: compiled kernels in {place} are damaged; they are deleted and compiled again"
    ]
    assert path.read_bytes() == whole or list(cache.kept()) == [(path, True)]


def test_a_whole_file_that_cannot_be_unpacked_is_damage_too(place):
    compiled()
    (path,) = place.iterdir()
    rest = cache._read(path)[: cache._DIGEST] + b"\x80\x04cnumpy\ngone\n."
    path.write_bytes(cache.hashlib.sha256(rest).digest() + rest)
    assert works(compiled()) and cache.tally.damaged == 1


def test_other_flags_or_sources_are_not_damage(place, monkeypatch):
    compiled()
    monkeypatch.setattr(cache, "_source", lambda path: "edited")
    assert works(compiled()) and (cache.tally.compiled, cache.tally.damaged) == (2, 0)
    monkeypatch.setitem(jit._FLAGS, "error_model", "python")
    assert works(compiled()) and (cache.tally.compiled, cache.tally.damaged) == (3, 0)
    assert len(list(place.iterdir())) == 1


@pytest.mark.parametrize("refused", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_no_room_or_no_right_is_said_once_and_the_kernel_works(place, refused, monkeypatch, caplog):
    class Full:
        def __init__(self, path, mode):
            self.file = open(path, mode)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def write(self, content):
            self.file.write(content[:100])
            raise OSError(refused, os.strerror(refused))

    monkeypatch.setattr(files, "open", Full, raising=False)
    assert works(compiled()) and works(compiled())
    assert (cache.tally.compiled, list(place.iterdir())) == (2, [])
    (record,) = caplog.records
    assert os.strerror(refused) in record.message and "NUMBA_CACHE_DIR" in record.message
    assert os.strerror(refused) in cache.tally.refusal


def test_another_process_that_reads_its_own_file_is_no_refusal(place, monkeypatch, caplog):
    """Windows lets nobody take the name of a file that somebody reads."""
    compiled()
    monkeypatch.setattr(cache, "_source", lambda path: "edited")

    def replace(source, target):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), source, None, target)

    monkeypatch.setattr(files.os, "replace", replace)
    assert works(compiled()) and (cache.tally.refusal, caplog.records) == ("", [])
    assert len(list(place.iterdir())) == 1


def test_a_stale_kernel_in_a_folder_without_write_permission_goes_to_the_next_place(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "tally", cache.Tally())
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setattr(cache, "places", lambda: [first])
    compiled()
    monkeypatch.setattr(cache, "_source", lambda path: "edited")
    monkeypatch.setattr(cache, "places", lambda: [first, second])

    def refuse(path, mode):
        if first in path.parents:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return open(path, mode)

    monkeypatch.setattr(files, "open", refuse, raising=False)
    assert works(compiled()) and cache.tally.place == second and len(list(second.iterdir())) == 1


def test_a_folder_that_cannot_be_is_said(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(cache, "tally", cache.Tally())
    assert works(compiled()) and len(caplog.records) == 1


def test_a_place_that_is_only_read_is_used(tmp_path, monkeypatch):
    """A container image with kernels compiled when it was built, which nobody may write."""
    monkeypatch.setattr(cache, "tally", cache.Tally())
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setattr(cache, "places", lambda: [second])
    compiled()
    monkeypatch.setattr(cache, "places", lambda: [first, second])
    monkeypatch.setattr(cache, "_write", lambda path, content: pytest.fail("nothing is to be written"))
    assert works(compiled()) and cache.tally.loaded == 1


def test_without_the_variable_kernels_lie_beside_the_sources_or_with_the_user(monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", "")
    assert cache.places()[0] == KERNELS / "__pycache__" and "fmg" in cache.places()[1].parts
    monkeypatch.setattr(sys, "frozen", True, raising=False)  # what was packed and signed stays as it is
    assert cache.places()[1] == KERNELS / "__pycache__" and "fmg" in cache.places()[0].parts


def test_the_command_shows_and_clears(place):
    compiled()
    (path,) = place.iterdir()
    path.write_bytes(b"")
    result = CliRunner().invoke(main, ["cache", "show"])
    assert result.exit_code == 0 and f"{place}: 1 kernels" in result.output and f"damaged: {path.name}" in result.output
    result = CliRunner().invoke(main, ["cache", "clear"])
    assert result.exit_code == 0 and "1 kernels deleted" in result.output and not list(place.iterdir())


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """Every kernel of this machine, compiled, in a place of its own."""
    source = tmp_path_factory.mktemp("kernels")
    subprocess.run([sys.executable, "-m", "fmg_rt", "cache", "warm"], check=True, capture_output=True, timeout=300)
    for path, whole in cache.kept():
        assert whole
        (source / "fmg").mkdir(exist_ok=True)
        shutil.copy(path, source / "fmg")
    return source


@pytest.mark.parametrize("command", ["run", "bake", "doctor"])
def test_no_damage_stops_a_start(command, warm, voice, weight_file, tmp_path, program):
    """Each kind of damage at once, to kernels that every start reads and that compile quickly."""
    shutil.copytree(warm, tmp_path / "cache")
    small = [path for path in sorted((tmp_path / "cache" / "fmg").iterdir()) if path.name.startswith(QUICK)]
    assert len(small) >= len(SPOILERS)  # of this processor, and of those that other tests compiled for
    for path, spoil in zip(small, itertools.cycle(SPOILERS.values())):  # noqa: B905
        path.write_bytes(spoil(path.read_bytes()))
    arguments = {
        "run": ["--input", voice, "--fast", "--record", tmp_path / "a.csv", "--weights", weight_file],
        "bake": ["bake", voice, "--out", tmp_path, "--weights", weight_file],
        "doctor": ["doctor", "--input", "demo", "--weights", weight_file],
    }[command]
    for expected in (1, 0):
        code, out, err = program(*arguments, environment={"NUMBA_CACHE_DIR": str(tmp_path / "cache")}).end(120)
        assert code == 0, err
        assert err.count("are damaged; they are deleted") == expected and "Traceback" not in err
    assert (tmp_path / "a.csv").exists() or (tmp_path / "voice.csv").exists() or "would run" in out


@pytest.mark.skipif(not shutil.which("mount"), reason="this system has no mount")
@pytest.mark.parametrize("command", ["run", "bake", "doctor"])
@pytest.mark.parametrize("kind", ["read-only", "full"])
def test_no_place_for_kernels_stops_no_start(kind, command, warm, tmp_path):
    """Cells of the start matrix (docs/start.md): file systems that take nothing, not even from root."""
    matrix = runpy.run_path(str(Path(__file__).parents[2] / "bench" / "start_matrix.py"))
    with matrix["state"](kind, warm, tmp_path / "cache", everything=False) as there:
        if not there:
            pytest.skip("this system lets nobody mount a file system")
        cell = matrix["measure"](matrix["commands"](tmp_path)[command], tmp_path / "cache", tmp_path)
    assert cell.startswith("runs, says it once"), cell


def test_kernels_of_others_stay_as_they_were(tmp_path):
    """Importing fmg changes no switch of Numba, and its vectors are its own: a compiler for others sees none of it."""
    code = """
import sys
import numba, numpy as np
features, ours = numba.config.CPU_FEATURES, ""
if "with" in sys.argv:
    import fmg_rt.kernels.logmel
    (ours,) = fmg_rt.kernels.logmel.fold_rows.inspect_asm().values()
@numba.njit("void(float32[::1], float32[::1])", fastmath=True)
def scale(x, out):
    for i in range(len(x)):
        out[i] = x[i] * 3
(theirs,) = scale.inspect_asm().values()
print(numba.config.CPU_FEATURES == features, theirs.count("zmm"), ours.count("zmm"))
"""

    def say(argument, **environment):
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), **environment}
        return subprocess.run(
            [sys.executable, "-c", code, argument], env=environment, capture_output=True, text=True, timeout=120
        ).stdout.split()

    alone, together = say("alone"), say("with")
    assert alone[:2] == together[:2] and together[0] == "True"
    if "+avx512vbmi2" in get_host_cpu_features():
        assert int(together[2]) > 100
        older = get_host_cpu_features().replace("+avx512bf16", "-avx512bf16")  # Ice Lake
        assert int(say("with", NUMBA_CPU_FEATURES=older)[2]) > 100
