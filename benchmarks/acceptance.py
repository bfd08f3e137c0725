"""Accuracy on real data: refnet, refnet_fast and the real Keras, the same recipes and seeds in one run.

    python -m benchmarks.acceptance [--data DIRECTORY] [--tasks boston mnist ...] [--seeds 5]

Prints mean, standard error and minimum of every engine, the target, and whether ours reaches Keras' mean less two
standard errors; stores `acceptance.json` beside this file.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import data
from benchmarks.acceptance_conv import draw_autoencoder
from benchmarks.acceptance_tasks import TASKS
from benchmarks.harness import HERE, arguments, environment, interpreter, load_results, store
from benchmarks.machine import describe
from benchmarks.peers import LABELS

__all__ = ["judge", "main", "table"]

ENGINES = ("refnet", "refnet_fast", "keras_jax", "keras_tf")
RESULTS = HERE / "acceptance.json"


def write_task(task: str, source: Path, directory: Path) -> None:
    """Read a data set once and store its arrays, so that every engine's process sees the same ones."""
    (x_train, y_train), (x_test, y_test) = TASKS[task].load(source)
    for name, array in {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}.items():
        np.save(directory / f"{name}.npy", array)


def run_engine(
    engine: str, task: str, directory: Path, seeds: int, options: Any, arguments: dict[str, int] | None = None
) -> dict[str, Any]:
    """Train `seeds` times in a fresh process, perhaps with a shortened recipe; its scores, or what went wrong."""
    command = [
        interpreter(engine, options.peers_python), "-m", "benchmarks.acceptance_tasks",
        engine, task, str(directory), str(seeds), json.dumps(arguments or {}),
    ]  # fmt: skip
    run = subprocess.run(
        command, capture_output=True, text=True, env=environment(options.threads), cwd=HERE.parent, check=False
    )
    if run.returncode:
        return {"error": (run.stderr.strip().splitlines() or [f"code {run.returncode}"])[-1]}
    return json.loads(run.stdout.strip().splitlines()[-1])


def engines_of(task: str, engines: list[str], fast: bool) -> list[str]:
    """Who runs a task. The fast setting keeps the real Keras only where it is the measure, and one seed elsewhere."""
    keep_keras = not fast or TASKS[task].target is None
    return [engine for engine in engines if keep_keras or not engine.startswith("keras")]


def run_task(name: str, engines: list[str], directory: Path, options: Any) -> dict[str, dict[str, Any]]:
    """Every engine's result. Where the reference runs a shortened recipe, refnet_fast runs it too, for comparison."""
    task = TASKS[name]
    seeds = min(options.seeds, task.seeds or options.seeds)
    if options.fast and task.target is not None:
        seeds = 1
    found, pictures = {}, {}
    for engine in engines:
        short = engine == "refnet" and bool(task.shortened)
        found[engine] = run_engine(
            engine, name, directory, 1 if short else seeds, options, task.shortened if short else None
        )
        kept = directory / f"kept-{engine}.npz"
        if kept.exists():
            title = LABELS[engine] + (", shortened" if short else "")
            pictures[title] = dict(np.load(kept))
            kept.unlink()
        if short and "scores" in found[engine]:
            found[engine]["shortened"] = task.shortened
            if "refnet_fast" in engines:
                twin = run_engine("refnet_fast", name, directory, 1, options, task.shortened)
                found[engine]["twin"] = twin["scores"][0] if "scores" in twin else None
    if pictures:
        draw_autoencoder(pictures, options.results.with_name("autoencoder.png"))
    return found


def judge(task: str, engines: dict[str, dict[str, Any]]) -> None:
    """Add mean, standard error, worst and the two verdicts to every engine's result, in place."""
    higher = TASKS[task].higher_is_better
    for found in engines.values():
        if "scores" in found:
            scores = found["scores"]
            found["mean"] = statistics.fmean(scores)
            found["se"] = statistics.stdev(scores) / math.sqrt(len(scores)) if len(scores) > 1 else 0.0
            found["worst"] = min(scores) if higher else max(scores)
            target = TASKS[task].target
            if target is not None and "shortened" not in found:
                found["meets_target"] = found["mean"] >= target if higher else found["mean"] <= target
    keras = next((engines[k] for k in ("keras_jax", "keras_tf") if "mean" in engines.get(k, {})), None)
    for engine in ("refnet", "refnet_fast"):
        found = engines.get(engine, {})
        if keras and "mean" in found and "shortened" not in found:
            slack = 2.0 * keras["se"]
            level = found["mean"] >= keras["mean"] - slack if higher else found["mean"] <= keras["mean"] + slack
            found["level_with_keras"] = level


def tables(content: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """For every machine and number of threads (tasks may have been run at different times): that, and its table."""
    found: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for name, engines in content["tasks"].items():
        where = content["where"][name]
        group = next((tasks for place, tasks in found if place == where), None)
        if group is None:
            found.append((where, group := {}))
        group[name] = engines
    return [(where, table(tasks)) for where, tasks in found]


def table(tasks: dict[str, Any]) -> str:
    """The results as a Markdown table."""
    lines = [
        "| task | engine | seeds | mean | standard error | worst | target | target met | Keras' mean less 2 SE |",
        "|---|---|---:|---:|---:|---:|---:|---|---|",
    ]
    for name, engines in tasks.items():
        task = TASKS[name]
        for engine, found in engines.items():
            if "error" in found:
                lines.append(f"| {task.title} | {LABELS[engine]} | failed: {found['error']} | | | | | | |")
                continue
            level = found.get("level_with_keras")
            met = {True: "yes", False: "**no**", None: ""}[found.get("meets_target")]
            target = "" if task.target is None else f"{'>=' if task.higher_is_better else '<='} {task.target}"
            title = LABELS[engine]
            if "shortened" in found:
                recipe = ", ".join(f"{value} {key}" for key, value in found["shortened"].items())
                title += f", shortened: {recipe}, one seed"
                target, met = f"{_score(found.get('twin'))} (the twin, same recipe)", ""
            lines.append(
                f"| {task.title} | {title} | {len(found['scores'])} "
                f"| {found['mean']:.4f} | {found['se']:.4f} | {found['worst']:.4f} "
                f"| {target} | {met} "
                f"| {'' if level is None else 'reached' if level else '**missed**'} |"
            )
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    parser = arguments(__doc__.splitlines()[0], results=RESULTS, peers=["refnet", "refnet_fast", "keras_jax"])
    parser.add_argument("--data", help="directory of the .npz files (default: $REFNET_DATA, else ../shared/datasets)")
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=5, help="at most; convolutional tasks have fewer of their own")
    parser.add_argument("--fast", action="store_true", help="leave out what no target needs: see `engines_of`")
    options = parser.parse_args(argv)
    try:
        source = data.data_directory(options.data)
    except FileNotFoundError as error:
        sys.exit(str(error))
    engines = [engine for engine in options.peers if engine in ENGINES]
    stored = load_results(options.results).get("acceptance", {})
    tasks, where = stored.get("tasks", {}), stored.get("where", {})
    for name in options.tasks:
        with tempfile.TemporaryDirectory() as directory:
            write_task(name, source, Path(directory))
            found = run_task(name, engines_of(name, engines, options.fast), Path(directory), options)
        # A run of some engines replaces their old results and keeps nobody else's: one table is one run.
        judge(name, found)
        tasks[name] = found
        where[name] = {"machine": describe(), "threads": options.threads}
        for engine, result in found.items():
            print(f"{name:<12} {LABELS[engine]:<20} {result.get('error') or _line(result)}", flush=True)
        content = {"where": where, "tasks": {task: tasks[task] for task in TASKS if task in tasks}}
        store(options.results, "acceptance", content)
    print(table(content["tasks"]))


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _line(result: dict[str, Any]) -> str:
    scores = " ".join(f"{score:.4f}" for score in result["scores"])
    return f"mean {result['mean']:.4f}  se {result['se']:.4f}  ({scores})  {result['seconds']:.0f} s"


if __name__ == "__main__":
    main()
