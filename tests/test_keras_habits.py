"""Small things that people who know Keras rely on: what is checked when, what callbacks hear, what may be left out."""

import numpy as np
import pytest


def linear_model(rn, **options):
    model = rn.Sequential([rn.Input((4,)), rn.layers.Dense(1)])
    model.compile("sgd", "mse", **options)
    return model


class Heard:
    """Which batches callbacks hear of: (kind, "begin" or "end", batch)."""

    def __init__(self, rn):
        self.events = []

        def hear(kind, when):
            return lambda batch, logs: self.events.append((kind, when, batch))

        class Hearing(rn.callbacks.Callback):
            pass

        self.callback = Hearing()
        for kind in ("train", "test", "predict"):
            for when in ("begin", "end"):
                setattr(Hearing, f"on_{kind}_batch_{when}", staticmethod(hear(kind, when)))

    def batches(self, kind, when):
        return [batch for k, w, batch in self.events if (k, w) == (kind, when)]


@pytest.mark.parametrize("group, begins, ends", [(1, range(7), range(7)), (3, [0, 3, 6], [2, 5, 8]), (101, [0], [100])])
def test_callbacks_hear_of_a_group_of_steps_at_once(rn, rng, group, begins, ends):
    model = linear_model(rn, steps_per_execution=group)
    alone = linear_model(rn)
    alone.set_weights(model.get_weights())
    x, y = rng.normal(size=(100, 4)), rng.normal(size=(100, 1))
    heard = Heard(rn)
    options = {"batch_size": 16, "verbose": 0}
    history = model.fit(x, y, shuffle=False, callbacks=[heard.callback], **options).history
    assert history == alone.fit(x, y, shuffle=False, **options).history
    model.evaluate(x, y, callbacks=[heard.callback], **options)
    outputs = model.predict(x, callbacks=[heard.callback], **options)
    np.testing.assert_array_equal(outputs, alone.predict(x, **options))
    for kind in ("train", "test", "predict"):
        assert heard.batches(kind, "begin") == list(begins)
        assert heard.batches(kind, "end") == list(ends)


def test_a_group_of_predictions_reaches_callbacks_joined(rn, rng):
    model = linear_model(rn, steps_per_execution=2)
    sizes = []
    callback = rn.callbacks.Callback()
    callback.on_predict_batch_end = lambda batch, logs: sizes.append(logs["outputs"].shape)
    model.predict(rng.normal(size=(10, 4)), batch_size=4, verbose=0, callbacks=[callback])
    assert sizes == [(8, 1), (2, 1)]


def test_callbacks_end_evaluation_and_prediction(rn, rng):
    model = linear_model(rn)
    x, y = rng.normal(size=(100, 4)), rng.normal(size=(100, 1))
    heard = Heard(rn)

    class Stop(rn.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            self.model.stop_evaluating = batch == 1

        def on_predict_batch_end(self, batch, logs=None):
            self.model.stop_predicting = batch == 1

    for _ in range(2):  # a loop that was stopped does not stop the next one at once
        model.evaluate(x, y, batch_size=10, verbose=0, callbacks=[Stop(), heard.callback])
        assert model.predict(x, batch_size=10, verbose=0, callbacks=[Stop(), heard.callback]).shape == (20, 1)
    assert heard.batches("test", "end") == heard.batches("predict", "end") == [0, 1, 0, 1]


@pytest.mark.parametrize("loss", [["mse"], {"a": "mse"}, {"a": ["mse"]}], ids=str)
def test_one_loss_in_a_list_of_its_own(rn, rng, loss):
    inputs = rn.Input((3,))
    model = rn.Model(inputs, rn.layers.Dense(1, name="a")(inputs))
    model.compile("sgd", loss)
    assert list(model.fit(rng.normal(size=(8, 3)), rng.normal(size=(8, 1)), verbose=0).history) == ["loss"]


@pytest.mark.parametrize("loss", [["mse", ["bce"]], {"a": ["mse"], "b": "bce"}], ids=str)
def test_losses_of_several_outputs_in_lists_of_their_own(rn, rng, loss):
    inputs = rn.Input((3,))
    outputs = [rn.layers.Dense(1, name="a")(inputs), rn.layers.Dense(1, "sigmoid", name="b")(inputs)]
    model = rn.Model(inputs, outputs)
    model.compile("sgd", loss)
    y = rng.uniform(size=(8, 1))
    logs = model.fit(rng.normal(size=(8, 3)), [y, y], verbose=0).history
    assert sorted(logs) == ["a_loss", "b_loss", "loss"]


@pytest.mark.parametrize("noise_shape", ["Invalid", 3, (20, 1.5, 10), (20, -1, 10), (20, 0, 10), (True,)])
def test_dropout_checks_its_noise_shape_at_once(rn, noise_shape):
    with pytest.raises(ValueError, match="noise_shape` must be a tuple of positive integers and None"):
        rn.layers.Dropout(0.5, noise_shape=noise_shape)


@pytest.mark.parametrize("trainable", ["yes", 1, None])
def test_trainable_is_true_or_false(rn, trainable):
    with pytest.raises(ValueError, match="`trainable` must be True or False"):
        rn.layers.Dense(2, trainable=trainable)


@pytest.mark.parametrize("border", [(1,), (1, 2, 3), "1", "12", (1, (2, 3))], ids=str)
@pytest.mark.parametrize("layer", ["ZeroPadding1D", "Cropping1D"])
def test_the_border_of_a_sequence_is_an_integer_or_a_pair(rn, layer, border):
    with pytest.raises(ValueError, match=f"{layer} '"):
        getattr(rn.layers, layer)(border)


STATELESS = {
    "Dropout": {"rate": 0.5}, "SpatialDropout1D": {"rate": 0.5}, "MaxPooling1D": {}, "GlobalMaxPooling1D": {},
    "AdaptiveMaxPooling1D": {"output_size": 2}, "UnitNormalization": {}, "ZeroPadding1D": {}, "Cropping1D": {},
    "UpSampling1D": {},
}  # fmt: skip


@pytest.mark.parametrize("name", STATELESS)
def test_a_stateless_layer_is_built_from_the_start_unless_a_subclass_builds(rn, name):
    cls = getattr(rn.layers, name)
    assert cls(**STATELESS[name]).built

    class Building(cls):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(), initializer="ones")

    layer = Building(**STATELESS[name])
    assert not layer.built
    layer(np.ones((2, 8, 3), "float32"))
    assert layer.built and len(layer.weights) == 1


@pytest.mark.parametrize("name", ["LayerNormalization", "RMSNormalization"])
def test_normalization_of_the_last_axis_takes_inputs_of_any_rank(rn, rng, name):
    layer = getattr(rn.layers, name)()
    x = rng.normal(size=(4, 2, 3)).astype("float32")
    deeper = np.asarray(layer(x[:, np.newaxis]))
    np.testing.assert_array_equal(deeper[:, 0], layer(x))
    with pytest.raises(ValueError, match="axis"):
        layer(np.ones((4, 2, 5), "float32"))


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_optimizers_with_options_update_scalars(rn, optimizer, dtype):
    variable = rn.Variable(2.0, dtype="float32")
    made = getattr(rn.optimizers, optimizer)(learning_rate=1.0, weight_decay=0.5)
    made.apply([np.zeros((), dtype)], [variable])
    assert variable.shape == ()
    np.testing.assert_allclose(variable.numpy() if hasattr(variable, "numpy") else np.asarray(variable), 1.0)


@pytest.mark.parametrize("initializer", [None, "glorot_uniform", "glorot_normal", "random_normal", "he_uniform"])
def test_a_scalar_weight_from_any_initializer(rn, initializer):
    layer = rn.layers.Layer()
    assert layer.add_weight(initializer=initializer).shape == ()


def test_an_activation_taken_off_a_layer(rn, rng):
    layer = rn.layers.Dense(3, activation="relu")
    x = rng.normal(size=(5, 4)).astype("float32")
    layer(x)
    layer.activation = None
    np.testing.assert_allclose(layer(x), x @ np.asarray(layer.kernel), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "said", [{"shape": (4,)}, {"batch_shape": (2, 4)}, {"batch_size": 5}, {"dtype": "float64"}], ids=str
)
def test_what_is_said_beside_an_input_tensor_must_be_true_of_it(rn, said):
    tensor = rn.KerasTensor((2, 3))
    with pytest.raises(ValueError, match="Leave `"):
        rn.layers.InputLayer(input_tensor=tensor, **said)
    assert rn.layers.InputLayer(input_tensor=tensor, shape=(3,), batch_size=2).batch_shape == (2, 3)


def test_batch_size_and_batch_shape_say_the_same_twice(rn):
    with pytest.raises(ValueError, match="either `batch_size` or `batch_shape`"):
        rn.layers.InputLayer(batch_size=4, batch_shape=(2, 3))


def test_weights_of_ignored_labels_do_not_count(rn):
    metric = rn.metrics.SparseCategoricalCrossentropy(ignore_class=0)
    predictions = np.array([[0.8, 0.1, 0.1], [0.05, 0.95, 0], [0.1, 0.8, 0.1]])
    weights, expected = np.array([0.5, 1.5, 2.0]), (1.5 * -np.log(0.95) + 2 * -np.log(0.1)) / 3.5
    for labels in (np.array([0, 1, 2]), np.array([[0], [1], [2]])):
        metric.reset_state()
        assert metric(labels, predictions, sample_weight=weights) == pytest.approx(expected, rel=1e-6)


def test_a_root_mean_squared_error_takes_a_weight_for_each_number(rn):
    metric = rn.metrics.RootMeanSquaredError()
    y, predictions = np.array([2, 4, 6, 8]), np.array([1, 3, 2, 3])
    assert metric(y, predictions, sample_weight=np.array([0, 1, 0, 1])) == pytest.approx(np.sqrt(13))
    metric.reset_state()
    weights = np.array([[0.0, 1.0], [0.0, 1.0]])
    assert metric(y.reshape(2, 2), predictions.reshape(2, 2), sample_weight=weights) == pytest.approx(np.sqrt(13))


def test_a_clone_of_a_compiled_model_is_compiled(rn, rng):
    model = linear_model(rn, metrics=["mae"])
    clone = rn.models.clone_model(model)
    assert clone.compiled and clone.optimizer is not model.optimizer
    x, y = rng.normal(size=(8, 4)), rng.normal(size=(8, 1))
    assert sorted(clone.fit(x, y, verbose=0).history) == sorted(model.fit(x, y, verbose=0).history)


def test_a_sequential_is_built_for_one_input(rn):
    model = rn.Sequential([rn.Input((2,), batch_size=3), rn.layers.Dense(2)])
    for shape in ((3, 4), (4, 2), (3, 2, 1)):
        with pytest.raises(ValueError, match=r"already has the input shape \(3, 2\)"):
            model.build(shape)
    model.build((3, 2))
    model.build((None, 2))


@pytest.mark.parametrize("value", [1.0, np.array(1.0), np.array([0.0, 2.0]), [0.0, 1.0, 2.0]], ids=str)
def test_a_progress_bar_takes_numbers_and_lists(rn, capsys, value):
    rn.utils.Progbar(1, verbose=2).update(1, [("value", value)])
    assert "value: 1.0000" in capsys.readouterr().out


def test_a_progress_bar_without_an_interval_draws_each_step(rn, monkeypatch):
    monkeypatch.setattr("refnet.utils.progbar.interactive", lambda: True)
    drawn = []
    bar = rn.utils.Progbar(5, interval=0.0)
    bar._draw = lambda current, now, finalize: drawn.append(current)
    for step in range(1, 6):
        bar.update(step)
    assert drawn == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", ["Flatten", "Activation", "Layer", "CenterCrop"])
def test_a_layer_without_a_build_of_its_own_is_built_by_build(rn, name):
    options = {"Activation": {"activation": "relu"}, "CenterCrop": {"height": 2, "width": 2}}.get(name, {})
    layer = getattr(rn.layers, name)(**options)
    layer.build((None, 4, 4, 3))
    assert layer.built
    assert layer.get_build_config() == {"input_shape": (None, 4, 4, 3)}


@pytest.mark.parametrize("wrong", ["bar", "baz_shape"])
def test_arguments_of_build_are_named_after_those_of_call(rn, wrong):
    def build(self, foo_shape, bar_shape):
        pass

    parameters = {"bar": lambda self, foo_shape, bar: None, "baz_shape": lambda self, foo_shape, baz_shape: None}
    cls = type("Two", (rn.layers.Layer,), {"build": parameters[wrong], "call": lambda self, foo, bar: foo + bar})
    with pytest.raises(ValueError, match=f"Received: '{wrong}'; possible: .*'foo_shape', 'bar_shape'"):
        cls()(np.ones((4, 1), "float32"), np.ones((4, 1), "float32"))
    right = type("Two", (rn.layers.Layer,), {"build": build, "call": lambda self, foo, bar: foo + bar})
    np.testing.assert_array_equal(right()(np.ones((4, 1), "float32"), np.ones((4, 1), "float32")), np.full((4, 1), 2.0))


def test_a_weight_named_where_its_shape_belongs(rn):
    with pytest.raises(ValueError, match=r"keyword argument: add_weight\(shape, name='matrix'\)"):
        rn.layers.Layer().add_weight("matrix")


def test_the_base_constraint_leaves_weights_as_they_are(rn):
    w = np.array([1.0, -2.0])
    np.testing.assert_array_equal(rn.constraints.Constraint()(w), w)


def test_batch_normalization_broadcasts_its_mask(rn, rng):
    x = rng.normal(size=(2, 3, 4, 5)).astype("float32")
    mask = np.array([[[True], [False], [True]]] * 2)
    results = []
    for given in (mask, np.broadcast_to(mask, (2, 3, 4)).copy()):
        layer = rn.layers.BatchNormalization(momentum=0.0)
        results.append((np.asarray(layer(x, training=True, mask=given)), np.asarray(layer.moving_mean)))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(results[0][1], x[:, [0, 2]].mean(axis=(0, 1, 2)), rtol=1e-4, atol=1e-6)


def test_weights_made_in_a_constructor_have_the_path_of_their_layer(rn):
    class Inner(rn.layers.Layer):
        def __init__(self):
            super().__init__(name="inner")
            self.factor = self.add_weight(shape=(1,), name="factor")

    class Outer(rn.layers.Layer):
        def build(self, input_shape):
            self.inner = Inner()

    assert Inner().factor.path == "inner/factor"
    outer = Outer(name="outer")
    outer.build(None)
    assert outer.inner.factor.path == "outer/inner/factor"  # as Keras has it

    class Late(rn.layers.Layer):
        def call(self, x):
            self.factor = self.add_weight(shape=(1,), name="factor")
            return x

    late = Late(name="late")
    late(np.ones((2, 3), "float32"))
    assert late.factor.path == "late/factor"
