/* What homestead-check reads in Linux's files, and what it decides from it. The program itself: homestead_check_tool_test.py. */
#include <tests/machine/test.h>
#include <tools/homestead-check/judge.h>

/* --- parsers --- */

#define CPU(id, more) \
    "processor\t: " id \
    "\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: Intel(R) Xeon(R)\n" \
    "stepping\t: 7\napicid\t\t: " id "\n" more "\n"

TEST(cpuinfo_is_read)
{
    struct cpuinfo c;

    parse_cpuinfo(CPU("0", "flags\t\t: fpu lm vmx x2apic\nvmx flags\t: vnmi ept unrestricted_guest\n")
                      CPU("64", "flags\t\t: fpu lm vmx x2apic\n"
                                "vmx flags\t: vnmi ept unrestricted_guest\n"),
                  &c);
    assert_int_equal(c.nr, 2);
    assert_string_equal(c.vendor, "GenuineIntel");
    assert_string_equal(c.model, "Intel(R) Xeon(R)");
    assert_int_equal(c.flags, FLAG_LM | FLAG_VMX | FLAG_X2APIC | FLAG_EPT | FLAG_UNRESTRICTED_GUEST);
    assert_true(c.has_vmx_flags);
    assert_false(c.differ);
    assert_int_equal(c.max_apic_id, 64);
}

TEST(a_flag_is_a_whole_word)
{
    struct cpuinfo c;

    parse_cpuinfo(CPU("0", "flags\t\t: lms svml svm_lock avmx vmx2  ept\n"), &c);
    assert_int_equal(c.flags, FLAG_EPT);
}

TEST(cpus_that_differ_are_seen)
{
    struct cpuinfo c;

    parse_cpuinfo(CPU("0", "flags\t\t: lm vmx\n") CPU("1", "flags\t\t: lm\n"), &c);
    assert_true(c.differ);
    parse_cpuinfo(CPU("0", "flags\t\t: lm\nmicrocode\t: 1\n") CPU("1", "flags\t\t: lm\nmicrocode\t: 2\n"),
                  &c);
    assert_false(c.differ);
}

TEST(long_names_are_cut)
{
    struct cpuinfo c;
    char text[400];

    snprintf(text, sizeof(text), "processor : 0\nvendor_id : %0100d\nmodel name : %0200d", 1, 2);
    parse_cpuinfo(text, &c);
    assert_int_equal(strlen(c.vendor), sizeof(c.vendor) - 1);
    assert_int_equal(strlen(c.model), sizeof(c.model) - 1);
}

TEST(other_machines_have_no_vendor)
{
    struct cpuinfo c;

    parse_cpuinfo("processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd\n", &c);
    assert_int_equal(c.nr, 1);
    assert_string_equal(c.vendor, "");
    parse_cpuinfo("", &c);
    assert_int_equal(c.nr, 0);
}

TEST(serial_ports_of_ioports)
{
    struct serial_ports s = {.nr = 0};

    assert_true(parse_ioports(
        "0000-0cf7 : PCI Bus 0000:00\n  02f8-02ff : serial\n  03f8-03ff : serial\n03f8-03ff : serial\n"
        "0400-0401 : serial8250_x\n",
        &s));
    assert_int_equal(s.nr, 2);
    assert_int_equal(s.port[0], 0x2f8);
    assert_int_equal(s.port[1], 0x3f8);
}

TEST(hidden_ioports_are_no_ports)
{
    struct serial_ports s = {.nr = 0};

    assert_false(parse_ioports("0000-0000 : PCI Bus 0000:00\n  0000-0000 : serial\n", &s));
    assert_int_equal(s.nr, 0);
    assert_false(parse_ioports("", &s));
}

TEST(serial_ports_of_the_driver)
{
    struct serial_ports s = {.nr = 0};

    parse_tty_driver("serinfo:1.0 driver revision:\n0: uart:16550A port:000003F8 irq:4 tx:1 rx:0\n1: "
                     "uart:unknown port:000002F8 irq:3\n"
                     "4: uart:16550A mmio:0x91234000 irq:16\n",
                     &s);
    assert_int_equal(s.nr, 1);
    assert_int_equal(s.port[0], 0x3f8);
    assert_true(s.in_memory);
}

static void spcr(u8 *bytes, u8 space, u64 address)
{
    memset(bytes, 0, 52);
    memcpy(bytes, "SPCR", 4);
    bytes[40] = space;
    memcpy(bytes + 44, &address, 8);
}

TEST(the_port_of_an_spcr)
{
    struct serial_ports s = {.nr = 0};
    u8 bytes[52];

    spcr(bytes, 1, 0x2f8);
    assert_true(parse_spcr(bytes, sizeof(bytes), &s));
    assert_int_equal(s.port[0], 0x2f8);
    assert_false(s.in_memory);
    assert_false(parse_spcr(bytes, 51, &s));
    spcr(bytes, 1, 0x10000); /* no I/O port */
    assert_true(parse_spcr(bytes, sizeof(bytes), &s));
    assert_int_equal(s.nr, 1);
    spcr(bytes, 0, 0xfe000000);
    assert_true(parse_spcr(bytes, sizeof(bytes), &s));
    assert_true(s.in_memory);
    bytes[0] = 'X';
    assert_false(parse_spcr(bytes, sizeof(bytes), &s));
}

TEST(more_ports_than_fit_are_left_out)
{
    struct serial_ports s = {.nr = 0};
    char text[600] = "";

    for (u32 i = 1; i <= 20; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%04x-%04x : serial\n", i * 8, i * 8 + 7);
    assert_true(parse_ioports(text, &s));
    assert_int_equal(s.nr, SERIAL_PORTS_MAX);
}

TEST(lists_of_cpus)
{
    assert_int_equal(parse_cpu_list("0-3,8\n"), 5);
    assert_int_equal(parse_cpu_list("0"), 1);
    assert_int_equal(parse_cpu_list(""), 0);
    assert_int_equal(parse_cpu_list("3-1"), 0);
    assert_int_equal(parse_cpu_list("0-99999999999999999999999999"), 0);
}

TEST(memory_of_meminfo)
{
    assert_int_equal(parse_mem_total_kib("MemTotal:       24683824 kB\nMemFree: 1 kB\n"), 24683824);
    assert_int_equal(parse_mem_total_kib("MemFree: 1 kB\n"), 0);
}

/* --- decisions --- */

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
