/* A VMCS in plain memory, and what vmx.c supplies, for one vCPU. */
#ifndef FAKE_VMCS_H
#define FAKE_VMCS_H

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/traps.h>
#include <arch/x86/hvm/vmx/insn.h>
#include <arch/x86/hvm/vmx/vmx.h>
#include <tests/machine/test.h>

static u64 vmcs[0x8000];
static u32 nr_reads, nr_writes;
static bool here; /* v has its CPU */
static u64 registers[7];
struct vmx_settings vmx_settings;

u64 vmread(u32 field)
{
    nr_reads++;
    return vmcs[field];
}

void vmwrite(u32 field, u64 value)
{
    nr_writes++;
    vmcs[field] = value;
}

bool vmx_is_here(const struct hvm_vcpu *v)
{
    (void)v;
    return here;
}

void vmx_save_registers(struct hvm_vcpu *v)
{
    memcpy(&v->vmx.star, registers, sizeof(registers));
}

void vmx_load_registers(const struct hvm_vcpu *v)
{
    memcpy(registers, &v->vmx.star, sizeof(registers));
}

/* Controls as on a CPU that forces none. */
static void fake_vmcs_reset(void)
{
    memset(vmcs, 0, sizeof(vmcs));
    memset(registers, 0, sizeof(registers));
    nr_reads = nr_writes = 0;
    here = true;
    vmx_settings = (struct vmx_settings){.primary = PRIMARY_HLT,
                                         .entry = ENTRY_LOAD_EFER,
                                         .cr0_must = CR0_PE | CR0_NE | CR0_PG,
                                         .cr0_may = 0xffffffff,
                                         .cr4_must = BIT(13),
                                         .cr4_may = 0x3767ff,
                                         .maddr_bits = 46};
}

#endif
