"""Counters, fast: no arithmetic of NumPy's for a single number.

Why it is right: refnet/kernels/counters.py.
"""
cimport numpy as cnp
from libc.stdint cimport int64_t, uint32_t

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["count_update", "next_key", "step_number"]


cdef inline int check_count(object count, str function) except -1:
    if (not cnp.PyArray_Check(count) or cnp.PyArray_TYPE(<cnp.ndarray>count) != cnp.NPY_INT64
            or cnp.PyArray_NDIM(<cnp.ndarray>count) != 0 or not cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>count)):
        return rt.bad_array(count, function, "count", "int64", 0)
    return 0


def count_update(count):
    """Adds one to a 0-d int64 array, in place."""
    check_count(count, "count_update")
    if not cnp.PyArray_ISWRITEABLE(<cnp.ndarray>count):
        rt.bad_array(count, "count_update", "count", "writeable int64", 0)
    (<int64_t*>rt.data(count))[0] += 1


def step_number(count, every=1):
    """The number of the update that comes next, counted from 1, with one in `every` steps.    count 0-d int64 -> 0-d int64"""
    check_count(count, "step_number")
    cdef int64_t k = every
    if k < 1:
        raise ValueError(f"step_number: every must be at least 1, got {every}.")
    n = rt.pool_empty(0, NULL, cnp.NPY_INT64)
    (<int64_t*>rt.data(n))[0] = (<int64_t*>rt.data(count))[0] // k + 1
    return n


def next_key(state):
    """A copy of state, (2,) uint32: seed and count; then the count in `state` goes up by one (modulo 2³²)."""
    cdef cnp.npy_intp two = 2
    rt.key_array(state, "next_key", "state")
    if not cnp.PyArray_ISWRITEABLE(<cnp.ndarray>state):
        rt.bad_array(state, "next_key", "state", "writeable uint32", 1)
    key = rt.pool_empty(1, &two, cnp.NPY_UINT32)
    cdef uint32_t* out = <uint32_t*>rt.data(key)
    cdef uint32_t* now = <uint32_t*>rt.data(state)
    out[0], out[1] = now[0], now[1]
    now[1] += 1
    return key
