"""A model is built without numbers: a layer's `call` runs on symbolic tensors, and no state moves."""

import numpy as np
import pytest


def layer_of(rn, call, **methods):
    return type("Own", (rn.layers.Layer,), {"call": call, **methods})()


def shape_of(rn, call, shape, **options):
    return layer_of(rn, call)(rn.Input(batch_shape=shape, **options)).shape


def test_no_state_moves(rn):
    class Counting(rn.layers.Layer):
        def __init__(self):
            super().__init__()
            self.generator = rn.random.SeedGenerator(3)
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)
            self.seen = self.add_weight(shape=(4,), initializer="zeros", trainable=False)
            self.mean = rn.metrics.Mean()

        def call(self, x):
            self.calls.assign_add(1.0)
            self.seen.assign(rn.ops.mean(x, axis=0))
            self.mean.update_state(rn.ops.mean(x))
            return rn.ops.dropout(x, 0.5, self.generator.next()) + self.seen

    layer = Counting()
    x = rn.Input((4,))
    model = rn.Model(x, layer(x))
    assert model.output_shape == (None, 4)
    assert layer.compute_output_shape((7, 4)) == (7, 4)
    state = [float(layer.calls), layer.seen.numpy().tolist(), layer.generator.count, layer.mean.result()]
    assert state == [0, [0] * 4, 0, 0]
    model(np.ones((2, 4), "f4"))
    state = [float(layer.calls), layer.seen.numpy().tolist(), layer.generator.count, layer.mean.result()]
    assert state == [1, [1] * 4, 1, 1]


def test_an_assignment_of_the_wrong_shape_is_found_while_building(rn):
    def build(self, shape):
        self.v = self.add_weight(shape=(4,))

    layer = layer_of(rn, lambda self, x: self.v.assign(rn.ops.sum(x)) + x, build=build)
    with pytest.raises(ValueError, match=r"has shape \(4,\); it cannot be assigned a value of shape \(\)"):
        layer(rn.Input((4,)))


def test_nothing_is_computed(rn, monkeypatch):
    """No kernel of the sets is called on numbers of the size of an input."""
    layer = layer_of(rn, lambda self, x: rn.ops.relu(x) @ np.ones((2**20, 3), "f4"))
    assert layer(rn.Input(batch_shape=(2**40, 2**20))).shape == (2**40, 3), "it would not fit into any memory"


SHAPES = [
    (lambda rn, x: x[:, 3:-3], (None, None, 5), (None, None, 5)),
    (lambda rn, x: x[:, 20], (None, None, 5), (None, 5)),
    (lambda rn, x: rn.ops.reshape(x, (-1, 2, 3)), (None, 6), (None, 2, 3)),
    (lambda rn, x: rn.ops.split(x, 3, axis=1)[2], (None, 6), (None, 2)),
    (lambda rn, x: rn.ops.concatenate([x, x], axis=1), (None, 6), (None, 12)),
    (lambda rn, x: rn.ops.stack([x, x], axis=1), (None, 6), (None, 2, 6)),
    (lambda rn, x: rn.ops.mean(x, axis=-1, keepdims=True), (None, None, 6), (None, None, 1)),
    (lambda rn, x: rn.ops.reshape(x, (rn.ops.shape(x)[0], -1)), (None, 2, 3), (None, 6)),
    (lambda rn, x: x[:, : x.shape[1] // 2], (None, None, 5), (None, None, 5)),
    (lambda rn, x: x * np.float32(2), (None, 6), (None, 6)),
]
OURS = [
    (lambda rn, x: rn.ops.split(x, 2, axis=0)[0], (None, 6), (None, 6)),
    (lambda rn, x: np.exp(x), (None, 6), (None, 6)),
]  # NumPy's functions, and splits of an unknown number of samples, are beyond Keras on JAX


@pytest.mark.parametrize(("call", "shape", "expected"), SHAPES + OURS)
def test_shapes(rn, call, shape, expected):
    assert shape_of(rn, lambda self, x: call(rn, x), shape) == expected


@pytest.mark.parametrize(("call", "shape", "expected"), SHAPES)
def test_shapes_are_those_of_keras(call, shape, expected):
    keras = pytest.importorskip("keras")
    assert shape_of(keras, lambda self, x: call(keras, x), shape) == expected


def test_a_size_that_is_not_known_beside_one_to_be_found(rn):
    x = rn.Input((2, 3))
    y = rn.ops.reshape(x, (None, -1))
    assert rn.Model(x, y).predict(np.ones((5, 2, 3), "f4"), verbose=0).shape == (5, 6)


def test_inner_layers_stay_out_of_the_graph(rn):
    inner = rn.layers.Dense(3)
    layer = layer_of(rn, lambda self, x: inner(x) + inner(x))
    x = rn.Input((4,))
    model = rn.Model(x, layer(x))
    assert len(model.layers) == 2 and inner._inbound_nodes == []
    np.testing.assert_allclose(model(np.ones((2, 4), "f4")), 2 * inner(np.ones((2, 4), "f4")), rtol=1e-6)


def test_custom_gradients_have_shapes(rn):
    @rn.ops.custom_gradient
    def double(x):
        return x * 2, lambda dy: dy * 2

    assert shape_of(rn, lambda self, x: double(x), (None, 4)) == (None, 4)


def test_subclassed_models(rn):
    class Own(rn.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = rn.layers.Dense(5), rn.layers.Dropout(0.5, seed=1)

        def call(self, x, training=False):
            return {"a": self.second(self.first(x), training=training), "b": x}

    model = Own()
    model.build((None, 3))
    assert [tuple(w.shape) for w in model.weights] == [(3, 5), (5,)]
    shapes = model.compute_output_shape((None, 3))
    assert shapes == {"a": (None, 5), "b": (None, 3)}
    assert model.second.seed_generator.count == 0


def test_what_cannot_be_traced_says_what_to_do(rn):
    layer = layer_of(rn, lambda self, x: x if float(rn.ops.sum(x)) > 0 else -x)
    with pytest.raises(ValueError, match="could not be found by running `call` on symbolic tensors.*define `compute_output_shape"):
        layer(rn.Input((4,)))
    remedy = layer_of(rn, lambda self, x: x if float(rn.ops.sum(x)) > 0 else -x, compute_output_shape=lambda self, s: s)
    x = rn.Input((4,))
    model = rn.Model(x, remedy(x))
    np.testing.assert_array_equal(model(-np.ones((1, 4), "f4")), np.ones((1, 4)))
