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

/* The words are at the end of memory: exactly those are read and written. */
static void decode(const struct compat_layout *layout, const u32 *w, u32 nr, const void *wanted, u64 bytes)
{
    const struct hypercall call = {.v = caller, .compat = true};
    u64 last = put(GUEST_BYTES - nr * sizeof(*w), w, nr * sizeof(*w));
    u8 native[64];

    for (u32 round = 0; round < 2; round++) {
        memset(native, 0xee, sizeof(native));
        assert_int_equal(read_caller_struct(&call, native, last, layout), 0);
        assert_memory_equal(native, wanted, bytes);
        assert_int_equal(write_caller_struct(&call, last, native, layout), 0); /* and read again */
    }
    assert_int_equal(read_caller_struct(&call, native, last + 1, layout), -EFAULT);
    assert_int_equal(write_caller_struct(&call, last + 1, native, layout), -EFAULT);
}
/* The words, and what they are as a `struct xen`. */
#define W(...) (const u32[]){__VA_ARGS__}, sizeof((const u32[]){__VA_ARGS__}) / sizeof(u32)
#define DECODED(layout, words, xen, ...) \
    do { \
        static const struct xen wanted = {__VA_ARGS__}; \
        decode(&(layout), words, &wanted, sizeof(wanted)); \
    } while (0)

CALL_TEST(structures)
{
    DECODED(compat_memory_reservation, W(0x80000001, 0xfffffff2, 0x80000003, 0x80000004, 0xffff8005),
            xen_memory_reservation, .extent_start = 0x80000001, .nr_extents = 0xfffffff2,
            .extent_order = 0x80000003, .mem_flags = 0x80000004, .domid = 0x8005);
    DECODED(compat_add_to_physmap, W(0x00021001, 3, 0x80000004, 0xfffffff5), xen_add_to_physmap,
            .domid = 0x1001, .size = 2, .space = 3, .idx = 0x80000004, .gpfn = 0xfffffff5);
    DECODED(compat_add_to_physmap_batch, W(0x00021001, 0x00040003, 5, 6, 0xf0000007),
            xen_add_to_physmap_batch, .domid = 0x1001, .space = 2, .size = 3, .u.foreign_domid = 4, .idxs = 5,
            .gpfns = 6, .errs = 0xf0000007);
    DECODED(compat_remove_from_physmap, W(0xffff0007, 0xf0000001), xen_remove_from_physmap, .domid = 7,
            .gpfn = 0xf0000001);
    DECODED(compat_memory_map, W(9, 0xf0000002), xen_memory_map, .nr_entries = 9, .buffer = 0xf0000002);
    DECODED(compat_foreign_memory_map, W(0xffff0003, 8, 0xf0000003), xen_foreign_memory_map, .domid = 3,
            .map = {8, 0xf0000003});
    DECODED(compat_pod_target, W(1, 2, 3, 4, 5, 6, 7, 8, 0xffff0009), xen_pod_target,
            .target_pages = 0x200000001, .tot_pages = 0x400000003, .pod_cache_pages = 0x600000005,
            .pod_entries = 0x800000007, .domid = 9);
    DECODED(compat_sched_poll, W(0xf0000001, 2, 0x33333333, 0x44444444), sched_poll, .ports = 0xf0000001,
            .nr_ports = 2, .timeout = 0x4444444433333333);
    DECODED(compat_vcpu_set_singleshot_timer, W(0x11111111, 0x22222222, 3), vcpu_set_singleshot_timer,
            .timeout_abs_ns = 0x2222222211111111, .flags = 3);
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

CALL_TEST(figures_are_narrowed)
{
    dom(1)->mem.max_pages = 0xffffffffull;
    WORDS(ARG, 1);
    assert_int_equal(memory_op(XENMEM_maximum_reservation), 0x7fffffff); /* as Xen: never like an error */
    assert_int_equal(caller->hvm.regs.rax, 0x7fffffff);
    WORDS(ARG, 0, 5, 0, 0, 1);
    assert_int_equal(memory_op(XENMEM_increase_reservation), 5);
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
