/*
 * attack=fifo: event channels by the FIFO ABI, while vCPU 1 writes rubbish into the event array and the control blocks,
 * the others send, unmask, move and close, and vCPU 0 also gives back the pages and starts over. Ends after ms=
 * milliseconds; then an honest guest must still get its event, and every page that was pinned is given back.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/smp.h>
#include <lib/string.h>
#include <xen/event_channel.h>
#include <xen/memory.h>
#include <xen/vcpu.h>

#define PORTS 64u

static u8 pages[4][PAGE_SIZE] ALIGNED(4096); /* control blocks, and the event array */
static u32 nr_vcpus;
static volatile bool over;
static u64 nr_sent, nr_written, nr_rounds;

static long op(u64 cmd, const void *arg)
{
    return hypercall2(__HYPERVISOR_event_channel_op, cmd, arg);
}

static u64 frame_of(u32 page)
{
    return (u64)(uintptr_t)pages[page] >> PAGE_SHIFT;
}

static bool start(void)
{
    struct evtchn_init_control control = {.control_gfn = frame_of(0)};
    bool ok = true;

    for (control.vcpu = 0; control.vcpu < nr_vcpus; control.vcpu++) {
        control.offset = control.vcpu % 32 * 128;
        ok = op(EVTCHNOP_init_control, &control) == 0 && control.link_bits == EVTCHN_FIFO_LINK_BITS && ok;
    }
    for (u32 i = 1; i < 4; i++) {
        struct evtchn_expand_array array = {frame_of(i)};

        ok = op(EVTCHNOP_expand_array, &array) == 0 && ok;
    }
    return ok;
}

static void reset(void)
{
    struct evtchn_reset arg = {DOMID_SELF};

    op(EVTCHNOP_reset, &arg); /* another vCPU may have opened a port */
}

/* Other pages in place of these, which the hypervisor has pinned. */
static void replace(u32 page)
{
    xen_pfn_t g = frame_of(page);
    struct xen_memory_reservation r = {.extent_start = XEN_HANDLE(&g), .nr_extents = 1, .domid = DOMID_SELF};

    hypercall2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &r);
    while (hypercall2(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &r) != 1)
        reset(); /* the old ones still count */
}

static void write_rubbish(u64 *state)
{
    u64 r = random_next(state);
    u32 page = r & 3;
    volatile u32 *words = (u32 *)pages[page == 3 ? 1 : page];

    words[r >> 8 & 127] = r >> 16 & 1 ? (u32)(r >> 32) : 1u << (r >> 32 & 31);
    __atomic_fetch_add(&nr_written, 1, __ATOMIC_RELAXED);
}

static void use_ports(u64 *state)
{
    u64 r = random_next(state);
    struct evtchn_send port = {1 + (r & (PORTS - 1))};
    struct evtchn_set_priority priority = {port.port, r >> 8 & 15};
    struct evtchn_bind_vcpu to = {port.port, (u32)(r >> 16) % nr_vcpus};
    struct evtchn_bind_ipi ipi = {.vcpu = (u32)(r >> 16) % nr_vcpus};

    switch (r >> 32 & 15) {
    case 0:
        op(EVTCHNOP_set_priority, &priority);
        break;
    case 1:
        op(EVTCHNOP_bind_vcpu, &to);
        break;
    case 2:
        op(EVTCHNOP_close, &port);
        break;
    case 3:
    case 4:
        op(EVTCHNOP_bind_ipi, &ipi);
        break;
    case 5:
        op(EVTCHNOP_unmask, &port);
        break;
    default:
        op(EVTCHNOP_send, &port);
    }
    __atomic_fetch_add(&nr_sent, 1, __ATOMIC_RELAXED);
}

static void body(u32 id)
{
    u64 state = id + 100;

    while (!over) {
        if (id == 1)
            write_rubbish(&state);
        else
            use_ports(&state);
        __builtin_ia32_pause();
    }
    hypercall(__HYPERVISOR_vcpu_op, VCPUOP_down, id, 0, 0, 0);
}

static long own_pages(void)
{
    u16 self = DOMID_SELF;

    return hypercall2(__HYPERVISOR_memory_op, XENMEM_current_reservation, &self);
}

static bool honest(void)
{
    struct evtchn_bind_ipi ipi = {0};

    reset();
    memset(pages, 0, sizeof(pages));
    bool ok = start() && op(EVTCHNOP_bind_ipi, &ipi) == 0;
    struct evtchn_send send = {ipi.port};
    ok = ok && op(EVTCHNOP_send, &send) == 0;
    const volatile struct evtchn_fifo_control_block *block = (void *)pages[0];
    const volatile u32 *words = (u32 *)pages[1];
    ok = ok && words[ipi.port] >> EVTCHN_FIFO_LINKED == 5 &&
         block->head[EVTCHN_FIFO_PRIORITY_DEFAULT] == ipi.port &&
         block->ready == 1u << EVTCHN_FIFO_PRIORITY_DEFAULT;
    reset();
    return ok;
}

bool attack_fifo(void)
{
    u64 state = 5, end = guest_now_ms() + guest_option_number("ms", 1000);
    bool ok = true;

    nr_vcpus = smp_count();
    smp_init();
    smp_body = body;
    for (u32 id = 1; id < nr_vcpus; id++)
        smp_start(id);
    reset();
    long before = own_pages();
    ok = start();
    do {
        for (u32 i = 0; i < 100; i++) {
            use_ports(&state);
            write_rubbish(&state);
        }
        replace((u32)(random_next(&state) & 3));
        reset();
        start();
        nr_rounds++;
    } while (guest_now_ms() < end);
    over = true;
    for (u32 id = 1; id < nr_vcpus; id++)
        while (hypercall(__HYPERVISOR_vcpu_op, VCPUOP_is_up, id, 0, 0, 0) > 0)
            __builtin_ia32_pause();
    ok = honest() && ok;
    long lost = own_pages() - before; /* replaced, and pinned for ever */
    printf("hostile   fifo: %lu calls, %lu words, %lu rounds, %ld pages lost%s\n", nr_sent, nr_written,
           nr_rounds, lost, ok ? "" : ", and no event in the end");
    return ok && !lost && nr_rounds > 0 && nr_sent > 50 && nr_written > 50;
}
