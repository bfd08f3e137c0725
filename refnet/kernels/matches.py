"""Matches: which predictions are right. Their mean is the accuracy.

Why
    The loss is what training can follow downhill; how often the answer is right is what people ask for. It is a step function
    of the outputs, with slope 0 or none at all, so it is measured and never differentiated.

Forward
    sparse categorical     y_m = 1 where argmax_c p_mc = label_m, else 0           p (M, C)   labels (M,)
    categorical            y_m = 1 where argmax_c p_mc = argmax_c t_mc, else 0     p, t (M, C)
    binary                 y_mc = 1 where [p_mc > threshold] = t_mc, else 0        p, t of one shape

Ties
    The first of equal maxima is the prediction. A NaN counts as the largest, as NumPy has it.

By hand
    p = [[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]], labels = [1, 2]: the largest stand at 1 and 0: y = [1, 0], accuracy 0.5.
"""
import numpy as np

__all__ = ["binary_matches", "categorical_matches", "sparse_categorical_matches"]


def sparse_categorical_matches(p, labels):
    """p (M, C)   labels (M,) int64   ->   (M,) of p's type, 1 where the largest entry stands at the label"""
    return (np.argmax(p, axis=-1) == labels).astype(p.dtype)


def categorical_matches(p, t):
    """p, t (M, C)   ->   (M,) of p's type, 1 where the largest entries of both stand at the same place"""
    return (np.argmax(p, axis=-1) == np.argmax(t, axis=-1)).astype(p.dtype)


def binary_matches(p, t, threshold=0.5):
    """p, t of one shape and type   ->   the same shape and type, 1 where [p > threshold] equals t"""
    return np.asarray(t == (p > threshold), dtype=p.dtype)
