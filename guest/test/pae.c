/*
 * mode=pae: two vCPUs run 32-bit code with PAE paging (pae.asm). The first one has it from VCPUOP_initialise, which knows
 * CR3 but not the four page-directory-pointer entries that a CPU loads from there; the second sets CR4.PAE while paging is
 * on. Then they change an entry, and reload by CR4 and CR0; and on Intel's CPUs set a reserved bit, which #GP answers.
 */
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/smp.h>
#include <guest/test/test.h>
#include <lib/string.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/vcpu.h>

#define LINEAR_SHIFT 30 /* as in pae.asm: code and data are there by the second entry, */
#define WINDOW_ENTRY 2u /* and by the third one first[] or second[] */
#define WAIT_MS      5000u

#define P     BIT(0)
#define PW    3u
#define LARGE BIT(7)

#define CR0_PE_PG (BIT(0) | BIT(31))
#define CR4_PSE   BIT(4)
#define CR4_PAE   BIT(5)

struct pae_found {
    volatile u32 at_start, by_cr4, by_cr0, cd, refused_cr4, kept_cr4, refused_cr0, kept_cr0, done;
};

extern u8 pae_start[], pae_from_32_bit[];

/* The first 32 bytes are PAE paging's first table, the whole is the directory of 32-bit paging. */
u64 pae_root[512] ALIGNED(4096);
u64 pae_directory[3][512] ALIGNED(4096); /* of LINEAR, and two of the window */
static u64 tables[2][512] ALIGNED(4096);
static u32 first[1024] ALIGNED(4096), second[1024] ALIGNED(4096);
static struct pae_found found;

static u64 address(const void *p)
{
    return (u64)(uintptr_t)p;
}

static void make_tables(void)
{
    u32 *directory = (u32 *)pae_root;

    memset(pae_root, 0, sizeof(pae_root));
    pae_root[1] = address(pae_directory[0]) | P;
    pae_root[WINDOW_ENTRY] = address(pae_directory[1]) | P;
    for (u32 i = 0; i < 512; i++)
        pae_directory[0][i] = (u64)i << 21 | LARGE | PW;
    for (u32 i = 0; i < 256; i++) /* the same GiB by pages of 4 MiB */
        directory[256 + i] = i << 22 | (u32)LARGE | PW;
    first[0] = 0x11111111;
    second[0] = 0x22222222;
    tables[0][0] = address(first) | PW;
    tables[1][0] = address(second) | PW;
    pae_directory[1][0] = address(tables[0]) | PW;
    pae_directory[2][0] = address(tables[1]) | PW;
}

static bool is_done(void)
{
    return found.done;
}

static bool is_intel(void)
{
    u32 eax = 0, ebx, ecx, edx;

    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    return ebx == 0x756e6547; /* "Genu" */
}

static bool run(const char *what, u32 vcpu, const u8 *entry, u32 cr4)
{
    struct vcpu_hvm_context context = {.mode = VCPU_HVM_MODE_32B};
    bool strict = is_intel();

    make_tables();
    memset((void *)&found, 0, sizeof(found));
    context.cpu_regs.x86_32 = (struct vcpu_hvm_x86_32){.eip = (u32)address(entry) + (1u << LINEAR_SHIFT),
                                                       .ebx = (u32)address(&found) + (1u << LINEAR_SHIFT),
                                                       .edx = strict,
                                                       .eflags = 2,
                                                       .cr0 = (u32)CR0_PE_PG,
                                                       .cr3 = (u32)address(pae_root),
                                                       .cr4 = cr4,
                                                       .cs_limit = ~0u,
                                                       .ds_limit = ~0u,
                                                       .ss_limit = ~0u,
                                                       .es_limit = ~0u,
                                                       .tr_limit = 0x67,
                                                       .cs_ar = 0xc9b,
                                                       .ds_ar = 0xc93,
                                                       .ss_ar = 0xc93,
                                                       .es_ar = 0xc93,
                                                       .tr_ar = 0x8b};
    bool ok = !hypercall(__HYPERVISOR_vcpu_op, VCPUOP_initialise, vcpu, address(&context), 0, 0) &&
              !hypercall(__HYPERVISOR_vcpu_op, VCPUOP_up, vcpu, 0, 0, 0) && smp_wait(is_done, WAIT_MS);
    ok = ok && found.at_start == first[0] && found.by_cr4 == second[0];
    if (strict)
        ok = ok && found.by_cr0 == first[0] && found.cd && found.refused_cr4 == 1 && !found.kept_cr4 &&
             found.refused_cr0 == 1 && !found.kept_cr0;
    printf("pae: %s: entries %x, %x, %x, refused %u, %u: %s\n", what, found.at_start, found.by_cr4,
           found.by_cr0, found.refused_cr4, found.refused_cr0, ok ? "ok" : "FAILED");
    return ok;
}

bool pae_run(void)
{
    bool ok = run("from the start", 1, pae_start, (u32)(CR4_PSE | CR4_PAE));

    return run("from 32-bit paging", 2, pae_from_32_bit, (u32)CR4_PSE) && ok;
}
