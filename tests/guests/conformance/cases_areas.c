/*
 * What a hypervisor writes of itself into guests' memory: areas of the clock, areas and figures of another vCPU of the
 * caller's domain (the helper's second, which is down), the wall clock; and what a guest can try as a clock itself, the
 * ports of a PC. cases_vcpu.c has the runstate of the caller.
 */
#include <tests/guests/conformance/compat.h>
#include <tests/guests/conformance/conformance.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/vcpu.h>

#define AREA 0x200u /* in the helper's data page */

static u32 flags_of_info(const struct shared_info *shared)
{
    return shared->vcpu_info[0].time.flags;
}

/* Is what a call has written the clock of vcpu_info? */
static void time_case(const char *call, const char *name, long rc, const struct vcpu_time_info *t,
                      const struct shared_info *shared)
{
    const struct vcpu_time_info *info = &shared->vcpu_info[0].time;

    if (t->version == ~0u) {
        case_end(call, name, rc, " written=no");
        return;
    }
    case_end(call, name, rc, " written=yes even=%u scale=%s flags=%s pad=%u", !(t->version & 1),
             t->tsc_to_system_mul == info->tsc_to_system_mul && t->tsc_shift == info->tsc_shift ? "same"
                                                                                                : "other",
             t->flags == flags_of_info(shared) ? "same" : "other", t->pad0 || t->pad1[0] || t->pad1[1]);
}

static void register_time(const char *name, u64 vcpu, void *at, const struct vcpu_time_info *seen,
                          const struct shared_info *shared)
{
    struct vcpu_register_time_memory_area area = {.addr.h = XEN_HANDLE(at)};

    memset((void *)(uintptr_t)seen, 0xff, sizeof(*seen));
    case_begin();
    time_case("vcpu_op.register_vcpu_time_memory_area", name,
              vcpu_op(VCPUOP_register_vcpu_time_memory_area, vcpu, &area), seen, shared);
}

static void time_areas(const struct shared_info *shared)
{
    static struct vcpu_time_info time;
    static u8 pages[2 * PAGE_SIZE] ALIGNED(4096);
    struct vcpu_time_info *across = (void *)(pages + PAGE_SIZE - 13), *edge = edge_ptr(sizeof(time));
    const char *name32 = "vcpu_op_32.register_vcpu_time_memory_area";
    u32 cmd = VCPUOP_register_vcpu_time_memory_area, area32 = PTR32(&time);

    register_time("good", 0, &time, &time, shared);
    register_time("across_pages_unaligned", 0, across, across, shared);
    register_time("to_the_edge", 0, edge, edge, shared);
    register_time("vcpu_1_of_1", 1, &time, &time, shared);
    register_time("vcpu_all_ones", ~0ull, &time, &time, shared);
    register_time("not_mapped", 0, bad_ptr(), &time, shared);
    register_time("no_memory", 0, hole_ptr(), &time, shared);
    register_time("not_canonical", 0, noncanonical_ptr(), &time, shared);
    CASE("vcpu_op.register_vcpu_time_memory_area", "argument_not_mapped", vcpu_op(cmd, 0, bad_ptr()));
    CASE("vcpu_op.register_vcpu_time_memory_area", "argument_over_the_edge", vcpu_op(cmd, 0, edge_ptr(7)));
    memset(&time, 0xff, sizeof(time));
    case_begin();
    long rc = hypercall32(__HYPERVISOR_vcpu_op, cmd, 0, PTR32(&area32), 0, 0);
    time_case(name32, "good", rc, &time, shared);
    CASE(name32, "argument_over_the_edge",
         hypercall32(__HYPERVISOR_vcpu_op, cmd, 0, PTR32(edge_ptr(3)), 0, 0));
    CASE(name32, "argument_no_memory", hypercall32(__HYPERVISOR_vcpu_op, cmd, 0, PTR32(hole_ptr()), 0, 0));
    vcpu_op(cmd, 0, &(struct vcpu_register_time_memory_area){.addr.p = 0});
}

/* --- a vCPU that is down --- */

static long helper_vcpu_op(u32 cmd, u32 vcpu, u64 gaddr)
{
    memset((u8 *)helper_data() + AREA, 0xff, 64);
    return helper_call(__HYPERVISOR_vcpu_op, cmd, vcpu, gaddr, 0, 0);
}

static void other_runstate(const char *call, const char *name, long rc)
{
    const struct vcpu_runstate_info *r = (void *)((u8 *)helper_data() + AREA);

    /* The caller itself may be written of once more, when it has lost its CPU for a moment. */
    case_end(call, name, rc, " state=%d written=%u",
             r->state == RUNSTATE_runnable ? RUNSTATE_running : r->state, r->time[RUNSTATE_offline] != ~0ull);
}

/* Areas that stay are written at any time, in the middle of the next case too. */
static void end_areas(u32 vcpu, u64 area)
{
    memset(helper_data(), 0, sizeof(area));
    helper_vcpu_op(VCPUOP_register_runstate_memory_area, vcpu, helper_gaddr());
    helper_vcpu_op(VCPUOP_register_vcpu_time_memory_area, vcpu, helper_gaddr());
    memcpy(helper_data(), &area, sizeof(area));
}

static void other_vcpu(void)
{
    u64 area = helper_gaddr() + AREA;

    memcpy(helper_data(), &area, sizeof(area));
    for (u32 vcpu = 0; vcpu < 3; vcpu++) {
        char name[16];
        snprintf(name, sizeof(name), "vcpu_%u_of_2", vcpu);
        case_begin();
        other_runstate("vcpu_op.get_runstate_info", name,
                       helper_vcpu_op(VCPUOP_get_runstate_info, vcpu, area));
        case_begin();
        other_runstate("vcpu_op.register_runstate_memory_area", name,
                       helper_vcpu_op(VCPUOP_register_runstate_memory_area, vcpu, helper_gaddr()));
        end_areas(vcpu, area);
        case_begin();
        long rc = helper_vcpu_op(VCPUOP_register_vcpu_time_memory_area, vcpu, helper_gaddr());
        u32 version = *(u32 *)((u8 *)helper_data() + AREA);
        case_end("vcpu_op.register_vcpu_time_memory_area", name, rc, " written=%u", version != ~0u);
        end_areas(vcpu, area);
    }
    memset(helper_data(), 0, sizeof(area));
}

/* The date depends on the machine, and so does the fraction of a second; but not what an offset changes. */
static void wall_clock(const struct shared_info *shared)
{
    static const s64 offsets[] = {3600, -3600, 1ll << 40, 0};
    u64 first = shared->wc_sec | (u64)shared->wc_sec_hi << 32;

    CASE_SHOW("shared_info.wc", "at_start", 0, " even=%u after_2020=%u before_2100=%u ns=%s",
              !(shared->wc_version & 1), first > 1577836800, first < 4102444800,
              shared->wc_nsec < 1000000000 ? "good" : "bad");
    for (u32 i = 0; i < ARRAY_SIZE(offsets); i++) {
        struct xen_domctl op = {.cmd = XEN_DOMCTL_settimeoffset,
                                .u.settimeoffset.time_offset_seconds = offsets[i]};
        char name[32];
        u32 version = shared->wc_version, ns = shared->wc_nsec;

        snprintf(name, sizeof(name), "offset_%u", i);
        case_begin();
        long rc = domctl(&op);
        u64 now = shared->wc_sec | (u64)shared->wc_sec_hi << 32;
        case_end("domctl.settimeoffset", name, rc, " changed=%ld version=%u ns=%s", (long)(now - first),
                 shared->wc_version - version, shared->wc_nsec == ns ? "same" : "other");
    }
}

static void ports(void)
{
    static const u16 nrs[] = {0x20, 0x21, 0x40, 0x41,  0x42,  0x43,  0x60, 0x61,
                              0x64, 0x70, 0x71, 0x3f8, 0x3fd, 0xcf8, 0xcfc};
    char name[32];

    for (u32 i = 0; i < ARRAY_SIZE(nrs); i++)
        for (u32 bytes = 1; bytes <= 4; bytes *= 2) {
            snprintf(name, sizeof(name), "%03x_%u_bytes", nrs[i], bytes);
            CASE_SHOW("port.in", name, 0, " value=%x", helper_in(nrs[i], bytes));
        }
}

void cases_areas(void)
{
    long rc = memory_op(XENMEM_add_to_physmap, &(struct xen_add_to_physmap){.domid = DOMID_SELF,
                                                                            .space = XENMAPSPACE_shared_info,
                                                                            .gpfn = case_gfn(0)});

    if (rc)
        give_up("shared_info", rc);
    time_areas(case_page(0));
    wall_clock(case_page(0));
    helper_start_vcpus(2);
    other_vcpu();
    ports();
    helper_stop();
    memory_op(XENMEM_remove_from_physmap,
              &(struct xen_remove_from_physmap){.domid = DOMID_SELF, .gpfn = case_gfn(0)});
}
