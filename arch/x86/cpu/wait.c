#include <arch/x86/cpu/wait.h>

#include <arch/x86/cpu/time.h>

#define STEP_NS 1000000000ull /* counted at most for one look: an emulator's host may have been suspended */

bool wait_in_vain(struct cpu *cpu)
{
    if (++cpu->wait.turns % WAIT_TURNS)
        return false;
    u64 now_ns = time_now_ns(), life = cpu->exits + cpu->beats;
    u64 step_ns = MIN(now_ns - cpu->wait.looked_ns, STEP_NS);
    cpu->wait.looked_ns = now_ns;
    if (life != cpu->wait.life || !life) {
        cpu->wait.life = life;
        cpu->wait.ns = 0;
        return false;
    }
    cpu->wait.ns += step_ns;
    if (cpu->wait.ns < WAIT_MAX_SECS * 1000000000ull)
        return false;
    cpu->wait.ns = 0;
    return true;
}
