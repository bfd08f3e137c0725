"""Adafactor: RMSprop that remembers rows and columns in place of a matrix. For networks that hardly fit the memory.

RMSprop keeps one number for every weight. Of a matrix of I times J weights Adafactor keeps the I means of its rows and the J
means of its columns, and makes the rest up. Its steps are relative to the size of the weights, so that one learning rate suits
many networks.

Update (g = dw = ∂L/∂w; t = 1, 2, 3 ... counts the steps; w (..., I, J) as many matrices, or a vector (J,))
    β = 1 - t^κ                                        κ = beta_2_decay = -0.8: 0 in the first step, then towards 1
    matrices      r ← β r + (1 - β) mean_j(g² + ε₁)    (..., I), the means of rows
                  c ← β c + (1 - β) mean_i(g² + ε₁)    (..., J), the means of columns
                  v_ij = r_i c_j / mean_i(r)
    vectors       v ← β v + (1 - β)(g² + ε₁)
    u = g / √v                                         a step of about ±1
    α = max(ε₂, RMS(w)) min(η, 1/√t)                   η the learning rate; RMS: the root of the mean of squares of an array
    w ← w - α u / max(1, RMS(u)/κ₂)                    κ₂ = clip_threshold: a step whose RMS is larger is shortened

Why r_i c_j / mean(r)
    Of all matrices a_i b_j (rank one) take the one nearest to a matrix V of numbers > 0, where "near" is measured by
    Σ_ij V_ij log(V_ij / a_i b_j) - V_ij + a_i b_j, which is 0 where the two are equal and never negative.
    1.  Its slope along a_i is -Σ_j V_ij / a_i + Σ_j b_j, which is 0 at a_i = (row sum i) / Σ b.
    2.  Along b_j likewise: b_j = (column sum j) / Σ a.
    3.  a_i b_j = (row sum i)(column sum j) / (Σ a Σ b); summing 1 over i gives Σ a Σ b = Σ V.
    4.  With means: row sum = J r_i, column sum = I c_j, Σ V = I J mean(r): a_i b_j = r_i c_j / mean(r).
    A moving average of means is the mean of moving averages: both are sums. So r and c are the rows and columns of RMSprop's v.

Why the rest
    β = 1 - t^κ: RMSprop's v is too small at first, which Adam's correction repairs; with β = 0 in the first step v is g² at once,
    and there is nothing to repair. max(ε₂, RMS(w)): weights that are all 0 must get away from there. When gradients grow
    suddenly, v lags behind and u is long; the last line bounds it.
    v is kept because Keras' optimizer has it among its variables; r and c alone decide. u is computed as g/√(r/mean(r))/√c: where
    a row and a column have no gradient at all, the product under one root is 0 in float32, and u would be 0/0 (in Keras it is).

By hand
    w = [[1, 1], [1, 1]], g = [[1, 2], [2, 4]], t = 1, η = 0.5, ε₁ = 0: β = 0, so r and c are the means of g²:
        r = (1 + 4)/2 = 2.5 and (4 + 16)/2 = 10      c = (1 + 4)/2 = 2.5 and 10      mean(r) = (2.5 + 10)/2 = 6.25
        v = 2.5·2.5/6.25 = 1,  2.5·10/6.25 = 4,  10·10/6.25 = 16      g² is of rank one, so v is g² itself: u = 1 everywhere
        w = 1 - 0.5·1·1/max(1, 1) = 0.5     everywhere, RMS(w) being 1 before
    With κ₂ = 0.5 the step is half as long:  1 - 0.5·1·1/max(1, 1/0.5) = 0.75

    >>> w, g = np.ones((2, 2)), np.array([[1.0, 2.0], [2.0, 4.0]])
    >>> v, r, c = np.zeros((2, 2)), np.zeros(2), np.zeros(2)
    >>> adafactor_update(w, g, v, r, c, 1, learning_rate=0.5, epsilon_1=0.0)
    >>> r, c, v.tolist(), w.tolist()
    (array([ 2.5, 10. ]), array([ 2.5, 10. ]), [[1.0, 4.0], [4.0, 16.0]], [[0.5, 0.5], [0.5, 0.5]])
    >>> w, v = np.ones(2), np.zeros(2)
    >>> adafactor_update(w, np.array([3.0, -3.0]), v, None, None, 1, learning_rate=0.5, epsilon_1=0.0, clip_threshold=0.5)
    >>> v, w
    (array([9., 9.]), array([0.75, 1.25]))

References
    Shazeer, Stern (2018), Adafactor: adaptive learning rates with sublinear memory cost, arXiv:1804.04235, algorithms 4 and 5,
    section 3 (rank one).
"""
import math

import numpy as np

__all__ = ["adafactor_update"]


def adafactor_update(w, dw, v, r, c, step, learning_rate, beta_2_decay=-0.8, epsilon_1=1e-30, epsilon_2=1e-3, clip_threshold=1.0):
    """Writes w, v, r and c in place. w, dw, v (..., I, J), r (..., I), c (..., J); for a vector r and c are None.

    step counts from 1. step and learning_rate: numbers or 0-d arrays.
    """
    if w.size == 0:
        return
    step = int(step)
    beta = 1 - float(step) ** beta_2_decay
    alpha = np.maximum(epsilon_2, _rms(w)) * min(float(learning_rate), 1 / math.sqrt(step))
    squares = dw * dw + epsilon_1
    if r is None:
        v *= beta
        v += (1 - beta) * squares
        u = dw / np.sqrt(v)
    else:
        r *= beta
        r += (1 - beta) * _mean(squares, -1)
        c *= beta
        c += (1 - beta) * _mean(squares, -2)
        share = (r / _mean(r, -1)[..., None])[..., None]          # (..., I, 1)
        columns = c[..., None, :]                                 # (..., 1, J)
        np.multiply(share, columns, out=v)
        u = dw / np.sqrt(share) / np.sqrt(columns)
    w -= float(alpha / np.maximum(1, _rms(u) / clip_threshold)) * u


def _mean(a, axis):
    return np.mean(a, axis=axis, dtype=np.float64).astype(a.dtype)


def _rms(a):
    return np.sqrt(np.mean(np.square(a, dtype=np.float64)))
