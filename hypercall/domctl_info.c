/* getdomaininfo's figures. Flags as Xen has them: 0xFFFF0122 for a running domain 0, a code of all ones
 * while not shut down. */
#include <hypercall/domctl.h>
#include <lib/string.h>
#include <mm/claims.h>

#define NO_CODE             0xffffu /* a guest may well give 255: that is 0xff */
#define GUEST_PHYSICAL_BITS 48u
_Static_assert(NP_GFN_LIMIT == 1ull << (GUEST_PHYSICAL_BITS - PAGE_SHIFT), "the physmap's size");

/* Blocked if all online vCPUs are, running if one is; sums up times. */
static void fill_vcpus(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    bool all_blocked = true, any_running = false;

    u32 nr = domain_nr_vcpus(d);

    info->max_vcpu_id = nr ? nr - 1 : XEN_INVALID_MAX_VCPU_ID;
    for (u32 id = 0; id < nr; id++) {
        struct vcpu *v = d->vcpu[id];

        info->cpu_time += vcpu_run_ns(v);
        if (v->state == VCPU_OFFLINE)
            continue;
        info->nr_online_vcpus++;
        all_blocked &= v->state == VCPU_BLOCKED;
        any_running |= v->running;
    }
    if (info->nr_online_vcpus)
        info->flags |= (all_blocked ? XEN_DOMINF_blocked : 0) | (any_running ? XEN_DOMINF_running : 0);
}

void domctl_fill_info(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    *info = (struct xen_domctl_getdomaininfo){
        .domain = d->id,
        .gpaddr_bits = GUEST_PHYSICAL_BITS,
        .arch_config = {.emulation_flags = d->emulation_flags, .misc_flags = d->misc_flags},
    };
    fill_vcpus(d, info);

    spin_lock(&d->lock);
    u32 code = d->shut_down ? d->shutdown_code : NO_CODE;
    info->flags |= XEN_DOMINF_hvm_guest | XEN_DOMINF_hap | (d->dying ? XEN_DOMINF_dying : 0) |
                   (d->shut_down ? XEN_DOMINF_shutdown : 0) | (d->pause_count ? XEN_DOMINF_paused : 0) |
                   (d->create_flags & XEN_DOMCTL_CDF_xs_domain ? XEN_DOMINF_xs_domain : 0) |
                   code << XEN_DOMINF_shutdownshift;
    info->shared_info_frame = d->shared_info_gfn.n;
    memcpy(info->handle, d->handle, sizeof(info->handle));
    spin_unlock(&d->lock);

    spin_lock(&d->mem.lock);
    info->tot_pages = d->mem.tot_pages;
    info->max_pages = d->mem.max_pages;
    spin_unlock(&d->mem.lock);
    info->outstanding_pages = claim_outstanding(&d->mem);
}
