"""Processes that take turns: every peer sees the same machine, and only one of them computes at a time.

Needs pipes that `select` can wait for and signals that stop a process: Linux or macOS.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import select
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers import LABELS, PEERS, REFNET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "PeerError", "Worker", "arguments", "environment", "interpreter", "load_results", "require_twin", "start_workers",
    "store", "summarise",
]  # fmt: skip

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
ANSWER_TIMEOUT = 900.0
"""Seconds: torch.compile on a busy machine may take minutes."""


class PeerError(RuntimeError):
    """A peer is not installed, died, or could not do what was asked."""


def environment(threads: int) -> dict[str, str]:
    """The environment of every peer: the same number of threads, in each library's own words."""
    count = str(threads)
    return {
        **os.environ,
        "OMP_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "TF_NUM_INTRAOP_THREADS": count,
        "TF_NUM_INTEROP_THREADS": count,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
        "JAX_PLATFORMS": "cpu",
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # no pool of compiling children beside the measurements
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }


def interpreter(peer: str, peers_python: str) -> str:
    return sys.executable if peer in REFNET or peer == "numpy" else peers_python


class Worker:
    """A peer in a process of its own, stopped (SIGSTOP) whenever it is not its turn.

    Blocking on a pipe would not be enough: thread pools spin for a while after their last task.
    """

    def __init__(self, peer: str, threads: int, peers_python: str) -> None:
        self.peer = peer
        self.log = tempfile.TemporaryFile()  # lives as long as the process
        self.process = subprocess.Popen(
            [interpreter(peer, peers_python), "-m", "benchmarks.worker", peer, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=environment(threads),
            cwd=HERE.parent,
        )
        self.versions: dict[str, str] = {}

    def ready(self) -> None:
        """Wait until the framework is imported."""
        self.versions = self._receive()["versions"]
        self._stop()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Wake the process, let it work, stop it again."""
        self._signal("SIGCONT")
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise PeerError(f"{self.peer}: the process has ended\n{self._tail()}") from None
        try:
            return self._receive()
        finally:
            self._stop()

    def close(self) -> None:
        self._signal("SIGCONT")
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()

    def _receive(self) -> dict[str, Any]:
        ready, _, _ = select.select([self.process.stdout], [], [], ANSWER_TIMEOUT)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            why = "the process has ended" if ready else f"no answer in {ANSWER_TIMEOUT:.0f} s"
            raise PeerError(f"{self.peer}: {why}\n{self._tail()}")
        answer = json.loads(line)
        if not answer.pop("ok"):
            raise PeerError(f"{self.peer}: {answer['error']}")
        return answer

    def _tail(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-2000:]

    def _stop(self) -> None:
        self._signal("SIGSTOP")

    def _signal(self, name: str) -> None:
        if self.process.poll() is None and hasattr(signal, name):
            self.process.send_signal(getattr(signal, name))


@contextlib.contextmanager
def start_workers(peers: Sequence[str], threads: int, peers_python: str) -> Iterator[tuple[dict[str, Worker], dict]]:
    """Start the peers' processes, one after the other; those that are not installed are named in the second result."""
    workers, missing = {}, {}
    try:
        for peer in peers:
            worker = Worker(peer, threads, peers_python)
            try:
                worker.ready()
                workers[peer] = worker
            except PeerError as error:
                missing[peer] = str(error)
                worker.close()
                print(f"  without {LABELS[peer]}: {error}", flush=True)
        yield workers, missing
    finally:
        for worker in workers.values():
            worker.close()


def summarise(samples: Sequence[float]) -> dict[str, Any]:
    """Median, quartiles, minimum of a sequence of measurements; the measurements themselves too."""
    values = sorted(samples)
    quartiles = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return {
        "median": quartiles[1],
        "q1": quartiles[0],
        "q3": quartiles[2],
        "min": values[0],
        "rounds": len(values),
        "samples": list(samples),
    }


def require_twin(peers: Sequence[str]) -> None:
    """End the program if refnet_fast is to take part and cannot.

    Another peer that is not installed is left out, and the report says so. Without ours it would compare others with
    one another, and nobody would notice in a source tree that was never built: `python -m benchmarks` takes refnet
    from that tree, whatever is installed beside it. REFNET_NO_EXT=1 says that it is meant.
    """
    if "refnet_fast" not in peers or os.environ.get("REFNET_NO_EXT", "") not in ("", "0"):
        return
    try:
        importlib.import_module("refnet_fast.kernels")
    except ImportError as error:
        sys.exit(f"{error}\nTo run the benchmarks without it, where that is meant: set REFNET_NO_EXT=1.")


class Parser(argparse.ArgumentParser):
    """Parses, and sees that refnet_fast is there."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        options = super().parse_args(args, namespace)
        require_twin(options.peers)
        return options


def arguments(description: str, **defaults: Any) -> argparse.ArgumentParser:
    """The options that all parts share; `defaults` override theirs."""
    parser = Parser(description=description)
    parser.add_argument(
        "--peers-python",
        default=os.environ.get("REFNET_PEERS_PYTHON", sys.executable),
        help="interpreter that has torch, jax, keras, tensorflow (default: $REFNET_PEERS_PYTHON, else this one)",
    )
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), help="who takes part")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="for everyone (default 2)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="JSON file the results are merged into")
    parser.set_defaults(**defaults)
    return parser


def load_results(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}


def store(path: Path, section: str, content: Any) -> None:
    """Merge one part's results into the file, written to a temporary name and renamed."""
    results = {**load_results(path), section: content}
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(_rounded(results), indent=1) + "\n")
    temporary.replace(path)
    print(f"stored {section} in {path.name}", flush=True)


def _rounded(value: Any) -> Any:
    """Five significant digits: what a measurement has, and a file that can be read."""
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(v) for v in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value
