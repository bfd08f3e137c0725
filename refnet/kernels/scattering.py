"""Scattering: entries written to places of another array.

Reading x[key] is copying; its gradient adds what comes back to the places that were read. Turned round, that gradient is an
operation of its own: a table of words gets the sums of what its rows were used for, a histogram its counts, a sequence its
next entry. And what was a gradient has a gradient again.

Forward
    scatter   y = 0, then y[key_n] += v_n for every n         places written to more than once collect a sum
    put       y = x, then y[key_n] = v_n                      in the order of n: the last one stays

Derivation
    scatter   y_j = Σ of v_n over all n with key_n = j   =>   dv_n = dy[key_n]
    put       y_j = x_j where nothing was put            =>   dx_j = dy_j there, 0 where something was
              y_j = v_n where n was the last to put      =>   dv_n = dy[key_n] for it, 0 for those written over

By hand, key = (2, 0, 2)
    scatter v = (1, 10, 100) to three places:    y = (10, 0, 1 + 100) = (10, 0, 101)      back, dy = (5, 6, 7):    dv = (7, 5, 7)
    put v = (1, 10, 100) into x = (7, 8, 9):     y = (10, 8, 9 - 9 + 100) = (10, 8, 100)    back:    dx = (0, 6, 0), dv = (0, 5, 7)

    >>> v, dy, key = np.array([1.0, 10.0, 100.0]), np.array([5.0, 6.0, 7.0]), (np.array([2, 0, 2]),)
    >>> y, saved = scatter_forward(v, key, (3,))
    >>> y, scatter_backward(dy, saved)
    (array([ 10.,   0., 101.]), array([7., 5., 7.]))
    >>> y, saved = put_forward(np.array([7.0, 8.0, 9.0]), v, key)
    >>> y, *put_backward(dy, saved)
    (array([ 10.,   8., 100.]), array([0., 6., 0.]), array([0., 5., 7.]))

What is saved
    The key.

Without a derivative
    Which entries there are (unique), and an index as one for each axis (unravelled).
"""
import numpy as np

__all__ = ["put_backward", "put_forward", "scatter_backward", "scatter_forward", "unique", "unravelled"]


def scatter_forward(v, key, shape, save=True):
    """v (..., *shape[K:])   key: K index arrays (...), or slices   ->   y of `shape`"""
    y = np.zeros(shape, v.dtype)
    np.add.at(y, key, v)
    return y, (key if save else None)


def scatter_backward(dy, saved):
    return np.array(dy[saved])                                    # y[key_n] += v_n


def put_forward(x, v, key, save=True):
    """x of any shape   v: what x[key] takes   ->   y of the shape of x"""
    y = np.array(x)
    y[key] = v
    return y, ((key, v.shape) if save else None)


def put_backward(dy, saved, needs=(True, True)):
    key, shape = saved
    dx = dv = None
    if needs[0]:
        dx = np.array(dy)                                         # y_j = x_j ...
        dx[key] = 0                                               # ... where nothing was put
    if needs[1]:
        number = np.zeros(dy.shape, np.int64)
        numbers = np.arange(1, np.prod(shape, dtype=np.int64) + 1).reshape(shape)
        number[key] = numbers                                     # who put last
        dv = np.where(number[key] == numbers, dy[key], dy.dtype.type(0)).astype(dy.dtype)
    return dx, dv


def unique(x, return_inverse=False, return_counts=False, axis=None, size=None, fill_value=None):
    """The different entries of x (or slices along `axis`) in ascending order; with them, where asked for, where each entry stands
    among them and how often each occurs, int32. `size`: cut to so many, or filled up (None: with the first)."""
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=axis)
    place = 0 if axis is None else axis
    if size is not None:
        more = size - values.shape[place]
        if more > 0:
            first = np.take(values, [0], axis=place)
            first = first if fill_value is None else np.full_like(first, fill_value)
            values = np.concatenate([values, *[first] * more], axis=place)
            counts = np.concatenate([counts, np.zeros(more, counts.dtype)])
        values, counts = np.take(values, range(size), axis=place), counts[:size]
    found = [values]
    if return_inverse:
        found.append(np.asarray(inverse, np.int32).reshape(x.shape if axis is None else -1))
    if return_counts:
        found.append(counts.astype(np.int32))
    return values if len(found) == 1 else tuple(found)


def unravelled(x, shape):
    """Positions in an array of `shape`, flattened, as one index for each axis, of x's type; negative ones count from the end."""
    x = np.where(x < 0, x + int(np.prod(shape)), x)
    return tuple(np.asarray(index, x.dtype) for index in np.unravel_index(x, shape))
