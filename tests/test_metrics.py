"""Metrics: values over batches, weights, Keras' numbers."""

import os

import numpy as np
import pytest


@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    return pytest.importorskip("keras")


class TestReductions:
    def test_mean_of_batches(self, rn):
        metric = rn.metrics.Mean()
        metric.update_state([1, 3, 5, 7])
        metric.update_state(10.0)
        assert metric.result() == pytest.approx(26 / 5)
        metric.reset_state()
        assert metric.result() == 0.0
        metric.update_state([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
        assert metric.result() == 2.0
        metric.reset_state()
        metric.update_state(2.0, sample_weight=3)
        metric.update_state(4.0, sample_weight=1)
        assert metric.result() == 2.5

    def test_sum(self, rn):
        metric = rn.metrics.Sum()
        assert metric([1, 3, 5, 7]) == 16.0
        assert metric([1, 1], sample_weight=[0, 1]) == 17.0

    def test_no_rounding_error_adds_up(self, rn):
        metric = rn.metrics.Mean()
        for _ in range(10_000):
            metric.update_state(np.float32(0.1))
        assert metric.result() == pytest.approx(float(np.float32(0.1)), rel=1e-12)


class TestAccuracies:
    def test_binary(self, rn):
        metric = rn.metrics.BinaryAccuracy()
        assert metric([[1], [1], [0], [0]], [[0.98], [1], [0], [0.6]]) == 0.75
        assert rn.metrics.BinaryAccuracy()([1, 1, 0, 0], [[0.98], [1], [0], [0.6]]) == 0.75  # (N,) against (N, 1)
        weighted = rn.metrics.BinaryAccuracy()
        assert weighted([[1], [1], [0], [0]], [[0.98], [1], [0], [0.6]], sample_weight=[1, 0, 0, 1]) == 0.5
        assert rn.metrics.BinaryAccuracy(threshold=0.7)([1, 0], [0.6, 0.6]) == 0.5

    def test_categorical(self, rn):
        metric = rn.metrics.CategoricalAccuracy()
        assert metric([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]) == 0.5

    def test_sparse(self, rn):
        for labels in ([2, 1], [[2], [1]]):
            metric = rn.metrics.SparseCategoricalAccuracy()
            assert metric(np.array(labels), [[0.1, 0.6, 0.3], [0.05, 0.95, 0]]) == 0.5
        weighted = rn.metrics.SparseCategoricalAccuracy()
        assert weighted([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]], sample_weight=[0.7, 0.3]) == pytest.approx(0.3)

    def test_equal(self, rn):
        assert rn.metrics.Accuracy()([1, 2, 3, 4], [0, 2, 3, 4]) == 0.75

    def test_shapes_that_do_not_fit(self, rn):
        with pytest.raises(ValueError, match="sparse_categorical_accuracy"):
            rn.metrics.CategoricalAccuracy()([1, 2], np.zeros((2, 3)))
        with pytest.raises(ValueError, match="categorical_accuracy"):
            rn.metrics.SparseCategoricalAccuracy()(np.eye(3), np.zeros((3, 3)))


def test_errors_as_metrics(rn):
    t, y = np.array([[0.0], [1.0]]), np.array([[1.0], [1.0]])
    assert rn.metrics.MeanSquaredError()(t, y) == 0.5
    assert rn.metrics.MeanAbsoluteError()(t[:, 0], y) == 0.5
    assert rn.metrics.RootMeanSquaredError()(t, y) == pytest.approx(0.5**0.5)
    assert rn.metrics.MeanAbsoluteError()(t.astype(int), y) == 0.5


def test_a_metric_of_ones_own(rn):
    class Largest(rn.metrics.Metric):
        def __init__(self, name="largest", **kwargs):
            super().__init__(name=name, **kwargs)
            self.value = self.add_variable(shape=(), initializer="zeros", name="value")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.value.assign(rn.ops.maximum(self.value, rn.ops.max(rn.ops.abs(y_true - y_pred))))

        def result(self):
            return self.value

    metric = Largest()
    metric.update_state(np.zeros(3, "float32"), np.array([1, -4, 2], "float32"))
    assert float(metric.result()) == 4.0 and len(metric.variables) == 1
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_get_and_configuration(rn):
    assert type(rn.metrics.get("mae")) is rn.metrics.MeanAbsoluteError
    assert type(rn.metrics.get("SparseCategoricalAccuracy")) is rn.metrics.SparseCategoricalAccuracy
    metric = rn.metrics.BinaryAccuracy(threshold=0.3, name="b")
    twin = rn.metrics.deserialize(rn.metrics.serialize(metric))
    assert twin.threshold == 0.3 and twin.name == "b" and type(twin) is type(metric)
    with pytest.raises(ValueError, match="Did you mean"):
        rn.metrics.get("acuracy")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MeanSquaredError", "regression"),
        ("MeanAbsoluteError", "regression"),
        ("RootMeanSquaredError", "regression"),
        ("BinaryAccuracy", "binary"),
        ("BinaryCrossentropy", "binary"),
        ("CategoricalAccuracy", "onehot"),
        ("CategoricalCrossentropy", "onehot"),
        ("SparseCategoricalAccuracy", "labels"),
        ("SparseCategoricalCrossentropy", "labels"),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_same_numbers_as_keras(rn, keras, name, kind, weighted):
    from test_losses import data_for

    y_true, y_pred = data_for(kind)
    ours, theirs = getattr(rn.metrics, name)(), getattr(keras.metrics, name)()
    weights = np.linspace(0.5, 2, 7).astype("float32") if weighted else None
    for rows in (slice(0, 4), slice(4, 7)):
        w = None if weights is None else weights[rows]
        ours.update_state(y_true[rows], y_pred[rows], w)
        theirs.update_state(y_true[rows], y_pred[rows], w)
    assert ours.result() == pytest.approx(float(theirs.result()), rel=1e-5)
