"""Layers of convolutional networks: gradients, the two namespaces, configurations, state, errors."""

import copy
import pickle

import conv_grid
import numpy as np
import pytest

import refnet

IDS = list(conv_grid.GRID)
# Without renorm, whose correction is a constant to the gradient, which a difference is not.
# With a mask: compared with Keras.
SMALL = [
    id
    for id in IDS
    if int(np.prod(conv_grid.GRID[id][2])) <= 300
    and not id.endswith(("-wide", "-frozen", "-mask"))
    and "empty" not in id
    and "renorm" not in id
]


def make(rn, id, dtype="float64"):
    name, config, shape, _ = conv_grid.GRID[id]
    rn.utils.set_random_seed(1)
    layer = getattr(rn.layers, name)(**config, dtype=dtype)
    layer.build(shape)
    x, weights, _ = conv_grid.arrays_for(id, [w.shape for w in layer.weights], (1,))
    layer.set_weights(weights)
    return layer, x.astype(dtype)


def test_every_layer_of_convolutional_networks_is_in_the_grid():
    from refnet.layers import convolution, normalization, pooling, reshaping

    public = {*convolution.__all__, *normalization.__all__, *pooling.__all__, *reshaping.__all__}
    assert public - {case[0] for case in conv_grid.GRID.values()} == {
        "SpectralNormalization"
    }  # which has tests of its own


@pytest.mark.parametrize("id", SMALL)
def test_gradient(rn, id):
    """Every parameter and input, in float64, against central differences."""
    layer, x = make(rn, id)
    training = conv_grid.GRID[id][3].get("training", True)
    rn.gradcheck.check(layer, x, training=training, max_elements=40).raise_if_failed()


@pytest.mark.parametrize("id", IDS)
def test_configuration_round_trip(rn, id):
    layer, x = make(rn, id, "float32")
    config = rn.layers.serialize(layer)
    assert config["module"] == "keras.layers"
    twin = rn.layers.deserialize(config)
    assert type(twin) is type(layer) and twin.get_config() == layer.get_config()
    if not twin.built:
        twin.build(x.shape)
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(twin(x), layer(x))


@pytest.mark.parametrize("id", [id for id in IDS if "inference" not in id])
def test_symbolic_shapes(rn, id):
    """A functional model gives what the layer gives, and knows its shape beforehand."""
    name, config, shape, _ = conv_grid.GRID[id]
    inputs = rn.Input(shape[1:])
    layer = getattr(rn.layers, name)(**config)
    output = layer(inputs)
    x = conv_grid.arrays_for(id, [], (1,))[0].astype("float32")
    y = rn.Model(inputs, output)(x)
    assert output.shape == (None, *y.shape[1:]) and y.dtype == output.dtype
    np.testing.assert_array_equal(y, layer(x))


@pytest.mark.parametrize(
    "name, shape",
    [
        ("Conv2D", (None, None, 3)),
        ("MaxPooling2D", (None, None, 3)),
        ("Conv2DTranspose", (None, None, 3)),
        ("DepthwiseConv2D", (None, None, 3)),
        ("ZeroPadding2D", (None, 5, 3)),
        ("UpSampling2D", (None, None, 3)),
        ("GlobalAveragePooling2D", (None, None, 3)),
        ("BatchNormalization", (None, None, 3)),
    ],
)
def test_unknown_sizes_stay_unknown(rn, name, shape):
    arguments = {"Conv2D": (4, 3), "Conv2DTranspose": (4, 3), "DepthwiseConv2D": (3,)}.get(name, ())
    inputs = rn.Input(shape)
    model = rn.Model(inputs, getattr(rn.layers, name)(*arguments)(inputs))
    for size in (5, 8):
        x = np.ones((2, size, 5, 3), "float32")
        y = model(x)
        assert all(m in (None, n) for m, n in zip(model.output_shape, y.shape, strict=True))


@pytest.mark.parametrize("how", ["pickle", "deepcopy"])
@pytest.mark.parametrize(
    "id", ["Conv2D-2x7x9x3-valid", "BatchNormalization-6x5-training", "SeparableConv2D-2x7x6x3-same"]
)
def test_copies_are_equal_and_independent(rn, id, how):
    layer, x = make(rn, id)
    y = layer(x)
    twin = pickle.loads(pickle.dumps(layer)) if how == "pickle" else copy.deepcopy(layer)
    assert type(twin) is type(layer)
    np.testing.assert_array_equal(twin(x), y)
    twin.weights[0].assign(np.zeros(twin.weights[0].shape))
    np.testing.assert_array_equal(layer(x), y)


@pytest.mark.parametrize(
    "id",
    [
        "Conv2D-2x7x9x3-valid",
        "Conv1D-2x11x3-causal",
        "Conv2D-2x5x6x6-groups",
        "MaxPooling2D-2x7x9x3-odd",
        "BatchNormalization-3x4x5x2-training",
        "LayerNormalization-2x3x4-two",
        "GroupNormalization-2x3x5x6-last",
    ],
)
def test_any_memory_layout_and_type_will_do(rn, id):
    """Non-contiguous, read-only and integer inputs."""
    layer, x = make(rn, id, "float32")
    y = layer(x)
    strided = np.repeat(x, 2, axis=1)[:, ::2]
    assert not strided.flags.c_contiguous
    strided.flags.writeable = False
    np.testing.assert_array_equal(layer(strided), y)
    np.testing.assert_array_equal(layer(np.asfortranarray(x)), y)
    np.testing.assert_array_equal(layer(x.astype("float64")), y)
    integers = np.round(x * 4).astype("int32")
    np.testing.assert_array_equal(layer(integers), layer(integers.astype("float32")))


def test_weight_names_and_order(rn):
    def names(layer, shape):
        layer.build(shape)
        return [(w.name, w.shape) for w in layer.weights]

    assert names(rn.layers.Conv2D(4, 3), (None, 5, 5, 2)) == [("kernel", (3, 3, 2, 4)), ("bias", (4,))]
    assert names(rn.layers.Conv2D(4, 3, groups=2), (None, 5, 5, 6)) == [("kernel", (3, 3, 3, 4)), ("bias", (4,))]
    assert names(rn.layers.Conv2DTranspose(4, 3), (None, 5, 5, 2)) == [("kernel", (3, 3, 4, 2)), ("bias", (4,))]
    assert names(rn.layers.DepthwiseConv2D(3, depth_multiplier=2), (None, 5, 5, 4)) == [
        ("kernel", (3, 3, 4, 2)),
        ("bias", (8,)),
    ]
    assert names(rn.layers.SeparableConv2D(5, 3), (None, 5, 5, 2)) == [
        ("depthwise_kernel", (3, 3, 2, 1)),
        ("pointwise_kernel", (1, 1, 2, 5)),
        ("bias", (5,)),
    ]
    assert names(rn.layers.BatchNormalization(), (None, 3)) == [
        ("gamma", (3,)),
        ("beta", (3,)),
        ("moving_mean", (3,)),
        ("moving_variance", (3,)),
    ]


def test_keras_other_names_are_the_same_classes(rn):
    layers = rn.layers
    assert layers.MaxPool2D is layers.MaxPooling2D and layers.Convolution2D is layers.Conv2D
    assert layers.GlobalAvgPool2D is layers.GlobalAveragePooling2D and layers.AvgPool1D is layers.AveragePooling1D


def test_convolutional_layers_run_their_own_kernels(fast):
    from test_namespaces import counting

    x = np.random.default_rng(0).random((4, 12, 12, 3)).astype("float32")
    y = np.arange(4)
    for namespace, own in ((refnet, "reference"), (fast, "fast")):
        layers = namespace.layers
        model = namespace.Sequential(
            [
                namespace.Input((12, 12, 3)),
                layers.Conv2D(4, 3, activation="relu"),
                layers.BatchNormalization(),
                layers.MaxPooling2D(),
                layers.SeparableConv2D(4, 3),
                layers.LayerNormalization(),
                layers.Conv2DTranspose(4, 3),
                layers.GlobalAveragePooling2D(),
                layers.Dense(5, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        with counting(refnet.kernels, fast.kernels) as counts:
            model.fit(x, y, verbose=0)
            model.predict(x, verbose=0)
        assert counts.pop(own) > 0 and not any(counts.values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_twins_train_alike(fast, dtype):
    rng = np.random.default_rng(0)
    x, y = rng.random((48, 9, 9, 2)).astype(dtype), rng.integers(0, 3, 48)
    weights = []
    for namespace in (refnet, fast):
        namespace.utils.set_random_seed(5)
        layers = namespace.layers
        model = namespace.Sequential(
            [
                namespace.Input((9, 9, 2), dtype=dtype),
                layers.Conv2D(8, 3, activation="relu", dtype=dtype),
                layers.MaxPooling2D(dtype=dtype),
                layers.BatchNormalization(dtype=dtype),
                layers.SpatialDropout2D(0.2, dtype=dtype),
                layers.Flatten(dtype=dtype),
                layers.Dense(3, dtype=dtype),
            ]
        )
        model.compile("sgd", namespace.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(x, y, epochs=3, batch_size=16, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-5 if dtype == "float32" else 1e-12)


# --- state ----------------------------------------------------------------------------------------------------------


class TestBatchNormalization:
    def test_moving_statistics(self, rn):
        layer = rn.layers.BatchNormalization(momentum=0.75)
        x = np.random.default_rng(0).normal(3, 2, (50, 4)).astype("float32")
        layer(x, training=True)
        np.testing.assert_allclose(layer.moving_mean.value, 0.25 * x.mean(0), rtol=1e-5)
        np.testing.assert_allclose(layer.moving_variance.value, 0.75 + 0.25 * x.var(0), rtol=1e-5)
        before = layer.get_weights()
        layer(x)
        layer(x, training=False)
        for a, b in zip(before, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_frozen_means_inference(self, rn):
        layer = rn.layers.BatchNormalization()
        x = np.random.default_rng(0).normal(3, 2, (50, 4)).astype("float32")
        layer(x, training=True)
        layer.trainable = False
        before = layer.get_weights()
        np.testing.assert_array_equal(layer(x, training=True), layer(x, training=False))
        for a, b in zip(before, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        layer.trainable = True
        assert not np.allclose(layer(x, training=True), layer(x, training=False))
        assert [w.name for w in layer.trainable_variables] == ["gamma", "beta"]

    def test_fit_moves_them_and_evaluate_does_not(self, rn):
        x = np.random.default_rng(0).normal(3, 2, (64, 4)).astype("float32")
        model = rn.Sequential([rn.Input((4,)), rn.layers.BatchNormalization(), rn.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(x, x[:, :1], epochs=1, batch_size=16, verbose=0)
        moved = model.layers[0].moving_mean.numpy()
        assert (moved > 0.05).all()
        model.evaluate(x, x[:, :1], verbose=0)
        model.predict(x, verbose=0)
        np.testing.assert_array_equal(model.layers[0].moving_mean.value, moved)

    def test_an_empty_batch_teaches_nothing(self, rn):
        layer = rn.layers.BatchNormalization()
        layer.build((None, 3))
        assert layer(np.empty((0, 3), "float32"), training=True).shape == (0, 3)
        np.testing.assert_array_equal(layer.moving_variance.value, 1)

    def test_a_mask_of_everything_changes_nothing(self, rn):
        x = np.random.default_rng(0).normal(3, 2, (5, 6, 4)).astype("float32")
        plain, masked = rn.layers.BatchNormalization(), rn.layers.BatchNormalization()
        np.testing.assert_allclose(
            masked(x, training=True, mask=np.ones((5, 6), bool)), plain(x, training=True), rtol=1e-5, atol=1e-6
        )

    def test_masked_entries_do_not_count(self, rn):
        x = np.random.default_rng(0).normal(3, 2, (5, 6, 4)).astype("float32")
        mask = np.ones((5, 6), bool)
        mask[2:, 3:] = False
        layer = rn.layers.BatchNormalization(momentum=0.0)
        layer(x, training=True, mask=mask)
        np.testing.assert_allclose(layer.moving_mean.value, x[mask].mean(0), rtol=1e-5)
        np.testing.assert_allclose(layer.moving_variance.value, x[mask].var(0), rtol=1e-4)


class TestSpectralNormalization:
    def test_the_largest_singular_value_becomes_one(self, rn):
        rn.utils.set_random_seed(0)
        layer = rn.layers.SpectralNormalization(rn.layers.Conv2D(6, 3), power_iterations=50)
        x = np.random.default_rng(0).normal(size=(2, 6, 6, 4)).astype("float32")
        layer(x)
        before = layer.kernel.numpy()
        layer(x, training=False)
        np.testing.assert_array_equal(layer.kernel.value, before)
        layer(x, training=True)
        np.testing.assert_allclose(np.linalg.norm(layer.kernel.value.reshape(-1, 6), 2), 1, rtol=1e-3)
        np.testing.assert_allclose(before / layer.kernel.value, np.linalg.norm(before.reshape(-1, 6), 2), rtol=1e-3)

    def test_it_trains_and_is_saved(self, rn):
        layer = rn.layers.SpectralNormalization(rn.layers.Dense(3), power_iterations=2)
        model = rn.Sequential([rn.Input((4,)), layer])
        model.compile("sgd", "mse")
        x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
        model.fit(x, x[:, :3], verbose=0)
        assert [w.name for w in layer.weights] == ["kernel", "vector_u", "bias"] and len(layer.trainable_variables) == 2
        twin = rn.layers.deserialize(rn.layers.serialize(layer))
        assert type(twin) is type(layer) and type(twin.layer) is rn.layers.Dense and twin.power_iterations == 2

    def test_a_layer_without_kernel(self, rn):
        with pytest.raises(
            ValueError, match=r"SpectralNormalization 'spectral_normalization.*': Flatten .* has neither `kernel`"
        ):
            rn.layers.SpectralNormalization(rn.layers.Flatten())(np.ones((2, 3), "float32"))
        with pytest.raises(ValueError, match=r"`layer` must be a layer.*write \(\)"):
            rn.layers.SpectralNormalization(rn.layers.Dense)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_spatial_dropout_drops_whole_channels(rn, rank):
    x = np.ones((20, *((4,) * rank), 10), "float32")
    layer = getattr(rn.layers, f"SpatialDropout{rank}D")(0.4, seed=3)
    y = layer(x, training=True)
    places = y.reshape(20, -1, 10)
    assert (places == places[:, :1]).all() and 0.2 < (places[:, 0] == 0).mean() < 0.6
    np.testing.assert_array_equal(layer(x), x)
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    if rank > 1:
        first = getattr(rn.layers, f"SpatialDropout{rank}D")(0.4, data_format="channels_first", seed=3)
        np.testing.assert_array_equal(first(np.moveaxis(x, -1, 1), training=True), np.moveaxis(y, -1, 1))
