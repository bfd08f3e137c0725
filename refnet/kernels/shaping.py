"""Shaping: the same numbers in another order.

Forward
    reshape, transpose, broadcast, concatenate, pad, index: every entry of y is a copy of one entry of x (or a constant).

Derivation
    y_j = x_π(j)  =>  dx_i = Σ of dy_j over all j that copied from i.
    Copied once (reshape, transpose, concatenate, slices): the inverse rearrangement. Copied many times (broadcast,
    repeated indices): a sum. Never copied (a slice's rest): 0.

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
    """The same array in C order, every entry at a multiple of its size, as kernels want it."""
    return np.require(x, requirements=("C", "A")), None


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
