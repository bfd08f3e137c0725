"""Activation, merging, reshaping and function layers: Keras' numbers, configurations and masks; errors; whole programs."""
import json
from pathlib import Path

import layer_grid
import numpy as np
import pytest

import refnet

GOLDEN = Path(__file__).parent / "golden" / "layer_grid_keras.npz"


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def test_same_as_keras(rn, golden):
    texts, seen = json.loads(str(golden["texts"])), 1
    for key, layer, outputs in layer_grid.results(rn):
        for number, output in enumerate(outputs):
            want = golden[f"{key}/{number}"]
            assert output.shape == want.shape and output.dtype == want.dtype, key
            np.testing.assert_allclose(output, want, rtol=2e-5, atol=2e-6, err_msg=key)
            seen += 1
        if key in texts:
            theirs = texts[key]
            assert [w.path for w in layer.weights] == theirs["weights"], key
            ours = json.loads(json.dumps(rn.layers.serialize(layer)))
            for config in (ours, theirs["layer"]):
                config["config"].pop("dtype")
                config.pop("build_config", None)
            assert ours == theirs["layer"], key
            again = rn.layers.deserialize(theirs["layer"])
            assert type(again) is type(layer) and rn.layers.serialize(again)["config"] == {
                **rn.layers.serialize(layer)["config"], **{k: v for k, v in again.get_config().items() if isinstance(v, list)}}, key
    assert seen == len(golden)


@pytest.mark.parametrize("number", range(len(layer_grid.CASES)))
def test_shapes_symbolic_inputs_and_gradients(rn, number):
    name, arguments, inputs = layer_grid.CASES[number]
    several = isinstance(inputs, list)
    layer = getattr(rn.layers, name)(**arguments)
    shapes = [x.shape for x in inputs] if several else inputs.shape
    unknown = [(None, *s[1:]) for s in shapes] if several else (None, *shapes[1:])
    kind = str(inputs.dtype) if not several else "float32"
    symbols = [rn.Input(s[1:]) for s in shapes] if several else rn.Input(shapes[1:], dtype=kind)
    y = layer(symbols)
    assert y.shape == layer.compute_output_shape(unknown) == (None, *np.shape(layer(inputs))[1:])
    model = rn.Model(symbols, y)
    np.testing.assert_allclose(model.predict(inputs, verbose=0), layer(inputs), rtol=1e-6)
    again = rn.models.model_from_json(model.to_json())
    np.testing.assert_allclose(again.predict(inputs, verbose=0), layer(inputs), rtol=1e-6)
    if kind == "float32" and name not in ("Masking", "Maximum", "Minimum"):
        double = getattr(rn.layers, name)(**arguments, dtype="float64")
        x = [np.asarray(i, "float64") for i in inputs] if several else np.asarray(inputs, "float64")
        assert refnet.gradcheck.check(double, x).passed


def test_masks_of_the_eager_kind(rn):
    masked = rn.layers.Masking()(layer_grid.STEPS)
    mask = refnet.autodiff.mask_of(masked)
    np.testing.assert_array_equal(mask, np.any(layer_grid.STEPS != 0, axis=-1))
    for layer in (rn.layers.ReLU(), rn.layers.Identity(), rn.layers.ELU(), rn.layers.PReLU()):
        np.testing.assert_array_equal(refnet.autodiff.mask_of(layer(masked)), mask)
    assert refnet.autodiff.mask_of(rn.layers.Dot(axes=2)([masked, masked])) is None
    y = rn.layers.Softmax()(np.zeros((2, 3), "float32"), mask=np.array([[True, True, False]]))
    np.testing.assert_allclose(y, [[0.5, 0.5, 0]] * 2)


@pytest.mark.parametrize(("call", "message"), [
    (lambda l: l.ReLU(max_value=-1), "ReLU 're_lu.*`max_value`"),
    (lambda l: l.ReLU(negative_slope=None), "`negative_slope`"),
    (lambda l: l.LeakyReLU(negative_slope=-1), "`negative_slope`"),
    (lambda l: l.ELU(alpha=float("nan")), "`alpha`"),
    (lambda l: l.PReLU()(refnet.Input((None, 3))), r"axes \[1\] of the input \(None, None, 3\) are not known.*shared_axes=\[1\]"),
    (lambda l: l.PReLU(shared_axes=[0])(np.ones((2, 3))), "leave 0 out of shared_axes"),
    (lambda l: l.PReLU(shared_axes=[5])(np.ones((2, 3))), "out of range"),
    (lambda l: l.Softmax()(np.ones((2, 3)), mask=np.ones((2, 2), bool)), r"mask of shape \(2, 2\) does not broadcast"),
    (lambda l: l.Add()(np.ones((2, 3))), r"it merges a list of inputs.*Add\(\)\(\[a, b\]\)"),
    (lambda l: l.Add()([np.ones((2, 3)), np.ones((2, 4))]), "do not fit: sizes must be equal, or 1"),
    (lambda l: l.Add()([np.ones((2, 3)), np.ones((3, 3))]), r"different batch sizes, \[2, 3\]"),
    (lambda l: l.Subtract()([np.ones((2, 3))] * 3), "Received 3 inputs"),
    (lambda l: l.Concatenate()([np.ones((2, 3)), np.ones((4, 3))]), "equal sizes on every axis but 1"),
    (lambda l: l.Concatenate()([np.ones((2, 3)), np.ones((2, 3, 1))]), "equal sizes on every axis but 1"),
    (lambda l: l.Concatenate(axis=4)([np.ones((2, 3)), np.ones((2, 3))]), "axis 4 is out of range"),
    (lambda l: l.Dot(axes=0), "must not be 0"),
    (lambda l: l.Dot(axes=(1, 2, 3)), "`axes` must be an integer or two"),
    (lambda l: l.Dot(axes=1)([np.ones((2, 3)), np.ones((2, 4))]), "axis 1 of the first has the size 3, axis 1 of the second 4"),
    (lambda l: l.Dot(axes=1)([np.ones((2, 3))] * 3), "two inputs"),
    (lambda l: l.Reshape((2, 5))(np.ones((2, 3, 4))), "12 entries, which do not fill.*Write -1"),
    (lambda l: l.Reshape((-1, 5))(np.ones((2, 3, 4))), "It must be a multiple of 5"),
    (lambda l: l.Reshape((-1, -1)), "at most one of them -1"),
    (lambda l: l.Reshape(12), "must be a tuple"),
    (lambda l: l.Permute((0, 1)), "the batch, axis 0, stays where it is"),
    (lambda l: l.Permute((2, 1))(np.ones((2, 3))), "Permute"),
    (lambda l: l.RepeatVector(0), "`n`"),
    (lambda l: l.RepeatVector(2)(np.ones((2, 3, 4))), "RepeatVector"),
    (lambda l: l.Lambda(3), "`function` must be a function"),
    (lambda l: l.Masking(mask_value="x"), "`mask_value`"),
    (lambda l: l.Rescaling("x"), "`scale` must be finite numbers"),
])  # fmt: skip
def test_what_is_refused(rn, call, message):
    with pytest.raises(ValueError, match=message):
        call(rn.layers)
    with pytest.raises(TypeError, match="`n` must be an integer"):
        rn.layers.RepeatVector(2.0)


def twice(x):
    return x * 2


class TestLambda:
    def test_a_function_with_its_arguments(self, rn):
        layer = rn.layers.Lambda(lambda x, factor, training: x * factor if training else x, arguments={"factor": 3})
        x = np.ones((2, 3), "float32")
        assert layer(x, training=True).tolist() == (3 * x).tolist() and layer(x).tolist() == x.tolist()
        assert rn.layers.Lambda(lambda x: rn.ops.concatenate([x, x], axis=1)).compute_output_shape((None, 3)) == (None, 6)
        assert rn.layers.Lambda(twice, output_shape=(7,)).compute_output_shape((None, 3)) == (None, 7)

    def test_configurations_name_it(self, rn):
        model = rn.Sequential([rn.Input((3,)), rn.layers.Lambda(twice, name="twice")])
        text, x = model.to_json(), np.ones((2, 3), "float32")
        assert "twice" in text and "code" not in text
        again = rn.models.model_from_json(text, custom_objects={"twice": twice})
        np.testing.assert_array_equal(again.predict(x, verbose=0), 2 * x)
        with pytest.raises(ValueError, match="twice"):
            rn.models.model_from_json(text)
        unnamed = rn.Sequential([rn.Input((3,)), rn.layers.Lambda(lambda x: x + 1, name="plus")])
        with pytest.raises(ValueError, match=r"Lambda 'plus': the function was written as a `lambda`.*Write it with `def`"):
            rn.models.model_from_json(unnamed.to_json())
        np.testing.assert_array_equal(rn.models.clone_model(unnamed).predict(x, verbose=0), x + 1)
        keras_lambda = {"class_name": "__lambda__", "config": {"code": "4wAAAA==", "defaults": None, "closure": None}}
        with pytest.raises(ValueError, match="code from a configuration is not run"):
            rn.layers.deserialize({"class_name": "Lambda", "config": {"name": "x", "function": keras_lambda}})

    def test_its_code_is_the_users_own(self, rn):
        model = rn.Sequential([rn.Input((3,)), rn.layers.Lambda(twice), rn.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(np.ones((4, 3)), np.ones((4, 1)), epochs=4, verbose=0)
        assert "is your own function" in str(model.explain_step())


def trained(rn, model, x, y, epochs=4):
    """The losses of some epochs; the step is written down, and gives what the code gives."""
    histories = []
    weights = model.get_weights()
    for eager in (True, False):
        model.set_weights(weights)
        model.compile("adam", "mse", run_eagerly=eager)
        histories.append(model.fit(x, y, epochs=epochs, batch_size=8, shuffle=False, verbose=0).history["loss"])
    assert histories[0] == histories[1] and histories[1][-1] < histories[1][0]
    assert "runs as code" not in str(model.explain_step())
    return histories[1]


class TestPrograms:
    """As they are written for Keras."""

    def test_residual_block(self, rn):
        layers = rn.layers
        inputs = rn.Input((8, 8, 3))
        x = layers.Conv2D(4, 3, padding="same")(inputs)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Conv2D(3, 3, padding="same")(x)
        x = layers.add([x, inputs])
        outputs = layers.Dense(1)(layers.GlobalAveragePooling2D()(layers.LeakyReLU()(x)))
        trained(rn, rn.Model(inputs, outputs), np.random.default_rng(0).normal(size=(16, 8, 8, 3)), np.ones((16, 1)))

    def test_two_inputs(self, rn):
        layers = rn.layers
        a, b = rn.Input((4,), name="a"), rn.Input((2, 3), name="b")
        x = layers.concatenate([layers.Dense(5, activation="relu")(a), layers.Flatten()(b)])
        model = rn.Model({"a": a, "b": b}, layers.Dense(1)(layers.PReLU()(x)))
        rng = np.random.default_rng(0)
        trained(rn, model, {"a": rng.normal(size=(16, 4)), "b": rng.normal(size=(16, 2, 3))}, rng.normal(size=(16, 1)))

    def test_autoencoder(self, rn):
        layers = rn.layers
        model = rn.Sequential([
            rn.Input((4, 4, 1)), layers.Flatten(), layers.Dense(6), layers.ELU(), layers.Dense(16), layers.Reshape((4, 4, 1)),
            layers.Permute((2, 1, 3)),
        ])  # fmt: skip
        x = np.random.default_rng(0).normal(size=(16, 4, 4, 1))
        trained(rn, model, x, x)

    def test_masked_steps_do_not_train(self, rn):
        layers = rn.layers
        model = rn.Sequential([
            rn.Input((4, 5)), layers.Masking(), layers.Dense(3), layers.GlobalAveragePooling1D(), layers.Dense(1),
        ])  # fmt: skip
        x = np.tile(layer_grid.STEPS, (4, 1, 1))
        trained(rn, model, x, np.ones((12, 1)))
        longer = np.concatenate([x, np.zeros((12, 2, 5), "float32")], axis=1)
        other = rn.Sequential([rn.Input((6, 5)), *model.layers])
        np.testing.assert_allclose(other.predict(longer, verbose=0), model.predict(x, verbose=0), rtol=1e-5)

    def test_siamese(self, rn):
        layers = rn.layers
        base = rn.Sequential([rn.Input((4,)), layers.Dense(3, activation="tanh")])
        a, b = rn.Input((4,)), rn.Input((4,))
        model = rn.Model([a, b], layers.Dense(1)(layers.Dot(axes=1, normalize=True)([base(a), base(b)])))
        rng = np.random.default_rng(0)
        trained(rn, model, [rng.normal(size=(16, 4)), rng.normal(size=(16, 4))], rng.normal(size=(16, 1)))

    def test_the_rest(self, rn):
        layers = rn.layers
        model = rn.Sequential([
            rn.Input((4,)), layers.Rescaling(0.5, offset=1), layers.Dense(4), layers.ActivityRegularization(l2=0.01),
            layers.RepeatVector(3), layers.Softmax(axis=1), layers.Identity(), layers.Flatten(), layers.Dense(1),
        ])  # fmt: skip
        trained(rn, model, np.random.default_rng(0).normal(size=(16, 4)), np.ones((16, 1)))
