"""The machine: its name, and the roofline that it puts over every model."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.specs import Spec

__all__ = ["Peaks", "describe", "measure_peaks", "roofline"]

SOURCE = Path(__file__).with_name("machine.c")


@dataclass(frozen=True)
class Peaks:
    """Measured peaks of so many threads: float32 GFLOP/s from registers, GB/s read, GB/s copied (read + written)."""

    threads: int
    gflops: float
    read_gbs: float
    copy_gbs: float

    def best(self, other: Peaks | None) -> Peaks:
        """A peak is the best ever seen: the larger of each."""
        if other is None:
            return self
        return Peaks(
            self.threads,
            max(self.gflops, other.gflops),
            max(self.read_gbs, other.read_gbs),
            max(self.copy_gbs, other.copy_gbs),
        )

    @property
    def gbs(self) -> float:
        return max(self.read_gbs, self.copy_gbs)

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def measure_peaks(threads: int) -> Peaks | None:
    """Compile `machine.c` for this processor and run it; None, with a word why, where there is no C compiler."""
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")
    if compiler is None:
        print("no C compiler: the report goes without roofline", flush=True)
        return None
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "machine"
        flags = ["-O3", "-march=native", "-ffp-contract=fast", "-fopenmp"]
        command = [compiler, *flags, str(SOURCE), "-o", str(program)]
        try:
            # gcc leaves half of the registers idle on some processors unless told; elsewhere the flag is unknown
            wide = subprocess.run([*command, "-mprefer-vector-width=512"], check=False, capture_output=True)
            if wide.returncode:
                subprocess.run(command, check=True, capture_output=True)
            run = subprocess.run([str(program), str(threads)], check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"machine.c: {error}: the report goes without roofline", flush=True)
            return None
    gflops, read, copy = map(float, run.stdout.split())
    return Peaks(threads, gflops, read, copy)


def roofline(spec: Spec, peaks: Peaks, kind: str) -> float:
    """Milliseconds below which this machine cannot do one step: the larger of arithmetic and memory time.

    Arithmetic: the matrix products at the measured FMA peak. Memory: only what must cross the memory bus. In `fit`
    each row of the shuffled batch is read from the data set and written to the batch; a ready batch is read once, if
    the ready batches together exceed the caches. Weights and optimizer slots of these models stay in the cache and
    count nothing, and neither do the images between the layers of a convolutional network, which a perfect fusion would
    keep there: the roofline is a bound, not a forecast.

    Args:
        spec: the network.
        peaks: what `measure_peaks` found.
        kind: "fit", "step", "call_1", "call_n", "predict_1", "predict_n".
    """
    batch = 1 if kind.endswith("_1") else spec.batch
    training = kind in ("fit", "step")
    flops = spec.training_flops() if training else spec.inference_flops(batch)
    if kind == "fit":
        moved = 2 * spec.batch_bytes()
    elif kind == "step":
        moved = spec.batch_bytes() if spec.batch_bytes() * 8 > _last_level_cache() else 0
    else:
        moved = 0  # one batch again and again: it stays in the cache
    return 1e3 * max(flops / (peaks.gflops * 1e9), moved / (peaks.gbs * 1e9))


def _last_level_cache() -> int:
    """Bytes of the largest cache, 32 MB where the system does not say."""
    sizes = []
    for file in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = file.read_text().strip()
        if text.endswith("K"):
            sizes.append(int(text[:-1]) << 10)
    return max(sizes, default=32 << 20)


def describe() -> dict[str, Any]:
    """Processor, cores, system: enough to place the numbers, nothing that names a particular host."""
    model, flags = platform.processor() or platform.machine(), set()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                model = value.strip()
            elif key.strip() == "flags":
                flags = set(value.split())
    isa = next((label for flag, label in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "")
    return {
        "cpu": model,
        "isa": isa or platform.machine(),
        "cores": os.cpu_count(),
        "cache_mb": _last_level_cache() >> 20,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
