/* Searching and copying bytes by the C library's vectorised routines, and memory that is zero without being touched: the
 * one piece of C that pure code may call. */
#ifndef CULVERT_CSCAN_H
#define CULVERT_CSCAN_H
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CULVERT_HOT __attribute__((swift_attr("@_noLocks"))) static inline

/* Index of the first `byte` in `bytes[0 ..< count]`, or `count`. */
CULVERT_HOT size_t culvert_index_of(const void *bytes, size_t count, int byte) {
    const void *hit = count == 0 ? 0 : memchr(bytes, byte, count);
    return hit ? (size_t)((const char *)hit - (const char *)bytes) : count;
}

/* Whether the two ranges of `count` bytes are equal. */
CULVERT_HOT int culvert_equal(const void *left, const void *right, size_t count) {
    return count == 0 || memcmp(left, right, count) == 0;
}

CULVERT_HOT void culvert_copy(void *to, const void *from, size_t count) {
    if (count) memcpy(to, from, count);
}

/* `count` zero bytes, not resident before they are touched where `count` is large; NULL when there are none. */
static inline void *culvert_zeroed(size_t count) { return calloc(1, count); }
static inline void culvert_give_zeroed(void *memory) { free(memory); }

#endif
