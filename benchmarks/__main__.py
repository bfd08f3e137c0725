"""`python -m benchmarks`: every part in turn, then the report.

Options: `--quick` (few rounds, to see that all works), `--skip PART ...`, and those all parts share (see
`benchmarks.harness.arguments`). Takes some 40 minutes with every peer installed; the machine should be idle.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import acceptance, competitor, data, report, startup, training
from benchmarks.harness import HERE, arguments, environment, store
from benchmarks.machine import describe, measure_peaks

PARTS = ("training", "training-1-thread", "startup", "competitor", "kernels", "acceptance", "report")


def run_kernels(options: Any) -> None:
    """Run benchmarks/kernels.py under pytest-benchmark and keep medians, quartiles and rates."""
    peaks = measure_peaks(options.threads)
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "kernels.json"
        extra = [f"--benchmark-max-time={0.1 if options.quick else 0.4}", "--benchmark-min-rounds=3"]
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
    parser.add_argument("--quick", action="store_true", help="few rounds: numbers to be glanced at, not quoted")
    parser.add_argument("--skip", nargs="+", choices=PARTS, default=[], help="parts to leave out")
    options = parser.parse_args()
    shared = [
        *("--peers-python", options.peers_python),
        *("--peers", *options.peers),
        *("--results", str(options.results)),
    ]
    threads = ["--threads", str(options.threads)]

    def wanted(part: str) -> bool:
        if part not in options.skip:
            print(f"== {part}", flush=True)
        return part not in options.skip

    if wanted("training"):
        training.main([*shared, *threads, "--rounds", "3" if options.quick else "11"])
    if options.threads > 1 and wanted("training-1-thread"):
        training.main([*shared, "--threads", "1", "--rounds", "3" if options.quick else "5"])
    if wanted("startup"):
        startup.main([*shared, *threads, "--repeats", "1" if options.quick else "5"])
    if wanted("competitor"):
        competitor.main([*shared, *threads, "--rounds", "2" if options.quick else "7"])
    if wanted("kernels"):
        run_kernels(options)
    if wanted("acceptance"):
        try:
            data.data_directory()
        except FileNotFoundError as error:
            print(error, flush=True)
        else:
            engines = [p for p in options.peers if p in ("refnet", "refnet_fast", "keras_jax")]
            acceptance.main(["--peers-python", options.peers_python, "--peers", *engines, *threads,
                             "--seeds", "1" if options.quick else "5"])  # fmt: skip
    if wanted("report"):
        report.main(["--results", str(options.results)])


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    main()
