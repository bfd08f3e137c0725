"""REPORT.md and report.png from results.json and acceptance.json: `python -m benchmarks.report`.

Nothing in the report is written by hand; what the results lack, the report says is missing.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.acceptance import tables as acceptance_tables
from benchmarks.compare import COMPARISONS, GOALS, ROOFLINE_SHARE, compare, losses
from benchmarks.harness import HERE, load_results
from benchmarks.peers import LABELS
from benchmarks.report_conv import (
    CONV_METHOD,
    LAYERS_NOTE,
    SCALING_NOTE,
    convolutions_text,
    scaling_text,
    streaming_text,
)
from benchmarks.specs import MODELS
from benchmarks.tables import cell, ms, rows

__all__ = ["main", "render"]

TRAINING = {
    "training": ("Training and inference", "report.png"),
    "training_1_thread": ("Training and inference, one thread", None),
    "training_conv": ("Convolutional networks: training and inference", "report_conv.png"),
    "training_conv_1_thread": ("Convolutional networks: training and inference, one thread", None),
}
"""Section of the results -> heading and picture."""
PARTS = ("training", "startup", "competitor", "kernels", "acceptance", "training_conv", "layers", "scaling")
WORDS = {
    "fit": "`fit`", "step": "bare step", "jax": "bare step beside JAX, hand-jitted", "call_1": "inference, batch 1",
    "call_n": "inference, training batch",
}  # fmt: skip


def goals(models: dict[str, Any]) -> str:
    lines = []
    for key, comparison in GOALS.items():
        for name, result in models.items():
            if comparison.goal and not getattr(MODELS[name], comparison.goal):
                continue
            v = compare(name, result, key)
            if v is None:
                lines.append((WORDS[key], name, *["not measured"] * 7))
                continue
            met = {"ratio": "met", "roofline": "met by the roofline", "": "**missed**"}[v.how]
            lines.append((
                WORDS[key], name, ms(v.ours), f"{ms(v.best)} {LABELS[v.best_peer]}",
                f"**{v.ratio:.2f}x** ({v.ratio_q1:.2f}-{v.ratio_q3:.2f})", f"{v.goal:g}x",
                "" if v.roofline is None else ms(v.roofline), "" if v.share is None else f"{v.share:.0%}", met,
            ))  # fmt: skip
    header = ("what", "model", "refnet_fast, ms", "best peer, ms", "ratio (quartiles)", "goal", "roofline, ms",
              "of roofline", "verdict")  # fmt: skip
    return rows(header, lines)


def times_table(models: dict[str, Any], key: str) -> str:
    """Every peer's median and quartiles under one comparison, and how many times ours it is."""
    comparison = COMPARISONS[key]
    columns = [("refnet_fast", comparison.ours), *comparison.judged, *comparison.beside]
    header = ["model"]
    for peer, kind in columns:
        suffix = " `predict_on_batch`" if kind.startswith("predict") else " `train_on_batch`" * (
            kind == "step" and peer.startswith("keras")
        )
        header.append(LABELS[peer] + suffix)
    lines = []
    for name, result in models.items():
        ours = result["times"].get("refnet_fast", {}).get(comparison.ours)
        line = [name]
        for peer, kind in columns:
            found = result["times"].get(peer, {}).get(kind)
            if found is None:
                line.append("-")
            elif found is ours or ours is None:
                line.append(cell(found))
            else:
                line.append(f"{cell(found)} **{found['median'] / ours['median']:.2f}x**")
        lines.append(line)
    return rows(header, lines)


def where_it_loses(models: dict[str, Any]) -> str:
    found = [
        f"* {name}, {WORDS[key]}: {LABELS[peer]} takes {ms(theirs)} ms, refnet_fast {ms(ours)} "
        f"({ours / theirs:.2f} times as long)."
        for name, result in models.items()
        for key, peer, theirs, ours in losses(name, result)
    ]
    unmeasured = [name for name, result in models.items() if "refnet_fast" not in result["times"]]
    if unmeasured:
        found.append(f"* Not measured at all, refnet_fast did not run: {', '.join(unmeasured)}.")
    return "\n".join(found) or "Nowhere in this run: every median above is the smallest of its row."


def where_time_goes(models: dict[str, Any]) -> str:
    """A bare step of refnet_fast by kernel; what no kernel accounts for is Python."""
    parts = []
    for name, result in models.items():
        profile = result["profiles"].get("refnet_fast")
        if not profile:
            continue
        total, plain = profile["total"], profile["unprofiled"]
        kernels = sorted(
            ((k, v) for k, v in profile.items() if k not in ("total", "unprofiled")), key=lambda kv: kv[1], reverse=True
        )
        inside = sum(v for _, v in kernels)
        shown = [(f"`{k}`", ms(1e3 * v), f"{v / total:.0%}") for k, v in kernels if v / total >= 0.01]
        shown.append(("Python: the list's loop, `train_on_batch`, stopwatch", ms(1e3 * (total - inside)),
                      f"{1 - inside / total:.0%}"))  # fmt: skip
        bound = result["roofline"].get("step")
        note = f"Roofline {ms(bound)} ms. " if bound else ""
        parts.append(f"**{name}**: {ms(1e3 * plain)} ms a step, {ms(1e3 * total)} with the stopwatch on. {note}\n\n"
                     + rows(("where", "ms", "share"), shown))  # fmt: skip
    return "\n\n".join(parts) or "Not measured."


def machine_text(section: dict[str, Any]) -> str:
    m, peaks = section["machine"], section.get("peaks")
    text = (f"{m['cpu']}, {m['cores']} cores, {m['isa']}, {m['cache_mb']} MB last-level cache; {m['system']}; "
            f"Python {m['python']}; {m['date']}; {section['threads']} thread(s) for everyone.")  # fmt: skip
    if peaks:
        text += (
            f" Measured in the same session: {peaks['gflops']:.0f} GFLOP/s (float32 FMA from registers), memory "
            f"{peaks['read_gbs']:.1f} GB/s read, {peaks['copy_gbs']:.1f} GB/s copied (read + written)."
        )
    versions = {k: v for model in section.get("models", {}).values() for k, v in model.get("versions", {}).items()}
    if versions:
        text += "\n\nVersions: " + ", ".join(f"{k} {v}" for k, v in sorted(versions.items()) if v) + "."
    return text


def startup_text(section: dict[str, Any]) -> str:
    parts = []
    for name, peers in section["models"].items():
        lines = [
            (LABELS.get(p, "bare NumPy process"), cell(found["seconds"]), f"{found['above_numpy_mb']:.1f}")
            for p, found in peers.items()
        ]
        ours = peers.get("refnet_fast")
        others = [found for p, found in peers.items() if p not in ("numpy", "refnet", "refnet_fast")]
        verdict = ""
        if ours and others:
            leanest = min(found["above_numpy_mb"] for found in others)
            share = ours["above_numpy_mb"] / leanest
            verdict = (
                f"\n\nStart in {ours['seconds']['median']:.2f} s (goal 0.5): "
                f"{'met' if ours['seconds']['median'] <= 0.5 else '**missed**'}. Memory {share:.2f} of the leanest "
                f"peer's (goal a third): {'met' if share <= 1 / 3 else '**missed**'}."
            )
        table = rows(("process", "start to first step, s", "peak memory above NumPy, MB"), lines)
        parts.append(f"**{name}**\n\n{table}{verdict}")
    return "\n\n".join(parts)


def competitor_text(section: dict[str, Any]) -> str:
    lines = [
        (name, LABELS[peer], cell(found["alone"]), cell(found["beside"]), f"{found['slowdown']:.2f}x",
         f"{found['worst']:.2f}x")
        for name, result in section["models"].items()
        for peer, found in result["peers"].items()
    ]  # fmt: skip
    return rows(("model", "peer", "alone, ms", "beside, ms", "slowdown", "worst round"), lines)


def kernels_text(section: dict[str, Any], peaks: dict[str, float] | None) -> str:
    lines = []
    for name, found in section["kernels"].items():
        reference, fast = found.get("reference"), found.get("fast")
        seconds = (fast or reference)["median"]
        rate, share = "", ""
        if found["flops"]:
            rate = f"{found['flops'] / seconds / 1e9:.0f} GFLOP/s"
            share = f"{found['flops'] / seconds / 1e9 / peaks['gflops']:.0%}" if peaks else ""
        elif found["moved"]:
            rate = f"{found['moved'] / seconds / 1e9:.1f} GB/s"
            bandwidth = max(peaks["read_gbs"], peaks["copy_gbs"]) if peaks else None
            share = f"{found['moved'] / seconds / 1e9 / bandwidth:.0%}" if bandwidth else ""
        lines.append((
            f"`{name}`",
            f"{1e6 * reference['median']:.4g}" if reference else "-",
            f"{1e6 * fast['median']:.4g} ({1e6 * fast['q1']:.4g}-{1e6 * fast['q3']:.4g})" if fast else "-",
            f"**{reference['median'] / fast['median']:.2f}x**" if reference and fast else "-",
            rate, share,
        ))  # fmt: skip
    return rows(("kernel", "reference, us", "fast, us", "speed-up", "rate", "of peak"), lines)


def render(results: dict[str, Any]) -> str:
    """The whole report as Markdown."""
    out = ["# Benchmarks", "", "Generated by `python -m benchmarks`; not edited by hand.", ""]
    for key, (title, picture) in TRAINING.items():
        section = results.get(key)
        if section is None:
            continue
        models = section["models"]
        out += [f"## {title}", "", machine_text(section), ""]
        if picture:
            out += [METHOD if key == "training" else CONV_METHOD, "", f"![ratios]({picture})", ""]
        if key == "training_conv":
            out += [*(f"* **{name}**, batch {MODELS[name].batch}: {MODELS[name].story}." for name in models), ""]
        out += ["### Against the best peer", "", goals(models), ""]
        for kind, comparison in COMPARISONS.items():
            legend = "Milliseconds, median (quartiles), and the multiple of refnet_fast's."
            out += [f"### {comparison.title}", "", legend, "", times_table(models, kind), ""]
        out += ["### Where refnet_fast loses", "", where_it_loses(models), ""]
        out += ["### Where the time of a step goes", "", where_time_goes(models), ""]
        out += ["### Checks and absences", "", checks_text(models), ""]
    for key, title, text in (
        ("startup", "Starting, and memory", startup_text),
        ("competitor", "Beside a competing process", competitor_text),
    ):
        if key in results:
            out += [f"## {title}", "", machine_text(results[key]), "", text(results[key]), ""]
    if "kernels" in results:
        peaks = results["kernels"].get("peaks")
        out += ["## Kernels", "", machine_text(results["kernels"]), "", KERNEL_NOTE, "",
                kernels_text(results["kernels"], peaks), ""]  # fmt: skip
    if "layers" in results:
        section = results["layers"]
        out += ["## Convolutional layers, one by one", "", machine_text(section), "", LAYERS_NOTE, "",
                convolutions_text(section), "", streaming_text(section), ""]  # fmt: skip
    if "scaling" in results:
        section = results["scaling"]
        out += ["## Cost as the work grows", "", machine_text(section), "", SCALING_NOTE, "", "![scaling](scaling.png)",
                "", scaling_text(section), ""]  # fmt: skip
    if "acceptance" in results:
        out += ["## Accuracy on real data", "",
                "The same recipe, data and run for every engine, which train one after the other (this is no race). Where "
                "a row says shortened, the reference trained less, and the column of targets has the score of "
                "refnet_fast from the same recipe and seed.", ""]  # fmt: skip
        for where, table in acceptance_tables(results["acceptance"]):
            out += [machine_text(where), "", table, ""]
        if (HERE / "autoencoder.png").exists():
            out += ["![reconstructions](autoencoder.png)", ""]
    missing = [part for part in PARTS if part not in results]
    if missing:
        out += ["## Not run", "", f"These parts have no results: {', '.join(missing)}.", ""]
    return "\n".join(out)


def checks_text(models: dict[str, Any]) -> str:
    worst = max((c["losses"] for r in models.values() for c in r["checks"].values()), default=None)
    lines = []
    if worst is not None:
        lines.append(
            "* Before timing, every peer's outputs and first losses from the same weights were compared with a "
            f"float64 oracle; the largest relative deviation of a loss was {worst:.1e}."
        )
    for name, result in models.items():
        lines += [f"* {name}, without {LABELS[p]}: {why.splitlines()[0]}" for p, why in result["missing"].items()]
    return "\n".join(lines)


METHOD = f"""Every peer runs in a process of its own, on the same processors, with the same data, batches, initial
weights and number of threads; the processes take turns, and those whose turn it is not are stopped. Data are synthetic,
of the size of the real set. `fit` is the time between ends of epochs, after a first one, divided by the steps, with a
metric, shuffling and the progress bar. A bare step cycles through ready batches. Keras and refnet train from
probabilities, as their tutorials do, torch and JAX from logits, as theirs do. torch uses its `foreach` and `fused`
optimizers.

A ratio is the peer's median over ours; its quartiles are those of the rounds' own ratios. The roofline is the larger
of two times: the matrix products at the measured peak, and the bytes that must cross the memory bus (for `fit`: the
rows of the shuffled batch read and written) at the measured bandwidth. It counts the products as a whole. refnet_fast
leaves out zeros in the data (of the digits' pixels 80 %, of the multi-hot words 99 %), so it may pass below; the model
called full has no zeros. A goal is met at its ratio or at
{ROOFLINE_SHARE:.0%} of the roofline."""

KERNEL_NOTE = """Every result was compared with the float64 reference before it was timed. Rates are the fast kernel's;
the peak is the measured one, of arithmetic for GFLOP/s and of memory for GB/s. More than 100 % of memory means that the
arrays were in the cache. Small shapes measure the cost of a call, not a rate."""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=HERE / "results.json")
    parser.add_argument("--acceptance", type=Path, default=HERE / "acceptance.json")
    parser.add_argument("--output", type=Path, default=HERE, help="directory for REPORT.md and report.png")
    options = parser.parse_args(argv)
    results = {**load_results(options.results), **load_results(options.acceptance)}
    (options.output / "REPORT.md").write_text(render(results))
    from benchmarks.plot import draw
    from benchmarks.scaling import draw as draw_scaling

    for key, (_, picture) in TRAINING.items():
        if picture and key in results:
            draw(results[key], options.output / picture)
    if "scaling" in results:
        draw_scaling(results["scaling"], options.output / "scaling.png")
    print(f"wrote REPORT.md and its pictures to {options.output}")


if __name__ == "__main__":
    main()
