/*
 * Any bytes as what two guests do with grants: they write entries of their tables, and call grant_table_op with any
 * command, count and array, in 64-bit and in 32-bit mode, each mapping and copying the other's pages and its own. A call
 * returns an errno that it documents. Afterwards each mapped handle has a pinned frame of its granter's at its address,
 * an entry's counts are those of the handles that have it, and when both guests are destroyed every page is back.
 *
 * Input: records. A byte says what follows: bit 7 the caller, bit 6 its mode, bit 5 the order of the guests' ends; in
 * bits 0-3 the command, ENTRY or GIVE_UP. Then, for a command, count, address (2 bytes, in the caller's memory) and
 * length of the array (1 byte each), and the array; for an entry its number (2 bytes) and its 8 bytes; for a page to be
 * given up its number (1 byte).
 */
#include <tests/machine/machine.h>

#include <domain/grant/entry.h>
#include <hypercall/hypercall.h>
#include <mm/region.h>
#include <stdlib.h>
#include <string.h>
#include <tests/machine/test.h>

#define REQUIRE(condition) \
    do { \
        if (!(condition)) \
            abort(); \
    } while (0)

#define ENTRY        14u
#define GIVE_UP      15u
#define CALLER_PAGES 4u
#define PAGES        4u
#define PAGES_GFN    0x100u
#define FRAMES       2u
#define RECORDS_MAX  64u

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* tests/machine/ replaces objects of the product: the first definition counts. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_odr_violation=0";
}

static struct domain *guest[2];

struct input {
    const u8 *data;
    size_t left;
};

/* Zeroes where the input has ended. */
static void take(struct input *in, void *to, size_t len)
{
    size_t has = len < in->left ? len : in->left;

    memset(to, 0, len);
    memcpy(to, in->data, has);
    in->data += has;
    in->left -= has;
}

static struct domain *make_guest(u16 id)
{
    struct domain *d = new_domain(id, 1);

    d->max_grant_frames = FRAMES;
    d->max_maptrack_frames = 1;
    REQUIRE(!grant_set_frames(d, 1));
    for (u32 i = 0; i < CALLER_PAGES; i++)
        populate(d, (GUEST_BASE >> PAGE_SHIFT) + i, ORDER_4K);
    for (u32 i = 0; i < PAGES; i++)
        populate(d, PAGES_GFN + i, ORDER_4K);
    return d;
}

static void write_entry(struct input *in, const struct domain *d)
{
    u16 nr;
    u64 entry;

    take(in, &nr, sizeof(nr));
    take(in, &entry, sizeof(entry));
    nr %= d->grants->nr_frames * GRANTS_PER_FRAME;
    u64 *frame = mfn_to_virt(d->grants->frame[nr / GRANTS_PER_FRAME]);
    frame[nr % GRANTS_PER_FRAME] = entry;
}

/* The guest may have mapped a page over its argument: then nothing is written there. */
static void make_call(struct input *in, struct domain *d, u32 cmd)
{
    u8 count, len, array[256];
    u16 offset;

    take(in, &count, sizeof(count));
    take(in, &offset, sizeof(offset));
    take(in, &len, sizeof(len));
    take(in, array, len);
    caller = d->vcpu[0];
    physmap_write(d, at(offset), array, len);
    long rc = hypercall(__HYPERVISOR_grant_table_op, cmd, at(offset), count);
    REQUIRE(rc == 0 || rc == -EFAULT || rc == -ENOSYS || rc == -EINVAL || rc == -ESRCH || rc == -EPERM);
}

/* Adds the mappings of d to the counts of the entries that they use. */
static void check_handles(struct domain *d, u32 uses[2][FRAMES * GRANTS_PER_FRAME])
{
    u32 nr_mapped = 0;

    for (u32 handle = 0; handle < d->maptrack.nr_pages * MAPPINGS_PER_PAGE; handle++) {
        const mfn_t *directory = mfn_to_virt(d->maptrack.directory[0]);
        const struct mapping *m = (const struct mapping *)mfn_to_virt(directory[0]) + handle;
        struct place p;

        REQUIRE(m->state != MAPTRACK_BUSY);
        if (m->state != MAPTRACK_MAPPED)
            continue;
        struct np_entry is = physmap_lookup(d, gfn(m->gfn));
        REQUIRE(is.type == (m->readonly ? NP_GRANT_RO : NP_GRANT) && is.mfn.n == m->mfn);
        REQUIRE(place_lock(&p, mfn(m->mfn)));
        REQUIRE(frame_pins(p.word) && p.owner == m->domid);
        spin_unlock(&p.node->lock);
        uses[m->domid - 1][m->ref]++;
        nr_mapped++;
    }
    REQUIRE(nr_mapped == d->physmap.nr_grants);
}

static void check_entries(const struct domain *d, const u32 uses[FRAMES * GRANTS_PER_FRAME])
{
    u32 nr_active = 0;

    for (u32 ref = 0; ref < d->grants->nr_frames * GRANTS_PER_FRAME; ref++) {
        const struct grant_active *page = mfn_to_virt(d->grants->active[ref / ACTIVES_PER_PAGE]);
        const struct grant_active *a = &page[ref % ACTIVES_PER_PAGE];

        REQUIRE((u32)a->nr_read + a->nr_write == uses[ref]);
        nr_active += uses[ref] != 0;
    }
    REQUIRE(d->grants->nr_active == nr_active);
}

static void check(void)
{
    u32 uses[2][FRAMES * GRANTS_PER_FRAME] = {0};

    for (u32 i = 0; i < 2; i++)
        check_handles(guest[i], uses);
    for (u32 i = 0; i < 2; i++)
        check_entries(guest[i], uses[i]);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct input in = {data, size};
    u32 first_end = 0, done;
    u8 kind;

    if (!dom0)
        machine_make(&(struct test_config){.nodes = 1, .domains = 1});
    u64 free = free_pages();
    for (u32 i = 0; i < 2; i++)
        guest[i] = make_guest((u16)(i + 1));
    for (u32 i = 0; i < RECORDS_MAX && in.left; i++) {
        take(&in, &kind, sizeof(kind));
        struct domain *d = guest[kind >> 7];
        guest_64 = !(kind & 0x40);
        first_end = kind >> 5 & 1;
        if ((kind & 15) == ENTRY) {
            write_entry(&in, d);
        } else if ((kind & 15) == GIVE_UP) {
            take(&in, &kind, sizeof(kind));
            physmap_give_up(d, &(gfn_t){PAGES_GFN + kind % PAGES}, 1, 1, &done);
        } else {
            make_call(&in, d, kind & 15);
        }
    }
    check();
    caller = dom0->vcpu[0];
    for (u32 i = 0; i < 2; i++)
        REQUIRE(!kill_all_steps(guest[first_end ^ i]));
    REQUIRE(!exists(1) && !exists(2) && free_pages() == free);
    return 0;
}
