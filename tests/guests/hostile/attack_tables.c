/*
 * attack=tables: page tables in odd places. Entries of the top table refer to the shared info page, the APIC's page,
 * the hypercall page, frames that are not mapped, frames beyond every limit, and the top table itself; hypercalls
 * then get their arguments through them. Each must answer, with any error; with do=access the guest touches the
 * addresses itself, which may end it, and nobody else.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <lib/string.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/version.h>

#define FIRST_SLOT 300u /* of the top table */
#define PRESENT    7u   /* present, writable, user */

static u8 info_page[4096] ALIGNED(4096), odd_table[4096] ALIGNED(4096);

static u64 top_table(void)
{
    u64 cr3;

    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    return cr3 & ~0xfffull;
}

static u64 address(u32 slot, u32 index)
{
    u64 linear =
        (u64)slot << 39 | (u64)index << 30 | (u64)(index * 7 % 512) << 21 | (u64)(index * 3 % 512) << 12;

    return slot >= 256 ? linear | 0xffff000000000000ull : linear;
}

static void touch(void *arg)
{
    volatile u64 *at = arg;

    *at += 1;
}

bool attack_tables(void)
{
    struct xen_add_to_physmap add = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = (u64)info_page >> 12};
    const u64 places[] = {(u64)info_page,    0xfee00000,         top_table(),   (u64)odd_table, 0xfffff000,
                          0x7ffffff00000ull, 0xffffffffff000ull, 0x00080000ull, 0xf0000000ull};
    u64 *top = (u64 *)top_table(), answered = 0, faulted = 0;
    char buf[16];
    const char *mode = guest_option("do", buf, sizeof(buf));
    bool access = mode && !strcmp(mode, "access");

    if (hypercall2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &add)) {
        printf("hostile   tables: no shared info page\n");
        return false;
    }
    /* Entries of a table that are odd in themselves: reserved bits, large pages that are not aligned, all ones. */
    for (u32 i = 0; i < 512; i++)
        ((u64 *)odd_table)[i] = i % 4 == 0   ? ~0ull
                                : i % 4 == 1 ? 0x1fffff083ull
                                : i % 4 == 2 ? 0xff0000000000087ull
                                             : places[i % 9] | PRESENT;
    for (u32 i = 0; i < ARRAY_SIZE(places); i++)
        top[FIRST_SLOT + i] = places[i] | PRESENT;
    __asm__ volatile("mov %%cr3, %%rax; mov %%rax, %%cr3" : : : "rax", "memory");
    for (u32 i = 0; i < ARRAY_SIZE(places); i++)
        for (u32 index = 0; index < 512; index++) {
            u64 at = address(FIRST_SLOT + i, index);

            if (access) {
                faulted += guest_probe(touch, (void *)at) >= 0;
                continue;
            }
            hypercall2(__HYPERVISOR_memory_op, XENMEM_current_reservation, (void *)at);
            hypercall(__HYPERVISOR_multicall, at, 3, 0, 0, 0);
            struct sched_poll poll = {.ports = at, .nr_ports = 4, .timeout = 1};
            hypercall2(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll);
            answered += 3;
        }
    printf("hostile   tables: %lu calls answered, %lu accesses faulted\n", answered, faulted);
    return access ? faulted > 0 : answered == 3ull * 512 * ARRAY_SIZE(places);
}
