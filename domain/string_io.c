/*
 * INS and OUTS. The ports are those of IN and OUT: bytes to port 0xE9 are console output, other ports take
 * everything and give all ones. Their memory is accessed with the guest's rights, as the CPU would: each exit does
 * what is on one page, at most RUN_BYTES of console output, and the guest executes the instruction again. So a
 * fault finds the registers as of the element that failed, and a huge count delays neither interrupts nor others.
 *
 * The CPU has checked IOPL and the guest's permission map. Not every CPU reports prefixes, so the instruction is
 * read again; if the guest has changed it to one that would need other rights, the guest executes that one.
 *
 * Where nothing is mapped, the local APIC's page included, memory gives all ones and drops what is written, as does a
 * grant that is mapped for reading.
 * Physmap lock: while addresses are translated and memory is accessed; not while the console is written.
 */
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/traps.h>
#include <arch/x86/hvm/insn.h>
#include <domain/exit.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <lib/string.h>

#define RUN_BYTES 256u
#define USER_CPL  3u

/* Up to two parts of one run of elements, each within one page. */
struct part {
    u64 gaddr;
    u32 bytes;
};

static const struct exit_verdict again = {.action = VERDICT_RETRY};

/* The instruction that has exited, or -EAGAIN: something else is there now. Physmap lock held. */
static int read_insn(struct vcpu *v, const struct hvm_exit *exit, u32 code_bits, struct insn_io *io)
{
    u8 code[HVM_CODE_BYTES];
    u32 nr = hvm_read_code(&v->hvm, code);

    if (insn_decode_io(code, nr, code_bits, io) || io->in != exit->io.in || io->bytes != exit->io.size)
        return -EAGAIN;
    return 0;
}

/* [address, address + bytes) as the guest maps it; a fault is at `first` or at the second page. Addresses end at
 * `last`. Physmap lock held. */
static struct exit_verdict translate(struct vcpu *v, u64 address, u64 first, u64 last, u32 bytes, bool write,
                                     struct part parts[2])
{
    struct hvm_state state;
    u32 error = 0;

    parts[0].bytes = MIN(bytes, (u32)(PAGE_SIZE - address % PAGE_SIZE));
    parts[1].bytes = bytes - parts[0].bytes;
    for (u32 i = 0; i < 2 && parts[i].bytes; i++) {
        int rc = hvm_guest_access(&v->hvm, address, write, &parts[i].gaddr, &error);

        if (rc == -EAGAIN)
            return again;
        if (rc) {
            hvm_ops->get_state(&v->hvm, &state);
            state.cr2 = i ? address : first;
            hvm_ops->set_state(&v->hvm, &state);
            return (struct exit_verdict){.action = VERDICT_RAISE, .vector = TRAP_PF, .error = (s32)error};
        }
        address = (address + parts[i].bytes) & last;
    }
    return (struct exit_verdict){.action = VERDICT_SKIP};
}

/* text: where to copy what is written to a port, NULL: nowhere. Physmap lock held. */
static void access(struct vcpu *v, const struct part parts[2], bool in, u8 *text)
{
    for (u32 i = 0; i < 2 && parts[i].bytes; i++) {
        u8 *page = physmap_frame(v->domain, parts[i].gaddr, in);
        u8 *memory = page ? page + parts[i].gaddr % PAGE_SIZE : NULL;

        if (in && memory)
            memset(memory, 0xff, parts[i].bytes);
        else if (text && memory)
            memcpy(text, memory, parts[i].bytes);
    }
}

/* Sets *nr to the elements that are done; with VERDICT_SKIP, text is their console output. Physmap lock held. */
static struct exit_verdict do_run(struct vcpu *v, const struct hvm_exit *exit, struct insn_io *io, u32 *nr,
                                  u8 *text)
{
    struct hvm_state state;
    struct part parts[2];
    u64 address;

    hvm_ops->get_state(&v->hvm, &state);
    u32 code_bits = hvm_ops->long_mode_cs(&v->hvm) ? 64 : state.cs.attributes & HVM_SEG_D ? 32 : 16;
    if (read_insn(v, exit, code_bits, io))
        return again;
    int run = insn_io_run(io, code_bits, &v->hvm.regs, &state, hvm_ops->cpl(&v->hvm) == USER_CPL, &address);
    if (run < 0)
        return (struct exit_verdict){.action = VERDICT_RAISE, .vector = (u8)-run};
    *nr = (u32)run;
    if (!run)
        return (struct exit_verdict){.action = VERDICT_SKIP};
    if (v->hvm.regs.rflags & RFLAGS_TF)
        *nr = 1;
    if (text)
        *nr = MIN(*nr, RUN_BYTES);
    u32 bytes = *nr * io->bytes;
    u64 start = v->hvm.regs.rflags & RFLAGS_DF ? address - (bytes - io->bytes) : address;
    struct exit_verdict verdict =
        translate(v, start, address, code_bits == 64 ? ~0ull : ~0u, bytes, io->in, parts);
    if (verdict.action == VERDICT_SKIP)
        access(v, parts, io->in, text);
    return verdict;
}

struct exit_verdict string_io(struct vcpu *v, struct hvm_exit *exit)
{
    struct physmap *physmap = &v->domain->physmap;
    bool console = !exit->io.in && exit->io.size == 1 && exit->io.port == PORT_CONSOLE;
    bool down = v->hvm.regs.rflags & RFLAGS_DF;
    u8 text[RUN_BYTES];
    struct insn_io io;
    u32 nr = 0;

    memset(text, 0xff, sizeof(text));
    spin_lock(&physmap->lock);
    struct exit_verdict verdict = do_run(v, exit, &io, &nr, console ? text : NULL);
    spin_unlock(&physmap->lock);
    if (unlikely(pod_refill(v->domain, true)))
        return again;
    if (verdict.action != VERDICT_SKIP)
        return verdict;
    exit->insn_len = io.length;
    for (u32 i = 0; console && i < nr; i++)
        guest_console_write(v->domain, text[down ? nr - 1 - i : i]);
    if (nr && !insn_io_advance(&io, &v->hvm.regs, nr))
        verdict.action = VERDICT_NEXT;
    return verdict;
}
