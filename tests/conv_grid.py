"""The grid of convolutional layers over which refnet is compared with the real Keras, live (test_conv_keras.py) and
from a golden file (test_conv_golden.py): odd sizes, strides larger than the kernel, dilation, groups, 1x1, a kernel
as large as the image, batch 1, an empty batch, both layouts.

A case is (layer class, constructor arguments, input shape, arguments of the call).
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["GRID", "arrays_for", "call_arguments", "golden_ids"]

FIRST = {"data_format": "channels_first"}


def _grid() -> dict[str, tuple[str, dict[str, Any], tuple, dict[str, Any]]]:
    cases: dict[str, tuple] = {}

    def add(layer: str, shape: tuple, id: str = "", call: dict[str, Any] | None = None, **config: Any) -> None:
        name = f"{layer}-{'x'.join(map(str, shape))}" + (f"-{id}" if id else "")
        assert name not in cases, name
        cases[name] = (layer, config, shape, call or {})

    # --- convolution ---
    add("Conv1D", (2, 11, 3), filters=4, kernel_size=3, activation="relu")
    add("Conv1D", (2, 11, 3), "causal", filters=4, kernel_size=3, padding="causal", dilation_rate=2, activation="tanh")
    add("Conv1D", (2, 11, 3), "causal-strided", filters=4, kernel_size=4, padding="causal", strides=3)
    add("Conv1D", (1, 7, 4), "groups", filters=6, kernel_size=2, groups=2, padding="same", strides=2)
    add("Conv1D", (2, 3, 11), "first", filters=4, kernel_size=3, **FIRST)
    add("Conv2D", (2, 7, 9, 3), "valid", filters=5, kernel_size=3, activation="relu")
    add("Conv2D", (2, 7, 9, 3), "same", filters=5, kernel_size=(3, 2), padding="same", activation="sigmoid")
    add("Conv2D", (2, 7, 9, 3), "same-strided", filters=5, kernel_size=3, padding="same", strides=2)
    add("Conv2D", (2, 8, 8, 3), "same-strided", filters=5, kernel_size=3, padding="same", strides=2)
    add("Conv2D", (2, 8, 11, 2), "stride-above-kernel", filters=3, kernel_size=2, strides=(3, 4))
    add("Conv2D", (2, 8, 11, 2), "stride-above-kernel-same", filters=3, kernel_size=2, strides=(3, 4), padding="same")
    add("Conv2D", (2, 9, 10, 2), "dilated", filters=3, kernel_size=3, dilation_rate=(2, 3))
    add(
        "Conv2D",
        (2, 9, 10, 2),
        "dilated-same",
        filters=3,
        kernel_size=3,
        dilation_rate=(2, 3),
        padding="same",
        activation="gelu",
    )
    add("Conv2D", (2, 5, 6, 6), "groups", filters=9, kernel_size=3, groups=3, padding="same", activation="silu")
    add("Conv2D", (2, 5, 6, 4), "as-many-groups-as-channels", filters=8, kernel_size=3, groups=4)
    add("Conv2D", (3, 5, 4, 7), "1x1", filters=6, kernel_size=1, activation="relu")
    add("Conv2D", (3, 5, 4, 7), "1x1-strided", filters=6, kernel_size=1, strides=2)
    add("Conv2D", (2, 5, 4, 3), "whole-image", filters=6, kernel_size=(5, 4))
    add("Conv2D", (1, 1, 1, 1), "single", filters=1, kernel_size=1)
    add("Conv2D", (1, 6, 6, 1), "batch-1", filters=33, kernel_size=3, activation="relu")
    add("Conv2D", (0, 6, 6, 2), "empty-batch", filters=3, kernel_size=3)
    add("Conv2D", (2, 2, 2, 3), "kernel-above-image-same", filters=3, kernel_size=5, padding="same")
    add(
        "Conv2D", (2, 3, 7, 6), "first", filters=4, kernel_size=3, padding="same", strides=2, activation="relu", **FIRST
    )
    add("Conv2D", (2, 4, 7, 6), "first-groups", filters=4, kernel_size=3, groups=2, use_bias=False, **FIRST)
    add("Conv2D", (2, 3, 7, 6), "first-softmax", filters=4, kernel_size=3, activation="softmax", **FIRST)
    add("Conv2D", (2, 13, 13, 32), "wide", filters=34, kernel_size=3, activation="relu")
    add("Conv3D", (2, 4, 5, 6, 2), "valid", filters=3, kernel_size=2, activation="relu")
    add(
        "Conv3D", (2, 4, 5, 6, 2), "same", filters=4, kernel_size=(3, 2, 1), padding="same", strides=(2, 1, 3), groups=2
    )
    add("Conv3D", (1, 5, 5, 5, 1), "dilated", filters=2, kernel_size=2, dilation_rate=2)
    add("Conv3D", (1, 2, 4, 5, 3), "first", filters=2, kernel_size=2, **FIRST)

    # --- its transpose ---
    for padding in ("valid", "same"):
        for size, kernel, stride in ((4, 3, 1), (4, 3, 2), (5, 2, 2), (3, 2, 3), (4, 4, 2), (3, 5, 3), (1, 3, 2)):
            add(
                "Conv2DTranspose",
                (2, size, size + 1, 3),
                f"{padding}-k{kernel}-s{stride}",
                filters=2,
                kernel_size=kernel,
                strides=stride,
                padding=padding,
                activation="relu",
            )
        add(
            "Conv2DTranspose",
            (2, 4, 5, 3),
            f"{padding}-output-padding-0",
            filters=2,
            kernel_size=3,
            strides=2,
            padding=padding,
            output_padding=0,
        )
        add(
            "Conv2DTranspose",
            (2, 4, 5, 3),
            f"{padding}-output-padding-1",
            filters=2,
            kernel_size=3,
            strides=2,
            padding=padding,
            output_padding=1,
        )
        add(
            "Conv2DTranspose",
            (2, 4, 5, 3),
            f"{padding}-output-padding-mixed",
            filters=2,
            kernel_size=(2, 5),
            strides=(2, 3),
            padding=padding,
            output_padding=(1, 2),
        )
        add(
            "Conv2DTranspose",
            (2, 4, 5, 3),
            f"{padding}-dilated",
            filters=2,
            kernel_size=3,
            dilation_rate=2,
            padding=padding,
        )
    add("Conv1DTranspose", (2, 5, 3), "same", filters=4, kernel_size=3, strides=2, padding="same", activation="tanh")
    add("Conv1DTranspose", (2, 3, 5), "first", filters=4, kernel_size=3, strides=2, **FIRST)
    add(
        "Conv2DTranspose",
        (2, 3, 4, 5),
        "first",
        filters=4,
        kernel_size=3,
        strides=2,
        padding="same",
        use_bias=False,
        **FIRST,
    )
    add("Conv2DTranspose", (0, 3, 4, 5), "empty-batch", filters=4, kernel_size=3, strides=2)
    add("Conv3DTranspose", (2, 2, 3, 4, 2), "same", filters=3, kernel_size=3, strides=(2, 1, 2), padding="same")

    # --- depthwise and separable ---
    add("DepthwiseConv1D", (2, 9, 3), kernel_size=3, depth_multiplier=2, padding="same", activation="relu")
    add("DepthwiseConv2D", (2, 7, 6, 3), "valid", kernel_size=3)
    add(
        "DepthwiseConv2D",
        (2, 7, 6, 3),
        "same",
        kernel_size=(3, 2),
        depth_multiplier=3,
        padding="same",
        strides=2,
        activation="relu",
    )
    add("DepthwiseConv2D", (2, 7, 8, 3), "dilated", kernel_size=3, dilation_rate=2, use_bias=False)
    add("DepthwiseConv2D", (2, 3, 7, 6), "first", kernel_size=3, depth_multiplier=2, **FIRST)
    add("DepthwiseConv2D", (0, 7, 6, 3), "empty-batch", kernel_size=3)
    add("SeparableConv1D", (2, 9, 3), filters=4, kernel_size=3, depth_multiplier=2, activation="relu")
    add(
        "SeparableConv2D", (2, 7, 6, 3), "same", filters=5, kernel_size=3, depth_multiplier=2, padding="same", strides=2
    )
    add("SeparableConv2D", (2, 7, 6, 3), "dilated", filters=5, kernel_size=2, dilation_rate=2, activation="relu")
    add("SeparableConv2D", (2, 3, 7, 6), "first", filters=5, kernel_size=3, **FIRST)

    # --- pooling ---
    for kind in ("Max", "Average"):
        add(f"{kind}Pooling1D", (2, 9, 3), pool_size=2)
        add(f"{kind}Pooling1D", (2, 3, 9), "first", pool_size=3, strides=2, padding="same", **FIRST)
        add(f"{kind}Pooling2D", (2, 6, 8, 3), "even", pool_size=2)
        add(f"{kind}Pooling2D", (2, 7, 9, 3), "odd", pool_size=2)
        add(f"{kind}Pooling2D", (2, 7, 9, 3), "odd-same", pool_size=2, padding="same")
        add(f"{kind}Pooling2D", (2, 7, 9, 3), "overlapping", pool_size=3, strides=2)
        add(f"{kind}Pooling2D", (2, 7, 9, 3), "overlapping-same", pool_size=(3, 2), strides=1, padding="same")
        add(f"{kind}Pooling2D", (2, 7, 9, 3), "gaps", pool_size=2, strides=(3, 4))
        add(f"{kind}Pooling2D", (2, 7, 9, 3), "gaps-same", pool_size=2, strides=(3, 4), padding="same")
        add(f"{kind}Pooling2D", (1, 5, 4, 33), "whole-image", pool_size=(5, 4))
        add(f"{kind}Pooling2D", (1, 2, 3, 2), "pool-above-image-same", pool_size=5, padding="same")
        add(f"{kind}Pooling2D", (2, 3, 7, 6), "first", pool_size=2, **FIRST)
        add(f"{kind}Pooling2D", (0, 7, 6, 3), "empty-batch", pool_size=2)
        add(f"{kind}Pooling3D", (2, 5, 4, 6, 2), pool_size=(2, 3, 2), strides=2, padding="same")
        for rank, shape in ((1, (2, 7, 3)), (2, (2, 5, 4, 3)), (3, (2, 3, 4, 2, 3))):
            add(f"Global{kind}Pooling{rank}D", shape)
            add(f"Global{kind}Pooling{rank}D", shape, "first-keepdims", keepdims=True, **FIRST)
            add(f"Adaptive{kind}Pooling{rank}D", shape, output_size=2)
        add(f"Adaptive{kind}Pooling2D", (2, 7, 9, 3), "odd", output_size=(3, 4))
        add(f"Adaptive{kind}Pooling2D", (2, 5, 6, 3), "enlarging", output_size=(7, 6))
        add(f"Adaptive{kind}Pooling2D", (2, 3, 7, 9), "first", output_size=(3, 5), **FIRST)
    add("GlobalAveragePooling1D", (3, 6, 2), "mask", {"mask": "steps"})

    # --- normalization ---
    for training in (True, False):
        text = "training" if training else "inference"
        call = {"training": training}
        add("BatchNormalization", (6, 5), text, call)
        add("BatchNormalization", (3, 4, 5, 2), text, call, momentum=0.5, epsilon=0.25)
        add("BatchNormalization", (3, 2, 4, 5), f"first-{text}", call, axis=1)
        add("BatchNormalization", (4, 3), f"plain-{text}", call, center=False, scale=False)
        add("BatchNormalization", (4, 3), f"center-{text}", call, scale=False)
        add("BatchNormalization", (1, 3), f"one-{text}", call)
        add(
            "BatchNormalization",
            (5, 7, 3),
            f"renorm-{text}",
            call,
            renorm=True,
            renorm_clipping={"rmin": 0.5, "rmax": 2.0, "dmax": 0.5},
        )
    add("BatchNormalization", (4, 6, 3), "mask", {"training": True, "mask": "steps"})
    add("BatchNormalization", (5, 7, 3), "renorm-unclipped", {"training": True}, renorm=True, scale=False, center=False)
    add("BatchNormalization", (6, 5), "frozen", {"training": True}, trainable=False)
    add("LayerNormalization", (4, 7))
    add("LayerNormalization", (2, 3, 4, 5), "last")
    add("LayerNormalization", (2, 3, 4, 5), "axes", axis=[1, 2, 3], epsilon=0.125)
    add("LayerNormalization", (2, 3, 4, 5), "middle", axis=1)
    add("LayerNormalization", (2, 3, 4), "two", axis=(-1, -2), center=False)
    add("LayerNormalization", (2, 3, 4), "plain", center=False, scale=False)
    add("LayerNormalization", (0, 4), "empty-batch")
    add("GroupNormalization", (2, 3, 5, 6), "last", groups=3)
    add("GroupNormalization", (2, 6, 3, 5), "first", groups=2, axis=1)
    add("GroupNormalization", (2, 5, 4), "instance", groups=-1)
    add("GroupNormalization", (3, 6), "rows", groups=1, scale=False)
    add("RMSNormalization", (4, 7))
    add("RMSNormalization", (2, 3, 4, 5), "axes", axis=(2, 3))
    add("UnitNormalization", (4, 7))
    add("UnitNormalization", (2, 3, 4), "axes", axis=[1, 2])

    # --- sizes ---
    add("ZeroPadding1D", (2, 4, 3), padding=(1, 2))
    add("ZeroPadding2D", (2, 4, 5, 3), padding=((1, 2), (0, 3)))
    add("ZeroPadding2D", (2, 3, 4, 5), "first", padding=(2, 1), **FIRST)
    add("ZeroPadding3D", (1, 2, 3, 4, 2), padding=(1, 0, 2))
    add("Cropping1D", (2, 6, 3), cropping=(1, 2))
    add("Cropping2D", (2, 6, 5, 3), cropping=((1, 2), (0, 3)))
    add("Cropping2D", (2, 3, 6, 5), "first", cropping=1, **FIRST)
    add("Cropping3D", (1, 4, 3, 4, 2), cropping=((1, 0), (0, 1), (1, 1)))
    add("UpSampling1D", (2, 4, 3), size=3)
    add("UpSampling2D", (2, 3, 4, 2), "nearest", size=(2, 3))
    add("UpSampling2D", (2, 2, 3, 4), "first", size=2, **FIRST)
    for interpolation in ("bilinear", "bicubic", "lanczos3", "lanczos5"):
        add("UpSampling2D", (2, 3, 4, 2), interpolation, size=(2, 3), interpolation=interpolation)
    add("UpSampling3D", (1, 2, 3, 2, 2), size=(2, 1, 3))
    for height, width in ((9, 11), (3, 4), (7, 2)):
        for interpolation in ("bilinear", "nearest", "bicubic", "lanczos3"):
            add(
                "Resizing",
                (2, 6, 5, 2),
                f"{height}x{width}-{interpolation}",
                height=height,
                width=width,
                interpolation=interpolation,
            )
    add("Resizing", (2, 9, 11, 2), "antialias", height=4, width=5, antialias=True)
    add("Resizing", (2, 9, 11, 2), "antialias-bicubic", height=4, width=15, antialias=True, interpolation="bicubic")
    add("Resizing", (2, 6, 9, 2), "crop", height=4, width=4, crop_to_aspect_ratio=True)
    add("Resizing", (2, 6, 9, 2), "pad", height=4, width=4, pad_to_aspect_ratio=True, fill_value=0.5)
    add("Resizing", (2, 9, 6, 2), "pad-sides", height=4, width=4, pad_to_aspect_ratio=True)
    add("Resizing", (2, 2, 6, 9), "first", height=4, width=4, **FIRST)
    add("CenterCrop", (2, 7, 8, 2), height=4, width=5)
    add("CenterCrop", (2, 3, 8, 2), "enlarging", height=6, width=5)
    return cases


GRID = _grid()


def golden_ids() -> list[str]:
    """What the golden file holds: all but the large ones."""
    return [id for id in GRID if not id.endswith(("-wide", "-batch-1"))]


def _float32(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32).astype(np.float64)


def arrays_for(
    id: str, weight_shapes: list[tuple[int, ...]], output_shape: tuple[int, ...]
) -> tuple[np.ndarray, list, np.ndarray]:
    """Input, weights and cotangent of a case: float64 that float32 holds exactly; entries differ, so that maxima have
    no ties."""
    shape = GRID[id][2]
    rng = np.random.default_rng(sum(ord(c) * (i + 1) for i, c in enumerate(id)))
    x = _float32(rng.permutation(np.linspace(-2, 2, max(int(np.prod(shape)), 1))[: int(np.prod(shape))]).reshape(shape))
    weights = [_float32(rng.uniform(0.5, 1.5, s) if len(s) == 1 else rng.normal(size=s) * 0.5) for s in weight_shapes]
    dy = _float32(rng.choice([-1.0, 1.0], output_shape) * rng.uniform(0.5, 1.5, output_shape))
    return x, weights, dy


def call_arguments(id: str) -> dict[str, Any]:
    """The arguments of the call; a mask is made: some steps of each sample are left out."""
    _, _, shape, call = GRID[id]
    call = dict(call)
    if call.get("mask") == "steps":
        mask = np.ones(shape[:2], bool)
        mask[0, 1:3] = mask[1, -1] = mask[2, 0] = False
        call["mask"] = mask
    return call
