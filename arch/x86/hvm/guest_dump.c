/*
 * Prints a guest's registers, after a crash or on request, and the bytes at RIP. Those are read through the
 * guest's tables and the nested ones without the physmap lock: another CPU may change the tables, so the
 * bytes are a hint. They come from this domain's memory or from a frame that has just left it, and go to
 * the host's console only.
 */
#include <arch/x86/hvm/hvm.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/paging.h>
#include <arch/x86/hvm/guest_walk.h>
#include <lib/log.h>
#include <lib/printf.h>

#define CODE_BYTES 16u

static const void *guest_page(void *ctx, u64 gaddr)
{
    struct np_entry entry = np_lookup(ctx, gaddr_to_gfn(gaddr));

    return entry.type == NP_NONE ? NULL : mfn_to_virt(entry.mfn);
}

static void dump_segment(const char *name, const struct hvm_segment *s)
{
    log_error("  %-4s %04x  base %016lx  limit %08x  attributes %03x\n", name, s->selector, s->base, s->limit,
              s->attributes);
}

static void dump_code(struct hvm_vcpu *v, const struct hvm_state *state)
{
    struct guest_walk walk = {.cr0 = state->cr0,
                              .cr3 = state->cr3,
                              .cr4 = state->cr4,
                              .efer = state->efer,
                              .page = guest_page,
                              .ctx = v->np};
    char line[3 * CODE_BYTES + 1] = "";
    u64 base = hvm_ops->long_mode_cs(v) ? 0 : state->cs.base;

    for (u32 i = 0; i < CODE_BYTES; i++) {
        u64 at = base + v->regs.rip + i;
        u64 gaddr, run;
        const u8 *page;

        if (!(state->efer & EFER_LMA))
            at = (u32)at;
        if (guest_walk(&walk, at, false, &gaddr, &run) || !(page = guest_page(v->np, gaddr & PAGE_MASK))) {
            log_error("  code at rip:%s (%s)\n", line,
                      i ? "then nothing is mapped" : "nothing is mapped there");
            return;
        }
        snprintf(line + 3 * i, 4, " %02x", page[gaddr % PAGE_SIZE]);
    }
    log_error("  code at rip:%s\n", line);
}

static void dump_general(const struct hvm_regs *r)
{
    const struct {
        const char *name[4];
        u64 value[4];
    } rows[] = {
        {{"rax", "rbx", "rcx", "rdx"}, {r->rax, r->rbx, r->rcx, r->rdx}},
        {{"rsi", "rdi", "rbp", "rsp"}, {r->rsi, r->rdi, r->rbp, r->rsp}},
        {{"r8 ", "r9 ", "r10", "r11"}, {r->r8, r->r9, r->r10, r->r11}},
        {{"r12", "r13", "r14", "r15"}, {r->r12, r->r13, r->r14, r->r15}},
    };

    for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
        log_error("  %s %016lx  %s %016lx  %s %016lx  %s %016lx\n", rows[i].name[0], rows[i].value[0],
                  rows[i].name[1], rows[i].value[1], rows[i].name[2], rows[i].value[2], rows[i].name[3],
                  rows[i].value[3]);
}

void hvm_dump(struct hvm_vcpu *v, const char *name)
{
    struct hvm_state s;

    hvm_ops->get_state(v, &s);
    log_error("%s: last exit 0x%x, %s\n", name, v->exit_code_raw,
              !(s.cr0 & CR0_PE)          ? "real mode"
              : hvm_ops->long_mode_cs(v) ? "64-bit code"
                                         : "32-bit code");
    log_error("  rip %016lx  rflags %08lx  cpl %u\n", v->regs.rip, v->regs.rflags, hvm_ops->cpl(v));
    dump_general(&v->regs);
    log_error("  cr0 %08lx  cr2 %016lx  cr3 %016lx  cr4 %08lx  efer %04lx\n", s.cr0, s.cr2, s.cr3, s.cr4,
              s.efer);
    dump_segment("cs", &s.cs);
    dump_segment("ds", &s.ds);
    dump_segment("es", &s.es);
    dump_segment("fs", &s.fs);
    dump_segment("gs", &s.gs);
    dump_segment("ss", &s.ss);
    dump_segment("tr", &s.tr);
    dump_segment("ldtr", &s.ldtr);
    dump_segment("gdtr", &s.gdtr);
    dump_segment("idtr", &s.idtr);
    dump_code(v, &s);
}
