/* The builder's ELF reader, in both classes, and the guest memory layout it loads into. */
#include <tests/machine/test.h>

#include <guest/dom0/layout.h>
#include <guest/lib/pvhelf.h>
#include <homestead/errno.h>

#define IMAGE_BYTES 512u
#define NOTE_AT     256u
#define DATA_AT     320u
#define PADDR       0x100000u

static unsigned char image[IMAGE_BYTES];

static void put(size_t at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        image[at + (size_t)i] = (unsigned char)(value >> (8 * i));
}

static void put_note(uint32_t desc_bytes, uint64_t entry)
{
    put(NOTE_AT, 4, 4);
    put(NOTE_AT + 4, desc_bytes, 4);
    put(NOTE_AT + 8, 18, 4);
    memcpy(image + NOTE_AT + 12, "Xen", 4);
    put(NOTE_AT + 16, entry, 8);
}

/* One PT_LOAD of 64 bytes in the file and 4096 in memory, one PT_NOTE. */
static void make_elf64(void)
{
    memset(image, 0, sizeof(image));
    memcpy(image, "\177ELF\2\1\1", 7);
    put(16, 2, 2);
    put(18, 62, 2);
    put(32, 64, 8); /* phoff */
    put(54, 56, 2);
    put(56, 2, 2);
    put(64, 1, 4);
    put(64 + 8, DATA_AT, 8);
    put(64 + 16, 0xffffffff80100000ull, 8); /* p_vaddr must not matter */
    put(64 + 24, PADDR, 8);
    put(64 + 32, 64, 8);
    put(64 + 40, 4096, 8);
    put(120, 4, 4);
    put(120 + 8, NOTE_AT, 8);
    put(120 + 32, 24, 8);
    put_note(8, PADDR + 0x50);
}

static void make_elf32(void)
{
    memset(image, 0, sizeof(image));
    memcpy(image, "\177ELF\1\1\1", 7);
    put(16, 2, 2);
    put(18, 3, 2);
    put(28, 52, 4); /* phoff */
    put(42, 32, 2);
    put(44, 2, 2);
    put(52, 1, 4);
    put(52 + 4, DATA_AT, 4);
    put(52 + 12, PADDR, 4);
    put(52 + 16, 64, 4);
    put(52 + 20, 4096, 4);
    put(84, 4, 4);
    put(84 + 4, NOTE_AT, 4);
    put(84 + 16, 20, 4);
    put_note(4, PADDR + 0x50);
}

static int parse_cut(size_t len, struct pvhelf *out, const char **why)
{
    unsigned char *copy = malloc(len ? len : 1);

    memcpy(copy, image, len);
    int rc = pvhelf_parse(copy, len, out, why);
    free(copy);
    return rc;
}

static void expect_refused(const char *reason)
{
    struct pvhelf elf;
    const char *why = NULL;

    assert_int_equal(parse_cut(sizeof(image), &elf, &why), -ENOEXEC);
    assert_string_equal(why, reason);
}

TEST(reads_both_classes)
{
    struct pvhelf elf;
    const char *why;

    for (int class = 32; class <= 64; class += 32) {
        class == 32 ? make_elf32() : make_elf64();
        assert_int_equal(pvhelf_parse(image, sizeof(image), &elf, &why), 0);
        assert_int_equal(elf.entry, PADDR + 0x50);
        assert_int_equal(elf.nr_segments, 1);
        assert_int_equal(elf.segments[0].paddr, PADDR);
        assert_int_equal(elf.segments[0].file_size, 64);
        assert_int_equal(elf.segments[0].mem_size, 4096);
        assert_ptr_equal(elf.segments[0].data, image + DATA_AT);
    }
}

TEST(every_cut_is_refused)
{
    struct pvhelf elf;
    const char *why;

    for (int class = 32; class <= 64; class += 32) {
        class == 32 ? make_elf32() : make_elf64();
        for (size_t len = 0; len < DATA_AT + 64; len++)
            assert_int_equal(parse_cut(len, &elf, &why), -ENOEXEC);
        assert_int_equal(parse_cut(DATA_AT + 64, &elf, &why), 0);
    }
}

TEST(bad_headers_are_refused)
{
    make_elf64();
    image[0] = 'x';
    expect_refused("not an ELF file");
    make_elf64();
    image[5] = 2;
    expect_refused("not a little-endian ELF file of 32 or 64 bits");
    make_elf64();
    put(16, 1, 2);
    expect_refused("not an executable");
    make_elf64();
    put(18, 183, 2);
    expect_refused("not for x86");
    make_elf64();
    put(56, 0, 2);
    expect_refused("no usable program headers");
    make_elf64();
    put(56, 65, 2);
    expect_refused("no usable program headers");
    make_elf64();
    put(32, ~0ull, 8);
    expect_refused("the program headers reach beyond the file");
    make_elf64();
    put(56, 9, 2);
    expect_refused("the program headers reach beyond the file");
}

TEST(bad_segments_are_refused)
{
    make_elf64();
    put(64 + 8, ~0ull, 8);
    expect_refused("a segment reaches beyond the file");
    make_elf64();
    put(64 + 32, ~0ull, 8);
    expect_refused("a segment reaches beyond the file");
    make_elf64();
    put(64 + 40, 63, 8);
    expect_refused("a segment has impossible sizes");
    make_elf64();
    put(64 + 24, ~0ull, 8);
    expect_refused("a segment has impossible sizes");
    make_elf64();
    put(64 + 40, ~0ull, 8);
    expect_refused("a segment has impossible sizes");
}

TEST(bad_notes_are_refused)
{
    make_elf64();
    put(NOTE_AT + 8, 17, 4);
    expect_refused("no PVH entry note");
    make_elf64();
    image[NOTE_AT + 12] = 'Y';
    expect_refused("no PVH entry note");
    make_elf64();
    put(NOTE_AT, ~0u, 4);
    expect_refused("no PVH entry note");
    make_elf64();
    put(NOTE_AT + 4, ~0u, 4);
    expect_refused("no PVH entry note");
    make_elf64();
    put(NOTE_AT + 4, 6, 4);
    expect_refused("no PVH entry note");
    make_elf64();
    put(120 + 32, 20, 8); /* the segment ends in the middle of the descriptor */
    expect_refused("no PVH entry note");
    make_elf64();
    put_note(8, 0x100000000ull + PADDR);
    expect_refused("no PVH entry note");
    make_elf64();
    put_note(8, PADDR + 4096);
    expect_refused("the entry is in no segment");
    make_elf64();
    put_note(8, PADDR - 1);
    expect_refused("the entry is in no segment");
}

TEST(layout_has_the_holes)
{
    struct layout l;

    layout_make(256, &l);
    assert_int_equal(l.nr_ranges, 2);
    assert_int_equal(l.nr_pages, 65536 - 0x60);
    assert_int_equal(l.ranges[0].end, 0xA0);
    assert_int_equal(l.ranges[1].start, 0x100);
    assert_int_equal(l.ranges[1].end, 0x10000);
    layout_make(1, &l);
    assert_int_equal(l.nr_ranges, 1);
    assert_int_equal(l.nr_pages, 0xA0);
    layout_make(3072, &l);
    assert_int_equal(l.nr_ranges, 2);
    assert_int_equal(l.ranges[1].end, 0xC0000);
    layout_make(5120, &l);
    assert_int_equal(l.nr_ranges, 3);
    assert_int_equal(l.ranges[2].start, 0x100000);
    assert_int_equal(l.ranges[2].end, 0x180000);
    assert_int_equal(l.nr_pages, 5120 * 256 - 0x60);
}

TEST(layout_contains_whole_pieces_only)
{
    struct layout l;

    layout_make(16, &l);
    assert_true(layout_contains(&l, 0, 0xA0000));
    assert_false(layout_contains(&l, 0, 0xA0001));
    assert_false(layout_contains(&l, 0x9ffff, 0x70000));
    assert_true(layout_contains(&l, 0x100000, 15 << 20));
    assert_false(layout_contains(&l, 0x100000, (15 << 20) + 1));
    assert_false(layout_contains(&l, ~0ull, 2));
    assert_false(layout_contains(&l, 0x100000, ~0ull));
}

TEST(orders_are_the_largest_that_fit)
{
    assert_int_equal(layout_order(0x100, 0x10000, ORDER_1G), ORDER_4K);
    assert_int_equal(layout_order(0x200, 0x10000, ORDER_1G), ORDER_2M);
    assert_int_equal(layout_order(0x200, 0x3ff, ORDER_1G), ORDER_4K);
    assert_int_equal(layout_order(0x40000, 0x80000, ORDER_1G), ORDER_1G);
    assert_int_equal(layout_order(0x40000, 0x80000, ORDER_2M), ORDER_2M);
    assert_int_equal(layout_order(0x40000, 0x7ffff, ORDER_1G), ORDER_2M);
    assert_int_equal(layout_order(0x40000, 0x80000, ORDER_4K), ORDER_4K);
}
