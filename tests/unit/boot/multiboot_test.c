/* Multiboot information as QEMU and GRUB write it, and damaged. */
#include <tests/machine/test.h>
#include <sys/mman.h>

#include <boot/multiboot.h>

/* The low 4 GiB as the parser sees them: address space only, pages appear where the test writes. */
static u8 *low;
static struct boot_info info;

#define INFO 0x9500u

static void put32(u32 at, u32 value)
{
    memcpy(low + at, &value, 4);
}

static void put64(u32 at, u64 value)
{
    memcpy(low + at, &value, 8);
}

static void put_mmap(u32 at, u64 base, u64 size, u32 type)
{
    put32(at, 20);
    put64(at + 4, base);
    put64(at + 12, size);
    put32(at + 20, type);
}

static void fresh(void)
{
    if (!low)
        low = mmap(NULL, GIB(4), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(low, MAP_FAILED);
    memset(low + 0x9000, 0, 0x4000);
    memset(&info, 0, sizeof(info));
}

TEST(as_qemu_does_it)
{
    put32(INFO, 1u << 2 | 1u << 3 | 1u << 6 | 1u << 9);
    put32(INFO + 16, 0xa000);
    strcpy((char *)low + 0xa000, "build/homestead loglvl=debug  numa=off");
    put32(INFO + 20, 2);
    put32(INFO + 24, 0xb000);
    put32(0xb000, 0x400000), put32(0xb004, 0x412345), put32(0xb008, 0xb100);
    put32(0xb010, 0x500000), put32(0xb014, 0x500000), put32(0xb018, 0xb200);
    strcpy((char *)low + 0xb100, "/some/dir/dom0.elf selftest only=a");
    strcpy((char *)low + 0xb200, "guests.cpio");
    put32(INFO + 44, 48);
    put32(INFO + 48, 0xc000);
    put_mmap(0xc000, 0, 0x9fc00, 1);
    put_mmap(0xc018, 0x100000000, 0x40000000, 7);
    put32(INFO + 64, 0xb300);
    strcpy((char *)low + 0xb300, "qemu");
    multiboot_parse(low, INFO, &info);
    assert_string_equal(info.loader, "qemu");
    assert_string_equal(info.cmdline, "loglvl=debug  numa=off");
    assert_int_equal(info.nr_modules, 2);
    assert_string_equal(info.modules[0].name, "/some/dir/dom0.elf");
    assert_string_equal(info.modules[0].cmdline, "selftest only=a");
    assert_int_equal(info.modules[0].size, 0x12345);
    assert_string_equal(info.modules[1].name, "guests.cpio");
    assert_string_equal(info.modules[1].cmdline, "");
    assert_int_equal(info.nr_mem, 2);
    assert_int_equal(info.mem[0].type, BOOT_MEM_RAM);
    assert_true(info.mem[1].base == 0x100000000);
    assert_int_equal(info.mem[1].type, BOOT_MEM_RESERVED); /* an unknown type is not RAM */
}

TEST(grub_gives_no_file_name)
{
    put32(INFO, 1u << 2 | 1u << 9);
    put32(INFO + 16, 0xa000);
    strcpy((char *)low + 0xa000, "numa=off noreboot");
    put32(INFO + 64, 0xb300);
    strcpy((char *)low + 0xb300, "GRUB 2.06-13");
    multiboot_parse(low, INFO, &info);
    assert_string_equal(info.cmdline, "numa=off noreboot");
}

/* "dom0_mem=128M" must not become "dom0_mem=12". */
TEST(a_long_command_line_ends_with_a_whole_word)
{
    static const u32 lengths[] = {BOOT_CMDLINE_MAX - 1, BOOT_CMDLINE_MAX, BOOT_CMDLINE_MAX + 1};
    char *line = (char *)low + 0xa000;

    for (u32 i = 0; i < ARRAY_SIZE(lengths); i++) {
        fresh();
        put32(INFO, 1u << 2 | 1u << 9);
        put32(INFO + 16, 0xa000);
        put32(INFO + 64, 0xb300);
        strcpy((char *)low + 0xb300, "GRUB 2.06");
        memset(line, 'x', lengths[i]);
        memcpy(line + lengths[i] - 14, " dom0_mem=128M", 15);
        multiboot_parse(low, INFO, &info);
        assert_int_equal(info.strings_cut, i > 0);
        assert_int_equal(strlen(info.cmdline), i ? lengths[i] - 13 : lengths[i]);
    }
    fresh();
    put32(INFO, 1u << 2 | 1u << 9);
    put32(INFO + 16, 0xa000);
    put32(INFO + 64, 0xb300);
    strcpy((char *)low + 0xb300, "GRUB 2.06");
    memset(line, 'x', BOOT_CMDLINE_MAX);
    memcpy(line + BOOT_CMDLINE_MAX - 11, " maxcpus=2 more", 16); /* the word ends where the field does */
    multiboot_parse(low, INFO, &info);
    assert_int_equal(info.strings_cut, 1);
    assert_string_equal(info.cmdline + BOOT_CMDLINE_MAX - 11, " maxcpus=2");
}

TEST(without_a_map_the_two_sizes_count)
{
    put32(INFO, 1);
    put32(INFO + 4, 639);
    put32(INFO + 8, 65536);
    multiboot_parse(low, INFO, &info);
    assert_int_equal(info.nr_mem, 2);
    assert_int_equal(info.mem[0].size, 639 * 1024);
    assert_int_equal(info.mem[1].base, 0x100000);
    assert_int_equal(info.mem[1].size, MIB(64));
}

TEST(damaged_information_ends)
{
    put32(INFO, ~0u);
    put32(INFO + 16, 0xfffffff0); /* strings and arrays that would run off the end */
    put32(INFO + 20, 0xffffffff);
    put32(INFO + 24, 0xfffffff8);
    put32(INFO + 44, 0xffffffff);
    put32(INFO + 48, 0xa000); /* entries of size 0 */
    put32(INFO + 64, 0xfffffffe);
    multiboot_parse(low, INFO, &info);
    assert_int_equal(info.nr_mem, 0);
    assert_true(info.nr_modules <= BOOT_MODULE_MAX);
}

/* Neighbours of one type are one entry; of too many, the smallest pieces of RAM are left out and counted. */
TEST(many_entries)
{
    put32(INFO, 1u << 6);
    put32(INFO + 44, 3000 * 24);
    put32(INFO + 48, 0x10000);
    for (u32 i = 0; i < 3000; i++)
        put_mmap(0x10000 + i * 24, i * MIB(1), MIB(1), 1);
    multiboot_parse(low, INFO, &info);
    assert_int_equal(info.nr_mem, 1);
    assert_int_equal(info.mem[0].size, 3000 * MIB(1));
    memset(&info, 0, sizeof(info));
    for (u32 i = 0; i < 3000; i++)
        put_mmap(0x10000 + i * 24, i * MIB(2), i < 100 ? MIB(1) : KIB(64), i == 2999 ? 2 : 1);
    multiboot_parse(low, INFO, &info);
    assert_int_equal(info.nr_mem, BOOT_MEM_MAX);
    assert_int_equal(info.mem[99].size, MIB(1));
    assert_int_equal(info.mem[BOOT_MEM_MAX - 1].type, BOOT_MEM_RESERVED);
    assert_int_equal(info.mem_left_out, (3000 - BOOT_MEM_MAX) * KIB(64));
}

/* A length that cannot be meant: the half of it might be without what says that RAM is no RAM. */
TEST(endless_entries)
{
    put32(INFO, 1u << 6);
    put32(INFO + 44, 0x00ffffff);
    put32(INFO + 48, 0x10000);
    for (u32 i = 0; i < 20000; i++)
        put_mmap(0x10000 + i * 24, i * MIB(2), MIB(1), 1);
    multiboot_parse(low, INFO, &info);
    assert_int_equal(info.nr_mem, 0);
}

FIXTURE(fresh, NULL)

/* Without an RSDP: memory of ACPI in the map is what UEFI's GRUB shows, a BIOS without ACPI has none. */
TEST(a_uefi_machine_is_known_by_its_map)
{
    static const struct {
        u32 type;
        bool uefi;
    } cases[] = {{1, false}, {2, false}, {3, true}, {4, true}, {5, false}};

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        fresh();
        put32(INFO, 1u << 6);
        put32(INFO + 44, 48);
        put32(INFO + 48, 0xc000);
        put_mmap(0xc000, 0, 0x9fc00, 1);
        put_mmap(0xc018, 0x7f000000, 0x1000, cases[i].type);
        multiboot_parse(low, INFO, &info);
        assert_int_equal(multiboot_is_on_uefi(&info), cases[i].uefi);
        info.source = BOOT_FROM_UEFI;
        assert_false(multiboot_is_on_uefi(&info));
    }
}
