"""Result types are Keras': of all pairs of types, against numbers from the real Keras (golden/make_golden_dtypes.py).

Two differences are meant. Where 64-bit integers become floats they become `floatx` (Keras without x64, its default, has float32;
with x64 it has float32 or float64, by op), and float64 stays float64 (Keras without x64 has none, and with it some ops narrow it).
Positions are int32 for every type (Keras with x64: int64).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cases_ops import KERNEL_BACKENDS

import refnet
from refnet import graph, ops

GOLDEN = json.loads((Path(__file__).parent / "golden" / "ops_dtypes_keras.json").read_text())
PYTHON = {"pybool": True, "int": 2, "float": 2.5}
MATRICES = ("matmul", "tensordot", "transpose")
POSITIONS = ("argmax", "argmin", "argsort", "count_nonzero")


def expected(name, found, kinds):
    """Keras' answer, with the differences named above."""
    if name in POSITIONS:
        return "int32"
    if found.startswith("float") and "float64" in kinds:
        return "float64"
    if found == "float64":
        return "float32"
    return found


def argument(kind, matrix=False):
    return PYTHON[kind] if kind in PYTHON else np.ones((2, 2) if matrix else (2,), kind)


def symbol(x):
    return graph.KerasTensor(x.shape, x.dtype) if isinstance(x, np.ndarray) else x


def check(call, symbolic_call, want):
    """Running gives an ndarray of the type wanted, and the rule says so."""
    for name in KERNEL_BACKENDS:
        with refnet.use_backend(name):
            y = call()
        assert type(y) is np.ndarray and y.dtype.name == want
    if symbolic_call is not None:
        assert symbolic_call().dtype == want


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", GOLDEN["unary"])
def test_functions_of_one_array(name):
    for kind, found in GOLDEN["unary"][name].items():
        if found == "error":
            continue
        x = argument(kind, name == "transpose")
        check(
            lambda x=x: getattr(ops, name)(x), lambda x=x: getattr(ops, name)(symbol(x)), expected(name, found, (kind,))
        )


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", GOLDEN["binary"])
def test_functions_of_two_arrays(name):
    function = getattr(ops, name)
    for pair, found in GOLDEN["binary"][name].items():
        a, b = pair.split(",")
        x, y = argument(a, name in MATRICES), argument(b, name in MATRICES)
        if name in ("concatenate", "stack"):

            def call(x, y):
                return function([x, y], axis=0)
        elif name == "where":

            def call(x, y):
                return function(np.ones(2, bool), x, y)
        else:
            call = function
        if found == "error":
            with pytest.raises(TypeError, match="booleans have no difference"):
                call(x, y)
            continue
        check(
            lambda x=x, y=y, call=call: call(x, y),
            lambda x=x, y=y, call=call: call(symbol(x), symbol(y)),
            expected(name, found, (a, b)),
        )


def test_clip():
    bounds = {"int": (0, 1), "float": (0.5, 1.5), "none-float": (None, 1.5)}
    for key, found in GOLDEN["clip"].items():
        kind, label = key.split(",")
        x = argument(kind)
        check(
            lambda x=x, b=bounds[label]: ops.clip(x, *b),
            lambda x=x, b=bounds[label]: ops.clip(symbol(x), *b),
            expected("clip", found, (kind,)),
        )


@pytest.mark.parametrize("text", GOLDEN["creation"])
def test_new_arrays_and_python_numbers(text):
    y = eval("ops." + text, {"ops": ops})
    assert np.dtype(y.dtype).name == GOLDEN["creation"][text]


def test_what_keras_refuses_is_refused_by_name():
    mask = np.array([True, False])
    for call in (
        lambda: ops.negative(mask),
        lambda: ops.subtract(mask, mask),
        lambda: ops.sign(mask),
        lambda: ops.round(mask),
        lambda: ops.add(np.array(["a"]), 1),
        lambda: ops.sum("text"),
    ):
        with pytest.raises(TypeError, match="cast|logical_xor|numbers"):
            call()
    with pytest.raises(ValueError, match="negative powers"):
        ops.power(np.arange(3), -1)


def test_the_common_mixtures():
    mask, pixels = np.array([True, False]), np.array([[255, 254], [1, 0]], np.uint8)
    np.testing.assert_array_equal(1 - ops.convert_to_tensor(mask), [0, 1])
    np.testing.assert_array_equal(ops.multiply(mask, 3), [3, 0])
    np.testing.assert_array_equal(ops.multiply(mask, np.float32([2.5, 2.5])), [2.5, 0])
    np.testing.assert_array_equal(ops.clip(pixels, 0.5, 2.5), [[2.5, 2.5], [1, 0.5]])
    assert ops.sum(pixels) == 510 and ops.sum(pixels).dtype == np.uint32
    assert ops.mean(pixels) == 127.5
    np.testing.assert_allclose(ops.var(pixels), np.var(pixels.astype(float)), rtol=1e-6)
    np.testing.assert_allclose(ops.std(pixels), np.std(pixels.astype(float)), rtol=1e-6)
    np.testing.assert_allclose(ops.norm(pixels), np.linalg.norm(pixels.astype(float)), rtol=1e-6)
    np.testing.assert_allclose(ops.norm(pixels, axis=0), np.linalg.norm(pixels.astype(float), axis=0), rtol=1e-6)
    np.testing.assert_array_equal(ops.divide(np.arange(3), 2), [0, 0.5, 1])
    assert ops.sum(mask) == 1 and ops.mean(mask) == 0.5 and ops.max(mask) and ops.prod(mask) == 0
    np.testing.assert_array_equal(ops.cumsum(mask), [1, 1])
    np.testing.assert_array_equal(ops.power(np.int32([2, 3]), 2), [4, 9])
    np.testing.assert_array_equal(ops.relu(np.int8([-1, 3])), [0, 3])


def test_numbers_that_do_not_fit_the_type_beside_them():
    labels = np.array([0, 255], np.uint8)
    for y, want in (
        (ops.equal(labels, -1), [0, 0]),
        (ops.not_equal(-1, labels), [1, 1]),
        (ops.less(labels, 256), [1, 1]),
        (ops.greater_equal(labels, -5), [1, 1]),
        (ops.greater(300, labels), [1, 1]),
    ):
        assert y.dtype == np.bool_ and y.tolist() == want
    with pytest.raises(OverflowError, match="out of bounds for uint8"):  # never wrapped in silence
        ops.add(labels, 300)


def test_integer_products_are_exact():
    big = np.array([[2**24 + 1, 1], [3, 2**30 + 3]], np.int64)
    want = big.astype(object) @ big.astype(object)
    for product in (
        ops.matmul(big, big),
        ops.dot(big, big),
        ops.einsum("ij,jk->ik", big, big),
        ops.tensordot(big, big, axes=1),
    ):
        assert product.dtype == np.int64
        np.testing.assert_array_equal(product.astype(object), want)
    narrow = np.full((2, 2), 100, np.int8)
    assert ops.matmul(narrow, narrow).dtype == np.int32 and (ops.matmul(narrow, narrow) == 20000).all()


def test_numpy_scalars_of_64_bits_count_as_python_numbers():
    x = np.ones(3, np.float32)
    assert ops.divide(x, np.sqrt(2.0)).dtype == np.float32
    assert ops.multiply(x, np.prod((2, 3))).dtype == np.float32
    assert ops.add(np.ones(2, np.int32), np.int64(1)).dtype == np.int32
    assert ops.add(x, np.ones((), np.float64)).dtype == np.float64  # an array chose its type
    assert ops.add(np.float16([1]), np.float32(1)).dtype == np.float32


def test_floatx_decides_what_integers_become():
    refnet.config.set_floatx("float64")
    try:
        assert (
            ops.sqrt(np.arange(3)).dtype
            == ops.divide(1, 2).dtype
            == ops.mean([1, 2]).dtype
            == ops.zeros(2).dtype
            == np.float64
        )
        assert ops.exp(np.arange(3)).dtype == ops.sigmoid(np.arange(3)).dtype == np.float64
        assert ops.sqrt(np.float32([4])).dtype == np.float32
    finally:
        refnet.config.set_floatx("float32")


@pytest.mark.skipif("REFNET_LIVE_KERAS" not in os.environ, reason="asks the real Keras again: some minutes")
def test_the_golden_file_is_what_keras_says(tmp_path):
    script = Path(__file__).parent / "golden" / "make_golden_dtypes.py"
    copy = tmp_path / script.name
    copy.write_text(script.read_text())
    subprocess.run([sys.executable, str(copy)], check=True)
    assert json.loads((tmp_path / "ops_dtypes_keras.json").read_text()) == GOLDEN
