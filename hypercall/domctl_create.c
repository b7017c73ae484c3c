/*
 * createdomain. Validates the request; domain_create() carries it out. Error codes and the order of the
 * checks are Xen's: id in use, flags and counts, unsupported features, grants, CPU pool.
 *
 * As with Xen a failed attempt uses up the id that would have been given.
 */
#include <hypercall/domctl.h>
#include <lib/string.h>

#define CREATE_FLAGS_ALL \
    (XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap | XEN_DOMCTL_CDF_oos_off | XEN_DOMCTL_CDF_xs_domain | \
     XEN_DOMCTL_CDF_iommu | XEN_DOMCTL_CDF_nested_virt | XEN_DOMCTL_CDF_vpmu)
/* Everything a full HVM guest has. */
#define EMU_FULL          (XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI)
#define GRANT_VERSION_MAX 2u
#define CPUPOOL_ONLY      0u

/* Not invalid, and nothing that does not exist here: PV guests, nesting, a virtual PMU, tracing. */
static bool config_valid(const struct xen_domctl_createdomain *config)
{
    u32 flags = config->flags;
    bool iommu = flags & XEN_DOMCTL_CDF_iommu;

    if ((flags & ~CREATE_FLAGS_ALL) || (config->grant_opts & ~(u32)XEN_DOMCTL_GRANT_version_mask))
        return false;
    if (config->max_vcpus < 1 || config->max_vcpus > DOMAIN_MAX_VCPUS)
        return false;
    if (config->iommu_opts & ~(iommu ? XEN_DOMCTL_IOMMU_MAX : 0u))
        return false;
    if (flags & (XEN_DOMCTL_CDF_vpmu | XEN_DOMCTL_CDF_nested_virt))
        return false;
    if ((flags & XEN_DOMCTL_CDF_hap) && !(flags & XEN_DOMCTL_CDF_hvm))
        return false;
    if (config->vmtrace_size)
        return false;
    return !(config->arch.misc_flags & ~XEN_X86_MSR_RELAXED) &&
           !(config->arch.emulation_flags & ~XEN_X86_EMU_ALL);
}

/* A PVH guest has a local APIC only. The full set is accepted as on Xen, but its devices are not emulated. */
static bool emulation_possible(u32 emulation)
{
    return emulation == XEN_X86_EMU_LAPIC || emulation == EMU_FULL;
}

static bool grants_valid(const struct xen_domctl_createdomain *config)
{
    u32 version = XEN_DOMCTL_GRANT_version(config->grant_opts);

    /* Negative limits ask for the default. */
    return version >= 1 && version <= GRANT_VERSION_MAX && config->max_grant_frames != 0 &&
           config->max_grant_frames <= (s32)GRANT_FRAMES_MAX &&
           config->max_maptrack_frames <= (s32)MAPTRACK_FRAMES_MAX;
}

static int check_config(const struct xen_domctl_createdomain *config)
{
    if (!config_valid(config))
        return -EINVAL;
    /* Nested paging means HVM, see above: PV guests end here. */
    if (!emulation_possible(config->arch.emulation_flags) || !(config->flags & XEN_DOMCTL_CDF_hap))
        return -EOPNOTSUPP;
    if (!grants_valid(config))
        return -EINVAL;
    if (config->cpupool_id != CPUPOOL_ONLY)
        return -ESRCH;
    return 0;
}

/* Destroys a domain whose id could not be returned to the caller. It has no memory yet, so this is short. */
static void discard(struct domain *d)
{
    while (domain_kill(d) == -ERESTART)
        ;
}

long domctl_createdomain(struct domctl *ctl)
{
    const struct xen_domctl_createdomain *arg = &ctl->op.u.createdomain;
    struct domain_config config = {
        .flags = arg->flags,
        .max_vcpus = arg->max_vcpus,
        .max_evtchn_port = arg->max_evtchn_port,
        .max_grant_frames = arg->max_grant_frames < 0 ? GRANT_FRAMES_MAX : (u32)arg->max_grant_frames,
        .max_maptrack_frames =
            arg->max_maptrack_frames < 0 ? MAPTRACK_FRAMES_MAX : (u32)arg->max_maptrack_frames,
        .emulation_flags = arg->arch.emulation_flags,
        .misc_flags = arg->arch.misc_flags,
    };
    bool named = ctl->op.domain > 0 && ctl->op.domain <= DOMID_MAX;
    struct domain *d;

    int rc = domain_choose_id(named ? ctl->op.domain : DOMID_ANY, &config.domid);
    if (!rc)
        rc = check_config(arg);
    if (rc)
        return rc;
    memcpy(config.handle, arg->handle, sizeof(config.handle));
    rc = domain_create(&config, &d);
    /* Another CPU may have taken the id since: if the caller named none, take the next one. */
    if (rc == -EEXIST && !named) {
        config.domid = DOMID_ANY;
        rc = domain_create(&config, &d);
    }
    if (rc)
        return rc;
    ctl->op.domain = d->id;
    rc = copy_to_guest(ctl->c->v, ctl->c->arg[0], &ctl->op, sizeof(ctl->op));
    if (rc)
        discard(d);
    domain_put(d);
    return rc;
}
