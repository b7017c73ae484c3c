/* Sizes, domains, refusals and error numbers in words, for people. */
#include "words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text text_start(char *at, size_t len, hs_name_fn name, void *arg)
{
    if (len)
        *at = '\0';
    return (struct text){.at = at, .len = len, .name = name, .arg = arg};
}

void say(struct text *t, const char *format, ...)
{
    size_t room = t->pos < t->len ? t->len - t->pos : 0;
    va_list args;

    va_start(args, format);
    int n = vsnprintf(room ? t->at + t->pos : NULL, room, format, args);
    va_end(args);
    if (n > 0)
        t->pos += (size_t)n;
}

API size_t hs_size_text(uint64_t pages, char *text, size_t len)
{
    static const struct {
        uint64_t pages;
        const char *unit;
    } units[] = {{1ull << 28, "TiB"}, {1ull << 18, "GiB"}, {1ull << 8, "MiB"}};
    int n = -1;

    for (unsigned int i = 0; i < ARRAY_SIZE(units) && n < 0; i++)
        if (pages && pages % units[i].pages == 0)
            n = snprintf(text, len, "%" PRIu64 " %s", pages / units[i].pages, units[i].unit);
    if (n < 0 && pages > UINT64_MAX / 4)
        n = snprintf(text, len, "%" PRIu64 " pages", pages);
    if (n < 0)
        n = snprintf(text, len, "%" PRIu64 " KiB", pages * 4);
    return (size_t)n;
}

void say_size(struct text *t, uint64_t pages)
{
    char size[32];

    hs_size_text(pages, size, sizeof(size));
    say(t, "%s", size);
}

void say_domain(struct text *t, uint32_t domid)
{
    const char *name = t->name && domid != HS_NO_DOMAIN ? t->name(domid, t->arg) : NULL;

    if (domid == HS_NO_DOMAIN)
        say(t, "the hypervisor");
    else if (name)
        say(t, "domain %u (%s)", domid, name);
    else
        say(t, "domain %u", domid);
}

static void say_node(struct text *t, uint32_t node)
{
    if (node == HS_ANY_NODE)
        say(t, "any node");
    else
        say(t, "node %u", node);
}

const char *extent_words(uint32_t order)
{
    return order == HS_ORDER_2M ? "extents of 2 MiB" : order == HS_ORDER_1G ? "extents of 1 GiB" : "extents";
}

/* --- refusals --------------------------------------------------------------------------------------------- */

static void say_holders(struct text *t, const struct hs_refusals *r)
{
    for (uint32_t i = 0; i < r->nr_holders && i < HS_MAX_HOLDERS; i++) {
        const struct hs_holder *held = &r->holders[i];

        say(t, i ? ", " : ": ");
        say_domain(t, held->domid);
        say(t, " has claimed ");
        if (held->node_pages || !held->host_pages)
            say_size(t, held->node_pages);
        if (held->node_pages && held->host_pages)
            say(t, " and ");
        if (held->host_pages) {
            say_size(t, held->host_pages);
            say(t, " host-wide");
        }
    }
}

void say_refusal(struct text *t, const struct hs_refusals *r)
{
    if (r->kind != HS_REFUSAL_CLAIM && r->kind != HS_REFUSAL_ALLOC) {
        say(t, "nothing has been refused");
        return;
    }
    say_domain(t, r->domid);
    say(t, r->kind == HS_REFUSAL_CLAIM ? " asked for a claim of " : " wanted ");
    say_size(t, r->pages);
    if (r->kind == HS_REFUSAL_ALLOC && r->order)
        say(t, " in %s", extent_words(r->order));
    say(t, " on ");
    say_node(t, r->node);
    say(t, r->node == HS_ANY_NODE ? "; in all " : "; ");
    say_size(t, r->free_pages);
    say(t, r->node == HS_ANY_NODE ? " are free" : " are free there");
    if (!r->claimed_pages) {
        say(t, ", and nothing is claimed");
        return;
    }
    say(t, ", of which ");
    say_size(t, r->claimed_pages);
    say(t, " are claimed");
    say_holders(t, r);
}

API size_t hs_refusal_text(const struct hs_refusals *refusals, hs_name_fn name, void *arg, char *text,
                           size_t len)
{
    struct text t = text_start(text, len, name, arg);

    say_refusal(&t, refusals);
    return t.pos;
}

API const char *hs_strerror(int err)
{
    switch (err) {
    case 0:
        return "no error";
    case ENOSYS:
    case EOPNOTSUPP:
        return "this hypervisor has no claims on nodes; Homestead has them, Xen 4.17 has only host-wide "
               "claims";
    case EACCES:
        return "not allowed: either the driver /dev/xen/privcmd may not be opened, or the hypervisor has "
               "another "
               "version of the control interface than 0x15";
    case EPERM:
        return "only the control domain may do this, as root";
    case ENOENT:
        return "there is no such node; or no driver /dev/xen/privcmd, if this is not a domain of a "
               "hypervisor";
    case ESRCH:
        return "there is no such domain";
    case E2BIG:
        return "a set has at most one entry for each node and a host-wide one";
    case EFAULT:
        return "the array of claims is missing";
    case EINVAL:
        return "invalid: the set, or claims are outstanding, or it is more than the domain's max_mem, or the "
               "domain is "
               "being destroyed";
    case ENOMEM:
        return "there is not that much unclaimed free memory";
    case ENOBUFS:
        return "there is more than fits into the array";
    case EPROTO:
        return "the hypervisor's answer makes no sense";
    default:
        return strerror(err);
    }
}
