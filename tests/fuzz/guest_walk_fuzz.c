/*
 * Any bytes as a guest's page tables: guest_walk() ends after at most five reads, reads only pages it asked
 * for, gives a run that stays within one page, and writes its outputs on success only. Input: cr0, cr3, cr4,
 * efer, gva (8 bytes each), then guest memory from address 0.
 */
#include <stdlib.h>
#include <string.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/hvm/guest_walk.h>

#define PAGES 8u

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static u64 memory[PAGES][512];
static u32 reads;

static int entry(void *ctx, u64 gaddr, u32 size, u64 *value)
{
    (void)ctx;
    if (gaddr % size || (size != 4 && size != 8))
        abort();
    reads++;
    if (gaddr >= sizeof(memory))
        return -1;
    *value = 0;
    memcpy(value, (char *)memory + gaddr, size);
    return 0;
}

static u32 marks;

static bool mark(void *ctx, u64 gaddr, u32 size, u64 old, u64 new)
{
    u64 now;

    if (entry(ctx, gaddr, size, &now) || now != old || (new & ~0x60ull) != (old & ~0x60ull) || new == old)
        abort();
    marks++;
    return true;
}

/* An access with the guest's rights finds what Homestead's own does, or #PF with the access in its error code. */
static void check_access(const struct guest_walk *w, u64 gva, u64 want, bool found)
{
    for (u32 i = 0; i < 8; i++) {
        u32 access = (i & 1 ? PF_WRITE : 0) | (i & 2 ? PF_USER : 0) | (i & 4 ? GUEST_SMAP : 0), error = 0;
        u64 gaddr = ~1ull;

        marks = 0;
        if (guest_access(w, gva, access, &gaddr, &error) == 0) {
            if (!found || gaddr != want || marks > 5)
                abort();
        } else if (gaddr != ~1ull || marks ||
                   (error & ~(u32)(PF_PRESENT | PF_RESERVED | PF_WRITE | PF_USER)) ||
                   ((w->cr0 & CR0_PG) && ((error ^ access) & (PF_WRITE | PF_USER)))) {
            abort();
        }
    }
}

static void check(const struct guest_walk *w, u64 gva)
{
    u64 gaddr[2] = {~1ull, ~1ull}, run[2] = {~2ull, ~2ull};
    int rc[2];

    for (u32 write = 0; write < 2; write++) {
        reads = 0;
        rc[write] = guest_walk(w, gva, write, &gaddr[write], &run[write]);
        if (reads > 5)
            abort();
        if (rc[write] && (gaddr[write] != ~1ull || run[write] != ~2ull))
            abort();
        if (!rc[write] && (!run[write] || run[write] > GIB(1) || (gaddr[write] + run[write]) % PAGE_SIZE ||
                           gaddr[write] >> 52))
            abort();
    }
    /* What can be written can be read, at the same place; without CR0.WP also the other way round. */
    if (!rc[1] && (rc[0] || gaddr[0] != gaddr[1] || run[0] != run[1]))
        abort();
    if (!rc[0] && rc[1] && !(w->cr0 & CR0_WP))
        abort();
    check_access(w, gva, gaddr[0], !rc[0]);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct guest_walk w = {.entry = entry, .mark = mark};
    u64 head[5];

    if (size < sizeof(head))
        return 0;
    memcpy(head, data, sizeof(head));
    memset(memory, 0, sizeof(memory));
    memcpy(memory, data + sizeof(head),
           size - sizeof(head) < sizeof(memory) ? size - sizeof(head) : sizeof(memory));
    w.cr0 = head[0];
    w.cr3 = head[1];
    w.cr4 = head[2];
    w.efer = head[3];
    check(&w, head[4]);
    /* and with paging on, in every mode */
    w.cr0 |= CR0_PG;
    check(&w, (u32)head[4]);
    w.efer |= EFER_LMA;
    check(&w, head[4]);
    check(&w, (u64)((s64)(head[4] << 16) >> 16));
    return 0;
}
