"""Gather: draw rows, as training draws a shuffled batch.

Samples often lie in an order (all zeros first, then all ones), and a step that saw only zeros would unlearn the ones.
So each epoch draws its batches from a shuffled list of row numbers; the data stay where they are, and this fetches
the rows of one batch.

Forward
    y_n = x[rows_n]                     x (R, ...)   rows (N,) int64        y (N, ...)
    R samples in the data set, N of them in the batch.

By hand
    x = [[1, 2], [3, 4], [5, 6]] lies in memory as 1 2 3 4 5 6: with two entries a row, row r begins at entry 2 r.
    rows = (2, 0, 2):    they begin at (2·2, 2·0, 2·2) = (4, 0, 4),    so y = [[5, 6], [1, 2], [5, 6]].
    A row may be drawn twice. Were it differentiated (`index_backward`, shaping.py, does it), row 2 would receive the
    gradients of both: for dy = [[1, 1], [2, 2], [3, 3]] it gets (1 + 3, 1 + 3) = (4, 4), row 1 gets nothing.

    >>> x, rows = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([2, 0, 2])
    >>> gather_rows(x, rows)
    array([[5., 6.], [1., 2.], [5., 6.]])
    >>> y, saved = index_forward(x, (rows,))
    >>> index_backward(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]), saved)
    array([[2., 2.], [0., 0.], [4., 4.]])

Not differentiated: batches are data. (The differentiable form is `ops.take`; its gradient adds what each row received.)
"""
import numpy as np

__all__ = ["gather_rows"]


def gather_rows(x, rows):
    """x[rows], a fresh C-contiguous array of x's dtype.

    Raises:
        IndexError: a row lies outside 0..R-1. Negative rows are refused: in a permutation they are a mistake.
    """
    outside = (rows < 0) | (rows >= len(x))
    if outside.any():
        bad = int(rows[np.flatnonzero(outside)[0]])
        raise IndexError(f"row {bad} is out of range for an array of {len(x)} rows.")
    return x[rows]
