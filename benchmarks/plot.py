"""The picture of the report: how many times refnet_fast's time each peer takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.compare import COMPARISONS
from benchmarks.peers import LABELS
from benchmarks.specs import MODELS

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["draw"]

TITLES = {
    "fit": "Training step inside fit",
    "step": "Bare training step",
    "call_1": "Inference, batch 1",
    "call_n": "Inference, training batch",
}
# Okabe & Ito's palette: told apart by colour-blind readers too.
COLOURS = {
    "torch": "#D55E00",
    "torch_channels_last": "#CC79A7",
    "torch_compile": "#E69F00",
    "keras_jax": "#0072B2",
    "keras_tf": "#56B4E9",
    "jax": "#009E73",
    "refnet": "#999999",
}


def draw(section: dict[str, Any], path: Path) -> None:
    """Four panels of horizontal bars on a logarithmic axis; right of the line at 1, refnet_fast is faster."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    models = section["models"]
    figure, panels = plt.subplots(2, 2, figsize=(13, 11), constrained_layout=True)
    seen: dict[str, Any] = {}
    for panel, (key, comparison) in zip(panels.flat, COMPARISONS.items(), strict=True):
        pairs = [p for p in comparison.judged + comparison.beside if p[0] in COLOURS]
        pairs = [p for p in pairs if any(p[0] in result["times"] for result in models.values())]
        pairs = [p for p in pairs if not (p[0] == "refnet" and p[1].startswith("predict"))]
        height, ticks, labels, low, top = 0.8 / len(pairs), [], [], 0.7, 2.0
        for at, (name, result) in enumerate(models.items()):
            ours = result["times"].get("refnet_fast", {}).get(comparison.ours)
            ticks.append(at + 0.4 - height / 2)
            share = result["roofline"].get(comparison.ours)
            reached = f"\n{ours['median']:.3g} ms" if ours else "\nnot measured"
            if ours and share and share / ours["median"] >= 0.01:
                reached += f", {share / ours['median']:.0%} of roofline"
            labels.append(f"{name}{reached}")
            for i, (peer, kind) in enumerate(pairs):
                theirs = result["times"].get(peer, {}).get(kind)
                if not (ours and theirs):
                    continue
                ratio = theirs["median"] / ours["median"]
                spread = [[(theirs["median"] - theirs["q1"]) / ours["median"]],
                          [(theirs["q3"] - theirs["median"]) / ours["median"]]]  # fmt: skip
                # Bars start at 1, where both are equally fast: a logarithmic axis has no zero to start from.
                seen[peer] = panel.barh(at + i * height, ratio - 1, height * 0.92, left=1.0, color=COLOURS[peer],
                                        xerr=spread, error_kw={"lw": 0.8, "ecolor": "#333333"})  # fmt: skip
                end = max(1.0, ratio, theirs["q3"] / ours["median"])
                panel.text(end * 1.06, at + i * height, f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}",
                           va="center", fontsize=7.5)  # fmt: skip
                low, top = min(low, ratio), max(top, end)
            if comparison.goal:
                panel.plot([getattr(MODELS[name], comparison.goal)] * 2, [at - height, at + 0.8], color="black", lw=1.2, ls=":")
        panel.axvline(1.0, color="black", lw=1)
        panel.set_xscale("log")
        panel.set_xlim(left=low * 0.8, right=top * 1.5)
        marks = [m * 10.0**e for e in range(-2, 4) for m in (1, 2, 5) if low * 0.8 <= m * 10.0**e <= top * 1.5]
        panel.set_xticks(marks, [f"{mark:g}" for mark in marks])
        panel.minorticks_off()
        panel.set_yticks(ticks, labels, fontsize=8.5)
        panel.invert_yaxis()
        panel.set_title(TITLES[key], fontsize=11, loc="left")
        panel.set_xlabel("peer's time / refnet_fast's time" + (" (dotted: the goal)" if comparison.goal else ""))
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="x", color="#dddddd", lw=0.6)
        panel.set_axisbelow(True)
    figure.legend([seen[p] for p in COLOURS if p in seen], [LABELS[p] for p in COLOURS if p in seen],
                  loc="outside lower center", ncols=6, frameon=False)  # fmt: skip
    machine = section["machine"]
    figure.suptitle(
        f"Time of each peer, in units of refnet_fast's ({machine['cpu']}, {section['threads']} threads)", fontsize=12
    )
    temporary = path.with_suffix(".tmp.png")
    figure.savefig(temporary, dpi=110)
    plt.close(figure)
    temporary.replace(path)
