"""Make refnet/datasets/data/digits.npz from the copy of the UCI digits that scikit-learn carries.

    python scripts/make_digits.py [--output PATH]

Needs scikit-learn, which refnet itself does not. The order of the samples is kept, nothing is normalised or dropped:
pixels are small integers (0..16), so 8 bits hold them exactly. Running it again gives the same arrays.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

DEFAULT_OUTPUT = Path(__file__).resolve().parent.parent / "refnet" / "datasets" / "data" / "digits.npz"


def read_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return images (1797, 8, 8) and labels (1797,), both uint8, in the order of UCI's `optdigits.tes`."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, labels = bunch.images.astype(np.uint8), bunch.target.astype(np.uint8)
    if not (np.array_equal(images, bunch.images) and np.array_equal(labels, bunch.target)):
        raise ValueError("scikit-learn's digits are no longer integers below 256: uint8 would alter them.")
    return images, labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT)
    output = parser.parse_args().output
    images, labels = read_digits()
    np.savez_compressed(output, images=images, labels=labels)
    print(f"{output}: images {images.shape}, labels {labels.shape}, {output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
