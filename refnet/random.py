"""Random numbers: every one of them comes from a 64-bit seed that can be written down.

There is one global generator. `set_random_seed` seeds it; whoever needs randomness without having been given a seed
(a layer's `SeedGenerator`, an initializer, the shuffling in `fit`) draws a 64-bit seed from it, in program order.
Hence: same seed, same program, same run, bit for bit, on both backends. `global_state` and `set_global_state` read it and set it.

Initial weights and shuffles are drawn from `numpy.random.Generator(PCG64(seed))`, always in float64 and cast
afterwards, so that float32 and float64 models start from the same numbers. Dropout masks are not drawn
here: they come from Philox (see `kernels/philox.py`), keyed by a `SeedGenerator`'s seed and call count.
"""

import os
import random as python_random
import threading
from typing import Any

import numpy as np

from refnet import backend, config, public
from refnet.autodiff import Variable, is_tracing

__all__ = [
    "SeedGenerator",
    "global_state",
    "normal",
    "randint",
    "set_global_state",
    "set_random_seed",
    "shuffle",
    "truncated_normal",
    "uniform",
]

_lock = threading.Lock()
if hasattr(os, "register_at_fork"):  # held while a process forks: else a child may inherit it locked, and nobody to unlock it
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
_global_generator = np.random.Generator(np.random.PCG64())


def set_random_seed(seed: int) -> None:
    """Seed Python's `random`, NumPy's legacy global state, and refnet's own generator.

    Call it before the model is made. Afterwards the initial weights, the shuffling and the dropout masks are
    determined: two runs of one program give the same bits.

    Args:
        seed: an integer from 0 to 2**32 - 1.

    Raises:
        ValueError: if `seed` is not such an integer.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ValueError(f"`seed` must be an integer from 0 to 2**32 - 1. Received: seed={seed!r}")
    global _global_generator
    python_random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002 - for code of the user's that draws from it
    with _lock:
        _global_generator = np.random.Generator(np.random.PCG64(int(seed)))


def global_state() -> Any:
    """The state of the global generator, as plain numbers and strings: for `set_global_state`, also in another process."""
    with _lock:
        return _global_generator.bit_generator.state


def set_global_state(state: Any) -> None:
    """Set the global generator to what `global_state` gave: it draws what it drew after that.

    Raises:
        ValueError: for anything else.
    """
    generator = np.random.PCG64()
    try:
        generator.state = state
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(
            f"`state` must be what refnet.random.global_state() returned. Received: {type(state).__name__} ({error!r})"
        ) from None
    global _global_generator
    with _lock:
        _global_generator = np.random.Generator(generator)


def next_seed() -> int:
    """A fresh 64-bit seed from the global generator."""
    with _lock:
        return int(_global_generator.integers(0, 2**64, dtype=np.uint64))


class Shuffling:
    """The orders in which `fit` takes samples: what the order is in a pass follows from (seed, number of the pass).

    The seed is drawn when `fit` begins. So a run that was interrupted and goes on, with the same seed and `initial_epoch=`,
    sees the samples in the order in which the whole run would have seen them.

    Attributes:
        number: that of the next pass.
    """

    def __init__(self):
        self._seed, self.number = next_seed(), 0

    def begin(self) -> np.random.Generator:
        """The generator of the next pass."""
        generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self._seed, self.number])))
        self.number += 1
        return generator


def permutation(n: int, generator: np.random.Generator) -> np.ndarray:
    """A permutation of 0 .. n-1, int64."""
    return generator.permutation(n).astype(np.int64, copy=False)


class SeedGenerator:
    """A seed and a call count: the state of a layer that draws random numbers.

    Each call of `next()` gives `[seed, count]` and advances the count; the pair is the key and the counter of one
    random stream. Setting `count` back replays it (a gradient check does).

    Args:
        seed: a non-negative integer below 2**32, or None: drawn from the global generator.
        name: for people.

    Attributes:
        state: a Variable of two uint32, the seed and the count: what is saved and resumed, as in Keras.

    Example:
        >>> generator = SeedGenerator(7)
        >>> generator.next(), generator.next()
        (array([7, 0], dtype=uint32), array([7, 1], dtype=uint32))
    """

    def __init__(self, seed: int | None = None, name: str | None = None):
        if seed is None:
            seed = next_seed() % 2**32
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
            raise ValueError(f"`seed` must be a non-negative integer below 2**32 or None. Received: seed={seed!r}")
        self.name = name or "seed_generator"
        self.state = Variable(np.array([seed, 0], np.uint32), trainable=False, name="seed_generator_state")
        self.state.path = f"{self.name}/{self.state.name}"

    @property
    def seed(self) -> int:
        """The key of the stream."""
        return int(self.state.value[0])

    @property
    def count(self) -> int:
        """How often `next` was called. Can be set, to replay the stream from there."""
        return int(self.state.value[1])

    @count.setter
    def count(self, count: int) -> None:
        self.state.value[1] = count

    def next(self, ordered: bool = True) -> np.ndarray:
        """`[seed, count]`; the next call gives the next count.

        Args:
            ordered: accepted for Keras' sake: calls are always in order.
        """
        del ordered
        if is_tracing():  # a model is being built: nothing is drawn
            return self.state.value.copy()
        return backend.active().next_key(self.state.value)

    def get_config(self) -> dict:
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "SeedGenerator":
        return cls(**config)

    def __repr__(self):
        return f"<SeedGenerator seed={self.seed} count={self.count}>"


def generator_from(seed) -> np.random.Generator:
    """A NumPy generator for a seed as Keras' functions take it: None, an integer, or a `SeedGenerator`."""
    if seed is None:
        return np.random.Generator(np.random.PCG64(next_seed()))
    if isinstance(seed, SeedGenerator):
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([int(word) for word in seed.next()])))
    return np.random.Generator(np.random.PCG64(int(seed)))


def _cast(values, dtype):
    # not ascontiguousarray, which would make a scalar an array of one axis
    return np.asarray(values, order="C", dtype=config.float_dtype(dtype, "refnet.random"))


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None) -> np.ndarray:
    """Numbers drawn uniformly from [minval, maxval)."""
    return _cast(generator_from(seed).uniform(minval, maxval, tuple(shape)), dtype)


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None) -> np.ndarray:
    """Numbers drawn from the normal distribution."""
    return _cast(generator_from(seed).normal(mean, stddev, tuple(shape)), dtype)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None) -> np.ndarray:
    """Normal numbers of which those more than two standard deviations from the mean are drawn again."""
    generator = generator_from(seed)
    values = generator.standard_normal(tuple(shape))
    outside = np.abs(values) > 2.0
    while outside.any():  # 4.6 % remain after each round
        values[outside] = generator.standard_normal(int(outside.sum()))
        outside = np.abs(values) > 2.0
    return _cast(values * stddev + mean, dtype)


def randint(shape, minval, maxval, dtype="int32", seed=None) -> np.ndarray:
    """Integers drawn uniformly from minval .. maxval - 1."""
    return generator_from(seed).integers(minval, maxval, tuple(shape)).astype(dtype)


def shuffle(x, axis=0, seed=None) -> np.ndarray:
    """A copy of `x`, shuffled along `axis`."""
    return generator_from(seed).permutation(np.asarray(x), axis=axis)


public.finish(__name__)
