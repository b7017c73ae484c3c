/*
 * A guest that is talked to: what comes in by the console ring is written back, and a line that is complete is a
 * command. Interrupts stay off; it sleeps by SCHEDOP_poll on the console's port.
 */
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/lock.h>
#include <guest/test/test.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/io/console.h>
#include <xen/memory.h>
#include <xen/sched.h>

#define LINE_BYTES 80u

static u8 shared_page[PAGE_SIZE] ALIGNED(PAGE_SIZE);
static volatile struct xencons_interface *ring;
static evtchn_port_t port;

static void notify(void)
{
    struct evtchn_send arg = {.port = port};

    hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &arg);
}

/* Until domain 0 has read or written. */
static void wait(void)
{
    volatile struct shared_info *shared = (volatile struct shared_info *)(uintptr_t)shared_page;
    struct sched_poll poll = {.ports = XEN_HANDLE(&port), .nr_ports = 1};

    hypercall2(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll);
    __atomic_and_fetch(&shared->evtchn_pending[port / 64], ~(1ull << port % 64), __ATOMIC_SEQ_CST);
}

static void put(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while (ring->out_prod - ring->out_cons >= sizeof(ring->out)) {
            notify();
            wait();
        }
        ring->out[MASK_XENCONS_IDX(ring->out_prod, ring->out)] = text[i];
        __atomic_store_n(&ring->out_prod, ring->out_prod + 1, __ATOMIC_RELEASE);
    }
    notify();
}

static void put_text(const char *text)
{
    put(text, strlen(text));
}

static char get(void)
{
    while (ring->in_prod == ring->in_cons)
        wait();
    char byte = ring->in[MASK_XENCONS_IDX(ring->in_cons, ring->in)];
    __atomic_store_n(&ring->in_cons, ring->in_cons + 1, __ATOMIC_RELEASE);
    return byte;
}

static bool set_up(void)
{
    struct xen_add_to_physmap map = {.domid = DOMID_SELF,
                                     .space = XENMAPSPACE_shared_info,
                                     .gpfn = (u64)(uintptr_t)shared_page >> PAGE_SHIFT};
    struct xen_hvm_param pfn = {.domid = DOMID_SELF, .index = HVM_PARAM_CONSOLE_PFN};
    struct xen_hvm_param evtchn = {.domid = DOMID_SELF, .index = HVM_PARAM_CONSOLE_EVTCHN};

    if (hypercall2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &map) ||
        hypercall2(__HYPERVISOR_hvm_op, HVMOP_get_param, &pfn) ||
        hypercall2(__HYPERVISOR_hvm_op, HVMOP_get_param, &evtchn))
        return false;
    ring = (volatile struct xencons_interface *)(pfn.value << PAGE_SHIFT);
    port = (evtchn_port_t)evtchn.value;
    return pfn.value && port;
}

/* nr lines of 64 bytes, each with its number: a byte that is missing shows. */
static void flood(u64 nr)
{
    static const char filler[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char line[80];

    for (u64 i = 0; i < nr; i++) {
        snprintf(line, sizeof(line), "%010lu %s\n", i, filler);
        put(line, 64);
    }
}

/* Each value of a byte once. */
static void all_bytes(void)
{
    char bytes[256];

    for (u32 i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    put(bytes, sizeof(bytes));
}

static u64 number(const char *text)
{
    u64 n = 0;

    while (*text >= '0' && *text <= '9')
        n = n * 10 + (u64)(*text++ - '0');
    return n;
}

static void run_command(const char *line)
{
    char text[LINE_BYTES + 32];

    if (!strncmp(line, "flood ", 6)) {
        flood(number(line + 6));
    } else if (!strcmp(line, "bytes")) {
        all_bytes();
    } else if (!strncmp(line, "shutdown ", 9)) {
        guest_shutdown((u32)number(line + 9));
    } else if (!strcmp(line, "time")) {
        snprintf(text, sizeof(text), "%lu ms\r\n", guest_now_ms());
        put_text(text);
    } else if (!strcmp(line, "e9")) {
        printf("by port 0xE9\n");
    } else if (line[0]) {
        snprintf(text, sizeof(text), "you said '%s'\r\n", line);
        put_text(text);
    }
}

NORETURN void echo_run(void)
{
    char line[LINE_BYTES];
    u32 used = 0;

    if (!set_up())
        guest_shutdown(SHUTDOWN_crash);
    put_text("echo: ready\r\n> ");
    for (;;) {
        char byte = get();
        if (byte == '\r' || byte == '\n') {
            put_text("\r\n");
            line[used] = '\0';
            used = 0;
            run_command(line);
            put_text("> ");
        } else if (used < LINE_BYTES - 1) {
            line[used++] = byte;
            put(&byte, 1);
        }
    }
}
