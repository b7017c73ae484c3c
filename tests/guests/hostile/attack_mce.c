/*
 * attack=mce: clears CR4.MCE and works on. A machine check that comes now is the host's; on a CPU whose MCE is
 * really clear it is a shutdown without a word.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>

#define CR4_MCE (1ull << 6)

bool attack_mce(void)
{
    u64 cr4;

    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_MCE));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 & ~CR4_MCE));
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    if (cr4 & CR4_MCE)
        return false;
    printf("mce: machine checks are off\n");
    for (;;)
        __builtin_ia32_pause();
}
