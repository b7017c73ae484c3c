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

int hvm_translate(struct hvm_vcpu *v, u64 gva, bool write, u64 *gaddr)
{
    struct hvm_paging paging;
    u64 run;

    hvm_ops->paging_state(v, &paging);
    const struct guest_walk walk = {.cr0 = paging.cr0,
                                    .cr3 = paging.cr3,
                                    .cr4 = paging.cr4,
                                    .efer = paging.efer,
                                    .entry = read_entry,
                                    .ctx = v->np};

    if (!(paging.efer & EFER_LMA))
        gva = (u32)gva;
    return guest_walk(&walk, gva, write, gaddr, &run);
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
