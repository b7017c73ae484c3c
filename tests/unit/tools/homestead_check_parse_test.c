/* homestead-check: what it reads in the files of Linux and of ACPI. */
#include <tests/machine/test.h>
#include <tools/homestead-check/parse.h>

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
