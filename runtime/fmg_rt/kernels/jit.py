"""Compile flags and array types of every kernel, here and nowhere else.

A kernel is decorated with ``@kernel(signature)``: compiled for exactly that signature when its module is imported, cached
on disk (`cache`), without bounds checks, holding no GIL. What only other kernels call is decorated with ``@part(signature)``:
a kernel that comes from the cache brings its parts along, so they are compiled or read only when one that calls them is
compiled, or at their first call. ``fast_kernel`` and ``fast_part`` also let the compiler reorder sums (``reassoc``): use
them where a bench shows the gain and parity holds. Nothing here changes the kernels of
other packages in the same process.
"""

import hashlib
import logging

from numba import config, from_dtype, njit
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.dispatcher import Dispatcher
from numba.core.typeinfer import register_dispatcher
from numba.types import Array, complex64, float32, float64, int16, int32, int64, uint16, uint32, void

from .cache import KernelCache, _source

__all__ = [
    "BF16",
    "C64",
    "F32",
    "F64",
    "I16",
    "I32",
    "I64",
    "IN1",
    "IN2",
    "IN3",
    "OUT1",
    "OUT2",
    "OUT3",
    "PAIR",
    "VOID",
    "array_in",
    "array_out",
    "fast_kernel",
    "fast_part",
    "kernel",
    "part",
    "record_out",
]

F32, F64, I16, I32, I64, C64, VOID = float32, float64, int16, int32, int64, complex64, void
BF16 = uint16
"""A bfloat16 by its bits: the upper half of a float32."""
PAIR = uint32
"""Two of them: the first in the lower half, the second in the upper."""


def array_in(dtype, ndim):
    """A C-contiguous array that the kernel only reads."""
    return Array(dtype, ndim, "C", readonly=True)


def array_out(dtype, ndim):
    """A C-contiguous array that the kernel writes."""
    return Array(dtype, ndim, "C")


def record_out(dtype):
    """An array of records that the kernel reads and writes."""
    return Array(from_dtype(dtype), 1, "C")


IN1, IN2, IN3 = (array_in(float32, n) for n in (1, 2, 3))
OUT1, OUT2, OUT3 = (array_out(float32, n) for n in (1, 2, 3))


_WIDE = {"+avx512vbmi2", "+avx512bf16"}
"""Processors that know one of these keep their clock rate in vectors of 512 bits; older ones do not."""


class _WideLibrary(JITCodeLibrary):
    """Machine code with vectors of 512 bits, which LLVM halves by itself for Intel's processors, new and old.

    With whole ones the network takes three quarters of the time and `fmg-rt bake` nine tenths (Intel Xeon with AMX).

    References
    ----------
    LLVM, `X86Subtarget`: the function attribute ``prefer-vector-width`` goes before the processor's own preference.
    """

    def add_ir_module(self, ir_module):
        for function in ir_module.functions:
            if not function.is_declaration:
                # llvmlite's own `add` takes only attributes that it knows.
                set.add(function.attributes, '"prefer-vector-width"="512"')
        super().add_ir_module(ir_module)


class _Compiler(CompilerBase):
    """Numba's compiler, its vectors as wide as they are of use; for these kernels alone."""

    def define_pipelines(self):
        codegen = self.state.targetctx.codegen()
        if _WIDE & set(codegen.magic_tuple()[2].split(",")):
            self.state.library = _WideLibrary(codegen, self.state.func_id.func_qualname)
            self.state.library.enable_object_caching()
        return [DefaultPassBuilder.define_nopython_pipeline(self.state)]


_FLAGS = {"nogil": True, "boundscheck": False, "error_model": "numpy"}
if config.DISABLE_JIT:
    logging.getLogger(__name__).warning("fmg: NUMBA_DISABLE_JIT is set: a frame takes seconds instead of a millisecond")


def _made_by(function, flags):
    """What a kernel is made from besides its own file: compile flags, and the kernels of other files that it calls."""
    names = function.__code__.co_names
    called = [kernel for name in names if isinstance(kernel := function.__globals__.get(name), Dispatcher)]
    others = [(kernel._cache._made_by, _source(kernel.py_func.__code__.co_filename)) for kernel in called]
    return hashlib.sha256(repr((_FLAGS, sorted(flags.items()), sorted(_WIDE), others)).encode()).hexdigest()


def _compiled(signature, at_import, **flags):
    """Decorator: what ``njit(signature, cache=True)`` does, with our cache; at import, or when it is needed."""

    def decorate(function):
        dispatcher = njit(**_FLAGS, **flags, pipeline_class=_Compiler)(function)
        if dispatcher is function:  # NUMBA_DISABLE_JIT
            return function
        dispatcher._cache = KernelCache(function, _made_by(function, flags))

        def load():
            with register_dispatcher(dispatcher):
                for one in signature if isinstance(signature, list) else [signature]:
                    dispatcher.compile(one)
            dispatcher.disable_compile()

        if at_import:
            load()
        else:
            _load_when_needed(dispatcher, load)
        return dispatcher

    return decorate


def _load_when_needed(dispatcher, load):
    """Call `load` once, before the dispatcher is typed for a caller or finds no compiled code for a call; or as its `load`."""

    def loaded():
        del dispatcher.get_call_template, dispatcher._compile_for_args, dispatcher.load
        load()

    def get_call_template(arguments, keywords):
        loaded()
        return dispatcher.get_call_template(arguments, keywords)

    def compile_for_args(*arguments, **keywords):
        loaded()
        return dispatcher  # Numba calls what it is given

    dispatcher.get_call_template, dispatcher._compile_for_args = get_call_template, compile_for_args
    dispatcher.load = loaded


def kernel(signature):
    """Compile for `signature`, or for each of a list, at import, cached."""
    return _compiled(signature, True)


def part(signature):
    """As `kernel`, for what only kernels call: not before one of them is compiled."""
    return _compiled(signature, False)


_FAST = {"reassoc": True, "contract": True}


def fast_kernel(signature):
    """As `kernel`, and sums may be reordered: ``reassoc`` keeps ``isfinite`` and signed zeros, full fastmath does not."""
    return _compiled(signature, True, fastmath=_FAST)


def fast_part(signature):
    """As `part`, and sums may be reordered."""
    return _compiled(signature, False, fastmath=_FAST)
