/* Would a CPU run this VMCB? A model of VMRUN's checks: APM2 15.5.1, 15.20 and 15.25.3, more of them than emulators make. */
#ifndef TESTS_MACHINE_VMRUN_H
#define TESTS_MACHINE_VMRUN_H

#include <arch/x86/hvm/svm/vmcb.h>

struct vmrun_cpu {
    u32 maddr_bits; /* physical address width */
    u64 cr4, efer;  /* bits that this CPU has; SVME included */
    u32 asid_max;
};

/* NULL: it does. Else the rule that is broken, in words. */
const char *vmrun_refusal(const struct vmcb *vmcb, const struct vmrun_cpu *cpu);

#endif
