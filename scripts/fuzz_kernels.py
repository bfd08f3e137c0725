"""Calls every kernel of the twin with arguments that nobody should pass, thousands of times.

A call starts from a case of tests/cases.py, which is right, and has some of its arguments replaced: other types, ranks,
shapes and layouts, None, tuples of other lengths, huge integers, NaN; backward gets what another call has saved. Whatever
happens, the process lives: a kernel returns, or raises one of the exceptions of EXPECTED. Run under AddressSanitizer and
UndefinedBehaviorSanitizer (scripts/sanitize.py does) it shows reads and writes beside arrays that happen to do no harm.

    python scripts/fuzz_kernels.py --isa avx2 --seconds 60
    python scripts/fuzz_kernels.py --isa avx2 --seed 3 --only 1234       the one call that ended a run
"""
from __future__ import annotations

import argparse
import inspect
import os
import sys
import time
import traceback
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import cases  # noqa: E402

from refnet_fast import _runtime, kernels  # noqa: E402

__all__ = ["Fuzzer", "main"]

EXPECTED = (TypeError, ValueError, OverflowError, IndexError, MemoryError)
HUGE = (2**31, 2**32 + 1, 2**47, 2**62, 2**63 - 1, 2**63, 2**64, 2**70, -(2**31), -(2**63))
SMALL = (-2, -1, 0, 1, 2, 3, 5, 7, 100)
ODD = (None, True, "x", "", b"bytes", 1.5, float("nan"), float("inf"), -0.5, 1e300, (), [], {}, object(), np.float32(2), 3 + 4j)
DTYPES = ("f4", "f8", "f2", ">f4", ">f8", "i8", "i4", "u1", "?", "c8", "O", "U3", "M8[s]")


class Fuzzer:
    """Makes and runs the calls; call i of a seed is always the same.

    Args:
        kernel_set: the kernels of one instruction set.
        seed: of all choices.
    """

    def __init__(self, kernel_set, seed):
        self.kernels, self.seed = kernel_set, seed
        self.names = sorted({case.kernel for case in cases.KERNEL_CASES})
        self.by_kernel = {n: [c for c in cases.KERNEL_CASES if c.kernel == n] for n in self.names}
        self.updates = [c for c in cases.UPDATE_CASES if np.prod(c.shape) < 5000]
        self.refused = self.returned = 0
        self.unexpected: list[str] = []

    def call(self, i):
        """Call number i: a kernel forward and, if that worked, backward; or an update, or one of the others."""
        self.rng = np.random.default_rng((self.seed, i))
        kind = self.rng.random()
        try:
            if kind < 0.8:
                self.pair(i)
            elif kind < 0.93:
                self.update()
            else:
                self.others()
        except EXPECTED:
            self.refused += 1
        except Exception:
            self.unexpected.append(f"call {i}: {traceback.format_exc()}")
        else:
            self.returned += 1

    # ---- what is called ---------------------------------------------------------------------------------------------

    def pair(self, i):
        case = self.pick(self.by_kernel[self.names[i % len(self.names)]]).cast(self.pick(("f4", "f8")))
        forward = getattr(self.kernels, f"{case.kernel}_forward")
        backward = getattr(self.kernels, f"{case.kernel}_backward")
        lead = () if case.equation is None else (case.equation,)
        right = (*lead, *case.inputs, *case.args)
        mutate_forward = self.rng.random() < 0.5
        y, saved = forward(*(self.mutated(right) if mutate_forward else right), **case.kwargs)
        dy = self.rng.standard_normal(y.shape).astype(y.dtype)
        several = len(case.inputs) > 1 or case.equation is not None
        needs = (tuple(bool(b) for b in self.rng.random(len(case.inputs)) < 0.7),) if several else ()
        if mutate_forward and self.rng.random() < 0.5:
            backward(dy, saved, *needs)
            return
        which = self.rng.integers(4)
        if which == 0:
            dy = self.other(dy)
        elif which == 1 and several:
            needs = (self.pick((self.other(needs[0]), needs[0][:-1], (*needs[0], True), self.pick(ODD))),)
        elif which == 2:                                          # what another call of this kernel, or of another one, saved
            stranger = self.pick(self.by_kernel[case.kernel if self.rng.random() < 0.7 else self.pick(self.names)])
            saved = stranger.cast(self.pick(("f4", "f8"))).forward(self.kernels)[1]
            if self.rng.random() < 0.3:
                dy = np.zeros(stranger.forward(self.kernels, save=False)[0].shape, y.dtype)
        else:
            saved = self.mutated(saved) if isinstance(saved, tuple) else self.other(saved)
        backward(dy, saved, *needs)

    def update(self):
        case = self.pick(self.updates)
        dtype = self.pick(("f4", "f8"))
        function = getattr(self.kernels, case.kernel)
        arguments = {n: np.asarray(np.abs(self.rng.standard_normal(case.slot_shape(n))), dtype) for n in ("w", "dw", *case.slots)}
        arguments = {**dict.fromkeys(case.all_slots), **arguments, **case.kwargs}
        for name in self.pick(list(arguments), self.rng.integers(1, 3)):
            arguments[name] = self.other(arguments[name])
        names = [p for p in inspect.signature(function).parameters if p in arguments]
        function(**{name: arguments[name] for name in names})

    def others(self):
        k, rng = self.kernels, self.rng
        x = rng.standard_normal((int(rng.integers(0, 9)), 3)).astype(self.pick(DTYPES[:9]))
        function, arguments = self.pick((
            (k.gather_rows, (x, rng.integers(0, max(len(x), 1), 5))), (k.gather_rows, (x, rng.integers(-3, 12, 5))),
            (k.philox_words, (0, 5, 7, 9)), (k.dropout_mask, (50, 0.5, 1, 2))))
        function(*self.mutated(arguments))

    # ---- what is passed ---------------------------------------------------------------------------------------------

    def pick(self, options, count=None):
        if count is not None:
            return [options[j] for j in self.rng.choice(len(options), min(int(count), len(options)), replace=False)]
        return options[int(self.rng.integers(len(options)))]

    def mutated(self, values):
        """The tuple with one or two entries replaced, at any depth; sometimes longer or shorter."""
        values = list(values)
        if not values or self.rng.random() < 0.05:
            return tuple(values[:-1]) if values and self.rng.random() < 0.5 else (*values, self.pick(ODD))
        for j in self.pick(range(len(values)), self.rng.integers(1, 3)):
            values[j] = self.other(values[j])
        return tuple(values)

    def other(self, value):
        """Something else in the place of a value; near it, more often than not."""
        if self.rng.random() < 0.1:
            return self.pick((*ODD, *HUGE, *SMALL, np.zeros(3, "f4"), np.zeros((2, 3, 4, 5))))
        if isinstance(value, tuple) and value:
            return self.mutated(value)
        if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
            return self.pick((*SMALL, *HUGE, -value, value + 1, float("nan")))
        if isinstance(value, str):
            return self.pick((*_runtime.ACTIVATIONS, *kernels.BENDS, *kernels.DISTANCES, *kernels.DIVERGENCES, *kernels.MARGINS,
                              "ij,jk->ik", "i->", "->", "ii,ij->j", "ij,jk->", "ij,jk->izk", "", "a" * 40, None, 3))
        if isinstance(value, np.ndarray):
            return self.other_array(value)
        return self.pick((*ODD, *SMALL, np.zeros(3, "f4"), np.zeros(5), np.ones((3, 2), "f4")))

    def other_array(self, a):
        rng = self.rng
        kind = int(rng.integers(14))
        if kind == 0:
            return a.astype(self.pick([d for d in DTYPES if d != "M8[s]" or a.dtype.kind in "iu"]))
        if kind == 1:
            return a.reshape(self.pick(((-1,), (1, *a.shape), (*a.shape, 1), (*a.shape[:-2], -1))) if a.size else (0,))
        if kind == 2 and a.ndim:
            axis = int(rng.integers(a.ndim))
            return np.ascontiguousarray(np.take(a, range(max(a.shape[axis] - 1, 0)), axis))
        if kind == 3 and a.ndim:
            return np.concatenate([a, a], int(rng.integers(a.ndim)))
        if kind == 4:
            return a.T
        if kind == 5 and a.ndim:
            return a[self.pick((slice(None, None, -1), slice(None, None, 2), slice(1, None)))]
        if kind == 6:
            return np.broadcast_to(a, (2, *a.shape))
        if kind == 7:
            return np.frombuffer(bytes(3) + a.tobytes(), a.dtype, offset=3).reshape(a.shape) if a.size else a
        if kind == 8:
            return np.full_like(a, self.pick((np.nan, np.inf, -np.inf, 1e30)) if a.dtype.kind == "f" else self.pick((-1, 99)) % 128)
        if kind == 9:                                             # empty, and as long as can be otherwise
            shape = [self.pick((0, 1, 3, 2**33, 2**45)) for _ in range(a.ndim)]
            if a.ndim:
                shape[int(rng.integers(a.ndim))] = 0
            return np.zeros(shape if np.prod([float(max(s, 1)) for s in shape]) < 2.0**59 else (0,) * a.ndim, a.dtype)
        if kind == 10:
            b = a.copy()
            b.flags.writeable = False
            return b
        if kind == 11:
            return self.pick((a.tolist(), memoryview(a), None, a[..., None][..., 0:0], np.matrix(np.zeros((2, 2))),
                              np.array(3, a.dtype)))
        if kind == 12:
            return rng.integers(0, 127, a.shape).astype(a.dtype)
        return rng.permutation(a.ravel()).reshape(self.pick((a.shape, a.shape[::-1])))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--isa", default=kernels.ISA, help="instruction set (default: the one in use)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long")
    parser.add_argument("--seed", type=int, default=0, help="of all choices")
    parser.add_argument("--only", type=int, help="make one call")
    parser.add_argument("--mark", help="a file that always holds the number of the current call")
    options = parser.parse_args(arguments)
    fuzzer = Fuzzer(kernels.load(options.isa), options.seed)
    mark = np.memmap(options.mark, np.int64, "w+", shape=(1,)) if options.mark else np.zeros(1, np.int64)
    np.seterr(all="ignore")
    if "asan" not in os.environ.get("LD_PRELOAD", "") and sys.platform != "win32":     # ASan reserves terabytes
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))      # gigabytes that the machine may have are no test
    if options.only is not None:
        fuzzer.call(options.only)
        i = 1
    else:
        end, i = time.monotonic() + options.seconds, 0
        while time.monotonic() < end:
            mark[0] = i
            fuzzer.call(i)
            i += 1
    print(f"{options.isa}: {i} calls with seed {options.seed}: {fuzzer.returned} returned, {fuzzer.refused} were refused, "
          f"{len(fuzzer.unexpected)} raised what they should not", flush=True)
    for text in fuzzer.unexpected[:5]:
        print(text)
    return 1 if fuzzer.unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
