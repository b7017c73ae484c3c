/* The ELF reader on good images of both kinds and on everything that can be wrong with one. */
#include <tests/machine/test.h>

#include <homestead/errno.h>
#include <lib/elf.h>

struct seg {
    u32 type;
    u64 offset, paddr, file_size, mem_size;
};

#define IMAGE_SIZE 0x400u
#define NOTE_AT    0x300u

/* An image with the given program headers at 0x40 and a PVH note at NOTE_AT. */
static void make(u8 *image, bool is64, const struct seg *segs, u32 nr, u32 desc_size, u64 entry)
{
    u32 phsize = is64 ? 56 : 32;

    memset(image, 0, IMAGE_SIZE);
    memcpy(image, "\177ELF", 4);
    image[4] = is64 ? 2 : 1;
    image[5] = 1;
    image[16] = 2;
    image[18] = is64 ? 62 : 3;
    image[is64 ? 32 : 28] = 0x40;
    image[is64 ? 54 : 42] = (u8)phsize;
    image[is64 ? 56 : 44] = (u8)nr;
    for (u32 i = 0; i < nr; i++) {
        u8 *p = image + 0x40 + i * phsize;

        memcpy(p, &segs[i].type, 4);
        if (is64) {
            memcpy(p + 8, &segs[i].offset, 8);
            memcpy(p + 24, &segs[i].paddr, 8);
            memcpy(p + 32, &segs[i].file_size, 8);
            memcpy(p + 40, &segs[i].mem_size, 8);
        } else {
            memcpy(p + 4, &segs[i].offset, 4);
            memcpy(p + 12, &segs[i].paddr, 4);
            memcpy(p + 16, &segs[i].file_size, 4);
            memcpy(p + 20, &segs[i].mem_size, 4);
        }
    }
    u32 note[3] = {4, desc_size, 18};
    memcpy(image + NOTE_AT, note, sizeof(note));
    memcpy(image + NOTE_AT + 12, "Xen", 4);
    memcpy(image + NOTE_AT + 16, &entry, desc_size <= 8 ? desc_size : 8);
}

static const struct seg good[] = {
    {1, 0x200, 0x100000, 0x80, 0x1000},
    {1, 0x280, 0x200000, 0x10, 0x10},
    {4, NOTE_AT, 0, 24, 24},
};

/* Parses a copy of exactly size bytes, so that ASan sees a read beyond it. */
static int parse(const u8 *image, u64 size, struct elf_kernel *out, const char **why)
{
    u8 *copy = malloc(size ? size : 1);

    memcpy(copy, image, size);
    int rc = elf_parse_kernel(copy, size, out, why);
    for (u32 i = 0; !rc && i < out->nr_segments; i++)
        out->segments[i].data = image + (out->segments[i].data - copy);
    free(copy);
    return rc;
}

TEST(reads_both_kinds)
{
    u8 image[IMAGE_SIZE];
    struct elf_kernel out;
    const char *why;

    for (int is64 = 0; is64 < 2; is64++)
        for (u32 desc_size = 4; desc_size <= 8; desc_size += 4) {
            make(image, is64, good, 3, desc_size, 0x100070);
            assert_int_equal(parse(image, IMAGE_SIZE, &out, &why), 0);
            assert_int_equal(out.nr_segments, 2);
            assert_int_equal(out.segments[0].paddr, 0x100000);
            assert_ptr_equal(out.segments[0].data, image + 0x200);
            assert_int_equal(out.segments[0].file_size, 0x80);
            assert_int_equal(out.segments[0].mem_size, 0x1000);
            assert_int_equal(out.start, 0x100000);
            assert_int_equal(out.end, 0x200010);
            assert_int_equal(out.pvh_entry, 0x100070);
        }
}

/* The good image with its segment `which` replaced. */
static void seg_case(u32 which, struct seg change, u64 entry, int error)
{
    u8 image[IMAGE_SIZE];
    struct seg segs[3];
    struct elf_kernel out = {.nr_segments = 77};
    const char *why = NULL;

    memcpy(segs, good, sizeof(segs));
    segs[which] = change;
    make(image, true, segs, 3, 4, entry);
    int rc = parse(image, IMAGE_SIZE, &out, &why);
    assert_int_equal(rc, error);
    if (rc) {
        assert_non_null(why);
        assert_int_equal(out.nr_segments, 77); /* untouched */
    }
}

TEST(refuses_bad_segments)
{
    seg_case(0, good[0], 0x100070, 0);
    seg_case(0, (struct seg){1, 0x3f0, 0x100000, 0x80, 0x80}, 0x100000, -EINVAL);
    seg_case(0, (struct seg){1, ~0ull - 7, 0x100000, 0x80, 0x80}, 0x100000, -EINVAL);
    seg_case(0, (struct seg){1, 0x200, 0x100000, ~0ull, ~0ull}, 0x100000, -EINVAL);
    seg_case(0, (struct seg){1, 0x200, 0x100000, 0x80, 0x7f}, 0x100000, -EINVAL);
    seg_case(0, (struct seg){1, 0x200, 0x100000, 0x80, ~0ull}, 0x100000, -EINVAL);
    seg_case(0, (struct seg){1, 0x200, ~0ull, 0x80, 0x80}, 0x100000, -EINVAL);
    seg_case(0, (struct seg){1, 0x200, 0xfffff000, 0x80, 0x1001}, 0x200000, -EINVAL);
    seg_case(0, (struct seg){1, 0x200, 0xfffff000, 0x80, 0x1000}, 0x200000, 0);
    /* Overlaps the second segment by one byte, from either side, and covers it. */
    seg_case(0, (struct seg){1, 0x200, 0x1ff000, 0x80, 0x1001}, 0x200000, -EINVAL);
    seg_case(0, (struct seg){1, 0x200, 0x20000f, 0x80, 0x80}, 0x200000, -EINVAL);
    seg_case(0, (struct seg){1, 0x200, 0x100000, 0x80, 0x200000}, 0x200000, -EINVAL);
    seg_case(0, (struct seg){1, 0x200, 0x1ff000, 0x80, 0x1000}, 0x200000, 0);
}

TEST(needs_a_pvh_entry_inside)
{
    seg_case(0, good[0], 0xfffff, -EINVAL);
    seg_case(0, good[0], 0x200010, -EINVAL);
    seg_case(2, (struct seg){4, NOTE_AT, 0, 19, 24}, 0x100070, -ENOEXEC);
    seg_case(2, (struct seg){4, NOTE_AT, 0, 0, 0}, 0x100070, -ENOEXEC);
    seg_case(2, (struct seg){4, NOTE_AT, 0, ~0ull, 0}, 0x100070, -ENOEXEC);
    seg_case(2, (struct seg){6, NOTE_AT, 0, 24, 24}, 0x100070, -ENOEXEC);
    seg_case(0, (struct seg){1, 0, 0, 0, 0}, 0x200000, 0); /* empty: ignored */
}

TEST(walks_over_other_notes)
{
    u8 image[IMAGE_SIZE];
    struct seg segs[3] = {good[0], good[1], {4, 0x2c0, 0, 0x40 + 24, 0x40 + 24}};
    struct elf_kernel out;
    const char *why;

    make(image, true, segs, 3, 4, 0x100070);
    /* A note of another vendor with the same type, padded to 0x40 bytes. */
    u32 other[3] = {5, 0x2b, 18};
    memcpy(image + 0x2c0, other, sizeof(other));
    memcpy(image + 0x2cc, "Acme", 5);
    assert_int_equal(parse(image, IMAGE_SIZE, &out, &why), 0);
    /* One whose size leads out of the segment ends the search. */
    other[1] = 0xffffffff;
    memcpy(image + 0x2c0, other, sizeof(other));
    assert_int_equal(parse(image, IMAGE_SIZE, &out, &why), -ENOEXEC);
    other[0] = 0xffffffff;
    memcpy(image + 0x2c0, other, sizeof(other));
    assert_int_equal(parse(image, IMAGE_SIZE, &out, &why), -ENOEXEC);
}

/* One byte or field changed in a good image of 64 bits: refused for that reason. */
static void expect_refused(u32 at, u64 value, u32 bytes, int error, const char *reason)
{
    u8 image[IMAGE_SIZE];
    struct elf_kernel out;
    const char *why = NULL;

    make(image, true, good, 3, 8, 0x100070);
    memcpy(image + at, &value, bytes);
    assert_int_equal(parse(image, IMAGE_SIZE, &out, &why), error);
    assert_string_equal(why, reason);
}

TEST(says_what_is_wrong)
{
    static const char no_note[] = "has no PVH entry note",
                      outside[] = "has its PVH entry outside its segments";

    expect_refused(0, 'M', 1, -ENOEXEC, "is not an ELF file");
    expect_refused(4, 3, 1, -ENOEXEC, "is not a little-endian ELF file of 32 or 64 bits");
    expect_refused(5, 2, 1, -ENOEXEC, "is not a little-endian ELF file of 32 or 64 bits");
    expect_refused(16, 1, 2, -ENOEXEC, "is not an executable for x86");
    expect_refused(18, 183, 2, -ENOEXEC, "is not an executable for x86");
    expect_refused(54, 55, 2, -EINVAL, "has program headers that are too short");
    expect_refused(32, ~0ull, 8, -EINVAL, "has program headers outside the file");
    expect_refused(56, 18, 2, -EINVAL, "has program headers outside the file");
    expect_refused(56, 0, 2, -EINVAL, "has nothing to load");
    expect_refused(NOTE_AT + 8, 17, 4, -ENOEXEC, no_note);
    expect_refused(NOTE_AT + 12, 'Y', 1, -ENOEXEC, no_note);
    expect_refused(NOTE_AT, ~0u, 4, -ENOEXEC, no_note);
    expect_refused(NOTE_AT + 4, ~0u, 4, -ENOEXEC, no_note);
    expect_refused(NOTE_AT + 4, 6, 4, -ENOEXEC, no_note);
    expect_refused(NOTE_AT + 20, 1, 4, -EINVAL, outside);        /* 4 GiB above the segment */
    expect_refused(NOTE_AT + 16, 0x180000, 4, -EINVAL, outside); /* between the segments */
}

TEST(every_cut_is_refused)
{
    u8 image[IMAGE_SIZE];
    struct elf_kernel out;
    const char *why;

    for (int is64 = 0; is64 < 2; is64++) {
        make(image, is64, good, 3, 4, 0x100070);
        for (u64 size = 0; size < NOTE_AT + 24; size++)
            assert_true(parse(image, size, &out, &why) < 0);
        assert_int_equal(parse(image, NOTE_AT + 24, &out, &why), 0);
    }
}

/* Cut at every length, and with random bytes changed: never a bad read (ASan), never a segment outside the
 * file. */
TEST(survives_damage)
{
    u8 image[IMAGE_SIZE];
    struct elf_kernel out;
    const char *why;

    srand(1);
    for (u32 round = 0; round < 20000; round++) {
        make(image, round & 1, good, 3, 4, 0x100070);
        u64 size = round < 2 * IMAGE_SIZE ? round / 2 : IMAGE_SIZE;
        for (u32 i = 0; size == IMAGE_SIZE && i < 1 + round % 5; i++)
            image[rand() % (i & 1 ? 0x100 : IMAGE_SIZE)] = (u8)(rand() & 1 ? 0xff : rand());
        if (parse(image, size, &out, &why))
            continue;
        for (u32 i = 0; i < out.nr_segments; i++) {
            assert_true(out.segments[i].data >= image);
            assert_true(out.segments[i].file_size <= size - (u64)(out.segments[i].data - image));
            assert_true(out.segments[i].paddr + out.segments[i].mem_size <= GIB(4));
        }
    }
}
