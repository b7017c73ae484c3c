/*
 * Start-up of our guests, in order: exceptions, hypervisor, console, memory map, page tables, the
 * program. The start info is copied here, because later code may overwrite it.
 */
#include <guest/lib/internal.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/smp.h>
#include <xen/sched.h>
#include <lib/parse.h>
#include <lib/string.h>

#define CR0_MP         (1u << 1)
#define CR0_EM         (1u << 2)
#define CR0_TS         (1u << 3)
#define CR4_OSFXSR     (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define MSR_FS_BASE    0xc0000100u

struct guest_env guest_env;

static u64 start_tsc;

u64 rdtsc(void)
{
    u32 lo, hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (u64)hi << 32 | lo;
}

u64 guest_now_ms(void)
{
    return (rdtsc() - start_tsc) / guest_env.tsc_khz;
}

void guest_shutdown(unsigned int reason)
{
    struct sched_shutdown arg = {.reason = reason};

    console_flush();
    hypercall2(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &arg);
    for (;;)
        __asm__ volatile("cli; hlt");
}

__attribute__((weak)) void guest_on_fatal(void) {}

const char *guest_option(const char *name, char *buf, size_t size)
{
    const char *p = guest_env.cmdline;
    size_t len = strlen(name);

    while (*p) {
        while (is_space(*p))
            p++;
        const char *word = p;
        while (*p && !is_space(*p))
            p++;
        if ((size_t)(p - word) < len || strncmp(word, name, len) != 0)
            continue;
        if (word + len != p && word[len] != '=')
            continue;
        const char *value = word + len == p ? p : word + len + 1;
        size_t n = MIN((size_t)(p - value), size - 1);
        memcpy(buf, value, n);
        buf[n] = 0;
        return buf;
    }
    return NULL;
}

u64 guest_option_number(const char *name, u64 otherwise)
{
    const char *end;
    char word[32];
    u64 value;

    if (!guest_option(name, word, sizeof(word)))
        return otherwise;
    if (!parse_u64(word, &end, false, &value) && !*end)
        return value;
    printf("%s= needs a number, not '%s'\n", name, word);
    return otherwise;
}

void guest_verdict(bool pass)
{
    char why[64] = "";

    guest_option("degraded", why, sizeof(why));
    printf("@verdict result=%s%s%s\n", pass ? "PASS" : "FAIL", why[0] ? " degraded=" : "", why);
}

static void copy_start_info(const struct hvm_start_info *si)
{
    guest_env.start_version = si->version;
    guest_env.start_info = (u64)(uintptr_t)si;
    guest_env.is_dom0 = si->flags & SIF_INITDOMAIN;
    if (si->cmdline_paddr)
        str_copy(guest_env.cmdline, (const char *)si->cmdline_paddr, sizeof(guest_env.cmdline));
    if (si->nr_modules && si->modlist_paddr) {
        const struct hvm_modlist_entry *m = (const struct hvm_modlist_entry *)si->modlist_paddr;
        guest_env.module = (struct guest_module){.data = (const void *)m->paddr, .size = m->size};
    }
}

/* Code by others is compiled for SSE and with -fstack-protector, which reads the guard at %fs:0x28 (System V ABI, x86-64
 * supplement: FS is the thread pointer). The guard is the same for all, so one block serves all vCPUs. */
void vcpu_prepare(void)
{
    static const u64 thread[8] = {[5] = 0x00a5c3e17f2d9b00};
    u64 cr0, cr4;

    __asm__ volatile("mov %%cr0, %0\n\tmov %%cr4, %1" : "=r"(cr0), "=r"(cr4));
    __asm__ volatile("mov %0, %%cr0\n\tmov %1, %%cr4"
                     :
                     : "r"((cr0 & ~(CR0_EM | CR0_TS)) | CR0_MP), "r"(cr4 | CR4_OSFXSR | CR4_OSXMMEXCPT)
                     : "memory");
    wrmsr(MSR_FS_BASE, (u64)(uintptr_t)thread);
}

void guest_start(const struct hvm_start_info *si)
{
    start_tsc = rdtsc();
    traps_init();
    vcpu_prepare();
    if (xen_detect() || si->magic != XEN_HVM_START_MAGIC_VALUE) /* there is no console for a message */
        __asm__ volatile("ud2");
    copy_start_info(si);

    int rc = xen_check_hypercall_page();
    if (rc)
        printf("guest: the hypercall page does not work: %d\n", rc);
    if (!rc) {
        rc = memory_read_map(si);
        if (rc)
            printf("guest: no memory map: %d\n", rc);
    }
    if (!rc) {
        rc = memory_map_all();
        if (rc)
            printf("guest: cannot map all memory: %d\n", rc);
    }
    if (!rc)
        guest_main();
    else
        guest_on_fatal();
    guest_shutdown(SHUTDOWN_crash);
}
