"""Handwritten digits: 1,797 images of 8 x 8 pixels, small enough to ship inside the package.

Source
    E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning Repository,
    https://doi.org/10.24432/C50P49, licensed CC BY 4.0. This is UCI's test set (`optdigits.tes`), whole and in its own
    order; how it was stored is told in `data/digits.md` beside it.

The split
    UCI parted its two sets by writer. Only the second of them is here (13 writers), so `load_data` parts *it*, at
    random: the same hands wrote training and test images. That is an easier question than UCI's own, and accuracies
    are not comparable with those published on the original split.
"""

from __future__ import annotations

import os

import numpy as np

__all__ = ["load_data"]


def load_data(
    test_split: float = 0.2, seed: int = 113
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the handwritten digits, shuffled and split into training and test samples.

    Args:
        test_split: the fraction of the samples held out for testing, at least 0 and below 1.
            `int(1797 * (1 - test_split))` samples are left for training: 1437 and 360 by default.
        seed: of the shuffle that precedes the split, an integer from 0 to 2**32 - 1. The same seed gives the same
            split with every version of NumPy (the stream of `RandomState` is frozen).

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images (N, 8, 8) uint8 from 0 (paper) to 16 (ink), labels (N,) uint8
        from 0 to 9. The arrays are new on every call: yours to change.

    Raises:
        ValueError: `test_split` is not in [0, 1).

    Example:

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, y_train.shape, x_test.shape
    ((1437, 8, 8), (1437,), (360, 8, 8))
    >>> x_train = x_train.astype("float32") / 16
    """
    if not 0 <= test_split < 1:
        raise ValueError(
            f"digits.load_data: test_split is the fraction held out for testing, at least 0 and below 1 "
            f"(0.2 holds out 360 of 1797 samples). Received: test_split={test_split!r}"
        )
    with np.load(os.path.join(os.path.dirname(__file__), "data", "digits.npz"), allow_pickle=False) as archive:
        images, labels = archive["images"], archive["labels"]
    order = np.random.RandomState(seed).permutation(len(images))
    images, labels = images[order], labels[order]
    train = int(len(images) * (1 - test_split))
    return (images[:train], labels[:train]), (images[train:], labels[train:])
