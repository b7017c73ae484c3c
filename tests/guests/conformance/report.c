/*
 * The transcript: one @case line a case, with what the call changed. Figures of a domain are printed as
 * before>after, figures of the host and its nodes as differences, so that the lines do not depend on the size
 * of the machine.
 */
#include <tests/guests/conformance/conformance.h>
#include <homestead/errno.h>
#include <lib/printf.h>
#include <lib/string.h>

#define NODES 2u

struct figures {
    bool there, dying;
    u64 tot, max, out, pool;
    u64 host_free, host_out;
    u64 node_free[NODES];
};

static const char *group;
static u32 cases, watched_domid, watched;
static struct figures before;

void group_begin(const char *name)
{
    group = name;
    watched = WATCH_NOTHING;
}

u32 nr_cases(void)
{
    return cases;
}

void watch(u32 domid, u32 what)
{
    watched_domid = domid;
    watched = what;
}

static void read_figures(struct figures *f)
{
    xc_domaininfo_t domain;
    xc_physinfo_t host;
    xc_meminfo_t nodes[NODES];
    unsigned int nr = NODES;

    memset(f, 0, sizeof(*f));
    if ((watched & WATCH_DOMAIN) && domain_info(watched_domid, &domain)) {
        f->there = true;
        f->dying = domain.flags & XEN_DOMINF_dying;
        f->tot = domain.tot_pages;
        f->max = domain.max_pages;
        f->out = domain.outstanding_pages;
        if (xc_get_paging_mempool_size(xch, watched_domid, &f->pool))
            f->pool = 0;
    }
    if ((watched & WATCH_HOST) && !xc_physinfo(xch, &host)) {
        f->host_free = host.free_pages;
        f->host_out = host.outstanding_pages;
    }
    if ((watched & WATCH_NODES) && !xc_numainfo(xch, &nr, nodes, NULL)) {
        for (u32 n = 0; n < NODES && n < nr; n++)
            f->node_free[n] = nodes[n].memfree >> PAGE_SHIFT;
    }
}

static void print_change(const char *name, u64 old, u64 new)
{
    if (old != new)
        printf(" %s=%lu>%lu", name, old, new);
}

static void print_difference(const char *name, u64 old, u64 new)
{
    if (old != new)
        printf(" %s=%s%ld", name, new > old ? "+" : "", (long)(new - old));
}

static void print_effects(const struct figures *a, const struct figures *b)
{
    if (a->there && !b->there) {
        printf(" domain=gone");
    } else if (!a->there && b->there) {
        printf(" domain=new");
    } else {
        if (a->dying != b->dying)
            printf(" domain=dying");
        print_change("tot", a->tot, b->tot);
        print_change("max", a->max, b->max);
        print_change("out", a->out, b->out);
        if (!b->dying) /* the moment at which a dying domain's pool is freed is not specified */
            print_change("pool", a->pool, b->pool);
    }
    print_difference("free", a->host_free, b->host_free);
    print_difference("claimed", a->host_out, b->host_out);
    print_difference("node0", a->node_free[0], b->node_free[0]);
    print_difference("node1", a->node_free[1], b->node_free[1]);
}

static const char *error_name(long rc)
{
#define NAME(e) \
    case -e: \
        return "-" #e;
    switch (rc) {
        NAME(EPERM)
        NAME(ENOENT)
        NAME(ESRCH)
        NAME(EIO)
        NAME(E2BIG)
        NAME(ENOEXEC)
        NAME(EAGAIN)
        NAME(ENOMEM)
        NAME(EACCES)
        NAME(EFAULT)
        NAME(EBUSY)
        NAME(EEXIST)
        NAME(ENODEV)
        NAME(EINVAL)
        NAME(ENOSPC)
        NAME(ENOSYS)
        NAME(ENOBUFS)
        NAME(EOVERFLOW)
        NAME(ERESTART)
        NAME(EOPNOTSUPP)
        NAME(ETIME)
        NAME(ENODATA)
    default:
        return NULL;
    }
#undef NAME
}

void case_begin(void)
{
    read_figures(&before);
}

void case_end(const char *call, const char *name, long rc, const char *fmt, ...)
{
    struct figures after;
    char values[512];
    va_list args;

    read_figures(&after);
    va_start(args, fmt);
    vsnprintf(values, sizeof(values), fmt, args);
    va_end(args);
    cases++;
    const char *error = error_name(rc);
    printf("@case group=%s call=%s case=%s rc=", group, call, name);
    if (error)
        printf("%s", error);
    else
        printf("%ld", rc);
    print_effects(&before, &after);
    printf("%s\n", values);
}
