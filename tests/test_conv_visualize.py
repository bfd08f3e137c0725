"""refnet.visualize: the numbers behind the pictures, and that pictures are drawn."""

import importlib.util

import numpy as np
import pytest


@pytest.fixture
def network(rn):
    rn.utils.set_random_seed(2)
    layers = rn.layers
    return rn.Sequential(
        [
            rn.Input((12, 10, 1)),
            layers.Conv2D(5, 3, activation="relu", name="first"),
            layers.MaxPooling2D(name="pool"),
            layers.Conv2D(6, 3, activation="relu", name="last"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    )


@pytest.fixture
def image():
    return np.random.default_rng(0).random((12, 10, 1)).astype("float32")


def test_filters(rn, network):
    picture = rn.visualize.filters(network.layers[0])
    assert picture.values.shape == (5, 3, 3, 1)
    np.testing.assert_array_equal(picture.values[2, :, :, 0], network.layers[0].kernel.value[:, :, 0, 2])
    assert rn.visualize.filters(network.layers[2], limit=2).values.shape == (6, 3, 3, 5)
    transposed = rn.layers.Conv2DTranspose(7, 3)
    transposed.build((None, 4, 4, 2))
    assert rn.visualize.filters(transposed).values.shape == (7, 3, 3, 2)


def test_feature_maps(rn, network, image):
    picture = rn.visualize.feature_maps(network, image)
    np.testing.assert_allclose(
        picture.values, network.layers[2](network.layers[1](network.layers[0](image[None])))[0], rtol=1e-5, atol=1e-6
    )
    one = rn.visualize.feature_maps(network, image[None], layers=["first"])
    np.testing.assert_allclose(one.values, network.layers[0](image[None])[0], rtol=1e-5, atol=1e-6)
    assert "5 panels" in repr(one)


def test_saliency_is_the_slope_of_the_logit(rn, network, image):
    """A pixel is nudged, and the number that goes into the softmax watched."""
    values = rn.visualize.saliency(network, image, index=1).values
    logits = rn.Model(network.inputs[0], network.layers[-2].output)
    dense = network.layers[-1]

    def score(x):
        return (
            logits(x[None].astype("float32")).astype("float64") @ dense.kernel.value.astype("float64")
            + dense.bias.value
        )[0, 1]

    for place in ((0, 0), (5, 5), (11, 9)):
        up, down = image.copy(), image.copy()
        up[place] += 0.01
        down[place] -= 0.01
        slope = abs(score(up) - score(down)) / 0.02
        np.testing.assert_allclose(values[place], slope, rtol=0.05, atol=1e-4)
    best = int(np.argmax(network(image[None])))
    np.testing.assert_array_equal(
        rn.visualize.saliency(network, image).values, rn.visualize.saliency(network, image, best).values
    )


def test_grad_cam_finds_what_the_score_was_made_of(rn):
    """One filter of ones, a score that is its mean: the evidence lies where the image is bright."""
    layers = rn.layers
    model = rn.Sequential(
        [
            rn.Input((16, 16, 1)),
            layers.Conv2D(1, 3, padding="same", kernel_initializer="ones", activation="relu", name="maps"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, kernel_initializer="ones"),
        ]
    )
    image = np.zeros((16, 16, 1), "float32")
    image[2:5, 9:12] = 1
    values = rn.visualize.grad_cam(model, image, index=0).values
    assert values.shape == (16, 16) and np.unravel_index(values.argmax(), values.shape) == (3, 10)
    assert values[8:].max() == 0 and values.max() == 1
    model.layers[-1].set_weights([-np.ones((1, 2)), np.zeros(2)])  # now the bright place speaks against the class
    assert rn.visualize.grad_cam(model, image, "maps", 0).values.max() == 0


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_channels_first(rn, channels, tmp_path):
    layers = rn.layers
    model = rn.Sequential(
        [
            rn.Input((channels, 9, 8)),
            layers.Conv2D(4, 3, data_format="channels_first", activation="relu"),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    image = np.random.default_rng(0).random((channels, 9, 8)).astype("float32")
    assert rn.visualize.saliency(model, image).values.shape == (9, 8)
    assert rn.visualize.grad_cam(model, image).values.shape == (9, 8)
    assert rn.visualize.feature_maps(model, image).values.shape == (7, 6, 4)
    if channels == 1:  # the one channel may be left out
        for given in (image[0], image):
            np.testing.assert_array_equal(
                rn.visualize.saliency(model, given).values, rn.visualize.saliency(model, image[None]).values
            )
    assert_drawn(rn.visualize.saliency(model, image), tmp_path)
    assert_drawn(rn.visualize.grad_cam(model, image), tmp_path)


def test_channels_last_that_are_permuted_inside(rn):
    """The first layer that has a data format says how the model's input is stored."""
    layers = rn.layers
    inputs = rn.Input((9, 8, 3))
    x = layers.Conv2D(4, 3, data_format="channels_last")(inputs)
    x = rn.ops.transpose(x, (0, 3, 1, 2))
    x = layers.GlobalAveragePooling2D(data_format="channels_first")(x)
    model = rn.Model(inputs, x)
    assert rn.visualize.saliency(model, np.zeros((9, 8, 3), "float32")).values.shape == (9, 8)


def assert_drawn(picture, folder):
    if importlib.util.find_spec("matplotlib"):
        assert picture.save(folder / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_images_without_a_channel_axis(rn, tmp_path):
    """README's first model: Flatten and Dense on images (H, W)."""
    layers = rn.layers
    model = rn.Sequential([rn.Input((9, 8)), layers.Flatten(), layers.Dense(3, activation="softmax")])
    image = np.random.default_rng(0).random((9, 8)).astype("float32")
    picture = rn.visualize.saliency(model, image, index=2)
    np.testing.assert_allclose(picture.values, np.abs(model.layers[1].kernel.value[:, 2].reshape(9, 8)), rtol=1e-5)
    np.testing.assert_array_equal(picture.values, rn.visualize.saliency(model, image[None], index=2).values)
    assert_drawn(picture, tmp_path)
    inputs = rn.Input((9, 8))
    maps = layers.Conv2D(2, 3)(rn.ops.expand_dims(inputs, -1))
    reshaped = rn.Model(inputs, layers.GlobalAveragePooling2D()(maps))
    assert rn.visualize.saliency(reshaped, image).values.shape == (9, 8)
    picture = rn.visualize.grad_cam(reshaped, image)
    assert picture.values.shape == (9, 8)
    assert_drawn(picture, tmp_path)


def test_a_gray_image_needs_no_axis_for_its_channel(rn, network, image):
    expected = rn.visualize.saliency(network, image).values
    for form in (image[..., 0], image[None, ..., 0], image[None]):
        np.testing.assert_array_equal(rn.visualize.saliency(network, form).values, expected)


def test_frozen_models_can_be_looked_at(rn, network, image):
    before = rn.visualize.grad_cam(network, image, "pool").values
    network.trainable = False
    np.testing.assert_array_equal(rn.visualize.grad_cam(network, image, "pool").values, before)


def test_errors(rn, network, image):
    with pytest.raises(ValueError, match=r"no kernel of two spatial axes.*model\.layers\[0\]"):
        rn.visualize.filters(network.layers[1])
    with pytest.raises(ValueError, match=r"`image`.*single image of shape \(12, 10, 1\).*\(10, 12, 1\)"):
        rn.visualize.saliency(network, image.transpose(1, 0, 2))
    with pytest.raises(ValueError, match=r"`layer`.*no layer 'lost'. Its layers with feature maps: first, pool, last"):
        rn.visualize.grad_cam(network, image, "lost")
    with pytest.raises(ValueError, match=r"`index`: class 4 is out of range.*4 classes, 0 to 3"):
        rn.visualize.grad_cam(network, image, index=4)
    with pytest.raises(TypeError, match="`model`, must be a Sequential or functional model"):
        rn.visualize.saliency(network.layers[0], image)


WRONG_CALLS = {
    "a name for layers": (ValueError, r"`layers`.*no layer 'nope'.*first, pool, last", "feature_maps", {"layers": "nope"}),
    "a wrong name among layers": (ValueError, r"`layers`.*no layer 'nope'", "feature_maps", {"layers": ["first", "nope"]}),
    "no layers": (ValueError, "`layers` is empty.*leave it out", "feature_maps", {"layers": []}),
    "a number for layers": (TypeError, r"`layers` takes layers and their names.*3 of type int.*first, pool", "feature_maps",
                            {"layers": 3}),
    "a layer without maps": (ValueError, r"`layers`: layer 'scores' gives \(None, 4\).*first, pool, last", "feature_maps",
                             {"layers": ["scores"]}),
    "limit 0": (ValueError, "`limit`.*at least 1.*0", "feature_maps", {"limit": 0}),
    "limit 1.5": (ValueError, "`limit`.*at least 1.*1.5", "feature_maps", {"limit": 1.5}),
    "a layer without maps for cam": (ValueError, r"`layer`: layer 'scores' gives", "grad_cam", {"layer": "scores"}),
    "a number for layer": (TypeError, "`layer` takes", "grad_cam", {"layer": 0}),
    "a class by name": (TypeError, "`index`.*integer from 0 to 3.*'cat'", "saliency", {"index": "cat"}),
    "a fraction of a class": (TypeError, "`index`.*integer", "grad_cam", {"index": 1.0}),
    "a negative class": (ValueError, "`index`.*-1 is out of range", "saliency", {"index": -1}),
    "no image": (TypeError, "`image` must be an array of numbers.*NoneType", "saliency", {"image": None}),
    "a file name": (TypeError, "`image` must be an array of numbers.*str", "grad_cam", {"image": "cat.png"}),
    "several images": (ValueError, r"`image`.*\(5, 12, 10, 1\).*batch.*images\[0\]", "saliency",
                       {"image": np.zeros((5, 12, 10, 1))}),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_CALLS)
def test_each_wrong_argument_is_named_with_its_remedy(rn, network, image, wrong):
    network.layers[-1].name = "scores"
    error, text, function, arguments = WRONG_CALLS[wrong]
    with pytest.raises(error, match=rf"{function}: .*{text}"):
        getattr(rn.visualize, function)(network, **{"image": image, **arguments})


def test_models_and_layers_that_cannot_be_looked_at(rn, network, image):
    visualize, layers = rn.visualize, rn.layers
    with pytest.raises(TypeError, match=r"filters: `layer` must be a layer, such as model\.layers\[0\].*3 of type int"):
        visualize.filters(3)
    with pytest.raises(ValueError, match="`layer`, 'fresh'.*not built yet: call it on data"):
        visualize.filters(layers.Conv2D(2, 3, name="fresh"))
    with pytest.raises(ValueError, match="filters: `limit`"):
        visualize.filters(network.layers[0], limit=-1)
    dense = rn.Sequential([rn.Input((12, 10)), layers.Flatten(), layers.Dense(2)])
    for function in (visualize.feature_maps, visualize.grad_cam):
        with pytest.raises(ValueError, match=r"`model`.*no layer with feature maps.*refnet\.visualize\.saliency"):
            function(dense, image[..., 0])
    with pytest.raises(ValueError, match=r"`model`.*samples of shape \(5,\), which are not images.*Input\(\(H, W\)\)"):
        visualize.saliency(rn.Sequential([rn.Input((5,)), layers.Dense(2)]), np.zeros(5))
    with pytest.raises(ValueError, match="begin it with an Input"):
        visualize.saliency(rn.Sequential([layers.Dense(2)]), image)
    with pytest.raises(ValueError, match=r"`model`.*\(1, 10, 8, 5\); scores \(N, classes\).*Dense"):
        visualize.saliency(rn.Model(network.inputs, network.layers[0].output), image)
    two = rn.Model(network.inputs, [network.outputs[0], network.outputs[0]])
    with pytest.raises(ValueError, match=r"2 outputs; one is needed: pass refnet\.Model\("):
        visualize.saliency(two, image)
    visualize.saliency(rn.Model(two.inputs, two.outputs[0]), image)  # the remedy

    class Own(rn.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="subclassed model"):
        visualize.saliency(Own(), image)


def test_pictures_are_drawn(rn, network, image, tmp_path):
    pytest.importorskip("matplotlib")
    for name, picture in (
        ("filters", rn.visualize.filters(network.layers[0])),
        ("maps", rn.visualize.feature_maps(network, image)),
        ("saliency", rn.visualize.saliency(network, image)),
        ("cam", rn.visualize.grad_cam(network, image)),
    ):
        path = picture.save(tmp_path / f"{name}.png")
        assert path.read_bytes().startswith(b"\x89PNG")
    assert picture._repr_png_().startswith(b"\x89PNG")
    assert len(picture.figure().axes) == 2
    with pytest.raises(ValueError, match="figure: `columns`.*at least 1.*0"):
        picture.figure(columns=0)
