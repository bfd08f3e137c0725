"""Models: Sequential, functional, subclassed; structure, configuration, copies, summary."""

import copy
import json
import os
import pickle

import numpy as np
import pytest


def x_of(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def weights_of(model):
    """The weights of a model of ours or Keras' (whose own `get_weights` trips over NumPy 2's deprecations)."""
    return [np.array(w.value) for w in model.weights]


def mlp(rn, **kwargs):
    return rn.Sequential([rn.Input((5,)), rn.layers.Dense(4, activation="relu"), rn.layers.Dense(3)], **kwargs)


def two_by_two(rn):
    """Two inputs, two outputs, a shared layer, an op, a model inside."""
    a, b = rn.Input((5,), name="a"), rn.Input((5,), name="b")
    shared = rn.layers.Dense(4, activation="tanh", name="shared")
    inner = rn.Sequential([rn.Input((4,)), rn.layers.Dense(4, name="deep")], name="inner")
    merged = shared(a) + 2.0 * inner(shared(b))
    left = rn.layers.Dense(1, name="left")(merged)
    right = rn.layers.Dense(3, activation="softmax", name="right")(rn.ops.concatenate([merged, a], axis=-1))
    return rn.Model(inputs=[a, b], outputs=[left, right], name="two")


class TestSequential:
    def test_runs_its_layers(self, rn):
        model = mlp(rn)
        x = x_of(7, 5)
        y = x
        for layer in model.layers:
            y = layer(y)
        np.testing.assert_array_equal(model(x), y)
        assert model.built and model.input_shape == (None, 5) and model.output_shape == (None, 3)
        assert len(model.layers) == 2 and model.count_params() == 24 + 15

    def test_is_built_by_its_first_data(self, rn):
        model = rn.Sequential([rn.layers.Dense(4, name="a"), rn.layers.Dense(3, name="b")], name="late")
        assert not model.built and model.weights == []
        assert model(x_of(2, 6)).shape == (2, 3)
        assert model.built
        assert [w.path for w in model.weights] == ["late/a/kernel", "late/a/bias", "late/b/kernel", "late/b/bias"]
        model = rn.Sequential([rn.layers.Dense(4)])
        model.build((None, 3))
        assert model.output_shape == (None, 4)

    def test_paths_of_weights_name_each_model_once_however_it_is_built(self, rn):
        """As in Keras: by `build`, by data, by symbols, inside another model."""
        x = x_of(2, 6)

        def late():
            return rn.Sequential([rn.layers.Dense(4, name="a"), rn.layers.Dense(3, name="b")], name="late")

        class Outer(rn.Model):
            def __init__(self):
                super().__init__(name="outer")
                self.inner = late()

            def call(self, x):
                return self.inner(x)

        def by(action, model):
            action(model)
            return [w.path for w in model.weights]

        alone = ["late/a/kernel", "late/a/bias", "late/b/kernel", "late/b/bias"]
        nested = [f"outer/{path}" for path in alone]
        assert by(lambda m: m.build((None, 6)), late()) == alone
        assert by(lambda m: m(x), late()) == alone
        assert by(lambda m: m.predict(x, verbose=0), late()) == alone
        assert by(lambda m: m(rn.Input((6,))), late()) == alone
        assert by(lambda m: m(x), rn.Sequential([late()], name="outer")) == nested
        assert by(lambda m: m, rn.Sequential([rn.Input((6,)), late()], name="outer")) == nested
        assert by(lambda m: m(x), Outer()) == nested

    def test_first_layer_with_input_shape(self, rn):
        model = rn.Sequential([rn.layers.Dense(4, input_shape=(3,)), rn.layers.Dense(2)])
        assert model.built and model.input_shape == (None, 3)
        assert rn.Sequential([rn.layers.Dense(4, input_dim=3)]).built

    def test_add_and_pop(self, rn):
        model = rn.Sequential()
        model.add(rn.Input((5,)))
        model.add(rn.layers.Dense(4))
        assert model.output_shape == (None, 4)
        model.add(rn.layers.Dense(2, name="last"))
        assert model.output_shape == (None, 2)
        assert model.pop().name == "last" and model.output_shape == (None, 4)
        model.add(rn.layers.Dense(6))
        assert model(x_of(2, 5)).shape == (2, 6)
        assert model.layers[0].output is not None

    def test_what_cannot_be_added(self, rn):
        model = mlp(rn)
        with pytest.raises(ValueError, match="only layers"):
            model.add("dense")
        with pytest.raises(ValueError, match="not the class"):
            model.add(rn.layers.Flatten)
        with pytest.raises(ValueError, match="unique"):
            model.add(rn.layers.Dense(5, name=model.layers[0].name))
        with pytest.raises(ValueError, match="first layer"):
            model.add(rn.Input((3,)))

    def test_a_model_as_first_layer(self, rn):
        outer = rn.Sequential([mlp(rn), rn.layers.Dense(2)])
        assert outer.built and outer(x_of(3, 5)).shape == (3, 2) and len(outer.weights) == 6

    def test_dropout_follows_training(self, rn):
        model = rn.Sequential([rn.Input((50,)), rn.layers.Dropout(0.5)])
        x = np.ones((2, 50), "float32")
        np.testing.assert_array_equal(model(x), x)
        assert (model(x, training=True) == 0).any()


class TestFunctional:
    def test_several_inputs_and_outputs(self, rn):
        model = two_by_two(rn)
        a, b = x_of(6, 5), x_of(6, 5, seed=1)
        left, right = model([a, b])
        assert left.shape == (6, 1) and right.shape == (6, 3)
        shared, inner = model.get_layer("shared"), model.get_layer("inner")
        merged = shared(a) + 2 * inner(shared(b))
        np.testing.assert_allclose(left, model.get_layer("left")(merged), rtol=1e-5)
        by_name = model({"a": a, "b": b})
        np.testing.assert_array_equal(by_name[0], left)
        assert model.input_names == ["a", "b"] and model.output_names == ["left", "right"]
        assert model.input_shape == [(None, 5), (None, 5)] and model.output_shape == [(None, 1), (None, 3)]
        assert len(model.trainable_variables) == 8

    def test_gradients_of_a_shared_layer_add_up(self, rn):
        x = rn.Input((3,))
        layer = rn.layers.Dense(3, use_bias=False)
        model = rn.Model(x, layer(layer(x)))
        data = x_of(4, 3)
        with rn.GradientTape() as tape:
            loss = rn.ops.sum(model(data))
        (gradient,) = tape.gradient(loss, model.trainable_variables)
        w, ones = layer.kernel.value, np.ones((4, 3), "float32")
        np.testing.assert_allclose(gradient, (data @ w).T @ ones + data.T @ (ones @ w.T), rtol=1e-4, atol=1e-5)

    def test_dicts_in_and_out(self, rn):
        inputs = {"p": rn.Input((2,), name="p"), "q": rn.Input((2,), name="q")}
        model = rn.Model(inputs, {"sum": inputs["p"] + inputs["q"], "difference": inputs["p"] - inputs["q"]})
        p, q = x_of(3, 2), x_of(3, 2, seed=1)
        out = model({"q": q, "p": p})
        assert list(out) == ["sum", "difference"]
        np.testing.assert_allclose(out["difference"], p - q)
        assert model.output_names == ["subtract", "add"]  # Keras': by what makes them, in the order of sorted keys

    def test_a_part_of_a_model(self, rn):
        model = mlp(rn)
        head = rn.Model(model.inputs[0], model.layers[0].output)
        x = x_of(3, 5)
        np.testing.assert_array_equal(head(x), model.layers[0](x))
        tail = rn.Model(model.layers[0].output, model.output)
        np.testing.assert_array_equal(tail(head(x)), model(x))

    def test_a_model_is_a_layer(self, rn):
        inner = two_by_two(rn)
        a, b = rn.Input((5,)), rn.Input((5,))
        outer = rn.Model([a, b], inner([a, b])[0])
        x = x_of(3, 5)
        np.testing.assert_array_equal(outer([x, x]), inner([x, x])[0])

    def test_inputs_are_cast_and_aligned(self, rn):
        model = mlp(rn)
        x = x_of(3, 5)
        np.testing.assert_array_equal(model(x.astype("float64")), model(x))
        np.testing.assert_array_equal(model(np.round(x).astype("int64")), model(np.round(x)))
        scalar = rn.Sequential([rn.Input((1,)), rn.layers.Dense(2)])
        assert scalar(x_of(4)).shape == (4, 2)

    def test_int_inputs_keep_their_type(self, rn):
        x = rn.Input((2,), dtype="int64")
        model = rn.Model(x, rn.ops.one_hot(x, 3))
        assert model(np.array([[0, 2]])).tolist() == [[[1, 0, 0], [0, 0, 1]]]

    def test_a_float64_layer_inside(self, rn):
        x = rn.Input((5,))
        model = rn.Model(x, rn.layers.Dense(2)(rn.layers.Dense(3, dtype="float64")(x)))
        assert model(x_of(2, 5)).dtype == np.float32

    def test_a_missing_input_is_named(self, rn):
        a, b = rn.Input((5,), name="a"), rn.Input((5,), name="b")
        with pytest.raises(ValueError, match="'b'"):
            rn.Model(a, a + b)
        with pytest.raises(ValueError, match="symbolic"):
            rn.Model(np.zeros(3), a)
        with pytest.raises(ValueError, match="both `inputs` and `outputs`"):
            rn.Model(inputs=a)

    def test_names_are_unique(self, rn):
        x = rn.Input((5,))
        with pytest.raises(ValueError, match="two different layers are named 'same'"):
            rn.Model(x, rn.layers.Dense(2, name="same")(rn.layers.Dense(2, name="same")(x)))

    def test_get_layer(self, rn):
        model = two_by_two(rn)
        assert model.get_layer("shared") is model.get_layer(
            index=[layer.name for layer in model.layers].index("shared")
        )
        with pytest.raises(ValueError, match="Did you mean 'shared'"):
            model.get_layer("sharde")

    def test_layers_are_in_the_order_of_keras(self, rn):
        os.environ.setdefault("KERAS_BACKEND", "jax")
        keras = pytest.importorskip("keras")

        def build(k):
            a, b = k.Input((5,), name="a"), k.Input((5,), name="b")
            d1 = k.layers.Dense(4, name="d1")
            h = d1(a)
            g = k.layers.Dense(4, name="d2")(k.layers.Dense(4, name="d3")(b))
            out1 = k.layers.Dense(2, name="o1")(h + g)
            out2 = k.layers.Dense(2, name="o2")(d1(b))
            return k.Model([a, b], [out1, out2])

        ours = [layer.name for layer in build(rn).layers]
        theirs = [layer.name for layer in build(keras).layers]
        assert [n for n in ours if n in theirs] == [n for n in theirs if n in ours]


class TestSubclassed:
    def make(self, rn):
        class Net(rn.Model):
            def __init__(self, units=4, **kwargs):
                super().__init__(**kwargs)
                self.units = units
                self.hidden = rn.layers.Dense(units, activation="relu")
                self.dropout = rn.layers.Dropout(0.5)
                self.out = rn.layers.Dense(1)

            def call(self, x, training=None):
                return self.out(self.dropout(self.hidden(x), training=training))

        return Net

    def test_call_and_fit(self, rn):
        model = self.make(rn)(units=6)
        model.compile("adam", "mse")
        x = x_of(30, 3)
        history = model.fit(x, x.sum(1), epochs=2, verbose=0)
        assert len(history.history["loss"]) == 2 and model.predict(x, verbose=0).shape == (30, 1)
        assert model.weights[0].path.startswith(f"{model.name}/")
        assert model.get_config()["units"] == 6 and type(model).from_config(model.get_config()).units == 6

    def test_build(self, rn):
        model = self.make(rn)()
        model.build((None, 3))
        assert len(model.weights) == 4 and model.compute_output_shape((None, 3)) == (None, 1)

    def test_without_call(self, rn):
        with pytest.raises(NotImplementedError, match="has no `call`"):
            rn.Model()(x_of(2, 2))

    def test_functional_subclass(self, rn):
        class Mine(rn.Model):
            def twice(self, x):
                return 2 * self(x)

        x = rn.Input((3,))
        model = Mine(x, rn.layers.Dense(2)(x))
        data = x_of(2, 3)
        np.testing.assert_allclose(model.twice(data), 2 * model(data))


class TestConfiguration:
    @pytest.mark.parametrize("which", [mlp, two_by_two])
    def test_json_round_trip(self, rn, which):
        model = which(rn)
        text = model.to_json()
        twin = rn.models.model_from_json(text)
        assert type(twin) is type(model)
        assert json.loads(twin.to_json()) == json.loads(text)
        twin.set_weights(model.get_weights())
        x = x_of(4, 5)
        data = x if which is mlp else [x, x + 1]
        for ours, theirs in zip(np.atleast_1d(model(data)) if which is mlp else model(data), twin(data), strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_models_of_keras_can_be_read(self, rn):
        os.environ.setdefault("KERAS_BACKEND", "jax")
        keras = pytest.importorskip("keras")
        x = keras.Input((5,), name="x")
        h = keras.layers.Dense(4, activation="relu", kernel_regularizer="l2")(x)
        theirs = keras.Model(x, [keras.layers.Dropout(0.2)(keras.layers.Dense(3)(h)), keras.layers.Flatten()(h)])
        ours = rn.models.model_from_json(theirs.to_json())
        ours.set_weights(weights_of(theirs))
        data = x_of(4, 5)
        for a, b in zip(ours(data), theirs(data), strict=True):
            np.testing.assert_allclose(a, np.asarray(b), rtol=1e-5, atol=1e-6)
        sequential = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2, activation="softmax")])
        assert type(rn.models.model_from_json(sequential.to_json())) is rn.Sequential

    def test_own_layers(self, rn):
        class Twice(rn.layers.Layer):
            def call(self, x):
                return 2 * x

        model = rn.Sequential([rn.Input((3,)), Twice()])
        with pytest.raises(ValueError, match="custom_objects"):
            rn.models.model_from_json(model.to_json())
        twin = rn.models.model_from_json(model.to_json(), custom_objects={"Twice": Twice})
        np.testing.assert_array_equal(twin(np.ones((1, 3), "float32")), np.full((1, 3), 2))

    @pytest.mark.parametrize("which", [mlp, two_by_two])
    def test_clones_have_fresh_weights(self, rn, which):
        model = which(rn)
        clone = rn.models.clone_model(model)
        assert type(clone) is type(model) and len(clone.weights) == len(model.weights)
        assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]
        assert not np.array_equal(clone.weights[0].value, model.weights[0].value)
        assert not {id(w) for w in clone.weights} & {id(w) for w in model.weights}

    def test_clone_function(self, rn):
        def wider(layer):
            config = layer.get_config()
            if isinstance(layer, rn.layers.Dense) and layer.units == 4:
                config["units"] = 8
            return type(layer).from_config(config)

        assert rn.models.clone_model(mlp(rn), clone_function=wider).layers[0].units == 8
        x = rn.Input((5,))
        functional = rn.Model(x, rn.layers.Dense(3)(rn.layers.Dense(4)(x)))
        assert rn.models.clone_model(functional, clone_function=wider).layers[1].units == 8
        doubled = rn.models.clone_model(functional, input_tensors=rn.Input((5,), name="mine"))
        assert doubled.input_names == ["mine"]

    @pytest.mark.parametrize("how", ["pickle", "deepcopy"])
    @pytest.mark.parametrize("which", [mlp, two_by_two])
    def test_copies(self, rn, which, how):
        model = which(rn)
        model.compile("adam", "mse" if which is mlp else ["mse", "sparse_categorical_crossentropy"])
        x = x_of(8, 5)
        data, y = (x, x[:, :3]) if which is mlp else ([x, x], [x[:, :1], np.arange(8) % 3])
        model.fit(data, y, verbose=0, shuffle=False)
        twin = pickle.loads(pickle.dumps(model)) if how == "pickle" else copy.deepcopy(model)
        assert type(twin) is type(model)
        ours = model.fit(data, y, epochs=2, verbose=0, shuffle=False).history["loss"]
        theirs = twin.fit(data, y, epochs=2, verbose=0, shuffle=False).history["loss"]
        assert ours == theirs


class TestSummary:
    def text(self, model, **kwargs):
        lines = []
        model.summary(print_fn=lines.append, **kwargs)
        return "\n".join(lines)

    def test_sequential(self, rn):
        text = self.text(mlp(rn, name="m"))
        assert 'Model: "m"' in text and "(None, 4)" in text and " Total params: 39 (156.00 B)" in text
        assert "Non-trainable params: 0" in text and "Connected to" not in text
        assert "\x1b" not in text

    def test_graph(self, rn):
        text = self.text(two_by_two(rn), line_length=120, expand_nested=True, show_trainable=True)
        assert "Connected to" in text and "shared[0][0]" in text and "deep" in text and "Trainable" in text

    def test_unbuilt_and_optimizer(self, rn):
        assert "unbuilt" in self.text(rn.Sequential([rn.layers.Dense(3)]))
        model = mlp(rn)
        model.compile("adam", "mse")
        model.fit(x_of(4, 5), x_of(4, 3), verbose=0)
        text = self.text(model)
        assert "Optimizer params: 80" in text

    def test_range_and_prints(self, rn, capsys):
        model = rn.Sequential([rn.Input((2,)), rn.layers.Dense(2, name="first"), rn.layers.Dense(2, name="two"),
                               rn.layers.Dense(2, name="three")])  # fmt: skip
        text = self.text(model, layer_range=["two", "three"])
        assert "first" not in text and "two" in text
        model.summary()
        assert "Total params: 18" in capsys.readouterr().out

    def test_same_table_as_keras(self, rn):
        os.environ.setdefault("KERAS_BACKEND", "jax")
        keras = pytest.importorskip("keras")

        def table(k):
            model = k.Sequential([k.Input((5,)), k.layers.Dense(4, name="a"), k.layers.Dense(3, name="b")], name="m")
            return self.text(model, line_length=70).strip()

        assert table(rn) == table(keras)


class TestConstructorsThatDoThingsFirst:
    """Attributes may be set before `super().__init__()`, as in Keras; what forgets it is told so where it is used."""

    def test_parts_set_before_super(self, rn):
        class Two(rn.layers.Layer):
            def __init__(self):
                self.factor = 3.0
                self.first, self.more = rn.layers.Dense(3), [rn.layers.Dense(2)]
                super().__init__()

            def call(self, x):
                return self.more[0](self.first(x)) * self.factor

        class Own(rn.Model):
            def __init__(self):
                self.two = Two()
                super().__init__()

            def call(self, x):
                return self.two(x)

        model = Own()
        assert model(np.ones((2, 4), "f4")).shape == (2, 2) and len(model.trainable_weights) == 4
        model.compile("sgd", "mse")
        assert np.isfinite(model.train_on_batch(np.ones((2, 4), "f4"), np.ones((2, 2), "f4")))

    def test_super_forgotten(self, rn):
        class Forgot(rn.layers.Layer):
            def __init__(self):
                self.x = 1

            def call(self, x):
                return x

        for use in (
            lambda: Forgot()(np.ones((2, 2), "f4")),
            lambda: Forgot()(rn.Input((3,))),
            lambda: Forgot().add_weight((2,)),
            lambda: rn.Sequential([Forgot()]),
        ):
            with pytest.raises(RuntimeError, match=r"In layer Forgot, `__init__` did not call `super\(\).__init__\(\)`"):
                use()


@pytest.mark.parametrize("kind", [dict, list, tuple])
def test_a_sequential_whose_first_layer_takes_a_structure(rn, kind):
    class Join(rn.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = rn.layers.Dense(2)

        def call(self, inputs):
            a, b = inputs.values() if isinstance(inputs, dict) else inputs
            return self.dense(a) + b

    a, b = np.ones((3, 4), "f4"), np.ones((3, 2), "f4")
    x = {"a": a, "b": b} if kind is dict else kind((a, b))
    model = rn.Sequential([Join(), rn.layers.Dense(1)])
    assert model(x).shape == (3, 1)
    model.compile("sgd", "mse")
    model.fit(x, np.ones((3, 1), "f4"), verbose=0)
    assert model.predict(x, verbose=0).shape == (3, 1)
    fresh = rn.Sequential([Join(), rn.layers.Dense(1)])
    fresh.compile("sgd", "mse")
    assert len(fresh.fit(x, np.ones((3, 1), "f4"), verbose=0).history["loss"]) == 1


def test_clone_model_with_calls_of_ones_own(rn):
    x = rn.Input((3,))
    inner = rn.Sequential([rn.Input((4,)), rn.layers.Dense(4)], name="inner")
    model = rn.Model(x, rn.layers.Dense(2, name="last")(inner(rn.layers.Dense(4, activation="relu")(x))))

    def call(layer, *args, **kwargs):
        y = layer(*args, **kwargs)
        return rn.layers.Dropout(0.5)(y) if isinstance(layer, rn.layers.Dense) else y

    new = rn.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
    assert [type(layer).__name__ for layer in new.layers] == ["InputLayer", "Dense", "Dropout", "Sequential", "Dense", "Dropout"]
    data = np.ones((2, 3), "f4")
    np.testing.assert_array_equal(new(data), model(data))
    with pytest.raises(ValueError, match="`call_function` is for models made from symbolic tensors"):
        rn.models.clone_model(inner, call_function=call)
    with pytest.raises(ValueError, match="must have the structure of the model's inputs"):
        rn.models.clone_model(model, input_tensors={"a": rn.Input((3,)), "b": rn.Input((3,))})
