/*
 * Frames as memory. Only what is touched costs: every 2 MiB piece maps the same file of rubbish, privately.
 */
#include <tests/machine/machine.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE_BYTES (2u << 20)
#define RUBBISH     0xa5

u64 frames_cleared;
void (*on_clear)(u64 n, u64 nr);

static u8 *arena;
static u64 arena_first, arena_end;

static int rubbish_file(void)
{
    static int file = -1;
    static u8 piece[PIECE_BYTES];

    if (file >= 0)
        return file;
    file = memfd_create("rubbish", 0);
    memset(piece, RUBBISH, sizeof(piece));
    BUG_ON(file < 0 || write(file, piece, sizeof(piece)) != sizeof(piece));
    return file;
}

void memory_free(void)
{
    if (arena)
        munmap(arena, ALIGN_UP((arena_end - arena_first) * PAGE_SIZE, PIECE_BYTES));
    arena = NULL;
    arena_first = arena_end = 0;
    on_clear = NULL;
    frames_cleared = 0;
}

void memory_make(u64 first, u64 end)
{
    u64 bytes = ALIGN_UP((end - first) * PAGE_SIZE, PIECE_BYTES);

    memory_free();
    if (!bytes)
        return;
    arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    BUG_ON(arena == MAP_FAILED);
    for (u64 done = 0; done < bytes; done += PIECE_BYTES)
        BUG_ON(mmap(arena + done, PIECE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
                    rubbish_file(), 0) == MAP_FAILED);
    arena_first = first;
    arena_end = end;
}

void *mfn_to_virt(mfn_t m)
{
    BUG_ON(m.n < arena_first || m.n >= arena_end);
    return arena + (m.n - arena_first) * PAGE_SIZE;
}

void frames_clear(mfn_t m, u64 nr)
{
    if (m.n >= arena_first && m.n + nr <= arena_end)
        memset(mfn_to_virt(m), 0, nr * PAGE_SIZE);
    __atomic_add_fetch(&frames_cleared, nr, __ATOMIC_RELAXED);
    if (on_clear)
        on_clear(m.n, nr);
}
