"""Every op takes arrays of every kind: lists, tensors, variables, any memory layout; and the ops that had faults, against NumPy."""

import itertools

import cases_ops as table
import numpy as np
import pytest

import refnet
from refnet import graph, ops
from refnet.autodiff import Variable, value_and_grad
from refnet.ops._op import OPS


def unaligned(x):
    raw = np.empty(x.nbytes + 1, np.uint8)
    y = np.frombuffer(raw, x.dtype, x.size, offset=1).reshape(x.shape)
    raw[1:] = np.frombuffer(x.tobytes(), np.uint8)
    assert not y.flags.aligned or x.dtype.itemsize == 1 or not x.size
    return y


def strided(x):
    y = np.empty((*x.shape[:-1], x.shape[-1] * 2), x.dtype)[..., ::2] if x.ndim else x
    y[...] = x
    return y


def read_only(x):
    y = x.copy()
    y.flags.writeable = False
    return y


KINDS = {
    "list": lambda x: x.tolist() if x.size else x,
    "tuple": lambda x: tuple(x.tolist()) if x.ndim and x.size else x,
    "list of arrays": lambda x: list(x) if x.ndim and x.size else x,
    "tensor": ops.convert_to_tensor,
    "variable": Variable,
    "strided": strided,
    "reversed": lambda x: x[::-1].copy()[::-1] if x.ndim else x,
    "fortran": lambda x: np.asfortranarray(x) if x.ndim else x,
    "unaligned": unaligned,
    "other byte order": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "read-only": read_only,
    "float16": lambda x: x.astype(np.float16) if x.dtype == np.float32 else x,
    "subclass": lambda x: x.view(type("Named", (np.ndarray,), {})),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", ["reference", "fast"])
@pytest.mark.parametrize("name", sorted(table.CALLS))
def test_arrays_of_every_kind(name, backend, kind, request):
    if backend == "fast":
        request.getfixturevalue("fast")
    if kind.startswith(("list", "tuple")) and name in ("cast", "stop_gradient", "zeros_like", "ones_like", "full_like"):
        pytest.skip("the result's type follows the list's")
    rng = np.random.default_rng(1)
    for args, kwargs in table.CALLS[name]:

        def make(x):
            if isinstance(x, table.Given) or (x.dtype is not None and not x.dtype.startswith("float")):
                return x.array("float32")
            return np.asarray(rng.integers(1, 7, x.shape) / 8, "float32")  # exact in float16

        arguments, keywords = table.filled((args, kwargs), make)
        changed, changed_keywords = graph.map_structure(
            lambda x: KINDS[kind](x) if isinstance(x, np.ndarray) else x, (arguments, keywords)
        )
        if name == "get_item":
            changed = (changed[0], arguments[1])
        with refnet.use_backend(backend):
            want, got = OPS[name](*arguments, **keywords), OPS[name](*changed, **changed_keywords)
        for a, b in zip(graph.flatten(want), graph.flatten(got), strict=True):
            a, b = refnet.stop_gradient(a), refnet.stop_gradient(b)
            assert type(b) is np.ndarray and b.shape == a.shape
            if kind != "float16" and not kind.startswith(("list", "tuple")):
                assert b.dtype == a.dtype
            if kind == "float16":
                np.testing.assert_allclose(b, a, rtol=3e-3, atol=3e-3)
            else:
                np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-6)


def test_python_scalars_of_every_kind():
    for x in (2, 2.0, np.float32(2), np.float64(2), np.int64(2), np.array(2.0, np.float32), True):
        for name in ("exp", "sqrt", "sum", "mean", "relu", "softplus", "abs", "square", "max", "argmax", "softmax"):
            y = OPS[name](x)
            assert type(y) is np.ndarray and y.shape == (), name
        assert ops.add(x, 1).shape == () and ops.multiply(np.ones(2, np.float32), x).dtype == np.float32
        assert ops.stack([x, x]).shape == (2,) and ops.where(True, x, x).shape == ()


def test_empty_arrays():
    empty = np.zeros((0, 3), np.float32)
    assert ops.sum(empty) == 0 and ops.sum(empty, axis=0).tolist() == [0, 0, 0] and ops.prod(empty) == 1
    assert np.isnan(ops.mean(empty)) and ops.mean(empty, axis=1).shape == (0,)
    assert ops.concatenate([empty, np.ones((2, 3), np.float32)]).shape == (2, 3)
    assert ops.softmax(empty).shape == (0, 3) and ops.norm(empty) == 0 and ops.cumsum(empty).shape == (0,)
    assert (
        ops.max(empty, axis=1).shape == (0,)
        and ops.max(empty, initial=-1) == -1
        and ops.min(empty, 0, initial=2.0).tolist() == [2, 2, 2]
    )
    assert ops.logsumexp(empty, axis=0).tolist() == [-np.inf] * 3
    assert (
        ops.split(empty, 1)[0].shape == (0, 3)
        and ops.sort(empty).shape == (0, 3)
        and ops.matmul(empty, np.ones((3, 2))).shape == (0, 2)
    )
    with pytest.raises(ValueError, match=r"max: an array of shape \(0, 3\) has no entries"):
        ops.max(empty)
    with pytest.raises(ValueError, match="empty list"):
        ops.concatenate([])


def test_nan_and_infinity_survive_without_a_warning():
    wild = np.array([np.inf, -np.inf, np.nan, 3e38, -1.0], np.float32)
    assert np.isnan(ops.sum(wild)) and np.isnan(ops.mean(wild)) and np.isnan(ops.max(wild)) and np.isnan(ops.norm(wild))
    assert ops.sum(wild[3:4].repeat(3)) == np.inf and ops.prod(wild[3:4].repeat(3)) == np.inf
    assert ops.exp(wild)[0] == np.inf and np.isnan(ops.exp(wild)[2]) and ops.exp(np.float32([1000]))[0] == np.inf
    assert ops.cast(np.array([1e300]), "float32")[0] == np.inf and ops.cast(wild, "int32").shape == (5,)
    assert ops.cast(np.float32([1e10]), "float16")[0] == np.inf
    np.testing.assert_array_equal(ops.floor_divide(np.int32([1, 2]), 0), [0, 0])
    assert np.isnan(ops.divide(0, 0)) and ops.divide(1, 0) == np.inf and np.isnan(ops.mod(1.0, 0.0))
    for f in (
        ops.sum,
        ops.max,
        ops.min,
        ops.logsumexp,
        ops.softmax,
        ops.relu,
        ops.std,
        ops.sqrt,
        ops.cumsum,
        ops.sort,
        ops.norm,
    ):
        grad = value_and_grad(lambda x, f=f: ops.sum(f(x)))(wild)[1]
        assert grad.shape == wild.shape
    assert value_and_grad(lambda x: ops.max(x))(np.array([1.0, np.nan]))[1].tolist() == [0, 0]


def test_broadcast_to_an_unknown_size_keeps_it():
    x = refnet.Input((1, 3))
    model = refnet.Model(x, ops.broadcast_to(x, (None, 4, 3)))
    assert model(np.ones((2, 1, 3), np.float32)).shape == (2, 4, 3)
    with pytest.raises(ValueError, match="broadcast_to: an array of shape .2, 3. does not broadcast"):
        ops.broadcast_to(np.ones((2, 3)), (3,))


def test_words_are_no_arrays():
    with pytest.raises(ValueError, match="lists of different lengths"):
        ops.sum([[1, 2], [3]])
    for wrong in ("abc", ["a", "b"], [None, 1], {"a": 1}, object()):
        with pytest.raises(TypeError, match="numbers"):
            ops.exp(wrong)


# --- what had faults, against NumPy ------------------------------------------------------------------------------------------

X = np.random.default_rng(3).normal(size=(4, 3, 2))


@pytest.mark.parametrize("keepdims", [False, True])
def test_norms_are_numpys(keepdims):
    for ord in (None, 1, 2, 3, 0.5, -1, 0, np.inf, -np.inf):
        for axis in (0, 1, -1, (1,)):
            got = ops.norm(X, ord=ord, axis=axis, keepdims=keepdims)
            np.testing.assert_allclose(
                got, np.linalg.norm(X, ord, axis[0] if isinstance(axis, tuple) else axis, keepdims), rtol=1e-10
            )
    for ord in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        for axis in itertools.permutations((0, 1, 2), 2):
            np.testing.assert_allclose(
                ops.norm(X, ord=ord, axis=axis, keepdims=keepdims), np.linalg.norm(X, ord, axis, keepdims), rtol=1e-10
            )
        np.testing.assert_allclose(
            ops.norm(X[0], ord=ord, keepdims=keepdims), np.linalg.norm(X[0], ord, None, keepdims), rtol=1e-10
        )
    np.testing.assert_allclose(ops.norm(X), np.linalg.norm(X), rtol=1e-12)
    for bad, message in (
        ({"ord": 2}, "Name one or two axes"),
        ({"ord": 3, "axis": (0, 1)}, "no norm of matrices"),
        ({"ord": "fro", "axis": 0}, "is a vector"),
        ({"axis": (0, 1, 2)}, "names 3 axes"),
    ):
        with pytest.raises(ValueError, match=message):
            ops.norm(X, **bad)


def slope(f, x, step=1e-6):
    grad = np.empty_like(x)
    for i in np.ndindex(x.shape):
        high, low = x.copy(), x.copy()
        high[i] += step
        low[i] -= step
        grad[i] = (float(f(high)) - float(f(low))) / (2 * step)
    return grad


@pytest.mark.parametrize("ord", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_gradients_of_matrix_norms(ord):
    def f(x):
        return ops.sum(ops.norm(x, ord=ord, axis=(2, 0)) * np.array([1.0, -2.0, 3.0]))

    np.testing.assert_allclose(value_and_grad(f)(X)[1], slope(f, X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("ord", [1, 2, 3, 2.5, -1, np.inf, -np.inf])
def test_gradients_of_vector_norms(ord):
    def f(x):
        return ops.sum(ops.norm(x, ord=ord, axis=1) ** 2)

    np.testing.assert_allclose(value_and_grad(f)(X)[1], slope(f, X), rtol=1e-5, atol=1e-6)


def test_softmax_over_everything_and_over_nothing():
    for f, inverse in ((ops.softmax, lambda y: y), (ops.log_softmax, np.exp)):
        y = inverse(f(X, axis=None))
        np.testing.assert_allclose(y, np.exp(X) / np.exp(X).sum(), rtol=1e-12)
        np.testing.assert_allclose(inverse(f(np.array(3.0))), 1.0)
        np.testing.assert_allclose(inverse(f(X, axis=(0, 2))).sum((0, 2)), 1.0)
        with pytest.raises(ValueError, match="softmax: axis 3 is out of range"):
            f(X, axis=3)
    grad = value_and_grad(lambda x: ops.sum(ops.softmax(x, axis=None) * X))(X)[1]
    np.testing.assert_allclose(grad, slope(lambda x: ops.sum(ops.softmax(x, axis=None) * X), X), atol=1e-7)


@pytest.mark.parametrize(
    "shift, axis",
    [
        (1, None),
        (-5, None),
        (2, 0),
        ((1, -2), (0, 1)),
        ((1, 2), (0, 0)),
        (1, (0, 2)),
        ([1, 1], [1, 2]),
        ((1, 2), 0),
        (0, 1),
        (100, 2),
    ],
)
def test_roll_is_numpys(shift, axis):
    np.testing.assert_array_equal(ops.roll(X, shift, axis), np.roll(X, shift, axis))
    weights = np.random.default_rng(0).normal(size=X.shape)
    grad = value_and_grad(lambda x: ops.sum(ops.roll(x, shift, axis) * weights))(X)[1]
    np.testing.assert_allclose(grad, slope(lambda x: ops.sum(np.roll(x, shift, axis) * weights), X), atol=1e-6)


SQUARE, CUBE = np.random.default_rng(4).normal(size=(3, 3)), np.random.default_rng(5).normal(size=(3, 3, 3))


@pytest.mark.parametrize(
    "equation, operands",
    [
        ("ii->i", (SQUARE,)),
        ("ii", (SQUARE,)),
        ("ii->", (SQUARE,)),
        ("iij->j", (CUBE,)),
        ("iji->ij", (CUBE,)),
        ("iii->i", (CUBE,)),
        ("jii,ij->j", (CUBE, SQUARE)),
        ("ii,jj->ij", (SQUARE, SQUARE)),
        ("...ii->...i", (CUBE,)),
        ("...i,...i->...", (SQUARE[:1], SQUARE)),
        ("ij,ij->ij", (SQUARE[:1], SQUARE)),
        ("i,->i", (SQUARE[0], np.array(2.0))),
        ("->", (np.array(2.0),)),
    ],
)
def test_einsum_with_diagonals_and_ellipses(equation, operands):
    np.testing.assert_allclose(ops.einsum(equation, *operands), np.einsum(equation, *operands), rtol=1e-12, atol=1e-14)
    for i, x in enumerate(operands):

        def f(x, i=i):
            return ops.sum(ops.sin(ops.einsum(equation, *operands[:i], x, *operands[i + 1 :])))

        np.testing.assert_allclose(value_and_grad(f)(x)[1], slope(f, x), atol=1e-6)


@pytest.mark.parametrize(
    "equation, operands, message",
    [
        ("ij,jk->il", (SQUARE, SQUARE), "output of 'ij,jk->il' has the label 'l', which is in none of the operands"),
        ("ij,jk->ik", (SQUARE, X[0]), None),
        ("ij,jk->ik", (SQUARE, X[:, 0]), "label 'j' has the size 3 in one place and 4 in another"),
        ("ii->i", (X[0],), "label 'i' has the size 3 in one place and 2 in another"),
        ("ij->ii", (SQUARE,), "a label twice"),
        ("i->i", (SQUARE,), "names 1 axes, but its operand has 2"),
        ("ij,jk->ik", (SQUARE,), "names 2 operands, but 1"),
    ],
)
def test_einsum_says_what_does_not_fit(equation, operands, message):
    if message is None:
        assert ops.einsum(equation, *operands).shape == (3, 2)
        return
    with pytest.raises(ValueError, match="einsum: .*" + message):
        ops.einsum(equation, *operands)
    with pytest.raises(ValueError, match="einsum: .*" + message):
        ops.einsum(equation, *(graph.KerasTensor(x.shape) for x in operands))


def test_concatenate_has_keras_default_axis():
    assert ops.concatenate([X, X]).shape == (8, 3, 2)
    assert np.concatenate([ops.convert_to_tensor(X)] * 2).shape == (8, 3, 2)


def test_gradients_of_indexing_and_shaping():
    weights = np.random.default_rng(0).normal(size=(9, 9, 9))

    def check(f):
        shape = np.shape(f(X))
        w = np.resize(weights, shape)
        grad = value_and_grad(lambda x: ops.sum(f(x) * w))(X)[1]
        np.testing.assert_allclose(grad, slope(lambda x: ops.sum(f(x) * w), X), atol=1e-6)

    for f in (
        lambda x: ops.tile(x, (2, 1, 2)),
        lambda x: ops.repeat(x, [1, 0, 2, 3], axis=0),
        lambda x: ops.repeat(x, 2),
        lambda x: ops.take_along_axis(x, np.array([[[0]], [[2]], [[1]], [[0]]]), axis=1),
        lambda x: ops.sort(x, axis=0),
        lambda x: ops.pad(x, ((1, 0), (0, 2), (1, 1)), constant_values=2.0),
        lambda x: ops.cumsum(x, axis=-2),
        lambda x: ops.split(x, [1, 3])[1],
        lambda x: x[np.array([0, 0, 3]), :, 1],
        lambda x: ops.flip(x),
        lambda x: ops.mod(x, 0.7),
        lambda x: ops.expand_dims(x, (0, -1)),
        lambda x: ops.clip(x, X * 0.9, X * 1.1),
        lambda x: ops.dot(x, np.ones((2, 2))),
        lambda x: ops.max(x, axis=(0, 1), initial=0.5),
        lambda x: ops.prod(x, axis=(0, 2)),
        lambda x: ops.moments(x, (0, 1))[1],
    ):
        check(f)
