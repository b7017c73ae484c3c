/* Claims, each call decided by the reference first. */
#include "single.h"

static u64 some_pages(void)
{
    return rnd(60) == 0   ? ~0ull - rnd(2)
           : rnd(60) == 0 ? 1ull << 63
           : rnd(6)       ? rnd(80)
           : rnd(3)       ? rnd(3000)
                          : rnd((u32)ref.nr_frames);
}

void single_op_legacy(u32 d)
{
    u64 pages = rnd(4) ? ref.tot[d] + some_pages() : some_pages() * rnd(3);
    if (rnd(4) == 0) /* to the last page, or one more */
        pages = ref.tot[d] + ref_host_unclaimed() + rnd(2);
    int expected = ref_predict_legacy(d, pages);
    struct ref_set set = {.release = pages == 0};

    run_op = "legacy claim";
    set.h = pages ? pages - ref.tot[d] : 0;
    if (single_expect(OP_LEGACY, claim_install_legacy(&accounts[d], pages), expected) && !expected)
        ref_install(d, &set);
}

static void read_set(u32 d)
{
    struct claim_entry got[REF_NODES + 1];
    u32 nr = rnd(REF_NODES + 2), room = nr, used = 0;

    run_op = "read set";
    u32 needed = (ref.h[d] != 0);
    for (u32 i = 0; i < ref.nr_nodes; i++)
        needed += ref.c[d][i] != 0;
    int rc = claim_read_set(&accounts[d], got, &nr);
    if (!single_expect(OP_READ_SET, rc, needed > room ? -ENOBUFS : 0))
        return;
    MUST(nr == needed);
    if (rc)
        return;
    if (ref.h[d]) {
        MUST(got[used].node == CLAIM_HOST && got[used].pages == ref.h[d]);
        used++;
    }
    for (u32 i = 0; i < ref.nr_nodes; i++) {
        if (!ref.c[d][i])
            continue;
        MUST(got[used].node == i && got[used].pages == ref.c[d][i] && got[used].pad == ref.order[d][i]);
        used++;
    }
}

static u32 some_entries(u32 d, u32 flags, struct claim_entry *entries)
{
    static const u32 strange[] = {63, 64, 256, 0x7fffffff, 0x80000001, 0xfffffffe};
    u32 nr = 1 + rnd(ref.nr_nodes + 1), first = rnd(ref.nr_nodes + 1);
    bool zeros = rnd(6) == 0;

    for (u32 i = 0; i < nr; i++) {
        u32 selector = (first + i) % (ref.nr_nodes + 1);
        bool host = selector == ref.nr_nodes;
        u64 owned = host ? ref.tot[d] : ref.own[d][selector];

        entries[i] = (struct claim_entry){.pages = rnd(2) ? owned + some_pages() : some_pages()};
        entries[i].node = !host ? selector : rnd(2) ? CLAIM_HOST : CLAIM_HOST_LATER;
        if (rnd(12) == 0)
            entries[i].pages = owned + (host ? ref_host_unclaimed() : ref_unclaimed(selector)) + rnd(2);
        if (flags & CLAIM_ORDERS && !host && rnd(2)) {
            entries[i].pad = rnd(4) ? 9 : 18;
            entries[i].pages = rnd(50) ? (u64)rnd(12) << entries[i].pad : 511;
        }
        if (rnd(80) == 0)
            entries[i].node = rnd(2) ? strange[rnd(ARRAY_SIZE(strange))] : ref.nr_nodes;
        if (rnd(80) == 0)
            entries[i].node = entries[rnd(i + 1)].node;
        if (rnd(80) == 0)
            entries[i].pad = 1u << rnd(32);
        if (zeros || rnd(8) == 0)
            entries[i].pages = 0;
    }
    return nr;
}

void single_op_set(u32 d)
{
    struct claim_entry entries[REF_NODES + 1];
    u32 flags = rnd(60) == 0 ? BIT(rnd(32)) : (rnd(3) ? rnd(2) : rnd(16)) * CLAIM_REPLACE;
    u32 nr = some_entries(d, flags, entries);
    struct ref_set set = {.h = 0};

    run_op = "claim set";
    int expected = ref_predict_set(d, entries, nr, flags, &set);
    int rc = claim_check_args(nr, flags);
    if (!rc)
        rc = claim_install_set(&accounts[d], entries, nr, flags);
    enum stress_op op = ref_out(d) && flags ? OP_REPLACE : OP_SET;
    if (rc == -ENOMEM && expected == 0 && set.by_order) {
        stress_count(&run.result->counts, op, rc);
        return;
    }
    if (!single_expect(op, rc, expected))
        return;
    if (expected == 0)
        ref_install(d, &set);
    if (rnd(4) == 0)
        read_set(d);
}

void single_op_claim_rest(u32 d, bool claim)
{
    struct claim_entry entry = {.node = CLAIM_HOST};
    struct ref_set set = {.h = 0};

    run_op = "claim the rest";
    if (claim)
        entry.pages = ref.tot[d] + ref_host_unclaimed() + ref_out(d);
    int expected = ref_predict_set(d, &entry, 1, CLAIM_REPLACE, &set);
    int rc = claim_install_set(&accounts[d], &entry, 1, CLAIM_REPLACE);
    if (single_expect(OP_REPLACE, rc, expected) && expected == 0)
        ref_install(d, &set);
}
