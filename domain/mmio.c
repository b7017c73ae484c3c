/*
 * Accesses to guest-physical memory where nothing is mapped: reads give all ones, writes do nothing. Nor do writes to
 * a grant that is mapped for reading, as on Xen. In xAPIC
 * mode the page of the vCPU's local APIC has registers, unless the domain has put memory there.
 *
 * The instruction is read and decoded once (insn.h) and its operands are translated again, because a nested
 * page fault says neither. The guest may change both at the same time: if no operand is where the fault was, it
 * executes the instruction again. An operand can cross a page and be partly memory, and MOVS has another one;
 * memory is accessed with the kernel's rights, so for the kernel only.
 *
 * Ends the domain: instructions that are not decoded (everything but data moves: a stack, an arithmetic or an
 * SSE operand), instruction fetches, the CPU's own accesses (to page tables, descriptors, the stack of an
 * exception).
 *
 * Physmap lock: while the operands are translated and memory is accessed; not while the APIC is written, which
 * takes the domain's lock.
 */
#include <arch/x86/cpu/traps.h>
#include <arch/x86/hvm/guest_walk.h>
#include <arch/x86/hvm/insn.h>
#include <domain/exit.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <lib/string.h>

#define USER_CPL 3u

enum { REFUSED_ANYWAY, REFUSED_INSN, REFUSED_TABLES, REFUSED_DELIVERY, REFUSED_USER };

const char *mmio_refusal(u8 reason)
{
    static const char *const texts[] = {[REFUSED_ANYWAY] = "",
                                        [REFUSED_INSN] = ", by an instruction that is not emulated",
                                        [REFUSED_TABLES] = ", for its page tables",
                                        [REFUSED_DELIVERY] = ", to deliver an event",
                                        [REFUSED_USER] = ", and beside it memory, in user mode"};

    return texts[reason];
}

/* A part of an operand within one page. */
struct piece {
    u64 gaddr;
    u32 bytes;
    u8 *memory; /* NULL: nothing is mapped there */
    bool readonly;
};

struct access {
    struct piece pieces[4]; /* of one operand, or of source and destination */
    u32 nr;
    bool has_fault; /* a piece is where the fault was */
    bool has_memory;
    u32 to;      /* the first piece of what is written */
    u64 bad_gva; /* see add_operand() */
    u64 read;
};

static const struct exit_verdict again = {.action = VERDICT_RETRY};

static struct exit_verdict refused(u8 reason)
{
    return (struct exit_verdict){.action = VERDICT_CRASH, .vector = reason};
}

/* -EFAULT: the guest's page tables do not map .bad_gva, or not for writing. Physmap lock held. */
static int add_operand(struct vcpu *v, struct access *a, u64 fault, u64 gva, u32 bytes, bool read, bool write)
{
    while (bytes) {
        struct piece *p = &a->pieces[a->nr];

        a->bad_gva = gva;
        if (hvm_translate(&v->hvm, gva, write, &p->gaddr))
            return -EFAULT;
        p->bytes = MIN(bytes, (u32)(PAGE_SIZE - (gva & ~PAGE_MASK)));
        u8 *page = physmap_frame(v->domain, p->gaddr, false);
        p->memory = page ? page + (p->gaddr & ~PAGE_MASK) : NULL;
        p->readonly = page && write && !physmap_frame(v->domain, p->gaddr, true);
        a->has_memory |= page && (read || !p->readonly);
        a->has_fault |= (!page || p->readonly) && fault - p->gaddr < p->bytes;
        a->nr++;
        gva += p->bytes;
        bytes -= p->bytes;
    }
    return 0;
}

/* The operand of .pieces[0 .. nr). Physmap lock held. */
static u64 read_pieces(struct vcpu *v, const struct access *a, u32 nr)
{
    u64 value = 0, part;
    u32 at = 0;

    for (const struct piece *p = a->pieces; p < a->pieces + nr; p++) {
        part = ~0ull;
        if (p->memory)
            memcpy(&part, p->memory, p->bytes);
        else if (vlapic_is_at(v, p->gaddr))
            part = vlapic_read(v, p->gaddr, p->bytes);
        memcpy((u8 *)&value + at, &part, p->bytes);
        at += p->bytes;
    }
    return value;
}

/* The operand of .pieces[.to .. .nr): either what is memory, with the physmap lock held, or what is not. */
static void write_pieces(struct vcpu *v, const struct access *a, u64 value, bool memory)
{
    for (const struct piece *p = a->pieces + a->to; p < a->pieces + a->nr; p++) {
        if (p->memory && memory && !p->readonly)
            memcpy(p->memory, &value, p->bytes);
        else if (!p->memory && !memory && vlapic_is_at(v, p->gaddr))
            vlapic_write(v, p->gaddr, p->bytes, value);
        value = p->bytes < sizeof(value) ? value >> 8 * p->bytes : 0;
    }
}

/* The other part of an access, which the CPU has not come to, is not mapped by the guest. Physmap lock held. */
static struct exit_verdict raise_page_fault(struct vcpu *v, struct hvm_state *state, u64 gva, bool write)
{
    u64 unused;
    bool present = !hvm_translate(&v->hvm, gva, false, &unused);

    state->cr2 = gva;
    hvm_ops->set_state(&v->hvm, state);
    return (struct exit_verdict){.action = VERDICT_RAISE,
                                 .vector = TRAP_PF,
                                 .error = (s32)((present ? PF_PRESENT : 0) | (write ? PF_WRITE : 0) |
                                                (hvm_ops->cpl(&v->hvm) == USER_CPL ? PF_USER : 0))};
}

/* Does all of it but the writes to what is no memory, and sets a->read. VERDICT_SKIP, or what is due instead.
 * Physmap lock held. */
static struct exit_verdict access_operands(struct vcpu *v, u64 fault, struct hvm_state *state,
                                           struct insn *insn, struct access *a)
{
    bool two = insn->kind == INSN_MOVE, write = insn->kind == INSN_STORE || insn->kind == INSN_EXCHANGE;

    int rc = add_operand(v, a, fault, insn->address, insn->bytes, insn->kind != INSN_STORE, write);
    u32 nr_first = a->nr;
    if (two && !rc) {
        write = true;
        a->to = nr_first;
        rc = add_operand(v, a, fault, insn->to, insn->bytes, false, write);
    }
    /* Nothing is half done for want of memory: mmio_access() sees to it. */
    if (!a->has_fault || unlikely(v->domain->physmap.pod.short_of))
        return again;
    if (rc)
        return raise_page_fault(v, state, a->bad_gva, write);
    if (a->has_memory && hvm_ops->cpl(&v->hvm) == USER_CPL)
        return refused(REFUSED_USER);
    if (insn->kind != INSN_STORE)
        a->read = read_pieces(v, a, nr_first);
    if (two)
        insn->value = a->read;
    if (write)
        write_pieces(v, a, insn->value, true);
    return (struct exit_verdict){.action = VERDICT_SKIP};
}

/* Physmap lock held. */
static struct exit_verdict access(struct vcpu *v, const struct hvm_exit *exit, struct insn *insn,
                                  struct access *a)
{
    struct hvm_state state;
    u8 code[HVM_CODE_BYTES];
    u32 nr = exit->npf.nr_code;

    if (nr)
        memcpy(code, exit->npf.code, nr);
    else
        nr = hvm_read_code(&v->hvm, code);
    hvm_ops->get_state(&v->hvm, &state);
    u32 code_bits = hvm_ops->long_mode_cs(&v->hvm) ? 64 : state.cs.attributes & HVM_SEG_D ? 32 : 16;
    int rc = insn_decode(code, nr, code_bits, &v->hvm.regs, &state, insn);
    if (rc == -ENODATA) /* not mapped any more: if it stays so, the guest gets its page fault */
        return again;
    if (rc)
        return refused(REFUSED_INSN);
    return access_operands(v, exit->npf.gaddr, &state, insn, a);
}

struct exit_verdict mmio_access(struct vcpu *v, struct hvm_exit *exit)
{
    struct physmap *physmap = &v->domain->physmap;
    struct insn insn;
    struct access a = {0};

    if (exit->npf.present || exit->npf.exec)
        return refused(REFUSED_ANYWAY);
    if (exit->npf.in_tables || exit->npf.in_delivery)
        return refused(exit->npf.in_tables ? REFUSED_TABLES : REFUSED_DELIVERY);
    spin_lock(&physmap->lock);
    struct exit_verdict verdict = access(v, exit, &insn, &a);
    spin_unlock(&physmap->lock);
    if (unlikely(pod_refill(v->domain, true)))
        return again;
    if (verdict.action != VERDICT_SKIP)
        return verdict;
    exit->insn_len = insn.length;
    if (insn.kind != INSN_LOAD)
        write_pieces(v, &a, insn.value, false);
    return insn_finish(&insn, &v->hvm.regs, a.read) ? verdict : again;
}
