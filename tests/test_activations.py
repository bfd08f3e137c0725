"""Activations: hand-worked numbers, corners, what overflows or cancels, and the real Keras (on JAX) beside them."""

import inspect
import os

import numpy as np
import pytest
from cases import BENDS

BY_HAND = {  # name: (arguments, x, y, slope), corners among them: the slope there is what Keras has on JAX
    "relu6": ((), [-1, 0, 2, 6, 7], [0, 0, 2, 6, 6], [0, 0, 1, 0, 0]),
    "leaky_relu": ((0.1,), [-2, 0, 3], [-0.2, 0, 3], [0.1, 1, 1]),
    "elu": ((2.0,), [-1, 0, 3], [2 * (np.exp(-1) - 1), 0, 3], [2 * np.exp(-1), 2, 1]),
    "celu": ((2.0,), [-1, 0, 3], [2 * (np.exp(-0.5) - 1), 0, 3], [np.exp(-0.5), 1, 1]),
    "softplus": ((), [0, -100, 100], [np.log(2), np.exp(-100), 100], [0.5, np.exp(-100), 1]),
    "log_sigmoid": ((), [0, -100, 100], [-np.log(2), -100, -np.exp(-100)], [0.5, 1, np.exp(-100)]),
    "softsign": ((), [0, -3, 1], [0, -0.75, 0.5], [1, 1 / 16, 0.25]),
    "squareplus": ((4,), [0, 1.5, -1.5], [1, 2, 0.5], [0.5, 0.8, 0.2]),
    "mish": ((), [0, -100, 100], [0, -100 * np.exp(-100), 100], [0.6, np.exp(-100) * -99, 1]),
    "sparse_plus": ((), [-2, -1, 0, 1, 2], [0, 0, 0.25, 1, 2], [0, 0, 0.5, 1, 1]),
    "sparse_sigmoid": ((), [-2, -1, 0, 1, 2], [0, 0, 0.5, 1, 1], [0, 0.25, 0.5, 0.25, 0]),
    "hard_sigmoid": ((), [-4, -3, 0, 3, 4], [0, 0, 0.5, 1, 1], [0, 0, 1 / 6, 0, 0]),
    "hard_silu": ((), [-4, -3, 0, 3, 4], [0, 0, 0, 3, 4], [0, 0, 0.5, 1, 1]),
    "hard_tanh": ((), [-2, -1, 0.5, 1, 2], [-1, -1, 0.5, 1, 1], [0, 1, 1, 1, 0]),
    "tanh_shrink": ((), [0, 1, -20], [0, 1 - np.tanh(1), -19], [0, np.tanh(1) ** 2, 1]),
    "hard_shrink": ((0.5,), [-2, -0.5, 0, 0.5, 2], [-2, 0, 0, 0, 2], [1, 0, 0, 0, 1]),
    "soft_shrink": ((0.5,), [-2, -0.5, 0, 0.5, 2], [-1.5, 0, 0, 0, 1.5], [1, 0, 0, 0, 1]),
    "threshold": ((0.5, -3.0), [-2, 0.5, 0.75], [-3, -3, 0.75], [0, 0, 1]),
    "selu": ((), [-1, 0, 2], [1.7580993408473766 * (np.exp(-1) - 1), 0, 2.101401974711097],
             [1.7580993408473766 * np.exp(-1), 1.7580993408473766, 1.0507009873554805]),
    "glu": ((), [1, 2, 0, np.log(3)], [0.5, 1.5], [0.5, 0.75, 0.25, 2 * 3 / 16]),
}  # fmt: skip


def slope_of(rn, function, x):
    variable = rn.Variable(x)
    with rn.GradientTape() as tape:
        total = rn.ops.sum(function(variable))
    return np.asarray(tape.gradient(total, variable))


@pytest.mark.parametrize("module", ["activations", "ops"])
@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(rn, name, module):
    arguments, x, y, slope = BY_HAND[name]
    function = getattr(getattr(rn, module), name)
    for dtype, tolerance in (("float64", 1e-14), ("float32", 2e-6)):
        given = np.array(x, dtype)
        found = function(given, *arguments)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, y, rtol=max(tolerance, 1e-13), atol=1e-36)
        np.testing.assert_allclose(slope_of(rn, lambda x: function(x, *arguments), given), slope, rtol=tolerance, atol=1e-36)


def test_every_kernel_of_the_table_is_worked_by_hand(kernels):
    assert tuple(BENDS) == kernels.BENDS
    assert set(kernels.BENDS) <= set(BY_HAND)


@pytest.mark.parametrize("name", BENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_huge_or_no_number(kernels, name, dtype):
    """No overflow on the way to a finite result; NaN stays NaN but under a threshold and the shrinks, which compare."""
    x = np.array([1e30, -1e30, np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-30, -1e-30], dtype)
    y, saved = kernels.bend_forward(x, name, *BENDS[name])
    dx = kernels.bend_backward(np.ones_like(x), saved)
    if not (name == "squareplus" and dtype == "float32"):                 # x² is beyond float32
        assert np.isfinite(y[:2]).all() and np.isfinite(dx[:2]).all()
    assert np.isfinite(y[5:]).all() and np.isfinite(dx[5:]).all()
    assert np.isnan(y[4]) == (name not in ("hard_shrink", "soft_shrink", "threshold"))


@pytest.mark.parametrize(("name", "arguments"), [("elu", (1.0, 1.0)), ("celu", (1.0,)), ("squareplus", (4.0,))])
def test_small_differences_keep_their_digits(kernels, name, arguments):
    x = -np.logspace(-6, 3, 40).astype("f4") if name != "squareplus" else -np.logspace(0, 6, 40).astype("f4")
    exact = kernels.bend_forward(x.astype("f8"), name, *arguments)[0]
    found = kernels.bend_forward(x, name, *arguments)[0]
    np.testing.assert_allclose(found, exact, rtol=1e-6)
    if name == "squareplus":
        np.testing.assert_allclose(exact, 4 / (2 * (np.sqrt(x.astype("f8") ** 2 + 4) - x.astype("f8"))), rtol=1e-12)


class TestSparsemax:
    def test_by_hand(self, rn):
        # (2, 1.5, 0): k = 2, τ = (3.5 - 1)/2 = 1.25
        x = np.array([[2.0, 1.5, 0.0], [1.0, 1.0, 1.0], [9.0, 0.0, 0.0]])
        np.testing.assert_allclose(rn.activations.sparsemax(x), [[0.75, 0.25, 0], [1 / 3] * 3, [1, 0, 0]], rtol=1e-12)
        dy = np.array([[1.0, 3.0, 10.0]] * 3)
        found = slope_of(rn, lambda x: rn.ops.sparsemax(x) * dy, x)
        # of those that stay, dy less its mean over them
        np.testing.assert_allclose(found, [[-1, 1, 0], [1 - 14 / 3, 3 - 14 / 3, 10 - 14 / 3], [0, 0, 0]], atol=1e-12)

    @pytest.mark.parametrize("axis", [0, 1, -1])
    def test_it_is_the_nearest_distribution(self, rn, axis):
        """What no small move along the simplex brings nearer."""
        x = np.random.default_rng(0).normal(size=(5, 6, 7)) * 2
        y = np.asarray(rn.ops.sparsemax(x, axis=axis))
        np.testing.assert_allclose(y.sum(axis=axis), 1, rtol=1e-12)
        assert (y >= 0).all() and (y == 0).any() and (y > 0).sum(axis=axis).max() > 1
        gap = np.moveaxis(x - y, axis, -1)                               # x - y is τ where y > 0, and at most τ elsewhere
        tau = np.max(gap, axis=-1, keepdims=True)
        assert np.allclose(gap[np.moveaxis(y, axis, -1) > 0], np.broadcast_to(tau, gap.shape)[np.moveaxis(y, axis, -1) > 0])

    def test_a_constant_on_all_changes_nothing(self, rn):
        x = np.array([[0.3, 0.1, -0.2]], "f4")
        np.testing.assert_allclose(rn.ops.sparsemax(x + np.float32(2**20)), rn.ops.sparsemax(x), atol=0.2)
        assert float(np.sum(rn.ops.sparsemax(x * 1e6 + np.float32(1e9)))) == 1


WRONG = [
    ("celu", (0.0,), "celu: `alpha` must be a finite number > 0. Received: alpha=0.0"),
    ("hard_shrink", (-1.0,), "`threshold` must be a finite number >= 0"),
    ("soft_shrink", ("a",), "threshold='a'"),
    ("squareplus", (-1,), "squareplus: `b`"),
    ("leaky_relu", (np.nan,), "negative_slope=nan"),
    ("threshold", (0.0, None), "default_value=None"),
    ("glu", (0,), r"glu: axis 0 of x, shape \(3, 4\), must have an even length"),
    ("glu", (2,), "glu: axis 2 is out of range"),
    ("sparsemax", (2,), "sparsemax: axis 2 is out of range"),
]


@pytest.mark.parametrize(("name", "arguments", "message"), WRONG)
def test_wrong_arguments(rn, name, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(rn.activations, name)(np.ones((3, 4)), *arguments)


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "celu"])
def test_a_parameter_may_be_an_array_and_learn(rn, name):
    """The same numbers and slopes as with a number; and a gradient for the parameter."""
    x, number = np.array([-2.0, -0.3, 0.0, 1.5]), 0.7
    function = getattr(rn.ops, name)
    expected, slope = function(x, number), slope_of(rn, lambda x: function(x, number), x)
    np.testing.assert_allclose(function(x, np.array([number])), expected, rtol=1e-12)
    np.testing.assert_allclose(slope_of(rn, lambda x: function(x, np.array([number])), x), slope, rtol=1e-12)
    h = 1e-6
    numeric = float((function(x, number + h) - function(x, number - h)).sum()) / (2 * h)
    assert float(slope_of(rn, lambda alpha: function(x, alpha), np.array(number))) == pytest.approx(numeric, rel=1e-6)


def test_other_parameters_are_numbers(rn):
    with rn.GradientTape(), pytest.raises(ValueError, match="soft_shrink: `threshold` is on the tape"):
        rn.ops.soft_shrink(np.ones(3), rn.Variable(np.array(0.3)))
    with pytest.raises(ValueError, match="soft_shrink: `threshold` must be a finite number >= 0"):
        rn.ops.soft_shrink(np.ones(3), np.ones(3))
    np.testing.assert_allclose(rn.ops.soft_shrink(np.ones(3), np.array(0.25)), 0.75)


@pytest.mark.parametrize("name", ["celu", "mish", "sparsemax", "soft_shrink", "squareplus", "hard_swish"])
def test_in_a_layer_and_in_its_configuration(rn, name):
    rn.utils.set_random_seed(0)
    model = rn.Sequential([rn.Input((3,)), rn.layers.Dense(4, activation=name)])
    twin = rn.Sequential.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("f4")
    np.testing.assert_array_equal(model.predict(x, verbose=0), twin.predict(x, verbose=0))


@pytest.mark.parametrize("name", ["celu", "mish", "sparsemax", "leaky_relu", "relu6", "log_sigmoid"])
def test_a_step_with_it_is_written_down(rn, name):
    x = np.random.default_rng(0).normal(size=(32, 3)).astype("f4")
    results = []
    for as_code in (False, True):
        rn.utils.set_random_seed(0)
        model = rn.Sequential([rn.layers.Dense(4, activation=name), rn.layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=as_code)
        model.fit(x, x[:, :1], batch_size=8, epochs=2, verbose=0)
        lines = []
        if not as_code:
            model.explain_step(lines.append)
            assert "written down" in lines[0].splitlines()[0]
        results.append(model.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_glu_halves_what_a_model_knows_of_its_shape(rn):
    inputs = rn.Input((6,))
    model = rn.Model(inputs, rn.layers.Dense(1)(rn.ops.glu(inputs)))
    assert model.layers[-1].kernel.shape == (3, 1) and model.predict(np.ones((2, 6), "f4"), verbose=0).shape == (2, 1)


# --- beside the real Keras ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "jax":
        pytest.skip("slopes are taken by JAX")
    return keras


def test_names_and_signatures(rn, keras):
    for name, theirs in vars(keras.activations).items():
        if not name.startswith("_") and callable(theirs):
            ours = getattr(rn.activations, name)
            if name not in ("get", "serialize", "deserialize"):
                wanted = [(p.name, p.default) for p in inspect.signature(theirs).parameters.values()]
                assert [(p.name, p.default) for p in inspect.signature(ours).parameters.values()] == wanted, name
                assert rn.activations.get(name).__name__ == ours.__name__ == theirs.__name__
                assert rn.activations.serialize(ours) == keras.activations.serialize(theirs)


ARGUMENTS = {"threshold": [(0.3, -1.0)], "elu": [(), (0.5,)], "celu": [(), (2.5,)], "leaky_relu": [(), (0.05,)],
             "squareplus": [(), (1,)], "hard_shrink": [(), (1.0,)], "soft_shrink": [(), (1.0,)],
             "gelu": [(), (True,)], "glu": [(), (0,)],
             "relu": [(), (0.1,),
                      (0.0, 6), (0.1, 6.0), (0.0, 5.0), (0.0, None, 0.5), (0.1, None, 0.5), (0.1, 5.0, 0.5)]}  # fmt: skip
CORNERS = np.array([-6, -3, -1, -0.5, 0, 0.3, 0.5, 1, 2, 3, 5, 5.5, 6, 7], "float32")


def test_numbers_and_slopes(rn, keras):
    import jax
    import jax.numpy as jnp

    x = np.random.default_rng(0).normal(size=(6, 14)).astype("float32") * 3
    x[1] = CORNERS
    for name in sorted(set(keras.activations.__dict__) - {"get", "serialize", "deserialize", "sparsemax"}):
        theirs = getattr(keras.activations, name)
        if name.startswith("_") or not callable(theirs):
            continue
        ours = getattr(rn.activations, name)
        for arguments in ARGUMENTS.get(name, [()]):
            expected = np.asarray(theirs(jnp.asarray(x), *arguments))
            tolerance = {"rtol": 3e-5, "atol": 3e-6, "err_msg": f"{name}{arguments}"}
            np.testing.assert_allclose(ours(x, *arguments), expected, **tolerance)
            r = np.random.default_rng(1).normal(size=expected.shape).astype("float32")
            slope = jax.grad(lambda x, f=theirs, a=arguments, r=r: jnp.sum(f(x, *a) * r))(jnp.asarray(x))
            found = slope_of(rn, lambda x, f=ours, a=arguments, r=r: f(x, *a) * r, x)
            np.testing.assert_allclose(found, np.asarray(slope), **tolerance)


def test_sparsemax_where_that_of_keras_is_one(rn, keras):
    """Keras 3.15.1 adds up all partial sums where the last one is meant: right where one entry is left, and nowhere else."""
    x = np.array([[1.0, 2.0, 3.5], [0.0, 5.0, 1.0]], "float32")
    np.testing.assert_allclose(rn.activations.sparsemax(x), np.asarray(keras.activations.sparsemax(x)), atol=1e-6)
    assert np.asarray(keras.activations.sparsemax(np.ones((1, 4), "float32"))).sum() != pytest.approx(1)
