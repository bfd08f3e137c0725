"""The gradient checker: right gradients pass, wrong ones are caught and named."""
import numpy as np
import pytest

import refnet
from refnet import ops
from refnet.gradcheck import GradientError, check

X = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
T = np.random.default_rng(1).normal(size=(6, 3)).astype("float32")
LABELS = np.random.default_rng(2).integers(0, 3, 6)


def network(rn, activation="tanh"):
    rn.utils.set_random_seed(0)
    model = rn.Sequential([rn.Input((5,)), rn.layers.Dense(7, activation=activation), rn.layers.Dropout(0.3), rn.layers.Dense(3)])
    model.compile("sgd", rn.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def test_functions(rn):
    report = rn.gradcheck.check(lambda a, b: ops.matmul(a, b), (X, X.T))
    assert report.passed and [row.name for row in report.rows] == ["input 0", "input 1"]
    assert report.raise_if_failed() is report
    rn.gradcheck.check(rn.ops.softmax, X).raise_if_failed()


def test_functions_with_parameters():
    w = refnet.Variable(np.ones((5, 2), np.float32), name="w")
    report = check(lambda x: x @ w, X, parameters=[w]).raise_if_failed()
    assert [row.name for row in report.rows] == ["input", "w"]
    assert w.value.dtype == np.float32


def test_layers_and_models(rn):
    layer = rn.layers.Dense(4, activation="gelu")
    report = rn.gradcheck.check(layer, X).raise_if_failed()
    assert [row.shape for row in report.rows] == [(6, 5), (5, 4), (4,)]
    assert report.backend == ("fast" if rn is not refnet else "reference")
    model = network(rn)
    before = model.get_weights()
    report = rn.gradcheck.check(model, X, LABELS).raise_if_failed()
    assert len(report.rows) == 5 and sum(row.checked for row in report.rows) == 30 + 42 + 24
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)                   # put back bit for bit
        assert b.dtype == np.float32
    rn.gradcheck.check(model, X, T, loss="mse").raise_if_failed()
    rn.gradcheck.check(model, X).raise_if_failed()
    rn.gradcheck.check(model, X, LABELS, sample_weight=np.arange(6.0)).raise_if_failed()


def test_custom_layer(rn):
    class Scale(rn.layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

        def call(self, x):
            return np.tanh(x * self.scale) + x[:, :1]

    rn.gradcheck.check(Scale(), X).raise_if_failed()


def broken(rn, monkeypatch, name, wrong):
    kernels = rn.kernels if rn is not refnet else refnet.kernels
    monkeypatch.setattr(kernels, name, wrong(getattr(kernels, name), kernels))


def test_a_relu_whose_slope_is_one_everywhere_is_caught(rn, monkeypatch):
    broken(rn, monkeypatch, "activation_backward", lambda right, kernels: lambda dy, saved: dy)
    with pytest.raises(GradientError, match=r"input\[\d+, \d+\] is wrong: the tape says .*the slope is"):
        rn.gradcheck.check(rn.layers.Activation("relu"), X).raise_if_failed()


def test_a_fused_relu_whose_slope_is_one_everywhere_is_caught(rn, monkeypatch):
    def wrong(right, kernels):
        def backward(dy, saved, needs=(True, True, True)):
            x, w, b = LAST[-1]
            return kernels.dense_backward_right(dy, kernels.dense_forward_right(x, w, b, "linear")[1], needs)
        return backward

    LAST = []

    def spying(right, kernels):
        def forward(x, w, b=None, activation="linear", save=True):
            LAST.append((x, w, b))
            return right(x, w, b, activation, save)
        return forward

    kernels = rn.kernels if rn is not refnet else refnet.kernels
    monkeypatch.setattr(kernels, "dense_backward_right", kernels.dense_backward, raising=False)
    monkeypatch.setattr(kernels, "dense_forward_right", kernels.dense_forward, raising=False)
    broken(rn, monkeypatch, "dense_backward", wrong)
    broken(rn, monkeypatch, "dense_forward", spying)
    with pytest.raises(GradientError, match="is wrong"):
        rn.gradcheck.check(rn.layers.Dense(4, activation="relu"), X).raise_if_failed()


def test_a_bias_gradient_that_forgets_the_sum_is_caught(rn, monkeypatch):
    def wrong(right, kernels):
        def backward(dy, saved, needs=(True, True, True)):
            dx, dw, _ = right(dy, saved, needs)
            return dx, dw, dy[0].copy() if needs[2] else None
        return backward

    broken(rn, monkeypatch, "dense_backward", wrong)
    report = rn.gradcheck.check(rn.layers.Dense(4), X)
    assert [row.passed for row in report.rows] == [True, True, False]
    with pytest.raises(GradientError, match=r"bias\[\d\] is wrong"):
        report.raise_if_failed()


def test_a_cross_entropy_without_the_one_over_n_is_caught(rn, monkeypatch):
    def wrong(right, kernels):
        def backward(dy, saved):
            return right(dy, saved) * len(X)
        return backward

    broken(rn, monkeypatch, "weighted_sum_backward", wrong)
    with pytest.raises(GradientError, match="is wrong"):
        rn.gradcheck.check(network(rn), X, LABELS).raise_if_failed()


def test_a_gradient_that_is_nan_is_caught(rn):
    nan = rn.custom_gradient(lambda x: (x * 2, lambda dy: dy * np.nan))
    assert not rn.gradcheck.check(nan, X).passed


def test_a_custom_gradient_that_is_slightly_off_is_caught():
    off = refnet.custom_gradient(lambda x: (x * x, lambda dy: dy * 2 * X.astype(float) * (1 + 1e-4)))
    report = check(off, X)
    assert not report.passed and 5e-5 < report.worst.error < 2e-4


def test_a_sum_that_would_hide_an_error_does_not():
    """softmax's outputs sum to 1, so with an all-ones cotangent a zero gradient would look right."""
    lazy = refnet.custom_gradient(lambda x: (refnet.kernels.softmax_forward(x)[0], lambda dy: np.zeros_like(dy)))
    assert not check(lazy, X).passed


def test_kinks_are_recognised():
    x = np.array([[0.0, 1.0, -1.0]])
    report = check(ops.relu, x)
    assert report.passed and report.rows[0].kinks == 1 and "1 kinks" in str(report)


def test_random_layers_are_held_still(rn):
    layer = rn.layers.Dropout(0.5, seed=3)
    rn.gradcheck.check(layer, X).raise_if_failed()
    generator = layer.seed_generator
    assert generator.count == 0, "the check leaves the random stream where it found it"


def test_integer_inputs_are_left_alone():
    rows = np.array([0, 2])
    report = check(lambda x, i: ops.take(x, i, axis=0), (X, rows)).raise_if_failed()
    assert len(report.rows) == 1


def test_the_table_can_be_read():
    text = str(check(refnet.layers.Dense(2, name="head"), X))
    assert "passed" in text and "head/kernel" in text and "worst relative error" in text


def test_max_elements():
    assert check(ops.tanh, X, max_elements=4).rows[0].checked == 4


def test_errors():
    with pytest.raises(ValueError, match="nothing to differentiate"):
        check(lambda i: i * 2, np.arange(3))
    with pytest.raises(TypeError, match="function, a layer or a model"):
        check(3, X)
    with pytest.raises(ValueError, match="needs targets"):
        check(refnet.layers.Dense(2), X, loss="mse")
    with pytest.raises(ValueError, match="without a loss"):
        check(refnet.layers.Dense(2), X, T)
