"""Cases of the kernels of convolutional networks, for the registry in cases.py.

Sizes: one, prime, below and above a register tile, tails in every dimension; strides larger than the kernel,
dilation, groups, padding on one side only, 1x1, a kernel as large as the image, an empty batch; one, two and three
dimensions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import refnet.kernels as reference

__all__ = ["add_convolution", "add_convolution_pooling", "add_normalization", "add_pooling", "tie_free"]

# x, w, strides, padding, dilation, groups, activation
CONVOLUTIONS: dict[str, tuple] = {
    "1d": ((2, 7, 3), (3, 3, 4), (1,), ((0, 0),), (1,), 1, "linear"),
    "1d-causal": ((2, 7, 3), (3, 3, 4), (1,), ((4, 0),), (2,), 1, "tanh"),
    "1d-stride-above-kernel": ((2, 11, 2), (2, 2, 3), (4,), ((0, 1),), (1,), 1, "linear"),
    "valid": ((2, 5, 6, 3), (3, 3, 3, 5), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "linear"),
    "same": ((2, 5, 4, 3), (3, 3, 3, 4), (1, 1), ((1, 1), (1, 1)), (1, 1), 1, "sigmoid"),
    "same-strided": ((2, 6, 7, 2), (3, 3, 2, 3), (2, 2), ((0, 1), (1, 1)), (1, 1), 1, "tanh"),
    "uneven": ((1, 5, 7, 2), (2, 4, 2, 3), (2, 1), ((0, 2), (3, 0)), (1, 1), 1, "gelu"),
    "dilated": ((1, 7, 8, 2), (3, 2, 2, 3), (1, 1), ((2, 2), (0, 1)), (2, 3), 1, "silu"),
    "dilated-strided": ((1, 8, 7, 2), (2, 2, 2, 3), (2, 3), ((1, 0), (0, 0)), (2, 2), 1, "linear"),
    "groups": ((2, 4, 5, 6), (3, 2, 2, 9), (1, 1), ((1, 1), (0, 1)), (1, 1), 3, "gelu_tanh"),
    "groups-strided": ((2, 5, 5, 4), (3, 3, 2, 6), (2, 2), ((1, 1), (1, 1)), (1, 1), 2, "linear"),
    "1x1": ((2, 3, 4, 5), (1, 1, 5, 7), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "tanh"),
    "1x1-strided": ((2, 5, 4, 5), (1, 1, 5, 3), (2, 3), ((0, 0), (0, 0)), (1, 1), 1, "linear"),
    "whole-image": ((3, 4, 3, 2), (4, 3, 2, 5), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "linear"),
    "kernel-above-image": ((2, 2, 2, 2), (5, 5, 2, 3), (1, 1), ((2, 2), (2, 2)), (1, 1), 1, "linear"),
    "single": ((1, 1, 1, 1), (1, 1, 1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "linear"),
    "one-channel": ((2, 9, 8, 1), (3, 3, 1, 17), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "relu"),
    "empty-batch": ((0, 5, 5, 2), (3, 3, 2, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "relu"),
    "3d": ((1, 3, 4, 5, 2), (2, 2, 3, 2, 3), (1, 1, 1), ((0, 0), (0, 0), (0, 0)), (1, 1, 1), 1, "linear"),
    "3d-strided": ((1, 4, 4, 5, 2), (3, 2, 2, 2, 3), (2, 1, 2), ((1, 1), (0, 1), (0, 0)), (1, 1, 1), 1, "tanh"),
    # too large for numerical gradients; for parity and threads
    "wide": ((3, 14, 13, 32), (3, 3, 32, 34), (1, 1), ((1, 1), (1, 1)), (1, 1), 1, "relu"),
    "wide-valid": ((5, 15, 15, 33), (3, 3, 33, 64), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "linear"),
    "wide-strided": ((4, 16, 15, 24), (3, 3, 24, 40), (2, 2), ((0, 1), (1, 1)), (1, 1), 1, "relu"),
    "wide-groups": ((2, 12, 11, 32), (3, 3, 8, 64), (1, 1), ((1, 1), (1, 1)), (1, 1), 4, "linear"),
    "first-layer": ((8, 28, 28, 1), (3, 3, 1, 32), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "relu"),
    "first-layer-colour": ((4, 32, 31, 3), (3, 3, 3, 32), (1, 1), ((1, 1), (1, 1)), (1, 1), 1, "linear"),
    # 3x3, strides 1, 32 channels or more: by Winograd's filtering in the twin; tiles of 4x4 whole, cut, and wider than the image
    "tiles": ((4, 12, 12, 32), (3, 3, 32, 32), (1, 1), ((1, 1), (1, 1)), (1, 1), 1, "relu"),
    "tiles-cut": ((9, 13, 11, 32), (3, 3, 32, 64), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "relu"),
    "tiles-uneven": ((8, 9, 14, 64), (3, 3, 64, 48), (1, 1), ((2, 0), (0, 1)), (1, 1), 1, "tanh"),
    "tiles-of-one": ((33, 5, 5, 32), (3, 3, 32, 48), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "linear"),
    "tiles-few-images": ((2, 18, 15, 64), (3, 3, 64, 32), (1, 1), ((1, 1), (1, 1)), (1, 1), 1, "gelu"),
    "1x1-wide": ((4, 13, 12, 40), (1, 1, 40, 70), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "relu"),
}

# x, w (*K, F, C), strides, before, size, dilation, activation
TRANSPOSED: dict[str, tuple] = {
    "1d": ((2, 5, 3), (3, 4, 3), (2,), (0,), (11,), (1,), "linear"),
    "full": ((2, 3, 4, 3), (3, 2, 2, 3), (1, 1), (0, 0), (5, 5), (1, 1), "tanh"),
    "same": ((2, 4, 3, 3), (3, 3, 5, 3), (2, 2), (0, 0), (8, 6), (1, 1), "linear"),
    "cut": ((2, 4, 5, 3), (4, 5, 2, 3), (2, 3), (1, 1), (8, 15), (1, 1), "sigmoid"),
    "stride-above-kernel": ((2, 3, 4, 2), (2, 2, 3, 2), (3, 4), (0, 0), (9, 16), (1, 1), "linear"),
    "dilated": ((1, 4, 3, 2), (3, 2, 3, 2), (1, 1), (1, 0), (6, 5), (2, 2), "gelu"),
    "empty-batch": ((0, 3, 4, 3), (3, 2, 2, 3), (1, 1), (0, 0), (5, 5), (1, 1), "relu"),
    "3d": ((1, 2, 3, 2, 2), (2, 3, 2, 3, 2), (2, 1, 2), (0, 1, 0), (4, 3, 4), (1, 1, 1), "linear"),
    "wide": ((4, 7, 7, 32), (3, 3, 16, 32), (2, 2), (0, 0), (14, 14), (1, 1), "relu"),
}

# x, w (*K, C, M), strides, padding, dilation, activation
DEPTHWISE: dict[str, tuple] = {
    "1d": ((2, 7, 3), (3, 3, 2), (1,), ((1, 1),), (1,), "tanh"),
    "valid": ((2, 5, 6, 3), (3, 2, 3, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), "linear"),
    "multiplied": ((2, 5, 4, 3), (3, 3, 3, 4), (1, 1), ((1, 1), (1, 1)), (1, 1), "sigmoid"),
    "strided": ((2, 6, 7, 2), (3, 3, 2, 1), (2, 2), ((0, 1), (1, 1)), (1, 1), "linear"),
    "dilated-strided": ((1, 8, 7, 3), (2, 2, 3, 2), (2, 3), ((1, 0), (0, 0)), (2, 2), "silu"),
    "empty-batch": ((0, 5, 5, 2), (3, 3, 2, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), "relu"),
    "3d": ((1, 3, 4, 3, 2), (2, 2, 3, 2, 2), (1, 2, 1), ((0, 0), (1, 0), (1, 1)), (1, 1, 1), "linear"),
    "wide": ((4, 14, 13, 40), (3, 3, 40, 1), (1, 1), ((1, 1), (1, 1)), (1, 1), "relu"),
}

# x, pool_size, strides, padding
POOLS: dict[str, tuple] = {
    "1d": ((2, 9, 3), (2,), (2,), ((0, 0),)),
    "1d-same": ((2, 7, 3), (3,), (2,), ((1, 1),)),
    "2x2": ((2, 6, 8, 5), (2, 2), (2, 2), ((0, 0), (0, 0))),
    "2x2-odd": ((2, 7, 5, 3), (2, 2), (2, 2), ((0, 0), (0, 0))),
    "2x2-odd-same": ((2, 7, 5, 3), (2, 2), (2, 2), ((0, 1), (0, 1))),
    "overlapping": ((2, 7, 6, 3), (3, 3), (2, 2), ((0, 0), (0, 0))),
    "overlapping-same": ((1, 5, 6, 3), (3, 2), (1, 1), ((1, 1), (0, 1))),
    "gaps": ((2, 8, 9, 2), (2, 2), (3, 4), ((0, 0), (0, 0))),
    "whole-image": ((2, 5, 4, 19), (5, 4), (5, 4), ((0, 0), (0, 0))),
    "empty-batch": ((0, 4, 4, 3), (2, 2), (2, 2), ((0, 0), (0, 0))),
    "3d": ((1, 4, 3, 5, 3), (2, 2, 2), (2, 1, 2), ((0, 0), (0, 0), (0, 1))),
    "wide": ((4, 26, 26, 32), (2, 2), (2, 2), ((0, 0), (0, 0))),
    "wide-overlapping": ((4, 15, 14, 40), (3, 3), (2, 2), ((0, 0), (0, 1))),
}


# x, w, strides, padding, dilation, groups, activation: what the convolution in front of a 2x2 maximum gets
CONVOLUTION_POOLS: dict[str, tuple] = {
    "same": ((2, 6, 8, 3), (3, 3, 3, 5), (1, 1), ((1, 1), (1, 1)), (1, 1), 1, "linear"),
    "odd": ((2, 7, 9, 2), (2, 3, 2, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "tanh"),
    "odd-both": ((1, 8, 8, 2), (2, 2, 2, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "relu"),
    "strided-groups": ((2, 9, 8, 4), (3, 3, 2, 6), (2, 1), ((1, 1), (0, 1)), (1, 1), 2, "sigmoid"),
    "dilated": ((1, 9, 8, 2), (2, 2, 2, 3), (1, 1), ((1, 0), (0, 0)), (2, 3), 1, "linear"),
    "1x1": ((2, 5, 4, 3), (1, 1, 3, 4), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "relu"),
    "no-pair": ((2, 3, 6, 2), (3, 3, 2, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "relu"),
    "empty-batch": ((0, 6, 5, 2), (3, 3, 2, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "relu"),
    "first-layer": ((5, 14, 14, 1), (3, 3, 1, 32), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "relu"),
    "first-layer-colour": ((3, 16, 15, 3), (3, 3, 3, 34), (1, 1), ((1, 1), (1, 1)), (1, 1), 1, "tanh"),
    "slabs": ((1, 64, 63, 3), (5, 5, 3, 32), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "linear"),
    "tiles": ((4, 12, 12, 32), (3, 3, 32, 32), (1, 1), ((1, 1), (1, 1)), (1, 1), 1, "relu"),
    "tiles-cut": ((9, 13, 11, 32), (3, 3, 32, 48), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "linear"),
    "tiles-left-out": ((8, 15, 15, 32), (3, 3, 32, 32), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, "linear"),
    "tiles-few-images": ((2, 18, 15, 64), (3, 3, 64, 32), (1, 1), ((1, 1), (1, 1)), (1, 1), 1, "relu"),
    "tiles-tanh": ((4, 10, 9, 32), (3, 3, 32, 32), (1, 1), ((1, 1), (1, 1)), (1, 1), 1, "tanh"),
}


def tie_free(rng: np.random.Generator, shape: tuple) -> np.ndarray:
    """Values in [-2, 2] that differ by more than a numerical derivative's step, so that no maximum is near a tie."""
    count = int(np.prod(shape))
    return rng.permutation(np.linspace(-2, 2, count) if count > 1 else np.full(count, 0.7)).reshape(shape)


def _absolute(kernel: str) -> Callable:
    """The sum of the absolute terms of each entry of z: the same kernel on absolute values, without activation."""

    def magnitude(inputs: tuple, *args: Any) -> np.ndarray:
        x, w, b = (None if a is None else np.abs(a) for a in inputs)
        return getattr(reference, f"{kernel}_forward")(x, w, b, *args, save=False)[0]

    return magnitude


def add_convolution(add: Callable, rng_for: Callable, away_from_zero: Callable) -> None:
    def inputs(id: str, x: tuple, w: tuple, filters: int, fan_in: int, activation: str):
        rng = rng_for(id)
        b = away_from_zero(rng, filters)
        if activation == "relu":  # z keeps off the kink: |x w| < 0.04 < |b|
            return rng.uniform(-1, 1, x), rng.uniform(-1, 1, w) * 0.04 / max(fan_in, 1), b
        return away_from_zero(rng, x), away_from_zero(rng, w) / np.sqrt(max(fan_in, 1)), b

    def with_and_without_bias(kernel: str, id: str, arrays: tuple, args: tuple) -> None:
        absolute = _absolute(kernel)
        add(kernel, id, arrays, *args, magnitude=lambda inputs: absolute(inputs, *args[:-1]))
        if id in ("valid", "same", "full", "strided"):
            add(
                kernel,
                f"{id}-nobias",
                (*arrays[:2], None),
                *args,
                magnitude=lambda inputs: absolute(inputs, *args[:-1]),
            )

    for id, (x, w, strides, padding, dilation, groups, activation) in CONVOLUTIONS.items():
        arrays = inputs(f"conv{id}", x, w, w[-1], int(np.prod(w[:-1])), activation)
        with_and_without_bias("conv", id, arrays, (strides, padding, dilation, groups, activation))
    for id, (x, w, strides, before, size, dilation, activation) in TRANSPOSED.items():
        arrays = inputs(f"transpose{id}", x, w, w[-2], int(np.prod(w[:-2])) * w[-1], activation)
        with_and_without_bias("conv_transpose", id, arrays, (strides, before, size, dilation, activation))
    for id, (x, w, strides, padding, dilation, activation) in DEPTHWISE.items():
        arrays = inputs(f"depthwise{id}", x, w, w[-1] * w[-2], int(np.prod(w[:-2])), activation)
        with_and_without_bias("depthwise_conv", id, arrays, (strides, padding, dilation, activation))


def _clearance(x: np.ndarray, w: np.ndarray, b: np.ndarray, *args: Any) -> float:
    """How far, relative to the largest entry of f(x * w + b), a 2x2 window is from another winner or from the kink of relu."""
    a, _ = reference.conv_forward(x, w, b, *args, save=False)
    n, height, width, channels = a.shape
    height, width = height // 2 * 2, width // 2 * 2
    four = np.sort(
        a[:, :height, :width].reshape(n, height // 2, 2, width // 2, 2, channels).transpose(0, 1, 3, 5, 2, 4).reshape(-1, 4)
    )
    relu = args[-1] == "relu"
    gaps = np.where(relu & (four[:, 3] == 0), np.inf, four[:, 3] - four[:, 2]).min(initial=np.inf)
    if relu:
        z, _ = reference.conv_forward(x, w, b, *args[:-1], "linear", save=False)
        gaps = min(gaps, np.abs(z).min(initial=np.inf))
    return float(gaps / max(np.abs(a).max(initial=0), 1e-300))


def add_convolution_pooling(add: Callable, rng_for: Callable, away_from_zero: Callable) -> None:
    """Inputs without near ties, the clearest of some draws: a rounding error must not change a winner."""
    absolute = _absolute("conv")
    for id, (x, w, *args) in CONVOLUTION_POOLS.items():
        rng, best, clearance = rng_for(f"convolution pool {id}"), None, 0.0
        for _ in range(40):
            arrays = (away_from_zero(rng, x), away_from_zero(rng, w) / np.sqrt(np.prod(w[:-1])), away_from_zero(rng, w[-1]))
            found = _clearance(*arrays, *args)
            if best is None or found > clearance:
                best, clearance = arrays, found
        assert clearance > (5e-6 if np.prod(x) > 500 else 3e-4), (id, clearance)
        largest = max((float(absolute(best, *args[:-1]).max(initial=0)), 1e-3))
        add("conv_max_pool", id, best, *args, magnitude=lambda inputs, largest=largest: largest)


def add_pooling(add: Callable, rng_for: Callable) -> None:
    for id, (x, pool_size, strides, padding) in POOLS.items():
        add("max_pool", id, (tie_free(rng_for(f"max{id}"), x),), pool_size, strides, padding)
        add("average_pool", id, (tie_free(rng_for(f"average{id}"), x),), pool_size, strides, padding)
    for shape in ((1, 1, 1), (2, 7, 3), (3, 20, 33), (0, 4, 2), (8, 64, 128)):
        x = tie_free(rng_for(f"global{shape}"), shape)
        add("global_average_pool", "x".join(map(str, shape)), (x,))


def add_normalization(add: Callable, rng_for: Callable, away_from_zero: Callable) -> None:
    def yardsticks(x: np.ndarray, axis: int, epsilon: float, centred: bool = True) -> dict[str, Any]:
        """y is made of (x - μ) γ/σ + β, dx of three terms dy γ/σ, each at most 1.5 · 1.5 / σ; they may cancel."""
        spread = np.sqrt((x.var(axis=axis) if centred else np.square(x).mean(axis=axis)).min(initial=1) + epsilon)
        y = float(2 * 1.5 * np.abs(x).max(initial=1) / spread + 1.5)
        return {"magnitude": lambda inputs: y, "gradient_terms": float(3 * 1.5 * 1.5 / spread)}

    def add_relu(id: str, arrays: tuple, weights: np.ndarray, statistics: np.ndarray) -> None:
        """Batch normalization with relu, x moved until no z is near its kink."""
        x, gamma, beta = arrays
        modes = [(True, None), (False, None)] + ([(True, weights)] if weights.any() else [])
        for training, mask in modes:
            args = (1e-3, None if training else statistics, training, mask)
            for draw in range(200):
                moved = x + 0.3 * rng_for(f"relu{id}{draw}").normal(size=x.shape)
                z, _ = reference.batch_norm_forward(moved, gamma, beta, *args, save=False)
                if np.abs(z).min() > (0.01 if x.size < 100 else 2e-4):
                    break
            else:
                continue
            scale = yardsticks(moved[mask > 0] if mask is not None else moved, 0, 1e-3)
            text = f"{id}-relu{'' if training else '-inference'}{'' if mask is None else '-weights'}"
            add("batch_norm", text, (moved, gamma, beta), *args, "relu",
                **(scale if training else {"magnitude": lambda inputs: 10.0}))  # fmt: skip

    for m, c in ((1, 1), (2, 3), (17, 5), (9, 33), (0, 4), (40, 16), (300, 37), (2048, 64)):
        rng = rng_for(f"norm{m},{c}")
        x, gamma, beta = away_from_zero(rng, (m, c)) * 1.5 + 0.5, away_from_zero(rng, c), away_from_zero(rng, c)
        statistics = np.stack([rng.normal(size=c), rng.uniform(0.5, 2, c)])
        weights = (rng.random(m) > 0.3).astype(np.float64)
        for id, arrays in (("", (x, gamma, beta)), ("-plain", (x, None, None)), ("-gamma", (x, gamma, None))):
            if id and m > 300:
                continue
            if 0 < m < 100 and id != "-gamma":
                add_relu(f"{m}x{c}{id}", arrays, weights, statistics)
            text = f"{m}x{c}{id}"
            if m:
                scale = yardsticks(x, 0, 1e-3)
                add("batch_norm", text, arrays, 1e-3, None, True, None, **scale)
                if weights.any():
                    scale = yardsticks(x[weights > 0], 0, 1e-3)
                    add("batch_norm", f"{text}-weights", arrays, 1e-3, None, True, weights, **scale)
                scale = yardsticks(x, 1, 1e-3)
                root = yardsticks(x, 1, 1e-6, centred=False)
            add("batch_norm", f"{text}-inference", arrays, 1e-3, statistics, False, None, magnitude=lambda inputs: 10.0)
            add("layer_norm", text, arrays, 1e-3, **(scale if m else {}))
            if not id.startswith("-gamma"):
                add("rms_norm", text, arrays[:2], 1e-6, **(root if m else {}))
