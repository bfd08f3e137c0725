"""What the kernels of every instruction set share: one pool, one thread setting, one way to check arguments.

The checks are inline and cost a few nanoseconds; what they report is composed in _runtime.pyx, out of the way.
"""
cimport numpy as cnp

cdef void* scratch_get(size_t size) except NULL
cdef void scratch_put(void* data, size_t size) noexcept

cdef object pool_new(int ndim, cnp.npy_intp* dims, cnp.dtype descr)
cdef object pool_empty(int ndim, cnp.npy_intp* dims, int typenum)
cdef object pool_like(object a)

cdef int team(double nanoseconds) noexcept nogil

cdef enum:
    ACTIVATION_CODES = 7                     # of ACTIVATIONS in _runtime.pyx

cdef int activation_code(object name) except -1
cdef object activation_name(int code)
cdef str type_name(int typenum)

cdef int bad_array(object a, str function, str name, str expected, int ndim) except -1
cdef int bad_shape(object a, str function, str name, str expected) except -1
cdef tuple bad_saved(object saved, int n, str function)
cdef tuple bad_needs(object needs, int n, str function)
cdef int bad_entry(str function, str name) except -1


cdef inline tuple unpack_saved(object saved, int n, str function):
    """What a forward has saved for its backward: a tuple of n. Its entries are checked like arguments: a pointer is one."""
    if type(saved) is tuple and len(<tuple>saved) == n:
        return <tuple>saved
    return bad_saved(saved, n, function)


cdef inline tuple unpack_needs(object needs, int n, str function):
    """Which of n gradients are wanted."""
    if type(needs) is tuple and len(<tuple>needs) == n:
        return <tuple>needs
    return bad_needs(needs, n, function)


cdef inline int float_array(object a, str function, str name, int ndim) except -1:
    """The type number of a float32 or float64 C-contiguous array with `ndim` axes (-1: any number of them)."""
    cdef int t
    if cnp.PyArray_Check(a):
        t = cnp.PyArray_TYPE(<cnp.ndarray>a)
        if ((t == cnp.NPY_FLOAT or t == cnp.NPY_DOUBLE) and (ndim < 0 or cnp.PyArray_NDIM(<cnp.ndarray>a) == ndim)
                and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>a)):
            return t
    return bad_array(a, function, name, "float32 or float64", ndim)


cdef inline int same_array(object a, int typenum, str function, str name, int ndim) except -1:
    """The same for an array that must have the type of another one."""
    if (cnp.PyArray_Check(a) and cnp.PyArray_TYPE(<cnp.ndarray>a) == typenum
            and (ndim < 0 or cnp.PyArray_NDIM(<cnp.ndarray>a) == ndim) and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>a)):
        return 0
    return bad_array(a, function, name, type_name(typenum), ndim)


cdef inline int same_as(object a, object other, str function, str name, str other_name) except -1:
    """An array of the type and shape of `other`, which has been checked."""
    cdef int i, ndim = cnp.PyArray_NDIM(<cnp.ndarray>other)
    same_array(a, cnp.PyArray_TYPE(<cnp.ndarray>other), function, name, ndim)
    for i in range(ndim):
        if cnp.PyArray_DIM(<cnp.ndarray>a, i) != cnp.PyArray_DIM(<cnp.ndarray>other, i):
            return bad_shape(a, function, name, f"the shape of {other_name}, {(<object>other).shape}")
    return 0


cdef inline int slot_array(object a, object w, str function, str name) except -1:
    """A slot that an optimizer writes: like `w`, and writeable."""
    same_as(a, w, function, name, "w")
    if not cnp.PyArray_ISWRITEABLE(<cnp.ndarray>a):
        return bad_array(a, function, name, "writeable float", -1)
    return 0


cdef inline int index_array(object a, str function, str name) except -1:
    """A one-dimensional C-contiguous int64 array."""
    cdef int t
    if cnp.PyArray_Check(a):
        t = cnp.PyArray_TYPE(<cnp.ndarray>a)
        if ((t == cnp.NPY_INT64 or ((t == cnp.NPY_LONG or t == cnp.NPY_LONGLONG)
                                    and cnp.PyArray_ITEMSIZE(<cnp.ndarray>a) == 8))
                and cnp.PyArray_NDIM(<cnp.ndarray>a) == 1 and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>a)):
            return 0
    return bad_array(a, function, name, "int64", 1)


cdef inline int key_array(object a, str function, str name) except -1:
    """(2,) uint32: the seed and the count of a random stream."""
    if (cnp.PyArray_Check(a) and cnp.PyArray_TYPE(<cnp.ndarray>a) == cnp.NPY_UINT32 and cnp.PyArray_NDIM(<cnp.ndarray>a) == 1
            and cnp.PyArray_DIM(<cnp.ndarray>a, 0) == 2 and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>a)):
        return 0
    return bad_array(a, function, name, "uint32 (seed and count)", 1)


cdef inline int sum_array(object a, str function, str name) except -1:
    """A writeable 0-d float64 array: a sum that an update adds to."""
    same_array(a, cnp.NPY_DOUBLE, function, name, 0)
    if not cnp.PyArray_ISWRITEABLE(<cnp.ndarray>a):
        return bad_array(a, function, name, "writeable float64", 0)
    return 0


cdef inline int saved_array(object a, int typenum, int ndim, const cnp.npy_intp* dims, str function, str name) except -1:
    """An array of this type and shape among what was saved."""
    cdef int i
    same_array(a, typenum, function, name, ndim)
    for i in range(ndim):
        if cnp.PyArray_DIM(<cnp.ndarray>a, i) != dims[i]:
            return bad_entry(function, name)
    return 0


cdef inline int saved_vector(object a, int typenum, cnp.npy_intp length, str function, str name) except -1:
    return saved_array(a, typenum, 1, &length, function, name)


cdef inline int saved_matrix(object a, int typenum, cnp.npy_intp rows, cnp.npy_intp columns, str function, str name) except -1:
    cdef cnp.npy_intp dims[2]
    dims[0], dims[1] = rows, columns
    return saved_array(a, typenum, 2, dims, function, name)


cdef inline int saved_float(object typenum, str function, str name) except -1:
    """A type number among what was saved."""
    if typenum == cnp.NPY_FLOAT or typenum == cnp.NPY_DOUBLE:
        return typenum
    return bad_entry(function, name)


cdef inline int saved_code(object code, str function) except -1:
    """The number of an activation among what was saved."""
    if type(code) is int and 0 <= code < ACTIVATION_CODES:
        return code
    return bad_entry(function, "saved activation")


cdef inline void* data(object a) noexcept:
    return cnp.PyArray_DATA(<cnp.ndarray>a)


cdef inline cnp.npy_intp dim(object a, int axis) noexcept:
    return cnp.PyArray_DIM(<cnp.ndarray>a, axis)


cdef inline cnp.npy_intp size(object a) noexcept:
    return cnp.PyArray_SIZE(<cnp.ndarray>a)


cdef inline int typenum(object a) noexcept:
    return cnp.PyArray_TYPE(<cnp.ndarray>a)
