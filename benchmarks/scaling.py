"""What growing work costs: time and peak memory of a training step against batch, image size and channels.

    python -m benchmarks.scaling [--peers refnet_fast torch ...] [--steps 7]

The network is a block of two batch-normalized 3x3 convolutions, a pool, a global average and a dense layer (see
`specs.find_model`). One size grows, the others stay at BASE. Every point of every peer is a fresh process: its peak
memory is its own. Memory is counted above that of the same process before the network was built, framework imported, so
that the curves show what the training takes and not what the import does. Draws `scaling.png`.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.harness import HERE, arguments, environment, interpreter, store, summarise
from benchmarks.machine import describe
from benchmarks.peers import LABELS
from benchmarks.specs import find_model, initial_weights, make_data, scaling_name

__all__ = ["AXES", "BASE", "draw", "exponent", "main"]

BASE = {"batch": 16, "image": 32, "channels": 32}
AXES = {"batch": (1, 4, 16, 64), "image": (8, 16, 32, 64), "channels": (8, 16, 32, 64, 128)}
DEFAULT_PEERS = ["refnet_fast", "torch", "torch_channels_last"]


def child(peer_name: str, name: str, threads: int, steps: int) -> None:
    """Print one JSON line: milliseconds of every step, peak memory above the framework's in MB, the first loss."""
    from benchmarks.fresh import peak_mb
    from benchmarks.peers import make_peer
    from benchmarks.worker import limit_cpus

    limit_cpus(threads)
    spec = find_model(name)
    peer = make_peer(peer_name, threads)
    batches, weights = [make_data(spec)], initial_weights(spec)
    before = peak_mb()
    peer.load(spec, weights, batches)
    loss = peer.step_loss(0)
    peer.steps(2)
    milliseconds = [1e3 * peer.steps(1) for _ in range(steps)]
    print(json.dumps({"ms": milliseconds, "mb": peak_mb() - before, "loss": loss}), flush=True)


def run(peer: str, name: str, options: Any) -> dict[str, Any] | str:
    """One point of one peer, or the last line of its complaint."""
    command = [interpreter(peer, options.peers_python), "-m", "benchmarks.scaling", "--child", peer, name,
               str(options.threads), str(options.steps)]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(options.threads), cwd=HERE.parent, check=False
    )
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1]
    return json.loads(done.stdout.strip().splitlines()[-1])


def exponent(sizes: list[int], values: list[float]) -> float:
    """Slope of log value over log size between the two largest sizes: 1 where cost is proportional."""
    return math.log(values[-1] / values[-2]) / math.log(sizes[-1] / sizes[-2])


def measure(options: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """axis -> peer -> sizes, milliseconds, megabytes; and who was missing."""
    points: dict[tuple[str, str], dict[str, Any]] = {}
    missing: dict[str, str] = {}
    axes: dict[str, Any] = {}
    for axis, sizes in AXES.items():
        found: dict[str, Any] = {peer: {"sizes": [], "ms": [], "mb": []} for peer in options.peers}
        for size in sizes:
            name = scaling_name(**{**BASE, axis: size})
            losses = {}
            for peer in options.peers:
                if peer in missing:
                    continue
                if (peer, name) not in points:  # the base is a point of every axis
                    answer = run(peer, name, options)
                    if isinstance(answer, str):
                        missing[peer] = answer
                        print(f"  without {LABELS[peer]}: {answer}", flush=True)
                        continue
                    points[peer, name] = answer
                point = points[peer, name]
                losses[peer] = point["loss"]
                found[peer]["sizes"].append(size)
                found[peer]["ms"].append(summarise(point["ms"]))
                found[peer]["mb"].append(point["mb"])
                print(f"{axis} {size:<4} {LABELS[peer]:<27} {statistics.median(point['ms']):8.2f} ms "
                      f"{point['mb']:8.1f} MB", flush=True)  # fmt: skip
            if losses and max(losses.values()) - min(losses.values()) > 1e-3 * max(losses.values()):
                raise RuntimeError(f"{name}: the peers' first losses differ: {losses}")
        axes[axis] = {peer: curve for peer, curve in found.items() if peer not in missing}
    return axes, missing


def draw(section: dict[str, Any], path: Path) -> None:
    """Two rows of panels, time above and memory below, one column per size that grows; both axes logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from benchmarks.plot import COLOURS

    figure, panels = plt.subplots(2, len(section["axes"]), figsize=(13, 7.5), constrained_layout=True, sharey="row")
    for column, (axis, peers) in enumerate(section["axes"].items()):
        for peer, curve in peers.items():
            style = {"color": COLOURS.get(peer, "black"), "marker": "o", "ms": 4, "label": LABELS[peer]}
            style["lw"] = 2.2 if peer == "refnet_fast" else 1.4
            medians = [ms["median"] for ms in curve["ms"]]
            spread = [[ms["median"] - ms["q1"] for ms in curve["ms"]], [ms["q3"] - ms["median"] for ms in curve["ms"]]]
            panels[0, column].errorbar(curve["sizes"], medians, spread, capsize=2, **style)
            panels[1, column].plot(curve["sizes"], curve["mb"], **style)
        fixed = ", ".join(f"{name} {size}" for name, size in BASE.items() if name != axis)
        panels[0, column].set_title(f"{axis} grows ({fixed})", fontsize=11, loc="left")
        panels[1, column].set_xlabel({"image": "image height = width", "channels": "channels of both convolutions"}
                                     .get(axis, axis))  # fmt: skip
        for panel in panels[:, column]:
            panel.set_xscale("log", base=2)
            panel.set_yscale("log")
            panel.set_xticks(AXES[axis], [str(size) for size in AXES[axis]])
            panel.spines[["top", "right"]].set_visible(False)
            panel.grid(color="#dddddd", lw=0.6)
    panels[0, 0].set_ylabel("training step, ms")
    panels[1, 0].set_ylabel("peak memory of training, MB")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
    machine = section["machine"]
    figure.suptitle(f"Cost of a training step as the work grows ({machine['cpu']}, {section['threads']} threads)")
    temporary = path.with_suffix(".tmp.png")
    figure.savefig(temporary, dpi=110)
    plt.close(figure)
    temporary.replace(path)


def main(argv: list[str] | None = None) -> None:
    parser = arguments(__doc__.splitlines()[0], peers=DEFAULT_PEERS)
    parser.add_argument("--steps", type=int, default=7, help="timed steps per point")
    options = parser.parse_args(argv)
    axes, missing = measure(options)
    content = {"machine": describe(), "threads": options.threads, "base": BASE, "axes": axes, "missing": missing}
    store(options.results, "scaling", content)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        main()
