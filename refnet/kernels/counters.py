"""Counters: the state that makes one step differ from the next.

Adam corrects its start by the number of the step, a schedule follows it, and dropout must not draw the same mask twice. All of
that state is in arrays which kernels advance, so that a run can be written down, stopped, and taken up again bit for bit.

Update
    count     n ← n + 1
    stream    (seed, n): the seed is Philox's key, n the call count in its counter (philox.py). Hand out the pair, then
              n ← n + 1

By hand
    A stream with the seed 7 hands out (7, 0), then (7, 1), and stands at (7, 2). Seven steps taken, an update in every third:
        7 + 1 = 8,  floor(7/3) + 1 = 3      the next step is the eighth, the next update the third

    >>> state = np.array([7, 0], "uint32")
    >>> next_key(state), next_key(state), state
    (array([7, 0], dtype=uint32), array([7, 1], dtype=uint32), array([7, 2], dtype=uint32))
    >>> count = np.array(6)
    >>> count_update(count)
    >>> count, step_number(count), step_number(count, 3)
    (array(7), array(8), array(3))
"""
import numpy as np

__all__ = ["count_update", "next_key", "step_number"]


def count_update(count):
    """Adds one to a 0-d int64 array, in place."""
    count += 1


def step_number(count, every=1):
    """The number, counted from 1, of the next update, when one step in `every` makes an update.    count 0-d int64 -> 0-d int64"""
    return np.asarray(count // every + 1)


def next_key(state):
    """A copy of state, (2,) uint32: seed and count; then the count in `state` goes up by one (modulo 2³²)."""
    key = state.copy()
    state[1:] += 1
    return key
