/* Areas in a guest's memory: copies of what a vCPU does, and of the clock. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/msr.h>
#include <xen/vcpu.h>

#define US   1000ull
#define ARG  0x100u
#define AREA 0x2000u /* in the caller's memory */

static void once(struct vcpu *v, struct hvm_exit *exit)
{
    exit->kind = HVM_EXIT_INTERRUPT;
    vcpu_block(v);
}

static long register_area(u32 vcpu, u64 gva)
{
    return hypercall(__HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, vcpu, PUT(ARG, gva));
}

static struct vcpu_runstate_info area(u64 offset)
{
    struct vcpu_runstate_info info;
    u32 words[11];

    if (guest_64) {
        GET(offset, info);
        return info;
    }
    GET(offset, words);
    info = (struct vcpu_runstate_info){.state = (int)words[0]};
    memcpy(&info.state_entry_time, words + 1, 40);
    return info;
}

static struct vcpu_runstate_info at_entry;
static u64 area_offset;

static void look_at_area(struct vcpu *v, struct hvm_exit *exit)
{
    once(v, exit);
    at_entry = area(area_offset);
}

/* It runs until it blocks, and is woken. */
static void run_caller(void)
{
    sched_step(here);
    vcpu_wake(caller);
}

/* One stay of the caller's in its guest, after ns without a CPU, and its area then. */
static struct vcpu_runstate_info stay(u64 offset, u64 ns)
{
    area_offset = offset;
    play = look_at_area;
    step_ns = 4 * US;
    pass(ns);
    run_caller();
    return area(offset);
}

static void the_area_follows(void)
{
    u64 created = now_ns;
    u32 beyond = guest_64 ? 48 : 44;
    u8 ones[64], after[64];

    memset(ones, 0xff, sizeof(ones));
    PUT(AREA, ones);
    pass(9 * US);
    assert_int_equal(register_area(0, at(AREA)), 0);
    assert_int_equal(area(AREA).state, RUNSTATE_runnable); /* it is, in this test */
    assert_int_equal(area(AREA).state_entry_time, created);
    struct vcpu_runstate_info now = stay(AREA, 5 * US);
    assert_int_equal(at_entry.state, RUNSTATE_running);
    assert_int_equal(at_entry.state_entry_time, created + 14 * US);
    assert_int_equal(at_entry.time[RUNSTATE_runnable], 14 * US);
    assert_int_equal(now.state, RUNSTATE_blocked);
    assert_int_equal(now.state_entry_time, now_ns);
    assert_int_equal(now.time[RUNSTATE_running], 4 * US);
    vcpu_block(caller);
    pass(3 * US);
    vcpu_wake(caller);
    stay(AREA, 1 * US);
    assert_int_equal(at_entry.time[RUNSTATE_blocked], 3 * US);
    assert_int_equal(at_entry.time[RUNSTATE_runnable], 15 * US);
    GET(AREA, after);
    assert_memory_equal(after + beyond, ones + beyond, 64 - beyond);
    assert_int_equal(register_area(0, 0), 0);
    now = area(AREA);
    assert_memory_equal(&now, (stay(AREA, 5 * US), &(struct vcpu_runstate_info[]){area(AREA)}), sizeof(now));
}

TEST(the_area_is_written_at_entry_and_exit, .domains = 1)
{
    the_area_follows();
}

TEST(the_area_of_a_32_bit_caller, .domains = 1)
{
    guest_64 = false;
    the_area_follows();
}

/* All that a reader could have seen of the area's state_entry_time. */
static u64 seen[16];
static u32 nr_seen;

static void note_entry_time(void)
{
    const u8 *page = physmap_frame(dom0, at(AREA), false);
    u64 value;

    memcpy(&value, page + (guest_64 ? 8 : 4), sizeof(value));
    if (nr_seen < 16 && (!nr_seen || seen[nr_seen - 1] != value))
        seen[nr_seen++] = value;
}

static void flagged(void)
{
    assert_int_equal(register_area(0, at(AREA)), 0);
    u64 old = area(AREA).state_entry_time;
    for (u32 cmd = VMASST_CMD_enable; cmd <= VMASST_CMD_disable; cmd++) {
        assert_int_equal(hypercall(__HYPERVISOR_vm_assist, cmd, VMASST_TYPE_runstate_update_flag, 0), 0);
        pass(2 * US);
        u64 entered = now_ns;
        nr_seen = 0;
        note_entry_time();
        on_last_unlock = note_entry_time;
        play = once;
        run_caller();
        on_last_unlock = NULL;
        assert_int_equal(seen[0], old);
        if (cmd == VMASST_CMD_enable) {
            assert_true(nr_seen >= 4);
            assert_int_equal(seen[1], old | XEN_RUNSTATE_UPDATE);
            assert_int_equal(seen[2], entered | XEN_RUNSTATE_UPDATE);
            assert_int_equal(seen[3], entered);
        } else {
            assert_true(nr_seen >= 2);
            assert_int_equal(seen[1], entered);
        }
        old = area(AREA).state_entry_time;
        assert_false(old & XEN_RUNSTATE_UPDATE);
    }
}

TEST(the_update_flag, .domains = 1)
{
    step_ns = 4 * US;
    flagged();
}

TEST(the_update_flag_of_a_32_bit_caller, .domains = 1)
{
    guest_64 = false;
    step_ns = 4 * US;
    flagged();
}

TEST(a_bad_address_does_no_harm, .domains = 1)
{
    static const u64 bad[] = {
        1ull << 40, GUEST_BASE + GUEST_BYTES, GUEST_BASE + GUEST_BYTES - 47, ~0ull, 1ull << 63, 1};

    for (u32 assist = 0; assist < 2; assist++) {
        dom0->vm_assist = assist << VMASST_TYPE_runstate_update_flag;
        for (u32 i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            assert_int_equal(register_area(0, bad[i]), 0);
            play = once;
            u64 runs = nr_runs[0][0];
            run_caller();
            assert_int_equal(nr_runs[0][0], runs + 1);
        }
    }
    assert_int_equal(register_area(1, at(AREA)), -ENOENT);
    assert_int_equal(hypercall(__HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, 0, 1ull << 40),
                     -EFAULT);
    assert_int_equal(hypercall(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0, 1ull << 40), -EFAULT);
    assert_int_equal(hypercall(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 1, at(AREA)), -ENOENT);
}

/* The page tables decide, of the vCPU and of the moment: the same address is two places. */
TEST(the_area_is_in_the_vcpus_own_context, .domains = 1)
{
    const u64 directory = GUEST_BYTES - 2 * PAGE_SIZE, table = GUEST_BYTES - PAGE_SIZE;
    u32 entries[1024] = {(u32)at(table) | 3};
    u8 ones[64];

    assert_int_equal(register_area(0, at(AREA)), 0);
    PUT(directory, entries);
    for (u32 i = 0; i < 1024; i++)
        entries[i] = (i == at(AREA) >> PAGE_SHIFT ? i + 1 : i) << PAGE_SHIFT | 3;
    PUT(table, entries);
    memset(ones, 0xff, sizeof(ones));
    PUT(AREA, ones);
    PUT(AREA + PAGE_SIZE, ones);
    guest_paging = (struct hvm_paging){.cr0 = CR0_PG | CR0_PE | CR0_WP, .cr3 = at(directory)};
    play = once;
    run_caller();
    assert_int_equal(area(AREA).state, -1);
    assert_int_equal(area(AREA + PAGE_SIZE).state, RUNSTATE_blocked);
    entries[at(AREA) >> PAGE_SHIFT] &= ~2u; /* read only */
    PUT(table, entries);
    PUT(AREA + PAGE_SIZE, ones);
    run_caller();
    assert_int_equal(area(AREA + PAGE_SIZE).state, -1);
}

TEST(another_vcpu, .domains = 1, .vcpus = 3)
{
    struct vcpu *other = dom0->vcpu[2];
    struct vcpu_runstate_info info;

    pass(6 * US);
    assert_int_equal(hypercall(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 2, at(AREA)), 0);
    info = area(AREA);
    assert_int_equal(info.state, RUNSTATE_offline);
    assert_int_equal(info.time[RUNSTATE_offline], now_ns - info.state_entry_time);
    assert_int_equal(register_area(2, at(AREA)), 0); /* written at once, in the caller's context */
    assert_int_equal(area(AREA).time[RUNSTATE_offline], 0);
    vcpu_block(caller);
    other->attention = true; /* as after INIT: without a STARTUP there is no context in which to write */
    vcpu_start(other);
    play = once;
    run_caller();
    vcpu_offline(other);
    vcpu_wake(caller);
    assert_int_equal(area(AREA).state, RUNSTATE_offline);
    vcpu_online(other);
    vcpu_block(caller);
    run_caller();
    assert_int_equal(nr_runs[0][2], 1);
    assert_int_equal(area(AREA).state, RUNSTATE_blocked);
}

static void a_time_area(void)
{
    struct vcpu_time_info time, info = dom0->vcpu[0]->info->time;
    u8 ones[64], after[64];
    u64 gva = at(AREA + 3);

    memset(ones, 0xff, sizeof(ones));
    PUT(AREA, ones);
    assert_int_equal(hypercall(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_time_memory_area, 0, PUT(ARG, gva)),
                     0);
    GET(AREA + 3, time);
    assert_int_equal(time.version % 2, 0);
    assert_true(time.version > 0);
    assert_int_equal(time.flags, XEN_PVCLOCK_TSC_STABLE_BIT);
    assert_int_equal(time.system_time, 0);
    assert_int_equal(time.tsc_timestamp, time_tsc_start());
    time.version = info.version;
    assert_memory_equal(&time, &info, sizeof(info));
    GET(AREA, after);
    assert_memory_equal(after, ones, 3);
    assert_memory_equal(after + 35, ones, 64 - 35);
    for (u32 vcpu = 0; vcpu < 3; vcpu++) {
        PUT(AREA, ones);
        assert_int_equal(
            hypercall(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_time_memory_area, vcpu, PUT(ARG, gva)),
            vcpu < 2 ? 0 : -ENOENT);
        GET(AREA, after);
        assert_int_equal(memcmp(after, ones, sizeof(ones)) == 0, vcpu == 2);
    }
    gva = 1ull << 31;
    assert_int_equal(hypercall(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_time_memory_area, 0, PUT(ARG, gva)),
                     0);
    assert_int_equal(hypercall(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_time_memory_area, 0, 1ull << 31),
                     -EFAULT);
}

TEST(an_area_of_the_clock, .domains = 1, .vcpus = 2)
{
    a_time_area();
}

TEST(an_area_of_the_clock_of_a_32_bit_caller, .domains = 1, .vcpus = 2)
{
    guest_64 = false;
    a_time_area();
}

TEST(assists, .domains = 1)
{
    static const struct {
        u64 cmd, type;
        long rc;
    } calls[] = {{0, 5, 0},       {1, 5, 0},        {2, 5, -ENOSYS},        {2, 4, -EINVAL},
                 {0, 4, -EINVAL}, {0, 37, -EINVAL}, {0, 5 | 1ull << 32, 0}, {0, ~0ull, -EINVAL}};

    for (u32 i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        assert_int_equal(hypercall(__HYPERVISOR_vm_assist, calls[i].cmd, calls[i].type, 0), calls[i].rc);
    assert_int_equal(dom0->vm_assist, 1u << 5);
}
