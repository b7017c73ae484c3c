/* The UEFI loader's view of homestead.elf: what it accepts, and that it refuses everything else unread. */
#include <tests/machine/test.h>

#include <boot/efi/elf_load.h>
#include <homestead/errno.h>

/* Offsets of the fields that the tests bend: ELF-64's, independent of the loader's structs. */
enum {
    E_TYPE = 16,
    E_MACHINE = 18,
    E_PHOFF = 32,
    E_PHENTSIZE = 54,
    E_PHNUM = 56,
    PH = 64,
    PH_SIZE = 56,
    P_TYPE = 0,
    P_FLAGS = 4,
    P_OFFSET = 8,
    P_VADDR = 16,
    P_FILESZ = 32,
    P_MEMSZ = 40,
    CODE = 0x1000,
    DATA = 0x1800,
    FILE_SIZE = 0x1a00,
    HEADER = CODE + 0x40,
};
#define V IMAGE_VIRT_BASE

static u8 file[FILE_SIZE];

static void put(size_t at, u64 value, size_t bytes)
{
    memcpy(file + at, &value, bytes);
}

static void put_segment(u32 i, u32 flags, u64 offset, u64 vaddr, u64 filesz, u64 memsz)
{
    size_t at = PH + (size_t)i * PH_SIZE;

    put(at + P_TYPE, 1, 4);
    put(at + P_FLAGS, flags, 4);
    put(at + P_OFFSET, offset, 8);
    put(at + P_VADDR, vaddr, 8);
    put(at + 24, vaddr - V + 0x200000, 8);
    put(at + P_FILESZ, filesz, 8);
    put(at + P_MEMSZ, memsz, 8);
    put(at + 48, 0x1000, 8);
}

/* Code at 0, data with BSS at 0x2000, ending at 0x300000: 4 MiB of memory. */
static void make_good(void)
{
    for (size_t i = 0; i < sizeof(file); i++)
        file[i] = (u8)(i * 7 + 1);
    memset(file, 0, 0x1000);
    memcpy(file,
           "\x7f"
           "ELF\x02\x01\x01",
           7);
    put(E_TYPE, 2, 2);
    put(E_MACHINE, 62, 2);
    put(20, 1, 4);
    put(24, V + 0x100, 8);
    put(E_PHOFF, PH, 8);
    put(52, 64, 2);
    put(E_PHENTSIZE, PH_SIZE, 2);
    put(E_PHNUM, 2, 2);
    put_segment(0, 5, CODE, V, 0x800, 0x800);
    put_segment(1, 6, DATA, V + 0x2000, 0x200, 0x2fe000);
    put(HEADER, IMAGE_HEADER_MAGIC, 8);
    put(HEADER + 8, V + 0x200, 8);
    put(HEADER + 16, V + 0x300000, 8);
}

/* Plans a heap copy of exactly size bytes, so that ASan sees any read beyond it. */
static int plan_bytes(u64 size, struct elf_image *out, const char **why)
{
    u8 *copy = malloc(size ? size : 1);
    int rc;

    memcpy(copy, file, size);
    *why = NULL;
    rc = elf_image_plan(copy, size, out, why);
    free(copy);
    return rc;
}

static void refused(const char *part)
{
    struct elf_image out;
    const char *why;

    memset(&out, 0x5a, sizeof(out));
    assert_int_equal(plan_bytes(sizeof(file), &out, &why), -ENOEXEC);
    assert_non_null(why);
    if (!strstr(why, part))
        fail_msg("'%s' does not say '%s'", why, part);
    assert_int_equal(out.nr_segments, 0x5a5a5a5a);
    make_good();
}

/* One field of the good image changed. */
static void refused_with(size_t at, u64 value, size_t bytes, const char *part)
{
    put(at, value, bytes);
    refused(part);
}

TEST(good_image)
{
    struct elf_image image;
    const char *why;
    u8 *memory;

    assert_int_equal(plan_bytes(sizeof(file), &image, &why), 0);
    assert_int_equal(image.span, MIB(4));
    assert_int_equal(image.uefi_entry, V + 0x200);
    assert_int_equal(image.nr_segments, 2);

    memory = malloc(image.span);
    memset(memory, 0xee, image.span);
    elf_image_place(&image, file, memory);
    assert_memory_equal(memory, file + CODE, 0x800);
    assert_memory_equal(memory + 0x2000, file + DATA, 0x200);
    for (u64 i = 0x800; i < image.span; i++)
        if ((i < 0x2000 || i >= 0x2200) && memory[i])
            fail_msg("byte %lx is not zero", (unsigned long)i);
    free(memory);
}

TEST(other_program_headers_are_skipped)
{
    struct elf_image image;
    const char *why;

    put(E_PHNUM, 4, 2);
    put_segment(2, 6, ~0ull, 0, ~0ull, 1);
    put(PH + 2 * PH_SIZE + P_TYPE, 0x6474e551, 4); /* PT_GNU_STACK */
    put_segment(3, 6, ~0ull, 0, 0, 0);             /* an empty PT_LOAD */
    assert_int_equal(plan_bytes(sizeof(file), &image, &why), 0);
    assert_int_equal(image.nr_segments, 2);
}

TEST(wrong_kind_of_file)
{
    refused_with(1, 'e', 1, "not an ELF file");
    refused_with(4, 1, 1, "has program headers");
    refused_with(4, 3, 1, "32 or 64 bits");
    refused_with(5, 2, 1, "little-endian");
    refused_with(E_MACHINE, 183, 2, "for x86");
    refused_with(E_MACHINE, 3, 2, "x86-64");
    refused_with(E_TYPE, 3, 2, "fixed addresses");
    refused_with(E_PHENTSIZE, 32, 2, "program headers");
    refused_with(E_PHNUM, 0, 2, "nothing to load");
    refused_with(PH + PH_SIZE + P_TYPE, 2, 4, "dynamic");
    put(PH + P_TYPE, 4, 4);
    put(PH + PH_SIZE + P_TYPE, 4, 4);
    refused("nothing to load");
}

TEST(offsets_beyond_the_file)
{
    refused_with(E_PHOFF, sizeof(file) - 2 * PH_SIZE + 1, 8, "program headers outside");
    refused_with(E_PHOFF, ~0ull - 8, 8, "program headers outside");
    refused_with(E_PHNUM, 0xffff, 2, "program headers outside");
    refused_with(PH + P_OFFSET, sizeof(file), 8, "a segment is beyond");
    refused_with(PH + P_OFFSET, ~0ull, 8, "a segment is beyond");
    refused_with(PH + PH_SIZE + P_FILESZ, 0x201, 8, "a segment is beyond");
    refused_with(PH + PH_SIZE + P_FILESZ, ~0ull - DATA + 1, 8, "a segment is beyond");
}

TEST(addresses_outside_of_the_image)
{
    refused_with(PH + P_VADDR, V - 0x1000, 8, "outside");
    refused_with(PH + P_VADDR, 0, 8, "outside");
    refused_with(PH + PH_SIZE + P_VADDR, V + IMAGE_SPAN_MAX, 8, "outside");
    refused_with(PH + PH_SIZE + P_MEMSZ, ~0ull, 8, "outside");
    refused_with(PH + PH_SIZE + P_MEMSZ, IMAGE_SPAN_MAX - 0x2000 + 1, 8, "outside");
    refused_with(PH + P_MEMSZ, 0x7ff, 8, "more bytes in the file");
    refused_with(PH + PH_SIZE + P_VADDR, V + 0x7ff, 8, "overlap");
    refused_with(PH + P_MEMSZ, 0x2001, 8, "overlap");
}

TEST(too_many_segments)
{
    put(E_PHNUM, ELF_SEGMENTS_MAX + 1, 2);
    for (u32 i = 1; i <= ELF_SEGMENTS_MAX; i++)
        put_segment(i, 6, DATA, V + i * 0x1000, 1, 1);
    refused("too many segments");
}

TEST(image_header)
{
    refused_with(HEADER, IMAGE_HEADER_MAGIC ^ 1, 8, "another magic");
    refused_with(PH + P_VADDR, V + 0x1000, 8, "no image header");
    refused_with(PH + P_FILESZ, 0x57, 8, "no image header");
    refused_with(HEADER + 8, V + 0x2000, 8, "entry point"); /* data */
    refused_with(HEADER + 8, V + 0x800, 8, "entry point");  /* the first byte after the code */
    refused_with(HEADER + 8, 0x200, 8, "entry point");
    refused_with(HEADER + 16, V + 0x2fffff, 8, "contradicts");
    refused_with(HEADER + 16, V + IMAGE_SPAN_MAX + 1, 8, "contradicts");
    refused_with(HEADER + 16, 0x300000, 8, "contradicts");
}

/* Cut anywhere, and with any single byte of its headers bent: an answer within the file. */
TEST(damaged_images_are_survived)
{
    static const u8 bytes[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct elf_image image;
    const char *why;

    for (u64 size = 0; size < sizeof(file); size += size < 0x100 ? 1 : 0x3f)
        assert_int_equal(plan_bytes(size, &image, &why), -ENOEXEC);
    for (size_t at = 0; at < PH + 2 * PH_SIZE; at++) {
        for (size_t b = 0; b < sizeof(bytes); b++) {
            make_good();
            file[at] = bytes[b];
            if (!plan_bytes(sizeof(file), &image, &why)) {
                u8 *memory = malloc(image.span);

                elf_image_place(&image, file, memory);
                free(memory);
            }
        }
    }
}

FIXTURE(make_good, NULL)
