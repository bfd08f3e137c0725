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

Views
    reshape, transpose, flip and slices give views of x where NumPy does. `copy=True` forbids it, for an x that will be written
    to later (a variable's buffer).

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
    Shapes, types, axes and indices; broadcast keeps x, of which only shape and type are read.
"""
import numpy as np

from refnet.kernels.arithmetic import unbroadcast

__all__ = ["broadcast_backward", "broadcast_forward", "cast_backward", "cast_forward", "concatenate_backward",
           "concatenate_forward", "contiguous_backward", "contiguous_forward", "fill_like", "flip_backward", "flip_forward",
           "index_backward", "index_forward", "integer_einsum", "integer_matmul", "nonzero", "one_hot", "pad_backward",
           "pad_forward", "reshape_backward", "reshape_forward", "roll_backward", "roll_forward", "take_along_axis_backward",
           "take_along_axis_forward", "transpose_backward", "transpose_forward"]


def reshape_forward(x, shape, copy=False, save=True):
    """y = the entries of x, in C order, under another shape (one -1 allowed)."""
    y = x.reshape(shape)
    return (y.copy() if copy else y), (x.shape if save else None)


def reshape_backward(dy, saved):
    return dy.reshape(saved)


def transpose_forward(x, axes=None, copy=False, save=True):
    """y with axes permuted; None reverses them."""
    axes = tuple(range(x.ndim))[::-1] if axes is None else tuple(a % x.ndim for a in axes)
    y = np.transpose(x, axes)
    return (y.copy() if copy else y), (axes if save else None)


def transpose_backward(dy, saved):
    return np.transpose(dy, np.argsort(saved).tolist())           # the inverse permutation


def contiguous_forward(x, save=True):
    """The same array in C order and aligned, as kernels want it."""
    return np.require(x, requirements=("C", "A")).reshape(x.shape), None


def contiguous_backward(dy, saved):
    return dy


def cast_forward(x, dtype, save=True):
    """y = x as another type."""
    if x.dtype.kind == "f" and (dtype.kind != "f" or dtype.itemsize < x.dtype.itemsize):
        with np.errstate(invalid="ignore", over="ignore"):        # too large is inf; NaN has no integer: whatever the machine gives
            return x.astype(dtype), (x.dtype if save else None)
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
    y = np.full(tuple(before + size + after for size, (before, after) in zip(x.shape, pad_width, strict=True)), value, x.dtype)
    y[_inner(x.shape, pad_width)] = x
    return y, ((x.shape, pad_width) if save else None)


def pad_backward(dy, saved):
    shape, pad_width = saved
    return np.asarray(dy[_inner(shape, pad_width)])


def _inner(shape, pad_width):
    """Where x lies within its border."""
    return tuple(slice(before, before + size) for size, (before, _) in zip(shape, pad_width, strict=True))


def flip_forward(x, axis=None, copy=False, save=True):
    """y = x read backwards along `axis`."""
    y = np.asarray(np.flip(x, axis))
    return (y.copy() if copy else y), ((axis,) if save else None)


def flip_backward(dy, saved):
    return np.asarray(np.flip(dy, saved[0]))


def index_forward(x, key, copy=False, save=True):
    """y = x[key], any NumPy index."""
    y = np.asarray(x[key])
    return (y.copy() if copy else y), ((x.shape, key) if save else None)


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


def roll_forward(x, shift, axis=None, save=True):
    """y = x moved along `axis`, what is pushed off the end put in at the start; several shifts and axes are tuples."""
    return np.roll(x, shift, axis), ((shift, axis) if save else None)


def roll_backward(dy, saved):
    shift, axis = saved
    return np.roll(dy, tuple(-s for s in shift) if isinstance(shift, tuple) else -shift, axis)


def one_hot(labels, num_classes, dtype):
    """y (..., num_classes): a one where the label says, zeros elsewhere; a label out of range gives zeros only."""
    return np.asarray(labels[..., None] == np.arange(num_classes), dtype=dtype)


def fill_like(x, value, dtype):
    """y = one value in the shape of x."""
    return np.full(x.shape, value, dtype)


def nonzero(x):
    """Where x is not 0: one array of positions for each axis, int32."""
    return tuple(axis.astype(np.int32) for axis in np.nonzero(x))


def integer_matmul(a, b):
    """y = a b of integers (or booleans), exact: no float is in between."""
    return np.asarray(np.matmul(a, b))


def integer_einsum(equation, *operands):
    """y of an explicit einsum equation on integers (or booleans), exact."""
    return np.asarray(np.einsum(equation, *operands))
