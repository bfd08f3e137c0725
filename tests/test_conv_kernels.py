"""Kernels of convolutional networks by hand: what the chapters say of flips, ties, NaN, borders and statistics."""

import itertools

import numpy as np
import pytest

from refnet.kernels import arrays

PAIR = ((0, 0), (0, 0))
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


# --- convolution ----------------------------------------------------------------------------------------------------


def test_hand_worked_convolution(kernels):
    """[1 2 3 4] with the kernel [1 10]: no flip, so 1·1 + 2·10 = 21."""
    x = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1)
    w = np.array([1.0, 10.0]).reshape(2, 1, 1)
    y, saved = kernels.conv_forward(x, w, None, (1,), ((0, 0),), (1,))
    np.testing.assert_array_equal(y.ravel(), [21, 32, 43])
    dx, dw, _ = kernels.conv_backward(np.array([1.0, 0.0, 2.0]).reshape(1, 3, 1), saved)
    np.testing.assert_array_equal(dx.ravel(), [1, 10, 2, 20])
    np.testing.assert_array_equal(dw.ravel(), [1 * 1 + 3 * 2, 2 * 1 + 4 * 2])


def test_dx_is_a_convolution_with_the_flipped_kernel(kernels, rng):
    """As the chapter derives: s - 1 zeros between the entries of dz, (U - 1) r around them, dilation r, the kernel read backwards,
    its channels exchanged; 0 where the stride leaves a remainder."""
    x, w = rng.normal(size=(2, 10, 12, 3)), rng.normal(size=(3, 2, 3, 4))
    flipped = np.ascontiguousarray(w[::-1, ::-1].transpose(0, 1, 3, 2))
    remainders = set()
    for (s, s_), (r, r_) in itertools.product(((1, 1), (2, 1), (2, 3), (3, 5)), ((1, 1), (2, 1), (3, 4))):
        y, saved = kernels.conv_forward(x, w, None, (s, s_), PAIR, (r, r_))
        dy = rng.normal(size=y.shape)
        dx = kernels.conv_backward(dy, saved, (True, False, False))[0]
        spread = np.zeros((2, (y.shape[1] - 1) * s + 1, (y.shape[2] - 1) * s_ + 1, 4))
        spread[:, ::s, ::s_] = dy
        around = ((2 * r, 2 * r), (r_, r_))
        same, _ = kernels.conv_forward(spread, flipped, None, (1, 1), around, (r, r_))
        rows, columns = same.shape[1:3]
        np.testing.assert_allclose(dx[:, :rows, :columns], same, rtol=1e-12, atol=1e-13)
        assert not dx[:, rows:].any() and not dx[:, :, columns:].any()
        remainders.add((rows < 10, columns < 12))
    assert remainders == {(False, False), (False, True), (True, False), (True, True)}


def test_the_transposed_convolution_is_the_transpose(kernels, rng):
    """<conv(x), y> = <x, conv_transpose(y)> for the same kernel, strides and dilation."""
    for strides, dilation in (((1, 1), (1, 1)), ((2, 3), (1, 1)), ((1, 1), (2, 2)), ((2, 2), (2, 1))):
        x, w = rng.normal(size=(2, 9, 10, 3)), rng.normal(size=(3, 2, 3, 4))
        z, _ = kernels.conv_forward(x, w, None, strides, PAIR, dilation)
        y = rng.normal(size=z.shape)
        back, _ = kernels.conv_transpose_forward(y, w, None, strides, (0, 0), (9, 10), dilation)
        np.testing.assert_allclose((z * y).sum(), (x * back).sum(), rtol=1e-12)


def test_groups_are_separate_convolutions(kernels, rng):
    x, w = rng.normal(size=(2, 5, 6, 4)), rng.normal(size=(3, 3, 2, 6))
    y, _ = kernels.conv_forward(x, w, None, (1, 1), ((1, 1), (1, 1)), (1, 1), 2)
    parts = [
        kernels.conv_forward(
            np.ascontiguousarray(x[..., 2 * g : 2 * g + 2]),
            np.ascontiguousarray(w[..., 3 * g : 3 * g + 3]),
            None,
            (1, 1),
            ((1, 1), (1, 1)),
            (1, 1),
        )[0]
        for g in (0, 1)
    ]
    np.testing.assert_allclose(y, np.concatenate(parts, -1), rtol=1e-12, atol=1e-13)


def test_depthwise_is_a_convolution_with_as_many_groups_as_channels(kernels, rng):
    x, w = rng.normal(size=(2, 5, 6, 3)), rng.normal(size=(3, 2, 3, 2))
    y, _ = kernels.depthwise_conv_forward(x, w, None, (2, 1), ((1, 0), (0, 1)), (1, 2))
    same, _ = kernels.conv_forward(x, w.reshape(3, 2, 1, 6), None, (2, 1), ((1, 0), (0, 1)), (1, 2), 3)
    np.testing.assert_allclose(y, same, rtol=1e-12, atol=1e-13)


@dtypes
def test_nan_and_inf_reach_the_windows_that_see_them(kernels, dtype):
    x, w = np.ones((1, 9, 9, 16), dtype), np.ones((3, 3, 16, 32), dtype)
    x[0, 4, 4, 3] = np.nan
    for activation in ("linear", "relu"):
        y, _ = kernels.conv_forward(x, w, None, (1, 1), ((1, 1), (1, 1)), (1, 1), 1, activation)
        seen = np.isnan(y).all(-1)[0]
        expected = np.zeros((9, 9), bool)
        expected[3:6, 3:6] = True
        np.testing.assert_array_equal(seen, expected)
        assert np.isfinite(y[0][~expected]).all()


# --- pooling --------------------------------------------------------------------------------------------------------


@dtypes
def test_the_first_of_equal_maxima_wins(kernels, dtype):
    """In the order of the window's rows, then columns; negative zero and zero are equal."""
    for values in ([5, 5, 5, 5], [1, 5, 5, 0], [0, 1, 5, 5], [0.0, -0.0, -1, -1], [-0.0, 0.0, -1, -1], [-np.inf] * 4):
        x = np.repeat(np.array(values, dtype).reshape(1, 2, 2, 1), 37, axis=3)
        y, saved = kernels.max_pool_forward(x, (2, 2), (2, 2), PAIR)
        assert (y == np.max(values)).all()
        dx = kernels.max_pool_backward(np.full_like(y, 3), saved)
        expected = np.zeros(4, dtype)
        expected[int(np.argmax(values))] = 3
        np.testing.assert_array_equal(dx, np.broadcast_to(expected.reshape(1, 2, 2, 1), x.shape))


@dtypes
def test_a_nan_in_a_window_wins(kernels, dtype):
    x = np.arange(16, dtype=dtype).reshape(1, 4, 4, 1).repeat(19, axis=3)
    x[0, 0, 0] = x[0, 2, 1] = np.nan
    y, saved = kernels.max_pool_forward(x, (2, 2), (2, 2), PAIR)
    np.testing.assert_array_equal(y[0, :, :, 0], [[np.nan, 7], [np.nan, 15]])
    dx = kernels.max_pool_backward(np.ones_like(y), saved)
    assert (dx[0, 0, 0] == 1).all() and (dx[0, 2, 1] == 1).all() and dx.sum() == 4 * 19
    assert np.isnan(kernels.average_pool_forward(x, (2, 2), (2, 2), PAIR)[0][0, :, 0]).all()


@dtypes
def test_overlapping_windows_add_up(kernels, dtype):
    x = np.array([0, 9, 1, 2, 0], dtype).reshape(1, 5, 1)
    y, saved = kernels.max_pool_forward(x, (3,), (1,), ((0, 0),))
    np.testing.assert_array_equal(y.ravel(), [9, 9, 2])
    np.testing.assert_array_equal(
        kernels.max_pool_backward(np.array([1, 10, 100], dtype).reshape(1, 3, 1), saved).ravel(), [0, 11, 0, 100, 0]
    )


@dtypes
def test_padding_neither_wins_nor_counts(kernels, dtype):
    x = -np.ones((1, 3, 3, 2), dtype)
    for kind in ("max", "average"):
        y, saved = getattr(kernels, f"{kind}_pool_forward")(x, (2, 2), (2, 2), ((0, 1), (0, 1)))
        np.testing.assert_array_equal(y, -np.ones((1, 2, 2, 2)))
    dx = kernels.average_pool_backward(np.ones_like(y), saved)
    np.testing.assert_allclose(dx[0, :, :, 0], [[0.25, 0.25, 0.5], [0.25, 0.25, 0.5], [0.5, 0.5, 1.0]])


# --- normalization --------------------------------------------------------------------------------------------------


@dtypes
def test_batch_norm_writes_its_statistics(kernels, dtype, rng):
    for m, c in ((7, 3), (300, 33)):
        x = rng.normal(2, 3, (m, c)).astype(dtype)
        weights = (rng.random(m) > 0.4).astype(dtype)
        for w in (None, weights):
            statistics = np.full((2, c), np.nan, dtype)
            y, _ = kernels.batch_norm_forward(x, None, None, 0.0, statistics, True, w)
            seen = x if w is None else x[w > 0]
            np.testing.assert_allclose(
                statistics, [seen.mean(0), seen.var(0)], rtol=2e-5 if dtype == np.float32 else 1e-12
            )
            counted = y if w is None else y[w > 0]
            np.testing.assert_allclose(counted.var(0), 1, rtol=1e-4 if dtype == np.float32 else 1e-10)


@dtypes
def test_the_variance_does_not_cancel(kernels, dtype):
    """E[x²] - E[x]² would lose every digit of the variance here."""
    offset = dtype(1e4 if dtype == np.float32 else 1e9)
    x = (offset + np.arange(8, dtype=dtype)).reshape(8, 1)
    statistics = np.empty((2, 1), dtype)
    kernels.batch_norm_forward(x, None, None, 0.0, statistics, True)
    np.testing.assert_allclose(statistics.ravel(), [offset + 3.5, 5.25], rtol=1e-6)
    y, _ = kernels.layer_norm_forward(np.ascontiguousarray(x.T), None, None, 0.0)
    np.testing.assert_allclose(
        y.ravel(), (np.arange(8) - 3.5) / np.sqrt(5.25), rtol=1e-3 if dtype == np.float32 else 1e-6
    )


def test_normalised_gradients_take_out_shift_and_stretch(kernels, rng):
    """What the chapters say of the three terms: Σ dx = 0 and Σ dx x̂ = 0 (with ε = 0), down a column or along a row."""
    x, dy = rng.normal(size=(9, 6)), rng.normal(size=(9, 6))
    y, saved = kernels.batch_norm_forward(x, None, None, 0.0)
    dx = kernels.batch_norm_backward(dy, saved)[0]
    np.testing.assert_allclose([dx.sum(0), (dx * y).sum(0)], 0, atol=1e-12)
    y, saved = kernels.layer_norm_forward(x, None, None, 0.0)
    dx = kernels.layer_norm_backward(dy, saved)[0]
    np.testing.assert_allclose([dx.sum(1), (dx * y).sum(1)], 0, atol=1e-12)
    y, saved = kernels.rms_norm_forward(x, None, 0.0)
    dx = kernels.rms_norm_backward(dy, saved)[0]
    np.testing.assert_allclose((dx * y).sum(1), 0, atol=1e-12)


# --- interpolation --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["bilinear", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("antialias", [False, True])
def test_interpolation_keeps_a_constant(method, antialias):
    for size, new_size in ((5, 10), (7, 3), (1, 4), (4, 1), (6, 6)):
        matrix = arrays.interpolation_matrix(size, new_size, method, antialias)
        assert matrix.shape == (new_size, size)
        np.testing.assert_allclose(matrix.sum(1), 1, rtol=1e-14)
        if size == new_size:
            np.testing.assert_allclose(matrix, np.eye(size), atol=1e-15)


def test_hand_worked_interpolation():
    """Two pixels become four: their centres lie at -1/4, 1/4, 3/4 and 5/4 of the old ones."""
    np.testing.assert_allclose(arrays.interpolation_matrix(2, 4), [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]])
    np.testing.assert_array_equal(arrays.nearest_indices(2, 4), [0, 0, 1, 1])
    np.testing.assert_array_equal(arrays.nearest_indices(5, 2), [1, 3])


def test_adaptive_windows_cover_everything():
    for size in range(1, 12):
        for new_size in range(1, 14):
            begin, end = arrays.adaptive_windows(size, new_size)
            assert begin[0] == 0 and end[-1] == size and (end > begin).all() and (begin[1:] <= end[:-1]).all()
            np.testing.assert_allclose(arrays.adaptive_average_matrix(size, new_size).sum(1), 1)


# --- two chapters in one --------------------------------------------------------------------------------------------


@dtypes
def test_a_pool_behind_a_convolution_ties_and_nan(kernels, dtype):
    """Whole numbers: all four places of the first window are equal, so the first wins; a NaN wins its window."""
    x = np.ones((1, 4, 4, 1), dtype)
    x[0, 3, 2, 0] = np.nan
    x[0, 0, 3, 0] = 7
    w = np.array([2.0], dtype).reshape(1, 1, 1, 1)
    y, saved = kernels.conv_max_pool_forward(x, w, np.zeros(1, dtype), activation="relu")
    np.testing.assert_array_equal(y.reshape(2, 2), [[2, 14], [2, np.nan]])
    dx, dw, db = kernels.conv_max_pool_backward(np.arange(1.0, 5.0, dtype=dtype).reshape(1, 2, 2, 1), saved)
    expected = np.zeros((4, 4))
    expected[0, 0], expected[0, 3], expected[2, 0] = 2 * 1, 2 * 2, 2 * 3  # relu'(NaN) is 0, as in activation.py
    np.testing.assert_array_equal(dx.reshape(4, 4), expected)
    assert db[0] == 1 + 2 + 3
    assert np.isnan(dw).all() or dw[0, 0, 0, 0] == 1 * 1 + 2 * 7 + 3 * 1


@dtypes
def test_nan_survives_a_filtered_convolution_and_its_pool(kernels, dtype, rng):
    """Winograd's filtering may spread a NaN over its tile, but never hide it, and leaves other images alone."""
    x, w = rng.normal(size=(4, 12, 12, 32)).astype(dtype), rng.normal(size=(3, 3, 32, 32)).astype(dtype)
    x[1, 5, 5, 3] = np.nan
    for activation in ("linear", "relu"):
        y, _ = kernels.conv_max_pool_forward(x, w, None, (1, 1), ((1, 1), (1, 1)), activation=activation)
        assert np.isnan(y[1, 2:4, 2:4]).all()
        assert np.isfinite(y[[0, 2, 3]]).all()


@dtypes
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_with_relu_is_batch_norm_then_relu(kernels, dtype, training, rng):
    """More rows than one chunk has, and a column with a NaN."""
    x, gamma, beta = (a.astype(dtype) for a in (rng.normal(size=(2048, 40)), rng.normal(size=40), rng.normal(size=40)))
    x[77, 3] = np.nan
    dy = rng.normal(size=x.shape).astype(dtype)
    statistics = np.stack([rng.normal(size=40), rng.uniform(0.5, 2, 40)]).astype(dtype)
    args = (x, gamma, beta, 1e-3, None if training else statistics, training)
    y, saved = kernels.batch_norm_forward(*args, None, "relu")
    z, z_saved = kernels.batch_norm_forward(*args)
    a, a_saved = kernels.activation_forward(z, "relu")
    np.testing.assert_array_equal(y, a)
    apart = kernels.batch_norm_backward(kernels.activation_backward(dy, a_saved), z_saved)
    for one, two in zip(kernels.batch_norm_backward(dy, saved), apart, strict=True):
        np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match="linear or relu"):
        kernels.batch_norm_forward(*args, None, "tanh")
