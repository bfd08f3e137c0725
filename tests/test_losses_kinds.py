"""Every kind of loss: hand-worked numbers, kinks, edges, wrong arguments, and the step that is written down."""

import numpy as np
import pytest
from losses_grid import GRID, data


def row(*values, dtype="float64"):
    return np.array([values], dtype)


# --- by hand -----------------------------------------------------------------------------------------------------------

BY_HAND = [
    ("Huber", {}, row(0, 0), row(0.5, 3), (0.125 + 2.5) / 2),
    ("Huber", {"delta": 2.0}, row(0, 0), row(0.5, 3), (0.125 + 4.0) / 2),
    ("LogCosh", {}, row(1, 1), row(1, 3), np.log(np.cosh(2)) / 2),
    ("MeanAbsolutePercentageError", {}, row(2, -4), row(3, -1), (50 + 75) / 2),
    ("MeanSquaredLogarithmicError", {}, row(np.e - 1, 0), row(np.e**3 - 1, -5), 2.0),
    ("KLDivergence", {}, row(0.5, 0.5), row(0.25, 0.75), 0.5 * np.log(2) + 0.5 * np.log(2 / 3)),
    ("Poisson", {}, row(3, 0), row(2, 1), (2 - 3 * np.log(2) + 1) / 2),
    ("Hinge", {}, row(1, -1), row(0.5, 2), (0.5 + 3) / 2),
    ("Hinge", {}, row(1, 0), row(0.5, 2), (0.5 + 3) / 2),
    ("SquaredHinge", {}, row(1, -1), row(0.5, 2), (0.25 + 9) / 2),
    ("CategoricalHinge", {}, row(1, 0, 0), row(2, 1.5, -1), 0.5),
    ("BinaryFocalCrossentropy", {}, row(1, 0), row(0.9, 0.5), (0.01 * -np.log(0.9) + 0.25 * np.log(2)) / 2),
    ("BinaryFocalCrossentropy", {"gamma": 0.0}, row(1, 0), row(0.9, 0.5), (-np.log(0.9) + np.log(2)) / 2),
    ("CategoricalFocalCrossentropy", {"alpha": [0.5, 2.0]}, row(0, 1), row(0.2, 0.8), 2 * 0.04 * -np.log(0.8)),
    ("CategoricalGeneralizedCrossEntropy", {}, np.array([1]), row(0.75, 0.25), (1 - 0.5) / 0.5),
    ("Dice", {}, row(1, 1, 0), row(1, 0, 1), 1 - 2 / 4),
    ("Tversky", {"alpha": 0.2, "beta": 0.8}, row(1, 1, 0), row(1, 0, 1), 1 - 1 / 2),
    ("CosineSimilarity", {}, row(3, 4), row(4, 3), -24 / 25),
]


@pytest.mark.parametrize(("name", "arguments", "t", "y", "expected"), BY_HAND, ids=lambda v: v if isinstance(v, str) else "")
def test_by_hand(rn, name, arguments, t, y, expected):
    assert float(getattr(rn.losses, name)(**arguments)(t, y)) == pytest.approx(expected, rel=1e-6)


def test_circle_by_hand(rn):
    """Two samples of one label at a right angle, one of another label opposite the first."""
    y, labels = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), np.array([0, 0, 1])
    # sample 0: its partner is 1 away (pull γ (1 + m)(1 - m)), the other 2 (pushed by 0, as 1 + m - 2 < 0): log(1 + e^pull)
    gamma, margin = 2.0, 0.4
    pull = gamma * (1 + margin) * (1 - margin)
    push = gamma * margin * -margin  # sample 1: the other is 1 away
    expected = [np.log1p(np.exp(pull)), np.log1p(np.exp(pull + push)), 0.0]
    np.testing.assert_allclose(rn.losses.circle(labels, y, gamma=gamma, margin=margin), expected, rtol=1e-9)
    loss = rn.losses.Circle(gamma, margin)
    assert float(loss(labels, y)) == pytest.approx(np.sum(expected) / 2)  # the third, which is 0, does not count
    np.testing.assert_allclose(rn.losses.circle(labels[:, None], y, gamma=gamma, margin=margin), expected, rtol=1e-9)
    apart = rn.losses.circle(labels, y, labels, y, remove_diagonal=True, gamma=gamma, margin=margin)
    np.testing.assert_allclose(apart, expected, rtol=1e-9)


# --- kinks and numerics -----------------------------------------------------------------------------------------------

KINKS = [  # kernel, arguments, y, t, slope with respect to y (of a mean: times 1/C), to t
    ("distance", ("huber", 1.0), row(1, -1, 0), row(0, 0, 0), row(1, -1, 0) / 3, row(-1, 1, 0) / 3),
    ("distance", ("logarithmic", 0.5), row(0.5), row(2.0), row(np.log(1.5 / 3) / 1.5), row(-2 * np.log(1.5 / 3) / 3)),
    ("distance", ("percentage", 0.5), row(1.0), row(0.5), row(200.0), row(-200.0 - 0.5 * 200)),
    ("distance", ("percentage", 0.5), row(1.0), row(1.0), row(0.0), row(0.0)),
    ("divergence", ("kl", 0.1), row(0.1, 1.0, 0.05, 2.0), row(0.5, 0.5, 0.5, 0.5), row(-2.5, -0.25, 0, 0), None),
    ("margin", ("hinge",), row(1, -2), row(1, -0.5), row(-0.25, 0.125), row(-0.25, 0.5)),
    ("margin", ("squared_hinge",), row(1.0), row(1.0), row(0.0), row(0.0)),
    ("categorical_hinge", (), row(0.5, 0.5, -0.5), row(0, 0, 1), row(0.5, 0.5, -1), row(-0.75, -0.75, 0.5)),
    ("categorical_hinge", (), row(0.0, 1.0), row(0, 1), row(0.25, -0.5), row(0.0, -0.75)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kernel", "arguments", "y", "t", "dy", "dt"), KINKS)
def test_kinks(kernels, kernel, arguments, y, t, dy, dt, dtype):
    l, saved = getattr(kernels, f"{kernel}_forward")(y.astype(dtype), t.astype(dtype), *arguments)
    found = getattr(kernels, f"{kernel}_backward")(np.ones_like(l), saved)
    tolerance = {"rtol": 1e-6 if dtype == "float32" else 1e-12, "atol": 1e-7}
    np.testing.assert_allclose(found[0], dy, **tolerance)
    if dt is not None:
        np.testing.assert_allclose(found[1], dt, **tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [1, 3, 16, 37])
def test_targets_of_0_and_1_are_signs_only_if_all_are(kernels, columns, dtype):
    rng = np.random.default_rng(columns)
    y, bits = rng.normal(size=(5, columns)).astype(dtype), rng.integers(0, 2, (5, columns)).astype(dtype)
    found = kernels.margin_forward(y, bits, "hinge")
    np.testing.assert_array_equal(found[0], kernels.margin_forward(y, 2 * bits - 1, "hinge")[0])
    dl = np.ones(5, dtype)
    by_sign = kernels.margin_backward(dl, kernels.margin_forward(y, 2 * bits - 1, "hinge")[1])
    dy, dt = kernels.margin_backward(dl, found[1])
    np.testing.assert_array_equal(dy, by_sign[0])
    np.testing.assert_array_equal(dt, 2 * by_sign[1])
    for last in (0.5, -1.0, np.nan):
        bits[-1, -1] = last
        other, _ = kernels.margin_forward(y, bits, "hinge")
        np.testing.assert_allclose(other[:-1], np.maximum(1 - bits * y, 0)[:-1].mean(axis=1), rtol=1e-5)


def test_log_cosh_of_small_errors_keeps_its_digits(kernels):
    """e²/2, where log(1 + exp(-2e)) + e - log 2 has none left in float32."""
    for e in (1e-6, 1e-4, 1e-2, 0.5, 0.999, 1.0, 1.001, 3.0, 50.0, 3e38):
        found = kernels.distance_forward(row(e, dtype="float32"), row(0, dtype="float32"), "log_cosh")[0][0]
        e = float(np.float32(e))
        exact = e - np.log(2) + np.log1p(np.exp(-2 * e)) if e > 1e-2 else e * e / 2 - e**4 / 12
        assert found == pytest.approx(exact, rel=3e-7)


def test_huber_squares_no_large_number(kernels):
    l, saved = kernels.distance_forward(row(1e30, -3e38, dtype="float32"), row(0, 0, dtype="float32"), "huber", 1.0)
    assert np.isfinite(l).all()
    np.testing.assert_array_equal(kernels.distance_backward(np.ones(1, "f4"), saved)[0], [[0.5, -0.5]])


@pytest.mark.parametrize(("kernel", "arguments"), [
    *((("distance", (name, 0.5))) for name in ("huber", "log_cosh", "logarithmic", "percentage")),
    ("divergence", ("kl",)), ("divergence", ("poisson",)), ("margin", ("hinge",)), ("margin", ("squared_hinge",)),
    ("categorical_hinge", ())])  # fmt: skip
@pytest.mark.parametrize("columns", [1, 3, 40])
def test_nan_survives(kernels, kernel, arguments, columns):
    for place in range(2):
        pair = [np.full((3, columns), 0.5, "f4"), np.full((3, columns), 0.25, "f4")]
        pair[place][1, -1] = np.nan
        l, saved = getattr(kernels, f"{kernel}_forward")(*pair, *arguments)
        assert np.isnan(l).tolist() == [False, True, False]
        dy, _ = getattr(kernels, f"{kernel}_backward")(np.ones(3, "f4"), saved)
        assert np.isfinite(dy[[0, 2]]).all()


@pytest.mark.parametrize("kernel", ["distance", "divergence", "margin"])
def test_unknown_names_of_kernels(kernels, kernel):
    with pytest.raises(ValueError, match=f"Unknown {kernel} 'nonsense'; the kernels know"):
        getattr(kernels, f"{kernel}_forward")(np.ones((2, 2)), np.ones((2, 2)), "nonsense")


def test_both_sides_are_differentiable(rn):
    """A divergence between two networks' outputs teaches both."""
    a, b = rn.Variable(row(0.2, 0.8)), rn.Variable(row(0.5, 0.5))
    with rn.GradientTape() as tape:
        loss = rn.ops.sum(rn.losses.kl_divergence(a, b))
    da, db = tape.gradient(loss, [a, b])
    np.testing.assert_allclose(da, row(np.log(0.4) + 1, np.log(1.6) + 1), rtol=1e-6)
    np.testing.assert_allclose(db, row(-0.4, -1.6), rtol=1e-6)


def test_a_new_epsilon_is_heard(rn):
    from refnet import config

    t, y = row(0.0), row(1.0)
    before = config.epsilon()
    try:
        config.set_epsilon(1e-3)
        assert float(rn.losses.MeanAbsolutePercentageError()(t, y)) == pytest.approx(1e5)
    finally:
        config.set_epsilon(before)


# --- wrong arguments ------------------------------------------------------------------------------------------------------

WRONG = [
    ("Huber", {"delta": 0}, r"Huber: `delta` must be a finite number > 0. Received: delta=0"),
    ("Huber", {"delta": -1.0}, r"delta=-1.0"),
    ("Huber", {"delta": "1"}, r"delta='1'"),
    ("Huber", {"reduction": "average"}, r"Huber received reduction='average'. Expected one of 'sum_over_batch_size', 'sum'"),
    ("BinaryFocalCrossentropy", {"gamma": -1}, r"BinaryFocalCrossentropy: `gamma` must be a finite number >= 0"),
    ("BinaryFocalCrossentropy", {"alpha": 1.5}, r"`alpha` must be a number in \[0, 1\]"),
    ("BinaryFocalCrossentropy", {"label_smoothing": -0.1}, r"label_smoothing"),
    ("CategoricalFocalCrossentropy", {"alpha": [0.5, -1]}, r"`alpha` must be a finite number >= 0. Received: alpha=-1"),
    ("CategoricalFocalCrossentropy", {"alpha": [[0.5]]}, r"a list of one for each class"),
    ("CategoricalFocalCrossentropy", {"gamma": float("nan")}, r"gamma"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 1.0}, r"`q` must be a number in \(0, 1\)"),
    ("Tversky", {"alpha": -0.5}, r"Tversky: `alpha`"),
    ("Tversky", {"beta": -0.5}, r"Tversky: `beta`"),
    ("Circle", {"gamma": 0}, r"Circle: `gamma`"),
    ("Circle", {"margin": 2}, r"Circle: `margin` must be a number in \[0, 1\]"),
]


@pytest.mark.parametrize(("name", "arguments", "message"), WRONG)
def test_wrong_arguments(rn, name, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(rn.losses, name)(**arguments)


@pytest.mark.parametrize(
    "name", ["BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy", "BinaryFocalCrossentropy",
             "CategoricalFocalCrossentropy", "CosineSimilarity"])  # fmt: skip
def test_a_wrong_axis(rn, name):
    t = np.array([0, 1]) if name.startswith("Sparse") else np.eye(2, 3)
    with pytest.raises(ValueError, match=r"axis=2 is out of range for an output of shape \(2, 3\). Pass an axis from -2 to 1"):
        getattr(rn.losses, name)(axis=2)(t, np.full((2, 3), 0.3))
    with pytest.raises(ValueError, match="`axis` must be an integer. Received: axis=1.5"):
        getattr(rn.losses, name)(axis=1.5)(t, np.full((2, 3), 0.3))


@pytest.mark.parametrize("name", ["Dice", "Tversky"])
def test_a_wrong_axis_of_areas(rn, name):
    with pytest.raises(ValueError, match=f"{name.lower()}: axis 2 is out of range for an array with 2 axes"):
        getattr(rn.losses, name)(axis=(0, 2))(np.ones((2, 3)), np.ones((2, 3)))


@pytest.mark.parametrize("name", ["MeanSquaredError", "Huber", "CategoricalCrossentropy", "CategoricalHinge", "KLDivergence",
                                  "BinaryFocalCrossentropy", "CosineSimilarity", "Dice"])  # fmt: skip
@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 10)])
def test_a_flatten_that_is_missing(rn, name, shape):
    with pytest.raises(ValueError, match=r"\(4, 28, 10\).*2 axes beside that of the samples: put a Flatten layer"):
        getattr(rn.losses, name)()(np.ones(shape), np.ones((4, 28, 10)))


def test_targets_of_every_position_without_their_axis(rn):
    with pytest.raises(ValueError, match=r"\(4, 28\).*\(4, 28, 10\).*give the last layer 1 unit"):
        rn.losses.Huber()(np.ones((4, 28)), np.ones((4, 28, 10)))
    with pytest.raises(ValueError, match=r"to_categorical\(y, num_classes=10\)"):
        rn.losses.CategoricalFocalCrossentropy()(np.ones((4, 28)), np.ones((4, 28, 10)))


def test_labels_and_classes(rn):
    p = np.full((3, 4), 0.25)
    with pytest.raises(ValueError, match="label 4 at position 1 is out of range for 4 classes: .* integers from 0 to 3"):
        rn.losses.CategoricalGeneralizedCrossEntropy()([0, 4, 1], p)
    with pytest.raises(ValueError, match="label -1 at position 2"):
        rn.losses.CategoricalGeneralizedCrossEntropy()([0, 3, -1], p)
    with pytest.raises(ValueError, match="single class.*loss='binary_focal_crossentropy'"):
        rn.losses.CategoricalFocalCrossentropy()(np.ones((3, 1)), np.ones((3, 1)))
    with pytest.raises(ValueError, match="`alpha` has 2 weights, but there are 4 classes"):
        rn.losses.CategoricalFocalCrossentropy(alpha=[1, 2])(np.eye(3, 4), p)
    with pytest.raises(ValueError, match=r"circle: y_true has shape \(3, 4\).*np.argmax"):
        rn.losses.Circle()(np.eye(3, 4), p)
    with pytest.raises(ValueError, match=r"embeddings must be \(N, D\)"):
        rn.losses.Circle()(np.array([0, 1]), p)


# --- configuration and steps -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "arguments"), [(name, arguments) for name, arguments, _, _ in GRID])
def test_get_serialize_deserialize(rn, name, arguments):
    loss = getattr(rn.losses, name)(**arguments, reduction="sum", name="mine")
    twin = rn.losses.deserialize(rn.losses.serialize(loss))
    assert type(twin) is type(loss) and twin.get_config() == loss.get_config()
    assert (twin.name, twin.reduction) == ("mine", "sum")
    assert all(getattr(loss, argument) == value for argument, value in arguments.items())


def test_arguments_that_keras_does_not_save_are_saved_where_they_matter(rn):
    assert rn.losses.Huber().get_config() == {"name": "huber_loss", "reduction": "sum_over_batch_size"}
    assert rn.losses.Huber(2.0).get_config()["delta"] == 2.0
    assert "axis" not in rn.losses.SparseCategoricalCrossentropy().get_config()
    assert rn.losses.SparseCategoricalCrossentropy(axis=1).get_config()["axis"] == 1


@pytest.mark.parametrize("short", ["bce", "kld", "mae", "mape", "mse", "msle"])
def test_short_names(rn, short):
    assert rn.losses.get(short) is rn.losses.get(short.upper()) is not None


TRAINED = [case for case in GRID if not case[2].endswith("_3d") and case[1].get("axis", -1) != 0]
ACTIVATION = {"probabilities": "softmax", "parts": "sigmoid", "positive": "softplus"}


@pytest.mark.parametrize(("name", "arguments", "target", "prediction"), TRAINED)
def test_a_step_with_it_is_written_down(rn, name, arguments, target, prediction):
    """And gives the same bits as the code."""
    arrays, x = data(48), np.random.default_rng(1).normal(size=(48, 5)).astype("float32")
    weights = np.random.default_rng(2).uniform(0.5, 2, 48).astype("float32")
    for reduction, sample_weight in (("sum_over_batch_size", None), ("mean_with_sample_weight", weights)):
        results = []
        for as_code in (False, True):
            rn.utils.set_random_seed(1)
            layers = [rn.layers.Dense(4, activation=ACTIVATION.get(prediction))]
            layers += [rn.layers.UnitNormalization()] if prediction == "directions" else []
            model = rn.Sequential(layers)
            loss = getattr(rn.losses, name)(**arguments, reduction=reduction)
            model.compile(rn.optimizers.SGD(0.001), loss, run_eagerly=as_code)
            history = model.fit(x, arrays[target], sample_weight=sample_weight, batch_size=16, epochs=2, verbose=0).history
            history["test"] = [model.evaluate(x, arrays[target], batch_size=16, verbose=0) for _ in range(2)]
            if not as_code:
                lines = []
                model.explain_step(lines.append)
                heads = [line for line in "\n".join(lines).splitlines() if line and not line.startswith(" ")]
                assert len(heads) >= 2 and all("written down" in line for line in heads), heads
            results.append((history, model.get_weights()))
        assert results[0][0] == results[1][0] and np.isfinite(results[0][0]["loss"]).all()
        for a, b in zip(results[0][1], results[1][1], strict=True):
            np.testing.assert_array_equal(a, b)
