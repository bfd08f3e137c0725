"""The digits that ship in the package: what they are, and how they are split."""

import hashlib
from importlib.resources import files

import numpy as np
import pytest

from refnet.datasets import digits


@pytest.fixture(scope="module")
def archive():
    """The file as it is stored: UCI's own order."""
    with files("refnet.datasets").joinpath("data", "digits.npz").open("rb") as stream:
        with np.load(stream, allow_pickle=False) as opened:
            return dict(opened)


def both(**kwargs):
    (x_train, y_train), (x_test, y_test) = digits.load_data(**kwargs)
    return np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test])


def test_shapes_types_and_ranges():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1437, 8, 8) and y_train.shape == (1437,)
    assert x_test.shape == (360, 8, 8) and y_test.shape == (360,)
    for x, y in ((x_train, y_train), (x_test, y_test)):
        assert x.dtype == np.uint8 and y.dtype == np.uint8
        assert x.min() == 0 and x.max() == 16
        assert set(np.unique(y)) == set(range(10))


def test_it_is_the_whole_uci_test_set():
    """The class counts that UCI publishes for optdigits.tes, and the ink of all images together."""
    x, y = both()
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert int(x.sum()) == 561718


def test_first_sample_is_the_zero_of_the_uci_file(archive):
    assert archive["labels"][0] == 0
    assert archive["images"][0].tolist() == [
        [0, 0, 5, 13, 9, 1, 0, 0],
        [0, 0, 13, 15, 10, 15, 5, 0],
        [0, 3, 15, 2, 0, 11, 8, 0],
        [0, 4, 12, 0, 0, 8, 8, 0],
        [0, 5, 8, 0, 0, 9, 8, 0],
        [0, 4, 11, 0, 1, 12, 7, 0],
        [0, 2, 14, 5, 10, 12, 0, 0],
        [0, 0, 6, 13, 10, 0, 0, 0],
    ]


def test_attribution_lies_beside_the_data():
    text = files("refnet.datasets").joinpath("data", "digits.md").read_text(encoding="utf-8")
    for needed in ("Alpaydin", "Kaynak", "10.24432/C50P49", "CC BY 4.0", "Changes"):
        assert needed in text
        assert needed in digits.__doc__ or needed == "Changes"


def test_same_seed_same_split_other_seed_other_split():
    first, again, other = both(seed=7), both(seed=7), both(seed=8)
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert not np.array_equal(first[1], other[1])


def test_the_default_split_is_frozen():
    """Published accuracies refer to this split: it may not change with refnet or NumPy."""
    (x_train, y_train), _ = digits.load_data()
    digest = hashlib.sha256(x_train.tobytes() + y_train.tobytes()).hexdigest()
    assert digest == "ffbdb8ec6df1a7b2feacd40172e639abffa7d37c3e3a9b5fe77ebfd95d43726b"


def test_split_loses_and_repeats_nothing():
    x, y = both(test_split=0.5, seed=3)
    reference, labels = both(test_split=0.0, seed=11)

    def samples(images, labels):
        return sorted(zip(images.reshape(len(images), -1).tolist(), labels.tolist()))

    assert samples(x, y) == samples(reference, labels)


@pytest.mark.parametrize(("split", "train"), [(0.0, 1797), (0.2, 1437), (0.5, 898), (0.999, 1)])
def test_sizes(split, train):
    (x_train, y_train), (x_test, y_test) = digits.load_data(test_split=split)
    assert len(x_train) == len(y_train) == train
    assert len(x_test) == len(y_test) == 1797 - train


@pytest.mark.parametrize("split", [-0.1, 1.0, 20, float("nan")])
def test_impossible_split_is_an_error(split):
    with pytest.raises(ValueError, match=r"test_split is the fraction held out"):
        digits.load_data(test_split=split)


def test_arrays_belong_to_the_caller():
    (x, _), _ = digits.load_data()
    x[:] = 0
    (again, _), _ = digits.load_data()
    assert again.max() == 16


def test_equal_to_scikit_learns_copy(archive):
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    bunch = sklearn_datasets.load_digits()
    assert np.array_equal(archive["images"], bunch.images)
    assert np.array_equal(archive["labels"], bunch.target)
