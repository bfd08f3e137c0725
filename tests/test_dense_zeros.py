"""Data that are mostly zeros: the twin leaves the zeros out of a dense layer's products, and nobody can tell."""
import numpy as np
import pytest

from refnet import kernels as reference

fast = pytest.importorskip("refnet_fast.kernels")


def data(n=64, d=800, f=100, share=0.1, dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    x = np.where(rng.random((n, d)) < share, rng.standard_normal((n, d)), 0.0).astype(dtype)
    return x, (rng.standard_normal((d, f)) / np.sqrt(share * d)).astype(dtype), rng.standard_normal(f).astype(dtype)


def list_of(saved):
    """What is saved of the entries that are not zero; None if the ordinary product was taken."""
    return saved[-1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["linear", "relu", "sigmoid", "gelu"])
def test_leaving_zeros_out_changes_nothing(dtype, activation):
    x, w, b = data(dtype=dtype)
    y, saved = fast.dense_forward(x, w, b, activation)
    assert list_of(saved) is not None
    expected, kept = reference.dense_forward(x.astype("float64"), w.astype("float64"), b.astype("float64"), activation)
    tolerance = 2e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(y, expected, rtol=0, atol=tolerance * 10)
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(dtype)
    for mine, theirs in zip(fast.dense_backward(dy, saved), reference.dense_backward(dy.astype("float64"), kept), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance * np.abs(theirs).max() * 5)


def test_the_same_with_and_without_saving_and_by_rows():
    x, w, b = data(n=120)
    rows = np.random.default_rng(2).permutation(len(x))[:90]
    y, saved = fast.dense_forward(x[rows], w, b, "relu")
    assert list_of(saved) is not None
    by_rows, kept = fast.dense_rows_forward(w, b, x, rows, "relu")
    assert np.array_equal(y, by_rows) and np.array_equal(y, fast.dense_forward(x[rows], w, b, "relu", save=False)[0])
    dy = np.ones_like(y)
    for mine, theirs in zip(fast.dense_rows_backward(dy, kept), fast.dense_backward(dy, saved)[1:], strict=True):
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_zero_times_infinity_stays_not_a_number(number):
    x, w, b = data()
    x[:, 7] = 0.0
    w[7, 5] = number                                     # a weight that only zeros meet: 0 * inf is NaN all the same
    y, _ = fast.dense_forward(x, w, b)
    with np.errstate(invalid="ignore"):
        expected, _ = reference.dense_forward(x, w, b)
    assert np.array_equal(np.isnan(y), np.isnan(expected)) and np.isnan(y[:, 5]).all()


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_gradients_that_are_not_finite_reach_every_weight(number):
    x, w, b = data()
    y, saved = fast.dense_forward(x, w, b)
    assert list_of(saved) is not None
    dy = np.ones_like(y)
    dy[3, 4] = number
    _, dw, _ = fast.dense_backward(dy, saved)
    with np.errstate(invalid="ignore"):
        _, expected, _ = reference.dense_backward(dy, reference.dense_forward(x, w, b)[1])
    assert np.array_equal(np.isnan(dw), np.isnan(expected)) and np.isnan(dw[:, 4]).any()


def test_data_that_are_not_finite_are_kept():
    x, w, b = data()
    x[2, 3], x[5, 6] = np.nan, np.inf
    y, saved = fast.dense_forward(x, w, b)
    assert list_of(saved) is not None
    assert np.isnan(y[2]).all() and not np.isfinite(y[5]).any() and np.isfinite(np.delete(y, (2, 5), axis=0)).all()
    _, dw, _ = fast.dense_backward(np.ones_like(y), saved)
    assert np.isnan(dw[3]).all() and np.isinf(dw[6]).all() and np.isfinite(np.delete(dw, (3, 6), axis=0)).all()


def test_negative_zero_and_denormals():
    x, w, b = data(share=0.05)
    x[x == 0] = -0.0
    tiny = np.float32(1e-44)
    x[4, 9] = tiny
    w[9] = 1e30
    y, saved = fast.dense_forward(x, w, b)
    assert list_of(saved) is not None
    np.testing.assert_allclose(y[4], reference.dense_forward(x, w, b)[0][4], rtol=1e-4, atol=1e-5)


def test_rows_that_do_not_fit_into_the_list():
    """The samples look sparse, other rows are full: the ordinary product is taken."""
    x, w, b = data(n=160, share=0.02)
    x[1:5] = x[9:16] = x[13:19] = 1.0
    y, saved = fast.dense_forward(x, w, b)
    assert list_of(saved) is None
    np.testing.assert_allclose(y, reference.dense_forward(x, w, b)[0], rtol=1e-4, atol=1e-3)


def test_full_data_and_small_products_go_the_ordinary_way():
    assert list_of(fast.dense_forward(*data(share=0.9))[1]) is None
    assert list_of(fast.dense_forward(*data(n=8, d=60, f=20))[1]) is None


def test_more_rows_than_a_group_and_rows_without_anything():
    x, w, b = data(n=1300, d=200, f=40)
    x[::3] = 0.0
    y, saved = fast.dense_forward(x, w, b)
    assert list_of(saved) is not None and np.array_equal(y[0], b)
    dy = np.random.default_rng(1).standard_normal(y.shape).astype("float32")
    dw = fast.dense_backward(dy, saved)[1]
    np.testing.assert_allclose(dw, x.astype("float64").T @ dy.astype("float64"), atol=3e-5)
    assert np.array_equal(fast.dense_backward(np.zeros_like(y), saved)[1], np.zeros_like(w))


def test_the_list_belongs_to_its_call():
    x, w, b = data()
    y, saved = fast.dense_forward(x, w, b)
    other = fast.dense_forward(*data(n=65))[1]
    for wrong in (list_of(other), "no list", (1, 2)):
        with pytest.raises(ValueError, match="not what dense_forward saved"):
            fast.dense_backward(np.ones_like(y), (*saved[:-1], wrong))
