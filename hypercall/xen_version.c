/*
 * __HYPERVISOR_xen_version(cmd, arg): version and capabilities. Version 4.17 is the interface Homestead
 * implements; the extra version names Homestead. Fixed answers, no locks.
 */
#include <homestead/init.h>
#include <hypercall/compat.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <xen/version.h>

#define VERSION_MAJOR 4u
#define VERSION_MINOR 17u

static char command_line[512]; /* [I] */

INIT void xen_version_init(const char *text)
{
    str_copy(command_line, text, sizeof(command_line));
}

static long get_string(struct hypercall *c, const char *text, u64 size)
{
    char buf[sizeof(xen_capabilities_info_t)] = "";

    str_copy(buf, text, size);
    return copy_to_guest(c->v, c->arg[1], buf, size);
}

static __attribute__((noinline)) long get_compile_info(struct hypercall *c)
{
    struct xen_compile_info info = {.compile_by = "homestead", .compile_domain = "", .compile_date = ""};

    str_copy(info.compiler, "gcc " __VERSION__, sizeof(info.compiler));
    return copy_to_guest(c->v, c->arg[1], &info, sizeof(info));
}

/* As Xen for such guests: 0x12305, the control domain 0x12b05. */
static __attribute__((noinline)) long get_features(struct hypercall *c)
{
    struct xen_feature_info info;

    int rc = copy_from_guest(c->v, &info, c->arg[1], sizeof(info));
    if (rc)
        return rc;
    if (info.submap_idx != 0)
        return -EINVAL;
    info.submap = 1u << XENFEAT_writable_page_tables | 1u << XENFEAT_auto_translated_physmap |
                  1u << XENFEAT_hvm_callback_vector | 1u << XENFEAT_hvm_safe_pvclock |
                  1u << XENFEAT_memory_op_vnode_supported | 1u << XENFEAT_not_direct_mapped;
    if (c->v->domain->is_control)
        info.submap |= 1u << XENFEAT_dom0;
    return copy_to_guest(c->v, c->arg[1], &info, sizeof(info));
}

static __attribute__((noinline)) long get_platform_parameters(struct hypercall *c)
{
    /* Where Xen's hole in a PV guest's address space starts; numbers that HVM guests do not use. */
    const u64 virt_start = c->compat ? 0 : 0xffff800000000000ull;

    return write_caller_longs(c, c->arg[1], &virt_start, 1);
}

static __attribute__((noinline)) long get_guest_handle(struct hypercall *c)
{
    struct domain *d = c->v->domain;
    xen_domain_handle_t handle;

    spin_lock(&d->lock);
    memcpy(handle, d->handle, sizeof(handle));
    spin_unlock(&d->lock);
    return copy_to_guest(c->v, c->arg[1], handle, sizeof(handle));
}

/* XENVER_version is the call that guests take their events with: what needs a stack frame is not inlined. */
long hc_xen_version(struct hypercall *c)
{
    bool control = c->v->domain->is_control;

    switch ((u32)c->arg[0]) {
    case XENVER_version:
        return VERSION_MAJOR << 16 | VERSION_MINOR;
    case XENVER_extraversion:
        return get_string(c, ".0-homestead", sizeof(xen_extraversion_t));
    case XENVER_compile_info:
        return get_compile_info(c);
    case XENVER_capabilities:
        return get_string(c, "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ",
                          sizeof(xen_capabilities_info_t));
    case XENVER_changeset:
        return get_string(c, "homestead", sizeof(xen_changeset_info_t));
    case XENVER_platform_parameters:
        return get_platform_parameters(c);
    case XENVER_get_features:
        return get_features(c);
    case XENVER_pagesize:
        return c->arg[1] ? -EINVAL : (long)PAGE_SIZE;
    case XENVER_guest_handle:
        return get_guest_handle(c);
    case XENVER_commandline:
        return get_string(c, control ? command_line : "<denied>", sizeof(xen_commandline_t));
    case XENVER_build_id:
        return control ? -ENODATA : -EPERM;
    default:
        return -ENOSYS;
    }
}
