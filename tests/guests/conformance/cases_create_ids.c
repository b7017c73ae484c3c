/*
 * createdomain: the id of the new domain, and the argument itself. An id that the hypervisor chooses is
 * printed as the difference to the one before.
 */
#include <tests/guests/conformance/cases_domain.h>
#include <lib/string.h>
#include <xen/domctl.h>

/* *domid: the requested id on entry, the new id on return. */
static long create(u32 *domid, const struct xen_domctl_createdomain *config)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_createdomain, .domain = (domid_t)*domid, .u.createdomain = *config};

    long rc = domctl(&op);
    *domid = op.domain;
    return rc;
}

static long create_good(u32 *domid)
{
    struct xen_domctl_createdomain config = xc_domain_config(1);

    return create(domid, &config);
}

/* The id that is chosen next is one above this. */
static u32 last_chosen(void)
{
    u32 domid = 0;

    long rc = create_good(&domid);
    if (rc)
        give_up("making a domain", rc);
    domain_end(domid);
    return domid;
}

/* A case that requests this id; prints how far the next chosen id has moved. */
static void ask_for(const char *name, u32 wanted)
{
    u32 last = last_chosen(), domid = wanted;

    case_begin();
    long rc = create_good(&domid);
    if (!rc)
        domain_end(domid);
    u32 next = last_chosen();
    if (domid == wanted)
        case_end("domctl.createdomain", name, rc, " given=%#x next=+%u", domid, next - last);
    else
        case_end("domctl.createdomain", name, rc, " chosen=+%u next=+%u", domid - last, next - last);
}

static void fixed_ids(void)
{
    ask_for("id_0", 0);
    ask_for("id_0x7000", 0x7000);
    ask_for("id_highest", DOMID_FIRST_RESERVED - 1);
    ask_for("id_self", DOMID_SELF);
    ask_for("id_xen", DOMID_XEN);
    ask_for("id_invalid", DOMID_INVALID);
    ask_for("id_0x7fff", DOMID_IDLE);
    ask_for("id_0x8000", 0x8000);
    ask_for("id_all_ones", 0xffff);
}

static void ids_in_use(void)
{
    struct xen_domctl_createdomain bad = xc_domain_config(0);
    u32 domid = 0x7000;

    long rc = create_good(&domid);
    if (rc)
        give_up("making domain 0x7000", rc);
    CASE("domctl.createdomain", "id_in_use", create_good(&domid));
    CASE("domctl.createdomain", "id_in_use_and_no_vcpus", create(&domid, &bad));
    domain_end(domid);
    CASE_SHOW("domctl.createdomain", "id_used_before", create_good(&domid), " domid=%#x", domid);
    domain_end(domid);
}

/* The hypervisor continues from the last id it chose, not from the lowest free one. */
static void chosen_ids(void)
{
    u32 first = last_chosen(), taken = first + 2, a = 0, b = 0, c = 0;

    CASE("domctl.createdomain", "take_the_second_next_id", create_good(&taken));
    CASE_SHOW("domctl.createdomain", "first_chosen", create_good(&a), " step=+%u", a - first);
    CASE_SHOW("domctl.createdomain", "steps_over_the_one_taken", create_good(&b), " step=+%u", b - a);
    domain_end(a);
    domain_end(b);
    domain_end(taken);
    CASE_SHOW("domctl.createdomain", "freed_ids_come_last", create_good(&c), " step=+%u", c - b);
    domain_end(c);
}

/* How far the next chosen id has moved after a failed attempt. */
static void used_up(const char *name, u32 wanted, const struct xen_domctl_createdomain *config)
{
    u32 before = last_chosen(), domid = wanted;

    case_begin();
    long rc = create(&domid, config);
    case_end("domctl.createdomain", name, rc, " used_up=%u", last_chosen() - before - 1);
}

#define USED_UP(name, wanted, ...) \
    do { \
        struct xen_domctl_createdomain c = xc_domain_config(1); \
        __VA_ARGS__; \
        used_up(name, wanted, &c); \
    } while (0)

static void failed_attempts(void)
{
    USED_UP("failed_flags", 0, c.flags |= 1u << 8);
    USED_UP("failed_vcpus", 0, c.max_vcpus = 0);
    USED_UP("failed_emulation", 0, c.arch.emulation_flags = 0);
    USED_UP("failed_grants", 0, c.max_grant_frames = 0);
    USED_UP("failed_cpupool", 0, c.cpupool_id = 7);
    USED_UP("failed_with_fixed_id", 0x7000, c.max_grant_frames = 0);
    USED_UP("failed_with_the_next_id", last_chosen() + 1, c.flags |= 1u << 8);
}

static long send(struct xen_domctl *op, u32 version)
{
    op->interface_version = version;
    return hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(op));
}

static void versions(void)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_createdomain, .u.createdomain = xc_domain_config(1)};
    u32 before = last_chosen();

    CASE_SHOW("domctl.createdomain", "version_0", send(&op, 0), " domid=%u", op.domain);
    CASE("domctl.createdomain", "version_before", send(&op, XEN_DOMCTL_INTERFACE_VERSION - 1));
    CASE("domctl.createdomain", "version_after", send(&op, XEN_DOMCTL_INTERFACE_VERSION + 1));
    CASE("domctl.createdomain", "version_high_bits", send(&op, XEN_DOMCTL_INTERFACE_VERSION | 1u << 31));
    op.u.createdomain.max_vcpus = 0;
    CASE("domctl.createdomain", "version_before_and_no_vcpus", send(&op, XEN_DOMCTL_INTERFACE_VERSION - 1));
    CASE_SHOW("domctl.createdomain", "wrong_versions", 0, " used_up=%u", last_chosen() - before - 1);
}

/* The result cannot be written: the argument ends where memory does, but the hypervisor reads it all first.
 */
static void pointers(void)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_createdomain,
                            .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                            .u.createdomain = xc_domain_config(1)};
    struct xen_domctl *edge = edge_ptr(sizeof(op)), *beyond = edge_ptr(sizeof(op) - 1);
    u32 before = last_chosen();

    memcpy(beyond, &op, sizeof(op) - 1);
    CASE("domctl.createdomain", "arg_at_address_0", hypercall1(__HYPERVISOR_domctl, 0));
    CASE("domctl.createdomain", "arg_not_mapped", hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(bad_ptr())));
    CASE("domctl.createdomain", "arg_no_memory", hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(hole_ptr())));
    CASE("domctl.createdomain", "arg_one_byte_over", hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(beyond)));
    CASE_SHOW("domctl.createdomain", "bad_pointers", 0, " used_up=%u", last_chosen() - before - 1);
    memcpy(edge, &op, sizeof(op));
    CASE_SHOW("domctl.createdomain", "arg_fits_to_the_edge",
              hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(edge)), " chosen=%s", edge->domain ? "yes" : "no");
    domain_end(edge->domain);
}

/* Padding, and bytes after the end of the structure, are ignored. */
static void padding(void)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_createdomain};
    xc_domaininfo_t info;

    memset(&op.u, 0xff, sizeof(op.u));
    memset(op._pad, 0xff, sizeof(op._pad));
    op.u.createdomain = xc_domain_config(1);
    for (u32 i = 0; i < sizeof(op.u.createdomain.handle); i++)
        op.u.createdomain.handle[i] = (u8)(0xf0 + i);
    CASE_SHOW("domctl.createdomain", "padding_not_0", domctl(&op), " pad=%x behind=%x", op._pad[2],
              op.u.pad[sizeof(op.u) - 1]);
    if (!domain_info(op.domain, &info))
        give_up("the domain just made", 0);
    CASE_SHOW("domctl.createdomain", "handle", 0, " first=%x last=%x", info.handle[0], info.handle[15]);
    domain_end(op.domain);
}

void create_ids(void)
{
    fixed_ids();
    ids_in_use();
    chosen_ids();
    failed_attempts();
}

void create_arguments(void)
{
    versions();
    pointers();
    padding();
}
