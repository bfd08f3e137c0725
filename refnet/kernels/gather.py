"""Gather: draw rows, as training draws a shuffled batch.

Forward
    y_b = x[rows_b]                     x (N, ...)   rows (B,) int64        y (B, ...)

Not differentiated: batches are data. (The differentiable form is `ops.take`; its gradient adds what each row received.)
"""
import numpy as np

__all__ = ["gather_rows"]


def gather_rows(x, rows):
    """x[rows], a fresh C-contiguous array of x's dtype.

    Raises:
        IndexError: a row lies outside 0..N-1. Negative rows are refused: in a permutation they are a mistake.
    """
    outside = (rows < 0) | (rows >= len(x))
    if outside.any():
        bad = int(rows[np.flatnonzero(outside)[0]])
        raise IndexError(f"row {bad} is out of range for an array of {len(x)} rows.")
    return x[rows]
