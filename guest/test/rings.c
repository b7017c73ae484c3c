/*
 * mode=rings: a guest that cannot be trusted with what it shares with domain 0. For ms=N milliseconds it writes random
 * bytes to its console ring, to xenstore's ring and to its grant table, and sends their events. Whoever reads them in
 * domain 0 may end its connection with this guest, and must serve all others.
 */
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/test/test.h>
#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>

#define WRITES_A_ROUND 64u

static u8 grants[PAGE_SIZE] ALIGNED(PAGE_SIZE); /* what is mapped over it is the grant table */

static u64 param(u32 index)
{
    struct xen_hvm_param param = {.domid = DOMID_SELF, .index = index};

    return hypercall2(__HYPERVISOR_hvm_op, HVMOP_get_param, &param) ? 0 : param.value;
}

static void write_anything(volatile u32 *page, u64 *seed)
{
    for (u32 i = 0; i < WRITES_A_ROUND; i++) {
        u64 drawn = random_next(seed);
        page[(drawn >> 32) % (PAGE_SIZE / sizeof(*page))] = (u32)drawn;
    }
}

void rings_run(void)
{
    struct xen_add_to_physmap map = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .gpfn = (u64)(uintptr_t)grants >> PAGE_SHIFT};
    u64 pages[] = {param(HVM_PARAM_CONSOLE_PFN) << PAGE_SHIFT, param(HVM_PARAM_STORE_PFN) << PAGE_SHIFT,
                   (u64)(uintptr_t)grants};
    struct evtchn_send ports[] = {{.port = (u32)param(HVM_PARAM_CONSOLE_EVTCHN)},
                                  {.port = (u32)param(HVM_PARAM_STORE_EVTCHN)}};
    u64 until = guest_now_ms() + guest_option_number("ms", 3000), seed = guest_option_number("seed", 1);
    u64 rounds = 0;
    long mapped = hypercall2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &map);

    printf("rings: console %#lx, xenstore %#lx, grant table %s\n", pages[0], pages[1],
           mapped ? "none" : "mapped");
    for (; guest_now_ms() < until; rounds++) {
        for (u32 i = 0; i < ARRAY_SIZE(pages); i++)
            if (pages[i])
                write_anything((volatile u32 *)pages[i], &seed);
        for (u32 i = 0; i < ARRAY_SIZE(ports); i++)
            if (ports[i].port)
                hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &ports[i]);
    }
    printf("rings: %lu rounds\n", rounds);
}
