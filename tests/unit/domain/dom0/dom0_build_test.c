/* Domain 0 built from a small kernel: what is in its memory, its first MiB and its ACPI tables; and images that are refused. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/acpi/acpi.h>
#include <domain/dom0/dom0_layout.h>
#include <xen/hvm/start_info.h>

enum { RAM = 1, RESERVED = 2 };

/* 16 MiB, its EBDA in a page that is partly RAM. */
static const struct e820_entry host[] = {
    {0, 0x9fc00, RAM}, {0x9fc00, 0x400, RESERVED}, {0xf0000, 0x10000, RESERVED}, {MIB(1), MIB(15), RAM}};

static const char module_text[] = "a module";
static mfn_t image_frame, module_frame;
static u8 low[MIB(1)]; /* a copy of its first MiB */
static struct acpi_info info;

static u8 *page(mfn_t *m)
{
    assert_int_equal(mm_alloc(NULL, NODE_NONE, ORDER_4K, MM_OVERHEAD, m), 0);
    memset(mfn_to_virt(*m), 0, PAGE_SIZE);
    return mfn_to_virt(*m);
}

/* An ELF64 file with one segment of 1.5 MiB at 1 MiB, the note after it. */
static void make_image(u8 *image)
{
    const u64 load[] = {1, 0x400, 0, MIB(1), 0x10, 3 * MIB(1) / 2, 0}, note[] = {4, 0x500, 0, 0, 20, 20, 0};
    const u32 pvh[] = {4, 4, 18, 0x6e6558, MIB(1)};

    memcpy(image, "\177ELF\2\1", 6);
    image[16] = 2;
    image[18] = 62;
    image[32] = 0x40;
    image[54] = 56;
    image[56] = 2;
    memcpy(image + 0x40, load, sizeof(load));
    memcpy(image + 0x40 + 56, note, sizeof(note));
    memcpy(image + 0x400, "the kernel's code", 16);
    memcpy(image + 0x500, pvh, sizeof(pvh));
}

static int build(u32 vcpus, u64 mem_bytes)
{
    const struct dom0_config config = {
        .image_maddr = mfn_to_maddr(image_frame),
        .image_size = 0x600,
        .cmdline = "one two",
        .module_maddr = mfn_to_maddr(module_frame),
        .module_size = sizeof(module_text),
        .module_cmdline = "three",
        .mem_bytes = mem_bytes,
        .max_vcpus = vcpus,
        .host_e820 = host,
        .nr_host_e820 = ARRAY_SIZE(host),
    };

    return dom0_build(&config);
}

static void make(void)
{
    make_image(page(&image_frame));
    memcpy(page(&module_frame), module_text, sizeof(module_text));
}

static void unmake(void)
{
    mm_free_overhead(NULL, image_frame, ORDER_4K);
    mm_free_overhead(NULL, module_frame, ORDER_4K);
}

static void read_all(u64 gaddr, void *to, u64 len)
{
    struct domain *d = domain_get(0);

    assert_int_equal(guest_memory_read(d, gaddr, to, len), 0);
    domain_put(d);
}

/* Of the start information, whose place is where EBX points: found by its magic number. */
static struct hvm_start_info start_info(void)
{
    struct hvm_start_info start = {0};

    for (u64 at = MIB(1); at < MIB(4) && start.magic != XEN_HVM_START_MAGIC_VALUE; at += PAGE_SIZE)
        read_all(at, &start, sizeof(start));
    assert_int_equal(start.magic, XEN_HVM_START_MAGIC_VALUE);
    return start;
}

TEST(everything_is_in_its_memory, .node_mib = 16, .setup = make, .teardown = unmake)
{
    struct hvm_modlist_entry module;
    char text[32];

    assert_int_equal(build(1, MIB(4)), 0);
    read_all(MIB(1), text, 17);
    assert_memory_equal(text, "the kernel's cod", 17); /* zero after it */
    struct hvm_start_info start = start_info();
    assert_int_equal(start.flags, SIF_PRIVILEGED | SIF_INITDOMAIN);
    read_all(start.cmdline_paddr, text, 8);
    assert_string_equal(text, "one two");
    assert_int_equal(start.nr_modules, 1);
    read_all(start.modlist_paddr, &module, sizeof(module));
    assert_int_equal(module.size, sizeof(module_text));
    read_all(module.paddr, text, sizeof(module_text));
    assert_string_equal(text, module_text);
    read_all(module.cmdline_paddr, text, 6);
    assert_string_equal(text, "three");
}

/* Its memory map does not list what is there from 0x9f000 on. */
TEST(the_first_mib_has_memory, .node_mib = 16, .setup = make, .teardown = unmake)
{
    assert_int_equal(build(1, MIB(4)), 0);
    struct domain *d = domain_get(0);
    for (u32 i = 0; i < d->nr_e820; i++)
        assert_true(d->e820[i].type != RAM || d->e820[i].addr + d->e820[i].size <= 0x9f000 ||
                    d->e820[i].addr >= MIB(1));
    assert_int_equal(d->mem.tot_pages, (MIB(4) >> PAGE_SHIFT) + 0x61);
    for (u64 g = 0; g < 0x100; g++)
        assert_int_equal(physmap_lookup(d, gfn(g)).type, NP_RAM);
    domain_put(d);
    read_all(0, low, MIB(1));
    for (u64 at = 0; at < MIB(1); at++)
        assert_true(low[at] == 0 || (at >= DOM0_LAYOUT_ACPI && at < DOM0_LAYOUT_ROM));
}

static const void *map_low(void *ctx, u64 maddr, u64 len)
{
    (void)ctx;
    return maddr + len <= MIB(1) && maddr + len >= maddr ? low + maddr : NULL;
}

static void check_tables(u32 vcpus)
{
    const struct acpi_mapper mapper = {.map = map_low};

    assert_int_equal(build(vcpus, MIB(4)), 0);
    read_all(0, low, MIB(1));
    assert_int_equal(start_info().rsdp_paddr, DOM0_LAYOUT_ACPI);
    assert_int_equal(acpi_rsdp_search(&mapper), DOM0_LAYOUT_ACPI);
    assert_int_equal(acpi_init(&info, &mapper, DOM0_LAYOUT_ACPI), 0);
    assert_true(info.have_madt && info.have_fadt && !info.topology.have_srat && !info.topology.have_slit);
    assert_int_equal(info.madt.nr_cpus, vcpus);
    for (u32 id = 0; id < vcpus; id++) {
        assert_int_equal(info.madt.cpu[id].acpi_uid, id);
        assert_int_equal(info.madt.cpu[id].apic_id, 2 * id);
    }
    for (u32 i = 0; i < info.tables.nr; i++) {
        const struct acpi_table_ref *t = &info.tables.table[i];

        assert_true(t->maddr + t->length <= DOM0_LAYOUT_ROM);
        assert_int_equal(acpi_sum(low + t->maddr, t->length), 0);
    }
}

TEST(tables_of_one_vcpu, .node_mib = 16, .setup = make, .teardown = unmake)
{
    check_tables(1);
}

TEST(tables_of_all_vcpus, .node_mib = 64, .setup = make, .teardown = unmake)
{
    check_tables(DOMAIN_MAX_VCPUS);
}

TEST(refused, .node_mib = 16, .setup = make, .teardown = unmake)
{
    u8 *image = mfn_to_virt(image_frame);

    assert_int_equal(build(1, MIB(1)), -ENOSPC);
    assert_true(said("Domain 0: 1 MiB are too little: a part of its image lies outside of them; dom0_mem=3M "
                     "is the least"));
    assert_int_equal(build(1, MIB(64)), -ENOMEM);
    assert_true(said("Domain 0: wants 64 MiB, more than the machine has: lower dom0_mem="));
    memset(image, 0, 4);
    assert_int_equal(build(1, MIB(4)), -ENOEXEC);
    assert_true(said("Domain 0: the image is not an ELF file"));
    memcpy(image + 514, "HdrS", 4);
    assert_int_equal(build(1, MIB(4)), -ENOEXEC);
    assert_true(said("tools/extract-kernel.sh VMLINUZ VMLINUX"));
    assert_false(exists(0));
}
