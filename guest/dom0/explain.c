/* See explain.h. */
#include <guest/dom0/explain.h>
#include <homestead/errno.h>
#include <lib/printf.h>
#include <lib/string.h>

#define NODES_LISTED 4u

struct text {
    char *at;
    size_t left; /* with the NUL */
};

static void add(struct text *t, const char *fmt, ...) PRINTF(2, 3);
static void add(struct text *t, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(t->at, t->left, fmt, args);
    va_end(args);
    size_t written = MIN((size_t)len, t->left ? t->left - 1 : 0);
    t->at += written;
    t->left -= written;
}

static u64 mib(u64 pages)
{
    return pages >> (20 - PAGE_SHIFT);
}

static u64 mib_up(u64 pages)
{
    return mib(pages + (1u << (20 - PAGE_SHIFT)) - 1);
}

static u64 less(u64 a, u64 b)
{
    return a > b ? a - b : 0;
}

static u64 free_on(const struct memory_figures *f, u32 node)
{
    u64 sum = 0;

    for (u32 n = 0; n < f->nr_nodes; n++)
        sum += node == NODE_NONE || n == node ? f->node[n].free : 0;
    return sum;
}

u64 explain_unclaimed(const struct memory_figures *f, u32 node)
{
    u64 host = 0;

    for (u32 n = 0; n < f->nr_nodes; n++)
        host += less(f->node[n].free, f->node[n].claimed);
    host = less(host, f->host_claimed);
    if (node == NODE_NONE)
        return host;
    return node < f->nr_nodes ? MIN(host, less(f->node[node].free, f->node[node].claimed)) : 0;
}

void explain_node(char *out, size_t size, const struct memory_figures *f, u32 node)
{
    struct text t = {out, size};

    add(&t, "%s", "");
    if (node < f->nr_nodes && !f->node[node].size)
        add(&t, "node %u has no memory", node);
    else if (node >= f->nr_nodes && f->nr_nodes > 1)
        add(&t, "node %u: this host has nodes 0 to %u", node, f->nr_nodes - 1);
    else if (node >= f->nr_nodes)
        add(&t, "node %u: this host has node 0 only", node);
}

/* "d3", "d3 and d7", "d3, d7 and others". */
static void add_holders(struct text *t, const struct memory_figures *f)
{
    u32 named = MIN(f->nr_holders, EXPLAIN_HOLDERS);

    for (u32 i = 0; i < named; i++)
        add(t, "%sd%u", i == 0 ? "" : i + 1 == f->nr_holders ? " and " : ", ", f->holder[i]);
    if (f->nr_holders > named)
        add(t, " and others");
}

/* " (1005 on node 0, 12 on node 2)": the other nodes. what: free, or "free and unclaimed ". */
static void add_other_nodes(struct text *t, const struct memory_figures *f, u32 node, const char *what)
{
    u32 listed = 0;

    for (u32 n = 0; n < f->nr_nodes; n++) {
        if (n == node || !f->node[n].size)
            continue;
        if (listed == NODES_LISTED) {
            add(t, ", ...");
            break;
        }
        add(t, "%s%lu %son node %u", listed ? ", " : " (", mib(explain_unclaimed(f, n)), listed ? "" : what,
            n);
        listed++;
    }
    if (listed)
        add(t, ")");
}

/* The first node with that many unclaimed pages. NODE_NONE: there is none. */
static u32 node_with_room(const struct memory_figures *f, u64 pages)
{
    for (u32 n = 0; n < f->nr_nodes; n++)
        if (explain_unclaimed(f, n) >= pages)
            return n;
    return NODE_NONE;
}

/* Has each node room for an equal share? */
static bool fits_on_all(const struct memory_figures *f, u64 pages)
{
    u64 nr = 0;

    for (u32 n = 0; n < f->nr_nodes; n++)
        nr += f->node[n].size != 0;
    for (u32 n = 0; n < f->nr_nodes; n++)
        if (f->node[n].size && explain_unclaimed(f, n) < DIV_ROUND_UP(pages, nr))
            return false;
    return nr > 1;
}

static void add_cure(struct text *t, const struct memory_figures *f, const struct shortage *s)
{
    u64 needed = s->wanted + s->tables, all = (s->all ? s->all : s->wanted) + s->tables;
    u64 there = s->got + explain_unclaimed(f, s->node);
    u64 promised = free_on(f, s->node) - explain_unclaimed(f, s->node);
    u64 fits = mib(less(there, s->tables));
    u32 other = s->node == NODE_NONE || s->vnuma ? NODE_NONE : node_with_room(f, all);
    const char *join = ", or";

    if (s->all && s->wanted && !s->vnuma)
        fits = fits * mib(s->all) / MAX(mib(s->wanted), 1ull);
    if (other != NODE_NONE)
        add(t, "; node %u has room for it", other);
    else if (s->node != NODE_NONE && !s->vnuma && fits_on_all(f, all))
        add(t, "; all nodes together have room for it (nodes = \"all\")");
    else if (s->node != NODE_NONE && s->got + explain_unclaimed(f, NODE_NONE) >= all)
        add(t, "; without %s it fits", s->vnuma ? "vnuma" : "nodes");
    else if (promised && needed <= there + promised)
        add(t, "; wait until what is claimed has been built and has ended");
    else if (needed <= there + promised + f->in_use)
        add(t, "; wait until other guests have ended");
    else
        join = "; too much for this host:";
    if (fits && s->vnuma)
        add(t, "%s give its virtual nodes there at most %lu MiB", join, fits);
    else if (other == NODE_NONE && fits)
        add(t, "%s lower its memory to %lu MiB", join, fits);
    else if (join[0] == ';')
        add(t, "; too much for this host");
}

void explain_shortage(char *out, size_t size, const struct memory_figures *f, const struct shortage *s)
{
    struct text t = {out, size};
    u64 unclaimed = explain_unclaimed(f, s->node), free = free_on(f, s->node);
    const char *where = s->node == NODE_NONE ? "on this host" : "there", *what = "";

    if (s->all)
        add(&t, "wants %lu of its %lu MiB", mib_up(s->wanted), mib_up(s->all));
    else
        add(&t, "wants %lu MiB", mib_up(s->wanted));
    if (s->tables)
        add(&t, " and %lu MiB for its page tables", mib_up(s->tables));
    if (s->tables && s->maxmem)
        add(&t, " (maxmem = %lu)", mib(s->maxmem));
    if (s->node != NODE_NONE)
        add(&t, " on node %u", s->node);
    if (s->got)
        add(&t, " and got %lu of them", mib(s->got));
    if (unclaimed < free) {
        add(&t, ", %lu MiB are free %s, of which %lu MiB are claimed%s", mib(free), where,
            mib_up(free - unclaimed), f->nr_holders ? " by " : "");
        add_holders(&t, f);
        what = "free and unclaimed ";
    } else {
        add(&t, ", %lu MiB are free and unclaimed %s", mib(unclaimed), where);
    }
    if (f->nr_nodes > 1)
        add_other_nodes(&t, f, s->node, what);
    add_cure(&t, f, s);
}

const char *explain_error(int rc)
{
    static const struct {
        int error;
        const char *text;
    } table[] = {
        {EPERM, "not permitted (EPERM)"},
        {ENOENT, "no such thing (ENOENT)"},
        {ESRCH, "no such domain (ESRCH)"},
        {E2BIG, "too large (E2BIG)"},
        {ENOEXEC, "not a kernel (ENOEXEC)"},
        {EAGAIN, "try again (EAGAIN)"},
        {ENOMEM, "no memory (ENOMEM)"},
        {EACCES, "another version of the interface (EACCES)"},
        {EFAULT, "memory that is not there (EFAULT)"},
        {EBUSY, "in use (EBUSY)"},
        {EEXIST, "exists already (EEXIST)"},
        {EINVAL, "refused as invalid (EINVAL)"},
        {ENOSPC, "no room (ENOSPC)"},
        {ENOSYS, "this hypervisor does not have the call (ENOSYS)"},
        {EOVERFLOW, "too many (EOVERFLOW)"},
        {EOPNOTSUPP, "not supported (EOPNOTSUPP)"},
    };

    for (u32 i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].error == -rc)
            return table[i].text;
    return "an error without a name here";
}
