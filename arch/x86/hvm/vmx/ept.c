/* Intel's extended page tables, see ept.h. */
#include <arch/x86/hvm/vmx/ept.h>

#include <arch/x86/hvm/hvm.h>
#include <lib/printf.h>

/* IA32_VMX_EPT_VPID_CAP, SDM 3D A.10 */
#define CAP_WALK_4         BIT(6)
#define CAP_TABLES_WB      BIT(14)
#define CAP_PAGES_2M       BIT(16)
#define CAP_PAGES_1G       BIT(17)
#define CAP_INVEPT         BIT(20)
#define CAP_ACCESSED_DIRTY BIT(21)
#define CAP_INVEPT_CONTEXT BIT(25)
#define CAP_INVEPT_ALL     BIT(26)
#define CAP_INVVPID        BIT(32)
#define CAP_INVVPID_ALL    BIT(42)

/* EPT pointer */
#define EPTP_WALK_4         (3ull << 3)
#define EPTP_ACCESSED_DIRTY BIT(6)

/* Entries */
#define EPT_READ       BIT(0)
#define EPT_WRITE      BIT(1)
#define EPT_EXEC       BIT(2)
#define EPT_RIGHTS     (EPT_READ | EPT_WRITE | EPT_EXEC)
#define EPT_TYPE_SHIFT 3
#define EPT_TYPE_MASK  (7ull << EPT_TYPE_SHIFT)
#define EPT_IGNORE_PAT BIT(6)
#define EPT_LARGE      BIT(7)
#define EPT_ACCESSED   BIT(8)
#define EPT_DIRTY      BIT(9)
#define ADDRESS_LIMIT  52u /* the bits above are ignored, or not in use */
#define TOP_LEVEL      4u

/* Exit qualification of an EPT violation */
#define VIOLATION_WRITE      BIT(1)
#define VIOLATION_EXEC       BIT(2)
#define VIOLATION_RIGHTS     (7ull << 3) /* that the mapping gives */
#define VIOLATION_LINEAR     BIT(7)      /* the access was made through a linear address, */
#define VIOLATION_TRANSLATED BIT(8)      /* to what that translates to, not to a table on the way */

static const struct {
    u64 cap;
    const char *why;
} needed[] = {
    {CAP_WALK_4, "the CPU's EPT has no tables of four levels"},
    {CAP_TABLES_WB, "the CPU's EPT does not read its tables through the caches"},
    {CAP_PAGES_2M, "the CPU's EPT has no pages of 2 MiB"},
    {CAP_INVEPT, "the CPU has no INVEPT"},
    {CAP_INVEPT_CONTEXT, "the CPU's INVEPT cannot drop one context"},
    {CAP_INVEPT_ALL, "the CPU's INVEPT cannot drop all contexts"},
    {CAP_INVVPID, "the CPU has no INVVPID"},
    {CAP_INVVPID_ALL, "the CPU's INVVPID cannot drop all contexts"},
};

/* [I] CAP_ACCESSED_DIRTY is used. The flags are set beforehand, so the CPU has nothing to write; but it takes its walks of
 * the guest's tables for writes then, as AMD's CPUs do. */
static bool accessed_dirty;
static bool pages_1g = true;

const char *ept_choose(u64 cap, u8 ram_type, bool exec_large)
{
    for (u32 i = 0; i < ARRAY_SIZE(needed); i++)
        if (!(cap & needed[i].cap))
            return needed[i].why;
    accessed_dirty = cap & CAP_ACCESSED_DIRTY;
    pages_1g = cap & CAP_PAGES_1G;
    np_largest_order = pages_1g ? ORDER_1G : ORDER_2M;
    np_set_format(EPT_RIGHTS | EPT_ACCESSED,
                  EPT_RIGHTS | (u64)ram_type << EPT_TYPE_SHIFT | EPT_IGNORE_PAT | EPT_ACCESSED | EPT_DIRTY,
                  exec_large ? 0 : EPT_EXEC);
    return NULL;
}

bool ept_same(u64 boot_cap, u64 cap)
{
    u64 relied_on = CAP_ACCESSED_DIRTY | CAP_PAGES_1G;

    for (u32 i = 0; i < ARRAY_SIZE(needed); i++)
        relied_on |= needed[i].cap;
    return !(boot_cap & relied_on & ~cap);
}

u64 ept_pointer(u64 root_maddr)
{
    return root_maddr | EPTP_WALK_4 | MEMORY_WB | (accessed_dirty ? EPTP_ACCESSED_DIRTY : 0);
}

void ept_decode_violation(u64 qualification, u64 gaddr, bool in_delivery, struct hvm_exit *exit)
{
    u64 of_linear = VIOLATION_LINEAR | VIOLATION_TRANSLATED;

    exit->kind = HVM_EXIT_NPF;
    exit->insn_len = 0;
    exit->npf.gaddr = gaddr;
    exit->npf.present = qualification & VIOLATION_RIGHTS;
    exit->npf.write = qualification & VIOLATION_WRITE;
    exit->npf.exec = qualification & VIOLATION_EXEC;
    /* Without a linear address: MOV to CR0, CR3 or CR4 loads the page-directory-pointer entries of PAE paging. */
    exit->npf.in_tables = (qualification & of_linear) != of_linear;
    exit->npf.in_delivery = in_delivery;
    exit->npf.nr_code = 0;
    exit->npf.code = NULL;
}

struct ept_fault ept_entry_fault(u64 entry, u32 level, u32 maddr_bits)
{
    u64 rights = entry & EPT_RIGHTS;
    bool leaf = level == 1 || (level < TOP_LEVEL && (entry & EPT_LARGE));
    u64 beyond = BIT(ADDRESS_LIMIT) - BIT(maddr_bits);
    u64 reserved =
        leaf ? BIT(9 * (level - 1) + PAGE_SHIFT) - PAGE_SIZE : EPT_TYPE_MASK | EPT_IGNORE_PAT | EPT_LARGE;
    u64 type = (entry & EPT_TYPE_MASK) >> EPT_TYPE_SHIFT;

    if (!rights)
        return (struct ept_fault){0};
    if ((rights & EPT_WRITE) && !(rights & EPT_READ))
        return (struct ept_fault){"it can be written, but not read", rights};
    if (rights == EPT_EXEC)
        return (struct ept_fault){"it can be executed only", rights};
    if (entry & beyond)
        return (struct ept_fault){"the address is beyond what the CPU can reach", entry & beyond};
    if (leaf && level == 3 && !pages_1g)
        return (struct ept_fault){"the CPU has no pages of 1 GiB", EPT_LARGE};
    if (entry & reserved)
        return (struct ept_fault){leaf ? "a large page's address is not aligned"
                                       : "bits are reserved in a pointer to a table",
                                  entry & reserved};
    if (leaf && (type == 2 || type == 3 || type == 7))
        return (struct ept_fault){"there is no such memory type", entry & EPT_TYPE_MASK};
    return (struct ept_fault){0};
}

void ept_explain_misconfiguration(const struct np_table *np, u64 gaddr, u32 maddr_bits, char *text,
                                  size_t size)
{
    u64 entry[TOP_LEVEL + 1];
    u32 last = np_entries(np, gaddr_to_gfn(gaddr), entry);

    for (u32 level = TOP_LEVEL; level >= last; level--) {
        struct ept_fault fault = ept_entry_fault(entry[level], level, maddr_bits);

        if (fault.what) {
            snprintf(text, size, "entry 0x%lx of level %u for guest-physical 0x%lx: %s (bits 0x%lx)",
                     entry[level], level, gaddr, fault.what, fault.bits);
            return;
        }
    }
    snprintf(text, size,
             "no entry for guest-physical 0x%lx is misconfigured now; the last is 0x%lx of level %u", gaddr,
             entry[last], last);
}
