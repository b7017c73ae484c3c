#include <tests/machine/machine.h>

#include <stdio.h>
#include <stdlib.h>

int try_create(u16 id, u32 vcpus, struct domain **d)
{
    const struct domain_config config = {.domid = id,
                                         .max_vcpus = vcpus,
                                         .max_evtchn_port = 1023,
                                         .max_grant_frames = GRANT_FRAMES_MAX,
                                         .max_maptrack_frames = MAPTRACK_FRAMES_MAX,
                                         .is_control = id == 0};
    int rc = domain_create(&config, d);

    if (rc == 0)
        domain_put(*d); /* the list's reference keeps it */
    return rc;
}

struct domain *new_domain(u16 id, u32 vcpus)
{
    struct domain *d = NULL;

    BUG_ON(try_create(id, vcpus, &d));
    BUG_ON(domain_alloc_vcpus(d, vcpus));
    d->mem.max_pages = host_info().total_pages;
    domain_unpause(d);
    return d;
}

mfn_t populate(struct domain *d, u64 g, u32 order)
{
    mfn_t m = INVALID_MFN;

    BUG_ON(mm_alloc(&d->mem, NODE_NONE, order, 0, &m));
    BUG_ON(physmap_place(d, gfn(g), m, order, NP_RAM));
    return m;
}

int kill_all_steps(struct domain *d)
{
    u32 steps = 0;
    int rc;

    do {
        here->need_resched = false;
        rc = domain_kill(d);
    } while (rc == -ERESTART && ++steps < 10000);
    return rc;
}

bool exists(u16 id)
{
    struct domain *d = domain_get(id);

    if (d)
        domain_put(d);
    return d;
}

u32 references_held(void)
{
    struct domain *d;
    u32 sum = 0;

    for (u32 id = 0; (d = domain_get_next((u16)id)) != NULL; domain_put(d)) {
        sum += d->refs - 2; /* the list's, and this one */
        id = d->id + 1u;
    }
    return sum;
}

void domains_destroy(void)
{
    struct domain *d;
    u16 next = 0; /* one after the other: a later one may have a frame of an earlier one */

    for (u32 guard = 0; (d = domain_get_next(next)) != NULL || next; guard++) {
        BUG_ON(guard == 1000); /* a dead domain stays: somebody keeps a frame of it, or a reference */
        next = d ? d->id + 1u : 0;
        if (!d)
            continue;
        d->is_control = false;
        for (u32 i = 0; i < d->nr_vcpus; i++)
            if (d->vcpu[i]->running) { /* it failed there, and the run loop cannot be finished */
                fprintf(stderr, "a failed check has left a guest in the middle of its run\n");
                exit(1);
            }
        int rc = kill_all_steps(d);
        domain_put(d);
        BUG_ON(rc);
    }
}
