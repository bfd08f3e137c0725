"""Every op's rule gives what running the op gives: shapes, types and structure, with every pattern of unknown sizes.

An op without an entry in CALLS fails `test_every_op_is_here`.
"""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

import refnet
from refnet import graph, ops
from refnet.graph import KerasTensor
from refnet.ops._op import OPS


class A:
    """An array argument that may be symbolic. dtype None: the type under test."""

    def __init__(self, *shape, dtype=None, high=2, known=False):
        self.shape, self.dtype, self.high, self.known = shape, dtype, high, known

    def array(self, dtype):
        values = np.arange(int(np.prod(self.shape))) % self.high
        return values.astype(self.dtype or dtype).reshape(self.shape)


def I(*shape, high=2):  # noqa: E743
    """Indices or labels."""
    return A(*shape, dtype="int64", high=high)


def F(*shape):
    """A parameter: float32 whatever type is under test, and of known sizes."""
    return A(*shape, dtype="float32", known=True)


UNARY = (
    "abs negative square sqrt rsqrt reciprocal expm1 log1p log2 log10 sin cos tan arcsin arccos arctan sinh cosh arcsinh arccosh "
    "arctanh exp log erf isnan isinf isfinite logical_not floor ceil round sign relu sigmoid tanh silu gelu relu6 leaky_relu elu "
    "celu selu softplus softsign log_sigmoid hard_sigmoid hard_silu linear stop_gradient zeros_like ones_like ravel"
).split()
BINARY = (
    "add subtract multiply divide power maximum minimum arctan2 logaddexp mod floor_divide equal not_equal less less_equal greater "
    "greater_equal logical_and logical_or logical_xor isclose allclose"
).split()
REDUCTIONS = "sum mean prod max min var std logsumexp any all argmax argmin".split()

CALLS: dict[str, list] = {}
for _name in UNARY:
    CALLS[_name] = [((A(2, 3),), {}), ((A(),), {}), ((A(0, 3),), {})]
for _name in BINARY:
    CALLS[_name] = [
        ((A(2, 3), A(2, 3)), {}),
        ((A(2, 3), A(3)), {}),
        ((A(2, 1), A(1, 3)), {}),
        ((A(2, 3), 2), {}),
        ((2.5, A(2)), {}),
        ((A(2, 3), A(2, 3, dtype="int32")), {}),
        ((A(2, dtype="bool"), A(2)), {}),
        ((True, A(2)), {}),
        ((A(2, 3), [1.0, 2.0, 3.0]), {}),
    ]
for _name in REDUCTIONS:
    CALLS[_name] = [
        ((A(2, 3, 4),), {}),
        ((A(2, 3, 4),), {"axis": 1}),
        ((A(2, 3, 4),), {"axis": -1, "keepdims": True}),
        ((A(2, 3, 4), 0), {}),
        ((A(),), {}),
        ((A(2, 3),), {"keepdims": True}),
    ]
    if not _name.startswith("arg"):
        CALLS[_name] += [
            ((A(2, 3, 4),), {"axis": (0, -1)}),
            ((A(2, 3, 4),), {"axis": [0, 2], "keepdims": True}),
            ((A(2, 3, 4),), {"axis": ()}),
        ]
CALLS["max"] += [((A(2, 3),), {"initial": 1}), ((A(2, 3), 0), {"initial": 1.5}), ((A(2, 0), 1), {"initial": 1})]
CALLS["min"] += [((A(2, 3),), {"initial": 1})]
CALLS["prod"] += [((A(2, 3),), {"dtype": "float64"})]
CALLS["round"] += [((A(2, 3), 1), {})]
CALLS["gelu"] += [((A(2, 3),), {"approximate": False})]
CALLS["zeros_like"] += [((A(2, 3),), {"dtype": "int32"})]

IMAGE, KERNEL = (2, 6, 7, 4), (3, 3, 4, 6)
CALLS |= {
    "clip": [
        ((A(2, 3), 0, 1), {}),
        ((A(2, 3), 0.5, 1.5), {}),
        ((A(2, 3), None, 1.5), {}),
        ((A(2, 3), np.zeros(3, "float32"), None), {}),
        ((A(3), np.zeros((2, 3), "int32"), 1), {}),
    ],
    "where": [
        ((A(2, 3, dtype="bool"), A(2, 3), A(3)), {}),
        ((A(2, 1, dtype="bool"), A(3), 0.0), {}),
        ((A(3), 1, A(2, 3)), {}),
    ],
    "cumsum": [
        ((A(2, 3),), {"axis": 0, "dtype": "float64"}),
        ((A(2, 3),), {}),
        ((A(2, 3), 1), {}),
        ((A(2, 3), -2), {}),
    ],
    "count_nonzero": [((A(2, 3),), {}), ((A(2, 3), 1), {}), ((A(2, 3),), {"axis": (0, 1)})],
    "norm": [
        ((A(2, 3, 4),), {}),
        ((A(2, 3),), {"axis": 1, "ord": 1}),
        ((A(2, 3),), {"ord": 2}),
        ((A(2, 3),), {"ord": "nuc", "keepdims": True}),
        ((A(2, 3, 4),), {"axis": (0, 2), "ord": np.inf}),
        ((A(3),), {"ord": 3}),
        ((A(3),), {"ord": 0}),
        ((A(2, 3, 4),), {"axis": (0, 1), "ord": "fro"}),
    ],
    "argsort": [((A(2, 3),), {}), ((A(2, 3), 0), {}), ((A(2, 3), None), {}), ((A(),), {})],
    "sort": [((A(2, 3),), {}), ((A(2, 3), 0), {}), ((A(),), {})],
    "reshape": [
        ((A(2, 6), (-1, 2, 3)), {}),
        ((A(2, 6), (3, 4)), {}),
        ((A(2, 6), -1), {}),
        ((A(2, 6), [2, -1, 3]), {}),
        ((A(), (1, 1)), {}),
        ((A(0, 3), (3, 0)), {}),
    ],
    "transpose": [((A(2, 3, 4),), {}), ((A(2, 3, 4), (1, 0, 2)), {}), ((A(2, 3, 4), [-1, 0, 1]), {})],
    "swapaxes": [((A(2, 3, 4), 0, -1), {})],
    "moveaxis": [((A(2, 3, 4), 0, -1), {}), ((A(2, 3, 4), (0, 1), (2, 0)), {})],
    "expand_dims": [((A(2, 3), 0), {}), ((A(2, 3), -1), {}), ((A(2, 3), (0, 2)), {})],
    "squeeze": [((A(2, 1, 3), 1), {}), ((A(2, 1, 1), (1, -1)), {})],
    "broadcast_to": [((A(1, 3), (2, 3)), {}), ((A(3), (4, 2, 3)), {})],
    "concatenate": [
        (([A(2, 3), A(2, 3)],), {}),
        (([A(2, 3), A(4, 3)],), {}),
        (((A(2, 3), A(2, 4, dtype="int32")),), {"axis": -1}),
        (([A(2, 3)],), {}),
    ],
    "stack": [(([A(2, 3), A(2, 3)],), {}), (([A(2, 3), A(2, 3, dtype="int32")],), {"axis": -1}), (([A(), 1.0],), {})],
    "split": [
        ((A(6, 4), 3), {}),
        ((A(6, 4), 2), {"axis": -1}),
        ((A(6, 4), [1, 4]), {"axis": 0}),
    ],
    "tile": [((A(2, 3), 2), {}), ((A(2, 3), (2, 1)), {}), ((A(3), (2, 3)), {}), ((A(2, 3), (2,)), {})],
    "repeat": [((A(2, 3), 2), {}), ((A(2, 3), 2), {"axis": 1}), ((A(2, 3), [1, 2]), {"axis": 0})],
    "pad": [
        ((A(2, 3), 1), {}),
        ((A(2, 3), ((1, 0), (0, 2))), {}),
        ((A(4, 3), (1, 2)), {"mode": "reflect"}),
        ((A(2, 3), 1), {"constant_values": 1}),
    ],
    "flip": [((A(2, 3),), {}), ((A(2, 3), 1), {}), ((A(2, 3), (0, 1)), {})],
    "roll": [((A(2, 3), 1), {}), ((A(2, 3), 1), {"axis": 0}), ((A(2, 3), (1, -1)), {"axis": (0, 1)})],
    "get_item": [
        ((A(7, 8), slice(3, -3)), {}),
        ((A(7, 8), (slice(None), 5)), {}),
        ((A(7, 8), 0), {}),
        ((A(7, 8), (Ellipsis, None, -1)), {}),
        ((A(7, 8), (slice(None, None, 2), slice(1, 3))), {}),
        ((A(7, 8), ([0, 1, 1], [2, 3, 4])), {}),
        ((A(5, 6, 7), (0, slice(None), np.array([1, 2]))), {}),
        ((A(5, 6, 7), (slice(None), np.array([[1], [2]]), np.array([1, 2]))), {}),
        ((A(5, 6, 7), (np.array([0, 1]), None, slice(1, 2), 3)), {}),
        ((A(2, 3), np.array([True, False])), {}),
        ((A(7, 8), I(3)), {}),
        ((A(7, 8), (slice(None), I(3, 2))), {}),
        ((A(7, 8), (slice(None), slice(None, None, -1))), {}),
    ],
    "take": [
        ((A(4, 5), [0, 2]), {}),
        ((A(4, 5), [[0], [2]]), {"axis": 1}),
        ((A(4, 5), I(2, 3)), {"axis": 0}),
        ((A(4, 5), 1), {"axis": -1}),
    ],
    "take_along_axis": [
        ((A(4, 5), I(4, 2)), {"axis": 1}),
        ((A(4, 5), I(1, 2)), {"axis": 1}),
        ((A(4, 5), I(6)), {}),
        ((A(1, 5), I(4, 2)), {"axis": 1}),
    ],
    "full_like": [((A(2, 3), 2), {}), ((A(2, 3), A(3)), {"dtype": "float64"})],
    "matmul": [
        ((A(2, 3), A(3, 4)), {}),
        ((A(3), A(3)), {}),
        ((A(2, 3), A(3)), {}),
        ((A(3), A(3, 4)), {}),
        ((A(5, 2, 3), A(3, 4)), {}),
        ((A(5, 1, 2, 3), A(6, 3, 4)), {}),
        ((A(2, 3), A(3, 4, dtype="int8")), {}),
        ((A(2, 3, dtype="int8"), A(3, 4, dtype="int8")), {}),
    ],
    "dot": [((A(2, 3), A(3, 4)), {}), ((A(2, 3), 2.0), {}), ((A(3), A(3)), {}), ((A(2, 3), A(5, 3, 4)), {})],
    "tensordot": [
        ((A(2, 3, 4), A(3, 4, 5)), {}),
        ((A(2, 3), A(3, 4)), {"axes": 1}),
        ((A(2, 3), A(2, 4)), {"axes": ([0], [0])}),
        ((A(2), A(3)), {"axes": 0}),
    ],
    "einsum": [
        (("ij,jk->ik", A(2, 3), A(3, 4)), {}),
        (("ij,jk", A(2, 3), A(3, 4)), {}),
        (("...ij,...jk->...ik", A(5, 2, 3), A(3, 4)), {}),
        (("ii->i", A(3, 3)), {}),
        (("ii", A(3, 3)), {}),
        (("iij->j", A(3, 3, 2)), {}),
        (("i,j->ij", A(2), A(3)), {}),
        (("...i,...i->...", A(1, 3), A(4, 3)), {}),
    ],
    "cast": [((A(2, 3), "float64"), {}), ((A(2, 3), "int32"), {}), ((A(2, 3), "bool"), {})],
    "activation": [((A(2, 3), "relu"), {}), ((A(2, 3), "linear"), {})],
    "softmax": [
        ((A(2, 3),), {}),
        ((A(2, 3, 4),), {"axis": 1}),
        ((A(2, 3, 4),), {"axis": (1, 2)}),
        ((A(2, 3),), {"axis": None}),
        ((A(),), {}),
    ],
    "log_softmax": [((A(2, 3),), {}), ((A(2, 3, 4),), {"axis": 0}), ((A(2, 3),), {"axis": None})],
    "dense": [((A(2, 3), F(3, 4)), {}), ((A(5, 2, 3), F(3, 4), np.zeros(4, "float32"), "relu"), {})],
    "dropout": [((A(2, 3), 0.5, 1, 2), {}), ((A(2, 3), 0.5, 1, 2), {"noise_shape": (None, 1)})],
    "one_hot": [
        ((I(2, 3), 4), {}),
        ((I(2, 3), 4), {"axis": 0}),
        ((I(2, 3), 4), {"axis": 1, "dtype": "int32"}),
        ((I(), 4), {}),
    ],
    "mean_squared_error": [
        ((A(2, 3), A(2, 3)), {}),
        ((A(3), A(3, dtype="float64")), {}),
        ((A(2, 4, 3), A(2, 4, 3)), {}),
    ],
    "mean_absolute_error": [((A(2, 3), A(2, 3)), {})],
    "binary_crossentropy": [((A(2, 3), A(2, 3)), {}), ((A(3), A(3)), {"from_logits": True})],
    "binary_crossentropy_mean": [((A(2, 3), A(2, 3)), {})],
    "categorical_crossentropy": [
        ((A(2, 3), A(2, 3)), {}),
        ((A(2, 3, 4), A(2, 3, 4)), {"axis": 1, "from_logits": True}),
    ],
    "sparse_categorical_crossentropy": [
        ((I(2), A(2, 3)), {}),
        ((I(2, 1), A(2, 3)), {}),
        ((I(2, 4), A(2, 3, 4)), {"axis": 1}),
    ],
    "weighted_sum": [((A(3),), {}), ((A(2, 3), F(2, 3), 0.5), {})],
    "conv": [
        ((A(*IMAGE), F(*KERNEL)), {}),
        ((A(*IMAGE), F(*KERNEL)), {"padding": "same", "strides": 2}),
        ((A(2, 4, 6, 7), F(*KERNEL)), {"data_format": "channels_first", "dilation_rate": 2}),
        ((A(2, 9, 4), F(3, 2, 6)), {"padding": "causal"}),
    ],
    "conv_max_pool": [((A(*IMAGE), F(*KERNEL)), {})],
    "depthwise_conv": [
        ((A(*IMAGE), F(3, 3, 4, 2)), {}),
        ((A(2, 4, 6, 7), F(3, 3, 4, 2)), {"data_format": "channels_first", "padding": "same"}),
    ],
    "separable_conv": [
        ((A(*IMAGE), F(3, 3, 4, 2), F(1, 1, 8, 5)), {}),
        ((A(2, 4, 9), F(3, 4, 2), F(1, 8, 5)), {"data_format": "channels_first"}),
    ],
    "conv_transpose": [
        ((A(*IMAGE), F(3, 3, 5, 4)), {"strides": 2}),
        ((A(2, 4, 6), F(3, 5, 4)), {"data_format": "channels_first", "padding": "same"}),
        ((A(*IMAGE), F(3, 3, 5, 4)), {"strides": 2, "output_padding": 1}),
    ],
    "max_pool": [
        ((A(*IMAGE), 2), {}),
        ((A(*IMAGE), (2, 3), 1, "same"), {}),
        ((A(2, 4, 6, 7), 2), {"data_format": "channels_first"}),
    ],
    "average_pool": [((A(*IMAGE), 2), {}), ((A(2, 7, 4), 3, 2, "same"), {})],
    "global_average_pool": [
        ((A(*IMAGE),), {}),
        ((A(*IMAGE),), {"keepdims": True}),
        ((A(*IMAGE),), {"data_format": "channels_first"}),
    ],
    "adaptive_average_pool": [((A(*IMAGE), 3), {}), ((A(2, 4, 6, 7), (2, 3)), {"data_format": "channels_first"})],
    "adaptive_max_pool": [((A(*IMAGE), 3), {}), ((A(2, 7, 4), 2), {})],
    "image_resize": [
        ((A(*IMAGE), (3, 5)), {}),
        ((A(6, 7, 3), (8, 8)), {"interpolation": "nearest"}),
        ((A(*IMAGE), (3, 3)), {"crop_to_aspect_ratio": True}),
        ((A(2, 4, 6, 7), (3, 5)), {"data_format": "channels_first", "pad_to_aspect_ratio": True}),
    ],
    "repeat_places": [((A(*IMAGE), (2, 3)), {}), ((A(2, 4, 6, 7), (2, 2), 2), {})],
    "moments": [((A(2, 3, 4), 1), {}), ((A(2, 3, 4), (0, 2)), {"keepdims": True})],
    "normalize_batch": [((A(4, 3), F(3), F(3)), {}), ((A(4, 3, 5),), {"axis": 1})],
    "batch_normalization": [((A(4, 3), F(3), F(3), -1), {}), ((A(4, 3, 5), F(3), F(3), 1, np.zeros(3, "float32")), {})],
    "layer_normalization": [((A(4, 3), F(3), F(3)), {}), ((A(4, 3, 5),), {"axis": (1, 2)})],
    "rms_normalization": [((A(4, 3), F(3)), {}), ((A(4, 3, 5),), {"axis": 1})],
    "group_normalization": [((A(4, 5, 6), 3, F(6), F(6)), {}), ((A(4, 6, 5), 2), {"axis": 1})],
    "normalize": [((A(2, 3),), {}), ((A(2, 3),), {"order": 3, "axis": 0}), ((A(2, 3),), {"axis": None})],
}

TYPES = ("float32", "float64", "float16", "int32", "int64", "uint8", "bool")
SCALED = frozenset(
    ("batch_normalization", "normalize_batch", "layer_normalization", "rms_normalization", "group_normalization")
)


def placeholders(structure):
    return [x for x in graph.flatten(structure) if isinstance(x, A)]


def filled(structure, make):
    return graph.map_structure(lambda x: make(x) if isinstance(x, A) else x, structure)


def specs(results):
    return [(tuple(y.shape), np.dtype(y.dtype)) for y in graph.flatten(results)]


def cases():
    return [
        pytest.param(name, args, kwargs, id=f"{name}-{number}")
        for name, calls in sorted(CALLS.items())
        for number, (args, kwargs) in enumerate(calls)
    ]


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
    want = specs(want)
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
    """No kernel is called for symbolic arguments."""

    class Nothing:
        NAME = "nothing"

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
        for args, kwargs in calls:
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
