"""Philox, fast: eight counters at a time (AVX-512), chunks of counters over threads.

How it is fast: simd/philox.h.
Why it is right: refnet/kernels/philox.py.
"""
cimport numpy as cnp
from libc.stdint cimport uint32_t, uint64_t

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["philox_words"]

cdef extern from "refnet_fast/simd/philox.h":
    void rn_philox_words(uint64_t first, cnp.npy_intp blocks, uint64_t seed, uint64_t count, uint32_t* out,
                         int threads) noexcept nogil


def philox_words(first_block, blocks, seed, count):
    """Words of `blocks` consecutive counters.    ->   (blocks, 4) uint32

    Args:
        first_block: block number of the first row, 0 <= first_block < 2**64.
        blocks: number of rows.
        seed: the key, 64 bits.
        count: upper half of the counter, 64 bits.
    """
    cdef uint64_t first = first_block, key = seed & 0xFFFFFFFFFFFFFFFF, upper = count & 0xFFFFFFFFFFFFFFFF
    cdef cnp.npy_intp dims[2]
    cdef int threads
    if blocks < 0:
        raise ValueError(f"philox_words: blocks must not be negative, got {blocks}.")
    dims[0] = blocks
    dims[1] = 4
    words = rt.pool_empty(2, dims, cnp.NPY_UINT32)
    cdef uint32_t* out = <uint32_t*>rt.data(words)
    threads = rt.team(1.5 * dims[0])
    if threads > 1:
        with nogil:
            rn_philox_words(first, dims[0], key, upper, out, threads)
    else:
        rn_philox_words(first, dims[0], key, upper, out, 1)
    return words
