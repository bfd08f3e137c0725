"""The keystone of the tests: one registry of every kernel with arguments that exercise it.

Gradient, parity, dtype, thread and contract tests (test_kernels.py) run over it, for the reference and for every
instruction set of the twin. A kernel that is not in it fails `test_every_kernel_has_a_case`.

Values keep away from kinks: |x| >= 0.05. Kinks are tested by hand, in test_kernels.py and test_conv_kernels.py.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cases_convolution
import numpy as np


@dataclass(frozen=True)
class KernelCase:
    """A differentiable kernel pair with inputs.

    Attributes:
        kernel: the name without _forward.
        inputs: the differentiable arrays (float64; None for an absent bias).
        args: what follows them. Arrays of float64 are cast along with the inputs, integer arrays are left as they are.
        equation_first: einsum's equation comes before its operands.
        magnitude: (inputs) -> the sum of the absolute terms of each output entry, the yardstick of rounding; None: max |y|.
        gradient_terms: the same for the gradients, where their terms cancel (a normalization's do); 0: their largest entry.
    """

    kernel: str
    id: str
    inputs: tuple
    args: tuple = ()
    kwargs: dict = field(default_factory=dict)
    equation: str | None = None
    shared: bool = False
    magnitude: Callable | None = None
    gradient_terms: float = 0.0

    def cast(self, dtype: Any) -> KernelCase:
        def as_dtype(x):
            return x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x
        return KernelCase(self.kernel, self.id, tuple(as_dtype(x) for x in self.inputs), tuple(as_dtype(a) for a in self.args),
                          {k: as_dtype(v) for k, v in self.kwargs.items()}, self.equation, self.shared, self.magnitude,
                          self.gradient_terms)

    def forward(self, kernels: Any, inputs: tuple | None = None, save: bool = True):
        inputs = self.inputs if inputs is None else inputs
        lead = () if self.equation is None else (self.equation,)
        return getattr(kernels, f"{self.kernel}_forward")(*lead, *inputs, *self.args, save=save, **self.kwargs)

    def backward(self, kernels: Any, dy: np.ndarray, saved: Any, needs: tuple | None = None) -> tuple:
        """Gradients as a tuple, whatever the number of inputs."""
        function = getattr(kernels, f"{self.kernel}_backward")
        if len(self.inputs) == 1 and self.equation is None:
            return (function(dy, saved),)
        return tuple(function(dy, saved, needs or (True,) * len(self.inputs)))


def rng_for(text: str) -> np.random.Generator:
    return np.random.default_rng(sum(ord(c) * (i + 1) for i, c in enumerate(text)))


def away_from_zero(rng: np.random.Generator, shape: Any) -> np.ndarray:
    """Signed values with 0.05 <= |x| <= 1.5."""
    return np.asarray(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.05, 1.5, shape))


def off_kink(z: np.ndarray) -> np.ndarray:
    """A bias for each column of z (N, F) that puts 0 into the middle of the widest gap between its entries: relu's z then
    keep away from the kink, on both sides of it."""
    ordered = np.sort(z, axis=0)
    widest = np.diff(ordered, axis=0).argmax(axis=0)[None]                     # (1, F)
    below, above = (np.take_along_axis(ordered, widest + i, axis=0)[0] for i in (0, 1))
    return -(below + above) / 2


def distribution(rng: np.random.Generator, shape: Any) -> np.ndarray:
    p = rng.uniform(0.1, 1.0, shape)
    return p / p.sum(axis=-1, keepdims=True)


ACTIVATIONS = ("linear", "relu", "sigmoid", "tanh", "gelu", "gelu_tanh", "silu")

BENDS = {                                                               # with parameters, where there are some
    "leaky_relu": (0.2,), "relu6": (), "elu": (1.3, 0.9), "celu": (0.7,), "softplus": (), "log_sigmoid": (), "softsign": (),
    "squareplus": (4.0,), "mish": (), "sparse_plus": (), "sparse_sigmoid": (), "hard_sigmoid": (), "hard_silu": (), "hard_tanh": (),
    "tanh_shrink": (), "hard_shrink": (0.53,), "soft_shrink": (0.53,), "threshold": (0.41, -0.7),
}

# Sizes: one, prime, below and above a register tile (14 x 32), and with a tail in every dimension.
DENSE_SHAPES = [(1, 1, 1), (3, 5, 2), (16, 13, 64), (13, 64, 1), (29, 67, 33), (15, 300, 46), (128, 17, 10), (0, 4, 3), (2, 0, 3),
                (65, 31, 97)]


def _kernel_cases() -> list[KernelCase]:
    cases: list[KernelCase] = []

    def add(kernel, id, inputs, *args, **more):
        inputs = tuple(x if x is None else np.asarray(x) for x in inputs)          # arithmetic on 0-d arrays gives scalars
        cases.append(KernelCase(kernel, f"{kernel}-{id}", inputs, tuple(args), **more))

    def abs_dense(inputs):
        x, w, b = inputs
        return np.abs(x) @ np.abs(w) + (0 if b is None else np.abs(b))

    for n, d, f in DENSE_SHAPES:
        rng = rng_for(f"dense{n},{d},{f}")
        x, w, b = away_from_zero(rng, (n, d)), away_from_zero(rng, (d, f)), away_from_zero(rng, f)
        add("dense", f"{n}x{d}x{f}-linear", (x, w, b), "linear", magnitude=abs_dense)
        add("dense", f"{n}x{d}x{f}-tanh", (x * 0.2, w * 0.2, b), "tanh", magnitude=abs_dense)
    for m, n, d, f in ((5, 3, 4, 2), (40, 16, 13, 64), (9, 16, 13, 64), (30, 20, 7, 1), (50, 2, 33, 200), (30, 17, 300, 46),
                       (600, 128, 300, 16), (600, 128, 300, 40), (600, 200, 3000, 16), (7, 0, 4, 3)):
        rng = rng_for(f"rows{m},{n},{d},{f}")
        x, w, b = away_from_zero(rng, (m, d)), away_from_zero(rng, (d, f)), away_from_zero(rng, f)
        for name, bias in (("linear", b), ("sigmoid", b), ("silu", None)):
            add("dense_rows", f"{m}x{n}x{d}x{f}-{name}", (w * d**-0.5, bias), x, rng.integers(0, m, n), name,
                magnitude=lambda inputs, x=x: np.abs(x).max(initial=0) * np.abs(inputs[0]).sum(axis=0).max(initial=0) + 1.5)
    for n, d, f, share in ((64, 700, 90, 0.1), (20, 5000, 46, 0.02), (600, 300, 33, 0.1), (40, 300, 333, 0.2),
                           (4, 50_001, 20, 0.001)):
        rng = rng_for(f"zeros{n},{d},{f}")                             # data that are mostly zeros
        x, w, b = away_from_zero(rng, (n, d)), away_from_zero(rng, (d, f)) / np.sqrt(d), away_from_zero(rng, f)
        x = np.where(rng.random((n, d)) < share, x, 0.0)
        x[0], x[-1] = 0.0, np.where(rng.random(d) < 0.3, x[1], 0.0)
        add("dense", f"{n}x{d}x{f}-zeros-linear", (x, w, b), "linear", magnitude=abs_dense)
        add("dense", f"{n}x{d}x{f}-zeros-silu", (x, w, None), "silu", magnitude=abs_dense)
        data = np.concatenate([np.zeros((3, d)), x])
        add("dense_rows", f"{n}x{d}x{f}-zeros-tanh", (w, b), data, rng.integers(0, len(data), n), "tanh",
            magnitude=lambda inputs, x=x: np.abs(x).max() * np.abs(inputs[0]).sum(axis=0).max() + 1.5)
    for name in ACTIVATIONS:
        rng = rng_for(f"dense{name}")
        for n, d, f in ((7, 5, 19), (30, 40, 50)):
            x, w = away_from_zero(rng, (n, d)) / np.sqrt(d), away_from_zero(rng, (d, f))
            add("dense", f"{n}x{d}x{f}-{name}-bias", (x, w, off_kink(x @ w)), name, magnitude=abs_dense)
        if name == "relu":                                             # without a bias: every row of one sign, far from 0
            x, w = np.abs(x) * rng.choice([-1.0, 1.0], (len(x), 1)), np.abs(w)
        add("dense", f"nobias-{name}", (x, w, None), name, magnitude=abs_dense)
        for shape in ((1,), (7,), (33, 3), (4, 5, 6), (0, 3), ()):
            add("activation", f"{name}-{'x'.join(map(str, shape)) or 'scalar'}", (away_from_zero(rng_for(name), shape) * 2,), name)

    kinks = (0.0, -0.53, 0.53, 0.41, -1.0, 1.0, -3.0, 3.0, 6.0)
    for name, parameters in BENDS.items():
        for shape in ((1,), (7,), (33, 3), (0, 3), ()):
            x = np.asarray(away_from_zero(rng_for(name), shape) * 5)
            for kink in kinks:
                x = np.where(np.abs(x - kink) < 0.02, x + 0.05, x)
            add("bend", f"{name}-{'x'.join(map(str, shape)) or 'scalar'}", (x,), name, *parameters,
                magnitude=lambda inputs: np.abs(inputs[0]) + 1.0)

    for m, c in ((1, 1), (5, 3), (17, 10), (4, 37), (0, 5), (200, 46)):
        rng = rng_for(f"softmax{m},{c}")
        x = away_from_zero(rng, (m, c)) * 3
        add("softmax", f"{m}x{c}", (x,), magnitude=lambda inputs: 1.0)
        add("log_softmax", f"{m}x{c}", (x,), magnitude=lambda inputs: np.abs(inputs[0]).max(initial=0))
        y, t = away_from_zero(rng, (m, c)), away_from_zero(rng, (m, c)) + 3.0
        add("mean_squared_error", f"{m}x{c}", (y, t))
        add("mean_absolute_error", f"{m}x{c}", (y, t))
        near = t + away_from_zero(rng, (m, c)) * 0.9                           # |y - t| on both sides of huber's 0.7
        add("distance", f"{m}x{c}-huber", (near, t), "huber", 0.7)
        add("distance", f"{m}x{c}-log_cosh", (near, t), "log_cosh")
        add("distance", f"{m}x{c}-logarithmic", (np.abs(y), t), "logarithmic", 1e-3,
            gradient_terms=float(2 * np.log(6) / (c + 1)))                     # the difference of two logarithms
        add("distance", f"{m}x{c}-percentage", (y, t - 3.0), "percentage", 1e-3)
        add("divergence", f"{m}x{c}-kl", (rng.uniform(0.1, 0.9, (m, c)), rng.uniform(0.1, 0.9, (m, c))), "kl",
            magnitude=lambda inputs: np.abs(inputs[1] * np.log(inputs[1] / inputs[0])).sum(axis=-1))
        add("divergence", f"{m}x{c}-poisson", (np.abs(y), t), "poisson", 1e-3,
            magnitude=lambda inputs: (inputs[0] + np.abs(inputs[1] * np.log(inputs[0]))).sum(axis=-1) / max(inputs[0].shape[-1], 1))
        signs, scores = rng.choice([-1.0, 1.0], (m, c)), away_from_zero(rng, (m, c)) * 2
        scores = np.where(np.abs(1 - signs * scores) < 0.05, 0.5 * scores, scores)    # off the margin
        for margin in ("hinge", "squared_hinge"):
            add("margin", f"{m}x{c}-{margin}", (scores, signs), margin)
        if c > 1:
            hot = np.eye(c)[rng.integers(0, c, m)]
            add("categorical_hinge", f"{m}x{c}", (away_from_zero(rng, (m, c)) * 0.3, hot))
            add("categorical_hinge", f"{m}x{c}-far", (away_from_zero(rng, (m, c)) + 5 * hot, hot))
        labels = rng.integers(0, c, m)
        p, q = rng.uniform(0.05, 0.95, (m, c)), rng.uniform(0.0, 1.0, (m, c))
        for from_logits in (False, True):
            kind = "logits" if from_logits else "probabilities"
            add("binary_crossentropy", f"{m}x{c}-{kind}", (x if from_logits else p,), q, from_logits)
            y = x if from_logits else distribution(rng, (m, c))
            if c > 1 or from_logits:                                  # one class alone has probability 1: clipped, on the kink
                add("categorical_crossentropy", f"{m}x{c}-{kind}", (y,), distribution(rng, (m, c)), from_logits)
                add("sparse_categorical_crossentropy", f"{m}x{c}-{kind}", (y,), labels, from_logits)

    for m in (0, 1, 7, 1000):
        rng = rng_for(f"sum{m}")
        l = away_from_zero(rng, m)
        add("weighted_sum", f"{m}", (l,), None, 1.0 / max(m, 1), magnitude=lambda inputs: np.abs(inputs[0]).sum())
        add("weighted_sum", f"{m}-weights", (l,), rng.uniform(0, 2, m), 0.5, magnitude=lambda inputs: np.abs(inputs[0]).sum() * 2)

    def abs_matmul(inputs):
        return np.abs(inputs[0]) @ np.abs(inputs[1])

    for a, b in (((1, 1), (1, 1)), ((3, 5), (5, 2)), ((33, 17), (17, 65)), ((2, 3, 4), (2, 4, 5)), ((2, 3, 13, 7), (2, 3, 7, 11)),
                 ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((3, 0, 4), (3, 4, 2)), ((300, 20), (20, 15))):
        rng = rng_for(f"matmul{a}{b}")
        add("matmul", f"{'x'.join(map(str, a))}-{'x'.join(map(str, b))}", (away_from_zero(rng, a), away_from_zero(rng, b)),
            magnitude=abs_matmul)

    for equation, *shapes in (("ij,jk->ik", (3, 4), (4, 5)), ("ij,jk->ki", (3, 4), (4, 5)), ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
                              ("bqhd,bkhd->bhqk", (2, 3, 2, 5), (2, 4, 2, 5)), ("ij->j", (3, 4)), ("ij->ji", (3, 4)),
                              ("i,j->ij", (3,), (4,)), ("ij,ij->", (3, 4), (3, 4)), ("ijk,k->i", (2, 3, 4), (4,)),
                              ("ab,bc,cd->ad", (2, 3), (3, 4), (4, 2)), ("ij,ij->ij", (3, 4), (3, 4)), ("ij,k->i", (3, 4), (5,)),
                              ("abc,cde->abde", (2, 3, 4), (4, 5, 2)), ("ij,jk->ik", (0, 4), (4, 5))):
        rng = rng_for(f"einsum{equation}")
        operands = tuple(away_from_zero(rng, s) for s in shapes)
        add("einsum", f"{equation}-{'x'.join(map(str, shapes[0]))}", operands, equation=equation,
            magnitude=lambda inputs, equation=equation: np.einsum(equation, *(np.abs(x) for x in inputs)))

    for shape in ((1,), (7,), (5, 9), (3, 4, 5), (0, 2), (100,), ()):
        text = "x".join(map(str, shape)) or "scalar"
        rng = rng_for(f"elementary{shape}")
        add("exp", text, (away_from_zero(rng, shape) * 2,))
        add("log", text, (np.abs(away_from_zero(rng, shape)) * 2,))
        add("erf", text, (away_from_zero(rng, shape) * 2,))
        for rate in (0.0, 0.3, 0.5, 1.0):
            add("dropout", f"{text}-{rate}", (away_from_zero(rng, shape),), rate, np.array([0x89ABCDEF, 5], np.uint32))

    cases_convolution.add_convolution(add, rng_for, away_from_zero)
    cases_convolution.add_convolution_pooling(add, rng_for, away_from_zero)
    cases_convolution.add_pooling(add, rng_for)
    cases_convolution.add_normalization(add, rng_for, away_from_zero)
    return cases


def _shared_cases() -> list[KernelCase]:
    from refnet.kernels.arithmetic import BINARY, UNARY
    cases: list[KernelCase] = []

    def add(kernel, id, inputs, *args, **kwargs):
        cases.append(KernelCase(kernel, f"{kernel}-{id}", tuple(np.asarray(x) for x in inputs), tuple(args), kwargs, shared=True))

    rng = np.random.default_rng(3)
    for name in UNARY:
        x = away_from_zero(rng, (4, 5))
        if name in ("sqrt", "rsqrt", "log1p", "log2", "log10"):
            x = np.abs(x)
        elif name in ("arcsin", "arccos", "arctanh", "tan"):
            x = x * 0.6
        elif name == "arccosh":
            x = np.abs(x) + 1.1
        elif name == "cbrt":
            x = np.sign(x) * (np.abs(x) + 0.2)
        add("unary", name, (x,), name)
    for name in BINARY:
        for a, b in (((4, 5), (4, 5)), ((4, 5), (5,)), ((4, 1), (1, 5)), ((), (3,))):
            x, y = away_from_zero(rng, a), away_from_zero(rng, b)
            if name == "power":
                x = np.abs(x)
            add("binary", f"{name}-{a}-{b}", (x, y), name)
    x = away_from_zero(rng, (4, 5, 6))
    add("clip", "both", (x,), np.float64(-0.71), np.float64(0.73))
    add("clip", "low", (x,), np.float64(0.02), None)
    add("where", "broadcast", (away_from_zero(rng, (4, 5)), away_from_zero(rng, (5,))), rng.random((4, 5)) > 0.5)
    for axis in (None, 0, -1, (0, 2)):
        for keepdims in (False, True):
            for kernel in ("sum", "mean", "prod"):
                add(kernel, f"{axis}-{keepdims}", (x,), axis, keepdims)
            for name in ("max", "min"):
                add("extremum", f"{name}-{axis}-{keepdims}", (x,), name, axis, keepdims)
    add("prod", "zero", (np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 1.0]]),), 1)
    add("cumsum", "0", (x,), 0)
    add("cumsum", "last", (x,), -1)
    add("cumprod", "0", (x,), 0)
    add("cumprod", "last", (x,), -1)
    add("cumprod", "zero", (np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 1.0]]),), 1)
    v = away_from_zero(rng, (3, 5, 6))
    add("scatter", "rows", (v,), (np.array([1, 0, 1]),), (4, 5, 6))
    add("scatter", "places", (v[:, 0, 0],), (np.array([1, 0, 1]), np.array([2, 2, 2])), (4, 5))
    add("put", "rows", (x, v), (np.array([1, 0, 1]),))
    add("put", "block", (x, v[:2, :2, :2]), (slice(1, 3), slice(0, 2), slice(2, 4)))
    square = away_from_zero(rng, (2, 3, 3)) + 3 * np.eye(3)
    for kernel in ("inverse", "determinant", "slogdet"):
        add(kernel, "3x3", (square,))
        add(kernel, "1x1", (square[:1, :1, :1],))
    add("solved", "3x3", (square, away_from_zero(rng, (2, 3, 4))))
    add("solved", "one", (square[0], away_from_zero(rng, (3, 1))))
    add("reshape", "-1", (x,), (20, -1))
    add("transpose", "reversed", (x,))
    add("transpose", "axes", (x,), (1, 2, 0))
    add("contiguous", "transposed", (x.transpose(2, 0, 1),))
    add("cast", "float64", (x,), np.dtype(np.float64))
    add("broadcast", "grow", (away_from_zero(rng, (4, 1)),), (3, 4, 5))
    add("concatenate", "three", (x, x[:, :2] * 2, x[:, :1] * 3), axis=1)
    add("pad", "uneven", (x,), ((1, 0), (0, 2), (3, 3)))
    add("flip", "1", (x,), 1)
    add("flip", "all", (x,))
    add("roll", "1", (x,), 2, 1)
    add("roll", "flat", (x,), -7)
    add("roll", "several", (x,), (1, -2), (0, 2))
    for m, n in ((3, 3), (5, 2), (2, 4)):
        add("singular_values", f"{m}x{n}", (away_from_zero(rng, (2, m, n)),))
    add("index", "slice", (x,), (slice(1, 3), slice(None, None, 2)))
    add("index", "repeated", (x,), (np.array([0, 0, 2, -1]), slice(None), np.array([1, 1, 1, 2])))
    add("index", "mask", (x,), x > 0)
    add("index", "one", (x,), (1, 2, 3))
    add("take_along_axis", "last", (x,), rng.integers(-6, 6, (4, 5, 3)), -1)
    scalar = np.array(0.7)                                           # 0-d arrays stay arrays, where NumPy makes scalars of them
    for name in UNARY:
        if name != "arccosh":
            add("unary", f"{name}-scalar", (scalar,), name)
    for kernel in ("sum", "mean", "prod"):
        add(kernel, "scalar", (scalar,), None, False)
    add("extremum", "scalar", (scalar,), "max", None, False)
    for kernel in ("transpose", "contiguous", "flip"):
        add(kernel, "scalar", (scalar,))
    add("reshape", "scalar", (scalar,), (1, 1))
    add("index", "scalar", (scalar,), ())
    add("clip", "scalar", (scalar,), np.float64(0.1), None)
    add("where", "scalar", (scalar, scalar * 2), np.array(True))
    add("broadcast", "scalar", (scalar,), (2, 3))
    add("pad", "scalar", (scalar,), ())
    add("roll", "scalar", (scalar,), 3)
    return cases


@dataclass(frozen=True)
class UpdateCase:
    """An optimizer update: w, dw and slots, of one shape but for those of `slot_shape`."""

    kernel: str
    id: str
    slots: tuple[str, ...]                                   # which slot arguments are given (others None)
    all_slots: tuple[str, ...]
    kwargs: dict
    shape: tuple

    def slot_shape(self, slot: str) -> tuple:
        """The shape of a slot: adafactor keeps means of rows and of columns, nadam one number."""
        shapes = {"r": self.shape[:-1], "c": (*self.shape[:-2], *self.shape[-1:]), "product": ()}
        return shapes[slot] if slot in shapes else self.shape


def _update_cases() -> list[UpdateCase]:
    cases = []
    for shape in ((1,), (13, 64), (7, 3, 5), (0, 4), (257, 129)):
        text = "x".join(map(str, shape))

        def add(kernel, id, slots, all_slots, shape=shape, text=text, **kwargs):
            cases.append(UpdateCase(kernel, f"{kernel}-{id}-{text}", slots, all_slots, kwargs, shape))

        add("sgd_update", "plain", (), ("velocity",), learning_rate=0.1)
        add("sgd_update", "momentum", ("velocity",), ("velocity",), learning_rate=0.1, momentum=0.9)
        add("sgd_update", "nesterov", ("velocity",), ("velocity",), learning_rate=0.1, momentum=0.9, nesterov=True)
        rms = ("v", "velocity", "mean_gradient")
        add("rmsprop_update", "plain", ("v",), rms, learning_rate=0.01)
        add("rmsprop_update", "momentum", ("v", "velocity"), rms, learning_rate=0.01, rho=0.8, momentum=0.5, epsilon=1e-3)
        add("rmsprop_update", "centered", ("v", "mean_gradient"), rms, learning_rate=0.01)
        add("rmsprop_update", "everything", rms, rms, learning_rate=0.01, momentum=0.9)
        adam = ("m", "v", "v_max")
        add("adam_update", "first", ("m", "v"), adam, step=1, learning_rate=0.01)
        add("adam_update", "later", ("m", "v"), adam, step=1000, learning_rate=0.01, beta_1=0.8, beta_2=0.99, epsilon=1e-5)
        add("adam_update", "amsgrad", adam, adam, step=3, learning_rate=0.01)
        add("adagrad_update", "plain", ("accumulator",), ("accumulator",), learning_rate=0.1)
        add("adagrad_update", "epsilon", ("accumulator",), ("accumulator",), learning_rate=0.1, epsilon=0.1)
        add("adadelta_update", "plain", ("v", "u"), ("v", "u"), learning_rate=1.0)
        add("adadelta_update", "epsilon", ("v", "u"), ("v", "u"), learning_rate=0.5, rho=0.8, epsilon=1e-2)
        add("adamax_update", "first", ("m", "u"), ("m", "u"), step=1, learning_rate=0.01)
        add("adamax_update", "later", ("m", "u"), ("m", "u"), step=100, learning_rate=0.01, beta_1=0.8, beta_2=0.9, epsilon=1e-3)
        nadam = ("m", "v", "product")
        add("nadam_update", "first", nadam, nadam, step=1, learning_rate=0.01)
        add("nadam_update", "later", nadam, nadam, step=100, learning_rate=0.01, beta_1=0.8, beta_2=0.9, epsilon=1e-3)
        ftrl = ("accumulator", "linear")
        add("ftrl_update", "plain", ftrl, ftrl, learning_rate=0.1)
        add("ftrl_update", "sparse", ftrl, ftrl, learning_rate=0.1, l1_regularization_strength=1.0, l2_regularization_strength=0.1)
        add("ftrl_update", "power", ftrl, ftrl, learning_rate=0.5, learning_rate_power=-0.7, beta=1.0,
            l2_shrinkage_regularization_strength=0.2)
        add("lion_update", "plain", ("m",), ("m",), learning_rate=0.01)
        add("lion_update", "betas", ("m",), ("m",), learning_rate=0.01, beta_1=0.5, beta_2=0.8)
        add("lamb_update", "first", ("m", "v"), ("m", "v"), step=1, learning_rate=0.01)
        add("lamb_update", "later", ("m", "v"), ("m", "v"), step=100, learning_rate=0.1, beta_1=0.8, beta_2=0.9, epsilon=1e-3)
        add("schedule_free_update", "first", ("z", "v"), ("z", "v"), step=1, learning_rate=0.01)
        add("schedule_free_update", "later", ("z", "v"), ("z", "v"), step=7, learning_rate=0.1, beta_1=0.8, beta_2=0.9,
            epsilon=1e-3, warmup_steps=10)
        factors = ("v", "r", "c")
        add("adafactor_update", "whole", ("v",), factors, step=3, learning_rate=0.1)
        if len(shape) > 1:
            add("adafactor_update", "factored", factors, factors, step=3, learning_rate=0.1)
            add("adafactor_update", "clipped", factors, factors, step=1, learning_rate=0.1, clip_threshold=0.1, epsilon_1=0.01)
        if len(shape) == 2:
            add("muon_update", "plain", ("m",), ("m",), learning_rate=0.01)
            add("muon_update", "exact", ("m",), ("m",), learning_rate=0.1, momentum=0.5, nesterov=False, ns_steps=2, muon_a=1.5,
                muon_b=-0.5, muon_c=0.0, rms_rate=None)
            add("muon_update", "tall", ("m",), ("m",), shape=shape[::-1], text=f"{shape[1]}x{shape[0]}", learning_rate=0.01)
    return cases


KERNEL_CASES = _kernel_cases()
SHARED_CASES = _shared_cases()
UPDATE_CASES = _update_cases()
# Not differentiated: tested by hand, in test_kernels.py (published vectors, indices) and test_state_kernels.py, or by the ops
# that run them, in test_ops_arguments.py and test_ops_dtypes.py. Functions of symmetric matrices, whose entries cannot move
# one by one: test_ops_matrices.py.
PLAIN_KERNELS = (
    "accumulate_update", "accumulated_mean", "adaptive_average_matrix", "adaptive_windows", "add_gradients",
    "aligned_weights", "all_finite", "assign_update", "binary_flat", "binary_matches", "bincount", "called_rate",
    "categorical_matches", "cholesky_backward", "cholesky_forward", "clip_gradient", "confusion_matrix_update",
    "confusion_update", "constant_array", "count_nonzero", "count_update", "decay_update", "dropout_mask",
    "fill_like", "filled", "gather_rows", "histogram", "integer_einsum", "integer_matmul", "interpolation_matrix",
    "isclose", "label_indices", "least_squares", "loss_scale_update", "lu_factored", "masked_weights",
    "matrix_rank", "max_norm", "mean_update", "min_max_norm", "momentum_product_update", "moving_average_update",
    "nearest_indices", "next_key", "non_negative", "nonzero", "one_hot", "order", "philox_words", "position",
    "pseudo_inverse", "qr_factored", "reciprocal_sum", "revert_update", "rounded", "run_plan", "same_layouts",
    "samplewise", "scale_gradient", "shrink_factor", "singular_vectors", "sorted_places",
    "sparse_categorical_matches", "sparse_top_k_matches", "step_number", "symmetric_eigen_backward",
    "symmetric_eigen_forward", "truth", "unary_flat", "unique", "unit_norm", "unravelled", "unscale_gradient",
    "unscaled_gradient", "whole_labels",
)
