"""The dense kernel that reads rows by their numbers: bit for bit what gathering first gives, on every way through the engine."""

import numpy as np
import pytest

SHAPES = [
    (5, 3, 4, 2), (40, 16, 13, 64), (30, 20, 7, 1), (50, 1, 33, 200), (50, 3, 33, 200), (300, 128, 784, 64), (600, 200, 3000, 16),
    (600, 200, 3000, 40), (600, 37, 100, 33), (7, 0, 4, 3), (4, 9, 0, 3),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_same_bits(kernels, dtype, shape, rng):
    m, n, d, f = shape
    x, w, b = (rng.normal(size=s).astype(dtype) for s in ((m, d), (d, f), f))
    rows, dy = rng.integers(0, m, n), rng.normal(size=(n, f)).astype(dtype)
    for bias, activation in ((b, "relu"), (None, "gelu"), (b, "linear")):
        y, saved = kernels.dense_rows_forward(w, bias, x, rows, activation)
        gathered = kernels.gather_rows(x, rows)
        expected, kept = kernels.dense_forward(gathered, w, bias, activation)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(kernels.dense_rows_forward(w, bias, x, rows, activation, False)[0], y)
        _, dw, db = kernels.dense_backward(dy, kept, (False, True, True))
        found = kernels.dense_rows_backward(dy, saved)
        np.testing.assert_array_equal(found[0], dw)
        if bias is None:
            assert found[1] is None
        else:
            np.testing.assert_array_equal(found[1], db)


def test_rows_out_of_range(kernels):
    x, w = np.zeros((3, 2)), np.zeros((2, 4))
    for bad in (3, -1):
        with pytest.raises(IndexError, match=f"row {bad} is out of range for an array of 3 rows"):
            kernels.dense_rows_forward(w, None, x, np.array([0, bad]))


def test_the_twin_checks_its_arguments(twin):
    x, w = np.zeros((3, 2)), np.zeros((2, 4))
    for args in ((w, None, x, np.array([0.0])), (w, None, x, [0]), (w.T, None, x, np.array([0])),
                 (w, np.zeros(3), x, np.array([0])), (w, None, x.astype("f4"), np.array([0]))):  # fmt: skip
        with pytest.raises((TypeError, ValueError)):
            twin.dense_rows_forward(*args)
