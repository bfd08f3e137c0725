"""The report's sections on convolutional layers and on cost as the work grows."""

from __future__ import annotations

from typing import Any

from benchmarks.layers import GOAL, PASSES
from benchmarks.peers import LABELS
from benchmarks.scaling import exponent
from benchmarks.tables import ms, rows

__all__ = ["CONV_METHOD", "LAYERS_NOTE", "SCALING_NOTE", "convolutions_text", "scaling_text", "streaming_text"]

CONV_METHOD = """Measured as the dense networks are. Images are channels last in Keras, JAX and refnet; torch runs in
its own layout and, as a further peer, with channels last, in which torch.compile runs too. `fit` draws from fewer
images than the real sets have, so that an epoch lasts seconds, and the reference, whose epochs last minutes, has no
`fit` and two rounds. The roofline counts the products of convolutions and dense layers, forward, to the weights and
(but for the first layer) to the input, at the measured peak; a lower count, such as Winograd's, could go below it."""

LAYERS_NOTE = f"""GFLOP/s of refnet_fast and, in brackets, the fraction of the measured FMA peak: forward with bias
and relu, backward to the input, backward to weights and bias. The goal, {GOAL:g} of the peak, stands over 3x3 layers
with 32 or more channels on both sides. The operations counted are those of the direct sum; layers that Winograd's
filtering computes do about a quarter of them, and can exceed the peak. Each result was compared with the float64
reference first, on a batch of two; the last column is the largest deviation, relative to the largest entry."""

SCALING_NOTE = """One block of two batch-normalized 3x3 convolutions, one size growing while the others stay. Every
point is a fresh process; memory is its peak above that of the framework, imported, before the network was built. The
exponent is the slope of log cost over log size between the two largest sizes: work grows with exponent 1 in the batch,
2 in the image's side, and up to 2 in the channels."""


def convolutions_text(section: dict[str, Any]) -> str:
    """Every convolution and pass, with a verdict where the goal applies."""
    peaks, lines, met, judged = section.get("peaks"), [], 0, 0
    for name, found in section["convolutions"].items():
        line = [name]
        for key in PASSES:
            rate = found["flops"] / found["times"][key]["median"] / 1e9
            share = rate / peaks["gflops"] if peaks else None
            text = f"{rate:.0f}" + ("" if share is None else f" ({share:.2f})")
            if found["judged"] and share is not None:
                judged, met = judged + 1, met + (share >= GOAL)
                text = text if share >= GOAL else f"**{text}**"
            line.append(text)
        lines.append([*line, "yes" if found["judged"] else "", f"{found['error']:.1g}"])
    table = rows(("convolution", *PASSES, "judged", "deviation"), lines)
    return f"{table}\n\nThe goal is reached in {met} of {judged} judged passes; those below it are bold."


def streaming_text(section: dict[str, Any]) -> str:
    """Pools and normalizations against the memory peak."""
    peaks, lines = section.get("peaks"), []
    for name, found in section["streaming"].items():
        line = [name]
        for key, times in found["times"].items():
            rate = found["moved"][key] / times["median"] / 1e9
            share = f" ({rate / max(peaks['read_gbs'], peaks['copy_gbs']):.2f})" if peaks else ""
            line.append(f"{rate:.1f}{share}")
        lines.append([*line, f"{found['error']:.1g}"])
    note = (
        "Pools and normalizations: GB/s and the fraction of the measured memory peak. Above 1, the arrays were in "
        "the cache."
    )
    return f"{note}\n\n{rows(('kernel', 'forward', 'backward', 'deviation'), lines)}"


def scaling_text(section: dict[str, Any]) -> str:
    """Smallest and largest size of every axis, and how cost grows between the last two."""
    lines = []
    for axis, peers in section["axes"].items():
        for peer, curve in peers.items():
            sizes, times = curve["sizes"], [found["median"] for found in curve["ms"]]
            lines.append((
                f"{axis} {sizes[0]} to {sizes[-1]}", LABELS[peer], f"{ms(times[0])} to {ms(times[-1])}",
                f"{exponent(sizes, times):.2f}", f"{curve['mb'][0]:.1f} to {curve['mb'][-1]:.1f}",
                f"{exponent(sizes, curve['mb']):.2f}",
            ))  # fmt: skip
    return rows(("axis", "peer", "step, ms", "exponent of time", "peak memory, MB", "exponent of memory"), lines)
