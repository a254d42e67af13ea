// Counts what a process asks of the allocator and of the Swift runtime: preloaded (LD_PRELOAD) into a data plane that is
// linked to the dynamic standard library. The counts stand in a file that whoever measures maps: CULVERT_COUNTS names it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// The order is that of NAMES in run.py.
enum { MALLOC, FREE, RETAIN, RELEASE, ALLOC_OBJECT, BEGIN_ACCESS, COUNT };

static uint64_t before_mapping[COUNT];
static uint64_t *counts = before_mapping;

static void add(int what) { __atomic_fetch_add(&counts[what], 1, __ATOMIC_RELAXED); }

// Memory for what dlsym itself asks for before malloc is known.
static char early[65536];
static size_t early_used;

static int is_early(const void *pointer) {
    return (const char *)pointer >= early && (const char *)pointer < early + sizeof early;
}

static void *take_early(size_t size) {
    size_t start = (early_used + 15) & ~(size_t)15;
    if (start + size > sizeof early) abort();
    early_used = start + size;
    return early + start;
}

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

#define FORWARD(type, name, parameters)             \
    static type(*real_##name) parameters;           \
    static int seeking_##name;                      \
    static inline int find_##name(void) {           \
        if (real_##name) return 1;                  \
        if (seeking_##name) return 0;               \
        seeking_##name = 1;                         \
        real_##name = (type(*) parameters)next(#name); \
        seeking_##name = 0;                         \
        return real_##name != 0;                    \
    }

FORWARD(void *, malloc, (size_t))
FORWARD(void *, calloc, (size_t, size_t))
FORWARD(void *, realloc, (void *, size_t))
FORWARD(void, free, (void *))
FORWARD(int, posix_memalign, (void **, size_t, size_t))
FORWARD(void *, aligned_alloc, (size_t, size_t))

void *malloc(size_t size) {
    add(MALLOC);
    return find_malloc() ? real_malloc(size) : take_early(size);
}

void *calloc(size_t count, size_t size) {
    add(MALLOC);
    if (find_calloc()) return real_calloc(count, size);
    return memset(take_early(count * size), 0, count * size);
}

void *realloc(void *old, size_t size) {
    add(MALLOC);
    if (!is_early(old) && find_realloc()) return real_realloc(old, size);
    void *fresh = malloc(size);
    if (old) memcpy(fresh, old, size);
    return fresh;
}

void free(void *pointer) {
    add(FREE);
    if (pointer && !is_early(pointer) && find_free()) real_free(pointer);
}

int posix_memalign(void **pointer, size_t alignment, size_t size) {
    add(MALLOC);
    return find_posix_memalign() ? real_posix_memalign(pointer, alignment, size) : 12;
}

void *aligned_alloc(size_t alignment, size_t size) {
    add(MALLOC);
    return find_aligned_alloc() ? real_aligned_alloc(alignment, size) : 0;
}

#define COUNTED(what, type, name, parameters, arguments)   \
    FORWARD(type, name, parameters)                        \
    type name parameters {                                 \
        add(what);                                         \
        if (!find_##name()) abort();                       \
        return real_##name arguments;                      \
    }

COUNTED(RETAIN, void *, swift_retain, (void *object), (object))
COUNTED(RETAIN, void *, swift_retain_n, (void *object, uint32_t n), (object, n))
COUNTED(RETAIN, void *, swift_bridgeObjectRetain, (void *object), (object))
COUNTED(RETAIN, void *, swift_bridgeObjectRetain_n, (void *object, int n), (object, n))
COUNTED(RELEASE, void, swift_release, (void *object), (object))
COUNTED(RELEASE, void, swift_release_n, (void *object, uint32_t n), (object, n))
COUNTED(RELEASE, void, swift_bridgeObjectRelease, (void *object), (object))
COUNTED(RELEASE, void, swift_bridgeObjectRelease_n, (void *object, int n), (object, n))
COUNTED(ALLOC_OBJECT, void *, swift_allocObject, (void *type, size_t size, size_t mask), (type, size, mask))
COUNTED(
    BEGIN_ACCESS, void, swift_beginAccess, (void *pointer, void *buffer, uintptr_t flags, void *pc),
    (pointer, buffer, flags, pc))

__attribute__((constructor)) static void map_counts(void) {
    const char *path = getenv("CULVERT_COUNTS");
    if (!path) return;
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    if (descriptor < 0 || ftruncate(descriptor, 4096) != 0) abort();
    uint64_t *mapped = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (mapped == MAP_FAILED) abort();
    close(descriptor);
    memcpy(mapped, before_mapping, sizeof before_mapping);
    counts = mapped;
}
