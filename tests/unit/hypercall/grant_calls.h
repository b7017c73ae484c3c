/* For tests of what is done with grants: domain 1 grants pages of its own to domain 2, which calls. */
#ifndef TESTS_HYPERCALL_GRANT_CALLS_H
#define TESTS_HYPERCALL_GRANT_CALLS_H

#include "calls.h"

#include <domain/grant/entry.h>

#define WINDOW    0x5000u /* a hole in the map of who maps */
#define PAGES     8u      /* of the granter, from 0x100 on; page i is full of 0x10 + i */
#define PAGE_G(i) (0x100u + (i))

static struct domain *granter;

static inline struct grant_entry_v1 *entry(u32 ref)
{
    return (struct grant_entry_v1 *)mfn_to_virt(granter->grants->frame[ref / GRANTS_PER_FRAME]) +
           ref % GRANTS_PER_FRAME;
}

static inline void grant(u32 ref, u16 to, u64 g, u16 flags)
{
    *entry(ref) = (struct grant_entry_v1){(u16)(GTF_permit_access | flags), to, (u32)g};
}

static inline u8 *page(u32 i)
{
    return mfn_to_virt(physmap_lookup(granter, gfn(PAGE_G(i))).mfn);
}

/* Domain 1 has pages, and grants page i by entry 8 + i to domain 2. */
static inline void make_granter(void)
{
    mfn_t unused;

    granter = dom(1);
    assert_int_equal(grant_frame(granter, 0, &unused), 0);
    for (u32 i = 0; i < PAGES; i++) {
        populate(granter, PAGE_G(i), ORDER_4K);
        memset(page(i), (int)(0x10 + i), PAGE_SIZE);
        grant(8 + i, 2, PAGE_G(i), 0);
    }
    call_from(2);
}

static struct gnttab_map_grant_ref map;
static inline s16 map_at(u32 ref, u64 addr, u32 flags)
{
    map = (struct gnttab_map_grant_ref){
        .host_addr = addr, .flags = flags, .ref = ref, .dom = 1, .status = 99, .handle = ~0u};
    assert_int_equal(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, PUT(ARG, map), 1), 0);
    GET(ARG, map);
    return map.status;
}

static inline s16 map_gfn(u32 ref, u64 g)
{
    return map_at(ref, g << PAGE_SHIFT, GNTMAP_host_map);
}

static inline s16 unmap_with(u32 handle, u64 addr, u64 dev_addr)
{
    struct gnttab_unmap_grant_ref unmap = {addr, dev_addr, handle, 99};

    assert_int_equal(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, PUT(ARG, unmap), 1), 0);
    GET(ARG, unmap);
    return unmap.status;
}

static inline s16 unmap_gfn(u32 handle, u64 g)
{
    return unmap_with(handle, g << PAGE_SHIFT, 0);
}

static inline u8 byte_at(u64 g)
{
    u8 byte = 0;

    if (guest_memory_read(caller->domain, g << PAGE_SHIFT, &byte, 1))
        return 0xee;
    return byte;
}

#endif
