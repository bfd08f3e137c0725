"""The process one peer lives in: reads one JSON request a line, answers one JSON line.

Started by `benchmarks.harness.Worker` as `python -m benchmarks.worker PEER THREADS`. Requests:

    {"do": "load", "model": NAME, "data": DIRECTORY, "fit": BOOL}
    {"do": "check", "steps": N}            -> losses of N steps from the initial weights, outputs of batch 0 before them
    {"do": "measure", "kind": K, "n": N}   -> seconds, steps
    {"do": "calibrate", "kind": K, "seconds": S}  -> a warmed-up number of steps that takes about S
    {"do": "profile", "n": N}              -> seconds per kernel and step (refnet and refnet_fast)
    {"do": "quit"}

The affinity is set before the framework is imported: several size their thread pools by it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

__all__ = ["main"]

WARM_UP = {"fit": 1, "step": 20, "call_1": 50, "call_n": 20, "predict_1": 20, "predict_n": 10}


def main() -> None:
    name, threads = sys.argv[1], int(sys.argv[2])
    die_with_parent()
    limit_cpus(threads)
    # The protocol keeps the real stdout for itself; progress bars and the like go nowhere.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)

    from benchmarks.peers import make_peer

    try:
        peer = make_peer(name, threads)
        answers.write(json.dumps({"ok": True, "versions": peer.versions()}) + "\n")
    except ImportError as error:
        answers.write(json.dumps({"ok": False, "error": f"{type(error).__name__}: {error}"}) + "\n")
        return
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "quit":
            return
        try:
            answer = {"ok": True, **_answer(name, peer, request)}
        except Exception as error:  # one peer's failure must not end the others' run: the report names it
            traceback.print_exc()
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}"[:500]}
        answers.write(json.dumps(answer) + "\n")


def limit_cpus(threads: int) -> None:
    """Stay on the first `threads` processors, so that every peer has the same ones, whatever its own setting."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def die_with_parent() -> None:
    """Linux: be killed when the harness dies. A stopped process would not even see that its stdin has closed."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _answer(name: str, peer: Any, request: dict[str, Any]) -> dict[str, Any]:
    from benchmarks.specs import find_model, initial_weights, load_data, ready_batches

    what = request["do"]
    if what == "load":
        spec = find_model(request["model"])
        needs_data = request["fit"] and "fit" in peer.kinds
        x, y = load_data(spec, Path(request["data"]), mmap=not needs_data)
        peer.load(spec, initial_weights(spec), ready_batches(spec, x, y), (x, y) if needs_data else None)
        kinds = [k for k in peer.kinds if k != "fit" or needs_data]
        if spec.family == "conv" and name == "refnet":
            kinds.remove("fit")  # an epoch of the reference would take minutes; its bare step says as much
        return {"kinds": kinds}
    if what == "check":
        outputs = peer.outputs().tolist()
        return {"outputs": outputs, "losses": [peer.step_loss(i) for i in range(request["steps"])]}
    if what == "calibrate":
        kind = request["kind"]
        peer.reset()
        peer.measure(kind, 1)  # compiles, allocates
        seconds, steps = peer.measure(kind, 1)
        # As many steps as warm up a small model, but no longer than a second for a large one.
        warm = max(1, min(WARM_UP[kind], round(steps / seconds)))
        if warm > 1:
            peer.measure(kind, warm)
            seconds, steps = peer.measure(kind, warm)
            n = max(1, round(request["seconds"] * steps / seconds))
            seconds, steps = peer.measure(kind, n)  # again, now warm and long enough to be believed
        return {"n": max(1, round(request["seconds"] * steps / seconds))}
    if what == "measure":
        peer.reset()
        if request["kind"] != "fit":  # fit has a first epoch of its own
            fewest = 3 if request["n"] > 3 else 1
            peer.measure(request["kind"], max(fewest, min(WARM_UP[request["kind"]], request["n"] // 10)))
        seconds, steps = peer.measure(request["kind"], request["n"])
        return {"seconds": seconds, "steps": steps}
    if what == "profile":
        # The quietest of a few: a profile that somebody else's work disturbed would blame the wrong kernel.
        found = [peer.profile(request["n"]) for _ in range(request.get("repeats", 5))]
        return {"profile": min(found, key=lambda profile: profile["total"])}
    raise ValueError(f"unknown request {what!r}")


if __name__ == "__main__":
    main()
