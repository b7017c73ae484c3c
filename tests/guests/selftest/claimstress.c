/*
 * mode=claimstress: builders on all vCPUs compete for slightly too little memory, in many rounds, with
 * claims and without. With claims a builder is refused before it has done any work, and a granted build
 * always succeeds. Without claims a build fails half way when another builder was faster.
 *
 * A ballast domain takes all but ROOM_PAGES of each node, so that small guests fill it. A builder's round:
 * create an empty domain, claim (with claims), populate in pieces from exactly its nodes, check one page,
 * destroy. In one of OFFER rounds, another builder may destroy the domain while it is populated.
 *
 * Only its builder writes a builder's record, except `offered` and `killed`.
 */
#include <tests/guests/selftest/selftest.h>
#include <guest/lib/work.h>
#include <lib/string.h>

#define BUILDERS_MAX 64u
#define ROOM_PAGES   4096u /* left free on a node */
#define NODES_EACH   3u    /* a guest is on at most that many */
#define OFFER        4u    /* one round in so many may be destroyed midway */
#define HOST_WIDE    8u    /* one claim in so many is host-wide */
#define FIRST_GFN    0x200ull
#define RETRY_MS     2u
#define LIFE_MS      4u /* lifetime of a guest, so that builds overlap however fast they are */
#define PATIENCE_MS  120000u
#define NOBODY       0xffffffffu

struct builder {
    u64 random;
    u64 built, refused, failed, midway; /* rounds by result; refused: attempts that were repeated */
    u64 wrong;                          /* errors */
    u32 offered;                        /* a domain that others may destroy, or NOBODY; atomic */
    bool killed;                        /* it is gone; atomic */
};

static struct {
    bool claims;
    u32 rounds, builders;
    u64 mean; /* pages that a builder wants on average */
    struct host_state host;
    struct builder builder[BUILDERS_MAX];
} stress;

/* The memory of one guest. */
struct want {
    bool host_wide; /* then the nodes are not requested */
    u32 nr;
    memory_claim_t part[NODES_EACH];
    u64 pages;
};

static u64 below(struct builder *self, u64 limit)
{
    return random_next(&self->random) % limit;
}

static void choose(struct builder *self, struct want *want)
{
    u64 pages = stress.mean / 2 + below(self, stress.mean);
    u32 nr = 1 + (u32)below(self, NODES_EACH), node = (u32)below(self, stress.host.nr_nodes);

    memset(want, 0, sizeof(*want));
    want->host_wide = stress.claims && below(self, HOST_WIDE) == 0;
    for (u32 tries = 0; tries < stress.host.nr_nodes && want->nr < nr; tries++) {
        if (stress.host.size_pages[node])
            want->part[want->nr++] = (memory_claim_t)XEN_NODE_CLAIM_INIT(0, node);
        node = (node + 1) % stress.host.nr_nodes;
    }
    for (u32 i = 0; i < want->nr; i++) {
        want->part[i].pages = pages / want->nr;
        want->pages += want->part[i].pages;
    }
}

static int stake(u32 domid, struct want *want)
{
    if (!stress.claims)
        return 0;
    if (want->host_wide)
        return xc_domain_claim_pages(xch, domid, want->pages);
    return xc_domain_claim_memory(xch, domid, want->nr, want->part);
}

static bool wrong(struct builder *self, const char *what, u32 domid, s64 value)
{
    printf("claimstress: domain %u: %s: %ld\n", domid, what, value);
    self->wrong++;
    return false;
}

/* Creates an empty domain with its claim. Retries until other builders have given back enough. */
static bool prepare(struct builder *self, struct want *want, u32 *domid)
{
    u64 deadline = guest_now_ms() + PATIENCE_MS;
    bool created = false;

    for (;;) {
        int rc = 0;
        if (!created)
            rc = shell_create(want->pages, shell_pool_for(want->pages + FIRST_GFN), domid);
        created = rc == 0;
        if (created)
            rc = stake(*domid, want);
        if (!rc)
            return true;
        if (rc == -ENOMEM && guest_now_ms() < deadline) {
            self->refused++;
            watch_sleep(RETRY_MS);
            continue;
        }
        if (created)
            (void)watch_destroy(*domid);
        return wrong(self, "neither created nor claimed", created ? *domid : 0, rc);
    }
}

/* Destroys what another builder offers, if any. */
static void kill_another(struct builder *self)
{
    struct builder *other = &stress.builder[below(self, stress.builders)];
    u32 domid = other == self ? NOBODY : __atomic_exchange_n(&other->offered, NOBODY, __ATOMIC_ACQ_REL);

    if (domid == NOBODY)
        return;
    int rc = watch_destroy(domid);
    if (rc)
        wrong(self, "not destroyed midway", domid, rc);
    __atomic_store_n(&other->killed, true, __ATOMIC_RELEASE);
}

/* Populates all of it, in pieces. 0 or -errno. */
static int populate(struct builder *self, const struct want *want, u32 domid)
{
    u64 gfn = FIRST_GFN, most = below(self, 3) ? 128 : 1024;

    for (u32 i = 0; i < want->nr; i++) {
        for (u64 left = want->part[i].pages; left;) {
            u64 some = most / 2 + below(self, most), piece = MIN(left, some), done = 0;
            int rc = populate_range(domid, gfn, gfn + piece,
                                    want->host_wide ? POPULATE_ANY_NODE : want->part[i].node, &done);
            if (rc)
                return rc;
            gfn += piece;
            left -= piece;
            kill_another(self);
            if (__atomic_load_n(&self->offered, __ATOMIC_RELAXED) != NOBODY)
                watch_sleep(1); /* lets the other builders run, also on a single CPU */
        }
    }
    return 0;
}

/* Checks that a page is zero, and fills it, so that a later owner would find data that was left. */
static void look_at_a_page(struct builder *self, const struct want *want, u32 domid)
{
    xen_pfn_t gfn = FIRST_GFN + below(self, want->pages);
    u64 *page = xc_map_foreign_pages(xch, domid, &gfn, 1);

    if (!page) {
        wrong(self, "no foreign mapping of frame", domid, (s64)gfn);
        return;
    }
    for (u32 i = 0; i < PAGE_SIZE / sizeof(*page); i++) {
        if (page[i]) {
            wrong(self, "data in fresh memory", domid, (s64)page[i]);
            break;
        }
    }
    memset(page, 0xa5, PAGE_SIZE);
    xc_unmap_foreign();
}

/* Withdraws the offer. True: another builder has destroyed the domain; waits until it has. */
static bool was_killed(struct builder *self)
{
    u32 domid = __atomic_exchange_n(&self->offered, NOBODY, __ATOMIC_ACQ_REL);

    if (domid != NOBODY)
        return false;
    while (!__atomic_load_n(&self->killed, __ATOMIC_ACQUIRE))
        watch_sleep(1);
    return true;
}

/* The sleep ends early when any domain changes state. */
static void live(void)
{
    for (u64 end = guest_now_ms() + LIFE_MS; guest_now_ms() < end;)
        watch_sleep(1);
}

static void one_round(struct builder *self)
{
    bool offer = stress.builders > 1 && below(self, OFFER) == 0;
    struct want want;
    u32 domid;

    choose(self, &want);
    if (!prepare(self, &want, &domid))
        return;
    self->killed = false;
    if (offer)
        __atomic_store_n(&self->offered, domid, __ATOMIC_RELEASE);
    int rc = populate(self, &want, domid);
    if (offer && was_killed(self)) {
        self->midway++;
        return;
    }
    if (!rc) {
        self->built++;
        if (shell_owned(domid) != (s64)want.pages || shell_outstanding(domid) != 0)
            wrong(self, "pages beside what was built", domid, shell_owned(domid) - (s64)want.pages);
        look_at_a_page(self, &want, domid);
        live();
    } else {
        self->failed++;
        if (rc != -ENOMEM || stress.claims)
            wrong(self, "the build failed", domid, rc);
    }
    rc = watch_destroy(domid);
    if (rc)
        wrong(self, "not destroyed", domid, rc);
}

static void builder_run(void *arg, u32 job)
{
    struct builder *self = &stress.builder[job];

    (void)arg;
    for (u32 i = 0; i < stress.rounds && self->wrong < 8; i++)
        one_round(self);
}

/* Takes all memory but ROOM_PAGES of each node; *room: what is left. */
static int make_ballast(const struct host_state *before, u32 *domid, u64 *room)
{
    int rc = shell_create(before->free_total, xc_domain_overhead(before->free_total, 1) >> PAGE_SHIFT, domid);
    u64 gfn = GIB(1) >> PAGE_SHIFT;

    if (!rc)
        rc = host_read(&stress.host);
    *room = 0;
    for (u32 n = 0; !rc && n < stress.host.nr_nodes; n++) {
        u64 free = stress.host.free_pages[n], done = 0;
        u64 pages = free > ROOM_PAGES ? free - ROOM_PAGES : 0;

        rc = populate_range(*domid, gfn, gfn + pages, n, &done);
        gfn += ALIGN_UP(pages, GIB(1) >> PAGE_SHIFT);
        *room += free - done;
    }
    return rc;
}

static void report(const char *mode, s64 pages, s64 claims)
{
    struct builder sum = {0};

    for (u32 i = 0; i < stress.builders; i++) {
        sum.built += stress.builder[i].built;
        sum.refused += stress.builder[i].refused;
        sum.failed += stress.builder[i].failed;
        sum.midway += stress.builder[i].midway;
    }
    printf("@claimstress mode=%s rounds=%u builders=%u built=%lu refused=%lu failed=%lu destroyed_midway=%lu "
           "leaked_pages=%ld leaked_claims=%ld\n",
           mode, stress.rounds, stress.builders, sum.built, sum.refused, sum.failed, sum.midway, pages,
           claims);
}

bool claimstress_run(bool claims, u32 rounds, u32 builders, u64 slack)
{
    struct host_state before;
    u64 room, start = guest_now_ms(), nr_wrong = 0;
    s64 lost_pages = 0, lost_claims = 0;
    u32 ballast;

    memset(&stress, 0, sizeof(stress));
    stress.claims = claims;
    stress.rounds = rounds;
    stress.builders = MIN(MIN(builders, BUILDERS_MAX), work_vcpus());
    if (stress.builders < builders)
        printf("claimstress: %u builders: domain 0 has no vCPUs for more\n", stress.builders);
    if (host_read(&before))
        return false;
    int rc = make_ballast(&before, &ballast, &room);
    if (rc) {
        printf("claimstress: the ballast domain failed: %d\n", rc);
        return false;
    }
    stress.mean = room / stress.builders;
    printf("claimstress %s claims: %u builders, %u rounds each, about %lu pages a guest, %lu pages for all\n",
           claims ? "with" : "without", stress.builders, rounds, stress.mean, room);
    for (u32 i = 0; i < stress.builders; i++) {
        stress.builder[i].random = 0x9e3779b97f4a7c15ull * (i + 1);
        stress.builder[i].offered = NOBODY;
    }
    bool ok = work_run(stress.builders, stress.builders, builder_run, NULL);
    ok = watch_destroy(ballast) == 0 && ok;
    ok = host_settle(&before, slack, 5000, &lost_pages, &lost_claims) == 0 && ok;
    report(claims ? "claims" : "free", lost_pages, lost_claims);
    for (u32 i = 0; i < stress.builders; i++)
        nr_wrong += stress.builder[i].wrong;
    printf("claimstress %s after %lu ms\n", nr_wrong || !ok ? "FAILED" : "ended", guest_now_ms() - start);
    return ok && nr_wrong == 0 && pages_within(lost_pages, slack) && lost_claims == 0;
}
