/* Reads and decodes the instruction that a vCPU is about to execute, see guest_code.h. */
#include <arch/x86/hvm/guest_code.h>

#include <arch/x86/cpu/frames.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/hvm/guest_walk.h>
#include <arch/x86/hvm/hvm.h>
#include <homestead/errno.h>
#include <lib/string.h>

static const u8 *guest_byte(struct np_table *np, u64 gaddr)
{
    struct np_entry entry = np_lookup(np, gaddr_to_gfn(gaddr));

    if (unlikely(entry.type == NP_POD))
        entry = np->populate(np->ctx, gaddr_to_gfn(gaddr));
    return mfn_valid_value(entry.mfn) ? (const u8 *)mfn_to_virt(entry.mfn) + gaddr % PAGE_SIZE : NULL;
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

static bool mark_entry(void *np, u64 gaddr, u32 size, u64 old, u64 entry)
{
    u8 *at = (u8 *)(uintptr_t)guest_byte(np, gaddr);
    u32 old_32 = (u32)old;

    if (!at)
        return false;
    if (size == sizeof(u32))
        return __atomic_compare_exchange_n((u32 *)at, &old_32, (u32)entry, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST);
    return __atomic_compare_exchange_n((u64 *)at, &old, entry, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static struct guest_walk walk_of(struct hvm_vcpu *v)
{
    struct hvm_paging paging = {0};

    hvm_ops->paging_state(v, &paging);
    return (struct guest_walk){.cr0 = paging.cr0,
                               .cr3 = paging.cr3,
                               .cr4 = paging.cr4,
                               .efer = paging.efer,
                               .entry = read_entry,
                               .mark = mark_entry,
                               .ctx = v->np};
}

int hvm_translate(struct hvm_vcpu *v, u64 gva, bool write, u64 *gaddr)
{
    const struct guest_walk walk = walk_of(v);
    u64 run;

    return guest_walk(&walk, walk.efer & EFER_LMA ? gva : (u32)gva, write, gaddr, &run);
}

int hvm_guest_access(struct hvm_vcpu *v, u64 gva, bool write, u64 *gaddr, u32 *error)
{
    const struct guest_walk walk = walk_of(v);
    bool user = hvm_ops->cpl(v) == 3;
    u32 access = (write ? PF_WRITE : 0) | (user ? PF_USER : 0);

    if (!user && (walk.cr4 & CR4_SMAP) && !(v->regs.rflags & RFLAGS_AC))
        access |= GUEST_SMAP;
    return guest_access(&walk, walk.efer & EFER_LMA ? gva : (u32)gva, access, gaddr, error);
}

void hvm_read_pdptes(struct hvm_vcpu *v, u64 cr3, u64 pdpte[HVM_PDPTES])
{
    const u64 *table = (const u64 *)guest_byte(v->np, cr3 & CR3_MASK_PAE);

    for (u32 i = 0; i < HVM_PDPTES; i++)
        pdpte[i] = table ? __atomic_load_n(&table[i], __ATOMIC_RELAXED) : ~0ull;
}

u32 hvm_read_code(struct hvm_vcpu *v, u8 code[HVM_CODE_BYTES])
{
    struct hvm_state state;
    const u8 *byte = NULL;
    u32 nr = 0;

    hvm_ops->get_state(v, &state);
    u64 at = v->regs.rip + (hvm_ops->long_mode_cs(v) ? 0 : state.cs.base);
    for (; nr < HVM_CODE_BYTES; nr++) {
        u64 gaddr;

        /* One walk a page. */
        if ((!nr || (at + nr) % PAGE_SIZE == 0) &&
            (hvm_translate(v, at + nr, false, &gaddr) || !(byte = guest_byte(v->np, gaddr))))
            break;
        code[nr] = *byte++;
    }
    return nr;
}

/* LOCK is not among them: with it the CPU raises #UD. */
static bool is_prefix(u8 byte)
{
    static const u8 prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf2, 0xf3};

    for (u32 i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (byte == prefixes[i])
            return true;
    return false;
}

/* 0F 20 /4 and 0F 22 /4: the reg field is the control register, r/m the general one, and mod is ignored. */
u32 hvm_decode_mov_cr4(const u8 *code, u32 nr, bool is_64, bool *write, u8 *gpr)
{
    u32 at = 0;
    u8 rex = 0;

    while (at < nr && is_prefix(code[at]))
        at++;
    if (is_64 && at < nr && (code[at] & 0xf0) == 0x40)
        rex = code[at++];
    if (nr - at < 3 || code[at] != 0x0f || (code[at + 1] & ~2) != 0x20)
        return 0;
    u8 reg = (u8)((code[at + 2] >> 3 & 7) | (rex & 4) << 1);
    if (reg != 4)
        return 0;
    *write = code[at + 1] & 2;
    *gpr = (u8)((code[at + 2] & 7) | (rex & 1) << 3);
    return at + 3;
}
