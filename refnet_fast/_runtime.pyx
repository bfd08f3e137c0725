"""The runtime under the fast kernels: memory pool, threads, choice of instruction set, fork guard.

One per process. The kernels of every instruction set cimport it by its absolute name, so that they share one pool and
one thread setting. It is itself compiled for the base instruction set only: nothing here is arithmetic.

Pool
    An output of a kernel is an ndarray on a Block, the array's base. The block goes back to a free list of its size
    class when the last array or view that refers to it dies, and not before: NumPy's own reference counting decides.
    Size classes have four steps per power of two (at most a quarter is wasted). Memory comes from the system once: a
    training step that runs a second time meets no page fault. What lies unused is bounded (REFNET_POOL_MB, 512 by
    default); beyond that, blocks go back to the system, and release_memory() gives all of it back. REFNET_POISON=1 fills
    every block with NaN before it is handed out. Under AddressSanitizer every block is one of malloc's, exactly as long as
    was asked for, so that one byte too many is seen. All of it runs under the GIL, which is its lock; free-threaded Python
    turns the GIL on when it imports this.

Threads
    The smallest of affinity mask, cgroup quota and physical cores (_machine.py); OMP_NUM_THREADS and set_num_threads
    are obeyed, up to _machine.most_threads(): each thread has scratch of its own. `team` gives the threads for a
    piece of work: one, if the work is shorter than what a parallel region costs on a busy machine. A forked child
    runs serial: the team of its parent does not exist there, and libgomp would wait for it.
"""
cimport cython
cimport numpy as cnp
from cpython.ref cimport Py_INCREF
from libc.string cimport memset

import os

from refnet_fast import _machine

cnp.import_array()

cdef extern from "refnet_fast/simd/memory.h":
    void* rn_system_alloc(size_t size) nogil
    void rn_system_free(void* p) nogil
    void rn_system_trim() nogil
    const int RN_HAS_OPENMP
    const int RN_EXACT

cdef extern from "refnet_fast/simd/cpu.h":
    int rn_cpu_level() nogil

cdef extern from "numpy/arrayobject.h":
    object PyArray_NewFromDescr(type subtype, cnp.dtype descr, int nd, const cnp.npy_intp* dims,
                                const cnp.npy_intp* strides, void* data, int flags, object obj)
    int PyArray_SetBaseObject(cnp.ndarray arr, object obj) except -1

# ---- the pool ---------------------------------------------------------------------------------------------------

cdef enum:
    CLASSES = 192        # four per power of two from 64 bytes on: beyond LARGEST
    LOG_LARGEST = 47     # of a block's bytes: as much as a process can address

cdef struct Free:        # the first bytes of an unused block hold the link to the next
    Free* next

cdef Free* _free[CLASSES]
cdef size_t _cached = 0, _live = 0, _limit = 0
cdef size_t _hits = 0, _misses = 0
cdef bint _poison = False


cdef inline int _class_of(size_t size) noexcept nogil:
    """The smallest class that holds `size`: 4 (log2 - 6) + quarter."""
    cdef int log = 6
    cdef size_t rest
    if size <= 64:
        return 0
    rest = (size - 1) >> 6
    while rest > 1:
        rest >>= 1
        log += 1
    return 4 * (log - 6) + <int>(((size - 1) >> (log - 2)) & 3) + 1


cdef inline size_t _class_size(int index) noexcept nogil:
    """64, 80, 96, 112, 128, 160 ..."""
    if index == 0:
        return 64
    return ((<size_t>4 + (<size_t>index & 3)) << (index >> 2)) << 4


cdef int _no_memory(size_t bytes) except -1:
    raise MemoryError(f"refnet_fast could not allocate {bytes} bytes. Use smaller batches or a smaller model; "
                      "refnet_fast.release_memory() gives back what lies unused.")


cdef void* _take(size_t bytes) except NULL:
    """A block of at least so many bytes: from the free list of its class, or else from the system."""
    global _cached, _live, _hits, _misses
    if bytes >> LOG_LARGEST:
        _no_memory(bytes)
    cdef int index = _class_of(bytes)
    cdef size_t size = _class_size(index)
    cdef Free* p = _free[index]
    if RN_EXACT:
        size = bytes if bytes else 1
    if p != NULL:
        _free[index] = p.next
        _cached -= size
        _hits += 1
    else:
        p = <Free*>rn_system_alloc(size)
        if p == NULL:
            pool_clear()                     # what lies unused in other classes may be just what is missing
            p = <Free*>rn_system_alloc(size)
        if p == NULL:
            _no_memory(size)
        _misses += 1
    _live += _class_size(index)
    if _poison:
        memset(p, 0xFF, size)                # all ones: NaN in float32 and in float64
    return p


cdef void _give(void* data, int index) noexcept:
    global _cached, _live
    cdef size_t size = _class_size(index)
    _live -= size
    if RN_EXACT or _cached + size > _limit:
        rn_system_free(data)
        return
    (<Free*>data).next = _free[index]
    _free[index] = <Free*>data
    _cached += size


@cython.final
@cython.freelist(256)
cdef class Block:
    """Owner of a piece of pool memory; the base of the array that uses it."""
    cdef void* data
    cdef int index

    def __dealloc__(self):
        if self.data != NULL:
            _give(self.data, self.index)


cdef void* scratch_get(size_t size) except NULL:
    """Memory for the duration of one call; the caller gives it back with the same size."""
    return _take(size)


cdef void scratch_put(void* data, size_t size) noexcept:
    _give(data, _class_of(size))


cdef int _bad_dims(int ndim, cnp.npy_intp* dims) except -1:
    shape = tuple([dims[i] for i in range(ndim)])
    if min(shape) < 0:
        raise ValueError(f"lengths are not negative, got shape {shape}.")
    raise MemoryError(f"refnet_fast could not allocate an array of shape {shape}: no memory is that large.")


cdef object pool_new(int ndim, cnp.npy_intp* dims, cnp.dtype descr):
    """A C-contiguous, 64-byte aligned array of `descr`, uninitialised, on a block of the pool."""
    cdef size_t size = cnp.PyDataType_ELSIZE(descr)
    cdef int i
    cdef Block block = Block.__new__(Block)
    for i in range(ndim):
        if dims[i] < 0 or (dims[i] and size > (<size_t>1 << 62) // <size_t>dims[i]):
            _bad_dims(ndim, dims)
        size *= <size_t>dims[i]
    block.data = _take(size)
    block.index = _class_of(size)
    Py_INCREF(descr)                         # NewFromDescr steals one reference
    array = PyArray_NewFromDescr(<type>cnp.ndarray, descr, ndim, dims, NULL, block.data, cnp.NPY_ARRAY_CARRAY,
                                 <object>NULL)
    Py_INCREF(block)                         # and SetBaseObject another
    PyArray_SetBaseObject(<cnp.ndarray>array, block)
    return array


cdef cnp.dtype _float32 = cnp.PyArray_DescrFromType(cnp.NPY_FLOAT)
cdef cnp.dtype _float64 = cnp.PyArray_DescrFromType(cnp.NPY_DOUBLE)


cdef object pool_empty(int ndim, cnp.npy_intp* dims, int typenum):
    """`pool_new` by type number."""
    if typenum == cnp.NPY_FLOAT:
        return pool_new(ndim, dims, _float32)
    if typenum == cnp.NPY_DOUBLE:
        return pool_new(ndim, dims, _float64)
    return pool_new(ndim, dims, cnp.PyArray_DescrFromType(typenum))


cdef object pool_like(object a):
    """An uninitialised array of the shape and type of `a`."""
    cdef cnp.ndarray array = <cnp.ndarray>a
    return pool_empty(cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array), cnp.PyArray_TYPE(array))


def empty(shape, dtype="float32"):
    """An uninitialised array on a block of the pool: what kernels use for their outputs; for tests and measurements.

    Args:
        shape: tuple of lengths, at most 32 of them.
        dtype: any dtype without Python objects.
    """
    cdef cnp.npy_intp dims[32]
    cdef cnp.dtype descr = cnp.dtype(dtype)
    cdef int i
    if len(shape) > 32:
        raise ValueError(f"an array has at most 32 axes here, got {len(shape)}.")
    if descr.hasobject:
        raise TypeError(f"the pool holds numbers; dtype {descr} holds Python objects.")
    for i in range(len(shape)):
        dims[i] = shape[i]
    return pool_new(len(shape), dims, descr)


def pool_stats():
    """Bytes in use, bytes kept for the next call, the bound on those, and how often memory was found (hits) or not."""
    return {"live_bytes": _live, "cached_bytes": _cached, "limit_bytes": _limit, "hits": _hits, "misses": _misses}


def pool_clear():
    """Give everything unused back to the system."""
    global _cached
    cdef int i
    cdef Free* p
    for i in range(CLASSES):
        while _free[i] != NULL:
            p = _free[i]
            _free[i] = p.next
            rn_system_free(p)
    _cached = 0


def release_memory():
    """Give the memory that the fast kernels keep for their next calls back to the system.

    Outputs and scratch come from a pool that keeps what it has once used, up to REFNET_POOL_MB megabytes (512 by default;
    0: nothing): a training step that runs a second time finds its memory ready. After a large model, or a large batch,
    this much stays with the process though nothing uses it. Arrays that are alive are not touched, and the next step
    fetches anew what it needs.

    Returns:
        The number of bytes given back.

    Example:
        >>> model.fit(x, y)
        >>> del model, x, y
        >>> refnet_fast.release_memory()
    """
    released = _cached
    pool_clear()
    rn_system_trim()
    return released


def pool_limit(megabytes):
    """Bound the unused memory that is kept; what exceeds the new bound is given back."""
    global _limit
    if megabytes < 0:
        raise ValueError(f"the bound is a number of megabytes, not {megabytes}.")
    _limit = <size_t>(min(megabytes, 1e9) * 1048576)
    if _cached > _limit:
        pool_clear()


def set_poison(on):
    """Fill blocks with NaN before they are handed out (as REFNET_POISON=1 does). Returns the previous setting."""
    global _poison
    before = bool(_poison)
    _poison = bool(on)
    return before


# ---- threads ----------------------------------------------------------------------------------------------------

cdef int _threads = 1
cdef bint _forked = False

# A parallel region costs 1-2 microseconds on an idle machine, and a time slice of milliseconds when a thread of the
# team is not running (simd/base.h then pauses the team). Below this much work on one thread it is not worth it.
cdef double PARALLEL_NANOSECONDS = 20000.0


cdef int team(double nanoseconds) noexcept nogil:
    return _threads if nanoseconds >= PARALLEL_NANOSECONDS else 1


def get_num_threads():
    """Threads that a large kernel may use."""
    return _threads


def set_num_threads(n):
    """Set the number of threads that large kernels use. Results do not depend on it, bit for bit.

    Args:
        n: at least 1. More than 64, or the number of processors if that is larger, are not started: each thread has
            scratch memory of its own. A forked child stays at 1.

    Raises:
        ValueError: n < 1.
    """
    global _threads
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"set_num_threads takes an integer of at least 1, got {n!r}.")
    if not _forked and RN_HAS_OPENMP:
        _threads = min(n, _machine.most_threads())


def _after_fork():
    global _threads, _forked
    _threads = 1
    _forked = True


# ---- instruction sets -------------------------------------------------------------------------------------------

ISAS = ("base", "avx2", "avx512")


def machine_isa():
    """The widest instruction set that processor and operating system support."""
    return ISAS[rn_cpu_level()]


def config():
    """How the fast kernels run here: threads, OpenMP, fork guard, instruction set of the machine, pool."""
    return {
        "machine_isa": machine_isa(),
        "openmp": bool(RN_HAS_OPENMP),
        "threads": _threads,
        "forked_child_runs_serial": bool(_forked),
        "poison": bool(_poison),
        "pool": pool_stats(),
    }


# ---- activations by number (the order of the enum in simd/map.h) --------------------------------------------------

ACTIVATIONS = ("linear", "relu", "sigmoid", "tanh", "gelu", "gelu_tanh", "silu")
cdef dict _codes = {name: code for code, name in enumerate(ACTIVATIONS)}


cdef int activation_code(object name) except -1:
    code = _codes.get(name)
    if code is None:
        raise ValueError(f"Unknown activation {name!r}; the kernels know {', '.join(ACTIVATIONS)}.")
    return code


cdef object activation_name(int code):
    return ACTIVATIONS[code]


cdef str type_name(int typenum):
    """"float32" for NPY_FLOAT."""
    return cnp.PyArray_DescrFromType(typenum).name


# ---- errors -----------------------------------------------------------------------------------------------------

cdef int bad_array(object a, str function, str name, str expected, int ndim) except -1:
    """Says what is wrong with an argument: not an array, type, axes, or layout."""
    axes = "" if ndim < 0 else f"{ndim}-dimensional "
    wanted = f"{function}: {name} must be a C-contiguous {axes}ndarray of {expected}"
    if not isinstance(a, cnp.ndarray):
        raise TypeError(f"{wanted}, got {type(a).__name__}.")
    if ndim >= 0 and a.ndim != ndim:
        raise ValueError(f"{wanted}, got shape {a.shape}.")
    kinds = [name for name in ("float32", "float64", "int64") if name in expected]
    dtype = a.dtype.name if not kinds or a.dtype.name in kinds else kinds[0]
    remedy = f'pass numpy.array({name}, dtype="{dtype}", order="C")'
    wrong = [what for what, so in (("not C-contiguous", not a.flags.c_contiguous), ("not aligned", not a.flags.aligned),
                                   ("not in this machine's byte order", not a.dtype.isnative)) if so]
    if wrong:
        raise ValueError(f"{wanted}, got one that is {' and '.join(wrong)} (shape {a.shape}, strides {a.strides}, "
                         f"{a.dtype}): {remedy}.")
    if expected.startswith("writeable") and not a.flags.writeable:
        raise ValueError(f"{function}: {name} is updated in place, but the array given is read-only: {remedy}.")
    raise TypeError(f"{wanted}, got {a.dtype}: {remedy}. All float arguments of a call share one type.")


cdef int bad_shape(object a, str function, str name, str expected) except -1:
    raise ValueError(f"{function}: {name} has shape {a.shape}, expected {expected}.")


cdef tuple bad_saved(object saved, int n, str function):
    forward = function.replace("_backward", "_forward")
    found = f"a tuple of {len(saved)}" if isinstance(saved, tuple) else type(saved).__name__
    raise (ValueError if isinstance(saved, tuple) else TypeError)(
        f"{function}: saved must be the second result of {forward}(..., save=True), a tuple of {n}, got {found}. Pass "
        f"what {forward} returned, unchanged.")


cdef tuple bad_needs(object needs, int n, str function):
    """A list is welcome too; anything else of another length or kind is not."""
    if isinstance(needs, (tuple, list)) and len(needs) == n:
        return tuple(needs)
    raise (ValueError if isinstance(needs, (tuple, list)) else TypeError)(
        f"{function}: needs must be a tuple of {n}, True or False for each gradient, got {needs!r}. Pass "
        f"needs={(True,) * n}.")


cdef int bad_entry(str function, str name) except -1:
    forward = function.replace("_backward", "_forward")
    raise ValueError(f"{function}: {name} is not what {forward} saved. Pass the second result of {forward}(..., save=True), "
                     "unchanged.")


def _start():
    global _threads, _poison
    _poison = os.environ.get("REFNET_POISON", "") not in ("", "0")
    pool_limit(_machine.pool_megabytes(os.environ))
    _threads = _machine.default_threads(os.environ) if RN_HAS_OPENMP else 1
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)


_start()
