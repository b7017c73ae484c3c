/*
 * An NMI comes from another CPU that stops this one, or from outside: a button, a watchdog, a memory or I/O
 * error; port 0x61 reports the errors (Intel's chipset datasheets, NMI_SC: bit 7 SERR#, bit 6 IOCHK#). Machine
 * checks: APM2 9, SDM 3B 15.
 *
 * Both interrupt any code, so the handlers wait for no lock that this CPU may hold (cpu->in_nmi).
 */
#include <arch/x86/cpu/nmi.h>

#include <arch/x86/cpu/io.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/smp.h>
#include <arch/x86/cpu/stop.h>
#include <arch/x86/cpu/symbols.h>
#include <arch/x86/cpu/time.h>
#include <lib/log.h>

#define PORT_NMI_STATUS 0x61u
#define NMI_SERR        0x80u
#define NMI_IOCHK       0x40u

#define MSR_MCG_CAP     0x179u
#define MSR_MCG_STATUS  0x17au
#define MSR_MCG_CTL     0x17bu
#define MSR_MC_CTL(n)   (0x400u + (n)*4) /* then STATUS, ADDR, MISC */
#define MCG_CAP_BANKS   0xffu
#define MCG_CAP_CTL     BIT(8)
#define MC_STATUS_VALID BIT(63)
#define MC_STATUS_UC    BIT(61)
#define MC_STATUS_MISCV BIT(59)
#define MC_STATUS_ADDRV BIT(58)
#define CPUID_MCE_MCA   (BIT(7) | BIT(14)) /* 1 EDX */
#define YIELD_US        100000u

bool nmi_panics;

/* Just after an exit RBP is still the guest's and may have any value. */
static u64 own_rbp(const struct trap_frame *frame)
{
    return this_cpu()->in_guest ? 0 : frame->rbp;
}

static void report_nmi(const struct trap_frame *frame, u8 status)
{
    u64 offset = 0;
    const char *name = symbol_lookup(frame->rip, &offset);

    log_error("NMI on CPU %u (node %u), port 0x61 reads 0x%x, at %s+0x%lx%s\n", this_cpu()->id,
              this_cpu()->nid, status, name ? name : "?", offset,
              this_cpu()->in_guest ? ", back from a guest"
              : this_cpu()->idle   ? ", idle"
                                   : "");
}

void nmi_handle(const struct trap_frame *frame)
{
    struct cpu *cpu = this_cpu();

    stop_if_asked(frame->rip, frame->rbp, true);
    if (stop_begun())
        return; /* this CPU prints, or will be stopped soon */
    cpu->in_nmi = true;
    u8 status = inb(PORT_NMI_STATUS);
    const char *fatal = status & NMI_SERR    ? "NMI: memory or system error"
                        : status & NMI_IOCHK ? "NMI: I/O check"
                        : nmi_panics         ? "NMI"
                                             : NULL;
    if (fatal)
        panic_begin();
    report_nmi(frame, status);
    if (fatal)
        panic_end(fatal, frame->rip, own_rbp(frame));
    backtrace_print(frame->rip, own_rbp(frame));
    cpu->in_nmi = false;
}

static u32 nr_banks(void)
{
    if ((cpuid(1, 0).edx & CPUID_MCE_MCA) != CPUID_MCE_MCA)
        return 0;
    return (u32)(rdmsr(MSR_MCG_CAP) & MCG_CAP_BANKS);
}

/* Returns how many banks hold an error. */
static u32 print_banks(void)
{
    u32 banks = nr_banks(), valid = 0;

    for (u32 bank = 0; bank < banks; bank++) {
        u32 msr = MSR_MC_CTL(bank);
        u64 status = rdmsr(msr + 1);
        if (!(status & MC_STATUS_VALID))
            continue;
        valid++;
        log_error("  CPU %u bank %u: status %016lx, %s%s", this_cpu()->id, bank, status,
                  status & MC_STATUS_UC ? "uncorrected" : "corrected",
                  status & (MC_STATUS_ADDRV | MC_STATUS_MISCV) ? "" : "\n");
        if (status & MC_STATUS_ADDRV)
            log_error(", address 0x%lx%s", rdmsr(msr + 2), status & MC_STATUS_MISCV ? "" : "\n");
        if (status & MC_STATUS_MISCV)
            log_error(", misc 0x%lx\n", rdmsr(msr + 3));
    }
    return valid;
}

static bool any_bank_valid(void)
{
    u32 banks = nr_banks();

    for (u32 bank = 0; bank < banks; bank++)
        if (rdmsr(MSR_MC_CTL(bank) + 1) & MC_STATUS_VALID)
            return true;
    return false;
}

void machine_check_handle(const struct trap_frame *frame)
{
    /* Some processors signal one CPU's error to all CPUs: the one whose banks hold it prints. */
    if (!any_bank_valid())
        time_delay_us(YIELD_US);
    this_cpu()->in_nmi = true;
    panic_begin();
    log_error("\nMachine check on CPU %u (node %u): MCG_STATUS %lx, at 0x%lx\n", this_cpu()->id,
              this_cpu()->nid, nr_banks() ? rdmsr(MSR_MCG_STATUS) : 0, frame->rip);
    if (!print_banks())
        log_error("  no bank holds an error\n");
    panic_end("machine check", frame->rip, own_rbp(frame));
}

void machine_check_init(void)
{
    u32 banks = nr_banks();

    if (!banks)
        return;
    if (any_bank_valid()) {
        log_warn("CPU %u has machine checks from before Homestead started:\n", this_cpu()->id);
        print_banks();
    }
    if (rdmsr(MSR_MCG_CAP) & MCG_CAP_CTL)
        wrmsr(MSR_MCG_CTL, ~0ull);
    for (u32 bank = 0; bank < banks; bank++) {
        wrmsr(MSR_MC_CTL(bank), ~0ull);
        wrmsr(MSR_MC_CTL(bank) + 1, 0);
    }
}
