/* homestead-check: what it decides from what it has read. The program itself: homestead_check_tool_test.py. */
#include <tests/machine/test.h>
#include <tools/homestead-check/judge.h>

static struct machine amd(void)
{
    return (struct machine){.cpu = {.nr = 64,
                                    .vendor = "AuthenticAMD",
                                    .model = "AMD EPYC 7543",
                                    .flags = FLAG_LM | FLAG_SVM | FLAG_NPT | FLAG_X2APIC},
                            .cpuid_virtualization = KNOWN_YES,
                            .cpuid_nested = KNOWN_YES,
                            .cpuid_x2apic = KNOWN_YES,
                            .has_lock_msr = true,
                            .has_tables = true,
                            .has_srat = true,
                            .nodes_by_srat = true,
                            .nr_nodes = 2,
                            .nr_nodes_with_memory = 2,
                            .nr_cpus = 64,
                            .memory_kib = 1 << 20,
                            .iommu_table = KNOWN_YES,
                            .serial = {.nr = 1, .port = {0x3f8}},
                            .serial_was_readable = true,
                            .uefi = true,
                            .uefi_bits = 64};
}

static struct machine intel(void)
{
    struct machine m = amd();

    strcpy(m.cpu.vendor, "GenuineIntel");
    m.cpu.flags = FLAG_LM | FLAG_VMX | FLAG_EPT | FLAG_VPID | FLAG_UNRESTRICTED_GUEST | FLAG_X2APIC;
    m.cpu.has_vmx_flags = true;
    m.cpuid_nested = NOT_READ;
    m.lock_msr = 5;
    return m;
}

static struct findings found;

/* The worst result of the findings of this name, and that the text of one has these words; -1: there is none. */
static int of(const char *name, const char *words)
{
    int worst = -1;
    bool said = false;

    for (u32 i = 0; i < found.nr; i++)
        if (!strcmp(found.list[i].name, name)) {
            worst = MAX(worst, (int)found.list[i].result);
            said = said || strstr(found.list[i].text, words);
        }
    if (worst >= 0 && !said)
        for (u32 i = 0; i < found.nr; i++)
            printf("%s: %s\n", found.list[i].name, found.list[i].text);
    assert_true(worst < 0 || said);
    return worst;
}

TEST(machines_that_have_all)
{
    struct machine m = amd();

    assert_int_equal(judge(&m, &found), RESULT_OK);
    m = intel();
    assert_int_equal(judge(&m, &found), RESULT_OK);
}

TEST(another_vendor)
{
    struct machine m = amd();

    strcpy(m.cpu.vendor, "HygonGenuine");
    assert_int_equal(judge(&m, &found), RESULT_NO);
    assert_int_equal(of("cpu", "only AMD's and Intel's"), RESULT_NO);
    assert_int_equal(of("virtualization", ""), -1);
}

TEST(no_64_bit_mode)
{
    struct machine m = intel();

    m.cpu.flags &= ~(u32)FLAG_LM;
    assert_int_equal(judge(&m, &found), RESULT_NO);
    assert_int_equal(of("cpu", "no 64-bit mode"), RESULT_NO);
}

TEST(a_cpu_without_virtualization)
{
    struct machine m = amd();

    m.cpuid_virtualization = KNOWN_NO;
    assert_int_equal(judge(&m, &found), RESULT_NO);
    assert_int_equal(of("virtualization", "SVM mode"), RESULT_NO);
    assert_int_equal(of("nested paging", ""), -1);
}

TEST(firmware_locks_of_amd)
{
    /* VM_CR: LOCK is bit 3, SVMDIS bit 4. Only both are a lock: Homestead clears SVMDIS if it may. */
    static const struct {
        u64 value;
        enum result result;
    } cases[] = {{0, RESULT_OK}, {1 << 3, RESULT_OK}, {1 << 4, RESULT_OK}, {1 << 3 | 1 << 4, RESULT_NO}};

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        struct machine m = amd();
        m.lock_msr = cases[i].value;
        assert_int_equal(judge(&m, &found), cases[i].result);
    }
    assert_int_equal(of("virtualization", "VM_CR"), RESULT_NO);
}

TEST(firmware_locks_of_intel)
{
    /* IA32_FEATURE_CONTROL: lock is bit 0, VMX outside of SMX bit 2. Unlocked is good: Homestead sets both. */
    static const struct {
        u64 value;
        enum result result;
    } cases[] = {{0, RESULT_OK}, {5, RESULT_OK}, {4, RESULT_OK}, {3, RESULT_NO}, {1, RESULT_NO}};

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        struct machine m = intel();
        m.lock_msr = cases[i].value;
        assert_int_equal(judge(&m, &found), cases[i].result);
    }
    assert_int_equal(of("virtualization", "IA32_FEATURE_CONTROL"), RESULT_NO);
}

TEST(locks_that_cannot_be_read)
{
    struct machine m = intel();

    m.has_lock_msr = false;
    assert_int_equal(judge(&m, &found),
                     RESULT_OK); /* Linux 5.6 shows the flag only if the firmware allows it */
    m.cpu.has_vmx_flags = false;
    m.kvm_unrestricted_guest = KNOWN_YES;
    m.cpu.flags |= FLAG_VPID;
    assert_int_equal(judge(&m, &found), RESULT_WARNING);
    assert_int_equal(of("virtualization", "could not be read"), RESULT_WARNING);
    m.kvm = KNOWN_YES;
    assert_int_equal(judge(&m, &found), RESULT_OK);
    m.kvm = NOT_READ;
    m.cpu.flags &= ~(u32)FLAG_VMX; /* CPUID has it, Linux does not use it */
    assert_int_equal(judge(&m, &found), RESULT_NO);
    assert_int_equal(of("virtualization", "most likely the firmware has locked it off"), RESULT_NO);

    m = amd();
    m.has_lock_msr = false;
    assert_int_equal(judge(&m, &found), RESULT_WARNING);
}

TEST(nested_paging_of_amd)
{
    struct machine m = amd();

    m.cpuid_nested = KNOWN_NO;
    assert_int_equal(judge(&m, &found), RESULT_NO);
    assert_int_equal(of("nested paging", "has no nested paging"), RESULT_NO);
    m.cpuid_nested = NOT_READ; /* another machine's files */
    assert_int_equal(judge(&m, &found), RESULT_OK);
    m.cpu.flags &= ~(u32)FLAG_NPT;
    assert_int_equal(judge(&m, &found), RESULT_NO);
    m.kvm_nested = KNOWN_YES;
    assert_int_equal(judge(&m, &found), RESULT_OK);
}

TEST(each_feature_of_intel)
{
    static const struct {
        u32 flag, bit;
        const char *name;
    } features[] = {{FLAG_EPT, 33, "nested paging"},
                    {FLAG_UNRESTRICTED_GUEST, 39, "real mode"},
                    {FLAG_VPID, 37, "address spaces"}};

    for (u32 i = 0; i < ARRAY_SIZE(features); i++) {
        struct machine m = intel();
        m.cpu.flags &= ~features[i].flag;
        assert_int_equal(judge(&m, &found), RESULT_NO);
        assert_int_equal(of(features[i].name, "the CPU has no"), RESULT_NO);
        m.cpu.has_vmx_flags = false; /* an older Linux */
        assert_int_equal(judge(&m, &found), RESULT_WARNING);
        assert_int_equal(of(features[i].name, "could not be read"), RESULT_WARNING);
        m.has_vmx_controls = true; /* but root */
        assert_int_equal(judge(&m, &found), RESULT_NO);
        m.vmx_controls = BIT(features[i].bit);
        assert_int_equal(judge(&m, &found), RESULT_OK);
    }
}

TEST(high_apic_ids_need_x2apic)
{
    struct machine m = amd();

    m.max_apic_id = 255;
    assert_int_equal(judge(&m, &found), RESULT_OK);
    m.cpuid_x2apic = KNOWN_NO;
    m.cpu.flags &= ~(u32)FLAG_X2APIC;
    assert_int_equal(judge(&m, &found), RESULT_WARNING);
    assert_int_equal(of("x2apic", "CPUs above 254 are left out"), RESULT_WARNING);
    m.max_apic_id = 254;
    assert_int_equal(judge(&m, &found), RESULT_OK);
}

TEST(more_than_homestead_uses)
{
    struct machine m = amd();

    m.nr_cpus = MAX_CPUS + 1;
    assert_int_equal(judge(&m, &found), RESULT_WARNING);
    assert_int_equal(of("cpus", "uses 1024 of them"), RESULT_WARNING);
    m = amd();
    m.memory_kib = (64ull << 30) + 1;
    assert_int_equal(judge(&m, &found), RESULT_WARNING);
    assert_int_equal(of("memory", "64 TiB"), RESULT_WARNING);
    m = amd();
    m.cpu.differ = true;
    assert_int_equal(judge(&m, &found), RESULT_WARNING);
}

TEST(nodes_by_what_could_be_read)
{
    struct machine m = amd();

    m.nodes_by_srat = false;
    assert_int_equal(judge(&m, &found), RESULT_WARNING);
    assert_int_equal(of("nodes", "the SRAT cannot be used"), RESULT_WARNING);
    m.has_srat = false;
    assert_int_equal(judge(&m, &found), RESULT_OK);
    m.has_tables = false;
    assert_int_equal(judge(&m, &found), RESULT_WARNING);
    assert_int_equal(of("nodes", "run this as root"), RESULT_WARNING);
    m.nr_nodes = MAX_NODES + 1;
    assert_int_equal(judge(&m, &found), RESULT_WARNING);
    assert_int_equal(of("nodes", "at most 64"), RESULT_WARNING);
}

TEST(warnings_of_the_tables_are_findings)
{
    struct machine m = amd();

    m.nr_warnings = MACHINE_WARNINGS_MAX;
    for (u32 i = 0; i < m.nr_warnings; i++)
        snprintf(m.warning[i], TEXT_BYTES, "warning %u", i);
    assert_int_equal(judge(&m, &found), RESULT_WARNING);
    assert_int_equal(of("acpi", "warning 15"), RESULT_WARNING);
    assert_int_equal(of("firmware", "UEFI"), RESULT_OK); /* the last ones have room */
}

TEST(serial_ports_decide_the_console)
{
    struct machine m = amd();

    m.serial.nr = 0;
    assert_int_equal(judge(&m, &found), RESULT_WARNING);
    assert_int_equal(of("serial", "no port found"), RESULT_WARNING);
    m.serial_was_readable = false;
    judge(&m, &found);
    assert_int_equal(of("serial", "could not be read"), RESULT_WARNING);
    m.serial.in_memory = true;
    judge(&m, &found);
    assert_int_equal(of("serial", "memory address"), RESULT_WARNING);
    m = amd();
    m.serial.nr = SERIAL_PORTS_MAX;
    for (u32 i = 0; i < SERIAL_PORTS_MAX; i++)
        m.serial.port[i] = 0xffff;
    assert_int_equal(judge(&m, &found), RESULT_OK);
}

TEST(kinds_of_firmware)
{
    struct machine m = amd();

    m.secure_boot = KNOWN_YES;
    assert_int_equal(judge(&m, &found), RESULT_WARNING);
    assert_int_equal(of("secure boot", "switch it off"), RESULT_WARNING);
    m = amd();
    m.uefi_bits = 32;
    assert_int_equal(judge(&m, &found), RESULT_WARNING);
    m.uefi = false;
    assert_int_equal(judge(&m, &found), RESULT_OK);
    assert_int_equal(of("firmware", "BIOS"), RESULT_OK);
}

TEST(a_virtual_machine_is_not_the_machine)
{
    struct machine m = amd();

    m.cpu.flags |= FLAG_HYPERVISOR;
    assert_int_equal(judge(&m, &found), RESULT_WARNING);
    assert_int_equal(of("guest", "this Linux is a guest"), RESULT_WARNING);
}

TEST(xen_hides_virtualization)
{
    struct machine m = intel();

    m.under_xen = true;
    m.has_lock_msr = false;
    m.cpuid_virtualization = KNOWN_NO;
    m.cpu.flags &= ~(u32)FLAG_VMX;
    assert_int_equal(judge(&m, &found), RESULT_WARNING);
    assert_int_equal(of("virtualization", "Xen hides it"), RESULT_WARNING);
    m.under_xen = false;
    assert_int_equal(judge(&m, &found), RESULT_NO);
}
