/* Aligned memory from the system: cache lines for small blocks, whole huge pages where a block is large enough. */
#ifndef RN_MEMORY_H
#define RN_MEMORY_H
#include <stdlib.h>
#include <string.h>
#if defined(_WIN32) || defined(__GLIBC__)
#include <malloc.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

static void *rn_system_alloc(size_t bytes)
{
    const size_t huge = (size_t)2 << 20;
    void *p = NULL;
#if defined(_WIN32)
    p = _aligned_malloc(bytes, 64);
#else
    if (posix_memalign(&p, bytes >= huge ? huge : 64, bytes) != 0)
        return NULL;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (bytes >= huge) /* fewer page faults, fewer misses in the page table's cache; a hint, so failure is no error */
        (void)madvise(p, bytes, MADV_HUGEPAGE);
#endif
#endif
    (void)huge;
    return p;
}

static void rn_system_free(void *p)
{
#if defined(_WIN32)
    _aligned_free(p);
#else
    free(p);
#endif
}

/* What free() has kept for the next malloc goes back to the system too, where the C library can be asked for that. */
static void rn_system_trim(void)
{
#if defined(__GLIBC__)
    (void)malloc_trim(0);
#endif
}

/* Is every block to be exactly as long as was asked for, so that AddressSanitizer sees a byte beyond it? */
#if defined(__SANITIZE_ADDRESS__)
#define RN_EXACT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RN_EXACT 1
#endif
#endif
#ifndef RN_EXACT
#define RN_EXACT 0
#endif

#ifdef _OPENMP
#define RN_HAS_OPENMP 1
#else
#define RN_HAS_OPENMP 0
#endif
#endif
