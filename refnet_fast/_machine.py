"""How many threads this process should use: the smallest of affinity mask, cgroup quota and physical cores.

Two hyper-threads share one set of vector units, so a second one only costs cache; and threads beyond a container's
quota are stopped for the rest of every period, in the middle of a barrier.
"""
from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["cgroup_quota", "default_threads", "most_threads", "physical_cores", "pool_megabytes"]

_CPUS = Path("/sys/devices/system/cpu")
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def affinity() -> set[int]:
    """The processors that this process may run on."""
    try:
        return os.sched_getaffinity(0)
    except (AttributeError, OSError):                             # macOS, Windows
        return set(range(os.cpu_count() or 1))


def physical_cores(cpus: set[int], root: Path = _CPUS) -> int:
    """Cores behind `cpus`: hyper-threads of one core count once; where the system does not say, all processors count."""
    cores = set()
    for cpu in cpus:
        try:
            cores.add((root / f"cpu{cpu}/topology/thread_siblings_list").read_text().strip())
        except OSError:
            cores.add(str(cpu))
    return max(len(cores), 1)


def _read_quota(directory: Path) -> float:
    try:                                                          # version 2: "quota period" or "max period"
        quota, period = (directory / "cpu.max").read_text().split()
        return math.inf if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        pass
    try:                                                          # version 1: -1 means none
        quota_us = int((directory / "cpu.cfs_quota_us").read_text())
        period_us = int((directory / "cpu.cfs_period_us").read_text())
        return quota_us / period_us if quota_us > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


def cgroup_quota(root: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> float:
    """Processors that the cgroup of this process, or one above it, may use; infinity where nothing is limited."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return math.inf
    quota = math.inf
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        base = root if not controllers else root / "cpu"
        directory = base / path.lstrip("/")
        while True:
            quota = min(quota, _read_quota(directory))
            if directory == base or base not in directory.parents:
                break
            directory = directory.parent
    return quota


def most_threads() -> int:
    """The largest number of threads that may be asked for: 64, or the number of processors where that is larger.

    Each thread of a kernel has scratch memory of its own, up to some hundred kilobytes: OMP_NUM_THREADS=100000 would
    want tens of gigabytes of it, for threads that no machine runs.
    """
    return max(64, os.cpu_count() or 1)


def default_threads(environ: Mapping[str, str]) -> int:
    """OMP_NUM_THREADS if it is set (of a list, its first entry), up to `most_threads`, else what the machine has.

    What cannot be read as a positive integer counts as not set: a variable that is meant for other libraries too is no reason
    not to be imported.
    """
    try:
        wish = int(environ.get("OMP_NUM_THREADS", "").split(",")[0])
    except ValueError:
        wish = 0
    if wish > 0:
        return min(wish, most_threads())
    cpus = affinity()
    quota = cgroup_quota()
    allowed = len(cpus) if math.isinf(quota) else max(1, math.floor(quota + 0.5))
    return max(1, min(len(cpus), physical_cores(cpus), allowed))


def pool_megabytes(environ: Mapping[str, str]) -> float:
    """REFNET_POOL_MB: how much unused memory the pool keeps."""
    wish = environ.get("REFNET_POOL_MB", "").strip()
    try:
        megabytes = float(wish) if wish else 512.0
    except ValueError:
        raise ImportError(f"REFNET_POOL_MB must be a number of megabytes, got {wish!r}.") from None
    if not 0 <= megabytes < math.inf:
        raise ImportError(f"REFNET_POOL_MB must be a number of megabytes, got {wish!r}.")
    return megabytes
