"""Reductions: many entries become one.

The mean of an image, the best of several scores, a total along an axis: wherever an axis is to go, it is reduced.
Backward, the question is always the same: which of the entries moved the result, and how much?

Forward (over the axes given, all when None)
    sum      y = Σ_i x_i
    mean     y = (Σ_i x_i) / (their number)
    max      y = max_i x_i            min likewise
    prod     y = Π_i x_i
    cumsum   y_j = Σ_{i ≤ j} x_i      along one axis
    cumprod  y_j = Π_{i ≤ j} x_i      along one axis
    singular values   s of X = U diag(s) Vᵀ, over the last two axes: all matrix norms but those of rows and columns are
                      made of them

Derivation
    sum      every x_i enters with factor 1:  dx_i = dy                   (a sum's gradient is a broadcast)
    mean     dx_i = dy / (their number)
    max      only the winner moves y:  dx_i = dy [x_i = y] / #winners     (ties share equally, as in Keras on JAX)
    prod     ∂y/∂x_i = the product of all others:  dx_i = dy Π_{k≠i} x_k
    cumsum   x_i enters y_j for every j ≥ i:  dx_i = Σ_{j ≥ i} dy_j       (the cumulative sum from the other end)
    cumprod  likewise, ∂y_j/∂x_i = the product of the others up to j:  dx_i = Σ_{j ≥ i} dy_j Π_{k ≤ j, k ≠ i} x_k. Write p_i for the
             product before i; r_i = Σ_{j ≥ i} dy_j Π_{i < k ≤ j} x_k is found from the other end, r_i = dy_i + x_{i+1} r_{i+1};
             then dx_i = p_i r_i, with no division by an x that may be 0
    singular values   s_k = u_kᵀ X v_k. Add a small E to X. That u_k turns adds nothing: X v_k = s_k u_k, and a vector of length 1
                      changes at right angles to itself; likewise v_k. So s_k changes by u_kᵀ E v_k, that is
                      ∂s_k/∂X_ij = U_ik V_jk, and dX_ij = Σ_k ds_k U_ik V_jk:  dX = U diag(ds) Vᵀ     (kinks: s_k = 0, equal s_k)

By hand, x = (2, 3, 3), dy = 6
    sum       y = 2 + 3 + 3 = 8                      dx = (6, 6, 6)
    mean      y = (2 + 3 + 3)/3 = 2.6667             dx = (6/3, 6/3, 6/3) = (2, 2, 2)
    max       y = max(2, 3, 3) = 3, won by two       dx = (0, 6/2, 6/2) = (0, 3, 3)
    prod      y = 2·3·3 = 18                         dx = (6·3·3, 6·2·3, 6·2·3) = (54, 36, 36)
    cumsum    y = (2, 2 + 3, 2 + 3 + 3) = (2, 5, 8)
              and for dy = (1, 10, 100)              dx = (1 + 10 + 100, 10 + 100, 100) = (111, 110, 100)
    cumprod   y = (2, 2·3, 2·3·3) = (2, 6, 18)
              and for dy = (1, 10, 100)              r = (1 + 3·310, 10 + 3·100, 100) = (931, 310, 100)
              p = (1, 2, 6)                          dx = (1·931, 2·310, 6·100) = (931, 620, 600)

    >>> x, dy = np.array([2.0, 3.0, 3.0]), np.array(6.0)
    >>> y, saved = sum_forward(x)
    >>> print(y, sum_backward(dy, saved))
    8.0 [6. 6. 6.]
    >>> y, saved = mean_forward(x)
    >>> print(np.round(y, 4), mean_backward(dy, saved))
    2.6667 [2. 2. 2.]
    >>> y, saved = extremum_forward(x, "max")
    >>> print(y, extremum_backward(dy, saved))
    3.0 [0. 3. 3.]
    >>> y, saved = prod_forward(x)
    >>> print(y, prod_backward(dy, saved))
    18.0 [54. 36. 36.]
    >>> y, saved = cumsum_forward(x)
    >>> print(y, cumsum_backward(np.array([1.0, 10.0, 100.0]), saved))
    [2. 5. 8.] [111. 110. 100.]
    >>> y, saved = cumprod_forward(x)
    >>> print(y, cumprod_backward(np.array([1.0, 10.0, 100.0]), saved))
    [ 2.  6. 18.] [931. 620. 600.]

What is saved
    Shapes and axes; for max the mask of winners; for prod x itself (y / x_i would fail at a zero); U and V.

Without a derivative
    Positions (argmax, the order that sorts, where a number would have to stand in a sorted row), counts, any and all.

Numerics
    sum, mean and cumsum accumulate in float64.
"""
import math

import numpy as np

__all__ = ["bincount", "count_nonzero", "cumprod_backward", "cumprod_forward", "cumsum_backward", "cumsum_forward",
           "extremum_backward", "extremum_forward", "histogram", "mean_backward", "mean_forward", "order", "position",
           "prod_backward", "prod_forward", "singular_values_backward", "singular_values_forward", "sorted_places",
           "sum_backward", "sum_forward", "truth"]


def _axes(axis, ndim):
    """The reduced axes as a tuple of non-negative numbers."""
    if axis is None:
        return tuple(range(ndim))
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(a % ndim for a in axes)


def _spread(dy, shape, axes):
    """dy with the reduced axes put back (length 1), so that it broadcasts against x."""
    kept = tuple(1 if a in axes else size for a, size in enumerate(shape))
    return np.reshape(dy, kept)


def sum_forward(x, axis=None, keepdims=False, save=True):
    """y = Σ x over `axis`, accumulated in float64; integers in their own type."""
    with np.errstate(invalid="ignore", over="ignore"):                      # inf - inf is NaN, and says so
        y = np.asarray(np.sum(x, axis=axis, keepdims=keepdims, dtype=np.float64 if x.dtype.kind == "f" else x.dtype), dtype=x.dtype)
    return y, ((x.shape, _axes(axis, x.ndim)) if save else None)


def sum_backward(dy, saved):
    shape, axes = saved
    return np.broadcast_to(_spread(dy, shape, axes), shape).copy()          # y = Σ x


def mean_forward(x, axis=None, keepdims=False, save=True):
    """y = the mean of x over `axis`, accumulated in float64."""
    axes = _axes(axis, x.ndim)
    n = math.prod(x.shape[a] for a in axes)
    if n == 0:                                                              # the mean of nothing is not a number
        y = np.sum(x, axis=axis, keepdims=keepdims)
        return np.full(y.shape, np.nan, x.dtype), ((x.shape, axes, 1) if save else None)
    with np.errstate(invalid="ignore", over="ignore"):
        y = np.asarray(np.sum(x, axis=axis, keepdims=keepdims, dtype=np.float64) / n, dtype=x.dtype)
    return y, ((x.shape, axes, n) if save else None)


def mean_backward(dy, saved):
    shape, axes, n = saved
    return np.broadcast_to(_spread(dy * dy.dtype.type(1 / n), shape, axes), shape).copy()   # y = 1/n Σ x


def extremum_forward(x, name, axis=None, keepdims=False, save=True):
    """y = max or min (`name`) of x over `axis`."""
    y = np.asarray((np.max if name == "max" else np.min)(x, axis=axis, keepdims=keepdims))
    if not save:
        return y, None
    axes = _axes(axis, x.ndim)
    winners = np.asarray(x == _spread(y, x.shape, axes))
    return y, (winners, axes)


def extremum_backward(dy, saved):
    winners, axes = saved
    with np.errstate(divide="ignore", invalid="ignore"):                    # a NaN wins, but equals nothing: nobody gets a share
        share = _spread(dy, winners.shape, axes) / winners.sum(axis=axes, keepdims=True)    # ties share
    return np.asarray(np.where(winners, share, 0), dtype=dy.dtype)          # y = the winner


def prod_forward(x, axis=None, keepdims=False, save=True):
    """y = Π x over `axis`."""
    with np.errstate(invalid="ignore", over="ignore"):
        y = np.asarray(np.prod(x, axis=axis, keepdims=keepdims, dtype=x.dtype))
    return y, ((x, _axes(axis, x.ndim)) if save else None)


def prod_backward(dy, saved):
    x, axes = saved
    kept = [a for a in range(x.ndim) if a not in axes]
    moved = np.transpose(x, kept + list(axes))
    flat = moved.reshape([x.shape[a] for a in kept] + [-1])                 # reduced axes merged into the last one
    one = np.ones_like(flat[..., :1])
    before = np.concatenate([one, np.cumprod(flat[..., :-1], axis=-1)], axis=-1)             # Π_{k<i} x_k
    after = np.concatenate([one, np.cumprod(flat[..., :0:-1], axis=-1)], axis=-1)[..., ::-1]  # Π_{k>i} x_k
    others = (before * after).reshape(moved.shape)
    others = np.transpose(others, np.argsort(kept + list(axes)))
    return np.asarray(_spread(dy, x.shape, axes) * others, dtype=x.dtype)   # dx_i = dy Π_{k≠i} x_k


def cumsum_forward(x, axis=-1, save=True):
    """y_j = Σ_{i<=j} x_i along one axis, accumulated in float64."""
    dtype = np.float64 if x.dtype.kind == "f" else x.dtype
    with np.errstate(invalid="ignore", over="ignore"):
        return np.cumsum(x, axis=axis, dtype=dtype).astype(x.dtype), (axis if save else None)


def cumsum_backward(dy, saved):
    axis = saved
    total = np.cumsum(np.flip(dy, axis), axis=axis, dtype=np.float64)
    return np.flip(total, axis).astype(dy.dtype)                            # from the other end


def cumprod_forward(x, axis=-1, save=True):
    """y_j = Π_{i<=j} x_i along one axis."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.cumprod(x, axis=axis, dtype=x.dtype), ((x, axis) if save else None)


def cumprod_backward(dy, saved):
    x, axis = saved
    x, dy = np.moveaxis(x, axis, -1), np.moveaxis(dy, axis, -1)
    before = np.cumprod(np.concatenate([np.ones_like(x[..., :1]), x[..., :-1]], axis=-1), axis=-1)   # p_i
    rest = np.array(dy)
    for i in range(x.shape[-1] - 2, -1, -1):                                # r_i = dy_i + x_{i+1} r_{i+1}
        rest[..., i] += x[..., i + 1] * rest[..., i + 1]
    return np.ascontiguousarray(np.moveaxis(before * rest, -1, axis))       # dx_i = p_i r_i


def singular_values_forward(x, save=True):
    """y (..., min(M, N)) = the singular values of the matrices x (..., M, N), largest first."""
    u, y, vt = np.linalg.svd(x, full_matrices=False)
    return y, ((u, vt) if save else None)


def singular_values_backward(dy, saved):
    u, vt = saved
    return (u * dy[..., None, :]) @ vt                                      # dX = U diag(ds) Vᵀ


def position(x, name, axis=None, keepdims=False):
    """y = where the first largest ("argmax") or smallest ("argmin") entry over `axis` stands, int32."""
    return np.asarray((np.argmax if name == "argmax" else np.argmin)(x, axis=axis, keepdims=keepdims), dtype=np.int32)


def order(x, axis=-1, descending=False):
    """y = the positions that sort x along `axis`, int32; equal entries keep their order. `descending`: NaN first."""
    if descending:                                                          # the order of the reversed x, read from its other end
        return (x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)).astype(np.int32)
    return np.argsort(x, axis=axis, kind="stable").astype(np.int32)


def truth(x, name, axis=None, keepdims=False):
    """y = whether "any" or "all" entries over `axis` are true."""
    return np.asarray((np.any if name == "any" else np.all)(x, axis=axis, keepdims=keepdims))


def count_nonzero(x, axis=None):
    """y = how many entries over `axis` are not 0, int32."""
    return np.asarray(np.count_nonzero(x, axis=axis), dtype=np.int32)


def bincount(x, weights=None, minlength=0):
    """y = how often each of 0, 1, 2, ... occurs in x (N,), or in each row of x (B, N); the sums of their weights, float64."""
    if x.ndim == 1:
        return np.bincount(x, None if weights is None else weights, minlength)
    bins = max(minlength, int(x.max()) + 1 if x.size else 0)
    rows = [np.bincount(row, None if weights is None else weights[n], bins) for n, row in enumerate(x)]
    return np.stack(rows) if rows else np.zeros((0, bins), np.int64)


def histogram(x, bins, range):
    """y = how many entries lie in each of `bins` intervals of equal length, and the ends of the intervals, float64."""
    counts, edges = np.histogram(x, bins=bins, range=range)
    return counts.astype(np.float64), edges.astype(np.float64)


def sorted_places(row, values, side):
    """y = where each of the values would have to stand in a sorted row (N,), int32; side "left" or "right" of its equals."""
    return np.asarray(np.searchsorted(row, values, side=side), dtype=np.int32)
