"""The layers of conv_grid.py against numbers that the real Keras computed (golden/layers_keras.npz): everywhere, both
namespaces."""

from pathlib import Path

import conv_grid
import conv_layers
import numpy as np
import pytest


def read():
    cases = {}
    with np.load(Path(__file__).resolve().parent / "golden" / "layers_keras.npz", allow_pickle=False) as arrays:
        for key in arrays.files:
            case, _, name = key.rpartition("/")
            if case:
                cases.setdefault(case, {})[name] = arrays[key]
    return cases


GOLDEN = read()


def test_the_file_holds_the_grid():
    assert set(GOLDEN) == set(conv_grid.golden_ids())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("id", list(GOLDEN))
def test_layers_equal_keras(rn, id, dtype):
    conv_layers.check(rn, id, dtype, GOLDEN[id])
