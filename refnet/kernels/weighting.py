"""Weighting: values and weights brought to one shape, and labels to whole numbers.

A loss has a value for every sample, or for every position of every sample; weights come one per sample, one per value, or
with an axis of length one too many. A metric wants one value and one weight per sample. The rules are Keras'.

The rules, for values of shape (N, ...)
    samplewise        axes that the weights do not have are reduced first (mean or sum); then value times weight, and what is
                      left beyond the first axis is reduced as well
    aligned_weights   a weight per leading index is repeated along the axes behind; an axis of length 1 too many is dropped
    labels            whole numbers as int64; what is not whole is an error for a loss, and -1, no class, for a metric

By hand
    Values [[1, 3], [5, 7]], one weight for each row, [1, 0]:
        (1 + 3)/2 = 2,  (5 + 7)/2 = 6      a mean for each row
        1·2 = 2,  0·6 = 0                  times its weight

    >>> samplewise(np.array([[1.0, 3.0], [5.0, 7.0]]), np.array([1.0, 0.0]), True)
    (array([2., 0.]), array([1., 0.]))
    >>> aligned_weights(np.array([1.0, 2.0]), (2, 2), "float64")
    array([[1., 1.], [2., 2.]])
    >>> whole_labels(np.array([[1.0], [2.0]]), (2,)), label_indices(np.array([1.0, 0.5]), (2,))
    (array([1, 2]), array([ 1, -1]))
"""
import numpy as np

__all__ = ["aligned_weights", "label_indices", "masked_weights", "reciprocal_sum", "samplewise", "whole_labels"]


def samplewise(values, weights, by_mean):
    """One weighted value for each sample, and one weight: (N,), (N,) float64; without weights the second is None.

    Axes that the weights do not have are reduced first, by mean or (`by_mean` False) by sum.

    Raises:
        ValueError: the weights do not fit the values.
    """
    reduce = np.mean if by_mean else np.sum
    values = np.asarray(values, dtype=np.float64)
    if weights is None:
        return (np.asarray(reduce(values, axis=tuple(range(1, values.ndim)))) if values.ndim > 1 else values), None
    given, weights = weights, np.asarray(weights, dtype=np.float64)
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0] if values.ndim > 0 else weights
    elif values.ndim == weights.ndim + 1 and values.shape[-1] == 1:
        values = values[..., 0] if weights.ndim != 1 else values
        weights = weights[:, np.newaxis] if weights.ndim == 1 else weights
    if values.ndim > weights.ndim:
        values = reduce(values, axis=tuple(range(weights.ndim, values.ndim)))
    if values.shape != weights.shape:
        try:
            weights = np.broadcast_to(weights, values.shape)
        except ValueError:
            raise ValueError(
                f"`sample_weight` of shape {np.shape(given)} does not fit the metric's values of shape "
                f"{values.shape}. Pass one weight per sample, shape {values.shape[:1]}."
            ) from None
    values = values * weights
    if weights.ndim > 1:
        weights = reduce(weights, axis=tuple(range(1, weights.ndim)))
        values = reduce(values, axis=tuple(range(1, values.ndim)))
    return np.asarray(values), np.ascontiguousarray(weights)


def aligned_weights(weights, shape, dtype):
    """Weights as a contiguous array of `shape`: one weight per leading index, trailing axes repeated.

    Raises:
        ValueError: they do not fit.
    """
    weights = np.asarray(weights, dtype=dtype)
    if weights.ndim == len(shape) + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    if weights.shape == shape:
        return np.ascontiguousarray(weights)
    fits = weights.ndim <= len(shape) and all(w in (n, 1) for w, n in zip(weights.shape, shape, strict=False))
    if not fits:
        raise ValueError(
            f"`sample_weight` of shape {weights.shape} does not fit the per-sample values of shape {tuple(shape)}. "
            f"Pass one weight per sample, shape {tuple(shape[:1])}, or one per value, shape {tuple(shape)}."
        )
    weights = weights.reshape(weights.shape + (1,) * (len(shape) - weights.ndim))
    return np.ascontiguousarray(np.broadcast_to(weights, shape))


def masked_weights(mask, weights, by_mean):
    """weights (None: 1 each) where the mask is 1, 0 where it is 0; all of one shape.

    `by_mean`: times the number of entries over the number of those that count, so that a mean over all entries is the mean over
    those that count (0 where none does).
    """
    if by_mean:
        valid = mask.sum(dtype=np.float64)
        mask = np.asarray(mask * (mask.size / valid if valid else 0.0), dtype=mask.dtype)
    return mask if weights is None else np.asarray(weights * mask, dtype=mask.dtype)


def reciprocal_sum(weights, dtype):
    """1 / Σ ω, a number of a type; 0 where the sum is 0: a mean of nothing is 0."""
    total = np.sum(weights, dtype=np.float64)
    return np.asarray(1.0 / total if total else 0.0, dtype=dtype)


def whole_labels(labels, shape, classes=None):
    """Labels as contiguous int64 under another shape.

    Raises:
        ValueError: a label is not a whole number, or (where `classes` is given) not one of 0 to classes - 1.
    """
    if classes is not None:
        flat = labels.reshape(-1)
        outside = np.flatnonzero((flat < 0) | (flat >= classes))
        if outside.size:
            raise ValueError(f"label {flat[outside[0]]} at position {outside[0]} is out of range for {classes} classes: "
                             f"labels must be integers from 0 to {classes - 1}.")
    if labels.dtype.kind == "f":
        whole = labels.astype(np.int64)
        if not np.array_equal(whole, labels):
            raise ValueError("the targets are not whole numbers.")
        return whole.reshape(shape)
    return np.ascontiguousarray(labels, dtype=np.int64).reshape(shape)


def label_indices(labels, shape):
    """Labels as contiguous int64 under another shape; -1, which is no class, where a label is not a whole number."""
    if labels.dtype.kind == "f":
        whole = np.where(np.isfinite(labels), labels, -1).astype(np.int64)
        labels = np.where(whole == labels, whole, -1)
    return np.ascontiguousarray(labels, dtype=np.int64).reshape(shape)
