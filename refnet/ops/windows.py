"""Windows: how many there are and which padding they need. The geometry under convolution and pooling, in whole
numbers.

Forward
    A window of k entries, `dilation` d apart, spans (k - 1) d + 1 places. Moved by steps of s over n places it fits
        valid     ⌊(n - span) / s⌋ + 1 times: no padding.
        same      ⌈n / s⌉ times: as many as there are steps; the zeros that are missing for that go to both sides, an
        odd one to the end.
        causal    ⌈n / s⌉ times: all zeros before, so that no output sees what comes after it.

Everything here is cached: a layer asks the same question in every step.

Sizes end at 2**31 - 1 (`LARGEST`), each by itself and the places of an image with its padding all together: far beyond
any memory, and small enough for products of them to fit 64 bits in the compiled kernels. What exceeds it is refused
here, before anybody computes with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from refnet import config

__all__ = ["LARGEST", "Size", "check_extent", "data_format_of", "explicit_padding", "output_sizes",
           "transpose_geometry", "tuple_of"]

LARGEST = 2**31 - 1
Size = int | Sequence[int]  # one number for all spatial axes, or one for each


def tuple_of(value: Any, n: int, name: str, minimum: int = 1) -> tuple[int, ...]:
    """An integer, or n of them, as a tuple of n.

    Raises:
        ValueError: for anything else, or an entry below `minimum` or above LARGEST.
    """
    if type(value) is tuple and len(value) == n:  # nearly always, and checked in every step
        for v in value:
            if type(v) is not int or not minimum <= v <= LARGEST:
                break
        else:
            return value
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        values: tuple = (int(value),) * n
    else:
        try:
            values = tuple(value)
        except TypeError:
            values = ()
        if not all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in values):
            values = ()
        values = tuple(int(v) for v in values)
    if len(values) != n or min(values) < minimum:
        raise ValueError(
            f"`{name}` must be an integer or a tuple of {n} integers, each at least {minimum}. "
            f"Received: {name}={value!r}"
        )
    if max(values) > LARGEST:
        raise ValueError(f"`{name}` must be at most 2**31 - 1. Received: {name}={value!r}. Use a smaller one.")
    return values


def check_extent(places: Sequence[int | None], what: str, arguments: str) -> None:
    """Refuse an image of more than LARGEST places; None, unknown, counts as 1."""
    if math.prod(max(n or 1, 1) for n in places) > LARGEST:
        raise ValueError(f"{what} would have {' x '.join(map(str, places))} places, more than 2**31 - 1. "
                         f"Use smaller {arguments}.")


def _spans(window: tuple, dilation: tuple, what: str) -> tuple[int, ...]:
    """How many places a window spans, for each axis."""
    spans = tuple((k - 1) * d + 1 for k, d in zip(window, dilation, strict=True))
    if max(spans) > LARGEST:
        raise ValueError(f"a {what} of size {window}, dilated by {dilation}, spans {spans} places, more than 2**31 - 1. "
                         f"Use a smaller `dilation_rate` or a smaller {what}.")
    return spans


def data_format_of(data_format: str | None) -> str:
    """`"channels_last"` or `"channels_first"`; None: the configured default.

    Raises:
        ValueError: for anything else.
    """
    if data_format is None:
        return config.image_data_format()
    found = str(data_format).lower()
    if found not in ("channels_last", "channels_first"):
        raise ValueError(
            f"`data_format` must be 'channels_last' or 'channels_first'. Received: data_format={data_format!r}"
        )
    return found


@lru_cache(maxsize=4096)
def explicit_padding(
    sizes: tuple, window: tuple, strides: tuple, padding: str, dilation: tuple
) -> tuple[tuple[int, int], ...]:
    """How many places to add before and after, for each axis."""
    if padding == "valid":
        return ((0, 0),) * len(sizes)
    if padding == "causal":
        return tuple(((k - 1) * d, 0) for k, d in zip(window, dilation, strict=True))
    added = []
    for n, k, s, d in zip(sizes, window, strides, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        added.append((total // 2, total - total // 2))
    return tuple(added)


@lru_cache(maxsize=4096)
def output_sizes(
    sizes: tuple, window: tuple, strides: tuple, padding: str, dilation: tuple, what: str = "kernel"
) -> tuple:
    """How many windows there are along each axis; None where the size is not known.

    Raises:
        ValueError: for an unknown padding, or when no window fits (`what` is what the message calls a window).
    """
    if padding not in ("valid", "same", "causal"):
        raise ValueError(f"`padding` must be 'valid' or 'same'. Received: padding={padding!r}")
    found: list[int | None] = []
    spans = _spans(window, dilation, what)
    if padding != "valid":
        padded = [n if n is None else n + span - 1 if padding == "causal" else max(n, (-(-n // s) - 1) * s + span)
                  for n, span, s in zip(sizes, spans, strides, strict=True)]
        check_extent(padded, f"with padding={padding!r}, an input of spatial size {sizes}",
                      f"inputs, a smaller {what}, `strides` or `dilation_rate`, or padding='valid'")
    for n, span, s in zip(sizes, spans, strides, strict=True):
        if n is None:
            found.append(None)
        elif padding != "valid":
            found.append(-(-n // s))
        elif n < span:
            dilated = f" (dilated by {dilation}: it spans {spans})"
            raise ValueError(
                f"the output would be empty: a {what} of size {window}{dilated if max(dilation) > 1 else ''} "
                "does not fit into an input of "
                f"spatial size {sizes}. Use padding='same', a smaller {what}, or larger inputs."
            )
        else:
            found.append((n - span) // s + 1)
    if any(n == 0 for n in sizes):
        raise ValueError(
            f"the output would be empty: the input has spatial size {sizes}. Pass inputs of at least one place."
        )
    return tuple(found)


@lru_cache(maxsize=4096)
def transpose_geometry(
    sizes: tuple, window: tuple, strides: tuple, padding: str, output_padding: tuple | None, dilation: tuple
) -> tuple[tuple[int, ...], tuple]:
    """Of a transposed convolution: how much of the full result is cut off before, and the size kept, for each axis.

    The full result of an axis has (n - 1) s + span places. Without `output_padding`, "valid" keeps (n - 1) s +
    max(span, s) and "same" n s. With it, "valid" keeps (n - 1) s + span + output_padding, and "same" (n - 1) s + span
    mod 2 + output_padding. These are Keras' rules.

    Raises:
        ValueError: for an unknown padding, or an output that would be empty.
    """
    if padding not in ("valid", "same"):
        raise ValueError(
            f"`padding` of a transposed convolution must be 'valid' or 'same'. Received: padding={padding!r}"
        )
    before, size, full = [], [], []
    extra = output_padding or (None,) * len(sizes)
    for n, span, s, more in zip(sizes, _spans(window, dilation, "kernel"), strides, extra, strict=True):
        if padding == "valid":
            cut = 0
            kept = None if n is None else (n - 1) * s + (max(span, s) if more is None else span + more)
        else:
            # `total` zeros stand around x when this is written as a convolution
            total = s + span - 2 if more is None else span + span % 2 - 2 + more
            cut = span - 1 - min(total - total // 2, span - 1)
            kept = None if n is None else n * s if more is None else (n - 1) * s + span % 2 + more
        if kept is not None and kept <= 0:
            raise ValueError(
                f"the output would be empty: an input of spatial size {sizes} with "
                f"kernel_size={window}, strides={strides}, "
                f"padding={padding!r} and output_padding={output_padding} has no output. Use "
                "larger inputs or output_padding."
            )
        before.append(cut)
        size.append(kept)
        full.append(None if n is None or kept is None else max((n - 1) * s + span, cut + kept))
    check_extent(full, f"the output for an input of spatial size {sizes}, before it is cut,",
                  "inputs, `kernel_size`, `strides`, `dilation_rate` or `output_padding`")
    return tuple(before), tuple(size)
