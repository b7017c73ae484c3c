#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <xenstore.h>
#include <xenstore_lib.h>

#define LOOKS 3u /* at a host on which memory changes hands meanwhile */

/* Does xenstored answer at its socket? If not, libxenstore opens the kernel's device, whatever it is told, and there a call
 * waits for ever for a xenstored that was not started or has died. */
static bool xenstored_listens(void)
{
    const char *path = xs_daemon_socket();
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (!path || strlen(path) >= sizeof(address.sun_path))
        return false;
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool listens = !connect(fd, (const struct sockaddr *)&address, sizeof(address));
    close(fd);
    return listens;
}

int host_open(struct host *host, const char **what)
{
    memset(host, 0, sizeof(*host));
    *what = "the hypervisor cannot be reached";
    host->hs = hs_open();
    if (!host->hs)
        return errno;
    int claims = hs_probe(host->hs);
    if (claims < 0) {
        int error = errno;
        host_close(host);
        return error;
    }
    host->node_claims = claims;
    host->xs = xenstored_listens() ? xs_open(0) : NULL;
    return 0;
}

void host_close(struct host *host)
{
    if (host->xs)
        xs_close(host->xs);
    hs_close(host->hs);
    memset(host, 0, sizeof(*host));
}

/* --- reading --- */
static void read_name(const struct host *host, struct domain_state *d)
{
    char path[48], *name;

    if (!host->xs)
        return;
    snprintf(path, sizeof(path), "/local/domain/%u/name", d->info.domid);
    name = xs_read(host->xs, XBT_NULL, path, NULL);
    if (name)
        d->inexact = !text_copy(d->name, sizeof(d->name), name);
    free(name);
}

/* All domains: *list is from malloc(). */
static int list_domains(const struct host *host, struct hs_domain_info **list, uint32_t *nr)
{
    uint32_t room = 1024, got;

    for (*nr = 0, *list = NULL;; *nr += got) {
        struct hs_domain_info *more = realloc(*list, (*nr + room) * sizeof(**list));
        if (!more)
            return ENOMEM;
        *list = more;
        got = room;
        uint32_t first = *nr ? more[*nr - 1].domid + 1 : 0;
        if (hs_domain_list(host->hs, first, more + *nr, &got))
            return errno;
        if (got < room)
            break;
    }
    *nr += got;
    return 0;
}

static int read_domain(const struct host *host, struct state *s, const struct hs_domain_info *info)
{
    struct domain_state *d = &s->domains[s->nr_domains];
    uint32_t nr = s->nr_nodes;

    d->info = (struct hs_domain){.domid = info->domid,
                                 .tot_pages = info->tot_pages,
                                 .max_pages = info->max_pages,
                                 .outstanding_pages = info->outstanding_pages};
    d->dying = info->dying;
    if (host->node_claims && hs_domain(host->hs, info->domid, &d->info, state_cell(s, s->nr_domains, 0), &nr))
        return errno == ESRCH ? 0 : errno;
    read_name(host, d);
    s->nr_domains++;
    return 0;
}

static int read_all(const struct host *host, struct state *s, const struct hs_domain_info *list, uint32_t nr,
                    const char **what)
{
    uint32_t room = HS_MAX_NODES;
    int error = 0;

    if (!state_init(s, HS_MAX_NODES, nr))
        return ENOMEM;
    s->node_claims = host->node_claims;
    s->time_ms = clock_now_ms();
    *what = "the figures of nodes cannot be read";
    if (host->node_claims) {
        if (hs_nodes(host->hs, &s->host, s->nodes, &room) || hs_refusals(host->hs, &s->refusals))
            return errno;
        s->nr_nodes = room;
    } else {
        error = xen_read_nodes(s);
    }
    s->nr_domains = 0;
    for (uint32_t i = 0; i < nr && !error; i++) {
        *what = "the figures of a domain cannot be read";
        error = read_domain(host, s, &list[i]);
    }
    return error;
}

static int read_once(const struct host *host, struct state *s, const char **what)
{
    struct hs_domain_info *list;
    uint32_t nr;

    memset(s, 0, sizeof(*s));
    *what = "the list of domains cannot be read";
    int error = list_domains(host, &list, &nr);
    if (!error)
        error = read_all(host, s, list, nr, what);
    free(list);
    if (error)
        state_free(s);
    return error;
}

/* Has memory changed hands since the figures of the nodes were read, so that those of the domains do not go with them? */
static bool has_changed(const struct host *host, const struct state *s)
{
    struct hs_node nodes[HS_MAX_NODES];
    uint32_t nr = HS_MAX_NODES;

    if (!host->node_claims || hs_nodes(host->hs, NULL, nodes, &nr) || nr != s->nr_nodes)
        return false;
    for (uint32_t i = 0; i < nr; i++)
        if (nodes[i].free_pages != s->nodes[i].free_pages ||
            nodes[i].claimed_pages != s->nodes[i].claimed_pages)
            return true;
    return false;
}

int host_read(const struct host *host, struct state *s, const char **what)
{
    int error = read_once(host, s, what);

    /* While a domain is built that never ends: the last look counts then. */
    for (uint32_t looks = 1; !error && looks < LOOKS && has_changed(host, s); looks++) {
        state_free(s);
        error = read_once(host, s, what);
    }
    return error;
}

/* --- changing --- */
static int claim_on_xen(const struct host *host, const struct state *s, uint32_t domid,
                        const struct args *args)
{
    const struct domain_state *d = state_domain(s, domid);

    if (!d)
        return ESRCH;
    if (args->nr_entries != 1 || args->entry[0].node != HS_ANY_NODE || args->replace || args->strict ||
        args->scrub)
        return ENOSYS;
    return hs_claim_host(host->hs, domid, args->entry[0].pages) ? errno : 0;
}

/* Fills claims and returns the flags. */
static uint32_t make_set(const struct args *args, memory_claim_t claims[ENTRIES_MAX])
{
    uint32_t flags = (args->replace ? HS_CLAIM_REPLACE : 0) | (args->strict ? HS_CLAIM_STRICT : 0) |
                     (args->scrub ? HS_CLAIM_SCRUB : 0);

    for (uint32_t i = 0; i < args->nr_entries; i++) {
        const struct entry *e = &args->entry[i];
        claims[i].pages = e->pages;
        claims[i].node = e->node == HS_ANY_NODE ? XEN_DOMCTL_CLAIM_MEMORY_NO_NODE : e->node;
        claims[i].pad = e->order;
        if (e->order)
            flags |= HS_CLAIM_ORDERS;
    }
    return flags;
}

int host_claim(const struct host *host, const struct state *s, uint32_t domid, const struct args *args)
{
    memory_claim_t claims[ENTRIES_MAX];
    uint32_t flags = make_set(args, claims);

    if (!host->node_claims)
        return claim_on_xen(host, s, domid, args);
    return hs_claim(host->hs, domid, args->nr_entries, claims, flags) ? errno : 0;
}

static const char *name_of(uint32_t domid, void *arg)
{
    const struct domain_state *d = state_domain(arg, domid);

    return d && *d->name ? d->name : NULL;
}

void host_claim_text(const struct host *host, const struct state *s, uint32_t domid, const struct args *args,
                     int error, char *text, size_t size)
{
    memory_claim_t claims[ENTRIES_MAX];
    uint32_t flags = make_set(args, claims);

    /* name_of() only reads it. */
    hs_claim_text(host->hs, error, domid, args->nr_entries, claims, flags, name_of, (void *)(uintptr_t)s,
                  text, size);
}

int host_release(const struct host *host, uint32_t domid)
{
    /* Xen has the older call only, and Homestead has it too; but on a domain with claims of both kinds the newer is exact. */
    if (!host->node_claims)
        return hs_claim_host(host->hs, domid, 0) ? errno : 0;
    return hs_claim_release(host->hs, domid) ? errno : 0;
}

int host_legacy(const struct host *host, uint32_t domid, const uint32_t *set, uint32_t *mode)
{
    if (set && hs_claim_set_legacy(host->hs, domid, *set, NULL))
        return errno;
    return hs_claim_get_legacy(host->hs, domid, mode) ? errno : 0;
}
