"""Kernels that are not differentiated: running means, counters, matches, what happens to gradients, projections.

Their numbers are worked by hand; the twins are compared with the reference over odd sizes and at the edges.
"""

import numpy as np
import pytest

import refnet.kernels as reference

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def sums():
    return np.zeros(()), np.zeros(())


# --- averages ---------------------------------------------------------------------------------------------------------


@dtypes
def test_running_mean_by_hand(kernels, dtype):
    total, count = sums()
    assert kernels.mean_update(total, count, np.array([1, 2], dtype)) is None
    kernels.mean_update(total, count, np.array([6], dtype), np.array([3], dtype))
    assert (total, count) == (21.0, 5.0)
    kernels.mean_update(total, count, np.asarray(2, dtype), 4)
    assert (total, count) == (29.0, 9.0)
    kernels.mean_update(total, count, np.empty(0, dtype))
    assert (total, count) == (29.0, 9.0)


@dtypes
def test_running_mean_of_many_keeps_its_digits(kernels, dtype):
    values = np.full(2**22 + 5, 1e4 + 0.125, dtype)
    total, count = sums()
    kernels.mean_update(total, count, values)
    assert total / count == pytest.approx(1e4 + 0.125, rel=1e-14)


@dtypes
def test_running_mean_agrees(twin, dtype, rng):
    for m in (1, 7, 8, 9, 1000):
        values, weights = rng.normal(size=m).astype(dtype), rng.uniform(0, 2, m).astype(dtype)
        for given in (None, weights, 0.5):
            ours, theirs = sums(), sums()
            twin.mean_update(*ours, values, given)
            reference.mean_update(*theirs, values, given)
            np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-13)


@dtypes
def test_moving_average_by_hand(kernels, dtype):
    average = np.array([1.0, -2.0], dtype)
    kernels.moving_average_update(average, np.array([2.0, 0.0], dtype), 0.9)
    np.testing.assert_allclose(average, [1.1, -1.8], rtol=1e-6)


def test_moving_average_agrees_bit_for_bit(twin, rng):
    for n in (0, 1, 33):
        average, value = rng.normal(size=n).astype("f4"), rng.normal(size=n).astype("f4")
        ours, theirs = average.copy(), average.copy()
        twin.moving_average_update(ours, value, 0.99)
        reference.moving_average_update(theirs, value, 0.99)
        np.testing.assert_allclose(ours, theirs, rtol=2e-7)


# --- counters ---------------------------------------------------------------------------------------------------------


def test_counters_by_hand(kernels):
    count = np.zeros((), np.int64)
    assert kernels.count_update(count) is None and count == 1
    number = kernels.step_number(count)
    assert number == 2 and number.dtype == np.int64 and number.shape == () and type(number) is np.ndarray
    assert [int(kernels.step_number(np.asarray(n), 3)) for n in range(7)] == [1, 1, 1, 2, 2, 2, 3]
    state = np.array([7, 0], np.uint32)
    first, second = kernels.next_key(state), kernels.next_key(state)
    assert first.tolist() == [7, 0] and second.tolist() == [7, 1] and state.tolist() == [7, 2]
    assert first.dtype == np.uint32
    state[1] = 2**32 - 1
    assert kernels.next_key(state).tolist() == [7, 2**32 - 1] and state.tolist() == [7, 0]


# --- matches ----------------------------------------------------------------------------------------------------------


@dtypes
def test_matches_by_hand(kernels, dtype):
    p = np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.4, 0.2, 0.4], [np.nan, 9, np.nan]], dtype)
    got = kernels.sparse_categorical_matches(p, np.array([1, 2, 0, 0]))
    np.testing.assert_array_equal(got, [1, 0, 1, 1])
    assert got.dtype == dtype
    t = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 0, 0]], dtype)
    np.testing.assert_array_equal(kernels.categorical_matches(p, t), [1, 0, 1, 1])
    y = kernels.binary_matches(np.array([[0.4, 0.6], [0.5, np.nan]], dtype), np.array([[0, 0], [0, 0]], dtype))
    np.testing.assert_array_equal(y, [[1, 0], [1, 1]])
    assert y.dtype == dtype and kernels.binary_matches(np.asarray(1, dtype), np.asarray(1, dtype)).shape == ()


@dtypes
def test_matches_agree(twin, dtype, rng):
    for m, c in ((0, 3), (1, 1), (50, 2), (31, 46)):
        p = rng.integers(0, 4, (m, c)).astype(dtype)  # many ties
        p[rng.random((m, c)) < 0.1] = np.nan
        t, labels = rng.integers(0, 3, (m, c)).astype(dtype), rng.integers(-1, c + 1, m)
        for name, args in (("sparse_categorical_matches", (p, labels)), ("categorical_matches", (p, t)),
                           ("binary_matches", (p, t, 1.5))):  # fmt: skip
            np.testing.assert_array_equal(getattr(twin, name)(*args), getattr(reference, name)(*args))


@dtypes
def test_top_k_by_hand(kernels, dtype):
    p = np.array([[0.2, 0.5, 0.3], [0.5, 0.5, 0.5], [np.nan, 9, 1], [1, np.nan, 9], [1, 2, 3]], dtype)
    labels = np.array([2, 0, 0, 0, 3])
    np.testing.assert_array_equal(kernels.sparse_top_k_matches(p, labels, 1), [0, 1, 0, 0, 0])
    np.testing.assert_array_equal(kernels.sparse_top_k_matches(p, labels, 2), [1, 1, 0, 1, 0])
    y = kernels.sparse_top_k_matches(p, labels, 3)
    np.testing.assert_array_equal(y, [1, 1, 1, 1, 0])
    assert y.dtype == dtype
    assert kernels.sparse_top_k_matches(p[:0], labels[:0], 2).shape == (0,)


# --- confusion --------------------------------------------------------------------------------------------------------


@dtypes
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_confusion_agrees(twin, dtype, rng, apart, weighted):
    for n, c, j in ((0, 3, 4), (7, 1, 1), (50, 2, 200), (31, 13, 7), (1, 1, 0)):
        p = (rng.integers(0, 8, (n, c)) / 8).astype(dtype)                # many that equal a threshold
        p[rng.random((n, c)) < 0.1] = np.nan
        t, w = rng.integers(0, 2, (n, c)).astype(dtype), rng.random((n, c)).astype(dtype) if weighted else None
        theta = rng.permutation(rng.integers(0, 9, j) / 8)                # in any order, and some twice
        ours, theirs = (np.ones((4, j, c) if apart else (4, j)) for _ in range(2))
        twin.confusion_update(*ours, p, t, theta, w)
        reference.confusion_update(*theirs, p, t, theta, w)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
        ours, theirs = (np.zeros((4, j, c) if apart else (4, j)) for _ in range(2))
        for kernels, counts in ((twin, ours), (reference, theirs)):
            kernels.confusion_update(None, counts[1], None, counts[3], p, t, theta, w)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
        assert (ours[[0, 2]] == 0).all()


def test_confusion_matrix_by_hand(kernels):
    matrix = np.zeros((3, 3))
    kernels.confusion_matrix_update(matrix, np.array([0, 2, 2, -1, 1, 255]), np.array([0, 1, 1, 1, 3, 0]))
    np.testing.assert_array_equal(matrix, [[1, 0, 0], [0, 0, 0], [0, 2, 0]])
    kernels.confusion_matrix_update(matrix, np.array([2, 7]), np.array([1, 1]), np.array([0.5, 9.0]))
    np.testing.assert_array_equal(matrix, [[1, 0, 0], [0, 0, 0], [0, 2.5, 0]])
    kernels.confusion_matrix_update(matrix, np.zeros(0, np.int64), np.zeros(0, np.int64))


def test_the_twin_refuses_what_it_cannot_read(twin):
    total, count = sums()
    f, i, key = np.zeros(3, "f4"), np.zeros((), np.int64), np.zeros(2, np.uint32)
    frozen = np.zeros(())
    frozen.flags.writeable = False
    for call in (
        lambda: twin.mean_update(np.zeros((), "f4"), count, f),
        lambda: twin.mean_update(total, np.zeros(1), f),
        lambda: twin.mean_update(frozen, count, f),
        lambda: twin.mean_update(total, count, f, np.zeros(2, "f4")),
        lambda: twin.moving_average_update(f, np.zeros(2, "f4"), 0.5),
        lambda: twin.count_update(np.zeros((), np.int32)),
        lambda: twin.count_update(3),
        lambda: twin.step_number(i, 0),
        lambda: twin.next_key(np.zeros(2, np.int64)),
        lambda: twin.next_key(key[:1]),
        lambda: twin.dropout_forward(f, 0.5, [1, 2]),
        lambda: twin.sparse_categorical_matches(np.zeros((2, 3), "f4"), np.zeros(3, np.int64)),
        lambda: twin.sparse_categorical_matches(np.zeros((2, 0), "f4"), np.zeros(2, np.int64)),
        lambda: twin.categorical_matches(np.zeros((2, 3), "f4"), np.zeros((2, 4), "f4")),
        lambda: twin.binary_matches(f, np.zeros(3)),
        lambda: twin.sparse_top_k_matches(np.zeros((2, 3), "f4"), np.zeros(3, np.int64), 1),
        lambda: twin.confusion_update(*np.zeros((4, 2)), np.zeros((3, 1)), np.zeros((3, 1)), np.zeros(3)),
        lambda: twin.confusion_update(np.zeros(2), np.zeros((2, 5)), None, None, *np.zeros((2, 3, 5)), np.zeros(2)),
        lambda: twin.confusion_update(np.zeros(2, "f4"), None, None, None, *np.zeros((2, 3, 1)), np.zeros(2)),
        lambda: twin.confusion_update(np.zeros(2), None, None, None, *np.zeros((2, 3, 1)), np.zeros(2, "f4")),
        lambda: twin.confusion_update(np.zeros(2), None, None, None, *np.zeros((2, 3, 1)), np.zeros(2), np.zeros(3)),
        lambda: twin.confusion_update(np.zeros((2, 4)), None, None, None, *np.zeros((2, 3, 5)), np.zeros(2)),
        lambda: twin.confusion_update(3, None, None, None, *np.zeros((2, 3, 1)), np.zeros(2)),
        lambda: twin.confusion_matrix_update(np.zeros((2, 3)), np.zeros(1, np.int64), np.zeros(1, np.int64)),
        lambda: twin.confusion_matrix_update(np.zeros((2, 2)), np.zeros(2, np.int64), np.zeros(1, np.int64)),
        lambda: twin.confusion_matrix_update(np.zeros((2, 2)), *np.zeros((2, 1), np.int64), np.zeros(2)),
        lambda: twin.confusion_matrix_update(np.zeros((2, 2), "f4"), *np.zeros((2, 1), np.int64)),
    ):
        with pytest.raises((TypeError, ValueError)):
            call()


# --- gradients --------------------------------------------------------------------------------------------------------


def test_gradients_by_hand(kernels):
    g, h = np.array([3.0], "f4"), np.array([4.0], "f4")
    factor = kernels.shrink_factor(1, g, h)
    assert factor == pytest.approx(0.2) and type(factor) is np.ndarray
    scaled = kernels.scale_gradient(g, factor)
    np.testing.assert_allclose(scaled, [0.6], rtol=1e-6)
    assert scaled.dtype == np.float32
    assert kernels.shrink_factor(10, g, h) == 1
    assert np.isnan(kernels.shrink_factor(1, np.array([np.inf])))
    np.testing.assert_array_equal(kernels.clip_gradient(np.array([-3.0, 0.5]), 1), [-1, 0.5])
    np.testing.assert_array_equal(kernels.unscale_gradient(h, 8), [0.5])
    np.testing.assert_array_equal(kernels.add_gradients(g, h), [7])
    w = np.array([2.0], "f4")
    kernels.decay_update(w, np.asarray(0.5), 0.1)
    np.testing.assert_allclose(w, [1.9])
    kernels.accumulate_update(w, g)
    np.testing.assert_allclose(w, [4.9])
    np.testing.assert_array_equal(kernels.accumulated_mean(np.array([5.0]), np.array([1.0]), 3), [2])
    kernels.assign_update(w, 1)
    np.testing.assert_array_equal(w, [1])
    for name, args in (("scale_gradient", (np.asarray(1.0), 2)), ("accumulated_mean", (np.asarray(1.0), np.asarray(1.0), 2)),
                       ("add_gradients", (np.asarray(1.0), np.asarray(1.0))), ("clip_gradient", (np.asarray(1.0), 2)),
                       ("unscale_gradient", (np.asarray(1.0), 2)), ("non_negative", (np.asarray(1.0),))):  # fmt: skip
        assert type(getattr(kernels, name)(*args)) is np.ndarray, f"{name} of 0-d arrays is an array"


def test_constants(kernels):
    one = kernels.filled((), 1, np.dtype("f4"))
    assert one.shape == () and one.dtype == np.float32 and one == 1
    rate = kernels.called_rate(lambda step: 1 / (1 + step), np.asarray(3))
    assert rate == 0.25 and rate.dtype == np.float64


# --- weighting --------------------------------------------------------------------------------------------------------


def test_samplewise_by_hand(kernels):
    values, weights = kernels.samplewise(np.array([[1.0, 3.0], [5.0, 7.0]]), np.array([1.0, 0.0]), True)
    np.testing.assert_array_equal(values, [2, 0])
    np.testing.assert_array_equal(weights, [1, 0])
    values, weights = kernels.samplewise(np.array([[1.0, 3.0], [5.0, 7.0]]), None, False)
    np.testing.assert_array_equal(values, [4, 12])
    assert weights is None
    with pytest.raises(ValueError, match="one weight per sample"):
        kernels.samplewise(np.zeros((2, 2)), np.zeros(3), True)


def test_aligned_weights(kernels):
    np.testing.assert_array_equal(kernels.aligned_weights(np.array([[1], [2]]), (2,), np.float32), [1, 2])
    np.testing.assert_array_equal(kernels.aligned_weights(np.array([1, 2]), (2, 3), np.float32), [[1] * 3, [2] * 3])
    with pytest.raises(ValueError, match="does not fit"):
        kernels.aligned_weights(np.zeros(3), (2, 3), np.float32)


def test_labels(kernels):
    np.testing.assert_array_equal(kernels.whole_labels(np.array([[1.0], [2.0]]), (2,)), [1, 2])
    assert kernels.whole_labels(np.array([1, 2], np.uint8), (2,)).dtype == np.int64
    with pytest.raises(ValueError, match="whole"):
        kernels.whole_labels(np.array([0.5]), (1,))
    np.testing.assert_array_equal(kernels.label_indices(np.array([1.0, 0.5, np.nan, np.inf]), (4,)), [1, -1, -1, -1])


# --- projections ------------------------------------------------------------------------------------------------------


def test_projections_by_hand(kernels):
    w = np.array([[3.0], [4.0]])
    np.testing.assert_allclose(kernels.max_norm(w, 2, 0, 0.0), [[1.2], [1.6]])
    np.testing.assert_allclose(kernels.unit_norm(w, 0, 0.0), [[0.6], [0.8]])
    np.testing.assert_allclose(kernels.min_max_norm(w, 0.0, 1.0, 0.5, 0, 0.0), w * 0.6)  # half the way from 5 to 1
    np.testing.assert_array_equal(kernels.non_negative(np.array([-1.0, 0.0, 2.0])), [0, 0, 2])
    np.testing.assert_array_equal(kernels.max_norm(np.zeros((2, 1)), 2, 0, 1e-7), np.zeros((2, 1)))
