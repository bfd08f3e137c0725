"""Matches: which predictions are right. Their mean is the accuracy.

The loss is what training can follow downhill; how often the answer is right is what people ask for. It is a step function
of the outputs, with slope 0 or none at all, so it is measured and never differentiated.

Forward
    sparse categorical     y_n = 1 where argmax_c p_nc = label_n, else 0           p (N, C)   labels (N,)
    categorical            y_n = 1 where argmax_c p_nc = argmax_c t_nc, else 0     p, t (N, C)
    binary                 y_nc = 1 where [p_nc > threshold] = t_nc, else 0        p, t of one shape
    among the top k        y_n = 1 where 1 + Σ_c [p_nc > p_n,label] ≤ k, else 0    the label's rank is at most k

Ties
    The first of equal maxima is the prediction. A NaN counts as the largest, as NumPy has it. Among the top k, equal entries share
    the better rank, and a NaN at the label counts as the smallest. A label that is no column is never right.

By hand
    Two rows, p = [[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]], with the labels 1 and 2. The largest entries stand at
        max(0.2, 0.5, 0.3) = 0.5      at 1, as the label says: 1
        max(0.6, 0.1, 0.3) = 0.6      at 0, but the label is 2: 0
    Half of them are right: (1 + 0)/2 = 0.5. In the second row one entry, 0.6, is larger than the label's 0.3: rank 1 + 1 = 2, so
    with k = 2 both are right.

    >>> p = np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])
    >>> sparse_categorical_matches(p, np.array([1, 2]))
    array([1., 0.])
    >>> sparse_top_k_matches(p, np.array([1, 2]), 2)
    array([1., 1.])
    >>> categorical_matches(p, np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    array([1., 0.])
    >>> binary_matches(p, np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 1.0]]), 0.5)
    array([[1., 1., 1.], [1., 1., 0.]])
"""
import numpy as np

__all__ = ["binary_matches", "categorical_matches", "sparse_categorical_matches", "sparse_top_k_matches"]


def sparse_categorical_matches(p, labels):
    """p (N, C)   labels (N,) int64   ->   (N,) of p's type, 1 where the largest entry stands at the label"""
    return (np.argmax(p, axis=-1) == labels).astype(p.dtype)


def sparse_top_k_matches(p, labels, k):
    """p (N, C)   labels (N,) int64   ->   (N,) of p's type, 1 where fewer than k entries are larger than that at the label"""
    there = (labels >= 0) & (labels < p.shape[-1])
    chosen = p[np.arange(len(p)), np.where(there, labels, 0)]
    chosen = np.where(np.isnan(chosen), -np.inf, chosen)
    rank = 1 + (p > chosen[:, np.newaxis]).sum(axis=-1)
    return (there & (rank <= k)).astype(p.dtype)


def categorical_matches(p, t):
    """p, t (N, C)   ->   (N,) of p's type, 1 where the largest entries of both stand at the same place"""
    return (np.argmax(p, axis=-1) == np.argmax(t, axis=-1)).astype(p.dtype)


def binary_matches(p, t, threshold=0.5):
    """p, t of one shape and type   ->   the same shape and type, 1 where [p > threshold] equals t"""
    return np.asarray(t == (p > threshold), dtype=p.dtype)
