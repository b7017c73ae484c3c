/*
 * GNTTABOP_copy: both pages are pinned, by their entries' use or, the caller's own, by themselves, and copied without a
 * lock. What guests write to them meanwhile is copied or not.
 */
#include <domain/grant/entry.h>
#include <domain/internal.h>
#include <lib/string.h>

/* The source or the destination of a copy. */
struct side {
    const struct gnttab_copy_ptr *ptr;
    struct domain *of;
    bool by_ref;
    struct grant_use use; /* the caller's own page: only its frame */
};

static s16 find_domain(struct domain *d, struct side *side)
{
    u16 domid = side->ptr->domid;

    if (domid != DOMID_SELF && !side->by_ref)
        return GNTST_permission_denied;
    side->of = domain_get(domid == DOMID_SELF ? d->id : domid);
    return side->of ? GNTST_okay : GNTST_bad_domain;
}

static s16 begin(struct domain *d, struct side *side, bool readonly)
{
    if (!side->by_ref)
        return physmap_pin(d, gfn(side->ptr->u.gmfn), &side->use.frame) ? GNTST_bad_page : GNTST_okay;
    side->use = (struct grant_use){.ref = side->ptr->u.ref, .by = d->id, .readonly = readonly};
    return grant_use_begin(side->of, &side->use);
}

static void end(struct side *side)
{
    if (side->by_ref)
        grant_use_end(side->of, &side->use);
    else
        physmap_unpin(side->of, side->use.frame);
}

static char *start_of(const struct side *side)
{
    return (char *)mfn_to_virt(side->use.frame) + side->ptr->offset;
}

static s16 copy(struct domain *d, struct side *from, struct side *to, u32 bytes)
{
    s16 status = begin(d, from, true);
    if (status)
        return status;
    status = begin(d, to, false);
    if (!status) {
        if (MAX(from->ptr->offset, to->ptr->offset) + bytes > PAGE_SIZE)
            status = GNTST_bad_copy_arg;
        else
            memmove(start_of(to), start_of(from), bytes);
        end(to);
    }
    end(from);
    return status;
}

s16 grant_copy(struct domain *d, const struct gnttab_copy *op)
{
    struct side from = {.ptr = &op->source, .by_ref = op->flags & GNTCOPY_source_gref};
    struct side to = {.ptr = &op->dest, .by_ref = op->flags & GNTCOPY_dest_gref};

    s16 status = find_domain(d, &from);
    if (!status)
        status = find_domain(d, &to);
    if (!status)
        status = copy(d, &from, &to, op->len);
    if (from.of)
        domain_put(from.of);
    if (to.of)
        domain_put(to.of);
    return status;
}
