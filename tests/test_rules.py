"""Rules that rewrite a written-down step: the same numbers, and only where nobody can tell."""

import numpy as np
import pytest

from refnet.models import rules


def stack(rn, *layers, shape=(8, 9, 2), units=2):
    model = rn.Sequential([rn.Input(shape), *layers, rn.layers.Flatten(), rn.layers.Dense(units)])
    model.compile(rn.optimizers.SGD(0.05), "mse")
    return model


def images(shape=(8, 9, 2), n=12):
    return np.random.default_rng(0).normal(size=(n, *shape)).astype("f4")


def train(model, x, epochs=5, **options):
    y = np.random.default_rng(1).normal(size=(len(x), 2)).astype("f4")
    history = model.fit(x, y, batch_size=4, epochs=epochs, verbose=0, **options).history
    for _ in range(2):
        prediction = model.predict(x, batch_size=4, verbose=0)
    return history["loss"], prediction, *model.get_weights()


def used(model, kind="train"):
    """The names of the rules that rewrote the steps of one kind."""
    plans = [entry.plan for key, entry in model._written._entries.items() if key[0] == kind and entry.plan is not None]
    return sorted({text.split(" x ")[0] for plan in plans for text in plan.rewritten})


def with_and_without(rn, make, x, monkeypatch, **options):
    """The results of training with the rules, and without; and the model that was rewritten."""
    rn.utils.set_random_seed(0)
    model = make()
    ours = train(model, x, **options)
    with monkeypatch.context() as patched:
        patched.setattr(rules, "RULES", ())
        rn.utils.set_random_seed(0)
        plain = make()
        theirs = train(plain, x, **options)
    assert used(plain) == []
    return model, ours, theirs


@pytest.mark.parametrize("activation", [None, "relu", "gelu"])
@pytest.mark.parametrize("units", [5, 1])
def test_rows_in_place(rn, monkeypatch, activation, units):
    def make():
        model = rn.Sequential([rn.Input((13,)), rn.layers.Dense(units, activation=activation), rn.layers.Dense(2)])
        model.compile("adam", "mse")
        return model

    model, ours, theirs = with_and_without(rn, make, images((13,)), monkeypatch)
    assert used(model) == (["rows_in_place"] if rn.__name__ == "refnet_fast" else [])
    for one, two in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, two)
    frozen = make()
    frozen.layers[0].trainable = False
    frozen.compile("adam", "mse")
    train(frozen, images((13,)))
    assert used(frozen) == used(model)


def test_rows_are_gathered_where_somebody_else_reads_the_batch(fast):
    x = fast.Input((13,))
    model = fast.Model(x, fast.layers.Dense(2)(x) + fast.layers.Dense(2)(x))
    model.compile("sgd", "mse")
    train(model, images((13,)))
    assert used(model) == []
    x = fast.Input((13,))
    model = fast.Model(x, fast.layers.Dense(2)(fast.layers.Dropout(0.1)(x)))
    model.compile("sgd", "mse")
    train(model, images((13,)))
    assert used(model) == []
    model = fast.Sequential([fast.Input((13,)), fast.layers.Dense(2)])
    model.compile("sgd", "mse")
    train(model, images((13,)), shuffle=False)
    assert used(model) == []


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
def test_conv_then_pool(rn, arguments, monkeypatch):
    def make():
        return stack(rn, rn.layers.Conv2D(4, 3, **{"activation": "relu", **arguments}), rn.layers.MaxPooling2D(2))

    model, ours, theirs = with_and_without(rn, make, images(), monkeypatch)
    expected = ["conv_then_pool"] if rn.__name__ == "refnet_fast" else []
    assert used(model) == used(model, "predict") == expected
    for one, two in zip(ours, theirs, strict=True):  # the sums of the kernel's gradient are added up in another order
        np.testing.assert_allclose(one, two, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("arguments", [{}, {"scale": False}, {"center": False}, {"axis": 1}])
def test_batch_norm_then_relu(rn, arguments, monkeypatch):
    def make():
        layers = rn.layers
        return stack(rn, layers.Conv2D(3, 3), layers.BatchNormalization(**arguments), layers.Activation("relu"))

    model, ours, theirs = with_and_without(rn, make, images() + 0.3, monkeypatch)
    applies = rn.__name__ == "refnet_fast" and "axis" not in arguments  # axis 1 is moved to the end and back
    assert used(model) == used(model, "predict") == (["batch_norm_then_relu"] if applies else [])
    for one, two in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, two)


def test_batch_norm_of_rows_then_relu(fast, monkeypatch):
    def make():
        model = fast.Sequential([
            fast.Input((13,)), fast.layers.Dense(6), fast.layers.BatchNormalization(), fast.layers.Activation("relu"),
            fast.layers.Dense(2),
        ])  # fmt: skip
        model.set_weights([np.random.default_rng(7).normal(size=w.shape).astype("f4") ** 2 for w in model.get_weights()])
        model.compile("sgd", "mse")
        return model

    model, ours, theirs = with_and_without(fast, make, images((13,)), monkeypatch)
    assert used(model) == ["batch_norm_then_relu", "rows_in_place"]
    for one, two in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, two)


def test_left_alone(fast):
    layers, pool = fast.layers, fast.layers.MaxPooling2D
    for chain in (
        (layers.Conv2D(4, 3, activation="gelu"), pool(2)),
        (layers.Conv2D(4, 3), pool(3)),
        (layers.Conv2D(4, 3), pool(2, strides=1)),
        (layers.Conv2D(4, 3), layers.AveragePooling2D(2)),
        (layers.Conv2D(4, 3, activity_regularizer="l2"), pool(2)),
        (layers.BatchNormalization(), layers.Activation("tanh")),
    ):
        model = stack(fast, *chain, shape=(9, 9, 8))
        train(model, images((9, 9, 8)))
        assert used(model) == [], chain


def test_somebody_else_reads_what_lies_between(fast):
    x = fast.Input((8, 9, 2))
    between = fast.layers.Conv2D(4, 3, name="between")(x)
    pooled = fast.layers.MaxPooling2D(2, name="pooled")(between)
    both = fast.Model(x, [between, pooled])
    for _ in range(5):
        a, b = both.predict(images(), verbose=0)
    assert a.shape == (12, 6, 7, 4) and b.shape == (12, 3, 3, 4)
    assert used(both, "predict") == []


def test_a_changed_attribute_is_noticed(fast):
    model = stack(fast, fast.layers.Conv2D(4, 3, activation="relu"), fast.layers.MaxPooling2D(2))
    x = images()
    for _ in range(5):
        before = model.predict_on_batch(x)
    assert used(model, "predict") == ["conv_then_pool"]
    model.layers[0].activation = fast.activations.get("linear")
    assert np.abs(model.predict_on_batch(x) - before).max() > 1e-3
    eager = model(x)
    for _ in range(4):
        np.testing.assert_allclose(model.predict_on_batch(x), eager, rtol=1e-6, atol=1e-6)


def test_errors_are_those_of_the_layers(fast):
    model = stack(fast, fast.layers.Conv2D(4, 3), fast.layers.MaxPooling2D(2), fast.layers.GlobalAveragePooling2D(),
                  shape=(None, None, 2))  # fmt: skip
    for _ in range(4):
        assert model.predict_on_batch(images((8, 8, 2))).shape == (12, 2)
    with pytest.raises(ValueError, match="MaxPooling2D.*the output would be empty: a pool of size"):
        model.predict_on_batch(images((3, 3, 2)))
