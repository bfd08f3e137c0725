"""What layers of convolutional networks say of bad input: which layer, which shape, what to do. And a few odd inputs."""

import numpy as np
import pytest

ERRORS = [
    (
        "Conv2D",
        {"filters": 4, "kernel_size": 5, "name": "c"},
        (2, 4, 4, 3),
        r"Conv2D 'c': the output would be empty.*\(5, 5\).*\(4, 4\).*same",
    ),
    (
        "Conv2D",
        {"filters": 4, "kernel_size": 3, "dilation_rate": 2, "name": "c"},
        (2, 4, 4, 3),
        r"'c'.*spans \(5, 5\).*padding='same'",
    ),
    (
        "Conv2D",
        {"filters": 4, "kernel_size": 3, "groups": 2, "name": "c"},
        (2, 5, 5, 3),
        r"Conv2D 'c'.*divisible by `groups`.*3 channels",
    ),
    (
        "Conv2D",
        {"filters": 5, "kernel_size": 3, "groups": 2},
        None,
        r"`filters` must be divisible by `groups`.*filters=6",
    ),
    (
        "Conv2D",
        {"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2, "name": "c"},
        None,
        r"'c': strides > 1.*dilation_rate > 1",
    ),
    (
        "Conv2DTranspose",
        {"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2},
        None,
        r"strides > 1.*dilation_rate > 1",
    ),
    (
        "Conv2DTranspose",
        {"filters": 4, "kernel_size": 3, "strides": 2, "output_padding": 2},
        None,
        r"`output_padding` must be less",
    ),
    ("Conv2D", {"filters": 0, "kernel_size": 3}, None, r"`filters` must be a positive integer"),
    ("Conv2D", {"filters": 4, "kernel_size": (3, 3, 3)}, None, r"`kernel_size`.*tuple of 2 integers"),
    ("Conv2D", {"filters": 4, "kernel_size": 0}, None, r"`kernel_size`.*at least 1"),
    (
        "Conv2D",
        {"filters": 4, "kernel_size": 3, "padding": "causal"},
        None,
        r"`padding` must be one of 'valid', 'same'\.",
    ),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "data_format": "NCHW"}, None, r"'channels_last' or 'channels_first'"),
    (
        "Conv2D",
        {"filters": 4, "kernel_size": 3, "name": "c"},
        (2, 28, 28),
        r"'c'.*ndim=4, found ndim=3.*x\[\.\.\., np\.newaxis\]",
    ),
    (
        "DepthwiseConv2D",
        {"kernel_size": 3, "name": "d"},
        (2, 2, 5, 3),
        r"DepthwiseConv2D 'd': the output would be empty",
    ),
    (
        "SeparableConv2D",
        {"filters": 2, "kernel_size": 3, "name": "s"},
        (2, 2, 5, 3),
        r"SeparableConv2D 's': the output would be empty",
    ),
    (
        "MaxPooling2D",
        {"pool_size": 5, "name": "p"},
        (2, 4, 4, 3),
        r"MaxPooling2D 'p': the output would be empty: a pool of size \(5, 5\)",
    ),
    ("AveragePooling1D", {"pool_size": 5, "name": "p"}, (2, 4, 3), r"AveragePooling1D 'p'.*padding='same'"),
    ("MaxPooling2D", {"padding": "causal"}, None, r"`padding` must be 'valid' or 'same'"),
    ("MaxPooling2D", {"strides": 0}, None, r"`strides`.*at least 1"),
    ("GlobalAveragePooling2D", {"name": "g"}, (2, 0, 4, 3), r"GlobalAveragePooling2D 'g'.*no places"),
    ("Cropping2D", {"cropping": 2, "name": "k"}, (2, 4, 4, 3), r"Cropping2D 'k': the output would be empty"),
    ("Cropping2D", {"cropping": -1}, None, r"at least 0"),
    ("UpSampling2D", {"interpolation": "cubic"}, None, r"`interpolation` must be one of"),
    ("Resizing", {"height": 0, "width": 4}, None, r"`height, width`"),
    (
        "GroupNormalization",
        {"groups": 4, "name": "n"},
        (2, 5, 6),
        r"GroupNormalization 'n'.*divisible by `groups`.*\[1, 2, 3, 6\]",
    ),
    ("GroupNormalization", {"groups": 0}, None, r"`groups` must be a positive integer"),
    ("BatchNormalization", {"synchronized": True}, None, r"several devices"),
    ("BatchNormalization", {"axis": 3, "name": "b"}, (2, 5, 6), r"BatchNormalization 'b': axis 3 is out of range"),
    ("LayerNormalization", {"axis": 3, "name": "l"}, (2, 5, 6), r"LayerNormalization 'l': axis 3 is out of range"),
    ("LayerNormalization", {"rms_scaling": True}, None, r"RMSNormalization"),
]


@pytest.mark.parametrize("name, config, shape, message", ERRORS, ids=[f"{e[0]}-{i}" for i, e in enumerate(ERRORS)])
def test_errors_say_which_layer_and_what_to_do(rn, name, config, shape, message):
    with pytest.raises(ValueError, match=message):
        layer = getattr(rn.layers, name)(**config)
        if shape is not None:
            layer(np.ones(shape, "float32"))
    if shape is not None and "newaxis" not in message:  # the same while a model is built
        with pytest.raises(ValueError, match=message):
            getattr(rn.layers, name)(**config)(rn.Input(shape[1:]))


def test_a_later_input_that_is_too_small_is_named_as_well(rn):
    inputs = rn.Input((None, None, 1))
    model = rn.Model(inputs, rn.layers.MaxPooling2D(name="pool")(rn.layers.Conv2D(2, 3, name="conv")(inputs)))
    model(np.ones((1, 8, 8, 1), "float32"))
    with pytest.raises(ValueError, match=r"Conv2D 'conv': the output would be empty"):
        model(np.ones((1, 2, 8, 1), "float32"))
    with pytest.raises(ValueError, match=r"MaxPooling2D 'pool': the output would be empty"):
        model(np.ones((1, 3, 8, 1), "float32"))


def test_a_changed_number_of_channels(rn):
    layer = rn.layers.Conv2D(2, 3, name="conv")
    layer(np.ones((1, 5, 5, 3), "float32"))
    with pytest.raises(ValueError, match=r"layer 'conv'.*axis -1.*size 3, found size 4"):
        layer(np.ones((1, 5, 5, 4), "float32"))


def test_a_mask_of_the_wrong_shape(rn):
    with pytest.raises(ValueError, match=r"BatchNormalization 'b': the mask.*\(2, 4\).*\(2, 3, 4\)"):
        rn.layers.BatchNormalization(name="b")(np.ones((2, 3, 4), "float32"), training=True, mask=np.ones((2, 4), bool))


def test_integer_images_keep_their_type(rn):
    images = np.array([[0, 255], [255, 0]], np.uint8).reshape(1, 2, 2, 1)
    resized = rn.ops.image.resize(images, (4, 4))
    assert resized.dtype == np.uint8 and resized.min() == 0 and resized.max() == 255
    np.testing.assert_array_equal(
        rn.ops.image.resize(images, (4, 4), "nearest")[0, :, :, 0], np.kron(images[0, :, :, 0], np.ones((2, 2)))
    )
    assert rn.layers.Resizing(3, 3)(images).dtype == np.uint8


def test_adaptive_maxima_go_to_the_first_of_equals_and_keep_nan(rn):
    with rn.GradientTape() as tape:
        x = rn.ops.convert_to_tensor(np.array([1.0, 3.0, 3.0, 0.0, np.nan, 2.0]).reshape(1, 6, 1))
        tape.watch(x)
        y = rn.ops.adaptive_max_pool(x, 2)
    np.testing.assert_array_equal(y.value.ravel(), [3, np.nan])
    np.testing.assert_array_equal(tape.gradient(y, x).ravel(), [0, 1, 0, 0, 1, 0])
