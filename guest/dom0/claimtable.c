/*
 * mode=claimtable shows how claims work. Three domains claim memory on up to four nodes and host-wide, and
 * are built a quarter at a time, each by its own vCPU if there are enough. After each step a table shows
 * what each domain still claims and what it owns, on each node.
 *
 * All figures come from the hypervisor. They are checked against each other and against what has been
 * built.
 */
#include <guest/dom0/shell.h>
#include <guest/lib/work.h>
#include <lib/printf.h>
#include <lib/string.h>

#define DOMAINS   3u
#define NODES     4u
#define STEPS     4u
#define UNIT      1024u /* pages: 4 MiB; a multiple of STEPS */
#define FIRST_GFN 0x200ull
#define CELL      14

struct row {
    const char *name;
    u32 units[NODES], anywhere; /* to claim and build, in UNITs; anywhere: host-wide */
    u32 domid;
    u64 gfn;          /* the next frame to populate */
    u64 built[NODES]; /* on exactly that node */
    int rc;           /* of the last step */
};

static struct {
    u32 nr_nodes, nodes[NODES]; /* the columns: nodes with memory */
    struct row row[DOMAINS];
} table;

static const struct row plan[DOMAINS] = {
    {.name = "red", .units = {4, 2, 0, 0}},
    {.name = "green", .units = {0, 3, 3, 1}},
    {.name = "blue", .units = {0, 0, 0, 2}, .anywhere = 2},
};

static const char *const stages[] = {"claimed", "quarter", "half", "three_quarters", "built"};

static u64 pages_wanted(const struct row *r)
{
    u64 pages = (u64)r->anywhere * UNIT;

    for (u32 i = 0; i < NODES; i++)
        pages += (u64)r->units[i] * UNIT;
    return pages;
}

/* --- the table ----------------------------------------------------------------------------------------- */

static void print_cell(u64 claim, u64 own)
{
    char cell[32];

    if (claim || own)
        snprintf(cell, sizeof(cell), "%lu/%lu", claim, own);
    else
        snprintf(cell, sizeof(cell), "-");
    printf("%*s", CELL, cell);
}

static void print_head(const char *stage)
{
    char cell[32];

    printf("\nclaim table, stage %s: pages claimed/owned\n%-10s", stage, "");
    for (u32 i = 0; i < table.nr_nodes; i++) {
        snprintf(cell, sizeof(cell), "node %u", table.nodes[i]);
        printf("%*s", CELL, cell);
    }
    printf("%*s%*s\n", CELL, "host-wide", CELL, "all");
}

static void print_foot(const struct host_state *host, const u64 claimed[NODES])
{
    printf("%-10s", "free");
    for (u32 i = 0; i < table.nr_nodes; i++)
        printf("%*lu", CELL, host->free_pages[table.nodes[i]]);
    printf("%*s%*lu\n%-10s", CELL, "", CELL, host->free_total, "unclaimed");
    for (u32 i = 0; i < table.nr_nodes; i++)
        printf("%*lu", CELL, host->free_pages[table.nodes[i]] - claimed[i]);
    printf("%*s%*lu\n", CELL, "", CELL, host->free_total - host->claimed_total);
}

/* Prints one domain's row. False: the figures do not agree with each other, or with what was built. */
static bool print_row(const struct row *r, bool staked, u64 claimed[NODES])
{
    s64 host_claim = shell_claim_on(r->domid, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE), all = host_claim;
    s64 tot = shell_owned(r->domid);
    bool ok = host_claim >= 0 && tot >= 0;
    u64 own = 0;

    printf("%-6s d%-3u", r->name, r->domid);
    for (u32 i = 0; i < table.nr_nodes; i++) {
        s64 claim = shell_claim_on(r->domid, table.nodes[i]), here = shell_owned_on(r->domid, table.nodes[i]);
        u64 wanted = staked ? (u64)r->units[i] * UNIT : 0;

        print_cell((u64)claim, (u64)here);
        /* Each page that is owned reduces the claim by one. Pages from any node may have redeemed it too. */
        if (!r->anywhere && ((u64)claim + (u64)here != wanted || (u64)here != r->built[i]))
            ok = false;
        ok = ok && claim >= 0 && here >= (s64)r->built[i];
        all += claim;
        own += (u64)here;
        claimed[i] += (u64)claim;
    }
    print_cell((u64)host_claim, 0);
    print_cell((u64)all, (u64)tot);
    printf("\n");
    ok = ok && own == (u64)tot && all == shell_outstanding(r->domid);
    return ok && (u64)(all + tot) == (staked ? pages_wanted(r) : 0);
}

static void print_facts(const char *stage, const struct row *r)
{
    for (u32 i = 0; i < table.nr_nodes; i++)
        printf("@claimtable stage=%s domain=%u node=%u claim=%ld own=%ld\n", stage, r->domid, table.nodes[i],
               shell_claim_on(r->domid, table.nodes[i]), shell_owned_on(r->domid, table.nodes[i]));
    printf("@claimtable stage=%s domain=%u node=host claim=%ld own=%ld\n", stage, r->domid,
           shell_claim_on(r->domid, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE), shell_owned(r->domid));
}

static bool show(const char *stage)
{
    u64 claimed[NODES] = {0};
    bool staked = strcmp(stage, "before") != 0, right[DOMAINS], ok = true;
    struct host_state host;

    print_head(stage);
    for (u32 d = 0; d < DOMAINS; d++)
        right[d] = print_row(&table.row[d], staked, claimed);
    if (host_read(&host))
        return false;
    print_foot(&host, claimed);
    for (u32 d = 0; d < DOMAINS; d++) {
        print_facts(stage, &table.row[d]);
        if (!right[d])
            printf("claimtable: the figures of domain %u are wrong\n", table.row[d].domid);
        ok = ok && right[d];
    }
    return ok;
}

/* --- the steps ------------------------------------------------------------------------------------------ */

static int stake(struct row *r)
{
    memory_claim_t set[NODES + 1];
    u32 nr = 0;

    if (r->anywhere)
        set[nr++] =
            (memory_claim_t)XEN_NODE_CLAIM_INIT((u64)r->anywhere * UNIT, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE);
    for (u32 i = 0; i < table.nr_nodes; i++)
        if (r->units[i])
            set[nr++] = (memory_claim_t)XEN_NODE_CLAIM_INIT((u64)r->units[i] * UNIT, table.nodes[i]);
    int rc = xc_domain_claim_memory(xch, r->domid, nr, set);
    for (u32 i = 0; i < nr; i++) {
        if (set[i].node == XEN_DOMCTL_CLAIM_MEMORY_NO_NODE)
            printf("@claim domain=%u node=host pages=%lu result=%d name=%s\n", r->domid, set[i].pages, rc,
                   r->name);
        else
            printf("@claim domain=%u node=%u pages=%lu result=%d name=%s\n", r->domid, set[i].node,
                   set[i].pages, rc, r->name);
    }
    return rc;
}

/* Populates a quarter of what is planned for each node, from exactly that node, and for any node. */
static void build_quarter(void *arg, u32 job)
{
    struct row *r = &table.row[job];
    u64 done = 0, pages;

    (void)arg;
    for (u32 i = 0; i < table.nr_nodes && !r->rc; i++) {
        pages = (u64)r->units[i] * UNIT / STEPS;
        if (pages)
            r->rc = populate_range(r->domid, r->gfn, r->gfn + pages, table.nodes[i], &done);
        r->built[i] += done;
        r->gfn += done;
        done = 0;
    }
    pages = (u64)r->anywhere * UNIT / STEPS;
    if (pages && !r->rc)
        r->rc = populate_range(r->domid, r->gfn, r->gfn + pages, POPULATE_ANY_NODE, &done);
    r->gfn += done;
}

static bool build_all(void)
{
    bool ok = show("before");
    int rc = 0;

    for (u32 d = 0; d < DOMAINS && !rc; d++)
        rc = stake(&table.row[d]);
    ok = !rc && show(stages[0]) && ok;
    for (u32 step = 1; step <= STEPS && ok; step++) {
        ok = work_run(DOMAINS, DOMAINS, build_quarter, NULL);
        for (u32 d = 0; d < DOMAINS; d++)
            rc = rc ? rc : table.row[d].rc;
        ok = !rc && show(stages[step]) && ok;
    }
    if (rc)
        printf("claimtable: a claim or a build failed: %s\n", explain_error(rc));
    return ok;
}

/* The domains, without memory. Those with memory from anywhere are to get it where they claim nothing else.
 */
static int create_all(u32 *nr)
{
    int rc = 0;

    for (u32 d = 0; d < DOMAINS && !rc; d++) {
        struct row *r = &table.row[d];
        u8 first_node[MAX_NODES / 8] = {0};

        *r = plan[d];
        r->gfn = FIRST_GFN;
        for (u32 i = table.nr_nodes; i < NODES; i++) { /* fewer nodes: the last one stands in for the rest */
            r->units[table.nr_nodes - 1] += r->units[i];
            r->units[i] = 0;
        }
        rc = shell_create(pages_wanted(r), shell_pool_for(pages_wanted(r) + FIRST_GFN), &r->domid);
        if (rc)
            break;
        ++*nr;
        first_node[table.nodes[0] / 8] = (u8)(1u << table.nodes[0] % 8);
        rc = xc_domain_node_setaffinity(xch, r->domid, first_node);
    }
    if (rc)
        printf("claimtable: a domain cannot be created: %s\n", explain_error(rc));
    return rc;
}

bool claimtable_run(u64 slack)
{
    struct host_state before;
    s64 pages = 0, claims = 0;
    u32 nr = 0;

    memset(&table, 0, sizeof(table));
    if (!host_has_node_claims()) {
        printf("claimtable: this hypervisor has no node claims\n");
        return false;
    }
    if (host_read(&before))
        return false;
    for (u32 n = 0; n < before.nr_nodes && table.nr_nodes < NODES; n++)
        if (before.size_pages[n])
            table.nodes[table.nr_nodes++] = n;
    bool ok = create_all(&nr) == 0 && build_all();
    for (u32 d = 0; d < nr; d++)
        ok = watch_destroy(table.row[d].domid) == 0 && ok;
    ok = host_settle(&before, slack, 5000, &pages, &claims) == 0 && ok;
    printf("@leak pages=%ld claims=%ld name=claimtable\n", pages, claims);
    return ok && pages_within(pages, slack) && claims == 0;
}
