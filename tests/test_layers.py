"""Layers: weights, shapes, configuration, tracking, the call."""

import copy
import pickle

import numpy as np
import pytest


def x_of(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


class TestDense:
    def test_computes_what_it_says(self, rn):
        layer = rn.layers.Dense(3, activation="relu")
        x = x_of(4, 5)
        y = layer(x)
        assert type(y) is np.ndarray and y.dtype == np.float32
        np.testing.assert_allclose(y, np.maximum(x @ layer.kernel.value + layer.bias.value, 0), rtol=1e-5, atol=1e-6)

    def test_every_leading_axis_is_kept(self, rn):
        layer = rn.layers.Dense(3)
        x = x_of(2, 4, 5, 6)
        np.testing.assert_allclose(layer(x), x @ layer.kernel.value, rtol=1e-4, atol=1e-5)
        assert layer.compute_output_shape((None, 4, 5, 6)) == (None, 4, 5, 3)

    @pytest.mark.parametrize(
        "activation", ["linear", "relu", "sigmoid", "tanh", "gelu", "silu", "softmax", "elu", "softplus", "mish"]
    )
    def test_fused_and_unfused_activations_agree(self, rn, activation):
        x = x_of(6, 5)
        layer = rn.layers.Dense(4, activation=activation)
        y = layer(x)
        z = x @ layer.kernel.value + layer.bias.value
        np.testing.assert_allclose(y, rn.activations.get(activation)(z), rtol=2e-5, atol=1e-6)

    def test_activation_functions_of_either_namespace_are_fused(self, rn):
        import refnet
        from refnet.activations import fused_name

        assert fused_name(rn.activations.relu) == fused_name(refnet.activations.relu) == "relu"
        layer = rn.layers.Dense(2, activation=rn.activations.relu)
        assert layer.get_config()["activation"] == "relu"

    def test_without_bias(self, rn):
        layer = rn.layers.Dense(3, use_bias=False, name="plain")
        layer.build((None, 5))
        assert [w.path for w in layer.weights] == ["plain/kernel"]
        assert layer.bias is None and layer.count_params() == 15

    def test_all_arguments_survive_the_configuration(self, rn):
        layer = rn.layers.Dense(
            3,
            activation="tanh",
            use_bias=True,
            kernel_initializer=rn.initializers.HeNormal(seed=3),
            bias_initializer="ones",
            kernel_regularizer=rn.regularizers.L1L2(0.1, 0.2),
            bias_regularizer="l2",
            activity_regularizer=rn.regularizers.L1(0.3),
            kernel_constraint=rn.constraints.MaxNorm(1.5),
            bias_constraint="non_neg",
            name="d",
            dtype="float64",
            trainable=False,
        )
        twin = type(layer).from_config(layer.get_config())
        assert twin.get_config() == layer.get_config()
        assert type(twin) is type(layer)
        x = np.ones((2, 4))
        np.testing.assert_array_equal(twin(x), layer(x))  # the seed is part of the configuration
        assert twin(x).dtype == np.float64 and twin.trainable_variables == []

    def test_serialize_round_trip(self, rn):
        layer = rn.layers.Dense(3, activation="relu")
        config = rn.layers.serialize(layer)
        assert config["module"] == "keras.layers" and config["class_name"] == "Dense"
        twin = rn.layers.deserialize(config)
        assert type(twin) is rn.layers.Dense and twin.units == 3

    def test_regularizers_and_constraints_work(self, rn):
        layer = rn.layers.Dense(
            3, kernel_regularizer=rn.regularizers.L2(0.5), activity_regularizer=rn.regularizers.L1(0.25)
        )
        x = x_of(4, 5)
        y = layer(x)
        expected = {0.25 * np.abs(y).sum() / 4, 0.5 * np.square(layer.kernel.value).sum()}
        np.testing.assert_allclose(sorted(map(float, layer.losses)), sorted(expected), rtol=1e-5)
        layer(x)
        assert len(layer.losses) == 2  # a new call forgets the losses of the last


class TestLayers:
    def test_flatten(self, rn):
        x = x_of(2, 3, 4)
        np.testing.assert_array_equal(rn.layers.Flatten()(x), x.reshape(2, 12))
        assert rn.layers.Flatten()(x_of(5)[:, None]).shape == (5, 1)
        first = rn.layers.Flatten(data_format="channels_first")(x)
        np.testing.assert_array_equal(first, np.moveaxis(x, 1, -1).reshape(2, 12))
        assert rn.layers.Flatten().compute_output_shape((None, 3, None)) == (None, None)

    def test_activation(self, rn):
        x = x_of(2, 3)
        np.testing.assert_allclose(rn.layers.Activation("tanh")(x), np.tanh(x), rtol=1e-5)
        layer = rn.layers.Activation(rn.activations.softmax)
        assert type(layer).from_config(layer.get_config()).get_config()["activation"] == "softmax"

    def test_dropout(self, rn):
        layer = rn.layers.Dropout(0.25, seed=3)
        x = np.ones((50, 40), "float32")
        np.testing.assert_array_equal(layer(x), x)
        np.testing.assert_array_equal(layer(x, training=False), x)
        y, z = layer(x, training=True), layer(x, training=True)
        assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)} and not np.array_equal(y, z)
        assert abs((y == 0).mean() - 0.25) < 0.03
        again = rn.layers.Dropout(0.25, seed=3)(x, training=True)
        np.testing.assert_array_equal(again, y)

    def test_dropout_masks_do_not_depend_on_the_backend_or_type(self, fast):
        import refnet

        a = refnet.layers.Dropout(0.4, seed=5)(np.ones((7, 9), "float32"), training=True)
        b = fast.layers.Dropout(0.4, seed=5)(np.ones((7, 9), "float32"), training=True)
        c = fast.layers.Dropout(0.4, seed=5, dtype="float64")(np.ones((7, 9)), training=True)
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a != 0, c != 0)

    def test_noise_shape_shares_the_mask(self, rn):
        y = rn.layers.Dropout(0.5, noise_shape=(None, 1), seed=1)(np.ones((20, 6), "float32"), training=True)
        assert (y == y[:, :1]).all() and len(np.unique(y)) == 2

    def test_input(self, rn):
        x = rn.Input(shape=(3, None), dtype="int32", name="tokens")
        assert x.shape == (None, 3, None) and x.dtype == "int32" and x.name == "tokens"
        assert rn.Input(batch_shape=(4, 2)).shape == (4, 2)
        assert rn.Input((2,), batch_size=8).shape == (8, 2)


class TestOwnLayers:
    def make(self, rn):
        class Scale(rn.layers.Layer):
            def __init__(self, factor=2.0, **kwargs):
                super().__init__(**kwargs)
                self.factor = factor

            def build(self, input_shape):
                self.weight = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="weight")

            def call(self, x):
                return self.factor * x * self.weight

        return Scale

    def test_only_call_is_needed(self, rn):
        class Square(rn.layers.Layer):
            def call(self, x):
                return x * x

        layer = Square()
        x = x_of(3, 2)
        np.testing.assert_allclose(layer(x), x * x, rtol=1e-6)
        assert layer.compute_output_shape((None, 7)) == (None, 7)
        symbolic = layer(rn.Input((4, 2)))
        assert symbolic.shape == (None, 4, 2)

    def test_shapes_are_inferred_by_running_call(self, rn):
        class Pairs(rn.layers.Layer):
            def call(self, x):
                return {"sum": rn.ops.sum(x, axis=-1), "wide": rn.ops.concatenate([x, x], axis=-1)}

        out = Pairs()(rn.Input((5,)))
        assert out["sum"].shape == (None,) and out["wide"].shape == (None, 10)

    def test_build_call_and_gradient(self, rn):
        layer = self.make(rn)(name="mine")
        x = x_of(3, 2)
        with rn.GradientTape() as tape:
            loss = rn.ops.sum(layer(x))
        (gradient,) = tape.gradient(loss, layer.trainable_variables)
        np.testing.assert_allclose(gradient, 2 * x.sum(0), rtol=1e-5)
        assert [w.path for w in layer.weights] == ["mine/weight"]

    def test_configuration_by_itself(self, rn):
        layer = self.make(rn)(factor=3.0, name="s")
        config = layer.get_config()
        assert config["factor"] == 3.0 and config["name"] == "s"
        assert type(layer).from_config(config).factor == 3.0

    def test_a_constructor_argument_that_is_no_plain_value_needs_get_config(self, rn):
        class Odd(rn.layers.Layer):
            def __init__(self, thing, **kwargs):
                super().__init__(**kwargs)
                self.thing = thing

            def call(self, x):
                return x

        with pytest.raises(NotImplementedError, match="get_config"):
            Odd(object()).get_config()

    def test_weights_of_attributes_lists_and_dicts_are_found(self, rn):
        class Block(rn.layers.Layer):
            def __init__(self):
                super().__init__(name="block")
                self.stack = [rn.layers.Dense(4), rn.layers.Dense(4)]
                self.named = {"head": rn.layers.Dense(2, name="head")}
                self.extra = rn.Variable(np.ones(3, "float32"), name="extra")

            def call(self, x):
                for layer in self.stack:
                    x = layer(x)
                return self.named["head"](x)

        block = Block()
        block(x_of(2, 3))
        assert len(block.weights) == 7 and len(block._flatten_layers()) == 4
        assert block.weights[-1].path == "block/head/bias"
        block.stack.append(rn.layers.Dense(4))  # seen although the list changed in place
        assert len(block._flatten_layers()) == 5

    def test_training_reaches_inner_layers(self, rn):
        seen = []

        class Inner(rn.layers.Layer):
            def call(self, x, training=None):
                seen.append(training)
                return x

        class Outer(rn.layers.Layer):
            def __init__(self):
                super().__init__()
                self.inner = Inner()

            def call(self, x):
                return self.inner(x)

        x, outer = x_of(2, 2), Outer()
        outer(x)
        outer(x, training=True)
        outer(x, training=False)
        assert seen == [None, True, False]

    def test_forgetting_super_is_explained(self, rn):
        class Forgetful(rn.layers.Layer):
            def __init__(self):
                self.units = 3

        with pytest.raises(RuntimeError, match=r"super\(\).__init__\(\)"):
            Forgetful()(np.ones((2, 3), "f4"))  # as in Keras: where it is used

    def test_add_loss(self, rn):
        class Penalty(rn.layers.Layer):
            def call(self, x):
                self.add_loss(rn.ops.sum(x))
                return x

        layer = Penalty()
        layer(np.ones((2, 3), "float32"))
        assert [float(loss) for loss in layer.losses] == [6.0]

    def test_build_with_several_shapes(self, rn):
        class Two(rn.layers.Layer):
            def build(self, query_shape, value_shape):
                self.shapes = (query_shape, value_shape)

            def call(self, query, value):
                return rn.ops.concatenate([query, value], axis=-1)

        layer = Two()
        assert layer(x_of(2, 3), x_of(2, 4)).shape == (2, 7)
        assert tuple(layer.shapes) == ((None, 3), (None, 4))


class TestState:
    def test_names_count_up(self, rn):
        rn.utils.clear_session()
        assert [rn.layers.Dense(1).name for _ in range(3)] == ["dense", "dense_1", "dense_2"]
        assert rn.layers.InputLayer((1,)).name == "input_layer"

    def test_trainable_is_passed_down_and_back(self, rn):
        model = rn.Sequential([rn.Input((3,)), rn.layers.Dense(4), rn.layers.Dense(2)])
        assert len(model.trainable_variables) == 4
        model.layers[0].trainable = False
        assert len(model.trainable_variables) == 2 and len(model.non_trainable_variables) == 2
        assert [w.path for w in model.weights] == [w.path for w in model.layers[0].weights + model.layers[1].weights]
        model.trainable = False
        assert model.trainable_variables == [] and not model.layers[1].trainable
        model.trainable = True
        assert len(model.trainable_variables) == 4

    def test_a_frozen_layer_gets_frozen_weights(self, rn):
        layer = rn.layers.Dense(2, trainable=False)
        layer.build((None, 3))
        assert not layer.kernel.trainable and layer.trainable_variables == []
        layer.trainable = True
        assert layer.kernel.trainable and len(layer.trainable_variables) == 2

    def test_get_and_set_weights_copy(self, rn):
        layer = rn.layers.Dense(2)
        layer.build((None, 3))
        weights = layer.get_weights()
        weights[0][:] = 7
        assert not (layer.kernel.value == 7).any()
        layer.set_weights(weights)
        weights[0][:] = 0
        assert (layer.kernel.value == 7).all()

    @pytest.mark.parametrize("how", ["pickle", "deepcopy"])
    def test_copies_are_equal_and_independent(self, rn, how):
        layer = rn.layers.Dense(2, activation="relu")
        x = x_of(4, 3)
        y = layer(x)
        twin = pickle.loads(pickle.dumps(layer)) if how == "pickle" else copy.deepcopy(layer)
        assert type(twin) is type(layer)
        np.testing.assert_array_equal(twin(x), y)
        twin.kernel.assign(np.zeros((3, 2)))
        np.testing.assert_array_equal(layer(x), y)

    def test_float64(self, rn):
        layer = rn.layers.Dense(2, dtype="float64")
        y = layer(x_of(3, 4))
        assert y.dtype == np.float64 and layer.kernel.dtype == np.float64 and layer.compute_dtype == "float64"

    def test_both_float_types_start_from_the_same_numbers(self, rn):
        single = rn.layers.Dense(5, kernel_initializer=rn.initializers.GlorotUniform(seed=1))
        double = rn.layers.Dense(5, kernel_initializer=rn.initializers.GlorotUniform(seed=1), dtype="float64")
        single.build((None, 4))
        double.build((None, 4))
        np.testing.assert_array_equal(single.kernel.value, double.kernel.value.astype("float32"))


class TestInitializers:
    @pytest.mark.parametrize(
        ("name", "variance"),
        [
            ("glorot_uniform", 2 / 500),
            ("glorot_normal", 2 / 500),
            ("he_uniform", 2 / 200),
            ("he_normal", 2 / 200),
            ("lecun_uniform", 1 / 200),
            ("lecun_normal", 1 / 200),
            ("random_normal", 0.0025),
            ("random_uniform", 0.01 / 12),
        ],
    )
    def test_variance(self, rn, name, variance):
        values = rn.initializers.get(name)((200, 300))
        assert values.dtype == np.float32
        np.testing.assert_allclose(values.var(), variance, rtol=0.03)

    def test_constants(self, rn):
        initializers = rn.initializers
        assert (initializers.Zeros()((2, 2)) == 0).all() and (initializers.Ones()((2, 2)) == 1).all()
        assert (initializers.Constant(3)((2,)) == 3).all()
        np.testing.assert_array_equal(initializers.Identity(2.0)((2, 3)), [[2, 0, 0], [0, 2, 0]])

    @pytest.mark.parametrize("shape", [(6, 3), (3, 6), (2, 3, 4)])
    def test_orthogonal(self, rn, shape):
        matrix = rn.initializers.Orthogonal(seed=1)(shape, "float64").reshape(-1, shape[-1])
        product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
        np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-12)

    def test_truncated_normal_stays_within_two_deviations(self, rn):
        values = rn.initializers.TruncatedNormal(1.0, 0.5, seed=2)((1000,))
        assert values.min() >= 0.0 and values.max() <= 2.0

    def test_seeds(self, rn):
        assert np.array_equal(rn.initializers.HeNormal(seed=1)((3, 3)), rn.initializers.HeNormal(seed=1)((3, 3)))
        assert not np.array_equal(rn.initializers.HeNormal()((3, 3)), rn.initializers.HeNormal()((3, 3)))
        rn.utils.set_random_seed(4)
        first = rn.initializers.HeNormal()((3, 3))
        rn.utils.set_random_seed(4)
        np.testing.assert_array_equal(rn.initializers.HeNormal()((3, 3)), first)


class TestConstraints:
    def test_they_project(self, rn):
        w = x_of(4, 3, seed=2) * 3
        constraints = rn.constraints
        assert (constraints.NonNeg()(w) >= 0).all()
        np.testing.assert_allclose(np.linalg.norm(constraints.UnitNorm()(w), axis=0), 1, rtol=1e-5)
        assert (np.linalg.norm(constraints.MaxNorm(1.0)(w), axis=0) <= 1 + 1e-5).all()
        norms = np.linalg.norm(constraints.MinMaxNorm(0.5, 1.0)(w), axis=0)
        assert ((norms >= 0.5 - 1e-5) & (norms <= 1 + 1e-5)).all()
        assert type(constraints.get("max_norm")) is constraints.MaxNorm
