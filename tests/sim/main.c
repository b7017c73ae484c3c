/*
 * boot-storm: see docs/hypervisor-guide/testing.md.
 *
 *   boot-storm [--builders 1,2,4,...] [--builds N] [--node-gib G] [--extents N] [--pool N] [--life N]
 *              [--xen BUILD,DESTROY,HOLD_2M,HOLD_4K]
 *
 * For each number of builders, and each kind of locks, a line `storm locks=... builders=... builds=... instructions=...
 * waited=...`: time, and what all builders together waited. A domain has so many extents of 2 MiB and
 * pages of a paging pool. --life: instructions of its life in all. Without --xen
 * no line is for Xen.
 */
#include "storm.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEARNED 2u  /* lives that are counted by single steps */
#define BESIDE  15u /* builders that go on in the meantime, so that memory is as broken up as in the storm */

static int usage(void)
{
    fprintf(stderr,
            "usage: boot-storm [--builders 1..1024,...] [--builds N] [--node-gib 1..64] [--extents 1..512] "
            "[--pool 1..1024] [--life N] [--xen BUILD,DESTROY,HOLD_2M,HOLD_4K]\n");
    return 2;
}

/* What a life costs in mm/, from some that are counted. */
static u64 learn(void)
{
    static struct builder b[1 + BESIDE];
    static struct trace trace;
    u64 running = 1;

    for (u32 id = 0; id <= BESIDE; id++) {
        builder_init(&b[id], id, 1);
        b[id].counted = id == 0;
        b[id].beside = id != 0;
    }
    while (running) {
        running = 0;
        for (u32 id = 0; id <= BESIDE; id++) {
            if (b[0].builds < LEARNED || b[id].step) /* then all end what they have begun */
                builder_step(&b[id], &trace);
            running += b[0].builds < LEARNED || b[id].step;
        }
    }
    return b[0].instructions / LEARNED;
}

static void run(const char *name, enum locks locks, u32 nr, u64 builds, u64 others,
                const struct xen_costs *xen)
{
    struct result r;

    storm(locks, nr, MAX(builds, 2ull * nr), others, xen, 1, &r);
    printf("storm locks=%s builders=%u builds=%llu instructions=%llu waited=%llu\n", name, nr,
           (unsigned long long)r.builds, (unsigned long long)r.time, (unsigned long long)r.waited);
    if (locks != XEN)
        machine_check_empty(false);
}

int main(int argc, char **argv)
{
    static const struct option names[] = {{"builders", 1, NULL, 'b'}, {"builds", 1, NULL, 'n'},
                                          {"node-gib", 1, NULL, 'g'}, {"life", 1, NULL, 'l'},
                                          {"extents", 1, NULL, 'e'},  {"pool", 1, NULL, 'p'},
                                          {"xen", 1, NULL, 'x'},      {NULL, 0, NULL, 0}};
    const char *list = "1,64";
    u64 builds = 1000, gib = 64, life = 0;
    unsigned long long x[4] = {0};

    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == 'b')
            list = optarg;
        else if (c == 'n')
            builds = strtoull(optarg, NULL, 10);
        else if (c == 'g')
            gib = strtoull(optarg, NULL, 10);
        else if (c == 'l')
            life = strtoull(optarg, NULL, 10);
        else if (c == 'e')
            guest_extents = (u32)strtoul(optarg, NULL, 10);
        else if (c == 'p')
            pool_pages = (u32)strtoul(optarg, NULL, 10);
        else if (c != 'x' || sscanf(optarg, "%llu,%llu,%llu,%llu", &x[0], &x[1], &x[2], &x[3]) != 4)
            return usage();
    }
    struct xen_costs xen = {x[0], x[1], x[2], x[3]};
    if (optind != argc || gib < 1 || gib > 64 || builds == 0 || builds > 1000000 || !guest_extents ||
        guest_extents > 512 || !pool_pages || pool_pages > POOL_MAX)
        return usage();
    machine_build(gib << (30 - PAGE_SHIFT));
    u64 in_mm = learn(), others = life > in_mm ? life - in_mm : 0;
    machine_check_empty(false);
    printf("storm nodes=%u node_gib=%llu calls=%llu mm_instructions=%llu other_instructions=%llu\n", NODES,
           (unsigned long long)gib, (unsigned long long)builder_calls, (unsigned long long)in_mm,
           (unsigned long long)others);
    for (const char *at = list; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        u32 nr = (u32)strtoul(at, NULL, 10);

        if (nr < 1 || nr > BUILDERS_MAX)
            return usage();
        run("built", AS_BUILT, nr, builds, others, &xen);
        run("host", HOST_LOCK, nr, builds, others, &xen);
        if (xen.build)
            run("xen", XEN, nr, builds, others, &xen);
        fflush(stdout);
    }
    machine_check_empty(true);
    printf("storm strange=%llu\n", (unsigned long long)costs_strange);
    return 0;
}
