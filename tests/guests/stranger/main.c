/*
 * A guest as others write them: nothing of the builder's is in RAM below 1 MiB, and all output goes through the
 * console ring, each time until it has been taken (no port 0xE9, no guest/lib). It prints what it was given, with
 * a checksum of its ramdisk, and powers off. The first word of the command line:
 *   (none)  checks the start info against XENMEM_memory_map
 *   flood   writes and rings as fast as it can, for 1 s; a line must have been taken whole at its end
 *   gone    gives back the page of the ring, and takes another one for its place
 *   wild    writes random indices and rings ports at random; a good line must come out after that
 */
#include <homestead/types.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/arch-x86/cpuid.h>
#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/hvm/start_info.h>
#include <xen/io/console.h>
#include <xen/memory.h>
#include <xen/sched.h>

static u8 calls[4096] ALIGNED(4096); /* the hypercall page */
static volatile struct xencons_interface *ring;
static u32 console_port, base, tsc_khz;

void stranger_main(const struct hvm_start_info *si);

static long hypercall(u32 nr, u64 a1, const void *a2)
{
    void *entry = calls + 32 * nr;
    register u64 rdi __asm__("rdi") = a1;
    register u64 rsi __asm__("rsi") = (u64)(uintptr_t)a2;
    long rc;

    __asm__ volatile("call *%3" : "=a"(rc), "+r"(rdi), "+r"(rsi) : "r"(entry) : "rdx", "r10", "r8", "memory");
    return rc;
}

static void cpuid(u32 leaf, u32 *eax, u32 *ebx, u32 *ecx)
{
    u32 edx;

    __asm__ volatile("cpuid" : "=a"(*eax), "=b"(*ebx), "=c"(*ecx), "=d"(edx) : "a"(leaf), "c"(0));
}

static u64 now_ms(void)
{
    u32 lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return ((u64)hi << 32 | lo) / tsc_khz;
}

static NORETURN void stop(unsigned int reason)
{
    struct sched_shutdown arg = {.reason = reason};

    hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &arg);
    for (;;)
        __asm__ volatile("cli; hlt");
}

static void notify(void)
{
    struct evtchn_send arg = {.port = console_port};

    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &arg);
}

static void yield(void)
{
    hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL);
}

/* Without waiting for anything but room. */
static void put(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while (ring->out_prod - ring->out_cons >= sizeof(ring->out)) {
            notify();
            yield();
        }
        ring->out[MASK_XENCONS_IDX(ring->out_prod, ring->out)] = text[i];
        __asm__ volatile("" ::: "memory");
        ring->out_prod++;
    }
    notify();
}

static void drain(void)
{
    while (ring->out_cons != ring->out_prod)
        yield();
}

static void say(const char *fmt, ...) PRINTF(1, 2);
static void say(const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    size_t len = (size_t)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    put(text, MIN(len, sizeof(text) - 1));
    drain();
}

/* False: there is none, or its value is 0. */
static bool param(u32 index, u64 *value)
{
    struct xen_hvm_param arg = {.domid = DOMID_SELF, .index = index};
    long rc = hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param, &arg);

    *value = arg.value;
    return rc == 0 && arg.value;
}

static void set_up(void)
{
    u32 eax, ebx, ecx;
    u64 pfn, port;

    base = XEN_CPUID_FIRST_LEAF;
    cpuid(base + 2, &eax, &ebx, &ecx);
    __asm__ volatile("wrmsr" ::"c"(ebx), "a"((u32)(uintptr_t)calls), "d"(0) : "memory");
    cpuid(base + 3, &eax, &ebx, &ecx);
    tsc_khz = ecx ? ecx : 1000000;
    if (!param(HVM_PARAM_CONSOLE_PFN, &pfn) || !param(HVM_PARAM_CONSOLE_EVTCHN, &port))
        stop(SHUTDOWN_crash);
    ring = (volatile struct xencons_interface *)(pfn << PAGE_SHIFT);
    console_port = (u32)port;
}

static bool check(const struct hvm_start_info *si)
{
    const struct hvm_memmap_table_entry *map = (const struct hvm_memmap_table_entry *)si->memmap_paddr;
    static struct xen_e820_entry e820[16];
    struct xen_memory_map arg = {.nr_entries = ARRAY_SIZE(e820), .buffer = XEN_HANDLE(e820)};
    u64 console = (u64)(uintptr_t)ring;
    bool same = hypercall(__HYPERVISOR_memory_op, XENMEM_memory_map, &arg) == 0 &&
                arg.nr_entries == si->memmap_entries;
    bool ring_reserved = false;

    for (u32 i = 0; i < si->memmap_entries; i++) {
        say("stranger: map %#lx %#lx type %u\n", map[i].addr, map[i].size, map[i].type);
        same = same && i < ARRAY_SIZE(e820) && e820[i].addr == map[i].addr && e820[i].size == map[i].size &&
               e820[i].type == map[i].type;
        if (map[i].type == XEN_HVM_MEMMAP_TYPE_RESERVED && console >= map[i].addr &&
            console < map[i].addr + map[i].size)
            ring_reserved = true;
    }
    u64 store;
    say("stranger: the maps are %s, the ring is %s, %s\n", same ? "the same" : "DIFFERENT",
        ring_reserved ? "reserved" : "NOT RESERVED",
        param(HVM_PARAM_STORE_PFN, &store) ? "A STORE" : "no store");
    return same && ring_reserved;
}

static void say_ramdisk(const struct hvm_start_info *si)
{
    const struct hvm_modlist_entry *m = (const struct hvm_modlist_entry *)si->modlist_paddr;
    const u8 *bytes = (const u8 *)m->paddr;
    u32 sum = 0;

    for (u64 i = 0; i < m->size; i++)
        sum = sum * 31 + bytes[i];
    say("stranger: %u module, %lu bytes at start info + %#lx, sum %#x\n", si->nr_modules, m->size,
        m->paddr - (u64)(uintptr_t)si, sum);
}

static void flood(void)
{
    static const char line[] =
        "stranger: a line that nobody needs, again and again, to fill the ring and the log\n";
    u64 end = now_ms() + 1000, lines = 0;

    while (now_ms() < end) {
        put(line, sizeof(line) - 1);
        lines++;
    }
    say("\nstranger: flooded\n");
    say("stranger: %s\n", lines > 20 ? "it was taken" : "TOO SLOW");
}

static void wild(void)
{
    u64 seed = 77;

    for (u32 i = 0; i < 3000; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        struct evtchn_send arg = {.port = (u32)(seed >> 33) & 7};
        ring->out_prod = (u32)(seed >> 20);
        ring->out_cons = (u32)(seed >> 11);
        ring->in_prod = (u32)seed;
        ring->out[seed >> 53] = (char)(seed >> 7);
        hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &arg);
        if (i % 64 == 0)
            yield();
    }
    notify();
    drain();
    say("\nstranger: in step again\n");
}

static bool gone(void)
{
    xen_pfn_t frame = (u64)(uintptr_t)ring >> PAGE_SHIFT;
    struct xen_memory_reservation arg = {
        .extent_start = XEN_HANDLE(&frame), .nr_extents = 1, .domid = DOMID_SELF};

    say("stranger: the ring goes\n");
    if (hypercall(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &arg) != 1)
        return false;
    notify();
    yield();
    if (hypercall(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &arg) != 1)
        return false;
    put("stranger: nobody reads this\n", 28);
    return true;
}

void stranger_main(const struct hvm_start_info *si)
{
    set_up();
    if (si->magic != XEN_HVM_START_MAGIC_VALUE || si->version < 1)
        stop(SHUTDOWN_crash);
    const char *words = si->cmdline_paddr ? (const char *)si->cmdline_paddr : "";
    say("stranger: start info at %#lx, command line '%s'\n", (u64)(uintptr_t)si, words);
    bool ok = check(si);
    if (si->nr_modules)
        say_ramdisk(si);
    if (strncmp(words, "flood", 5) == 0)
        flood();
    if (strncmp(words, "gone", 4) == 0)
        ok = gone() && ok;
    if (strncmp(words, "wild", 4) == 0)
        wild();
    stop(ok ? SHUTDOWN_poweroff : SHUTDOWN_crash);
}
