"""Losses: hand-worked numbers, alignment of targets, reductions, weights. (Keras' numbers: test_losses_keras.py.)"""

import numpy as np
import pytest

LN2 = float(np.log(2.0))


class TestByHand:
    def test_mean_squared_error(self, rn):
        loss = rn.losses.MeanSquaredError()
        assert float(loss([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 0.0]])) == pytest.approx(0.5)
        assert float(
            loss([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 0.0]], sample_weight=[0.7, 0.3])
        ) == pytest.approx(0.25)

    def test_mean_absolute_error(self, rn):
        assert float(rn.losses.MeanAbsoluteError()([1.0, 2.0], [3.0, 2.0])) == pytest.approx(1.0)

    def test_binary_crossentropy(self, rn):
        assert float(rn.losses.BinaryCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]])) == pytest.approx(LN2, rel=1e-6)
        assert float(rn.losses.BinaryCrossentropy(from_logits=True)([[1.0], [0.0]], [[0.0], [0.0]])) == pytest.approx(
            LN2, rel=1e-6
        )

    def test_categorical_crossentropy(self, rn):
        y_true, y_pred = [[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]]
        np.testing.assert_allclose(rn.losses.categorical_crossentropy(y_true, y_pred), [0.0513, 2.303], rtol=1e-3)
        np.testing.assert_allclose(
            rn.losses.sparse_categorical_crossentropy([1, 2], y_pred), [0.0513, 2.303], rtol=1e-3
        )

    def test_wrong_logits_stay_finite(self, rn):
        big = np.array([[1e4, -1e4]], "float32")
        assert float(rn.losses.SparseCategoricalCrossentropy(from_logits=True)([1], big)) == pytest.approx(2e4)
        assert float(rn.losses.BinaryCrossentropy(from_logits=True)([[0.0]], [[1e4]])) == pytest.approx(1e4)

    @pytest.mark.parametrize(
        ("reduction", "expected"),
        [("sum_over_batch_size", 15 / 4), ("mean", 15 / 4), ("sum", 15), ("mean_with_sample_weight", 15 / 6)],
    )
    def test_reductions_with_weights(self, rn, reduction, expected):
        loss = rn.losses.MeanSquaredError(reduction=reduction)
        values = np.array([[1.0], [1.0], [2.0], [2.0]], "float32")
        value = loss(np.zeros((4, 1), "float32"), values, sample_weight=np.array([1.0, 2.0, 1.0, 2.0]))
        assert float(value) == pytest.approx(expected)

    @pytest.mark.parametrize("reduction", [None, "none"])
    def test_no_reduction(self, rn, reduction):
        loss = rn.losses.MeanSquaredError(reduction=reduction)
        value = loss(np.zeros((3, 1)), np.array([[1.0], [2.0], [3.0]]), sample_weight=[1, 0, 2])
        np.testing.assert_allclose(value, [1, 0, 18])

    def test_ignored_labels_do_not_count(self, rn):
        loss = rn.losses.SparseCategoricalCrossentropy(ignore_class=-1)
        y_pred = np.array([[0.5, 0.5], [0.9, 0.1], [0.25, 0.75]], "float32")
        assert float(loss([0, -1, 1], y_pred)) == pytest.approx((LN2 - np.log(0.75)) / 2, rel=1e-5)

    def test_the_float_type_follows_the_predictions(self, rn):
        y = np.array([[0.1]])
        assert rn.losses.MeanSquaredError()(y, y * 2).dtype == np.float64
        assert rn.losses.MeanSquaredError(dtype="float32")(y, y * 2).dtype == np.float32


class TestAlignment:
    """(N,) and (N, 1) meet; (N, N) never arises."""

    @pytest.mark.parametrize("name", ["mean_squared_error", "mean_absolute_error", "binary_crossentropy"])
    @pytest.mark.parametrize("flat", ["target", "output"])
    def test_vectors_and_columns_meet(self, rn, name, flat):
        loss = rn.losses.get(
            {
                "class_name": {
                    "mean_squared_error": "MeanSquaredError",
                    "mean_absolute_error": "MeanAbsoluteError",
                    "binary_crossentropy": "BinaryCrossentropy",
                }[name],
                "config": {},
            }
        )
        t, y = np.array([[0.0], [1.0], [1.0]], "float32"), np.array([[0.2], [0.7], [0.9]], "float32")
        expected = float(loss(t, y))
        assert float(loss(t[:, 0] if flat == "target" else t, y[:, 0] if flat == "output" else y)) == pytest.approx(
            expected
        )
        assert float(loss(t[..., None], y)) == pytest.approx(expected)

    def test_what_cannot_be_aligned_is_an_error(self, rn):
        with pytest.raises(ValueError, match=r"mean_squared_error: the targets have shape \(4, 2\).*\(4, 3\)"):
            rn.losses.mean_squared_error(np.zeros((4, 2)), np.zeros((4, 3)))
        with pytest.raises(ValueError, match=r"\(4,\).*\(4, 3\)"):
            rn.losses.MeanSquaredError()(np.zeros(4), np.zeros((4, 3)))

    def test_weights_follow_the_leading_axis(self, rn):
        loss = rn.losses.MeanSquaredError()
        y = np.ones((3, 3, 2), "float32")  # per-sample values (3, 3): as many steps as samples
        value = loss(np.zeros_like(y), y, sample_weight=np.array([1.0, 0.0, 0.0]))
        assert float(value) == pytest.approx(1 / 3)
        with pytest.raises(ValueError, match="sample_weight"):
            loss(np.zeros_like(y), y, sample_weight=np.ones(5))


class TestErrors:
    def test_labels_out_of_range(self, rn):
        with pytest.raises(ValueError, match=r"label 3 .*out of range"):
            rn.losses.SparseCategoricalCrossentropy()([0, 3], np.full((2, 3), 1 / 3))

    def test_labels_for_one_hot_targets(self, rn):
        with pytest.raises(ValueError, match=r"sparse_categorical_crossentropy.*to_categorical"):
            rn.losses.CategoricalCrossentropy()(np.array([0, 1]), np.full((2, 3), 1 / 3))

    def test_one_hot_targets_for_labels(self, rn):
        with pytest.raises(ValueError, match="loss='categorical_crossentropy'"):
            rn.losses.SparseCategoricalCrossentropy()(np.eye(3), np.full((3, 3), 1 / 3))

    def test_labels_that_are_no_whole_numbers(self, rn):
        with pytest.raises(ValueError, match="whole numbers"):
            rn.losses.SparseCategoricalCrossentropy()([0.5, 1.0], np.full((2, 3), 1 / 3))

    def test_unknown_names(self, rn):
        with pytest.raises(ValueError, match="Did you mean 'mean_squared_error'"):
            rn.losses.get("mean_square_error")
        with pytest.raises(ValueError, match="reduction='avg'"):
            rn.losses.MeanSquaredError(reduction="avg")
        with pytest.raises(ValueError, match="label_smoothing"):
            rn.losses.BinaryCrossentropy(label_smoothing=2.0)


def test_get_serialize_deserialize(rn):
    assert (
        rn.losses.get("mse").__name__ == "mean_squared_error" and rn.losses.get("BCE").__name__ == "binary_crossentropy"
    )
    assert isinstance(rn.losses.get("MeanSquaredError"), rn.losses.MeanSquaredError)
    loss = rn.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    twin = rn.losses.deserialize(rn.losses.serialize(loss))
    assert type(twin) is rn.losses.CategoricalCrossentropy and twin.get_config() == loss.get_config()
    assert rn.losses.serialize(rn.losses.get("mae")) == "mean_absolute_error"
