"""Averages: what training remembers of numbers that went by.

An epoch's loss is a mean over batches that are gone by then; inference normalises with statistics of batches that are gone as
well. Both are kept in a few numbers that each step updates: a running mean, which weighs everything alike, or a moving
average, which forgets.

Update
    running mean      S ← S + Σ_n ω_n v_n          Ω ← Ω + Σ_n ω_n          the mean so far is S / Ω
    moving average    a ← μ a + (1 - μ) v          after t steps the value of step s weighs (1 - μ) μ^(t-s)

    v_n are the values of a batch, ω_n their weights (1 each where there are none); μ, 0 <= μ <= 1, is the momentum. S and Ω are
    float64 whatever the values are: a float32 sum stops growing at 2²⁴ ones.

By hand
    Two batches, [1, 2] and then [6] with the weight 3:
        S = 1 + 2 + 3·6 = 21,  Ω = 1 + 1 + 3 = 5,  21/5 = 4.2
    A moving average that stands at 1 and sees 2, μ = 0.75:
        a = 0.75·1 + 0.25·2 = 1.25

    >>> total, count = np.zeros(()), np.zeros(())
    >>> mean_update(total, count, np.array([1.0, 2.0]))
    >>> mean_update(total, count, np.array([6.0]), np.array([3.0]))
    >>> total, count
    (array(21.), array(5.))
    >>> average = np.array([1.0])
    >>> moving_average_update(average, np.array([2.0]), 0.75)
    >>> average
    array([1.25])
"""
import numpy as np

__all__ = ["mean_update", "moving_average_update"]


def mean_update(total, count, values, weights=None):
    """Writes total and count, 0-d float64, in place.

    Args:
        values: (N,) or 0-d, of a float type.
        weights: None (1 each), a number for all, or an array of the shape of `values`.
    """
    if weights is None:
        total += values.sum(dtype=np.float64)                     # S ← S + Σ v
        count += values.size                                      # Ω ← Ω + N
    elif isinstance(weights, np.ndarray):
        total += (values.astype(np.float64) * weights).sum()      # S ← S + Σ ω v
        count += weights.sum(dtype=np.float64)                    # Ω ← Ω + Σ ω
    else:
        total += values.sum(dtype=np.float64) * weights
        count += values.size * weights


def moving_average_update(average, value, momentum):
    """Writes average in place: average ← momentum · average + (1 - momentum) · value. Arrays of one shape and float type."""
    average[...] = average * momentum + value * (1.0 - momentum)
