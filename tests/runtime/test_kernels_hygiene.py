"""What every kernel owes: one exact signature, no silent recompilation, no allocation, no import but the flags."""

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher
from numba.core.types import Array, Number
from numba.np.numpy_support import as_dtype

import fmg_rt.kernels

OTHER = {"float32": np.float64, "float64": np.float32}


def _kernels():
    for info in pkgutil.iter_modules(fmg_rt.kernels.__path__):
        module = importlib.import_module(f"fmg_rt.kernels.{info.name}")
        for name, value in vars(module).items():
            if isinstance(value, Dispatcher) and value.py_func.__module__ == module.__name__:
                if hasattr(value, "load"):  # a part that nothing has needed yet
                    value.load()
                yield pytest.param(value, id=f"{info.name}.{name}")


KERNELS = list(_kernels())


def argument(kind):
    """A value that the parameter type takes."""
    if isinstance(kind, Array):
        return np.zeros((1,) * kind.ndim, as_dtype(kind.dtype))
    assert isinstance(kind, Number), kind
    return np.dtype(str(kind)).type(0)


def allocations(text):
    """Calls in LLVM text that take memory from Numba's run time or from C's."""
    return re.findall(r"call [^\n]*@(?:NRT_(?:MemInfo_alloc|Allocate)\w*|malloc|calloc)\b", text)


def llvm_text(kernel):
    """The LLVM text of a fresh compilation: code from the cache has none."""
    options = {name: value for name, value in kernel.targetoptions.items() if name not in ("nopython", "cache")}
    (signature,) = kernel.nopython_signatures
    return numba.njit(signature, **options)(kernel.py_func).inspect_llvm(signature.args)


def test_kernels_were_found():
    assert len(KERNELS) > 20


@pytest.mark.parametrize("kernel", KERNELS)
def test_one_signature_and_no_other(kernel):
    assert len(kernel.nopython_signatures) == 1, "a kernel is compiled for one signature"
    assert not kernel._can_compile, "a kernel without signature compiles again on float64 input: six hops lost"
    kinds = kernel.nopython_signatures[0].args
    arrays = [i for i, kind in enumerate(kinds) if isinstance(kind, Array)]
    assert all(kinds[i].layout == "C" for i in arrays)
    for i in arrays:
        arguments = [argument(kind) for kind in kinds]
        arguments[i] = np.zeros(arguments[i].shape, OTHER.get(str(kinds[i].dtype), np.float64))
        with pytest.raises(TypeError, match="No matching definition"):
            kernel(*arguments)
        arguments[i] = np.zeros((2,) * kinds[i].ndim, as_dtype(kinds[i].dtype))[..., ::2]
        if not arguments[i].flags.c_contiguous:
            with pytest.raises(TypeError, match="No matching definition"):
                kernel(*arguments)


@pytest.mark.parametrize("kernel", KERNELS)
def test_no_allocation(kernel):
    text = llvm_text(kernel)
    assert "define " in text and len(text) > 500, "the LLVM text must be real"
    assert not allocations(text)


@pytest.mark.parametrize("path", sorted(Path(fmg_rt.kernels.__path__[0]).glob("*.py")), ids=lambda path: path.stem)
def test_no_bare_float_literal(path):
    """A bare 0.5 inside a kernel makes its whole expression float64."""
    functions = [n for n in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(n, ast.FunctionDef)]
    kernels = [f for f in functions if any(re.match("(fast_)?(kernel|part)", ast.unparse(d)) for d in f.decorator_list)]
    assert kernels or path.stem in ("__init__", "cache", "jit")
    for kernel in kernels:
        literals = [n for n in ast.walk(kernel) if isinstance(n, ast.Constant) and isinstance(n.value, float)]
        assert not literals, f"{path.name}:{literals[0].lineno}: use a np.float32 constant"


def test_the_search_for_allocations_finds_one():
    @numba.njit("float32[::1](int64)")
    def allocates(n):
        return np.zeros(n, np.float32)

    assert allocations(allocates.inspect_llvm(allocates.signatures[0]))
