"""refnet.visualize: the numbers behind the pictures, and that pictures are drawn."""

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


def test_channels_first(rn):
    layers = rn.layers
    model = rn.Sequential(
        [
            rn.Input((3, 9, 8)),
            layers.Conv2D(4, 3, data_format="channels_first", activation="relu"),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    image = np.random.default_rng(0).random((3, 9, 8)).astype("float32")
    assert rn.visualize.saliency(model, image).values.shape == (9, 8)
    assert rn.visualize.grad_cam(model, image).values.shape == (9, 8)
    assert rn.visualize.feature_maps(model, image).values.shape == (7, 6, 4)


def test_frozen_models_can_be_looked_at(rn, network, image):
    before = rn.visualize.grad_cam(network, image, "pool").values
    network.trainable = False
    np.testing.assert_array_equal(rn.visualize.grad_cam(network, image, "pool").values, before)


def test_errors(rn, network, image):
    with pytest.raises(ValueError, match=r"no kernel of two spatial axes.*model\.layers\[0\]"):
        rn.visualize.filters(network.layers[1])
    with pytest.raises(ValueError, match=r"single image of shape \(12, 10, 1\).*\(1, 10, 12, 1\)"):
        rn.visualize.saliency(network, image.transpose(1, 0, 2))
    with pytest.raises(ValueError, match=r"no layer 'lost'. Its layers: first, pool, last"):
        rn.visualize.grad_cam(network, image, "lost")
    with pytest.raises(ValueError, match=r"class 4 is out of range.*4 classes"):
        rn.visualize.grad_cam(network, image, index=4)
    with pytest.raises(TypeError, match="must be a model"):
        rn.visualize.saliency(network.layers[0], image)


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
