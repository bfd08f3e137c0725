"""From medians to verdicts: who is the best peer, by how much, and is a goal met?"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from benchmarks.specs import MODELS

__all__ = ["COMPARISONS", "GOALS", "Comparison", "Verdict", "compare", "losses"]

ROOFLINE_SHARE = 0.75
"""A goal counts as met at its ratio or at this share of the roofline, whichever is the lower bar."""


@dataclass(frozen=True)
class Comparison:
    """What is compared with what.

    Args:
        title: heading in the report.
        ours: the kind of measurement of refnet_fast.
        judged: (peer, kind) pairs that the goal speaks of.
        beside: (peer, kind) pairs that are reported beside them; of convolutional networks they are judged as well.
        goal: name of the attribute of the model that has the goal, which may be 0 for none; "" where it is to be ahead (1x).
    """

    title: str
    ours: str
    judged: tuple[tuple[str, str], ...]
    beside: tuple[tuple[str, str], ...] = ()
    goal: str = ""


COMPARISONS = {
    "fit": Comparison(
        "`fit`: feeding, shuffling, metrics and progress included",
        "fit",
        (("keras_jax", "fit"), ("keras_tf", "fit")),
        (("refnet", "fit"),),
        goal="goal",
    ),
    "step": Comparison(
        "Bare training step on a ready batch",
        "step",
        (("torch", "step"), ("torch_channels_last", "step"), ("torch_compile", "step")),
        (("jax", "step"), ("keras_jax", "step"), ("keras_tf", "step"), ("refnet", "step")),
        goal="goal",
    ),
    **{
        f"call_{size}": Comparison(
            f"Inference, {label}",
            f"call_{size}",
            (
                ("torch", f"call_{size}"),
                ("torch_channels_last", f"call_{size}"),
                ("torch_compile", f"call_{size}"),
                ("jax", f"call_{size}"),
                ("keras_jax", f"predict_{size}"),
                ("keras_tf", f"predict_{size}"),
            ),
            (("refnet_fast", f"predict_{size}"), ("refnet", f"call_{size}"), ("refnet", f"predict_{size}")),
        )
        for size, label in (("1", "batch 1"), ("n", "training batch"))
    },
}


GOALS = {
    **COMPARISONS,
    "jax": Comparison("Bare training step beside one jitted by hand", "step", (("jax", "step"),), goal="jax_goal"),
}
"""What is judged: every comparison, and one peer that has a goal to itself."""


@dataclass(frozen=True)
class Verdict:
    """One model under one comparison; times in milliseconds."""

    ours: float
    best: float
    best_peer: str
    ratio: float
    ratio_q1: float
    ratio_q3: float
    goal: float
    roofline: float | None

    @property
    def share(self) -> float | None:
        """Fraction of the roofline reached."""
        return None if self.roofline is None else self.roofline / self.ours

    @property
    def how(self) -> str:
        """How the goal was met, by "ratio" or by "roofline"; empty when it was missed."""
        if self.ratio >= self.goal:
            return "ratio"
        return "roofline" if self.share is not None and self.share >= ROOFLINE_SHARE else ""


def ratios(ours: dict[str, Any], theirs: dict[str, Any]) -> tuple[float, float, float]:
    """Their time over ours: of the medians, and the quartiles of the rounds' own ratios."""
    rounds = [t / o for o, t in zip(ours["samples"], theirs["samples"], strict=False)]
    spread = statistics.quantiles(rounds, n=4, method="inclusive") if len(rounds) > 1 else [rounds[0]] * 3
    return theirs["median"] / ours["median"], spread[0], spread[2]


def compare(model: str, result: dict[str, Any], key: str) -> Verdict | None:
    """The verdict on one model; None when refnet_fast or every judged peer is missing."""
    comparison, times = GOALS[key], result["times"]
    ours = times.get("refnet_fast", {}).get(comparison.ours)
    judged = comparison.judged
    if MODELS[model].family == "conv":  # their goals speak of whoever is best
        judged += tuple((peer, kind) for peer, kind in comparison.beside if not peer.startswith("refnet"))
    present = [(times[peer][kind]["median"], peer, kind) for peer, kind in judged if kind in times.get(peer, {})]
    goal = getattr(MODELS[model], comparison.goal) if comparison.goal else 1.0
    if ours is None or not present or not goal:
        return None
    best, peer, kind = min(present)
    ratio, q1, q3 = ratios(ours, times[peer][kind])
    return Verdict(ours["median"], best, peer, ratio, q1, q3, goal, result["roofline"].get(comparison.ours))


def losses(model: str, result: dict[str, Any]) -> list[tuple[str, str, float, float]]:
    """Every comparison that refnet_fast loses, judged or not: (comparison, peer, their ms, our ms)."""
    found = []
    for key, comparison in COMPARISONS.items():
        ours = result["times"].get("refnet_fast", {}).get(comparison.ours)
        for peer, kind in comparison.judged + comparison.beside:
            theirs = result["times"].get(peer, {}).get(kind)
            if ours and theirs and peer != "refnet_fast" and theirs["median"] < ours["median"]:
                found.append((key, peer, theirs["median"], ours["median"]))
    return found
