/*
 * attack=sweep: reads every MSR of the ranges that CPUs have, and writes 0, all ones, 1 and the value read to each but
 * those that only end the guest itself; reads and writes every port, in all sizes. Each access completes or is #GP.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/smp.h>

static const struct {
    u32 first, end;
} ranges[] = {{0, 0x2000},
              {0x40000000, 0x40000400},
              {0x4b564d00, 0x4b564d10},
              {0xc0000000, 0xc0002000},
              {0xc0010000, 0xc0012000},
              {0xfffffff0, 0xffffffff}};

/* Registers that a guest cannot live without, or with which it ends itself. */
static const struct {
    u32 first, last;
} ours[] = {{0x1b, 0x1b},              /* APIC_BASE */
            {0x800, 0x8ff},            /* the APIC: attack=storm */
            {0x40000000, 0x40000000},  /* the hypercall page goes where the value says */
            {0xc0000080, 0xc0000080},  /* EFER: attack=instructions */
            {0xc0000100, 0xc0000101}}; /* FS and GS bases */

static u32 msr;
static u64 value;

static void read_msr(void *arg)
{
    (void)arg;
    value = rdmsr(msr);
}

static void write_msr(void *arg)
{
    (void)arg;
    wrmsr(msr, value);
}

static bool is_ours(u32 n)
{
    for (u32 i = 0; i < ARRAY_SIZE(ours); i++)
        if (n >= ours[i].first && n <= ours[i].last)
            return true;
    return false;
}

/* False: another exception than #GP. */
static bool access(void (*fn)(void *), u32 *nr_gp)
{
    int vector = guest_probe(fn, NULL);

    *nr_gp += vector == 13;
    if (vector >= 0 && vector != 13)
        printf("sweep: MSR %#x: vector %d\n", msr, vector);
    return vector < 0 || vector == 13;
}

static bool sweep_msrs(u32 *nr, u32 *nr_gp)
{
    bool ok = true;

    for (u32 i = 0; i < ARRAY_SIZE(ranges); i++)
        for (msr = ranges[i].first; msr < ranges[i].end; msr++, ++*nr) {
            value = 0;
            ok &= access(read_msr, nr_gp);
            const u64 was = value, values[] = {0, ~0ull, 1, was};
            for (u32 v = 0; v < ARRAY_SIZE(values) && !is_ours(msr); v++) {
                value = values[v];
                ok &= access(write_msr, nr_gp);
            }
        }
    return ok;
}

static void sweep_ports(void)
{
    for (u32 port = 0; port < 0x10000; port++) {
        u32 got;

        if (port == 0xe9)
            continue;
        __asm__ volatile("inb %%dx, %%al" : "=a"(got) : "d"(port));
        __asm__ volatile("outb %%al, %%dx" : : "a"(0xff), "d"(port));
        if (port % 16)
            continue;
        __asm__ volatile("inw %%dx, %%ax" : "=a"(got) : "d"(port));
        __asm__ volatile("inl %%dx, %%eax" : "=a"(got) : "d"(port));
        __asm__ volatile("outw %%ax, %%dx" : : "a"(0xffff), "d"(port));
        __asm__ volatile("outl %%eax, %%dx" : : "a"(~0u), "d"(port));
    }
}

bool attack_sweep(void)
{
    u32 nr = 0, nr_gp = 0;
    bool ok = sweep_msrs(&nr, &nr_gp);

    sweep_ports();
    printf("hostile   sweep: %u MSRs and 65535 ports, %u accesses with #GP\n", nr, nr_gp);
    return ok && nr_gp > nr;
}
