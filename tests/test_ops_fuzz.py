"""Rules against running, over shapes, keys and axes that hypothesis draws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from refnet import ops
from refnet.graph import KerasTensor

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=5)


def hidden(data, shape):
    """A shape with some sizes unknown."""
    return tuple(None if data.draw(st.booleans()) else n for n in shape)


def agrees(symbol, value):
    assert len(symbol.shape) == value.ndim, (symbol.shape, value.shape)
    assert all(n in (None, m) for n, m in zip(symbol.shape, value.shape, strict=True)), (symbol.shape, value.shape)
    assert symbol.dtype == value.dtype


@settings(max_examples=400, deadline=None)
@given(data=st.data(), shape=SHAPES)
def test_basic_indices(data, shape):
    x = np.zeros(shape, np.float32)
    key = data.draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    value = ops.get_item(x, key)
    full = ops.get_item(KerasTensor(shape), key)
    assert full.shape == value.shape
    agrees(ops.get_item(KerasTensor(hidden(data, shape)), key), value)


@settings(max_examples=400, deadline=None)
@given(data=st.data(), shape=SHAPES)
def test_mixed_indices(data, shape):
    """Slices, numbers, new axes and index arrays that broadcast, in any order."""
    x = np.zeros(shape, np.float32)
    wide = data.draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3))
    key = []
    for size in shape[: data.draw(st.integers(0, len(shape)))]:
        kind = data.draw(st.sampled_from(["slice", "number", "array", "list", "mask", "new"]))
        if kind == "new":
            key.append(None)
            kind = "slice"
        if kind == "slice":
            key.append(data.draw(st.slices(size)))
        elif kind == "number":
            key.append(data.draw(st.integers(-size, size - 1)))
        elif kind == "list" and not wide:
            key.append([data.draw(st.integers(-size, size - 1))])
        elif kind == "mask" and not wide:
            mask = np.zeros(size, bool)
            mask[data.draw(st.integers(0, size - 1))] = True
            key.append(mask)
        else:
            key.append(data.draw(hnp.arrays(np.int64, wide, elements=st.integers(-size, size - 1))))
    key = tuple(key)
    value = ops.get_item(x, key)
    np.testing.assert_array_equal(value.shape, x[key].shape)
    assert ops.get_item(KerasTensor(shape), key).shape == value.shape
    agrees(ops.get_item(KerasTensor(hidden(data, shape)), key), value)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), shape=SHAPES)
def test_reshaping(data, shape):
    x = np.zeros(shape, np.float32)
    sizes, rest = [], x.size
    while rest > 1:
        divisor = data.draw(st.sampled_from([d for d in range(2, rest + 1) if rest % d == 0]))
        sizes.append(divisor)
        rest //= divisor
    if sizes and data.draw(st.booleans()):
        sizes[data.draw(st.integers(0, len(sizes) - 1))] = -1
    value = ops.reshape(x, sizes)
    assert ops.reshape(KerasTensor(shape), sizes).shape == value.shape
    agrees(ops.reshape(KerasTensor(hidden(data, shape)), sizes), value)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), shapes=hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=4))
def test_broadcasting(data, shapes):
    a, b, c = (
        np.ones(shape, dtype) for shape, dtype in zip(shapes.input_shapes, ("float32", "int32", "bool"), strict=True)
    )
    symbols = [KerasTensor(hidden(data, x.shape), x.dtype) for x in (a, b, c)]
    for function in (
        lambda x, y, z: ops.where(z, x, y),
        lambda x, y, z: ops.add(ops.multiply(x, y), z),
        lambda x, y, z: ops.logical_or(ops.less(x, y), z),
        lambda x, y, z: ops.clip(x, y, z),
    ):
        agrees(function(*symbols), function(a, b, c))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), shape=SHAPES)
def test_axes(data, shape):
    x = np.ones(shape, np.float32)
    symbol = KerasTensor(hidden(data, shape))
    axes = data.draw(st.one_of(st.none(), st.integers(-len(shape), len(shape) - 1), hnp.valid_tuple_axes(len(shape))))
    keepdims = data.draw(st.booleans())
    for name in ("sum", "mean", "max", "std", "logsumexp", "any"):
        function = getattr(ops, name)
        agrees(function(symbol, axis=axes, keepdims=keepdims), function(x, axis=axes, keepdims=keepdims))
    place = data.draw(st.integers(-len(shape) - 1, len(shape)))
    agrees(ops.expand_dims(symbol, place), ops.expand_dims(x, place))
    order = data.draw(st.permutations(range(len(shape))))
    agrees(ops.transpose(symbol, order), ops.transpose(x, order))
    agrees(ops.stack([symbol, x], place), ops.stack([x, x], place))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    agrees(ops.concatenate([symbol, x], axis), ops.concatenate([x, x], axis))
    agrees(ops.softmax(symbol, axes or -1), ops.softmax(x, axes or -1))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), shapes=hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, max_side=4))
def test_matrix_products(data, shapes):
    a, b = (np.ones(shape, np.float32) for shape in shapes.input_shapes)
    symbols = [KerasTensor(hidden(data, x.shape)) for x in (a, b)]
    value = ops.matmul(a, b)
    np.testing.assert_allclose(value, np.matmul(a, b))
    assert ops.matmul(KerasTensor(a.shape), KerasTensor(b.shape)).shape == value.shape
    agrees(ops.matmul(*symbols), value)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), shape=SHAPES)
def test_wrong_axes_are_refused_by_both(data, shape):
    x = np.ones(shape, np.float32)
    axis = data.draw(st.sampled_from([len(shape), -len(shape) - 1]))
    for function in (
        ops.sum,
        ops.flip,
        ops.softmax,
        ops.cumsum,
        ops.squeeze,
        ops.sort,
        ops.argmax,
        lambda x, axis: ops.split(x, 1, axis),
        lambda x, axis: ops.take(x, [0], axis),
        lambda x, axis: ops.swapaxes(x, 0, axis),
    ):
        for argument in (x, KerasTensor(shape)):
            with pytest.raises(ValueError, match="axis"):
                function(argument, axis=axis)
