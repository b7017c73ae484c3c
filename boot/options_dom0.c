/* Options for domain 0: its memory, its vCPUs, its nodes. */
#include <boot/option.h>

#include <homestead/errno.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>

#define DOM0_MEM_MIN MIB(4)

/*
 * A list of SIZE, min:SIZE and max:SIZE. On Xen domain 0 gets SIZE, or nearly all memory, within the bounds, and may
 * grow to the maximum. Here it does not grow: a maximum above SIZE cannot hold.
 */
int option_set_dom0_mem(const struct option *option, const char *value, void *field)
{
    u64 exact = 0, least = 0, most = 0, bytes;
    bool bare_size;

    (void)option;
    do {
        char part[32];
        const char *size = part;
        u64 *bound = &exact;

        if (option_next_part(&value, part, sizeof(part)))
            return -EINVAL;
        if (!strncmp(part, "min:", 4) || !strncmp(part, "max:", 4)) {
            bound = part[1] == 'i' ? &least : &most;
            size += 4;
        }
        if (parse_size(size, bound) || *bound < DOM0_MEM_MIN)
            return -EINVAL;
    } while (value);
    if (exact && most > MAX(exact, least))
        return -EINVAL;
    bare_size = exact && (!least || least <= exact) && (!most || most == exact);
    bytes = MAX(exact, least);
    if (most && (!exact || bytes > most))
        bytes = most;
    *(u64 *)field = bytes;
    return !bare_size;
}

void option_show_dom0_mem(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    u64 bytes = *(const u64 *)field;

    (void)option;
    if (!bytes)
        snprintf(buf, OPTION_SHOWN, "domain 0 gets 64M, or more if its image and module need it");
    else if (bytes % MIB(1))
        snprintf(buf, OPTION_SHOWN, "domain 0 gets %luK", bytes >> 10);
    else
        snprintf(buf, OPTION_SHOWN, "domain 0 gets %luM", bytes >> 20);
}

/* N, or MIN-MAX around the number of CPUs, either of which may be left out. field is the whole struct boot_options. */
int option_set_dom0_vcpus(const struct option *option, const char *value, void *field)
{
    struct boot_options *o = field;
    u64 least = 1, most = option->max;

    if (*value != '-' && (parse_u64(value, &value, false, &least) || least < option->min))
        return -EINVAL;
    if (!*value)
        most = least;
    else if (*value++ != '-' || (*value && (parse_u64(value, &value, false, &most) || *value)))
        return -EINVAL;
    if (least > most || most > option->max)
        return -EINVAL;
    o->dom0_min_vcpus = (u32)least;
    o->dom0_max_vcpus = (u32)most;
    return 0;
}

void option_show_dom0_vcpus(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    const struct boot_options *o = field;

    (void)option;
    if (o->dom0_min_vcpus != o->dom0_max_vcpus)
        snprintf(buf, OPTION_SHOWN, "domain 0 gets %u to %u vCPUs", o->dom0_min_vcpus, o->dom0_max_vcpus);
    else
        snprintf(buf, OPTION_SHOWN, "domain 0 gets %u vCPU%s", o->dom0_max_vcpus,
                 o->dom0_max_vcpus == 1 ? "" : "s");
}

/* relaxed is what Homestead does: vCPUs prefer the nodes. strict would bind them. */
int option_set_dom0_nodes(const struct option *option, const char *value, void *field)
{
    u64 mask = 0;
    int rc = 0;

    do {
        char part[16];
        if (option_next_part(&value, part, sizeof(part)))
            return -EINVAL;
        if (!strcmp(part, "strict"))
            rc = 1;
        else if (strcmp(part, "relaxed") && option_add_bits(option, part, &mask))
            return -EINVAL;
    } while (value);
    if (!mask)
        return -EINVAL;
    *(u64 *)field = mask;
    return rc;
}

void option_show_dom0_nodes(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    u64 mask = *(const u64 *)field;
    int at;

    (void)option;
    if (!mask) {
        snprintf(buf, OPTION_SHOWN, "domain 0 is on any node");
        return;
    }
    at = snprintf(buf, OPTION_SHOWN, "domain 0's memory is on node");
    for (u32 nid = 0; nid < MAX_NODES && at < (int)OPTION_SHOWN; nid++)
        if (mask & BIT(nid))
            at += snprintf(buf + at, OPTION_SHOWN - (size_t)at, " %u", nid);
    if (at < (int)OPTION_SHOWN)
        snprintf(buf + at, OPTION_SHOWN - (size_t)at, ", its vCPUs prefer CPUs there");
}
