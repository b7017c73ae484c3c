/*
 * shared-words: two builders, each with its domain on its node, make the same calls one after the other; then it is compared
 * which words of memory each has read and written (words.h). See docs/hypervisor-guide/testing.md.
 *
 *   shared-words [--list]
 *
 * Prints for each kind of call the words that one of the two writes and the other reads or writes; --list also all words that
 * the first one writes, by name. Status 1 unless they are those that shared[] below expects: none, but for claims.
 */
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mm/node.h>
#include <tests/machine/machine.h>

#define NODES      4u
#define NODE_PAGES (1u << 18)
#define LINE       64u

static struct {
    struct mem_account account;
} __attribute__((aligned(4096))) domain[BUILDERS + 1];

struct mem_account *mem_account_find(u16 domid)
{
    return domid >= 1 && domid <= BUILDERS ? &domain[domid].account : NULL;
}

void mm_wake_scrubber(nodeid_t nid)
{
    (void)nid;
}

/* --- the calls; builder b is on CPU b, and builds domain b + 1 on node b --- */

static struct mm_taken taken[BUILDERS];

static struct mem_account *account_of(u32 b)
{
    return &domain[b + 1].account;
}

static void claim(u32 b)
{
    struct claim_entry entry = {.pages = 40000, .node = b};

    BUG_ON(claim_install_set(account_of(b), &entry, 1, CLAIM_REPLACE));
}

static void release_claim(u32 b)
{
    BUG_ON(claim_install_legacy(account_of(b), 0));
}

static void take(u32 b, u32 order, u32 nr, u32 flags)
{
    struct mm_request request = {.nid = b, .order = order, .nr = nr, .flags = MM_EXACT_NODE | flags};

    BUG_ON(mm_take(account_of(b), &request, &taken[b]) || taken[b].nr != nr);
}

static void populate_4k(u32 b)
{
    take(b, 0, MM_TAKE_MAX, 0);
    mm_take_done(&taken[b], MM_TAKE_MAX);
}

static void populate_2m(u32 b)
{
    take(b, ORDER_2M, 32, 0);
    mm_take_done(&taken[b], 32);
}

static void populate_one(u32 b)
{
    mfn_t m;

    BUG_ON(mm_alloc(account_of(b), b, 0, MM_EXACT_NODE, &m));
}

static void overhead(u32 b)
{
    take(b, 0, 16, MM_OVERHEAD);
    mm_take_done(&taken[b], 16);
    mm_free_overhead_many(account_of(b), taken[b].extent, 16);
}

static void refund(u32 b)
{
    take(b, 0, MM_TAKE_MAX, 0);
    mm_take_done(&taken[b], 10);
}

static void give_back(u32 b)
{
    BUG_ON(mm_release_many(account_of(b), taken[b].extent, 0, 10));
}

static void end(u32 b)
{
    mm_account_kill(account_of(b));
}

static void free_all(u32 b)
{
    while (mm_release_some(account_of(b), 4))
        ;
}

static void nothing(u32 b)
{
    (void)b;
}

static const struct {
    const char *name;
    void (*before)(u32 b), (*call)(u32 b);
    const char *shared; /* the objects of which words are shared */
} steps[] = {
    {"populate 64 x 4K, claimed", claim, populate_4k, ""},
    {"populate 32 x 2M, claimed", nothing, populate_2m, ""},
    {"one page, claimed", nothing, populate_one, ""},
    {"overhead, and back", nothing, overhead, ""},
    {"keep 10 pages of 64", nothing, refund, ""},
    {"give 10 pages back", nothing, give_back, ""},
    {"populate 64 x 4K, not claimed", release_claim, populate_4k, ""},
    {"a claim for another", claim, claim, "account claimants claimants_lock"},
    {"end of a domain: its claims", nothing, end, "account claimants claimants_lock"},
    {"end of a domain: its memory", nothing, free_all, ""},
};

/* --- names --- */

struct field {
    const char *name;
    u64 from, bytes;
};
#define FIELD(type, member) \
    { \
#member, offsetof(struct type, member), sizeof(((struct type *)0)->member) \
    }
static const struct field account_fields[] = {
    FIELD(mem_account, lock),          FIELD(mem_account, dying),       FIELD(mem_account, max_pages),
    FIELD(mem_account, tot_pages),     FIELD(mem_account, own),         FIELD(mem_account, overhead_pages),
    FIELD(mem_account, host_claim),    FIELD(mem_account, claim_nodes), FIELD(mem_account, node_claim),
    FIELD(mem_account, claim_order),   FIELD(mem_account, node_short),  FIELD(mem_account, node_broken),
    FIELD(mem_account, host_broken),   FIELD(mem_account, claim_flags), FIELD(mem_account, next_claimant),
    FIELD(mem_account, claimant_link), FIELD(mem_account, outstanding), FIELD(mem_account, claim_gen),
    FIELD(mem_account, claimant),      FIELD(mem_account, held),
};
static const struct field node_fields[] = {
    FIELD(node, lock),       FIELD(node, chunks),        FIELD(node, dirty_chunks), FIELD(node, open),
    FIELD(node, crumbs),     FIELD(node, dirty_regions), FIELD(node, shared),       FIELD(node, heap),
    FIELD(node, free_pages), FIELD(node, dirty_pages),   FIELD(node, free_2m),      FIELD(node, free_1g),
    FIELD(node, kept_2m),    FIELD(node, kept_1g),       FIELD(node, claimed),      FIELD(node, scrub),
    FIELD(node, host_part),
};

static void name_field(const struct field *fields, u32 nr, u64 offset, char *out, size_t room)
{
    for (u32 i = 0; i < nr; i++)
        if (offset >= fields[i].from && offset < fields[i].from + fields[i].bytes) {
            snprintf(out, room, "%s", fields[i].name);
            return;
        }
    snprintf(out, room, "+%llu", (unsigned long long)offset);
}

/* The program's static objects, by nm. */
static struct object {
    u64 from;
    char name[56];
} objects[8192];
static u32 nr_objects;

static void read_objects(const char *program)
{
    char command[512];

    snprintf(command, sizeof(command), "nm -n --defined-only '%s'", program);
    FILE *nm = popen(command, "re");
    unsigned long at;
    char kind;
    while (nm && nr_objects < ARRAY_SIZE(objects) &&
           fscanf(nm, "%lx %c %55s", &at, &kind, objects[nr_objects].name) == 3)
        objects[nr_objects++].from = at;
    if (nm)
        pclose(nm);
    if (nr_objects < 100)
        fprintf(stderr, "shared-words: nm has no names of %s\n", program);
}

extern char __data_start[], _end[];

/* What object a word is of; *field: which of its fields, "" if that has no name. */
static const char *object_of(u64 at, char *field, size_t room)
{
    static char name[64];

    *field = '\0';
    for (u32 b = 0; b < BUILDERS; b++)
        if (at - (u64)account_of(b) < sizeof(struct mem_account)) {
            name_field(account_fields, ARRAY_SIZE(account_fields), at - (u64)account_of(b), field, room);
            return "account";
        }
    if (at - (u64)taken < sizeof(taken))
        return "the caller's";
    if (at - (u64)cpu_on < sizeof(cpu_on)) {
        snprintf(name, sizeof(name), "CPU %llu",
                 (unsigned long long)((at - (u64)cpu_on) / sizeof(cpu_on[0])));
        return name;
    }
    if (at - (u64)mm_nodes < sizeof(mm_nodes)) {
        u64 n = (at - (u64)mm_nodes) / sizeof(mm_nodes[0]);
        name_field(node_fields, ARRAY_SIZE(node_fields), at - (u64)&mm_nodes[n], field, room);
        snprintf(name, sizeof(name), "node %llu", (unsigned long long)n);
        return name;
    }
    if (at < (u64)__data_start || at >= (u64)_end)
        return "records of frames"; /* allocated */
    for (u32 i = nr_objects; i--;)
        if (objects[i].from <= at) {
            snprintf(name, sizeof(name), "%s", objects[i].name);
            return name;
        }
    return "?";
}

/* --- what was found --- */

static bool is_one_of(const char *name, const char *list)
{
    size_t length = strlen(name);

    for (const char *at = list; (at = strstr(at, name)); at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

/* All that the first builder has written, an object a line. */
static void list_written(const struct word *w, u32 nr)
{
    char object[64] = "", before[64] = "", field[64];
    u32 words = 0;

    for (u32 i = 0; i <= nr; i++) {
        const char *name = i < nr && w[i].did[0] & WRITE ? object_of(w[i].first, field, sizeof(field)) : "";
        if (i < nr && !*name)
            continue;
        if (strcmp(name, object) != 0) {
            printf(words ? "%u words\n" : *object ? "\n" : "", words);
            snprintf(object, sizeof(object), "%s", name);
            *before = '\0';
            words = 0;
            if (*name)
                printf("    %s: ", name);
        }
        words += *name && !*field;
        if (*name && *field && strcmp(field, before) != 0)
            printf("%s%s ", field, w[i].did[0] & LOCKED ? " (locked)" : "");
        snprintf(before, sizeof(before), "%s", field);
    }
}

static u32 count_locked(const struct word *w, u32 nr)
{
    u32 locked = 0;

    for (u32 i = 0; i < nr; i++)
        locked += w[i].nr_locked;
    return locked;
}

/* Words that one writes and the other touches. Returns how many are of objects not expected. */
static u32 compare(const struct word *w, u32 nr, const char *expected, u32 *shared)
{
    u32 unexpected = 0;
    char field[64];

    *shared = 0;
    for (u32 i = 0; i < nr; i++) {
        if (!((w[i].did[0] | w[i].did[1]) & WRITE) || !w[i].did[0] || !w[i].did[1])
            continue;
        (*shared)++;
        const char *object = object_of(w[i].first, field, sizeof(field));
        if (is_one_of(object, expected))
            continue;
        unexpected++;
        fprintf(stderr, "shared-words: both builders touch %s %s\n", object, field);
    }
    return unexpected;
}

/* Does the first builder write only its account, its node, the records of its frames and its CPU's? */
static u32 beyond(const struct word *w, u32 nr, const char *expected)
{
    u32 unexpected = 0;
    char field[64];

    for (u32 i = 0; i < nr; i++) {
        const char *object = object_of(w[i].first, field, sizeof(field));
        if (!(w[i].did[0] & WRITE) || !strcmp(object, "account") || !strcmp(object, "node 0") ||
            !strcmp(object, "CPU 0") || !strcmp(object, "records of frames") ||
            !strcmp(object, "the caller's") || is_one_of(object, expected))
            continue;
        unexpected++;
        fprintf(stderr, "shared-words: the builder on node 0 writes %s %s\n", object, field);
    }
    return unexpected;
}

/* Cache lines that one writes and the other touches, though no word. */
static u32 false_sharing(const struct word *w, u32 nr)
{
    u32 lines = 0;

    for (u32 i = 0; i < nr;) {
        u8 did[BUILDERS] = {0};
        u64 line = w[i].at / LINE;

        for (; i < nr && w[i].at / LINE == line; i++)
            for (u32 b = 0; b < BUILDERS; b++)
                did[b] |= w[i].did[b];
        lines += did[0] && did[1] && ((did[0] | did[1]) & WRITE);
    }
    return lines;
}

int main(int argc, char **argv)
{
    bool list = argc == 2 && !strcmp(argv[1], "--list");
    u32 unexpected = 0;

    if (argc > 1 && !list) {
        fprintf(stderr, "usage: shared-words [--list]\n");
        return 2;
    }
    read_objects(argv[0]);
    mm_make(NODES, NODES * NODE_PAGES);
    for (nodeid_t nid = 0; nid < NODES; nid++)
        BUG_ON(mm_add_range(mfn(nid * NODE_PAGES), mfn((nid + 1) * NODE_PAGES), nid));
    for (u32 b = 0; b < BUILDERS; b++) {
        cpus[b] = &cpu_on[b];
        nr_cpus = BUILDERS;
        mem_account_init(account_of(b), (u16)(b + 1));
        account_of(b)->max_pages = 100000;
    }
    for (u32 i = 0; i < ARRAY_SIZE(steps); i++) {
        u32 nr, shared;

        for (u32 b = 0; b < BUILDERS; b++)
            steps[i].before(b);
        words_forget();
        for (u32 b = 0; b < BUILDERS; b++) {
            use_cpu(b);
            words_watch(b);
            steps[i].call(b);
            words_stop();
        }
        const struct word *w = words_all(&nr);
        u32 wrong = compare(w, nr, steps[i].shared, &shared) + beyond(w, nr, steps[i].shared);
        printf("%-32s%5u words touched, %u shared, in %u cache lines; %u locked operations\n", steps[i].name,
               nr, shared, false_sharing(w, nr), count_locked(w, nr));
        if (list)
            list_written(w, nr);
        unexpected += wrong;
    }
    mm_unmake();
    printf("shared-words: %u not expected\n", unexpected);
    return unexpected != 0;
}
