"""Calls of every op: the table over which rules, types, lists on the tape, steps and kinds of arguments are tested.

An op without an entry in CALLS fails `test_ops_rules.test_every_op_is_here`.
"""

import numpy as np
import pytest
from conftest import BACKENDS, FAST_REASON

from refnet import graph

KERNEL_BACKENDS = [name for name in BACKENDS if name == "reference" or not FAST_REASON]


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


class Given(A):
    """An array argument with these numbers, of their own type and of known sizes."""

    def __init__(self, values):
        super().__init__(*values.shape, dtype=values.dtype.name, known=True)
        self.values = values

    def array(self, dtype):
        return self.values


UNARY = (
    "abs negative square sqrt rsqrt reciprocal expm1 log1p log2 log10 sin cos tan arcsin arccos arctan sinh cosh arcsinh arccosh "
    "arctanh exp log erf isnan isinf isfinite logical_not floor ceil round sign relu sigmoid tanh silu gelu relu6 leaky_relu elu "
    "celu selu softplus softsign log_sigmoid hard_sigmoid hard_silu hard_tanh mish tanh_shrink sparse_plus sparse_sigmoid "
    "squareplus hard_shrink soft_shrink linear stop_gradient zeros_like ones_like ravel "
    "cbrt exp2 sinc deg2rad rad2deg fabs trunc signbit isneginf isposinf isreal real imag conjugate nan_to_num array copy "
    "empty_like diagflat"
).split()
BINARY = (
    "add subtract multiply divide power maximum minimum arctan2 logaddexp mod floor_divide equal not_equal less less_equal greater "
    "greater_equal logical_and logical_or logical_xor isclose allclose hypot logaddexp2 heaviside divide_no_nan "
    "fmod fmax fmin nextafter"
).split()
REDUCTIONS = (
    "sum mean prod max min var std logsumexp any all argmax argmin nansum nanprod nanmax nanmin nanmean nanvar nanstd nanargmax "
    "nanargmin ptp median nanmedian"
).split()

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
    if "arg" not in _name:
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
CALLS["threshold"] = [((A(2, 3), 0.5, -1.0), {}), ((A(), 0, 2), {}), ((A(0, 3), 0.5, 1), {})]
CALLS["glu"] = [((A(2, 6),), {}), ((A(4, 3, 5), 0), {}), ((A(2, 4, 3),), {"axis": -2})]
CALLS["sparsemax"] = [((A(2, 3),), {}), ((A(4, 3, 5), 0), {}), ((A(2, 4, 3),), {"axis": -2})]
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
    "dropout": [((A(2, 3), 0.5, (1, 2)), {}), ((A(2, 3), 0.5, (1, 2)), {"noise_shape": (None, 1)})],
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
    "huber": [((A(2, 3), A(2, 3)), {}), ((A(2, 4, 3), A(2, 4, 3), 0.5), {}), ((A(3), A(3)), {"delta": 2})],
    "log_cosh": [((A(2, 3), A(2, 3)), {})],
    "mean_squared_logarithmic_error": [((A(2, 3), A(2, 3)), {})],
    "mean_absolute_percentage_error": [((A(2, 3), A(2, 3)), {})],
    "kl_divergence": [((A(2, 3), A(2, 3)), {}), ((A(2, 4, 3), A(2, 4, 3)), {})],
    "poisson": [((A(2, 3), A(2, 3)), {})],
    "hinge": [((A(2, 3), A(2, 3)), {})],
    "squared_hinge": [((A(2, 3), A(2, 3)), {})],
    "categorical_hinge": [((A(2, 3), A(2, 3)), {}), ((A(2, 4, 3), A(2, 4, 3)), {})],
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


MATRIX = Given(np.array([[4.0, 1.0], [1.0, 3.0]], "float32"))
MATRICES = Given(np.stack([MATRIX.values] * 3))
# How many entries their results have depends on numbers: of symbolic tensors there are none.
BY_NUMBERS = frozenset(("bincount", "nonzero", "unique"))
for _name in "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift gcd lcm".split():
    CALLS[_name] = [
        ((A(2, 3, dtype="int32"), A(3, dtype="int32")), {}),
        ((A(2, 3, dtype="uint8"), A(2, 1, dtype="int64")), {}),
        ((A(2, 3, dtype="int64"), 2), {}),
        ((A(2, dtype="bool"), A(2, dtype="bool")), {}),
    ]
CALLS["bitwise_not"] = [((A(2, 3, dtype="int32"),), {}), ((A(2, dtype="bool"),), {})]
CALLS |= {
    "ldexp": [((A(2, 3), I(3)), {}), ((A(2, 3), 2), {})],
    "average": [((A(2, 3),), {}), ((A(2, 3), 1), {}), ((A(2, 3), 1, A(3)), {}), ((A(2, 3), (0, 1), A(2, 3)), {})],
    "quantile": [
        ((A(2, 3, 4), 0.3), {}),
        ((A(2, 3, 4), [0.1, 0.5]), {"axis": 1}),
        ((A(2, 3, 4), 0.5), {"axis": (0, -1), "keepdims": True, "method": "nearest"}),
        ((A(2, 3), 0.7), {"axis": 0, "method": "lower"}),
        ((A(2, 3), 0.7), {"axis": 0, "method": "higher"}),
        ((A(2, 3), 0.7), {"axis": 0, "method": "midpoint"}),
    ],
    "diff": [((A(2, 5),), {}), ((A(5, 2),), {"n": 2, "axis": 0}), ((A(2, 3),), {"n": 0})],
    "trapezoid": [((A(2, 5),), {}), ((A(2, 5), A(5)), {}), ((A(5, 2),), {"dx": 0.5, "axis": 0})],
    "cumprod": [((A(2, 3),), {}), ((A(2, 3),), {"axis": 0}), ((A(2, 3), 1), {"dtype": "float64"})],
    "nancumsum": [((A(2, 3),), {}), ((A(2, 3), 1), {})],
    "nancumprod": [((A(2, 3),), {}), ((A(2, 3), 1), {})],
    "corrcoef": [((A(2, 5),), {})],
    "histogram": [((A(2, 5),), {}), ((A(7), 3), {"range": (0.0, 2.0)})],
    "bincount": [((Given(np.array([0, 2, 2])),), {}), ((Given(np.array([[0, 2], [1, 1]])),), {"minlength": 5})],
    "searchsorted": [((np.array([0.0, 1.0, 3.0], "float32"), A(2, 3)), {}), ((np.array([0, 1, 3]), A(4)), {"side": "right"})],
    "digitize": [((A(2, 3), np.array([0.0, 1.0, 3.0], "float32")), {})],
    "append": [((A(2, 3), A(4)), {}), ((A(2, 3), A(2, 1)), {"axis": 1})],
    "hstack": [(([A(2, 3), A(2, 1)],), {}), (([A(2), A(3)],), {})],
    "vstack": [(([A(2, 3), A(1, 3)],), {}), (([A(3), A(3)],), {})],
    "dstack": [(([A(2, 3), A(2, 3)],), {}), (([A(3), A(3)],), {})],
    "hsplit": [((A(2, 4), 2), {}), ((A(4), 2), {})],
    "vsplit": [((A(4, 2), [1]), {})],
    "dsplit": [((A(2, 1, 4), 2), {})],
    "array_split": [((F(7), 3), {}), ((A(2, 5), [1, 3]), {"axis": 1})],
    "unstack": [((F(2, 3),), {}), ((A(2, 3), 3), {"axis": 1})],
    "meshgrid": [((A(2), A(3)), {}), ((A(2), A(3), A(4)), {"indexing": "ij"})],
    "fliplr": [((A(2, 3),), {})],
    "flipud": [((A(2, 3),), {})],
    "rot90": [((A(2, 3),), {}), ((A(2, 3), 2), {}), ((A(4, 2, 3), 3), {"axes": (1, 2)}), ((A(2, 3), 4), {})],
    "diagonal": [((F(2, 3),), {}), ((F(4, 2, 3),), {"offset": 1, "axis1": 1, "axis2": 2})],
    "trace": [((F(3, 3),), {}), ((F(4, 2, 3),), {"offset": -1, "axis1": 1, "axis2": 2})],
    "diag": [((F(3),), {}), ((F(3), -1), {}), ((F(2, 3), 1), {})],
    "diagflat": [((F(2, 2),), {}), ((F(3), 1), {})],
    "tril": [((F(2, 3),), {}), ((F(4, 2, 3), 1), {})],
    "triu": [((F(2, 3),), {}), ((F(4, 2, 3), -1), {})],
    "vander": [((F(3),), {}), ((A(3), 2), {"increasing": True})],
    "scatter": [((np.array([[0], [2], [0]]), A(3, 4), (5, 4)), {}), ((np.array([[0, 1], [2, 0]]), A(2), (3, 2)), {})],
    "scatter_update": [((A(5, 4), np.array([[0], [2]]), A(2, 4)), {})],
    "slice": [((F(5, 4), (1, 2), (2, 2)), {}), ((F(5, 4), (4, 0), (3, 4)), {})],
    "slice_update": [((F(5, 4), (1, 2), F(2, 2)), {})],
    "segment_sum": [((A(4, 3), np.array([0, 2, 0, 1]), 3), {}), ((A(4), np.array([0, 2, -1, 9]), 3), {})],
    "select": [(([A(2, dtype="bool"), A(2, dtype="bool")], [A(2), A(2)]), {}), (([A(2, dtype="bool")], [A(2)], 3.0), {})],
    "top_k": [((F(2, 5), 3), {})],
    "in_top_k": [((I(2), A(2, 5), 3), {})],
    "argpartition": [((A(2, 5), 2), {}), ((A(2, 5), 2), {"axis": 0})],
    "isin": [((A(2, 3), [1.0, 2.0]), {}), ((A(2, 3), A(4)), {"invert": True})],
    "multi_hot": [((I(2, 3), 4), {}), ((I(3), 4), {}), ((I(2, 3), 4), {"axis": 1})],
    "nonzero": [((A(2, 3),), {})],
    "unique": [((A(3),), {}), ((A(2, 3),), {"return_counts": True, "size": 4})],
    "unravel_index": [((I(4), (2, 3)), {})],
    "outer": [((A(2), A(3)), {}), ((A(2, 2), A(3)), {})],
    "inner": [((A(3), A(3)), {}), ((A(2, 3), A(4, 3)), {}), ((A(2, 3), 2), {})],
    "vdot": [((A(2, 3), A(2, 3)), {})],
    "kron": [((F(2, 3), F(2, 2)), {}), ((F(2), F(2, 2)), {})],
    "cross": [((F(4, 3), F(4, 3)), {}), ((F(2), F(2)), {}), ((F(3, 4), F(3, 4)), {"axis": 0}), ((F(4, 2), F(4, 3)), {})],
    "cdist": [((A(2, 3), A(4, 3)), {}), ((A(5, 2, 3), A(5, 4, 3)), {})],
    "inv": [((MATRIX,), {})],
    "det": [((A(4, 2, 2),), {})],
    "slogdet": [((A(4, 2, 2),), {})],
    "logdet": [((MATRIX,), {})],
    "cholesky": [((MATRIX,), {}), ((MATRIX,), {"upper": True})],
    "cholesky_inverse": [((MATRIX,), {}), ((MATRIX,), {"upper": True})],
    "eigh": [((MATRIX,), {})],
    "solve": [((MATRIX, A(2)), {}), ((MATRIX, A(2, 3)), {}), ((MATRICES, A(3, 2, 1)), {})],
    "solve_triangular": [((MATRIX, A(2)), {}), ((MATRIX, A(2, 3)), {"lower": True})],
    "lstsq": [((np.ones((3, 2), "float32"), A(3)), {})],
    "qr": [((A(4, 3, 2),), {}), ((A(3, 2),), {"mode": "complete"})],
    "svd": [((A(4, 3, 2),), {}), ((A(3, 2),), {"full_matrices": False}), ((A(3, 2),), {"compute_uv": False})],
    "lu_factor": [((A(3, 3),), {})],
    "matrix_rank": [((A(4, 3, 2),), {})],
    "pinv": [((A(4, 3, 2),), {})],
}
for _name, _of in (("percentile", "quantile"), ("nanquantile", "quantile"), ("nanpercentile", "quantile")):
    CALLS[_name] = [
        ((x, np.multiply(q, 100.0 if "percentile" in _name else 1.0).tolist()), more) for (x, q), more in CALLS[_of]
    ]


def placeholders(structure):
    return [x for x in graph.flatten(structure) if isinstance(x, A)]


def filled(structure, make):
    return graph.map_structure(lambda x: make(x) if isinstance(x, A) else x, structure)


def cases():
    return [
        pytest.param(name, args, kwargs, id=f"{name}-{number}")
        for name, calls in sorted(CALLS.items())
        for number, (args, kwargs) in enumerate(calls)
    ]


# Of these Keras has no numbers to compare with: empty arrays, or factors that are not unique.
NOT_UNIQUE = frozenset(("eigh", "empty_like", "qr", "svd", "argpartition"))


def numbers(args, kwargs, dtype, seed):
    """The arguments of a call filled with numbers that follow from a seed."""
    rng = np.random.default_rng(seed)

    def make(x):
        if isinstance(x, Given):
            return x.values
        kind = x.dtype or dtype
        if kind.startswith("float"):
            return rng.uniform(-1, 2, x.shape).round(3).astype(kind)
        return rng.integers(0, x.high if x.dtype else 5, x.shape).astype(kind)

    return filled((args, kwargs), make)


def beside_keras():
    """(name, number of the call, type, arguments, keywords) of the ops that have Keras' names."""
    from refnet.ops import arranging, linalg, scattering, special, statistics

    for chapter in (arranging, linalg, scattering, special, statistics):
        for name in chapter.__all__:
            for number, (args, kwargs) in enumerate(CALLS.get(name, ()) if name not in NOT_UNIQUE else ()):
                for dtype in ("float32", "int32"):
                    seed = sum(map(ord, name)) + number
                    yield name, number, dtype, *numbers(args, kwargs, dtype, seed)
