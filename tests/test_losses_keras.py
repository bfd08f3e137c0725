"""Losses against the real Keras (on JAX) and the real torch: numbers, gradients, reductions, weights, masks, configurations."""

import os

import numpy as np
import pytest
from losses_grid import GRID, data

from refnet import autodiff

REDUCTIONS = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None]
IDS = [f"{name}-{'-'.join(f'{k}={v}' for k, v in arguments.items())}-{t}" for name, arguments, t, _ in GRID]
ALL = pytest.mark.parametrize(("name", "arguments", "target", "prediction"), GRID, ids=IDS)
ARRAYS = data()


@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "jax":
        pytest.skip("gradients are taken by JAX")
    return keras


def jax_gradient(function, y):
    import jax
    import jax.numpy as jnp

    return np.asarray(jax.grad(lambda y: jnp.sum(function(y)))(jnp.asarray(y)))


def our_gradient(rn, function, y):
    variable = rn.Variable(y)
    with rn.GradientTape() as tape:
        total = rn.ops.sum(function(variable))
    return np.asarray(tape.gradient(total, variable))


def weights_for(keras, name, arguments, t, y):
    """One weight for each sample, in the rank that Keras wants: that of the values."""
    shape = np.shape(getattr(keras.losses, name)(**arguments, reduction=None)(t, y)) or (len(y),)
    return np.linspace(0.5, 2, shape[0]).astype("float32").reshape((-1,) + (1,) * (len(shape) - 1))


@ALL
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_numbers_and_gradients(rn, keras, name, arguments, target, prediction, reduction, weighted):
    t, y = ARRAYS[target], ARRAYS[prediction]
    w = weights_for(keras, name, arguments, t, y) if weighted else None
    ours = getattr(rn.losses, name)(**arguments, reduction=reduction)
    theirs = getattr(keras.losses, name)(**arguments, reduction=reduction)
    expected = np.asarray(theirs(t, y, w))
    found = np.asarray(ours(t, y, w))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6 * np.abs(expected).max())
    expected = jax_gradient(lambda y: theirs(t, y, w), y)
    np.testing.assert_allclose(
        our_gradient(rn, lambda y: ours(t, y, w), y), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max()
    )


@ALL
def test_configurations_go_both_ways(rn, keras, name, arguments, target, prediction):
    ours = getattr(rn.losses, name)(**arguments, reduction="sum")
    theirs = getattr(keras.losses, name)(**arguments, reduction="sum")
    config, unsaved = ours.get_config(), {"Huber": "delta", "CosineSimilarity": "axis"}.get(name)
    if unsaved in arguments:  # Keras forgets it; ours does not
        assert config.pop(unsaved) == arguments[unsaved]
    assert config == theirs.get_config()
    t, y = ARRAYS[target], ARRAYS[prediction]
    expected = float(theirs(t, y))
    there = getattr(keras.losses, name).from_config(ours.get_config())
    back = rn.losses.deserialize(rn.losses.serialize(ours))
    read = rn.losses.deserialize(keras.losses.serialize(there))  # as a file of Keras has it
    assert float(there(t, y)) == pytest.approx(expected, rel=1e-6) and type(back) is type(ours) is type(read)
    assert float(back(t, y)) == pytest.approx(expected, rel=1e-5)
    if unsaved not in arguments:
        assert float(read(t, y)) == pytest.approx(expected, rel=1e-5)


def test_names_and_aliases(rn, keras):
    from keras.src.losses import ALL_OBJECTS_DICT

    absent = {"CTC", "ctc"}
    for name, theirs in ALL_OBJECTS_DICT.items():
        if name in absent or name in ("Loss", "LossFunctionWrapper"):
            continue
        found = rn.losses.get(name)
        assert (found if hasattr(found, "__name__") else type(found)).__name__ == theirs.__name__, name
    function = keras.losses.serialize(keras.losses.kl_divergence)
    assert rn.losses.deserialize(function).__name__ == rn.losses.get(function).__name__ == "kl_divergence"


def test_signatures(rn, keras):
    import inspect

    for name in keras.losses.__dict__:
        if name.startswith("_") or name in ("CTC", "ctc", "get", "serialize", "deserialize"):
            continue
        theirs, ours = getattr(keras.losses, name), getattr(rn.losses, name)
        if inspect.isclass(theirs) or inspect.isfunction(theirs):
            wanted = [(p.name, p.default) for p in inspect.signature(theirs).parameters.values()]
            assert [(p.name, p.default) for p in inspect.signature(ours).parameters.values()] == wanted, name


def row(*values):
    return np.array([values], "float32")


EPSILON = np.float32(1e-7)
EDGES = {
    "kl-limits": ("kl_divergence", {}, row(0.5, 0.2, 0.3, 0.4), row(1, EPSILON, 0, 2)),
    "kl-zeros": ("kl_divergence", {}, row(0, 1, 0, 0), row(0, 1, 0, 0)),
    "kl-missed": ("kl_divergence", {}, row(0, 1, 0), row(0.2, 0, 0.8)),
    "msle-negative": ("mean_squared_logarithmic_error", {}, row(1, 1, 1, 1, -5), row(EPSILON, 0, -3, 1, 2)),
    "mape-small": ("mean_absolute_percentage_error", {}, row(0, 1e-8, 2, -3), row(1, 1, -2, 2)),
    "poisson-zero": ("poisson", {}, row(0, 1, 2, 3), row(0, 0, 1, 2)),
    "hinge-kinks": ("hinge", {}, row(1, -1, 1, 1), row(1, -1, 2, 0)),
    "hinge-bits": ("hinge", {}, row(1, 0, 1, 1), row(1, -1, 2, 0)),
    "hinge-ones": ("hinge", {}, row(1, 1, 1), row(0.5, 2, -1)),
    "hinge-zeros": ("hinge", {}, row(0, 0, 0), row(0.5, 2, -1)),
    "squared_hinge-kinks": ("squared_hinge", {}, row(1, -1, 1, 1), row(1, -1, 2, 0)),
    "categorical_hinge-kink": ("categorical_hinge", {}, row(0, 1, 0), row(0.5, 1.5, 0.5)),
    "categorical_hinge-tie": ("categorical_hinge", {}, row(0, 1, 0), row(0.5, 1.2, 0.5)),
    "categorical_hinge-own": ("categorical_hinge", {}, row(0, 1, 0), row(-0.5, 0.2, -0.1)),
    "huber-kinks": ("huber", {}, row(0, 0, 0, 0, 0), row(1, -1, 0, 5, 1e30)),
    "log_cosh-large": ("log_cosh", {}, row(0, 0, 0, 0), row(0, 100, -100, 1e30)),
    "focal-certain": ("binary_focal_crossentropy", {}, row(1, 1, 0, 0), row(0, 1, 0, 1)),
    "focal-logits": ("binary_focal_crossentropy", {"from_logits": True}, row(1, 1, 0, 0), row(100, -100, 100, -100)),
    "categorical_focal-certain": ("categorical_focal_crossentropy", {}, row(1, 0, 0), row(1, 0, 0)),
    "categorical_focal-logits": ("categorical_focal_crossentropy", {"from_logits": True}, row(1, 0, 0), row(200, 0, 0)),
    "binary-huge": ("binary_crossentropy", {"from_logits": True}, row(1, 0, 1, 0), row(1e4, 1e4, -1e4, -1e4)),
    "categorical-huge": ("categorical_crossentropy", {"from_logits": True}, row(1, 0), row(-1e4, 1e4)),
    "cosine-zero-target": ("cosine_similarity", {}, row(0, 0), row(1, 1)),
    "cosine-small": ("cosine_similarity", {}, row(1, 1), row(1e-9, 0)),
    "dice-empty": ("dice", {}, row(0, 0), row(0, 0)),
    "tversky-empty": ("tversky", {}, row(0, 0), row(0, 0)),
    "dice-perfect": ("dice", {}, row(1, 0), row(1, 0)),
    "circle-one-class": ("circle", {}, np.zeros(7, int), ARRAYS["directions"]),
    "circle-no-pairs": ("circle", {}, np.arange(7), ARRAYS["directions"]),
}  # fmt: skip


@pytest.mark.parametrize("case", EDGES)
def test_edges(rn, keras, case):
    """Probabilities 0 and 1, huge numbers, kinks: what Keras gives on JAX."""
    name, arguments, t, y = EDGES[case]
    ours, theirs = getattr(rn.losses, name), getattr(keras.losses, name)
    np.testing.assert_allclose(ours(t, y, **arguments), np.asarray(theirs(t, y, **arguments)), rtol=1e-5, atol=2e-7)
    expected = jax_gradient(lambda y: theirs(t, y, **arguments), y)
    np.testing.assert_allclose(our_gradient(rn, lambda y: ours(t, y, **arguments), y), expected, rtol=1e-5, atol=1e-7)


NOT_FINITE = {
    "focal-gamma-0": ("binary_focal_crossentropy", {"gamma": 0.0}, row(1, 0), row(1, 0)),
    "focal-gamma-half": ("binary_focal_crossentropy", {"gamma": 0.5}, row(1, 0), row(1, 0)),
    "cosine": ("cosine_similarity", {}, row(1, 0), row(0, 0)),
    "generalized": ("categorical_generalized_cross_entropy", {"q": 0.5}, np.array([0]), row(0, 1)),
}


@pytest.mark.parametrize("case", NOT_FINITE)
def test_gradients_are_finite_where_those_of_keras_are_not(rn, keras, case):
    name, arguments, t, y = NOT_FINITE[case]
    ours, theirs = getattr(rn.losses, name), getattr(keras.losses, name)
    np.testing.assert_allclose(ours(t, y, **arguments), np.asarray(theirs(t, y, **arguments)), rtol=1e-5, atol=1e-7)
    assert not np.isfinite(jax_gradient(lambda y: theirs(t, y, **arguments), y)).all()
    assert np.isfinite(our_gradient(rn, lambda y: ours(t, y, **arguments), y)).all()


ELEMENTWISE = ["MeanSquaredError", "Huber", "KLDivergence", "Hinge", "BinaryFocalCrossentropy", "Dice"]


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight", None])
def test_types_of_targets_and_shapes_of_weights(rn, keras, name, reduction):
    t, y = np.array([1, 0, 1]), np.array([0.2, 0.4, 0.9], "float32")
    column = t[:, None]
    ours, theirs = (getattr(module.losses, name)(reduction=reduction) for module in (rn, keras))
    for target in (t, column, column.astype(bool), column.astype("float64"), column.astype("int8"), column.tolist()):
        for prediction in (y[:, None], y[:, None].tolist(), y) if target is not t else (y[:, None], y):
            for weights in (np.array([1.0, 0.0, 2.0]), np.array([[1.0], [0.0], [2.0]], "float32"), np.zeros(3)):
                arrays = np.asarray(target), np.asarray(prediction, "float32")  # Keras takes lists for structures
                expected = np.asarray(theirs(*arrays, weights))
                found = np.asarray(ours(target, prediction, weights))
                assert found.shape == expected.shape and found.dtype == np.float32
                np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("nothing", [False, True])
@pytest.mark.parametrize(
    "name", ["Huber", "KLDivergence", "Hinge", "CategoricalHinge", "BinaryFocalCrossentropy", "CategoricalFocalCrossentropy",
             "CosineSimilarity", "Dice", "Tversky"])  # fmt: skip
def test_masks(rn, keras, name, nothing):
    """A mask beside the predictions, one that lets nothing count among them."""
    rng = np.random.default_rng(0)
    y, t = rng.uniform(0.1, 0.9, (2, 3, 4)).astype("float32"), rng.integers(0, 2, (2, 3, 4)).astype("float32")
    mask = np.array([[True, True, False], [False, False, not nothing]]) & (not nothing)
    theirs_y = keras.ops.convert_to_tensor(y)
    keras.src.backend.set_keras_mask(theirs_y, keras.ops.convert_to_tensor(mask))
    for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight", None):
        for weights in (None, np.arange(1.0, 7.0).reshape(2, 3), np.array([[1.0], [2.0]])):
            ours, theirs = (getattr(module.losses, name)(reduction=reduction) for module in (rn, keras))
            expected = np.asarray(theirs(t, theirs_y, weights))
            found = np.asarray(ours(t, autodiff.with_mask(y, mask), weights))
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_torch_has_the_same_losses(rn):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    t, y = ARRAYS["numbers"].astype("float64"), ARRAYS["scores"].astype("float64")
    soft, p, bits = (ARRAYS[k].astype("float64") for k in ("soft", "probabilities", "bits"))
    soft, p = np.clip(soft, 1e-6, 1), np.clip(p, 1e-6, 1)
    cases = [
        (rn.losses.Huber(0.7), t, y, lambda y, t: functional.huber_loss(y, t, delta=0.7)),
        (rn.losses.KLDivergence(), soft, p, lambda y, t: functional.kl_div(torch.log(y), t, reduction="batchmean")),
        (rn.losses.Poisson(), np.abs(t), np.abs(y) + 0.1,
         lambda y, t: functional.poisson_nll_loss(y, t, log_input=False, eps=1e-7)),
        (rn.losses.CosineSimilarity(), t, y, lambda y, t: -functional.cosine_similarity(y, t).mean()),
        (rn.losses.Hinge(), 2 * bits - 1, y, lambda y, t: torch.clamp(1 - t * y, min=0).mean()),
    ]  # fmt: skip
    for ours, t, y, theirs in cases:
        prediction = torch.tensor(y, requires_grad=True)
        expected = theirs(prediction, torch.tensor(t))
        expected.backward()
        np.testing.assert_allclose(float(ours(t, y)), expected.item(), rtol=1e-9)
        np.testing.assert_allclose(
            our_gradient(rn, lambda y, ours=ours, t=t: ours(t, y), y), prediction.grad.numpy(), rtol=1e-9, atol=1e-12
        )
