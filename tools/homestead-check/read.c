/* Memory is never freed: the program is short. */
#include "read.h"

#include <tools/acpi-topology/facts.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define FILE_MAX_BYTES      MIB(16) /* /proc/cpuinfo of 1,024 CPUs has some 2 MiB */
#define FIRST_BYTES         KIB(64)
#define MSR_FEATURE_CONTROL 0x3au
#define MSR_VMX_PROCBASED2  0x48bu
#define MSR_VM_CR           0xc0010114u
#define SECURE_BOOT         "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define TABLES              "/sys/firmware/acpi/tables/"
#define MSRS                "/dev/cpu/0/msr"

struct reader {
    const char *root;
    struct unread *unread;
};

static const char *full(const struct reader *r, const char *path)
{
    static char name[PATH_MAX];

    snprintf(name, sizeof(name), "%s%s", r->root, path);
    return name;
}

static void not_read(const struct reader *r, const char *path, int error)
{
    struct unread *u = r->unread;

    if (u->nr == UNREAD_MAX)
        return;
    u->list[u->nr].path = path;
    u->list[u->nr++].error = error;
}

/* The whole file with a NUL behind it; empty, with errno, if it cannot be read. Files of /proc and /sys have no size. */
static struct acpi_bytes load(const struct reader *r, const char *path)
{
    FILE *in = fopen(full(r, path), "rb");
    char *bytes = NULL;
    u64 len = 0, room = FIRST_BYTES;

    if (!in)
        return (struct acpi_bytes){.bytes = "", .len = 0};
    do {
        room *= bytes ? 2 : 1;
        bytes = realloc(bytes, room + 1);
        if (!bytes)
            abort();
        len += fread(bytes + len, 1, room - len, in);
    } while (len == room && room < FILE_MAX_BYTES);
    errno = ferror(in) ? EIO : len ? 0 : ENODATA;
    fclose(in);
    bytes[len] = '\0';
    return (struct acpi_bytes){.bytes = bytes, .len = len};
}

/* As the hypervisor's code takes it: no bytes if there is none. */
static struct acpi_bytes table(const struct reader *r, const char *path)
{
    struct acpi_bytes b = load(r, path);

    return b.len ? b : (struct acpi_bytes){.bytes = NULL, .len = 0};
}

/* A file that the verdict depends on: if it cannot be read, that is reported. */
static const char *load_or_tell(const struct reader *r, const char *path)
{
    struct acpi_bytes b = load(r, path);

    if (!b.len)
        not_read(r, path, errno);
    return b.bytes;
}

static bool exists(const struct reader *r, const char *path)
{
    struct stat st;

    return !stat(full(r, path), &st);
}

static bool says_yes(const struct reader *r, const char *path)
{
    const char *text = load(r, path).bytes;

    return text[0] == 'Y' || text[0] == '1';
}

/* The entries of a directory whose names begin so; -1: there is no such directory. */
static int count_entries(const struct reader *r, const char *path, const char *begin)
{
    DIR *dir = opendir(full(r, path));
    int count = 0;

    if (!dir)
        return -1;
    for (struct dirent *d; (d = readdir(dir));)
        count += d->d_name[0] != '.' && !strncmp(d->d_name, begin, strlen(begin));
    closedir(dir);
    return count;
}

/* --- the CPU --- */

#if defined(__x86_64__)
static enum known bit(u32 leaf, u32 subleaf, u32 reg, u32 nr)
{
    u32 regs[4];

    if (__get_cpuid_max(leaf & 0x80000000u, NULL) < leaf)
        return KNOWN_NO;
    __cpuid_count(leaf, subleaf, regs[0], regs[1], regs[2], regs[3]);
    return regs[reg] >> nr & 1 ? KNOWN_YES : KNOWN_NO;
}

static void ask_cpu(struct machine *m)
{
    enum { EAX, EBX, ECX, EDX };
    bool amd = !strcmp(m->cpu.vendor, "AuthenticAMD");

    m->cpuid_virtualization = amd ? bit(0x80000001u, 0, ECX, 2) : bit(1, 0, ECX, 5);
    if (amd)
        m->cpuid_nested = bit(0x8000000au, 0, EDX, 0);
    m->cpuid_x2apic = bit(1, 0, ECX, 21);
}
#else
static void ask_cpu(struct machine *m)
{
    (void)m;
}
#endif

static bool read_msr(int fd, u32 msr, u64 *value)
{
    return pread(fd, value, sizeof(*value), msr) == sizeof(*value);
}

static void read_msrs(const struct reader *r, struct machine *m)
{
    bool amd = !strcmp(m->cpu.vendor, "AuthenticAMD");
    int fd = open(full(r, MSRS), O_RDONLY);

    if (fd < 0) {
        not_read(r, MSRS, errno);
        return;
    }
    m->has_lock_msr = read_msr(fd, amd ? MSR_VM_CR : MSR_FEATURE_CONTROL, &m->lock_msr);
    m->has_vmx_controls = !amd && read_msr(fd, MSR_VMX_PROCBASED2, &m->vmx_controls);
    if (!m->has_lock_msr)
        not_read(r, MSRS, EIO);
    close(fd);
}

static void read_kvm(const struct reader *r, struct machine *m)
{
    if (!exists(r, "/dev/kvm"))
        return;
    m->kvm = KNOWN_YES;
    if (says_yes(r, "/sys/module/kvm_amd/parameters/npt") ||
        says_yes(r, "/sys/module/kvm_intel/parameters/ept"))
        m->kvm_nested = KNOWN_YES;
    if (says_yes(r, "/sys/module/kvm_intel/parameters/unrestricted_guest"))
        m->kvm_unrestricted_guest = KNOWN_YES;
}

/* --- ACPI --- */

static void take_facts(struct machine *m, const struct facts *f)
{
    m->nodes_by_srat = !f->refused;
    if (m->nodes_by_srat) {
        m->nr_nodes = f->info.topology.nr_nodes;
        m->nr_nodes_with_memory = 0;
        for (u32 i = 0; i < m->nr_nodes; i++)
            m->nr_nodes_with_memory += f->node[i].bytes > 0;
    }
    for (u32 i = 0; i < f->nr_cpus; i++)
        m->max_apic_id = MAX(m->max_apic_id, f->cpu[i].apic_id);
    if (f->nr_cpus)
        m->nr_cpus = f->nr_cpus;
    for (u32 i = 0; i < warnings.nr && m->nr_warnings < MACHINE_WARNINGS_MAX; i++)
        snprintf(m->warning[m->nr_warnings++], TEXT_BYTES, "%s", warnings.text[i]);
}

static void read_tables(const struct reader *r, struct machine *m)
{
    static const char *const srats[ACPI_MAX_SRATS] = {TABLES "SRAT", TABLES "SRAT1", TABLES "SRAT2",
                                                      TABLES "SRAT3"};
    static struct acpi_inputs in;
    static struct facts facts;
    struct acpi_bytes spcr;

    in.madt = table(r, TABLES "APIC");
    m->has_tables = in.madt.len > 0;
    if (!m->has_tables) {
        not_read(r, TABLES "APIC", errno);
        return;
    }
    in.slit = table(r, TABLES "SLIT");
    in.hmat = table(r, TABLES "HMAT");
    in.msct = table(r, TABLES "MSCT");
    for (u32 i = 0; i < ACPI_MAX_SRATS; i++) {
        struct acpi_bytes srat = table(r, srats[i]);
        if (srat.len)
            in.srat[in.nr_srats++] = srat;
    }
    m->has_srat = in.nr_srats > 0;
    facts_fill(&facts, &in);
    take_facts(m, &facts);
    m->iommu_table = exists(r, TABLES "DMAR") || exists(r, TABLES "IVRS") ? KNOWN_YES : KNOWN_NO;
    spcr = table(r, TABLES "SPCR");
    if (spcr.len)
        (void)parse_spcr(spcr.bytes, spcr.len, &m->serial);
}

/* --- the rest --- */

static void read_nodes(const struct reader *r, struct machine *m)
{
    int nodes = 0;

    for (char digit = '0'; digit <= '9'; digit++) {
        char begin[] = {'n', 'o', 'd', 'e', digit, '\0'};
        nodes += MAX(count_entries(r, "/sys/devices/system/node", begin), 0);
    }
    m->nr_nodes = nodes ? (u32)nodes : 1;
    m->memory_kib = parse_mem_total_kib(load(r, "/proc/meminfo").bytes);
    m->nr_cpus = parse_cpu_list(load(r, "/sys/devices/system/cpu/present").bytes);
}

static void read_serial(const struct reader *r, struct machine *m)
{
    m->serial_was_readable = parse_ioports(load_or_tell(r, "/proc/ioports"), &m->serial);
    parse_tty_driver(load_or_tell(r, "/proc/tty/driver/serial"), &m->serial);
}

static void read_firmware(const struct reader *r, struct machine *m)
{
    struct acpi_bytes secure = load(r, SECURE_BOOT); /* 4 bytes of attributes, then the value */

    m->uefi = exists(r, "/sys/firmware/efi");
    m->uefi_bits = (u32)atoi(load(r, "/sys/firmware/efi/fw_platform_size").bytes);
    if (secure.len == 5)
        m->secure_boot = ((const u8 *)secure.bytes)[4] == 1 ? KNOWN_YES : KNOWN_NO;
}

void machine_read(const char *root, struct machine *m, struct unread *unread)
{
    struct reader r = {.root = root, .unread = unread};

    parse_cpuinfo(load_or_tell(&r, "/proc/cpuinfo"), &m->cpu);
    if (!*root)
        ask_cpu(m);
    read_msrs(&r, m);
    read_kvm(&r, m);
    m->under_xen = !strncmp(load(&r, "/sys/hypervisor/type").bytes, "xen", 3);
    read_nodes(&r, m);
    read_tables(&r, m);
    int iommus = count_entries(&r, "/sys/class/iommu", "");
    m->iommu_in_use = iommus < 0 ? NOT_READ : iommus ? KNOWN_YES : KNOWN_NO;
    read_serial(&r, m);
    read_firmware(&r, m);
}
