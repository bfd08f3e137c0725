"""Constants: arrays that are made from plain numbers, and numbers that code outside the kernels decides.

A step is a list of kernels and the arrays between them. What enters it from elsewhere, the 1 that a gradient starts from or
the learning rate that a schedule sets, enters here, by name, so that whoever writes the step down can see it.

The kernels
    filled            y_i = v for every entry              the 1 that a gradient starts from (chain_rule.py)
    constant_array    the array itself, declared to be the same in every step
    called_rate       η = f(n)                             f a schedule, n the count of steps

By hand
    A rate that halves in every step, after two steps:
        0.5·0.5 = 0.25,  1/(2·2) = 0.25

    >>> called_rate(lambda step: 0.5**step, np.array(2))
    array(0.25)
    >>> filled((2,), 1, "float64"), constant_array(np.array([2.0]))
    (array([1., 1.]), array([2.]))
"""
import numpy as np

__all__ = ["called_rate", "constant_array", "filled"]


def constant_array(array):
    """`array` itself: says that it is the same in every step."""
    return array


def filled(shape, value, dtype):
    """A new array in which every entry is `value`."""
    return np.full(shape, value, dtype) if shape else np.array(value, dtype)


def called_rate(function, *counts):
    """function(*counts), the counts as integers: 0-d float64. How a schedule gives the learning rate."""
    return np.asarray(float(function(*(int(count) for count in counts))))
