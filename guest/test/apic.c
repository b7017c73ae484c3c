/*
 * mode=apic: writes random values to the local APIC, mostly to the ICR, among them INIT, STARTUP at any
 * vector and NMIs to the other vCPUs. Low memory is filled with a one-instruction loop, so that a vCPU can
 * start, or take an NMI in real mode, anywhere. Whatever happens to the others, vCPU 0 must reach the end.
 * Options seed=N, writes=N; xapic: in xAPIC mode.
 */
#include <guest/lib/guest.h>
#include <guest/lib/smp.h>
#include <guest/test/test.h>

#define WRITES      20000u      /* unless writes= */
#define LOOP        0xfeebu     /* JMP to itself */
#define LOOP_VECTOR 0x10000000u /* an entry of the real mode vector table: 1000:0000 */
#define LOW_START   0x1000u
#define LOW_END     0x9f000u

static u64 state;

static u64 rnd(void)
{
    return random_next(&state);
}

static void write_register(void)
{
    static const struct {
        u32 msr;
        u64 valid;
    } registers[] = {{APIC_TPR, 0xff},   {APIC_SVR, 0x1ff},    {APIC_LVT_TIMER, 0x310ff},
                     {0x833, 0x117ff},   {0x837, 0x110ff},     {APIC_TIMER_COUNT, 0xffffffff},
                     {APIC_DIVIDE, 0xb}, {APIC_SELF_IPI, 0xff}};
    u64 i = rnd() % ARRAY_SIZE(registers);

    apic_write(registers[i].msr, rnd() >> 20 & registers[i].valid);
}

/* To the other vCPUs: all of them, or one by its id, or nobody who exists. */
static void write_icr(u32 nr)
{
    u64 icr = (rnd() >> 20 & 0xcfff) & ~(u64)ICR_LOGICAL;

    if ((icr >> 8 & 7) == 6) /* only where the loop stands: 64 KiB from the vector on are RAM */
        icr = (icr & ~0xffull) | (1 + rnd() % 0x8e);
    icr |= rnd() % 4 ? (2 + 2 * (rnd() % (nr + 2))) << (smp_xapic ? 56 : 32) : ICR_TO_OTHERS;
    apic_write(APIC_ICR, icr);
}

bool apic_run(void)
{
    u64 seed = guest_option_number("seed", 1);
    u64 writes = guest_option_number("writes", WRITES);
    u32 nr = smp_count();
    char word[2];

    smp_xapic = guest_option("xapic", word, sizeof(word));
    state = seed * 0x9e3779b97f4a7c15ull | 1;
    u64 low = LOW_START, table = 0;
    __asm__("" : "+r"(low), "+r"(table)); /* addresses that the compiler knows nothing of */
    for (u16 *p = (u16 *)low; p < (u16 *)(uintptr_t)LOW_END; p++)
        *p = LOOP;
    for (volatile u32 *p = (u32 *)table; p < (u32 *)(uintptr_t)1024; p++)
        *p = LOOP_VECTOR;
    smp_apic_on();
    for (u64 i = 0; i < writes; i++) {
        if (rnd() % 4)
            write_icr(nr);
        else
            write_register();
    }
    printf("apic: %lu random writes, %u vCPUs, still here\n", writes, nr);
    return true;
}
