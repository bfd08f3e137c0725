"""Pairs of layers that run as one step: the same numbers, and only where nobody can tell."""

import copy
import functools
import pickle

import numpy as np
import pytest

import refnet
from refnet import layers
from refnet.models import fusion


def steps_of(model):
    return [type(call).__name__ for call, *_ in model._network._steps]


def small(*stack, shape=(8, 9, 2), rn=refnet):
    rn.utils.set_random_seed(0)
    return rn.Sequential([rn.Input(shape), *stack])


def images(shape=(8, 9, 2), n=3):
    return np.random.default_rng(0).normal(size=(n, *shape)).astype("float32")


def conv_and_pool(**kwargs):
    return layers.Conv2D(4, 3, **{"activation": "relu", **kwargs}), layers.MaxPooling2D(2)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"padding": "same", "activation": "tanh"},
        {"activation": None, "use_bias": False},
        {"strides": (2, 1), "activation": "sigmoid"},
        {"dilation_rate": 2, "groups": 2},
    ],
)
def test_the_same_values_and_gradients(rn, arguments, monkeypatch):
    def stack():
        return rn.layers.Conv2D(4, 3, **{"activation": "relu", **arguments}), rn.layers.MaxPooling2D(2)

    fused, x = small(*stack(), rn=rn), images()
    assert steps_of(fused) == ["ConvMaxPool"]
    monkeypatch.setattr(fusion, "PAIRS", ())
    apart = small(*stack(), rn=rn)
    assert steps_of(apart) == ["method", "method"]
    apart.set_weights(fused.get_weights())
    found = []
    for model in (fused, apart):
        inputs = rn.ops.convert_to_tensor(x)
        with rn.GradientTape() as tape:
            tape.watch(inputs)
            y = model(inputs, training=True)
            loss = rn.ops.sum(y * y)
        found.append((y.value, model(x), *tape.gradient(loss, [inputs, *model.trainable_variables])))
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("arguments", [{}, {"scale": False}, {"trainable": False}, {"renorm": True}, {"axis": 1}])
@pytest.mark.parametrize("training", [True, False])
def test_batch_normalization_and_relu(rn, arguments, training, monkeypatch):
    found = []
    for pairs, steps in ((fusion.PAIRS, ["BatchNormRelu"]), ((), ["method", "method"])):
        monkeypatch.setattr(fusion, "PAIRS", pairs)
        model = small(rn.layers.BatchNormalization(**arguments), rn.layers.Activation("relu"), rn=rn)
        assert steps_of(model) == steps
        inputs = rn.ops.convert_to_tensor(images() + 0.3)
        with rn.GradientTape() as tape:
            tape.watch(inputs)
            y = model(inputs, training=training)
            loss = rn.ops.sum(y * y * y)
        found.append((y.value, *tape.gradient(loss, [inputs, *model.trainable_variables]), *model.get_weights()))
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, rtol=2e-5, atol=2e-5)


def test_left_alone():
    class Own(layers.Conv2D):
        def call(self, inputs):
            return super().call(inputs) + 1

    pool = layers.MaxPooling2D
    for stack in (
        (layers.Conv2D(4, 3, activation="gelu"), pool(2)),
        (layers.Conv2D(4, 3), pool(3)),
        (layers.Conv2D(4, 3), pool(2, strides=1)),
        (layers.Conv2D(4, 3), pool(2, padding="same")),
        (layers.Conv2D(4, 3), layers.AveragePooling2D(2)),
        (layers.Conv2D(4, 3, activity_regularizer="l2"), pool(2)),
        (Own(4, 3), pool(2)),
        (layers.BatchNormalization(), layers.Activation("tanh")),
        (layers.Conv2D(4, 3, data_format="channels_first"), pool(2, data_format="channels_first")),
    ):
        assert steps_of(small(*stack, shape=(9, 9, 9))) in (["method", "method"], [stack[0].__class__.__name__, "method"])


def test_somebody_else_reads_what_lies_between():
    x = refnet.Input((8, 9, 2))
    between = layers.Conv2D(4, 3)(x)
    pooled = layers.MaxPooling2D(2)(between)
    as_output = refnet.Model(x, [between, pooled])
    assert steps_of(as_output) == ["method", "method"]
    a, b = as_output(images())
    assert a.shape == (3, 6, 7, 4)
    assert b.shape == (3, 3, 3, 4)
    again = refnet.Model(x, pooled + refnet.ops.average_pool(between, 2))
    assert "ConvMaxPool" not in steps_of(again)


def test_errors_are_those_of_the_layers():
    model = small(*conv_and_pool(), shape=(None, None, 2))
    assert steps_of(model) == ["ConvMaxPool"]
    assert model(images((8, 8, 2))).shape == (3, 3, 3, 4)
    with pytest.raises(ValueError, match="MaxPooling2D.*the output would be empty: a pool of size"):
        model(images((3, 3, 2)))
    with pytest.raises(ValueError, match="Conv2D.*the output would be empty: a kernel of size"):
        model(images((2, 2, 2)))
    with pytest.raises(ValueError, match="gelu.*Use conv_forward and max_pool_forward"):
        refnet.kernels.conv_max_pool_forward(images(), np.zeros((3, 3, 2, 4), "float32"), activation="gelu")
    with pytest.raises(ValueError, match="must be images"):
        refnet.ops.conv_max_pool(images((8, 2)), np.zeros((3, 2, 4), "float32"))


def test_a_shared_batch_normalization_sees_its_batches_in_the_same_order(monkeypatch):
    moved = []
    for pairs in (fusion.PAIRS, ()):
        monkeypatch.setattr(fusion, "PAIRS", pairs)
        a, b = refnet.Input((3,)), refnet.Input((3,))
        norm = layers.BatchNormalization(momentum=0.5)
        model = refnet.Model([a, b], [layers.Activation("relu")(norm(a)), layers.Activation("tanh")(norm(b))])
        x = images((3,), 8)
        model([x + 5, x - 5], training=True)
        moved.append(norm.moving_mean.numpy())
    np.testing.assert_array_equal(*moved)


def test_attributes_that_change_later():
    model, x = small(*conv_and_pool()), images()
    plain = small(*conv_and_pool(activation=None))
    plain.set_weights(model.get_weights())
    assert model(x).min() >= 0
    model.layers[0].activation = refnet.activations.linear
    np.testing.assert_array_equal(model(x), plain(x))
    norm = small(layers.BatchNormalization(), layers.Activation("relu"))
    assert norm(x).min() == 0
    norm.layers[1].activation = refnet.activations.tanh
    assert -1 < norm(x).min() < 0


def test_an_activation_that_wraps_relu_is_not_relu():
    @functools.wraps(refnet.activations.relu)
    def capped(x):
        return refnet.activations.relu(x, max_value=0.1)

    x = images()
    for stack in (
        (layers.BatchNormalization(), layers.Activation(capped)),
        conv_and_pool(activation=capped),
        (layers.Dense(3, activation=capped),),
    ):
        assert small(*stack)(x).max() == np.float32(0.1)


def test_masks_copies_and_pickles():
    model, x = small(*conv_and_pool()), images()
    y = model(x)
    np.testing.assert_allclose(model(x, mask=np.ones(3, bool)), y, rtol=1e-6)  # masks walk from layer to layer
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert steps_of(other) == ["ConvMaxPool"]
        np.testing.assert_array_equal(other(x), y)
