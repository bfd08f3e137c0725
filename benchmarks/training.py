"""Training steps, `fit` and inference: all peers in one interleaved run, checked first.

    python -m benchmarks.training [--models 13-64-64-1 ...] [--rounds 11] [--threads 2]

For each model every peer gets a process, the same data, batches and initial weights. A peer whose first losses or
outputs differ from the float64 oracle is not timed. Then rounds: in each, every peer in turn (the order rotates) runs
one measurement of each kind, while the others are stopped.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import oracle
from benchmarks.harness import PeerError, Worker, arguments, load_results, start_workers, store, summarise
from benchmarks.machine import Peaks, describe, measure_peaks, roofline
from benchmarks.peers import CONV_ONLY, LABELS
from benchmarks.specs import FAMILIES, MODELS, Spec, initial_weights, load_data, ready_batches, write_data

__all__ = ["KINDS", "Expected", "check", "main", "measure_model", "measure_rounds"]

SECTIONS = {"dense": "training", "conv": "training_conv"}
"""Where the results of a family are stored; `_1_thread` is added for a run on one thread."""
KINDS = ("step", "fit", "call_1", "call_n", "predict_1", "predict_n")
SECONDS = {"step": 0.25, "fit": 0.3, "call_1": 0.1, "call_n": 0.15, "predict_1": 0.1, "predict_n": 0.15}
"""How long one measurement of a kind shall take."""
CHECK_STEPS = {"dense": 10, "conv": 4}
LOSS_TOLERANCE = 1e-3
OUTPUT_TOLERANCE = 1e-4


class Expected:
    """What the oracle says about one model, computed once for all peers."""

    def __init__(self, spec: Spec, batches: list[tuple[np.ndarray, np.ndarray]]) -> None:
        self.spec, self.batches, self.steps = spec, batches, CHECK_STEPS[spec.family]
        self.outputs = oracle.forward(spec, initial_weights(spec), batches[0][0])
        self._losses: dict[bool, np.ndarray] = {}

    def losses(self, epsilon_inside: bool) -> np.ndarray:
        if epsilon_inside not in self._losses:
            self._losses[epsilon_inside] = np.array(oracle.training_losses(
                self.spec, initial_weights(self.spec), self.batches, self.steps, epsilon_inside
            ))  # fmt: skip
        return self._losses[epsilon_inside]


def check(worker: Worker, expected: Expected) -> dict[str, float]:
    """Compare a freshly loaded peer with the oracle: outputs, then the losses of the first steps.

    Returns:
        The largest deviations: "outputs" relative to the largest output, "losses" relative to each loss.

    Raises:
        PeerError: a deviation beyond tolerance; what this peer computes is something else.
    """
    answer = worker.ask(do="check", steps=expected.steps)
    outputs, losses = expected.outputs, expected.losses(epsilon_inside=not worker.peer.startswith("torch"))
    found = np.reshape(answer["outputs"], outputs.shape)
    deviations = {
        "outputs": float(np.abs(found - outputs).max() / np.abs(outputs).max()),
        "losses": float(np.max(np.abs(np.array(answer["losses"]) / losses - 1.0))),
    }
    if not (deviations["outputs"] < OUTPUT_TOLERANCE and deviations["losses"] < LOSS_TOLERANCE):
        raise PeerError(f"{worker.peer} on {expected.spec.name} disagrees with the oracle: {deviations}")
    return deviations


def measure_rounds(
    workers: dict[str, Worker], plans: dict[str, dict[str, int]], rounds: int, reference_rounds: int | None = None
) -> dict[str, Any]:
    """Milliseconds per step of every peer and kind, `rounds` times, everyone in turn.

    Args:
        workers: the peers, loaded.
        plans: peer -> kind -> number of steps per measurement.
        rounds: how many turns everyone gets. The first in line changes every round.
        reference_rounds: how many the reference gets (default: as everyone). Its convolutions take seconds.
    """
    samples: dict[str, dict[str, list[float]]] = {p: {k: [] for k in plan} for p, plan in plans.items()}
    order = list(plans)
    for r in range(rounds):
        turn = order[r % len(order) :] + order[: r % len(order)]
        for kind in KINDS:
            for peer in turn:
                if kind in plans[peer] and not (peer == "refnet" and reference_rounds is not None
                                                and r >= reference_rounds):  # fmt: skip
                    answer = workers[peer].ask(do="measure", kind=kind, n=plans[peer][kind])
                    samples[peer][kind].append(1e3 * answer["seconds"] / answer["steps"])
    return {peer: {kind: summarise(ms) for kind, ms in kinds.items()} for peer, kinds in samples.items()}


def measure_model(spec: Spec, options: Any) -> dict[str, Any]:
    """Everything about one model: checks, measurements, profile of our own step, versions, who was missing."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_data(spec, directory)
        x, y = load_data(spec, directory, mmap=True)
        batches = ready_batches(spec, x, y)
        expected = Expected(spec, batches)
        peers = [peer for peer in options.peers if spec.family == "conv" or peer not in CONV_ONLY]
        with start_workers(peers, options.threads, options.peers_python) as (workers, missing):
            plans: dict[str, dict[str, int]] = {}
            checks = {}
            for peer, worker in workers.items():
                try:
                    kinds = worker.ask(do="load", model=spec.name, data=str(directory), fit=True)["kinds"]
                    checks[peer] = check(worker, expected)
                    plans[peer] = {
                        kind: worker.ask(do="calibrate", kind=kind, seconds=SECONDS[kind])["n"] for kind in kinds
                    }
                except PeerError as error:
                    missing[peer] = str(error)
                    print(f"  without {LABELS[peer]}: {error}", flush=True)
            times = measure_rounds(workers, plans, options.rounds, 2 if spec.family == "conv" else None)
            profiles = {
                peer: workers[peer].ask(do="profile", n=plans[peer]["step"], repeats=repeats)["profile"]
                for peer, repeats in (("refnet_fast", 5), ("refnet", 5 if spec.family == "dense" else 1))
                if peer in plans
            }
            versions = {k: v for peer in plans for k, v in workers[peer].versions.items()}
    return {"times": times, "checks": checks, "missing": missing, "profiles": profiles, "versions": versions}


def main(argv: list[str] | None = None) -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args(argv)
    for family, members in FAMILIES.items():
        chosen = [name for name in members if name in options.models]
        if chosen:
            section = SECTIONS[family] + ("_1_thread" if options.threads == 1 else "")
            measure_family(section, chosen, options)


def measure_family(section: str, chosen: list[str], options: Any) -> None:
    """Measure models of one family and merge them into their section of the results."""
    models = load_results(options.results).get(section, {}).get("models", {})
    peaks: Peaks | None = None
    for name in chosen:
        spec = MODELS[name]
        print(f"{name}, batch {spec.batch}, {spec.optimizer}, {options.threads} threads", flush=True)
        measured = measure_peaks(options.threads)
        peaks = measured.best(peaks) if measured else peaks
        models[name] = measure_model(spec, options)
        for peer, kinds in models[name]["times"].items():
            row = "  ".join(f"{kind} {times['median']:.4g}" for kind, times in kinds.items())
            print(f"  {LABELS[peer]:<20} {row}", flush=True)
    ordered = {name: models[name] for name in MODELS if name in models}
    for name, model in ordered.items():
        model["roofline"] = {kind: roofline(MODELS[name], peaks, kind) for kind in KINDS} if peaks else {}
    content = {
        "machine": describe(),
        "threads": options.threads,
        "peaks": peaks.as_dict() if peaks else None,
        "models": ordered,
    }
    store(options.results, section, content)


if __name__ == "__main__":
    main()
