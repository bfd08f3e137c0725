"""What the chapters with windows share: their geometry, from Python's tuples to simd/window.h, with the checks."""
cimport numpy as cnp

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


cdef inline int set_axes(rn_axis* axis, int rank, const cnp.npy_intp* sizes, const cnp.npy_intp* kernel, object strides,
                         object padding, object dilation, str function) except -1:
    """Fill three axes (those that are missing have length 1) and count the windows. dilation None: 1."""
    cdef int i
    cdef rn_axis* a
    cdef cnp.npy_intp reach, after
    check_tuple(strides, rank, function, "strides")
    check_tuple(padding, rank, function, "padding")
    if dilation is not None:
        check_tuple(dilation, rank, function, "dilation")
    for i in range(3 - rank):
        axis[i].places = axis[i].windows = axis[i].kernel = axis[i].stride = axis[i].dilation = 1
        axis[i].before = 0
    for i in range(rank):
        a = axis + 3 - rank + i
        a.places = sizes[i]
        a.kernel = kernel[i]
        a.stride = strides[i]
        a.dilation = 1 if dilation is None else dilation[i]
        a.before, after = padding[i]
        if a.kernel < 1 or a.stride < 1 or a.dilation < 1 or a.before < 0 or after < 0:
            raise ValueError(f"{function}: kernel sizes, strides and dilation are at least 1 and padding is not negative; axis {i} has "
                             f"kernel {a.kernel}, stride {a.stride}, dilation {a.dilation}, padding {padding[i]}.")
        reach = a.places + a.before + after - (a.kernel - 1) * a.dilation - 1
        a.windows = reach // a.stride + 1 if reach >= 0 else 0
    return 0


cdef inline bint is_empty(const rn_axis* axis, cnp.npy_intp n) noexcept:
    """No images, no places or no windows: there is nothing to compute."""
    return (n == 0 or axis[0].places == 0 or axis[1].places == 0 or axis[2].places == 0
            or axis[0].windows == 0 or axis[1].windows == 0 or axis[2].windows == 0)


cdef inline double taps(const rn_axis* axis) noexcept:
    return <double>axis[0].kernel * axis[1].kernel * axis[2].kernel


cdef inline double windows(const rn_axis* axis) noexcept:
    return <double>axis[0].windows * axis[1].windows * axis[2].windows
