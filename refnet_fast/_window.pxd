"""What the chapters with windows share: their geometry, from Python's tuples to simd/window.h, with the checks."""
cimport numpy as cnp
from cpython.long cimport PyLong_AsLongLongAndOverflow
from cpython.number cimport PyNumber_Index

from refnet_fast cimport _runtime as rt

cdef extern from "refnet_fast/simd/window.h":
    ctypedef struct rn_axis:
        cnp.npy_intp kernel, stride, before, dilation
        cnp.npy_intp places "in"
        cnp.npy_intp windows "out"
    ctypedef struct rn_window:
        rn_axis axis[3]
        int back
        cnp.npy_intp n, channels


cdef inline int spatial_rank(object x, str function, str name) except -1:
    """The number of spatial axes, 1 to 3, of an array (N, *S, C) that has been checked."""
    cdef int rank = cnp.PyArray_NDIM(<cnp.ndarray>x) - 2
    if rank < 1 or rank > 3:
        rt.bad_shape(x, function, name, "(batch, 1 to 3 spatial axes, channels)")
    return rank


cdef inline int check_tuple(object values, int rank, str function, str name) except -1:
    if len(values) != rank:
        raise ValueError(f"{function}: {name} has {len(values)} entries, expected one for each of {rank} spatial axes, got {values!r}.")
    return 0


cdef enum:
    LARGEST = 2147483647                     # of any size, and of the places of an image with its padding: no product overflows


cdef inline cnp.npy_intp whole(object value, int least, str function, str name, int axis) except -1:
    """A size that came from Python."""
    cdef int overflow = 0
    cdef long long v = PyLong_AsLongLongAndOverflow(PyNumber_Index(value), &overflow)
    if overflow or v < least or v > LARGEST:
        raise ValueError(f"{function}: kernel sizes, strides and dilation are integers from 1 to 2**31 - 1, padding and sizes from 0; "
                         f"{name} of axis {axis} is {value!r}. Use a {'larger' if v < least and not overflow else 'smaller'} one.")
    return v


cdef inline int missing_axes(rn_axis* axis, int rank) noexcept:
    """Those that an array lacks have length 1."""
    cdef int i
    for i in range(3 - rank):
        axis[i].places = axis[i].windows = axis[i].kernel = axis[i].stride = axis[i].dilation = 1
        axis[i].before = 0
    return 0


cdef inline int check_extent(double places, double taps, cnp.npy_intp channels, str function) except -1:
    """places: of an image with its padding. What is computed from them further down (bytes, in 64 bits) must not overflow."""
    if places > LARGEST or taps > LARGEST or places * channels > 1099511627776.0:
        raise ValueError(f"{function}: an image with its padding has {places:.3g} places of {channels} channels, and the kernel {taps:.3g} "
                         "taps; there can be 2**31 - 1 of each, and 2**40 numbers in an image. Use less padding, or smaller kernel sizes, "
                         "strides or dilation.")
    return 0


cdef inline int set_axes(rn_axis* axis, int rank, const cnp.npy_intp* sizes, const cnp.npy_intp* kernel, object strides,
                         object padding, object dilation, cnp.npy_intp channels, str function) except -1:
    """Fill three axes (those that are missing have length 1) and count the windows. dilation None: 1.

    channels: the larger number of those of source and destination.
    """
    cdef int i
    cdef rn_axis* a
    cdef cnp.npy_intp after, span, padded
    cdef double extent = 1, all_taps = 1
    check_tuple(strides, rank, function, "strides")
    check_tuple(padding, rank, function, "padding")
    if dilation is not None:
        check_tuple(dilation, rank, function, "dilation")
    missing_axes(axis, rank)
    for i in range(rank):
        a = axis + 3 - rank + i
        a.places = sizes[i]
        a.kernel = kernel[i]
        if a.kernel < 1:
            raise ValueError(f"{function}: kernel sizes are at least 1; that of axis {i} is {a.kernel}.")
        a.stride = whole(strides[i], 1, function, "the stride", i)
        a.dilation = 1 if dilation is None else whole(dilation[i], 1, function, "the dilation", i)
        before_, after_ = padding[i]
        a.before, after = whole(before_, 0, function, "the padding", i), whole(after_, 0, function, "the padding", i)
        if a.kernel > LARGEST or a.places > LARGEST:
            check_extent(a.places, a.kernel, channels, function)
        span, padded = (a.kernel - 1) * a.dilation + 1, a.places + a.before + after
        a.windows = (padded - span) // a.stride + 1 if padded >= span else 0
        if a.windows < 2:                                        # the stride is never used; as it is, it has that many phases
            a.stride = min(a.stride, max(padded, 1))
        extent *= max(padded, 1)
        all_taps *= a.kernel
    check_extent(extent, all_taps, channels, function)
    return 0


cdef inline bint is_empty(const rn_axis* axis, cnp.npy_intp n) noexcept:
    """No images, no places or no windows: there is nothing to compute."""
    return (n == 0 or axis[0].places == 0 or axis[1].places == 0 or axis[2].places == 0
            or axis[0].windows == 0 or axis[1].windows == 0 or axis[2].windows == 0)


cdef inline double taps(const rn_axis* axis) noexcept:
    return <double>axis[0].kernel * axis[1].kernel * axis[2].kernel


cdef inline double windows(const rn_axis* axis) noexcept:
    return <double>axis[0].windows * axis[1].windows * axis[2].windows
