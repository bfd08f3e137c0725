"""Shaping: the same numbers in another order.

Between two layers arrays are flattened, cut, joined and turned. No number changes, so nothing seems to be there to
derive; but a gradient must find its way back to the entry that it belongs to, and an entry that was copied must
collect from all its copies.

Forward
    reshape, transpose, broadcast, concatenate, pad, index: every entry of y is a copy of one entry of x (or a
    constant).

Derivation
    y_j is a copy of x_i, i = source(j)  =>  dx_i = Σ of dy_j over all j that copied from i.
    Copied once (reshape, transpose, concatenate, slices): the inverse rearrangement. Copied many times (broadcast,
    repeated indices): a sum. Never copied (a slice's rest): 0.

By hand, x = (1, 2, 3)
    index (2, 0, 2):    y = (3, 1, 3)      back, dy = (1, 10, 100):    dx = (10, 0, 1 + 100) = (10, 0, 101)
    repeat to two rows:    back, dy = [[1, 2, 3], [10, 20, 30]]:    dx = (1 + 10, 2 + 20, 3 + 30) = (11, 22, 33)
    flip:    y = (3, 2, 1)      back, dy = (1, 10, 100):    dx = (100, 10, 1)

    >>> x, dy = np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0, 100.0])
    >>> y, saved = index_forward(x, ([2, 0, 2],))
    >>> y, index_backward(dy, saved)
    (array([3., 1., 3.]), array([10., 0., 101.]))
    >>> y, saved = broadcast_forward(x, (2, 3))
    >>> y, broadcast_backward(np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]), saved)
    (array([[1., 2., 3.], [1., 2., 3.]]), array([11., 22., 33.]))
    >>> y, saved = flip_forward(x)
    >>> y, flip_backward(dy, saved)
    (array([3., 2., 1.]), array([100., 10., 1.]))

What is saved
    Shapes, axes and indices: no data.
"""
import numpy as np

from refnet.kernels.arithmetic import unbroadcast

__all__ = ["broadcast_backward", "broadcast_forward", "concatenate_backward", "concatenate_forward", "contiguous_backward",
           "contiguous_forward", "cast_backward", "cast_forward", "flip_backward", "flip_forward", "index_backward",
           "index_forward", "pad_backward", "pad_forward", "reshape_backward", "reshape_forward", "take_along_axis_backward",
           "take_along_axis_forward", "transpose_backward", "transpose_forward"]


def reshape_forward(x, shape, save=True):
    """y = the entries of x, in C order, under another shape (one -1 allowed)."""
    return np.reshape(x, shape), (x.shape if save else None)


def reshape_backward(dy, saved):
    return np.reshape(dy, saved)


def transpose_forward(x, axes=None, save=True):
    """y with axes permuted; None reverses them."""
    axes = tuple(range(x.ndim))[::-1] if axes is None else tuple(a % x.ndim for a in axes)
    return np.transpose(x, axes), (axes if save else None)


def transpose_backward(dy, saved):
    return np.transpose(dy, np.argsort(saved))                    # the inverse permutation


def contiguous_forward(x, save=True):
    """The same array in C order, as kernels want it."""
    return np.asarray(x, order="C"), None  # ascontiguousarray would make a scalar an array of one axis


def contiguous_backward(dy, saved):
    return dy


def cast_forward(x, dtype, save=True):
    """y = x as another float type."""
    return x.astype(dtype), (x.dtype if save else None)


def cast_backward(dy, saved):
    return dy.astype(saved)


def broadcast_forward(x, shape, save=True):
    """y = x repeated to `shape`."""
    return np.broadcast_to(x, shape).copy(), (x if save else None)


def broadcast_backward(dy, saved):
    return unbroadcast(dy, saved)                                 # copied many times: summed


def concatenate_forward(*arrays, axis=-1, save=True):
    """y = the arrays one after the other along `axis`."""
    return np.concatenate(arrays, axis=axis), (([a.shape[axis] for a in arrays], axis) if save else None)


def concatenate_backward(dy, saved, needs):
    sizes, axis = saved
    parts = np.split(dy, np.cumsum(sizes)[:-1], axis=axis)
    return tuple(part if need else None for part, need in zip(parts, needs, strict=True))


def pad_forward(x, pad_width, value=0.0, save=True):
    """y = x with `value` around it; pad_width ((before, after), ...) per axis."""
    return np.pad(x, pad_width, constant_values=value), ((x.shape, pad_width) if save else None)


def pad_backward(dy, saved):
    shape, pad_width = saved
    return dy[tuple(slice(before, before + size) for size, (before, _) in zip(shape, pad_width, strict=True))]


def flip_forward(x, axis=None, save=True):
    """y = x read backwards along `axis`."""
    return np.flip(x, axis), ((axis,) if save else None)


def flip_backward(dy, saved):
    return np.flip(dy, saved[0])


def index_forward(x, key, save=True):
    """y = x[key], any NumPy index."""
    return x[key], ((x.shape, key) if save else None)


def index_backward(dy, saved):
    shape, key = saved
    dx = np.zeros(shape, dy.dtype)
    if all(isinstance(k, (slice, int, type(None), type(Ellipsis))) for k in (key if isinstance(key, tuple) else (key,))):
        dx[key] = dy                                              # slices read every entry at most once
    else:
        np.add.at(dx, key, dy)                                    # an entry that was read twice receives twice
    return dx


def take_along_axis_forward(x, indices, axis, save=True):
    """y = x at `indices` along `axis` (numpy.take_along_axis)."""
    return np.take_along_axis(x, indices, axis), ((x.shape, indices, axis) if save else None)


def take_along_axis_backward(dy, saved):
    shape, indices, axis = saved
    axis %= len(shape)
    grid = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
    grid[axis] = np.where(indices < 0, indices + shape[axis], indices)
    dx = np.zeros(shape, dy.dtype)
    np.add.at(dx, tuple(grid), dy)
    return dx
