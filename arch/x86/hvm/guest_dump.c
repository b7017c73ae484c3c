/* Prints a guest's registers after a crash, and the bytes at RIP. */
#include <arch/x86/hvm/hvm.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/paging.h>
#include <arch/x86/hvm/guest_walk.h>
#include <homestead/errno.h>
#include <lib/log.h>
#include <lib/printf.h>
#include <lib/string.h>

static const u8 *guest_byte(struct np_table *np, u64 gaddr)
{
    struct np_entry entry = np_lookup(np, gaddr_to_gfn(gaddr));

    return entry.type == NP_NONE ? NULL : (const u8 *)mfn_to_virt(entry.mfn) + gaddr % PAGE_SIZE;
}

static int read_entry(void *np, u64 gaddr, u32 size, u64 *entry)
{
    const u8 *at = guest_byte(np, gaddr);

    if (!at)
        return -EFAULT;
    *entry = 0;
    memcpy(entry, at, size);
    return 0;
}

static void dump_segment(const char *name, const struct hvm_segment *s)
{
    log_error("  %-4s %04x  base %016lx  limit %08x  attributes %03x\n", name, s->selector, s->base, s->limit,
              s->attributes);
}

#define DUMP_SEGMENT(name) dump_segment(#name, &s.name);

u32 hvm_read_code(struct hvm_vcpu *v, u8 code[HVM_CODE_BYTES])
{
    struct hvm_state state;
    u32 nr = 0;

    hvm_ops->get_state(v, &state);
    struct guest_walk walk = {.cr0 = state.cr0,
                              .cr3 = state.cr3,
                              .cr4 = state.cr4,
                              .efer = state.efer,
                              .entry = read_entry,
                              .ctx = v->np};
    u64 base = hvm_ops->long_mode_cs(v) ? 0 : state.cs.base;

    for (; nr < HVM_CODE_BYTES; nr++) {
        u64 at = base + v->regs.rip + nr;
        u64 gaddr, run;
        const u8 *byte;

        if (!(state.efer & EFER_LMA))
            at = (u32)at;
        if (guest_walk(&walk, at, false, &gaddr, &run) || !(byte = guest_byte(v->np, gaddr)))
            break;
        code[nr] = *byte;
    }
    return nr;
}

static void dump_code(const u8 *code, u32 nr)
{
    char line[3 * HVM_CODE_BYTES + 1] = "";

    for (u32 i = 0; i < nr; i++)
        snprintf(line + 3 * i, 4, " %02x", code[i]);
    log_error("  code at rip:%s%s\n", line,
              nr == HVM_CODE_BYTES ? ""
              : nr                 ? " (then nothing is mapped)"
                                   : " (nothing is mapped there)");
}

#define dump_row(...) log_error("  %s %016lx  %s %016lx  %s %016lx  %s %016lx\n", __VA_ARGS__)

void hvm_dump(struct hvm_vcpu *v, const char *name, const u8 *code, u32 nr_code)
{
    const struct hvm_regs *r = &v->regs;
    struct hvm_state s;

    hvm_ops->get_state(v, &s);
    log_error("%s: last exit 0x%x, %s\n", name, v->exit_code_raw,
              !(s.cr0 & CR0_PE)          ? "real mode"
              : hvm_ops->long_mode_cs(v) ? "64-bit code"
                                         : "32-bit code");
    log_error("  rip %016lx  rflags %08lx  cpl %u\n", r->rip, r->rflags, hvm_ops->cpl(v));
    dump_row("rax", r->rax, "rbx", r->rbx, "rcx", r->rcx, "rdx", r->rdx);
    dump_row("rsi", r->rsi, "rdi", r->rdi, "rbp", r->rbp, "rsp", r->rsp);
    dump_row("r8 ", r->r8, "r9 ", r->r9, "r10", r->r10, "r11", r->r11);
    dump_row("r12", r->r12, "r13", r->r13, "r14", r->r14, "r15", r->r15);
    log_error("  cr0 %08lx  cr2 %016lx  cr3 %016lx  cr4 %08lx  efer %04lx\n", s.cr0, s.cr2, s.cr3, s.cr4,
              s.efer);
    HVM_SEGMENTS(DUMP_SEGMENT)
    dump_code(code, nr_code);
}
