/* Prints a guest's registers after a crash, and the bytes at RIP. */
#include <arch/x86/hvm/hvm.h>

#include <arch/x86/cpu/msr.h>
#include <lib/printf.h>

static void dump_segment(const struct hvm_say *to, const char *name, const struct hvm_segment *s)
{
    to->line(to->ctx, "  %-4s %04x  base %016lx  limit %08x  attributes %03x\n", name, s->selector, s->base,
             s->limit, s->attributes);
}

#define DUMP_SEGMENT(name) dump_segment(to, #name, &s.name);

static void dump_code(const struct hvm_say *to, const u8 *code, u32 nr)
{
    char line[3 * HVM_CODE_BYTES + 1] = "";

    for (u32 i = 0; i < nr; i++)
        snprintf(line + 3 * i, 4, " %02x", code[i]);
    to->line(to->ctx, "  code at rip:%s%s\n", line,
             nr == HVM_CODE_BYTES ? ""
             : nr                 ? " (then nothing is mapped)"
                                  : " (nothing is mapped there)");
}

#define dump_row(...) to->line(to->ctx, "  %s %016lx  %s %016lx  %s %016lx  %s %016lx\n", __VA_ARGS__)

void hvm_dump(struct hvm_vcpu *v, const char *name, const u8 *code, u32 nr_code, const struct hvm_say *to)
{
    const struct hvm_regs *r = &v->regs;
    struct hvm_state s;

    hvm_ops->get_state(v, &s);
    to->line(to->ctx, "%s: last exit 0x%x, %s\n", name, v->exit_code_raw,
             !(s.cr0 & CR0_PE)          ? "real mode"
             : hvm_ops->long_mode_cs(v) ? "64-bit code"
                                        : "32-bit code");
    to->line(to->ctx, "  rip %016lx  rflags %08lx  cpl %u\n", r->rip, r->rflags, hvm_ops->cpl(v));
    dump_row("rax", r->rax, "rbx", r->rbx, "rcx", r->rcx, "rdx", r->rdx);
    dump_row("rsi", r->rsi, "rdi", r->rdi, "rbp", r->rbp, "rsp", r->rsp);
    dump_row("r8 ", r->r8, "r9 ", r->r9, "r10", r->r10, "r11", r->r11);
    dump_row("r12", r->r12, "r13", r->r13, "r14", r->r14, "r15", r->r15);
    to->line(to->ctx, "  cr0 %08lx  cr2 %016lx  cr3 %016lx  cr4 %08lx  efer %04lx\n", s.cr0, s.cr2, s.cr3,
             s.cr4, s.efer);
    HVM_SEGMENTS(DUMP_SEGMENT)
    dump_code(to, code, nr_code);
}
