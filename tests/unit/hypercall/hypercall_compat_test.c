/* 32-bit callers: every structure whose layout is theirs, results narrowed, continuations in 32-bit registers. The
 * offsets are those of libxen-dev's headers under gcc -m32. */
#include "calls.h"

#include <hypercall/compat.h>
#include <xen/event_channel.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

/* Writes nr 32-bit words at offset; what follows is filled with ones, which no call may look at. */
static u64 words(u64 offset, const u32 *w, u32 nr)
{
    u8 ones[128];

    memset(ones, 0xff, sizeof(ones));
    PUT(offset, ones);
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

/* After WORDS(ARG, ...): what they are as a `struct xen`. */
#define DECODED(xen, layout, ...) \
    do { \
        static const struct xen wanted = {__VA_ARGS__}; \
        const struct hypercall call = {.v = caller, .compat = true}; \
        struct xen native; \
        memset(&native, 0xee, sizeof(native)); \
        assert_int_equal(read_caller_struct(&call, &native, at(ARG), &(layout)), 0); \
        assert_memory_equal(&native, &wanted, sizeof(wanted)); \
    } while (0)

CALL_TEST(structures)
{
    WORDS(ARG, 0x80000001, 0xfffffff2, 0x80000003, 0x80000004, 0xffff8005);
    DECODED(xen_memory_reservation, compat_memory_reservation, .extent_start = 0x80000001,
            .nr_extents = 0xfffffff2, .extent_order = 0x80000003, .mem_flags = 0x80000004, .domid = 0x8005);
    WORDS(ARG, 0x00021001, 3, 0x80000004, 0xfffffff5);
    DECODED(xen_add_to_physmap, compat_add_to_physmap, .domid = 0x1001, .size = 2, .space = 3,
            .idx = 0x80000004, .gpfn = 0xfffffff5);
    WORDS(ARG, 0x00021001, 0x00040003, 5, 6, 0xf0000007);
    DECODED(xen_add_to_physmap_batch, compat_add_to_physmap_batch, .domid = 0x1001, .space = 2, .size = 3,
            .u.foreign_domid = 4, .idxs = 5, .gpfns = 6, .errs = 0xf0000007);
    WORDS(ARG, 0xffff0007, 0xf0000001);
    DECODED(xen_remove_from_physmap, compat_remove_from_physmap, .domid = 7, .gpfn = 0xf0000001);
    WORDS(ARG, 9, 0xf0000002);
    DECODED(xen_memory_map, compat_memory_map, .nr_entries = 9, .buffer = 0xf0000002);
    WORDS(ARG, 0xffff0003, 8, 0xf0000003);
    DECODED(xen_foreign_memory_map, compat_foreign_memory_map, .domid = 3, .map = {8, 0xf0000003});
    WORDS(ARG, 0xf0000001, 2, 0x33333333, 0x44444444);
    DECODED(sched_poll, compat_sched_poll, .ports = 0xf0000001, .nr_ports = 2, .timeout = 0x4444444433333333);
    WORDS(ARG, 0x11111111, 0x22222222, 3);
    DECODED(vcpu_set_singleshot_timer, compat_vcpu_set_singleshot_timer, .timeout_abs_ns = 0x2222222211111111,
            .flags = 3);
}

/* Exactly the 32-bit structure is read and written: its last byte at the end of what is mapped. */
CALL_TEST(exact_sizes)
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
    const struct hypercall call = {.v = caller, .compat = true};
    u8 native[64] = {0};

    for (u32 i = 0; i < ARRAY_SIZE(all); i++) {
        u64 last = at(GUEST_BYTES - all[i].bytes);

        assert_int_equal(read_caller_struct(&call, native, last, all[i].layout), 0);
        assert_int_equal(read_caller_struct(&call, native, last + 1, all[i].layout), -EFAULT);
        assert_int_equal(write_caller_struct(&call, last, native, all[i].layout), 0);
        assert_int_equal(write_caller_struct(&call, last + 1, native, all[i].layout), -EFAULT);
    }
}

CALL_TEST(longs)
{
    const u64 out[2] = {0x1111111122222222, ~0ull - 1};
    const struct hypercall call = {.v = caller, .compat = true};
    u64 in[2] = {7, 7};

    WORDS(LIST, 1, 0x80000002, 3);
    assert_int_equal(read_caller_longs(&call, in, at(LIST + 4), 2), 0);
    assert_int_equal(in[0], 0x80000002);
    assert_int_equal(in[1], 3);
    assert_int_equal(read_caller_long(&call, in, at(LIST), 1), 0);
    assert_int_equal(in[0], 0x80000002);
    assert_int_equal(read_caller_long(&call, in, at(GUEST_BYTES - 8), 2), -EFAULT);
    assert_int_equal(in[0], 0x80000002);
    assert_int_equal(write_caller_longs(&call, at(LIST), out, 2), 0);
    assert_int_equal(word(LIST), 0x22222222);
    assert_int_equal(word(LIST + 4), 0xfffffffe);
    assert_int_equal(word(LIST + 8), 3);
}

/* --- the calls --- */

static void in_32_bits(void)
{
    guest_64 = false;
}
FIXTURE(in_32_bits, NULL)

static long memory_op(u32 cmd)
{
    return hypercall(__HYPERVISOR_memory_op, cmd, at(ARG), 0);
}

CALL_TEST(reservations)
{
    yield_every = 1;
    assert_int_equal(populate_extents(300, 0x1000, 0, 0), 300);
    assert_int_equal(restarts, 4); /* the extent goes on in EBX */
    assert_int_equal(dom(1)->mem.tot_pages, 300);
    assert_true(is_mapped(1, 0x1000) && is_mapped(1, 0x1000 + 299));
    WORDS(ARG, 1);
    assert_int_equal(memory_op(XENMEM_current_reservation), 300);
    extents(290, 0x1000, 0, 0);
    assert_int_equal(do_extents(XENMEM_decrease_reservation), 290);
    WORDS(ARG, 0, 5, 0, 0, 1);
    assert_int_equal(memory_op(XENMEM_increase_reservation), 5);
    assert_int_equal(dom(1)->mem.tot_pages, 15);
    WORDS(ARG, LO(LIST), 0xffffffff, 0, 0, 1);
    assert_int_equal(memory_op(XENMEM_populate_physmap), 0);
    dom(1)->mem.max_pages = 0xffffffffull;
    WORDS(ARG, 1);
    assert_int_equal(memory_op(XENMEM_maximum_reservation), 0x7fffffff); /* as Xen: never like an error */
    assert_int_equal(caller->hvm.regs.rax, 0x7fffffff);
    WORDS(ARG, 0, 40, 0, 0, 1);
    assert_int_equal(memory_op(XENMEM_claim_pages), -ENOSYS); /* as Xen 4.17 */
}

CALL_TEST(maps)
{
    const struct xen_e820_entry e820[2] = {{0, 0xa0000, 1}, {0x100000, 0x100000, 2}};
    struct xen_e820_entry got[2];

    WORDS(ARG, 0, 2, LO(LIST));
    PUT(LIST, e820);
    assert_int_equal(memory_op(XENMEM_set_memory_map), 0);
    assert_int_equal(dom0->nr_e820, 2);
    WORDS(ARG, 77, LO(LIST + 0x100));
    assert_int_equal(memory_op(XENMEM_memory_map), 0);
    assert_int_equal(word(ARG), 2);
    assert_int_equal(word(ARG + 4), LO(LIST + 0x100));
    assert_int_equal(word(ARG + 8), 0xffffffff); /* nothing after the structure */
    GET(LIST + 0x100, got);
    assert_memory_equal(got, e820, sizeof(e820));

    WORDS(ARG, DOMID_SELF, XENMAPSPACE_shared_info, 0, 0x55);
    assert_int_equal(memory_op(XENMEM_add_to_physmap), 0);
    assert_int_equal(physmap_lookup(dom0, gfn(0x55)).type, NP_SPECIAL);
    WORDS(ARG, DOMID_SELF, 0x55);
    assert_int_equal(memory_op(XENMEM_remove_from_physmap), 0);
    assert_int_equal(memory_op(XENMEM_remove_from_physmap), -ENOENT);

    WORDS(LIST, 0, 1, 0, 0x60, 0x61, 0x62, 99, 99, 99);
    WORDS(ARG, DOMID_SELF | XENMAPSPACE_shared_info << 16, 3, LO(LIST), LO(LIST + 12), LO(LIST + 24));
    yield_every = 1;
    assert_int_equal(memory_op(XENMEM_add_to_physmap_batch), 0);
    assert_int_equal(restarts, 2);
    assert_int_equal(word(LIST + 24), 0);
    assert_int_equal((s32)word(LIST + 28), -EINVAL);
    assert_int_equal(word(LIST + 32), 0);
    assert_int_equal(dom0->shared_info_gfn.n, 0x62);
}

CALL_TEST(timers_and_events)
{
    const u64 vcpu_op = __HYPERVISOR_vcpu_op;
    u32 port;

    assert_int_equal(hypercall(__HYPERVISOR_set_timer_op, 5, 1, 0), 0);
    assert_int_equal(caller->singleshot.deadline_ns, 0x100000005);
    assert_int_equal(hypercall(__HYPERVISOR_set_timer_op, 0, 0, 0), 0);
    assert_int_equal(caller->singleshot.deadline_ns, 0);
    WORDS(ARG, 10, 0x20, VCPU_SSHOTTMR_future);
    assert_int_equal(hypercall(vcpu_op, VCPUOP_set_singleshot_timer, 0, at(ARG)), 0);
    assert_int_equal(caller->singleshot.deadline_ns, 0x200000000a);
    WORDS(ARG, 10, 0, VCPU_SSHOTTMR_future);
    assert_int_equal(hypercall(vcpu_op, VCPUOP_set_singleshot_timer, 0, at(ARG)), -ETIME);
    assert_int_equal(evtchn_bind_ipi(dom0, 0, &port), 0);
    WORDS(ARG, LO(LIST), 2, 5000, 1);
    WORDS(LIST, 4, 5);
    assert_int_equal(hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, at(ARG), 0), 0);
    assert_int_equal(caller->nr_poll, 2);
    assert_int_equal(caller->poll_ports[1], 5);
    assert_int_equal(caller->poll_timer.deadline_ns, 0x100001388);
    WORDS(LIST, 4, 256);
    assert_int_equal(hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, at(ARG), 0), -EINVAL);
    WORDS(ARG, 0x7777, 0x7777);
    assert_int_equal(hypercall(__HYPERVISOR_xen_version, XENVER_platform_parameters, at(ARG), 0), 0);
    assert_int_equal(word(ARG), 0);
    assert_int_equal(word(ARG + 4), 0x7777);
}
