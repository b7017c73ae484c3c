/* Memory types by MTRRs, see mtrr.h. */
#include <arch/x86/cpu/mtrr.h>

#include <lib/string.h>

#define MTRRCAP_NR_RANGES 0xffull
#define MTRRCAP_FIXED     BIT(8)
#define DEF_TYPE_FIXED    BIT(10)
#define DEF_TYPE_ENABLED  BIT(11)
#define PHYSMASK_VALID    BIT(11)
#define TYPE_MASK         0xffull
#define TYPES_A_REGISTER  8u
#define FIXED_LIMIT       MIB(1)

u8 mtrr_ram_type = MEMORY_WB;

/* The registers of the fixed ranges, ascending. */
static const struct fixed_ranges {
    u32 msr, nr_registers;
    u64 start, piece; /* bytes */
} fixed_ranges[] = {
    {MSR_IA32_MTRR_FIX64K, 1, 0, KIB(64)},
    {MSR_IA32_MTRR_FIX16K, 2, 0x80000, KIB(16)},
    {MSR_IA32_MTRR_FIX4K, 8, 0xc0000, KIB(4)},
};

void mtrr_read(struct mtrr *m, u64 (*read)(u32 msr), u32 maddr_bits)
{
    u64 cap = read(MSR_IA32_MTRRCAP), def_type = read(MSR_IA32_MTRR_DEF_TYPE);
    u32 nr_fixed = 0;

    memset(m, 0, sizeof(*m));
    m->addresses = maddr_bits < 64 ? BIT(maddr_bits) - 1 : ~0ull;
    m->enabled = def_type & DEF_TYPE_ENABLED;
    m->use_fixed = (cap & MTRRCAP_FIXED) && (def_type & DEF_TYPE_FIXED);
    m->default_type = (u8)(def_type & TYPE_MASK);
    for (const struct fixed_ranges *f = fixed_ranges;
         m->use_fixed && f < fixed_ranges + ARRAY_SIZE(fixed_ranges); f++)
        for (u32 i = 0; i < f->nr_registers; i++) {
            u64 types = read(f->msr + i);

            for (u32 j = 0; j < TYPES_A_REGISTER; j++, types >>= 8)
                m->fixed[nr_fixed++] = (u8)types;
        }
    for (u32 i = 0; i < (cap & MTRRCAP_NR_RANGES); i++) {
        u64 base = read(MSR_IA32_MTRR_PHYSBASE0 + 2 * i), mask = read(MSR_IA32_MTRR_PHYSBASE0 + 2 * i + 1);

        if (!(mask & PHYSMASK_VALID))
            continue;
        m->range[m->nr_ranges].type = (u8)(base & TYPE_MASK);
        m->range[m->nr_ranges].mask = mask & m->addresses & PAGE_MASK;
        m->range[m->nr_ranges++].base = base & m->addresses & PAGE_MASK;
    }
}

static u8 fixed_type(const struct mtrr *m, u64 maddr, u64 *end)
{
    u32 i = 0;
    const struct fixed_ranges *f = fixed_ranges + ARRAY_SIZE(fixed_ranges) - 1;

    for (; maddr < f->start; f--)
        ;
    for (const struct fixed_ranges *below = fixed_ranges; below < f; below++)
        i += below->nr_registers * TYPES_A_REGISTER;
    *end = ALIGN_DOWN(maddr, f->piece) + f->piece;
    return m->fixed[i + (maddr - f->start) / f->piece];
}

/* The first address above maddr at which this range may begin or end. A mask with gaps makes many pieces. */
static u64 next_edge(const struct mtrr *m, u32 i, u64 maddr)
{
    u64 mask = m->range[i].mask;
    u64 piece = mask & -mask, start = m->range[i].base & mask;

    if (!mask)
        return ~0ull;
    if ((mask | (piece - 1)) != m->addresses)
        return ALIGN_DOWN(maddr, piece) + piece;
    return maddr < start ? start : maddr - start < piece ? start + piece : ~0ull;
}

/* Two ranges have the address. */
static u8 overlap(u8 a, u8 b)
{
    if (a == b)
        return a;
    return (a == MEMORY_WT && b == MEMORY_WB) || (a == MEMORY_WB && b == MEMORY_WT) ? MEMORY_WT : MEMORY_UC;
}

u8 mtrr_type(const struct mtrr *m, u64 maddr, u64 *end)
{
    bool found = false;
    u8 type = m->default_type;

    *end = ~0ull;
    if (!m->enabled)
        return MEMORY_UC;
    if (m->use_fixed && maddr < FIXED_LIMIT)
        return fixed_type(m, maddr, end);
    for (u32 i = 0; i < m->nr_ranges; i++) {
        *end = MIN(*end, next_edge(m, i, maddr));
        if ((maddr & m->range[i].mask) != (m->range[i].base & m->range[i].mask))
            continue;
        type = found ? overlap(type, m->range[i].type) : m->range[i].type;
        found = true;
    }
    return type;
}
