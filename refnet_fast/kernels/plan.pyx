"""The plan, fast: the loop of the chapter without an interpreter between two kernels.

How it is fast: arguments go to the kernel as a C array (PEP 590), no tuple is made and no list is searched.
Why it is right: refnet/kernels/plan.py.
"""
cimport numpy as cnp
from cpython.object cimport PyObject

cnp.import_array()

__all__ = ["run_plan", "same_layouts"]

cdef extern from "Python.h":
    object PyObject_Vectorcall(object callable, PyObject** args, size_t n, PyObject* names)
    PyObject* PyList_GET_ITEM(object items, Py_ssize_t i)
    PyObject* PyTuple_GET_ITEM(object items, Py_ssize_t i)
    Py_ssize_t PyTuple_GET_SIZE(object items)

cdef enum:
    MOST = 64            # arguments of one kernel


cdef inline int put(list slots, Py_ssize_t slot, object value) except -1:
    slots[slot] = value
    return 0


def run_plan(program, slots):
    """Run the instructions of `program` over `slots`, a list, in place."""
    cdef PyObject* arguments[MOST]
    cdef Py_ssize_t i, n, slot
    cdef list places = slots
    cdef Py_ssize_t most = len(places)
    cdef tuple instruction, sources, targets, dead
    cdef object kernel, results, y
    for instruction in program:
        kernel, sources, results, dead = instruction
        n = len(sources)
        if n > MOST:
            raise ValueError(f"run_plan: {kernel.__name__} has {n} arguments, more than {MOST}.")
        for i in range(n):
            slot = <Py_ssize_t>(<object>PyTuple_GET_ITEM(sources, i))
            if slot < 0 or slot >= most:
                raise IndexError(f"run_plan: slot {slot} of {most}.")
            arguments[i] = PyList_GET_ITEM(places, slot)
        y = PyObject_Vectorcall(kernel, arguments, n, NULL)
        if type(results) is int:
            put(places, results, y)
        else:
            targets = results
            i = 0
            for part in y:
                put(places, targets[i], part)
                i += 1
        places[0] = None
        for i in range(len(dead)):
            put(places, dead[i], None)


def same_layouts(arrays, layouts, rows=False):
    """Whether arrays have the shapes and types of `layouts`, pairs (shape, dtype), and are contiguous.

    With `rows`, all but the last may have any number of rows: they are data sets, and the last one says which rows to take.
    """
    cdef Py_ssize_t count = len(arrays), position = 0
    cdef int axis, start, ndim
    cdef tuple shape
    if count != len(layouts):
        return False
    for array in arrays:
        shape, dtype = layouts[position]
        if not cnp.PyArray_Check(array):
            return False
        ndim = cnp.PyArray_NDIM(<cnp.ndarray>array)
        if (ndim != len(shape) or (<object>cnp.PyArray_DESCR(<cnp.ndarray>array) is not dtype and array.dtype != dtype)
                or not cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>array)):
            return False
        start = 1 if rows and position < count - 1 else 0
        for axis in range(start, ndim):
            if cnp.PyArray_DIM(<cnp.ndarray>array, axis) != <cnp.npy_intp>shape[axis]:
                return False
        position += 1
    return True
