"""The fresh process of `benchmarks.startup`: python -m benchmarks.fresh PEER MODEL THREADS STEPS.

Prints "first step" after the first training step, then, after STEPS more, the peak memory in MB. It imports nothing
that the peer does not need: its import is what is measured. PEER may be "numpy": NumPy imported, nothing done.
"""

import resource
import sys

__all__ = ["main", "peak_mb"]


def main(peer_name: str, model: str, threads: int, steps: int) -> None:
    if peer_name == "numpy":
        import numpy as np

        np.zeros(1)
        print("first step", flush=True)
    else:
        from benchmarks.peers import make_peer
        from benchmarks.specs import MODELS, initial_weights, make_data
        from benchmarks.worker import limit_cpus

        limit_cpus(threads)
        peer = make_peer(peer_name, threads)
        spec = MODELS[model]
        peer.load(spec, initial_weights(spec), [make_data(spec, samples=spec.batch)])
        peer.step_loss(0)
        print("first step", flush=True)
        peer.steps(steps)
    print(peak_mb(), flush=True)


def peak_mb() -> float:
    """High-water mark of resident memory, in MB.

    Linux' VmHWM starts afresh at exec; ru_maxrss would begin at the size of the process that started this one.
    """
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
