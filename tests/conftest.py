"""Which kernel sets there are to test on this machine."""
import os
from pathlib import Path

import numpy as np
import pytest

import refnet.kernels

# A process that a test starts must import what is tested here, not the source tree that it happens to start in: README
# runs pytest in the tree with refnet installed beside it. (Safe path: no current directory on sys.path, -c and -m too.)
os.environ["PYTHONSAFEPATH"] = "1"
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(Path(refnet.__file__).resolve().parent.parent), os.environ.get("PYTHONPATH")]))

# Where refnet was installed without a compiler, its tests pass without refnet_fast, each skip with the reason. Where
# nobody chose that (a source tree that was never built, or one that hides the package which is installed), thousands
# of skips would look like success.
NO_EXT = os.environ.get("REFNET_NO_EXT", "") not in ("", "0")
REQUIRED = any(os.environ.get(name, "") not in ("", "0") for name in ("CI", "REFNET_REQUIRE_FAST"))
os.environ.setdefault("KERAS_BACKEND", "jax")  # for the tests that compare with the real Keras, where it is installed

try:
    import refnet_fast.kernels as _fast
    FAST_REASON = ""
except ImportError as error:
    chosen = getattr(error, "reason", None) and not getattr(error, "hides", None)
    if not NO_EXT and (REQUIRED or not chosen):
        raise pytest.UsageError(
            f"{error}\nTo test the reference alone, where that is meant: REFNET_NO_EXT=1 python -m pytest") from None
    _fast = None
    FAST_REASON = str(error).splitlines()[0]  # the rest says how to build it: once is enough

ISAS = list(_fast.available()) if _fast else []
KERNEL_SETS = {"reference": refnet.kernels, **{f"fast-{isa}": _fast.load(isa) for isa in ISAS}}
BACKENDS = ["reference", "fast"]


@pytest.fixture(params=list(KERNEL_SETS))
def kernels(request):
    """Each kernel set: the reference, and the twin's per instruction set."""
    return KERNEL_SETS[request.param]


@pytest.fixture(params=ISAS or ["none"])
def twin(request):
    """The twin's kernels, per instruction set."""
    if _fast is None:
        pytest.skip(FAST_REASON)
    return KERNEL_SETS[f"fast-{request.param}"]


@pytest.fixture
def fast():
    """The module refnet_fast."""
    if _fast is None:
        pytest.skip(FAST_REASON)
    import refnet_fast
    return refnet_fast


@pytest.fixture(params=BACKENDS)
def rn(request):
    """Either namespace: refnet and refnet_fast."""
    if request.param == "reference":
        import refnet
        return refnet
    if _fast is None:
        pytest.skip(FAST_REASON)
    import refnet_fast
    return refnet_fast


@pytest.fixture
def rng():
    return np.random.default_rng(0)
