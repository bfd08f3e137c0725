"""The fast kernels: this module is the kernel set "fast".

The chapters have the names, functions and signatures of `refnet.kernels`; each says how it is fast and its namesake says
why it is right. Every chapter is compiled once per instruction set; the widest one that this machine runs is chosen
here, at import. `REFNET_ISA=base|avx2|avx512` forces a narrower one; `load(isa)` gives any, for tests and measurements.
"""
import os as _os
from importlib import import_module as _import_module
from importlib.util import find_spec as _find_spec
from types import ModuleType as _ModuleType

from refnet.kernels import arrays as _arrays

# GCC's OpenMP reads this once, when the first kernel that uses it is loaded (below). By default a thread that waits for its team
# spins for milliseconds; where another process has the other thread's core, it spins on the very core that thread could use.
# 5,000 turns are some 50 microseconds: longer than the gaps between the kernels of a training step, and short enough to give the
# core away.
_quiet = "GOMP_SPINCOUNT" not in _os.environ and "OMP_WAIT_POLICY" not in _os.environ
if _quiet:
    _os.environ["GOMP_SPINCOUNT"] = "5000"
try:
    # Not `from refnet_fast import _runtime`: where it is missing that blames a circular import. And not whatever is
    # found: beside an editable installation, a tree that was never built would get the runtime of another one.
    _spec = _find_spec("refnet_fast._runtime")
    if _spec is None or _os.path.dirname(_spec.origin or "") != _os.path.dirname(_os.path.dirname(__file__)):
        raise ModuleNotFoundError("refnet_fast._runtime")
    _runtime = _import_module("refnet_fast._runtime")
except ModuleNotFoundError:
    try:
        from refnet_fast._build_info import REASON as _reason
    except ModuleNotFoundError:
        _reason = None
    raise _import_module("refnet_fast._absent").NotBuilt(_reason) from None

CHAPTERS = ("activation", "adam", "averages", "batch_norm", "bends", "confusion", "convolution",
            "convolution_pooling", "convolution_transpose", "counters", "cross_entropy", "dense", "depthwise",
            "distances", "divergences", "dropout", "einsum", "elementary", "errors", "gather", "layer_norm",
            "margins", "matches", "matmul", "philox", "plan", "pooling", "reduction", "rmsprop", "sgd", "softmax")

NAME = "fast"


def available():
    """The instruction sets that are built and that this machine runs, narrowest first."""
    within = _runtime.ISAS[:_runtime.ISAS.index(_runtime.machine_isa()) + 1]
    return tuple(isa for isa in within if _built(isa))


def _built(isa):
    try:
        _import_module(f"refnet_fast.kernels._{isa}.dense")
    except ModuleNotFoundError:
        return False
    return True


def load(isa):
    """The kernel set of one instruction set, as a module.

    Args:
        isa: "base", "avx2" or "avx512".

    Raises:
        ImportError: this machine does not run it, or it was not built.
    """
    if isa not in _runtime.ISAS:
        raise ImportError(f"Unknown instruction set {isa!r}. Here there are: {', '.join(available())}.")
    if _runtime.ISAS.index(isa) > _runtime.ISAS.index(_runtime.machine_isa()):
        raise ImportError(f"Instruction set {isa!r} was asked for, but this machine only runs "
                          f"{_runtime.machine_isa()!r}. Here there are: {', '.join(available())}.")
    if not _built(isa):
        raise ImportError(f"Instruction set {isa!r} was asked for, but refnet_fast was built without it. Here there are: "
                          f"{', '.join(available())}.")
    chosen = _ModuleType(f"refnet_fast.kernels._{isa}", f"The fast kernels, compiled for {isa}.")
    chosen.NAME, chosen.ISA, chosen.CHAPTERS, chosen.__all__ = NAME, isa, CHAPTERS, ["CHAPTERS", "NAME"]
    for chapter in CHAPTERS:
        module = _import_module(f"refnet_fast.kernels._{isa}.{chapter}")
        for name in module.__all__:
            setattr(chosen, name, getattr(module, name))
            chosen.__all__.append(name)
    for name in _arrays.__all__:
        if name != "SHARED":
            setattr(chosen, name, getattr(_arrays, name))
            chosen.__all__.append(name)
    return chosen


def _choose():
    wish = _os.environ.get("REFNET_ISA", "").strip().lower()
    if not available():
        raise _import_module("refnet_fast._absent").NotBuilt("none of its kernels was built")
    if not wish:
        return load(available()[-1])
    try:
        return load(wish)
    except ImportError as error:
        raise ImportError(f"The environment variable REFNET_ISA is {wish!r}. {error} Unset it, or set it to one of these."
                          ) from None


_chosen = _choose()
ISA = _chosen.ISA
if _quiet:
    del _os.environ["GOMP_SPINCOUNT"]                        # it is read by now; children choose for themselves
__all__ = list(_chosen.__all__)
for _name in __all__:
    globals()[_name] = getattr(_chosen, _name)
