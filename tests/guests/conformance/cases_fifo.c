/* The FIFO event ABI, used by the helper: its calls, and what the hypervisor writes into event words and queues. */
#include <tests/guests/conformance/guest_caller.h>
#include <lib/string.h>
#include <xen/event_channel.h>

/* In the helper: a page for the control block, and two of the event array. */
#define CONTROL  0xe00000ull
#define ARRAY    0xe01000ull
#define BLOCK    0x40u /* offset */
#define NO_FRAME 0x3000000ull

static long call(u64 cmd, const void *arg, u64 size)
{
    return helper_call(__HYPERVISOR_event_channel_op, cmd, guest_put(0, arg, size), 0, 0, 0);
}

static long init(u64 gaddr, u32 offset, u32 vcpu)
{
    struct evtchn_init_control arg = {.control_gfn = gaddr >> PAGE_SHIFT, .offset = offset, .vcpu = vcpu};

    return call(EVTCHNOP_init_control, &arg, sizeof(arg));
}

static u32 link_bits(void)
{
    return ((struct evtchn_init_control *)helper_data())->link_bits;
}

static long expand(u64 gaddr)
{
    struct evtchn_expand_array arg = {gaddr >> PAGE_SHIFT};

    return call(EVTCHNOP_expand_array, &arg, sizeof(arg));
}

static long priority(u32 port, u32 value)
{
    struct evtchn_set_priority arg = {port, value};

    return call(EVTCHNOP_set_priority, &arg, sizeof(arg));
}

static long by_port(u64 cmd, u32 port)
{
    struct evtchn_send arg = {port};

    return call(cmd, &arg, sizeof(arg));
}

static u32 bind_ipi(void)
{
    struct evtchn_bind_ipi arg = {0};

    return call(EVTCHNOP_bind_ipi, &arg, sizeof(arg)) ? 0 : ((struct evtchn_bind_ipi *)helper_data())->port;
}

static long reset(void)
{
    struct evtchn_reset arg = {DOMID_SELF};

    return call(EVTCHNOP_reset, &arg, sizeof(arg));
}

static u32 word(u32 port)
{
    return (u32)helper_load(ARRAY + port * sizeof(event_word_t), sizeof(event_word_t));
}

static void set_word(u32 port, u32 value)
{
    helper_store(ARRAY + port * sizeof(event_word_t), sizeof(event_word_t), value);
}

static u32 ready(void)
{
    return (u32)helper_load(CONTROL + BLOCK, sizeof(u32));
}

static u32 head(u32 queue)
{
    return (u32)helper_load(CONTROL + BLOCK + offsetof(struct evtchn_fifo_control_block, head[queue]),
                            sizeof(u32));
}

static void clear_pages(void)
{
    for (u64 at = CONTROL; at < ARRAY + 2 * PAGE_SIZE; at += sizeof(u64))
        helper_store(at, sizeof(u64), 0);
}

#define SHOW(name, expr, port) \
    CASE_SHOW("evtchn_op.send", name, expr, " word=%#x ready=%#x head7=%u", word(port), ready(), head(7))

static void before(u32 port)
{
    CASE("evtchn_op.expand_array", "before_init", expand(ARRAY));
    CASE("evtchn_op.expand_array", "before_init_no_memory", expand(NO_FRAME));
    CASE("evtchn_op.set_priority", "before_init", priority(port, 3));
    CASE("evtchn_op.set_priority", "before_init_no_port", priority(4000, 3));
    CASE("evtchn_op.set_priority", "before_init_too_low", priority(port, 16));
    CASE("evtchn_op.init_control", "no_vcpu", init(CONTROL, BLOCK, 1));
    CASE("evtchn_op.init_control", "no_vcpu_all_ones", init(CONTROL, BLOCK, ~0u));
    CASE("evtchn_op.init_control", "not_aligned", init(CONTROL, BLOCK + 4, 0));
    CASE("evtchn_op.init_control", "over_the_page", init(CONTROL, PAGE_SIZE - 64, 0));
    CASE("evtchn_op.init_control", "offset_all_ones", init(CONTROL, ~0u, 0));
    CASE("evtchn_op.init_control", "offset_all_ones_no_vcpu", init(CONTROL, ~0u, 9));
    CASE("evtchn_op.init_control", "no_memory", init(NO_FRAME, BLOCK, 0));
    CASE("evtchn_op.init_control", "frame_all_ones", init(~0ull << PAGE_SHIFT, BLOCK, 0));
    CASE("evtchn_op.init_control", "not_mapped",
         helper_call(__HYPERVISOR_event_channel_op, EVTCHNOP_init_control, BAD_GVA, 0, 0, 0));
    CASE("evtchn_op.send", "two_levels_still", by_port(EVTCHNOP_send, port));
}

static void words(u32 pending)
{
    u32 a = bind_ipi(), b = bind_ipi(), c = bind_ipi();

    CASE_SHOW("evtchn_op.init_control", "good", init(CONTROL, BLOCK, 0), " link_bits=%u", link_bits());
    CASE("evtchn_op.init_control", "again", init(CONTROL, BLOCK, 0));
    CASE("evtchn_op.init_control", "again_elsewhere", init(ARRAY + PAGE_SIZE, 0, 0));
    CASE("evtchn_op.send", "without_a_word", by_port(EVTCHNOP_send, a));
    CASE("evtchn_op.expand_array", "no_memory", expand(NO_FRAME));
    set_word(b, 1u << EVTCHN_FIFO_MASKED);
    CASE_SHOW("evtchn_op.expand_array", "good", expand(ARRAY), " was_pending=%#x sent=%#x ready=%#x head7=%u",
              word(pending), word(a), ready(), head(7));
    SHOW("masked", by_port(EVTCHNOP_send, b), b);
    SHOW("behind", by_port(EVTCHNOP_send, c), c);
    SHOW("behind_the_tail_before", by_port(EVTCHNOP_send, c), a);
    SHOW("unmask", by_port(EVTCHNOP_unmask, b), b);
    SHOW("unmask_twice", by_port(EVTCHNOP_unmask, b), c);
    helper_store(CONTROL + BLOCK, sizeof(u32), 0);
    for (u32 port = pending; port <= c; port++)
        set_word(port, 0);
    SHOW("after_all_were_taken", by_port(EVTCHNOP_send, c), c);
    SHOW("another", by_port(EVTCHNOP_send, a), a);
    CASE("evtchn_op.set_priority", "16", priority(b, 16));
    CASE("evtchn_op.set_priority", "all_ones", priority(b, ~0u));
    CASE("evtchn_op.set_priority", "no_port", priority(4000, 1));
    CASE("evtchn_op.set_priority", "port_0", priority(0, 1));
    CASE("evtchn_op.set_priority", "beyond_all", priority(1u << 20, 1));
    CASE("evtchn_op.set_priority", "0", priority(b, 0));
    CASE_SHOW("evtchn_op.send", "priority_0", by_port(EVTCHNOP_send, b), " word=%#x ready=%#x head0=%u",
              word(b), ready(), head(0));
    SHOW("close", by_port(EVTCHNOP_close, a), a);
    SHOW("unmask_a_closed_one", by_port(EVTCHNOP_unmask, a), a);
    SHOW("bind_again_and_send", by_port(EVTCHNOP_send, bind_ipi()), a);
}

static void the_rest(void)
{
    u32 full = 0;
    long rc = 0;

    CASE("evtchn_op.expand_array", "second_page", expand(ARRAY + PAGE_SIZE));
    while (!rc && full < 200 && !(rc = expand(ARRAY + PAGE_SIZE)))
        full++;
    CASE_SHOW("evtchn_op.expand_array", "until_full", rc, " pages=%u", full);
    CASE("evtchn_op.expand_array", "full_no_memory", expand(NO_FRAME));
    CASE("evtchn_op.reset", "fifo", reset());
    CASE("evtchn_op.expand_array", "after_reset", expand(ARRAY));
    u32 port = bind_ipi();
    CASE_SHOW("evtchn_op.send", "after_reset", by_port(EVTCHNOP_send, port), " port=%u", port);
    clear_pages();
    CASE_SHOW("evtchn_op.init_control", "after_reset", init(CONTROL, BLOCK, 0), " link_bits=%u", link_bits());
    CASE_SHOW("evtchn_op.expand_array", "after_init_again", expand(ARRAY), " word=%#x ready=%#x head7=%u",
              word(port), ready(), head(7));
    CASE("evtchn_op.reset", "fifo_again", reset());
}

void cases_fifo(void)
{
    helper_start();
    clear_pages();
    reset();
    u32 pending = bind_ipi();
    before(pending);
    words(pending);
    the_rest();
    helper_stop();
}
