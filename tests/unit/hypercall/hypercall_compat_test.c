/* 32-bit callers: every structure whose layout is theirs, results narrowed, continuations in 32-bit
 * registers. The offsets are those of libxen-dev's headers under gcc -m32. */
#define GUEST_BASE 0x40000000ull
#include "hypercall_harness.h"
#include <hypercall/compat.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#define ARG  0x100u  /* offsets in the guest: the argument, */
#define LIST 0x2000u /* and an array */

static void setup_32(void)
{
    machine_setup();
    caller_64 = false;
}

/* Writes nr 32-bit words at offset; the rest of the page is filled with ones, which no call may look at. */
static u64 words(u64 offset, const u32 *w, u32 nr)
{
    memset(guest + offset, 0xff, 128);
    return put(offset, w, nr * sizeof(*w));
}
#define WORDS(offset, ...) \
    words(offset, (const u32[]){__VA_ARGS__}, sizeof((const u32[]){__VA_ARGS__}) / sizeof(u32))
static u32 word(u64 offset)
{
    u32 w;

    GET(offset, w);
    return w;
}
#define LO(x) ((u32)at(x))

/* --- the decoders by themselves: each field has its own value, and lands where it belongs --- */
static const struct hypercall compat_call = {.v = &caller, .compat = true};
#define READ(native, layout) \
    assert_int_equal(read_caller_struct(&compat_call, &(native), at(ARG), &(layout)), 0)

TEST(memory_structures)
{
    struct xen_memory_reservation res;
    struct xen_add_to_physmap atp;
    struct xen_add_to_physmap_batch batch;
    struct xen_remove_from_physmap rem;
    struct xen_memory_map map;
    struct xen_foreign_memory_map fmap;

    memset(&res, 0xee, sizeof(res));
    WORDS(ARG, 0x80000001, 0xfffffff2, 0x80000003, 0x80000004, 0xffff8005);
    READ(res, compat_memory_reservation);
    assert_int_equal(res.extent_start, 0x80000001);
    assert_int_equal(res.nr_extents, 0xfffffff2);
    assert_int_equal(res.extent_order, 0x80000003);
    assert_int_equal(res.mem_flags, 0x80000004);
    assert_int_equal(res.domid, 0x8005);
    WORDS(ARG, 0x00021001, 3, 0x80000004, 0xfffffff5);
    READ(atp, compat_add_to_physmap);
    assert_int_equal(atp.domid, 0x1001);
    assert_int_equal(atp.size, 2);
    assert_int_equal(atp.space, 3);
    assert_int_equal(atp.idx, 0x80000004);
    assert_int_equal(atp.gpfn, 0xfffffff5);
    WORDS(ARG, 0x00021001, 0x00040003, 5, 6, 0xf0000007);
    READ(batch, compat_add_to_physmap_batch);
    assert_int_equal(batch.domid, 0x1001);
    assert_int_equal(batch.space, 2);
    assert_int_equal(batch.size, 3);
    assert_int_equal(batch.u.foreign_domid, 4);
    assert_int_equal(batch.idxs, 5);
    assert_int_equal(batch.gpfns, 6);
    assert_int_equal(batch.errs, 0xf0000007);
    WORDS(ARG, 0xffff0007, 0xf0000001);
    READ(rem, compat_remove_from_physmap);
    assert_int_equal(rem.domid, 7);
    assert_int_equal(rem.gpfn, 0xf0000001);
    WORDS(ARG, 9, 0xf0000002);
    READ(map, compat_memory_map);
    assert_int_equal(map.nr_entries, 9);
    assert_int_equal(map.buffer, 0xf0000002);
    WORDS(ARG, 0xffff0003, 8, 0xf0000003);
    READ(fmap, compat_foreign_memory_map);
    assert_int_equal(fmap.domid, 3);
    assert_int_equal(fmap.map.nr_entries, 8);
    assert_int_equal(fmap.map.buffer, 0xf0000003);
}

TEST(time_structures)
{
    struct sched_poll poll;
    struct vcpu_set_singleshot_timer shot;

    WORDS(ARG, 0xf0000001, 2, 0x33333333, 0x44444444);
    READ(poll, compat_sched_poll);
    assert_int_equal(poll.ports, 0xf0000001);
    assert_int_equal(poll.nr_ports, 2);
    assert_int_equal(poll.timeout, 0x4444444433333333);
    WORDS(ARG, 0x11111111, 0x22222222, 3);
    READ(shot, compat_vcpu_set_singleshot_timer);
    assert_int_equal(shot.timeout_abs_ns, 0x2222222211111111);
    assert_int_equal(shot.flags, 3);
}

/* Exactly the 32-bit structure is read and written: its last byte at the end of what is mapped. */
TEST(exact_sizes)
{
    static const struct {
        const struct compat_layout *layout;
        u32 bytes;
    } all[] = {
        {&compat_memory_reservation, 20},
        {&compat_add_to_physmap, 16},
        {&compat_add_to_physmap_batch, 20},
        {&compat_remove_from_physmap, 8},
        {&compat_memory_map, 8},
        {&compat_foreign_memory_map, 12},
        {&compat_sched_poll, 16},
        {&compat_vcpu_set_singleshot_timer, 12},
    };
    u8 native[64] = {0};

    for (u32 i = 0; i < ARRAY_SIZE(all); i++) {
        u64 last = at(GUEST_BYTES - all[i].bytes);

        assert_int_equal(read_caller_struct(&compat_call, native, last, all[i].layout), 0);
        assert_int_equal(read_caller_struct(&compat_call, native, last + 1, all[i].layout), -EFAULT);
        assert_int_equal(write_caller_struct(&compat_call, last, native, all[i].layout), 0);
        assert_int_equal(write_caller_struct(&compat_call, last + 1, native, all[i].layout), -EFAULT);
    }
}

TEST(longs)
{
    const u64 out[2] = {0x1111111122222222, ~0ull - 1};
    u64 in[2] = {7, 7};

    WORDS(LIST, 1, 0x80000002, 3);
    assert_int_equal(read_caller_longs(&compat_call, in, at(LIST + 4), 2), 0);
    assert_int_equal(in[0], 0x80000002);
    assert_int_equal(in[1], 3);
    assert_int_equal(read_caller_long(&compat_call, in, at(LIST), 1), 0);
    assert_int_equal(in[0], 0x80000002);
    assert_int_equal(read_caller_long(&compat_call, in, at(GUEST_BYTES - 8), 2), -EFAULT);
    assert_int_equal(in[0], 0x80000002);
    assert_int_equal(write_caller_longs(&compat_call, at(LIST), out, 2), 0);
    assert_int_equal(word(LIST), 0x22222222);
    assert_int_equal(word(LIST + 4), 0xfffffffe);
    assert_int_equal(word(LIST + 8), 3);
}

/* --- the calls --- */
static long memory(u32 cmd)
{
    return hypercall(__HYPERVISOR_memory_op, cmd, at(ARG), 0);
}

TEST(reservations)
{
    for (u32 i = 0; i < 300; i++) {
        u32 g = 0x1000 + i;
        put(LIST + 4 * i, &g, sizeof(g));
    }
    yield_every = 7;
    place_at_most = 1;
    WORDS(ARG, LO(LIST), 300, 0, 0, 1);
    assert_int_equal(memory(XENMEM_populate_physmap), 300);
    assert_true(restarts >= 40); /* the extent goes on in EBX */
    assert_int_equal(domains[1]->mem.tot_pages, 300);
    assert_int_equal(nr_mappings, 300);
    assert_int_equal(physmap_lookup(domains[1], gfn(0x1000 + 299)).type, NP_RAM);
    WORDS(ARG, 1);
    assert_int_equal(memory(XENMEM_current_reservation), 300);
    WORDS(ARG, LO(LIST), 290, 0, 0, 1);
    assert_int_equal(memory(XENMEM_decrease_reservation), 290);
    assert_int_equal(domains[1]->mem.tot_pages, 10);
    WORDS(ARG, 0, 5, 0, 0, 1);
    assert_int_equal(memory(XENMEM_increase_reservation), 5);
    WORDS(ARG, LO(LIST), 0xffffffff, 0, 0, 1);
    assert_int_equal(memory(XENMEM_populate_physmap), 0);
    domains[1]->mem.max_pages = 0xffffffffull;
    WORDS(ARG, 1);
    assert_int_equal(memory(XENMEM_maximum_reservation), 0x7fffffff); /* as Xen: never like an error */
    assert_int_equal(caller.hvm.regs.rax, 0x7fffffff);
    domains[1]->mem.max_pages = 100000;
    WORDS(ARG, 0, 40, 0, 0, 1);
    assert_int_equal(memory(XENMEM_claim_pages), -ENOSYS); /* as Xen 4.17 */
}

TEST(maps)
{
    const struct xen_e820_entry e820[2] = {{0, 0xa0000, 1}, {0x100000, 0x100000, 2}};

    WORDS(ARG, 0, 2, LO(LIST));
    PUT(LIST, e820);
    assert_int_equal(memory(XENMEM_set_memory_map), 0);
    assert_int_equal(domains[0]->nr_e820, 2);
    WORDS(ARG, 77, LO(LIST + 0x100));
    assert_int_equal(memory(XENMEM_memory_map), 0);
    assert_int_equal(word(ARG), 2);
    assert_int_equal(word(ARG + 4), LO(LIST + 0x100));
    assert_int_equal(word(ARG + 8), 0xffffffff); /* nothing behind the structure */
    assert_memory_equal(guest + LIST + 0x100, e820, sizeof(e820));

    WORDS(ARG, DOMID_SELF, XENMAPSPACE_shared_info, 0, 0x55);
    assert_int_equal(memory(XENMEM_add_to_physmap), 0);
    assert_int_equal(physmap_lookup(domains[0], gfn(0x55)).type, NP_SPECIAL);
    WORDS(ARG, DOMID_SELF, 0x55);
    assert_int_equal(memory(XENMEM_remove_from_physmap), 0);
    assert_int_equal(memory(XENMEM_remove_from_physmap), -ENOENT);

    WORDS(LIST, 0, 1, 0, 0x60, 0x61, 0x62, 99, 99, 99);
    WORDS(ARG, DOMID_SELF | XENMAPSPACE_shared_info << 16, 3, LO(LIST), LO(LIST + 12), LO(LIST + 24));
    yield_every = 1;
    assert_int_equal(memory(XENMEM_add_to_physmap_batch), 0);
    assert_int_equal(restarts, 2);
    assert_int_equal(word(LIST + 24), 0);
    assert_int_equal((s32)word(LIST + 28), -EINVAL);
    assert_int_equal(word(LIST + 32), 0);
    assert_int_equal(domains[0]->shared_info_gfn.n, 0x62);
}

TEST(timers_and_events)
{
    const u64 vcpu_op = __HYPERVISOR_vcpu_op;

    assert_int_equal(hypercall(__HYPERVISOR_set_timer_op, 5, 1, 0), 0);
    assert_int_equal(caller.singleshot.deadline_ns, 0x100000005);
    assert_int_equal(hypercall(__HYPERVISOR_set_timer_op, 0, 0, 0), 0);
    assert_int_equal(caller.singleshot.deadline_ns, 0);
    WORDS(ARG, 10, 0x20, VCPU_SSHOTTMR_future);
    assert_int_equal(hypercall(vcpu_op, VCPUOP_set_singleshot_timer, 0, at(ARG)), 0);
    assert_int_equal(caller.singleshot.deadline_ns, 0x200000000a);
    WORDS(ARG, 10, 0, VCPU_SSHOTTMR_future);
    assert_int_equal(hypercall(vcpu_op, VCPUOP_set_singleshot_timer, 0, at(ARG)), -ETIME);
    domains[0]->events.nr_ports = 256;
    WORDS(ARG, LO(LIST), 2, 5000, 1);
    WORDS(LIST, 4, 5);
    assert_int_equal(hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, at(ARG), 0), 0);
    assert_int_equal(caller.nr_poll, 2);
    assert_int_equal(caller.poll_ports[1], 5);
    assert_int_equal(caller.poll_timer.deadline_ns, 0x100001388);
    WORDS(LIST, 4, 256);
    assert_int_equal(hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, at(ARG), 0), -EINVAL);
    WORDS(ARG, 0x7777, 0x7777);
    assert_int_equal(hypercall(__HYPERVISOR_xen_version, XENVER_platform_parameters, at(ARG), 0), 0);
    assert_int_equal(word(ARG), 0);
    assert_int_equal(word(ARG + 4), 0x7777);
}

TEST(multicalls)
{
    for (u32 g = 0; g < 20; g++)
        put(LIST + 4 * g, &g, sizeof(g));
    WORDS(0x1000, LO(LIST), 20, 0, 0, 1);
    memset(guest + ARG, 0xff, 128);
    PUT(ARG, ((const u32[]){__HYPERVISOR_memory_op, 9, XENMEM_populate_physmap, LO(0x1000)}));
    PUT(ARG + 32, ((const u32[]){__HYPERVISOR_multicall}));
    PUT(ARG + 64, ((const u32[]){999, 9}));
    yield_every = 3;
    place_at_most = 1; /* however few extents are done at a time */
    assert_int_equal(hypercall(__HYPERVISOR_multicall, at(ARG), 3, 0), 0);
    assert_true(restarts >= 6);
    assert_int_equal(word(ARG + 4), 20);
    assert_int_equal(domains[1]->mem.tot_pages, 20);
    assert_int_equal((s32)word(ARG + 36), -EINVAL);
    assert_int_equal((s32)word(ARG + 68), -ENOSYS);
    assert_int_equal(word(ARG + 96), 0xffffffff);
    assert_int_equal(hypercall(__HYPERVISOR_multicall, at(GUEST_BYTES - 32), 2, 0), -EFAULT);
}

FIXTURE(setup_32, machine_teardown)
