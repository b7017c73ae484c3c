/*
 * mode=spin: all vCPUs run without a pause. The others wait until each has been started, and begin at the same moment.
 * With ms=N the first one ends the guest after so many milliseconds.
 */
#include <guest/lib/guest.h>
#include <guest/lib/smp.h>
#include <guest/test/test.h>

#define GO_VECTOR 0x40u

static volatile bool go;

static void woken(u32 vector)
{
    (void)vector;
}

static void spin(u32 id)
{
    (void)id;
    while (!go)
        irq_wait();
    for (;;)
        __asm__ volatile("pause");
}

void spin_run(void)
{
    u64 ms = guest_option_number("ms", ~0ull >> 1), first_ms = guest_now_ms();
    u32 nr = smp_count();

    smp_init();
    smp_body = spin;
    smp_on_irq = woken;
    for (u32 id = 1; id < nr; id++)
        smp_start(id);
    printf("spin: %u vCPUs\n", nr);
    go = true;
    smp_send(0, ICR_TO_OTHERS | GO_VECTOR);
    while (guest_now_ms() - first_ms < ms)
        __asm__ volatile("pause");
}
