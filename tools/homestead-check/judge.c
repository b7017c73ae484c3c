/*
 * Decides what a fact means for Homestead. What could not be read is a warning if it can decide, and says what would
 * read it. Facts: APM2 15.4 and 15.30 (SVM, VM_CR), SDM 3C 23.7 and appendix A.3 (VMX, IA32_FEATURE_CONTROL).
 */
#include "judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FEATURE_CONTROL_LOCK (1u << 0)
#define FEATURE_CONTROL_VMX  (1u << 2)
#define VM_CR_LOCK           (1u << 3)
#define VM_CR_SVMDIS         (1u << 4)
/* IA32_VMX_PROCBASED_CTLS2: what may be 1 is in the upper half. */
#define CONTROL_EPT          (1ull << (32 + 1))
#define CONTROL_VPID         (1ull << (32 + 5))
#define CONTROL_UNRESTRICTED (1ull << (32 + 7))
#define XAPIC_MAX_ID         254u
#define MEMORY_MAX_KIB       (64ull << 30)

#define BY_MSR "as root, after `modprobe msr`"

static __attribute__((format(printf, 4, 5))) void say(struct findings *out, enum result result,
                                                      const char *name, const char *fmt, ...)
{
    struct finding *f = &out->list[out->nr];
    va_list args;

    if (out->nr == FINDINGS_MAX)
        return;
    out->nr++;
    f->name = name;
    f->result = result;
    va_start(args, fmt);
    vsnprintf(f->text, sizeof(f->text), fmt, args);
    va_end(args);
}

static bool is_amd(const struct machine *m)
{
    return !strcmp(m->cpu.vendor, "AuthenticAMD");
}

static bool is_intel(const struct machine *m)
{
    return !strcmp(m->cpu.vendor, "GenuineIntel");
}

static bool has(const struct machine *m, u32 flag)
{
    return m->cpu.flags & flag;
}

/* --- the CPU --- */

static void judge_cpu(const struct machine *m, struct findings *out)
{
    if (!m->cpu.nr)
        say(out, RESULT_WARNING, "cpu", "/proc/cpuinfo could not be read");
    else if (!is_amd(m) && !is_intel(m))
        say(out, RESULT_NO, "cpu", "%s of %s: only AMD's and Intel's virtualization is used", m->cpu.model,
            m->cpu.vendor);
    else if (!has(m, FLAG_LM))
        say(out, RESULT_NO, "cpu", "%s: it has no 64-bit mode", m->cpu.model);
    else
        say(out, RESULT_OK, "cpu", "%s (%s)", m->cpu.model, is_amd(m) ? "AMD" : "Intel");
    if (has(m, FLAG_HYPERVISOR) || m->under_xen)
        say(out, RESULT_WARNING, "guest",
            "this Linux is a guest%s: the answer is for what the guest has, not for the machine",
            m->under_xen ? " of Xen" : "");
}

static bool locked_off(const struct machine *m)
{
    if (!m->has_lock_msr)
        return false;
    if (is_amd(m))
        return (m->lock_msr & (VM_CR_LOCK | VM_CR_SVMDIS)) == (VM_CR_LOCK | VM_CR_SVMDIS);
    return (m->lock_msr & (FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX)) == FEATURE_CONTROL_LOCK;
}

/* Is it there, and not switched off? True: the rest of virtualization is worth judging. */
static bool judge_virtualization(const struct machine *m, struct findings *out)
{
    const char *what = is_amd(m) ? "SVM" : "VMX";
    const char *where = is_amd(m) ? "\"SVM mode\" in the firmware's setup"
                                  : "\"VT-x\" or \"virtualization technology\" in the firmware's setup";
    bool by_linux = has(m, is_amd(m) ? FLAG_SVM : FLAG_VMX);

    if (locked_off(m)) {
        say(out, RESULT_NO, "virtualization", "the firmware has locked %s off (%s): enable %s", what,
            is_amd(m) ? "VM_CR" : "IA32_FEATURE_CONTROL", where);
        return false;
    }
    if (m->under_xen && !by_linux) {
        say(out, RESULT_WARNING, "virtualization",
            "whether there is %s is not known, as Xen hides it: run this without Xen", what);
        return false;
    }
    if (m->cpuid_virtualization == KNOWN_NO ||
        (m->cpuid_virtualization == NOT_READ && !by_linux && m->kvm != KNOWN_YES)) {
        say(out, RESULT_NO, "virtualization",
            "no %s: the CPU does not have it, or the firmware hides it: look for %s", what, where);
        return false;
    }
    if (m->has_lock_msr || m->kvm == KNOWN_YES)
        say(out, RESULT_OK, "virtualization", "%s, and the firmware allows it", what);
    else if (!by_linux) {
        say(out, RESULT_NO, "virtualization",
            "the CPU has %s, but Linux cannot use it: most likely the firmware has locked it off: enable %s",
            what, where);
        return false;
    } else if (is_intel(m) && m->cpu.has_vmx_flags && by_linux)
        say(out, RESULT_OK, "virtualization", "VMX, and Linux finds that the firmware allows it");
    else
        say(out, RESULT_WARNING, "virtualization",
            "%s; whether the firmware has locked it off could not be read: run this " BY_MSR, what);
    return true;
}

static enum known any(enum known a, enum known b)
{
    return a == KNOWN_YES || b == KNOWN_YES ? KNOWN_YES : MAX(a, b);
}

/* A flag that Linux shows is there; one that it does not show may be one that this version does not know. */
static enum known shown(const struct machine *m, u32 flag, bool is_certain)
{
    return has(m, flag) ? KNOWN_YES : is_certain ? KNOWN_NO : NOT_READ;
}

static enum known by_controls(const struct machine *m, u64 control)
{
    return !m->has_vmx_controls ? NOT_READ : m->vmx_controls & control ? KNOWN_YES : KNOWN_NO;
}

static void judge_feature(struct findings *out, const char *name, enum known there, const char *what)
{
    if (there == KNOWN_YES)
        say(out, RESULT_OK, name, "%s", what);
    else if (there == KNOWN_NO)
        say(out, RESULT_NO, name, "the CPU has no %s", what);
    else
        say(out, RESULT_WARNING, name, "whether there is %s could not be read: run this " BY_MSR, what);
}

static void judge_nested_paging(const struct machine *m, struct findings *out)
{
    if (is_amd(m)) {
        enum known npt = m->cpuid_nested != NOT_READ
                             ? m->cpuid_nested
                             : any(shown(m, FLAG_NPT, has(m, FLAG_SVM)), m->kvm_nested);

        judge_feature(out, "nested paging", npt, "nested paging (NPT)");
        return;
    }
    bool certain = m->cpu.has_vmx_flags;
    enum known ept = any(any(shown(m, FLAG_EPT, certain), by_controls(m, CONTROL_EPT)), m->kvm_nested);
    enum known unrestricted =
        any(any(shown(m, FLAG_UNRESTRICTED_GUEST, certain), by_controls(m, CONTROL_UNRESTRICTED)),
            m->kvm_unrestricted_guest);
    enum known vpid = any(shown(m, FLAG_VPID, certain), by_controls(m, CONTROL_VPID));

    judge_feature(out, "nested paging", ept, "extended page tables (EPT)");
    judge_feature(out, "real mode", unrestricted, "unrestricted guest mode");
    judge_feature(out, "address spaces", vpid, "virtual processor identifiers (VPID)");
}

static void judge_cpus(const struct machine *m, struct findings *out)
{
    u32 nr = m->nr_cpus ? m->nr_cpus : m->cpu.nr;
    u32 max_id = MAX(m->max_apic_id, m->cpu.max_apic_id);
    bool x2apic = m->cpuid_x2apic == KNOWN_YES || has(m, FLAG_X2APIC);

    if (nr > MAX_CPUS)
        say(out, RESULT_WARNING, "cpus", "%u: Homestead uses %u of them", nr, MAX_CPUS);
    else if (nr)
        say(out, RESULT_OK, "cpus", "%u", nr);
    if (m->cpu.differ)
        say(out, RESULT_WARNING, "cpus", "they are not all the same in family, model, stepping or flags");
    if (max_id > XAPIC_MAX_ID && !x2apic)
        say(out, RESULT_WARNING, "x2apic", "no x2APIC, but APIC ids up to %u: CPUs above %u are left out",
            max_id, XAPIC_MAX_ID);
    else
        say(out, RESULT_OK, "x2apic", "%s",
            x2apic ? "the CPU has it" : "the CPU does not have it; no APIC id needs it");
}

/* --- the machine --- */

static void judge_nodes(const struct machine *m, struct findings *out)
{
    if (m->nodes_by_srat)
        say(out, RESULT_OK, "nodes", "%u, of which %u have memory", m->nr_nodes, m->nr_nodes_with_memory);
    else if (m->has_tables && m->has_srat)
        say(out, RESULT_WARNING, "nodes", "the SRAT cannot be used: Homestead would have one node");
    else if (m->has_tables)
        say(out, RESULT_OK, "nodes", "1: the machine has no SRAT");
    else if (m->nr_nodes > MAX_NODES)
        say(out, RESULT_WARNING, "nodes", "Linux has %u nodes, Homestead at most %u", m->nr_nodes, MAX_NODES);
    else
        say(out, RESULT_WARNING, "nodes",
            "Linux has %u; the ACPI tables, which Homestead reads, could not be read: run this as root",
            m->nr_nodes);
    for (u32 i = 0; i < m->nr_warnings; i++)
        say(out, RESULT_WARNING, "acpi", "%s", m->warning[i]);
    if (m->memory_kib > MEMORY_MAX_KIB)
        say(out, RESULT_WARNING, "memory", "%lu GiB: Homestead uses 64 TiB of it",
            (unsigned long)(m->memory_kib >> 20));
    else if (m->memory_kib)
        say(out, RESULT_OK, "memory", "%lu MiB", (unsigned long)(m->memory_kib >> 10));
}

static void judge_iommu(const struct machine *m, struct findings *out)
{
    bool there = m->iommu_table == KNOWN_YES || m->iommu_in_use == KNOWN_YES;

    say(out, RESULT_OK, "iommu", "%s; Homestead does not use it",
        there                        ? "there is one"
        : m->iommu_table == KNOWN_NO ? "none"
                                     : "none that Linux uses");
}

static void judge_serial(const struct machine *m, struct findings *out)
{
    char ports[TEXT_BYTES / 2] = "";
    size_t at = 0;

    for (u32 i = 0; i < m->serial.nr; i++)
        at += (size_t)snprintf(ports + at, sizeof(ports) - at, "%s0x%x", i ? ", " : "", m->serial.port[i]);
    if (m->serial.nr)
        say(out, RESULT_OK, "serial", "at I/O port %s", ports);
    else if (m->serial.in_memory)
        say(out, RESULT_WARNING, "serial",
            "only at a memory address: Homestead needs one at an I/O port, and would print nothing");
    else if (m->serial_was_readable)
        say(out, RESULT_WARNING, "serial",
            "no port found: Homestead has no other console; look for COM1 or Serial over LAN in the "
            "firmware's setup");
    else
        say(out, RESULT_WARNING, "serial", "the ports could not be read: run this as root");
}

static void judge_firmware(const struct machine *m, struct findings *out)
{
    if (!m->uefi) {
        say(out, RESULT_OK, "firmware",
            "BIOS, or UEFI in its BIOS mode: GRUB loads build/homestead by Multiboot");
        return;
    }
    if (m->uefi_bits == 32)
        say(out, RESULT_WARNING, "firmware",
            "UEFI of 32 bits, for which Homestead has no loader: boot in BIOS mode");
    else
        say(out, RESULT_OK, "firmware", "UEFI");
    if (m->secure_boot == KNOWN_YES)
        say(out, RESULT_WARNING, "secure boot", "on: switch it off, as Homestead's loader is not signed");
}

enum result judge(const struct machine *m, struct findings *out)
{
    enum result worst = RESULT_OK;

    out->nr = 0;
    judge_cpu(m, out);
    if ((is_amd(m) || is_intel(m)) && judge_virtualization(m, out))
        judge_nested_paging(m, out);
    judge_cpus(m, out);
    judge_nodes(m, out);
    judge_iommu(m, out);
    judge_serial(m, out);
    judge_firmware(m, out);
    for (u32 i = 0; i < out->nr; i++)
        worst = MAX(worst, out->list[i].result);
    return worst;
}
