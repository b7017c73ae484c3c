/* The hypervisor and xenstore, as far as hsctl uses them. */
#ifndef HSCTL_HOST_H
#define HSCTL_HOST_H

#include "args.h"

struct xs_handle;
struct host {
    hs_handle *hs;
    struct xs_handle *xs; /* NULL: domains have no names */
    bool node_claims;     /* false: Xen */
};

/* 0, or an errno, and what failed in *what. */
int host_open(struct host *host, const char **what);
void host_close(struct host *host);

/* A sample. The hypervisor reports nodes and each domain one after another: a domain that ends meanwhile is left out, and if
 * memory has changed hands, it is read again. Only while that goes on the figures may not add up. */
int host_read(const struct host *host, struct state *s, const char **what);

/* 0 or an errno. On Xen only a claim on the host can be made. */
int host_claim(const struct host *host, const struct state *s, uint32_t domid, const struct args *args);
int host_release(const struct host *host, uint32_t domid);
/* Why host_claim() failed with that errno: a sentence. */
void host_claim_text(const struct host *host, const struct state *s, uint32_t domid, const struct args *args,
                     int error, char *text, size_t size);

/* Nodes, free and claimed memory of a hypervisor without node claims (xen.c). nodes has room for HS_MAX_NODES. 0 or an
 * errno. */
int xen_read_nodes(struct state *s);

/* Milliseconds since 1970, which never go back while the program runs. */
int64_t clock_now_ms(void);
/* Until that time. false: a signal asked to end. */
bool clock_sleep_until(int64_t time_ms);
/* From now on, SIGINT and SIGTERM end a sleep. */
void clock_catch_signals(void);

#endif
