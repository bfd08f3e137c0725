"""Runs the twin under AddressSanitizer and UndefinedBehaviorSanitizer: nothing may read or write beside an array, nothing overflow.

A copy of the tree is built with both (setup.py: REFNET_SANITIZE=1), for the base and the widest instruction set that the machine
runs. Then, for each: scripts/fuzz_kernels.py, thousands of calls with wrong arguments; and the tests that call every kernel.
The first finding ends the run, with the sanitizer's report and how to see it again.

    python scripts/sanitize.py               all of it, some 20 minutes on two cores
    python scripts/sanitize.py --quick       a few minutes: fewer calls and tests
    python scripts/sanitize.py --tree DIR    DIR is the copy, kept and built again where something changed

Where the compiler has no sanitizers (the libraries come with gcc and clang on Linux) it says so and ends well; with
--require it fails.
"""
from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = ("libasan.so", "libubsan.so")
TESTS = ("tests/test_twin_safety.py", "tests/test_kernels.py", "tests/test_conv_kernels.py", "tests/test_dense_rows.py",
         "tests/test_dense_zeros.py")
# one float type and the odd sizes are what matters to a sanitizer; forks and subprocesses are another matter
QUICK = ["-k", "(needs or saved or harmless or overflow or overwritten or contract) and not float64 and not reference "
               "and not shared"]
WHOLE = ["-k", "not fork and not TestEnvironment"]

__all__ = ["main"]


def runtime():
    """The sanitizers' libraries, or why there are none."""
    compiler = os.environ.get("CC", "gcc").split()[0]
    if sys.platform != "linux":
        return None, f"it is made for Linux, this is {sys.platform}"
    if shutil.which(compiler) is None:
        return None, f"there is no {compiler}"
    found = []
    for name in LIBRARIES:
        path = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True).stdout.strip()
        if not os.path.isabs(path) or not os.path.exists(path):
            return None, f"{compiler} has no {name} (on Debian it comes with the package libgcc-*-dev of that compiler)"
        found.append(os.path.realpath(path))
    return found, ""


def copy_tree(target):
    """What git knows and what it would take, or all of an unpacked source distribution, into `target`."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True)
    names = [n for n in listed.stdout.decode().split("\0") if n] if listed.returncode == 0 else [
        str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file() and p.suffix != ".so" and "build" not in p.parts]
    for name in names:
        source, copy = ROOT / name, target / name
        if source.exists() and not (copy.exists() and copy.read_bytes() == source.read_bytes()):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)


def step(what):
    print(f"\n--- {what} ({time.monotonic() - START:.0f} s)", flush=True)


def machine_isas(tree, environ):
    code = "from refnet_fast import kernels; print(*kernels.available())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tree, env=environ, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the sanitized build cannot be imported:\n{done.stderr[-4000:]}")
    return done.stdout.split()


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few minutes")
    parser.add_argument("--tree", type=Path, help="where the copy is made, and kept")
    parser.add_argument("--isa", nargs="*", help="instruction sets (default: base and the widest)")
    parser.add_argument("--seconds", type=float, help="of wrong calls, for each instruction set (default: 300, quick 25)")
    parser.add_argument("--seed", type=int, default=0, help="of the wrong calls")
    parser.add_argument("--require", action="store_true", help="fail where there are no sanitizers")
    options = parser.parse_args(arguments)
    libraries, reason = runtime()
    if libraries is None:
        print(f"sanitize: skipped: {reason}.")
        return 1 if options.require else 0
    tree = options.tree or Path(tempfile.mkdtemp(prefix="refnet-sanitize."))
    try:
        return sanitize(tree, libraries, options)
    finally:
        if options.tree is None:
            shutil.rmtree(tree, ignore_errors=True)


def sanitize(tree, libraries, options):
    step(f"copy and build in {tree}")
    copy_tree(tree)
    environ = {k: v for k, v in os.environ.items() if not k.startswith("REFNET_")}
    wide = "avx512" if "avx512f" in Path("/proc/cpuinfo").read_text() else "avx2"
    wanted = options.isa or ["base", wide]
    built = subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=tree, stdout=subprocess.DEVNULL,
                           env={**environ, "REFNET_SANITIZE": "1", "REFNET_BUILD_ISA": ",".join(wanted)})
    if built.returncode or not list((tree / "refnet_fast/kernels").glob("_base/dense.*")):
        print("sanitize: the build failed: its output is above.")
        return 1
    environ |= {
        "LD_PRELOAD": " ".join(libraries),
        # leaks: Python's own, at exit. A block that is too large is NULL, as from malloc, and not a finding.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=1000:abort_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "PYTHONMALLOC": "malloc",             # each object a block of its own, with forbidden bytes around it
        "PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "2", "REFNET_REQUIRE_FAST": "1",
    }
    mark = tree / "current_call"
    for isa in [i for i in machine_isas(tree, environ) if i in wanted]:
        step(f"{isa}: wrong calls")
        seconds = options.seconds or (25 if options.quick else 300)
        command = [sys.executable, "-X", "faulthandler", "scripts/fuzz_kernels.py", "--isa", isa, "--seed", str(options.seed)]
        done = subprocess.run([*command, "--seconds", str(seconds), "--mark", str(mark)], cwd=tree, env=environ,
                              stderr=subprocess.PIPE, text=True)
        refused = "AddressSanitizer failed to allocate"  # a size too large is tried on purpose, and NULL is its answer
        print("\n".join(line for line in done.stderr.splitlines() if refused not in line)[-6000:], flush=True)
        if done.returncode:
            call = int.from_bytes(mark.read_bytes(), sys.byteorder)
            print(f"sanitize: found something. Again: python scripts/sanitize.py --tree DIR, then in DIR, with the environment of\n"
                  f"sanitize() in scripts/sanitize.py: {' '.join(command)} --only {call}")
            return 1
    step("the tests that call every kernel")
    done = subprocess.run([sys.executable, "-X", "faulthandler", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
                           *(TESTS[:2] if options.quick else TESTS), *(QUICK if options.quick else WHOLE)], cwd=tree, env=environ)
    if done.returncode:
        print("sanitize: found something in the tests: the report is above.")
        return 1
    step("nothing found")
    return 0


START = time.monotonic()

if __name__ == "__main__":
    sys.exit(main())
