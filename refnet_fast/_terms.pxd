"""The losses of one prediction and its target each (simd/terms.h), for every chapter that has some: with their checks."""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt

cdef extern from "refnet_fast/simd/terms.h":
    enum:
        RN_SQUARED, RN_ABSOLUTE, RN_BINARY_LOGITS, RN_BINARY_PROBS, RN_HUBER, RN_LOG_COSH, RN_LOGARITHMIC, RN_PERCENTAGE
        RN_KL, RN_POISSON, RN_HINGE, RN_SQUARED_HINGE
    void RN_terms_forward(bint dbl, int kind, void* y, void* t, void* l, cnp.npy_intp m, cnp.npy_intp n, double a, bint by_mean,
                          bint binary, int threads) noexcept nogil
    void RN_terms_backward(bint dbl, int kind, void* dl, void* y, void* t, void* dy, void* dt, cnp.npy_intp m, cnp.npy_intp n,
                           double a, bint by_mean, bint binary, int threads) noexcept nogil


cdef inline double terms_cost(int kind, cnp.npy_intp m, cnp.npy_intp n) noexcept:
    """Nanoseconds on one thread, roughly: a row has a price of its own, and so has a logarithm."""
    return m * (5 + (0.2 if kind <= RN_ABSOLUTE or kind == RN_HUBER or kind >= RN_HINGE else 1.0) * n)


cdef inline int named(object name, tuple names, str what) except -1:
    """The number of a name among those of a chapter."""
    cdef int i = 0
    for known in names:
        if name == known:
            return i
        i += 1
    raise ValueError(f"Unknown {what} {name!r}; the kernels know {', '.join(names)}.")


cdef inline int saved_kind(object kind, int first, int last, str function, str name) except -1:
    """A number of a loss among what was saved."""
    if type(kind) is int and first <= kind <= last:
        return kind
    return rt.bad_entry(function, name)


cdef inline object terms_forward(int kind, object y, object t, double a, bint by_mean, bint binary, str function):
    """y, t (N, C)   ->   l (N,); y and t must have been checked."""
    cdef int type_ = rt.typenum(y)
    cdef cnp.npy_intp m = rt.dim(y, 0), n = rt.dim(y, 1)
    cdef int threads = rt.team(terms_cost(kind, m, n))
    l = rt.pool_empty(1, &m, type_)
    cdef void* yp = rt.data(y)
    cdef void* tp = rt.data(t)
    cdef void* lp = rt.data(l)
    if threads > 1:
        with nogil:
            RN_terms_forward(type_ == cnp.NPY_DOUBLE, kind, yp, tp, lp, m, n, a, by_mean, binary, threads)
    else:
        RN_terms_forward(type_ == cnp.NPY_DOUBLE, kind, yp, tp, lp, m, n, a, by_mean, binary, 1)
    return l


cdef inline int check_pair(object y, object t, str function, bint saved=False) except -1:
    rt.float_array(y, function, "saved y" if saved else "y", 2)
    rt.same_as(t, y, function, "saved t" if saved else "t", "y")
    return 0


cdef inline int check_dl(object dl, object y, str function) except -1:
    rt.same_array(dl, rt.typenum(y), function, "dl", 1)
    if rt.dim(dl, 0) != rt.dim(y, 0):
        rt.bad_shape(dl, function, "dl", f"({rt.dim(y, 0)},)")
    return 0


cdef inline tuple terms_backward(int kind, object dl, object y, object t, bint need_y, bint need_t, double a, bint by_mean,
                                 bint binary, str function):
    """dl (N,)   ->   dy, dt (N, C), None where not needed; what forward has saved is checked here."""
    check_pair(y, t, function, True)
    check_dl(dl, y, function)
    cdef int type_ = rt.typenum(y)
    cdef cnp.npy_intp m = rt.dim(y, 0), n = rt.dim(y, 1)
    cdef int threads = rt.team(terms_cost(kind, m, n))
    dy = rt.pool_like(y) if need_y else None
    dt = rt.pool_like(y) if need_t else None
    cdef void* dlp = rt.data(dl)
    cdef void* yp = rt.data(y)
    cdef void* tp = rt.data(t)
    cdef void* dyp = NULL if dy is None else rt.data(dy)
    cdef void* dtp = NULL if dt is None else rt.data(dt)
    if threads > 1:
        with nogil:
            RN_terms_backward(type_ == cnp.NPY_DOUBLE, kind, dlp, yp, tp, dyp, dtp, m, n, a, by_mean, binary, threads)
    else:
        RN_terms_backward(type_ == cnp.NPY_DOUBLE, kind, dlp, yp, tp, dyp, dtp, m, n, a, by_mean, binary, 1)
    return dy, dt
