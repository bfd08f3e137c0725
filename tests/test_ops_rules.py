"""Every op's rule gives what running the op gives: shapes, types and structure, with every pattern of unknown sizes.

The calls are in cases_ops.py; an op without one fails `test_every_op_is_here`.
"""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from cases_ops import BY_NUMBERS, CALLS, KERNEL_BACKENDS, A, cases, filled, placeholders

import refnet
from refnet import graph, ops
from refnet.graph import KerasTensor
from refnet.ops._op import OPS

TYPES = ("float32", "float64", "float16", "int32", "int64", "uint8", "bool")
SCALED = frozenset(
    ("batch_normalization", "normalize_batch", "layer_normalization", "rms_normalization", "group_normalization")
)


def specs(results):
    return [(tuple(y.shape), np.dtype(y.dtype)) for y in graph.flatten(results)]


def test_every_op_is_here():
    assert {op.__name__ for op in OPS.values()} - set(CALLS) == set(), "give these ops an entry in CALLS"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name, args, kwargs", cases())
def test_the_rule_gives_what_running_gives(name, args, kwargs, dtype):
    op = OPS[name]
    if dtype == "float64" and name in SCALED:
        args, kwargs = filled(
            (args, kwargs),
            lambda x: A(*x.shape, dtype=x.dtype and x.dtype.replace("float32", "float64"), known=x.known),
        )
    holders = placeholders((args, kwargs))
    try:
        real_args, real_kwargs = filled((args, kwargs), lambda x: x.array(dtype))
        want = op(*real_args, **real_kwargs)
    except (TypeError, ValueError) as refused:
        symbolic_args, symbolic_kwargs = filled((args, kwargs), lambda x: KerasTensor(x.shape, x.dtype or dtype))
        with pytest.raises(type(refused)):
            op(*symbolic_args, **symbolic_kwargs)
        return
    if name in BY_NUMBERS:
        with pytest.raises(ValueError, match=f"{name}: how many"):
            op(*filled(args, lambda x: KerasTensor(x.shape, x.dtype or dtype)), **kwargs)
        return
    want = specs(want)
    if "fast" in KERNEL_BACKENDS:
        with refnet.use_backend("fast"):
            assert specs(op(*real_args, **real_kwargs)) == want
    axes = sum(len(x.shape) for x in holders if not x.known)
    patterns = list(itertools.product((False, True), repeat=axes))
    if len(patterns) > 32:
        patterns = [patterns[0], patterns[-1], *random.Random(0).sample(patterns, 30)]
    for pattern in patterns:
        unknown = iter(pattern)
        symbolic_args, symbolic_kwargs = filled(
            (args, kwargs),
            lambda x, unknown=unknown: KerasTensor(
                [None if not x.known and next(unknown) else n for n in x.shape], x.dtype or dtype
            ),
        )
        got = op(*symbolic_args, **symbolic_kwargs)
        assert all(isinstance(y, KerasTensor) for y in graph.flatten(got))
        assert len(specs(got)) == len(want)
        for (shape, kind), (true_shape, true_kind) in zip(specs(got), want):
            assert kind == true_kind
            assert len(shape) == len(true_shape), (pattern, shape, true_shape)
            assert all(n in (None, m) for n, m in zip(shape, true_shape)), (pattern, shape, true_shape)
            if not any(pattern):
                assert shape == true_shape
        first = next(graph.flatten(got))
        assert first.node.operation.function is op, "the outermost op is the node"


def test_unknown_sizes_that_follow_are_known_and_others_are_not():
    x = refnet.Input((None, 4))  # (None, None, 4)
    assert ops.reshape(refnet.Input((6,)), (-1, 2, 3)).shape == (None, 2, 3)
    assert ops.split(refnet.Input((6,)), 3)[0].shape == (None, 6)
    assert [y.shape for y in ops.split(x, [1, 4], axis=1)] == [(None, 1, 4), (None, 3, 4), (None, None, 4)]
    assert ops.split(x, 2, axis=-1)[0].shape == (None, None, 2)
    assert x[3:-3].shape == (None, None, 4) and x[:, 20].shape == (None, 4) and x[:, :2].shape == (None, None, 4)
    assert ops.matmul(x, np.ones((4, 5))).shape == (None, None, 5)
    assert ops.add(x, np.ones((7, 1))).shape == (None, 7, 4)
    assert ops.concatenate([x, x], axis=1).shape == (None, None, 4)
    assert ops.pad(x, 1).shape == (None, None, 6)
    assert ops.sum(x, axis=1).shape == (None, 4) and ops.mean(x).shape == ()
    assert ops.conv(refnet.Input((None, 8, 3)), np.ones((3, 3, 3, 5), "float32")).shape == (None, None, 6, 5)
    assert ops.broadcast_to(refnet.Input((1,)), (None, 3)).shape == (None, 3)
    assert ops.einsum("bij,bjk->bik", x, refnet.Input((4, 2))).shape == (None, None, 2)


@pytest.mark.parametrize(
    "name", ["relu", "std", "var", "selu", "logsumexp", "softmax", "normalize", "moments", "norm", "stack"]
)
def test_the_outermost_op_is_one_node(name):
    x = refnet.Input((4,))
    y = OPS[name]([x, x]) if name == "stack" else OPS[name](x, 1) if name == "moments" else OPS[name](x)
    first = next(graph.flatten(y))
    assert first.node.operation.name == name
    assert all(tensor is x for tensor in first.node.inputs)


def test_operators_on_symbolic_tensors_are_nodes_of_their_own_names():
    x = refnet.Input((4,))
    for y, name in (
        (x + 1, "add"),
        (1 - x, "subtract"),
        (x @ np.ones((4, 2)), "matmul"),
        (-x, "negative"),
        (abs(x), "absolute"),
        (x[:, 0], "get_item"),
        (x.T, "transpose"),
        (x > 0, "greater"),
        (x.sum(1), "sum"),
        (x.reshape(-1), "reshape"),
        (5 % x, "mod"),
        (7 // x, "floor_divide"),
        (round(x), "round"),
        ((x > 0) & (x < 1), "logical_and"),
        (~(x > 0), "logical_not"),
    ):
        assert y.node.operation.name == name


def test_nothing_runs(monkeypatch):
    """No kernel is called for symbolic arguments. (Ops that are made of others alone may work on the constants beside them.)"""

    class Nothing:
        NAME = "nothing"
        constant_array = staticmethod(lambda array: array)  # says something of an array, and runs nothing

        def __getattr__(self, name):
            raise AssertionError(f"kernel {name} ran")

    from refnet import backend

    monkeypatch.setattr(backend.scope(), "kernels", Nothing())
    x = refnet.Input((6, 7, 4))
    for f in (
        lambda: ops.std(x),
        lambda: ops.conv(x, np.ones((3, 3, 4, 2), "float32")),
        lambda: ops.softmax(x),
        lambda: x[:, 1:] * 2 + 1,
        lambda: ops.group_normalization(x, 2),
        lambda: ops.adaptive_max_pool(x, 2),
        lambda: ops.image.resize(x, (2, 2)),
    ):
        assert isinstance(f(), KerasTensor)
    for name, calls in CALLS.items():
        composed = OPS[name].rule is getattr(OPS[name], "__wrapped__", None)
        for args, kwargs in () if name in BY_NUMBERS or composed else calls:
            arguments, keywords = filled((args, kwargs), lambda x: KerasTensor(x.shape, x.dtype or "float32"))
            OPS[name](*arguments, **keywords)


def test_a_model_of_ops_computes_what_the_ops_compute():
    x = refnet.Input((6, 4))
    y = ops.std(ops.relu(x[:, 1:-1] @ np.ones((4, 3), "float32") - 1.0), axis=1)
    parts = ops.split(ops.reshape(x, (-1, 2, 12)), 2, axis=1)
    model = refnet.Model(
        x, [y, ops.concatenate([ops.squeeze(p, 1) for p in parts], axis=-1), ops.stack([x, x], axis=1)]
    )
    data = np.random.default_rng(0).normal(size=(5, 6, 4)).astype("float32")
    first, second, third = model(data)
    np.testing.assert_allclose(first, np.maximum(data[:, 1:-1] @ np.ones((4, 3)) - 1, 0).std(1), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(second, data.reshape(5, 24))
    np.testing.assert_array_equal(third, np.stack([data, data], 1))


WRONG = {
    "add": (lambda x: ops.add(x, np.ones((3, 5))), r"add: shapes \(None, 4\) and \(3, 5\)"),
    "matmul": (lambda x: ops.matmul(x, np.ones((3, 5))), r"matmul: shapes \(None, 4\) and \(3, 5\)"),
    "reshape": (lambda x: ops.reshape(x, (3, 3)), r"reshape: .*\(None, 4\).*\(3, 3\)"),
    "concatenate": (lambda x: ops.concatenate([x, np.ones((2, 5))], axis=0), r"concatenate: .*\(None, 4\), \(2, 5\)"),
    "stack": (lambda x: ops.stack([x, np.ones((2, 5))]), r"stack: .*\(None, 4\), \(2, 5\)"),
    "split": (lambda x: ops.split(x, 3, axis=1), "split: an axis of length 4 .* 3 equal parts"),
    "axis": (lambda x: ops.sum(x, axis=2), "sum: axis 2 is out of range .* 2 axes"),
    "squeeze": (lambda x: ops.squeeze(x, 1), "squeeze: axis 1 .* has size 4"),
    "index": (lambda x: x[:, 4], "get_item: index 4 is out of range for axis 1"),
    "indices": (lambda x: x[:, 0, 0], "get_item: 3 indices"),
    "einsum": (lambda x: ops.einsum("ij,jk->ik", x, np.ones((3, 5))), "einsum: .*'j'"),
    "where": (lambda x: ops.where(x), "where: with one argument"),
    "conv": (lambda x: ops.conv(x, np.ones((3, 3, 3, 3))), "conv: inputs must have a batch"),
    "loss": (lambda x: ops.mean_squared_error(x, np.ones((2, 5))), "mean_squared_error: target and output"),
    "dense": (lambda x: ops.dense(x, np.ones((3, 5))), r"dense: x of shape \(None, 4\)"),
    "broadcast_to": (lambda x: ops.broadcast_to(x, (2, 5)), r"broadcast_to: .*\(None, 4\).*\(2, 5\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_of_rules_name_the_op_and_the_shapes(name):
    call, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        call(refnet.Input((4,)))


def test_wrong_arguments_are_refused_with_symbolic_tensors_too():
    x = refnet.Input((4,))
    for call in (lambda: ops.add(x, 1, foo=2), lambda: ops.exp(x, 3), lambda: ops.sum(x, axes=1)):
        with pytest.raises(TypeError, match="(add|exp|sum): (got an unexpected keyword|too many positional)"):
            call()
    with pytest.raises(TypeError, match="add: missing a required argument: 'x2'"):
        ops.add(x)
    for empty in (ops.stack, ops.concatenate):
        with pytest.raises(ValueError, match=f"{empty.__name__}: an empty list"):
            empty([])
