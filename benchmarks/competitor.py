"""A training step beside somebody else's work: how much slower does each peer get?

    python -m benchmarks.competitor [--models 784-512-10 13-64-64-1] [--rounds 7]

A busy process is pinned to one of the processors that the peers use. Each peer is measured alone and beside it, by
turns. With two threads on two processors a fair share costs a factor between 1 and 2; a spinning barrier that waits
for a thread which is not running costs far more, and shows in the worst round.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import PeerError, arguments, start_workers, store, summarise
from benchmarks.machine import describe
from benchmarks.peers import CONV_ONLY, LABELS
from benchmarks.specs import MODELS, write_data

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main"]

SECONDS = 0.4
BUSY = """
import os, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(sys.argv[1])})
while True:
    pass
"""


@contextlib.contextmanager
def busy_process() -> Iterator[None]:
    """A process that computes without end on the first processor this one may use."""
    cpu = min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    process = subprocess.Popen([sys.executable, "-c", BUSY, str(cpu)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def measure_model(name: str, options: Any) -> dict[str, Any]:
    spec = MODELS[name]
    with tempfile.TemporaryDirectory() as directory:
        write_data(spec, Path(directory))
        with start_workers(options.peers, options.threads, options.peers_python) as (workers, missing):
            steps = {}
            for peer, worker in workers.items():
                try:
                    worker.ask(do="load", model=name, data=directory, fit=False)
                    steps[peer] = worker.ask(do="calibrate", kind="step", seconds=SECONDS)["n"]
                except PeerError as error:
                    missing[peer] = str(error)
                    print(f"  without {LABELS[peer]}: {error}", flush=True)
            alone: dict[str, list[float]] = {peer: [] for peer in steps}
            beside: dict[str, list[float]] = {peer: [] for peer in steps}
            for _ in range(options.rounds):
                for peer, n in steps.items():
                    alone[peer].append(_milliseconds(workers[peer], n))
                with busy_process():
                    for peer, n in steps.items():
                        beside[peer].append(_milliseconds(workers[peer], n))
    return {
        "missing": missing,
        "peers": {
            peer: {
                "alone": summarise(alone[peer]),
                "beside": summarise(beside[peer]),
                "slowdown": summarise(beside[peer])["median"] / summarise(alone[peer])["median"],
                "worst": max(beside[peer]) / summarise(alone[peer])["median"],
            }
            for peer in steps
        },
    }


def _milliseconds(worker: Any, n: int) -> float:
    answer = worker.ask(do="measure", kind="step", n=n)
    return 1e3 * answer["seconds"] / answer["steps"]


def main(argv: list[str] | None = None) -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=["784-512-10", "13-64-64-1"])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(argv)
    options.peers = [peer for peer in options.peers if peer not in CONV_ONLY]
    models = {}
    for name in options.models:
        models[name] = measure_model(name, options)
        for peer, found in models[name]["peers"].items():
            print(
                f"{name}  {LABELS[peer]:<20} {found['alone']['median']:.4g} ms alone, {found['beside']['median']:.4g} "
                f"beside: {found['slowdown']:.2f}x, worst {found['worst']:.2f}x",
                flush=True,
            )
    store(options.results, "competitor", {"machine": describe(), "threads": options.threads, "models": models})


if __name__ == "__main__":
    main()
