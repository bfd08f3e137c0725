"""Philox: random numbers by counting.

Dropout needs a random number for every entry of an array, in every step, and a run must be repeatable: on any
backend, with any number of threads. A generator that goes from one state to the next gives its numbers in one order
only, and threads would have to queue.

A counter-based generator has no state that a step advances. It is a scrambling function: number i is scramble(i,
key). Any element's random number can be computed by itself, in any order, by any number of threads, on any backend,
and is the same.

Philox 4x32-10
    counter (c0, c1, c2, c3), key (k0, k1), all 32-bit words; ten rounds of
        (hi0, lo0) = 0xD2511F53 · c0         the high and low half of a 64-bit product
        (hi1, lo1) = 0xCD9E8D57 · c2
        (c0, c1, c2, c3) ← (hi1 ⊕ c1 ⊕ k0,  lo1,  hi0 ⊕ c3 ⊕ k1,  lo0)     ⊕ is the exclusive or, bit by bit
        (k0, k1) ← (k0 + 0x9E3779B9,  k1 + 0xBB67AE85)     modulo 2³²; (√5 - 1)/2 and √3 - 1, times 2³²
    Multiplication mixes low bits into high ones, the swap brings the high ones back down. The round is a bijection of
    the counter: the multipliers are odd, so lo1 gives back c2, and with it hi1 and c1; lo0 likewise c0 and c3. So
    under one key no two counters share an output.

How refnet counts
    key     = the seed of a generator: room for 64 bits   (low word, high word)
    counter = (block number, that generator's call count) (low, high, low, high)
    One block yields four 32-bit words. Two calls have two counts: within a generator no block is used twice (until its
    32-bit count is through). Generators have different seeds, unless one gives them the same one, or chance does.

By hand
    Two rounds of the counter (1, 0, 0, 0) with key (0, 0), that is block 1 of call 0 and seed 0:
        round 1    0xD2511F53 · 1 fits 32 bits, so hi0 = 0, lo0 = 0xD2511F53; the other product is 0.
                   counter (0, 0, 0, 0xD2511F53), key (0x9E3779B9, 0xBB67AE85)
        round 2    both products are 0; c3 meets k1:  0xD2511F53 ⊕ 0xBB67AE85 = 0x6936B1D6
                   counter (0x9E3779B9, 0, 0x6936B1D6, 0)
    The constants:  floor((√5 - 1)/2 · 2**32) = 0x9E3779B9;  floor((√3 - 1) · 2**32) = 0xBB67AE85

    >>> def one_round(counter, key):
    ...     (c0, c1, c2, c3), (k0, k1) = counter, key
    ...     (hi0, lo0), (hi1, lo1) = divmod(0xD2511F53 * c0, 2**32), divmod(0xCD9E8D57 * c2, 2**32)
    ...     return (hi1 ^ c1 ^ k0, lo1, hi0 ^ c3 ^ k1, lo0), ((k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32)
    >>> counter, key = one_round(*one_round((1, 0, 0, 0), (0, 0)))
    >>> counter == (0x9E3779B9, 0, 0x6936B1D6, 0)
    True
    >>> for _ in range(8):
    ...     counter, key = one_round(counter, key)
    >>> [int(word) for word in philox_words(first_block=1, blocks=1, seed=0, count=0)[0]] == list(counter)
    True
    >>> [hex(word) for word in philox_words(0, 1, 0, 0)[0]]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']

    The last line is the first known-answer vector of the authors' library.

References
    Salmon, Moraes, Dror, Shaw (2011), Parallel random numbers: as easy as 1, 2, 3. SC'11. (Known-answer vectors:
    Random123.)
"""
import numpy as np

__all__ = ["philox_words"]

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_MASK = 0xFFFFFFFF
_LOW, _32 = np.uint64(_MASK), np.uint64(32)
ROUNDS = 10


def philox_words(first_block, blocks, seed, count):
    """Words of `blocks` consecutive counters.    ->   (blocks, 4) uint32

    Args:
        first_block: block number of the first row, 0 <= first_block < 2**64.
        blocks: number of rows.
        seed: the key, 64 bits.
        count: upper half of the counter, 64 bits.
    """
    index = np.uint64(first_block) + np.arange(blocks, dtype=np.uint64)
    c0, c1 = index & _LOW, index >> _32                           # 32-bit words kept in 64-bit lanes
    c2, c3 = np.full_like(c0, count & _MASK), np.full_like(c0, (count >> 32) & _MASK)
    k0, k1 = seed & _MASK, (seed >> 32) & _MASK
    for _ in range(ROUNDS):
        p0, p1 = _M0 * c0, _M1 * c2                               # exact: 32 x 32 bits fit 64
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ np.uint64(k0), p1 & _LOW, (p0 >> _32) ^ c3 ^ np.uint64(k1), p0 & _LOW
        k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)
