"""`python -m benchmarks`: every part in turn, then the report.

Options: `--only dense` or `--only conv` (one family of networks), `--fast` (either family within ten minutes on an idle
machine of two cores), `--quick` (few rounds, to see that all works), `--skip PART ...`, and those all parts share (see
`benchmarks.harness.arguments`). In full it takes more than an hour with every peer installed; the machine should be
idle.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import acceptance, competitor, data, layers, report, scaling, startup, training
from benchmarks.acceptance_tasks import TASKS
from benchmarks.harness import HERE, arguments, environment, store
from benchmarks.machine import describe, measure_peaks
from benchmarks.specs import FAMILIES

PARTS = (
    "training", "training-1-thread", "startup", "competitor", "kernels", "layers", "scaling", "acceptance", "report",
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """How much of everything a run does; `rounds` per family, `one_model` for start-up and competitor."""

    rounds: dict[str, int]
    one_thread: bool
    one_model: bool
    repeats: int
    competitor: int
    kernel_seconds: float
    layers: int
    scaling: int
    seeds: int
    fast_acceptance: bool


SETTINGS = {
    "full": Settings({"dense": 11, "conv": 9}, True, False, 5, 7, 0.4, 15, 9, 5, False),
    "fast": Settings({"dense": 5, "conv": 3}, False, True, 1, 3, 0.1, 7, 5, 3, True),
    "quick": Settings({"dense": 3, "conv": 2}, True, False, 1, 2, 0.1, 2, 2, 1, True),
}


def run_kernels(options: Any, seconds: float) -> None:
    """Run benchmarks/kernels.py under pytest-benchmark and keep medians, quartiles and rates."""
    peaks = measure_peaks(options.threads)
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "kernels.json"
        extra = [f"--benchmark-max-time={seconds}", "--benchmark-min-rounds=3"]
        command = [sys.executable, "-m", "pytest", str(HERE / "kernels.py"), "-q", "--benchmark-quiet", *extra]
        environ = {**environment(options.threads), "BENCHMARK_THREADS": str(options.threads)}
        run = subprocess.run([*command, f"--benchmark-json={output}"], cwd=HERE.parent, env=environ, check=False)
        if run.returncode:
            print("kernels: some cases failed their parity check; they are not in the report", flush=True)
        found = json.loads(output.read_text())["benchmarks"] if output.exists() else []
    kernels: dict[str, Any] = {}
    for entry in found:
        info = entry["extra_info"]
        case = kernels.setdefault(info["kernel"], {"flops": info["flops"], "moved": info["moved"]})
        case[info["backend"]] = {k: entry["stats"][k] for k in ("median", "q1", "q3", "rounds")}
    content = {
        "machine": describe(),
        "threads": options.threads,
        "peaks": peaks.as_dict() if peaks else None,
        "kernels": kernels,
    }
    store(options.results, "kernels", content)


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--fast", dest="size", action="store_const", const="fast", default="full",
                      help="each family within ten minutes: fewer rounds, models and seeds")  # fmt: skip
    size.add_argument("--quick", dest="size", action="store_const", const="quick",
                      help="few rounds: numbers to be glanced at, not quoted")  # fmt: skip
    parser.add_argument("--only", choices=list(FAMILIES), help="the models and tasks of one family (default: all)")
    parser.add_argument("--skip", nargs="+", choices=PARTS, default=[], help="parts to leave out")
    options = parser.parse_args()
    settings = SETTINGS[options.size]
    families = [options.only] if options.only else list(FAMILIES)
    peers = ["--peers-python", options.peers_python]
    shared = [*peers, "--peers", *options.peers, "--results", str(options.results)]
    threads = ["--threads", str(options.threads)]

    def wanted(part: str, family: str | None = None) -> bool:
        run = part not in options.skip and (family is None or family in families)
        if run:
            print(f"== {part}" + (f", {family}" if family else ""), flush=True)
        return run

    for family in families:
        chosen = ["--models", *FAMILIES[family], "--rounds"]
        if wanted("training", family):
            training.main([*shared, *threads, *chosen, str(settings.rounds[family])])
        if options.threads > 1 and settings.one_thread and wanted("training-1-thread", family):
            training.main([*shared, "--threads", "1", *chosen, str(min(5, settings.rounds[family]))])
    models = ["--models", "784-512-10"] if settings.one_model else []
    if wanted("startup", "dense"):
        startup.main([*shared, *threads, *models, "--repeats", str(settings.repeats)])
    if wanted("competitor", "dense"):
        competitor.main([*shared, *threads, *models, "--rounds", str(settings.competitor)])
    if wanted("kernels", "dense"):
        run_kernels(options, settings.kernel_seconds)
    if wanted("layers", "conv"):
        layers.main([*shared, *threads, "--rounds", str(settings.layers)])
    if wanted("scaling", "conv"):
        known = [peer for peer in options.peers if peer in scaling.DEFAULT_PEERS]
        scaling.main([*peers, "--results", str(options.results), *threads, "--peers", *known,
                      "--steps", str(settings.scaling)])  # fmt: skip
    if wanted("acceptance"):
        run_acceptance(options, families, settings)
    if wanted("report"):
        report.main(["--results", str(options.results), "--output", str(options.results.parent),
                     "--acceptance", str(options.results.with_name("acceptance.json"))])  # fmt: skip


def run_acceptance(options: Any, families: list[str], settings: Settings) -> None:
    """The acceptance tasks of the families, if there are data sets."""
    try:
        data.data_directory()
    except FileNotFoundError as error:
        print(error, flush=True)
        return
    engines = [p for p in options.peers if p in ("refnet", "refnet_fast", "keras_jax")]
    tasks = [name for name, task in TASKS.items() if task.family in families]
    extra = ["--fast"] if settings.fast_acceptance else []
    acceptance.main(["--peers-python", options.peers_python, "--peers", *engines, "--threads", str(options.threads),
                     "--tasks", *tasks, "--seeds", str(settings.seeds),
                     "--results", str(options.results.with_name("acceptance.json")), *extra])  # fmt: skip


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    main()
