/* Frames and what is counted from them: see reference.h. What is decided is in reference_claims.c. */
#include "reference.h"

#include <stdlib.h>
#include <string.h>

#define REGION 512u

struct reference ref;

static u64 nr_regions(void)
{
    return DIV_ROUND_UP(ref.nr_frames, REGION);
}

void ref_free_all(void)
{
    free(ref.frame);
    free(ref.pins);
    for (u32 nid = 0; nid < REF_NODES; nid++)
        for (u32 kind = REF_ANY; kind <= REF_CLEAN; kind++) {
            free(ref.map[nid][kind]);
            free(ref.region[nid][kind]);
        }
    memset(&ref, 0, sizeof(ref));
}

void ref_init(u32 nr_nodes, u64 nr_frames)
{
    ref_free_all();
    ref.nr_nodes = nr_nodes;
    ref.nr_frames = nr_frames;
    ref.frame = malloc(nr_frames * sizeof(ref.frame[0]));
    ref.pins = calloc(nr_frames, sizeof(ref.pins[0]));
    for (u64 n = 0; n < nr_frames; n++)
        ref.frame[n] = (struct ref_frame){.node = REF_NO_RAM, .owner = REF_NOBODY};
    for (u32 nid = 0; nid < nr_nodes; nid++)
        for (u32 kind = REF_ANY; kind <= REF_CLEAN; kind++) {
            ref.map[nid][kind] = calloc(nr_regions() * (REGION / 64), sizeof(u64));
            ref.region[nid][kind] = calloc(nr_regions(), sizeof(u16));
        }
}

static void frame_bit(u32 nid, u32 kind, u64 n, bool on)
{
    u64 *word = &ref.map[nid][kind][n / 64], bit = BIT(n % 64);

    if (!(*word & bit) == !on)
        return;
    *word ^= bit;
    ref.region[nid][kind][n / REGION] += on ? 1 : -1;
}

static bool is_owned(enum ref_use use)
{
    return use == REF_GUEST || use == REF_RELEASED || use == REF_OPEN_GUEST;
}

/* Adds (sign 1) or takes away (sign -1) what a frame counts for. */
static void count(const struct ref_frame *f, s64 sign)
{
    if (f->use == REF_FREE) {
        ref.free[f->node] += sign;
        ref.dirty[f->node] += f->clean ? 0 : sign;
    } else if (is_owned(f->use)) {
        ref.tot[f->owner] += sign;
        ref.own[f->owner][f->node] += sign;
    } else if (f->use == REF_OFFLINE) {
        ref.offline[f->node] += sign;
    } else {
        ref.over[f->owner] += sign;
    }
}

void ref_set(u64 n, u64 nr, enum ref_use use, u32 owner, bool clean)
{
    for (u64 end = n + nr; n < end; n++) {
        struct ref_frame *f = &ref.frame[n];

        count(f, -1);
        f->use = use;
        f->owner = (u8)owner;
        f->clean = clean;
        count(f, 1);
        frame_bit(f->node, REF_ANY, n, use == REF_FREE);
        frame_bit(f->node, REF_CLEAN, n, use == REF_FREE && clean);
    }
}

/* A region of 512 frames that has become free as a whole is cleaned as a whole. */
static void join_region(u64 r)
{
    u32 nid = ref.frame[r * REGION].node;

    if (nid == REF_NO_RAM || ref.region[nid][REF_ANY][r] < REGION)
        return;
    if (ref.region[nid][REF_CLEAN][r] && ref.region[nid][REF_CLEAN][r] < REGION)
        ref_set(r * REGION, REGION, REF_FREE, REF_NOBODY, false);
}

u64 ref_free(u64 n, u64 nr)
{
    u64 freed = 0;

    for (u64 i = n; i < n + nr; i++) {
        bool leaves = ref.frame[i].leaving;

        ref.frame[i].leaving = 0;
        ref_set(i, 1, leaves ? REF_OFFLINE : REF_FREE, REF_NOBODY, false);
        freed += !leaves;
    }
    for (u64 r = n / REGION; r * REGION < n + nr; r++)
        join_region(r);
    return freed;
}

void ref_add(u64 start, u64 end, u32 nid)
{
    for (u64 n = start; n < end; n++) {
        ref.frame[n].node = (u8)nid;
        count(&ref.frame[n], 1);
        frame_bit(nid, REF_ANY, n, true);
    }
}

u32 ref_recount(void)
{
    struct reference was = ref;
    u32 faults = 0;

    memset(ref.tot, 0, sizeof(ref.tot));
    memset(ref.own, 0, sizeof(ref.own));
    memset(ref.over, 0, sizeof(ref.over));
    memset(ref.free, 0, sizeof(ref.free));
    memset(ref.dirty, 0, sizeof(ref.dirty));
    memset(ref.offline, 0, sizeof(ref.offline));
    for (u64 n = 0; n < ref.nr_frames; n++) {
        const struct ref_frame *f = &ref.frame[n];

        if (f->node == REF_NO_RAM)
            continue;
        count(f, 1);
        bool free = f->use == REF_FREE;
        for (u32 kind = REF_ANY; kind <= REF_CLEAN; kind++)
            faults +=
                (ref.map[f->node][kind][n / 64] >> (n % 64) & 1) != (free && (kind == REF_ANY || f->clean));
        faults += ref.pins[n] && f->use != REF_GUEST && f->use != REF_RELEASED;
    }
    faults += memcmp(&was, &ref, sizeof(ref)) != 0;
    return faults;
}

/* A run inside one region, order 0 .. 8. */
static bool run_in_region(const u64 *words, u32 order, u64 start, u64 limit)
{
    for (u32 w = 0; w < REGION / 64; w++) {
        u64 runs = words[w];

        for (u32 k = 0; k < MIN(order, 6u); k++) /* bit i: frames i .. i + 2^(k+1) - 1 are all set */
            runs &= runs >> BIT(k);
        for (u32 bit = 0; bit < 64; bit += BIT(MIN(order, 6u))) {
            u64 n = start + w * 64 + bit;

            if (!(runs >> bit & 1) || n + BIT(order) > limit)
                continue;
            if (order <= 6)
                return true;
            u32 more = 0, need = (1u << (order - 6)) - 1;
            while (more < need && w % (need + 1) == 0 && words[w + 1 + more] == ~0ull)
                more++;
            if (more == need)
                return true;
        }
    }
    return false;
}

bool ref_run_exists(u32 nid, u32 order, u32 kind, u64 limit)
{
    const u16 *region = ref.region[nid][kind];
    u64 size = order < 9 ? 1 : BIT(order - 9);

    for (u64 r = 0; r + size <= nr_regions() && r * REGION < limit; r += size) {
        if (order < 9) {
            if (region[r] >= BIT(order) &&
                run_in_region(&ref.map[nid][kind][r * (REGION / 64)], order, r * REGION, limit))
                return true;
            continue;
        }
        u64 full = 0;
        while (full < size && region[r + full] == REGION)
            full++;
        if (full == size && (r + size) * REGION <= limit)
            return true;
    }
    return false;
}
