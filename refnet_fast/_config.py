"""What runs here: the build, the instruction set, the threads and the memory pool."""
from __future__ import annotations

from typing import Any

from refnet_fast import _runtime, kernels

__all__ = ["show_config"]


def show_config() -> dict[str, Any]:
    """How the fast kernels were built and how they run in this process.

    Returns:
        A dict: `isa` in use, `isas` built, those that the compiler could not build and why (`dropped`), a `debug` build or not,
        `openmp`, `threads`, `forked_child_runs_serial`, `poison` (REFNET_POISON) and the state of the memory `pool`.
    """
    from refnet_fast import _build_info

    built = {"isa": kernels.ISA, "isas": _build_info.ISAS, "dropped": _build_info.DROPPED, "debug": _build_info.DEBUG}
    return {**built, **_runtime.config()}
