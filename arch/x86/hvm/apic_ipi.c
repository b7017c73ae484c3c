/* Interrupts from one local APIC to others: what an ICR asks for, and whom it reaches. See x2apic.h. */
#include <arch/x86/hvm/apic_registers.h>

/* ICR, SDM 3A figure 10-28 */
#define ICR_LOGICAL        BIT(11)
#define ICR_ASSERT         BIT(14)
#define ICR_LEVEL          BIT(15)
#define ICR_SHORTHAND(icr) ((u32)((icr) >> 18 & 3))
#define DEST_EVERYBODY     0xffffffffu

struct apic_ipi x2apic_decode_icr(const struct hvm_apic *a)
{
    u64 icr = a->icr;
    static const u8 kinds[8] = {[0] = APIC_IPI_FIXED,
                                [1] = APIC_IPI_LOWEST,
                                [4] = APIC_IPI_NMI,
                                [5] = APIC_IPI_INIT,
                                [6] = APIC_IPI_STARTUP};
    struct apic_ipi ipi = {.kind = kinds[ICR_MODE(icr)],
                           .to = ICR_SHORTHAND(icr),
                           .logical = icr & ICR_LOGICAL,
                           .vector = (u8)icr,
                           .dest = (u32)(icr >> 32)};

    if (!x2apic_in_x2_mode(a)) {
        ipi.dest >>= ID_SHIFT;
        if (ipi.dest == ID_ALL && !ipi.logical)
            ipi.dest = DEST_EVERYBODY;
    }
    /* Only a fixed interrupt can include its sender (SDM 3A table 10-4); the level form of INIT with the
     * level off ("de-assert") has had no meaning since the Pentium 4. */
    if (ipi.kind != APIC_IPI_FIXED && (ipi.to == APIC_TO_SELF || ipi.to == APIC_TO_ALL))
        ipi.kind = APIC_IPI_NONE;
    if (ipi.kind == APIC_IPI_INIT && (icr & ICR_LEVEL) && !(icr & ICR_ASSERT))
        ipi.kind = APIC_IPI_NONE;
    if ((ipi.kind == APIC_IPI_FIXED || ipi.kind == APIC_IPI_LOWEST) && ipi.vector < X2APIC_VECTOR_MIN)
        ipi.kind = APIC_IPI_NONE;
    return ipi;
}

/* 10.6.2.2, 10.12.10.2 */
static bool matches_logical(const struct hvm_apic *a, u32 id, u32 dest)
{
    u32 own = __atomic_load_n(&a->ldr, __ATOMIC_RELAXED) >> ID_SHIFT;

    if (x2apic_in_x2_mode(a)) /* a cluster of 16 and a bit for each in it */
        return dest >> 16 == id >> 4 && (dest & 1u << (id & 15));
    if (dest > ID_ALL)
        return false;
    if (__atomic_load_n(&a->dfr, __ATOMIC_RELAXED) == DFR_FLAT)
        return dest & own;
    return (dest >> 4 == own >> 4 || dest >> 4 == 0xf) && (dest & own & 0xf); /* clusters of four */
}

bool x2apic_ipi_reaches(const struct apic_ipi *ipi, u32 source, const struct hvm_apic *a, u32 id)
{
    switch (ipi->to) {
    case APIC_TO_SELF:
        return id == source;
    case APIC_TO_ALL:
        return true;
    case APIC_TO_OTHERS:
        return id != source;
    case APIC_TO_DEST:
        break;
    }
    if (ipi->dest == DEST_EVERYBODY)
        return true;
    return ipi->logical ? matches_logical(a, id, ipi->dest) : ipi->dest == id;
}
