"""Averages: what training remembers of numbers that went by.

Why
    An epoch's loss is a mean over batches that are gone by then; inference normalises with statistics of batches that are gone as
    well. Both are kept in a few numbers that each step updates: a running mean, which weighs everything alike, or a moving
    average, which forgets.

Update
    running mean      S ← S + Σ_i w_i v_i          W ← W + Σ_i w_i          the mean so far is S / W
    moving average    a ← μ a + (1 - μ) v          after t steps the value of step s weighs (1 - μ) μ^(t-s)

    v_i are the values of a batch, w_i their weights (1 each where there are none); μ, 0 <= μ <= 1, is the momentum. S and W are
    float64 whatever the values are: a float32 sum stops growing at 2²⁴ ones.

By hand
    Two batches, [1, 2] and [6] with weights 1, 1 and 3: S = 1 + 2 + 18 = 21, W = 5, mean 4.2.
    μ = 0.9, a = 1, v = 2: a ← 0.9 + 0.2 = 1.1.
"""
import numpy as np

__all__ = ["mean_update", "moving_average_update"]


def mean_update(total, count, values, weights=None):
    """Writes total and count, 0-d float64, in place.

    Args:
        values: (M,) or 0-d, of a float type.
        weights: None (1 each), a number for all, or an array of the shape of `values`.
    """
    if weights is None:
        total += values.sum(dtype=np.float64)                     # S ← S + Σ v
        count += values.size                                      # W ← W + M
    elif isinstance(weights, np.ndarray):
        total += (values.astype(np.float64) * weights).sum()      # S ← S + Σ w v
        count += weights.sum(dtype=np.float64)                    # W ← W + Σ w
    else:
        total += values.sum(dtype=np.float64) * weights
        count += values.size * weights


def moving_average_update(average, value, momentum):
    """Writes average in place: average ← momentum · average + (1 - momentum) · value. Arrays of one shape and float type."""
    average[...] = average * momentum + value * (1.0 - momentum)
