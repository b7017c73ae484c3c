/*
 * attack=offline, domain 0 only: takes all memory of the host offline while a domain has claims, tries to build, and
 * takes everything online again. Nothing may crash, no counter may wrap, and all memory is back.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/xc.h>

#define RANGE 512u

static xc_interface *xch;

/* Every frame of the host, on or off. Returns how many calls were refused. */
static u64 all_frames(u64 max_mfn, bool online)
{
    static u32 status[RANGE];
    u64 refused = 0;

    for (u64 first = 0; first <= max_mfn; first += RANGE) {
        u64 last = MIN(first + RANGE - 1, max_mfn);
        refused += (online ? xc_mark_page_online(xch, first, last, status)
                           : xc_mark_page_offline(xch, first, last, status)) != 0;
    }
    return refused;
}

static int claim(u32 domid, u64 pages)
{
    memory_claim_t entry = XEN_NODE_CLAIM_INIT(pages, 0);

    return xc_domain_claim_memory(xch, domid, 1, &entry);
}

bool attack_offline(void)
{
    struct xen_domctl_createdomain config = xc_domain_config(1);
    xc_physinfo_t before, none, after;
    xc_domaininfo_t info;
    u32 domid = 0, other = 0;
    xen_pfn_t frame = 0;

    xch = xc_interface_open();
    if (xc_physinfo(xch, &before) || xc_domain_create(xch, &domid, &config) ||
        xc_domain_setmaxmem(xch, domid, 4 * before.free_pages) || claim(domid, 1000))
        return false;
    u64 refused = all_frames(before.max_mfn, false);
    int rc = xc_physinfo(xch, &none);
    int populated = xc_domain_populate_physmap(xch, domid, 1, 0, 0, &frame);
    int created = xc_domain_create(xch, &other, &config);
    if (!created)
        xc_domain_destroy(xch, other);
    int rc_info = xc_domain_getinfo_single(xch, domid, &info);
    u64 back = all_frames(before.max_mfn, true);
    bool ok = !rc && !rc_info && none.free_pages == 0 && none.outstanding_pages == 0 && populated == 0 &&
              created == -ENOMEM && info.outstanding_pages == 0;
    int claimed = claim(domid, 1000);
    ok = !xc_domain_destroy(xch, domid) && !xc_physinfo(xch, &after) && ok && claimed == 0;
    printf("hostile   offline: %lu ranges refused, %lu back; free %lu, then %lu, then %lu; populate %d, "
           "create %d\n",
           refused, back, before.free_pages, none.free_pages, after.free_pages, populated, created);
    return ok && after.free_pages == before.free_pages && after.outstanding_pages == before.outstanding_pages;
}
