"""Masks travel beside values: eagerly, under a tape, through functional, nested and subclassed models, into losses and metrics."""

import warnings

import numpy as np
import pytest

X = np.array([[[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]], [[5.0, 6.0], [0.0, 0.0], [0.0, 0.0]]], "f4")  # (2, 3, 2)
KEPT = np.array([[True, True, False], [True, False, False]])
T = np.arange(6, dtype="f4").reshape(2, 3, 1)


def masking(rn):
    class Mask(rn.layers.Layer):
        """Steps of zeros do not count."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.supports_masking = True

        def call(self, x):
            return x * 1.0

        def compute_mask(self, inputs, previous_mask=None):
            return rn.ops.any(rn.ops.not_equal(inputs, 0.0), axis=-1)

        def compute_output_shape(self, input_shape):
            return input_shape

    return Mask()


def spy(rn, seen, **options):
    class Spy(rn.layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = options.get("supports", True)

        def call(self, x, mask=None):
            if seen is not None:
                seen.append(None if mask is None else np.array(mask))
            return x

        def compute_output_shape(self, input_shape):
            return input_shape

    return Spy()


def mask_of(x):
    mask = getattr(x, "_keras_mask", None)
    return None if mask is None else np.array(mask)


def dense(rn, units=1):
    return rn.layers.Dense(units, kernel_initializer="ones")


def test_eagerly(rn):
    y = masking(rn)(X)
    np.testing.assert_array_equal(mask_of(y), KEPT)
    np.testing.assert_array_equal(y, X)
    z = dense(rn)(y)
    np.testing.assert_array_equal(mask_of(z), KEPT)
    assert mask_of(y + 1) is None and type(y + 1) is np.ndarray, "what NumPy computes from it is a plain array"
    assert mask_of(y[:1]) is None and type(np.concatenate([y, y])) is np.ndarray
    assert repr(y) == repr(X)
    seen = []
    spy(rn, seen)(z)
    np.testing.assert_array_equal(seen[0], KEPT)
    assert mask_of(rn.layers.Flatten()(X)) is None


def test_under_a_tape(rn):
    layer = dense(rn)
    with rn.GradientTape() as tape:
        x = rn.ops.convert_to_tensor(X)
        tape.watch(x)
        y = layer(masking(rn)(x))
        np.testing.assert_array_equal(mask_of(y), KEPT)
        loss = rn.losses.MeanSquaredError()(T, y)
    gradient = tape.gradient(loss, x)
    assert (gradient[~KEPT] == 0).all() and (gradient[KEPT] != 0).all(), "what does not count has no gradient"


def test_a_layer_that_does_not_support_masks_says_so(rn):
    with pytest.warns(UserWarning, match="does not support masking: the layers behind it will not see the mask"):
        y = spy(rn, [], supports=False)(masking(rn)(X))
    np.testing.assert_array_equal(mask_of(y), KEPT)  # it returned its very input, mask and all


def test_explicit_masks(rn):
    seen = []
    layer = spy(rn, seen)
    np.testing.assert_array_equal(mask_of(layer(X, mask=KEPT)), KEPT)
    np.testing.assert_array_equal(seen.pop(), KEPT)
    x, m = rn.Input((3, 2)), rn.Input((3,), dtype="bool")
    model = rn.Model([x, m], layer(x, mask=m))
    y = model([X, KEPT])
    np.testing.assert_array_equal(seen.pop(), KEPT)
    np.testing.assert_array_equal(mask_of(y), KEPT)
    assert type(model.predict([X, KEPT], verbose=0)) is np.ndarray


def functional(rn, seen):
    x = rn.Input((3, 2))
    return rn.Model(x, dense(rn)(spy(rn, seen)(masking(rn)(x))))


def nested(rn, seen):
    inner_x = rn.Input((3, 2))
    inner = rn.Model(inner_x, spy(rn, seen)(inner_x))
    x = rn.Input((3, 2))
    return rn.Model(x, dense(rn)(inner(masking(rn)(x))))


def nested_maker(rn, seen):
    inner_x = rn.Input((3, 2))
    inner = rn.Model(inner_x, masking(rn)(inner_x))
    x = rn.Input((3, 2))
    return rn.Model(x, dense(rn)(spy(rn, seen)(inner(x))))


def sequential(rn, seen):
    return rn.Sequential([rn.Input((3, 2)), masking(rn), spy(rn, seen), dense(rn)])


def subclassed(rn, seen):
    class Own(rn.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.third = masking(rn), spy(rn, seen), dense(rn)

        def call(self, x):
            return self.third(self.second(self.first(x)))

    return Own()


def outside(rn, seen):
    """The mask comes with the input."""

    class Own(rn.Model):
        def __init__(self):
            super().__init__()
            self.mask = masking(rn)
            self.model = rn.Sequential([rn.Input((3, 2)), spy(rn, seen), dense(rn)])

        def call(self, x):
            return self.model(self.mask(x))

    return Own()


MODELS = [functional, nested, nested_maker, sequential, subclassed, outside]


@pytest.mark.parametrize("make", MODELS)
def test_through_models(rn, make):
    seen = []
    model = make(rn, seen)
    y = model(X)
    np.testing.assert_array_equal(seen.pop(), KEPT)
    np.testing.assert_array_equal(mask_of(y), KEPT)
    model.compile(rn.optimizers.SGD(0.0), "mse", metrics=["mae"], weighted_metrics=["mse"])
    predicted = model.predict(X, verbose=0)
    assert type(predicted) is np.ndarray
    error = (X.sum(-1, keepdims=True) - T)[KEPT]
    expected = {"loss": np.mean(error**2), "mae": np.mean(abs(error)), "mse": np.mean(error**2)}
    for _ in range(4):
        found = model.evaluate(X, T, verbose=0, return_dict=True)
        for name, value in expected.items():
            assert found[name] == pytest.approx(value, rel=1e-6), name
    for _ in range(4):
        found = model.train_on_batch(X, T, return_dict=True)
        assert found["loss"] == pytest.approx(expected["loss"], rel=1e-6)
        assert found["mae"] == pytest.approx(expected["mae"], rel=1e-6)
    found = model.evaluate(X, T, sample_weight=np.array([1.0, 3.0]), verbose=0, return_dict=True)
    squares = error[:, 0] ** 2
    assert found["loss"] == pytest.approx((squares[0] + squares[1] + 3 * squares[2]) / 3, rel=1e-6)
    assert found["mse"] == pytest.approx((squares[0] + squares[1] + 3 * squares[2]) / 5, rel=1e-6)


@pytest.mark.parametrize("reduction", ["sum", "none", "sum_over_batch_size", "mean", "mean_with_sample_weight"])
def test_reductions(rn, reduction):
    y = dense(rn)(masking(rn)(X))
    squares = ((X.sum(-1, keepdims=True) - T) ** 2)[..., 0]
    found = rn.losses.MeanSquaredError(reduction=reduction)(T, y)
    expected = {"sum": squares[KEPT].sum(), "none": squares * KEPT}.get(reduction, squares[KEPT].mean())
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    nothing = masking(rn)(np.zeros_like(X))
    assert rn.losses.MeanSquaredError()(T, dense(rn)(nothing)) == 0


def test_several_inputs(rn):
    seen = {}

    class Attend(rn.layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def call(self, query, value, query_mask=None, value_mask=None):
            seen.update(query=mask_or_none(query_mask), value=mask_or_none(value_mask))
            return query

        def compute_output_shape(self, query_shape, value_shape=None):
            return query_shape

        def compute_output_spec(self, query, value, **kwargs):
            return query * 1.0

    def mask_or_none(m):
        return None if m is None else np.array(m)

    Attend()(masking(rn)(X), X)
    np.testing.assert_array_equal(seen["query"], KEPT)
    assert seen["value"] is None


def test_pooling_reads_the_mask(rn):
    x = rn.Input((3, 2))
    model = rn.Model(x, rn.layers.GlobalAveragePooling1D()(masking(rn)(x)))
    np.testing.assert_allclose(model(X), [[2, 3], [5, 6]], rtol=1e-6)
    assert mask_of(model(X)) is None
    plain = rn.Sequential([rn.Input((3, 2)), rn.layers.GlobalAveragePooling1D()])
    call = plain._network._steps[0][0]
    assert getattr(call, "__name__", "") == "call", "without a mask in sight the layer is called without looking for one"


@pytest.mark.parametrize("make", MODELS)
def test_beside_keras(rn, make):
    keras = pytest.importorskip("keras")
    results = []
    for api in (rn, keras):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make(api, None)
            model.compile(api.optimizers.SGD(0.01), "mse")
            losses = [model.train_on_batch(X, T) for _ in range(4)]
            weights = [np.asarray(w) for w in model.get_weights()]
        results.append((np.ravel(losses), *weights))
    for one, two in zip(*results, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)
