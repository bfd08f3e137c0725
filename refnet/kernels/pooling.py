"""Pooling: one number for a neighbourhood.

Whether an edge is here or one pixel further seldom matters; that there is one does. A pool keeps the strongest (or
the mean) answer of a small window and forgets where it was: a quarter of the numbers to go on with, and a result that
small shifts hardly change.

Forward, over windows of P places with stride s (convolution.py has the geometry; every channel by itself)
    max        y[n,i,j,c] = max of x over the window
    average    y[n,i,j,c] = mean of x over the window
    global average       y[n,c] = mean of x over all places

    Padding adds places that are not there: they never win a maximum (they count as -∞), and they do not enter an
    average: the sum is divided by the number of real places in the window. That is how Keras defines
    `padding="same"`.

Derivation
    max        Only the winner moves y:  dx[winner] += dy.
               Windows may overlap: a place that wins several collects from all.
    average    Each of the real places of a window contributes its share:  dx[place] += dy / (their number).

By hand (one dimension, one channel, windows of 2 places)
    max, stride 1, x = (1, 3, 2):    y = (max(1, 3), max(3, 2)) = (3, 3)      place 1 wins both
        back, dy = (1, 10):    dx = (0, 1 + 10, 0) = (0, 11, 0)
    average of the same:    y = ((1 + 3)/2, (3 + 2)/2) = (2, 2.5)
        back, dy = (1, 10):    dx = (1/2, 1/2 + 10/2, 10/2) = (0.5, 5.5, 5)
    average, stride 2, one padded place behind:    y = ((1 + 3)/2, 2/1) = (2, 2)      (one real place)
        back, dy = (1, 10):    dx = (1/2, 1/2, 10/1) = (0.5, 0.5, 10)
    global average:    y = (1 + 3 + 2)/3 = 2            back, dy = 6:    dx = (6/3, 6/3, 6/3) = (2, 2, 2)

    >>> x, dy = np.array([1.0, 3.0, 2.0]).reshape(1, 3, 1), np.array([1.0, 10.0]).reshape(1, 2, 1)
    >>> y, saved = max_pool_forward(x, (2,), strides=(1,), padding=((0, 0),))
    >>> y.ravel(), max_pool_backward(dy, saved).ravel()
    (array([3., 3.]), array([0., 11., 0.]))
    >>> y, saved = average_pool_forward(x, (2,), strides=(1,), padding=((0, 0),))
    >>> y.ravel(), average_pool_backward(dy, saved).ravel()
    (array([2., 2.5]), array([0.5, 5.5, 5.]))
    >>> y, saved = average_pool_forward(x, (2,), strides=(2,), padding=((0, 1),))
    >>> y.ravel(), average_pool_backward(dy, saved).ravel()
    (array([2., 2.]), array([0.5, 0.5, 10.]))
    >>> y, saved = global_average_pool_forward(x)
    >>> y, global_average_pool_backward(np.array([[6.0]]), saved).ravel()
    (array([[2.]]), array([2., 2., 2.]))

What is saved
    max: for each window the position of its winner. average: shapes only.

Ties and kinks
    Of several equal maxima in a window the first wins, in the order of the kernel's positions (rows, then columns),
    as in Keras on TensorFlow and JAX. A NaN in a window wins: it must not be hidden.

References
    Zhou, Chellappa (1988), Computation of optical flow using a neural network (max pooling).
    LeCun et al. (1990), Handwritten digit recognition with a back-propagation network (average pooling).
"""
import numpy as np

from refnet.kernels.convolution import output_sizes, windows

__all__ = [
    "average_pool_backward", "average_pool_forward", "global_average_pool_backward", "global_average_pool_forward",
    "max_pool_backward", "max_pool_forward",
]


def _padded(x, padding, value):
    return np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=value)


def _cropped(dx, padding, sizes):
    inside = tuple(slice(before, before + size) for (before, _), size in zip(padding, sizes, strict=True))
    return np.ascontiguousarray(dx[(slice(None), *inside)])


def max_pool_forward(x, pool_size=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0)), save=True):
    """x (N, *S, C)   ->   y (N, *I, C)"""
    ones = (1,) * len(pool_size)
    size = output_sizes(x.shape[1:-1], pool_size, strides, padding, ones)
    padded = _padded(x, padding, -np.inf)
    y = np.full((x.shape[0], *size, x.shape[-1]), -np.inf, x.dtype)
    winner = np.full(y.shape, -1, np.int32) if save else None
    for number, (_, window) in enumerate(windows(padded, pool_size, size, strides, ones)):
        candidate = padded[window]
        better = (candidate > y) | (np.isnan(candidate) & ~np.isnan(y))       # strictly: the first of equals stays
        if number == 0:
            better[...] = True                                    # a window of -inf has a winner too
        y[better] = candidate[better]
        if save:
            winner[better] = number
    return y, ((winner, x.shape, pool_size, strides, padding) if save else None)


def max_pool_backward(dy, saved):
    """dy (N, *I, C)   ->   dx (N, *S, C)"""
    winner, shape, pool_size, strides, padding = saved
    ones = (1,) * len(pool_size)
    dx = _padded(np.zeros(shape, dy.dtype), padding, 0)
    for number, (_, window) in enumerate(windows(dx, pool_size, dy.shape[1:-1], strides, ones)):
        dx[window] += np.where(winner == number, dy, dy.dtype.type(0))        # y = x[winner]
    return _cropped(dx, padding, shape[1:-1])


def _real_places(shape, pool_size, strides, padding, size, dtype):
    """How many places of each window are not padding, (1, *I, 1)."""
    ones = (1,) * len(pool_size)
    present = _padded(np.ones((1, *shape[1:-1], 1), dtype), padding, 0)
    return sum(present[window] for _, window in windows(present, pool_size, size, strides, ones))


def average_pool_forward(x, pool_size=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0)), save=True):
    """x (N, *S, C)   ->   y (N, *I, C)"""
    ones = (1,) * len(pool_size)
    size = output_sizes(x.shape[1:-1], pool_size, strides, padding, ones)
    padded = _padded(x, padding, 0)
    total = np.zeros((x.shape[0], *size, x.shape[-1]), np.float64)            # a window may be long
    for _, window in windows(padded, pool_size, size, strides, ones):
        total += padded[window]
    y = (total / _real_places(x.shape, pool_size, strides, padding, size, np.float64)).astype(x.dtype)
    return y, ((x.shape, pool_size, strides, padding) if save else None)


def average_pool_backward(dy, saved):
    """dy (N, *I, C)   ->   dx (N, *S, C)"""
    shape, pool_size, strides, padding = saved
    ones = (1,) * len(pool_size)
    real = _real_places(shape, pool_size, strides, padding, dy.shape[1:-1], np.float64)
    share = dy / real.astype(dy.dtype)                            # y = Σ x / number
    dx = _padded(np.zeros(shape, dy.dtype), padding, 0)
    for _, window in windows(dx, pool_size, dy.shape[1:-1], strides, ones):
        dx[window] += share
    return _cropped(dx, padding, shape[1:-1])


def global_average_pool_forward(x, save=True):
    """x (N, P, C)   ->   y (N, C): the mean over the P places, accumulated in float64."""
    y = (x.sum(axis=1, dtype=np.float64) / max(x.shape[1], 1)).astype(x.dtype)
    return y, (x.shape if save else None)


def global_average_pool_backward(dy, saved):
    """dy (N, C)   ->   dx (N, P, C)"""
    _, places, _ = saved
    share = dy * dy.dtype.type(1 / max(places, 1))                # y = 1/P Σ x
    return np.repeat(share[:, None, :], places, axis=1)
