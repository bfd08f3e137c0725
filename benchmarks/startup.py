"""What a fresh process costs: import and first training step, and peak memory of training.

    python -m benchmarks.startup [--models 784-512-10 13-64-64-1] [--repeats 5]

Every measurement is a new process. The clock runs in the parent, from the start of the interpreter to the line that
says that the first step is done. Memory is the process's high-water mark after TRAINING_STEPS steps on one ready batch,
less that of a process which imports NumPy and does nothing. Disk caches (bytecode, torch.compile's) are warm: a first
uncounted run fills them.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import arguments, environment, interpreter, store, summarise
from benchmarks.machine import describe
from benchmarks.peers import CONV_ONLY, LABELS, REFNET

__all__ = ["main"]

TRAINING_STEPS = 30
CHILD = "benchmarks.fresh"


def run(peer: str, model: str, options: Any) -> tuple[float, float] | str:
    """Seconds to the first step and peak MB of one fresh process, or the last line of its complaint."""
    python = interpreter(peer, options.peers_python)
    start = time.perf_counter()
    with subprocess.Popen(
        [python, "-m", CHILD, peer, model, str(options.threads), str(TRAINING_STEPS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(options.threads),
        cwd=Path(__file__).resolve().parent.parent,
    ) as process:
        lines = process.stdout
        line = next((text for text in lines if text.startswith("first step")), None)
        seconds = time.perf_counter() - start
        peak = [text for text in lines if text[:1].isdigit()]
        complaint = process.stderr.read().strip().splitlines()
    if line is None or not peak:
        return complaint[-1] if complaint else f"ended with code {process.returncode}"
    return seconds, float(peak[-1])


def main(argv: list[str] | None = None) -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["784-512-10", "10000-64-64-46", "13-64-64-1"])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(argv)
    options.peers = [peer for peer in options.peers if peer not in CONV_ONLY]
    models: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for model in options.models:
        seconds: dict[str, list[float]] = {}
        memory: dict[str, list[float]] = {}
        for repeat in range(options.repeats + 1):
            for peer in ["numpy", *options.peers]:
                if peer in missing:
                    continue
                answer = run(peer, model, options)
                if isinstance(answer, str):
                    missing[peer] = answer
                    print(f"  without {LABELS.get(peer, peer)}: {answer}", flush=True)
                elif repeat:  # the first run filled the disk caches
                    seconds.setdefault(peer, []).append(answer[0])
                    memory.setdefault(peer, []).append(answer[1])
        bare = summarise(memory["numpy"])["median"]
        models[model] = {
            peer: {
                "seconds": summarise(seconds[peer]),
                "peak_mb": summarise(memory[peer]),
                "above_numpy_mb": summarise(memory[peer])["median"] - bare,
            }
            for peer in seconds
        }
        for peer, found in models[model].items():
            label = LABELS.get(peer, "bare NumPy")
            start, above = found["seconds"]["median"], found["above_numpy_mb"]
            print(f"{model}  {label:<20} {start:.3f} s   {above:.1f} MB", flush=True)
    store(
        options.results,
        "startup",
        {
            "machine": describe(),
            "threads": options.threads,
            "steps": TRAINING_STEPS,
            "models": models,
            "missing": missing,
            "ours": [p for p in REFNET if p not in missing],
        },
    )


if __name__ == "__main__":
    main()
