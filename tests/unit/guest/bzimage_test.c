/* What kernel files are: bzImages of all kinds and damages, gzip files, and what others take for a kernel. */
#include <tests/machine/test.h>

#include <homestead/errno.h>
#include <tests/unit/guest/payloads.h>

static struct bytes_made made;
static struct payload found;
static const char *why;

static void teardown(void)
{
    free(made.data);
    made = (struct bytes_made){0};
}
FIXTURE(NULL, teardown)

/* A bzImage around these bytes; they are too few for a real payload. */
static void make(const char *payload, size_t size)
{
    teardown();
    made = make_bzimage((struct bytes_made){(u8 *)payload, size});
}

/* In memory of exactly its size, so that ASan sees every byte read beyond. */
static int find_prefix(size_t size)
{
    u8 *copy = malloc(size ? size : 1);

    memcpy(copy, made.data, size);
    why = "";
    int rc = bzimage_find(copy, size, &found, &why);
    if (rc > 0) {
        assert_in_range(found.data - copy, 0, size);
        assert_in_range(found.size, 1, size - (size_t)(found.data - copy));
    }
    free(copy);
    return rc;
}

static void expect_refused(const char *text)
{
    assert_int_equal(find_prefix(made.size), -ENOEXEC);
    assert_string_equal(why, text);
}

TEST(a_payload_is_found_by_its_header)
{
    static const struct {
        const char *bytes;
        enum payload_kind kind;
        u32 size, decoded;
    } cases[] = {
        {"\x1f\x8b------\x10\x20\x00\x00", PAYLOAD_GZIP, 12,
         0x2010}, /* the size is a part of gzip's format */
        {"\x02\x21\x4c\x18----\x01\x00\x00\x00", PAYLOAD_LZ4, 8, 1},
        {"\xfd"
         "7zXZ\0--\x00\x00\x00\x40",
         PAYLOAD_XZ, 8, 0x40000000},
        {"\x28\xb5\x2f\xfd----\x00\x01\x00\x00", PAYLOAD_ZSTD, 8, 0x100},
    };

    for_each_row (i, cases) {
        make(cases[i].bytes, 12);
        assert_int_equal(bzimage_find(made.data, made.size, &found, &why), 1);
        assert_int_equal(found.kind, cases[i].kind);
        assert_int_equal(found.size, cases[i].size);
        assert_int_equal(found.decoded, cases[i].decoded);
        assert_ptr_equal(found.data, made.data + BZIMAGE_PAYLOAD);
    }
}

TEST(setup_sects_0_stands_for_4)
{
    make("\x28\xb5\x2f\xfd----\x00\x01\x00\x00", 12);
    made.data[0x1f1] = 0;
    u8 gap[2 * 512] = {0};
    struct bytes_made moved = {0};
    append(&moved, made.data, 3 * 512);
    append(&moved, gap, sizeof(gap));
    append(&moved, made.data + 3 * 512, made.size - 3 * 512);
    assert_int_equal(bzimage_find(moved.data, moved.size, &found, &why), 1);
    assert_ptr_equal(found.data, moved.data + BZIMAGE_PAYLOAD + sizeof(gap));
    free(moved.data);
}

TEST(a_bzimage_that_ends_anywhere_is_refused)
{
    make("\x28\xb5\x2f\xfd----\x00\x01\x00\x00", 12);
    for (size_t size = 0x206; size < BZIMAGE_PAYLOAD + 12; size++) {
        assert_int_equal(find_prefix(size), -ENOEXEC);
        assert_string_equal(why, size < 0x250
                                     ? "is a bzImage that is cut short"
                                     : "is a bzImage that is cut short: its payload ends after the file");
    }
    assert_int_equal(find_prefix(BZIMAGE_PAYLOAD + 12), 1);
}

static void set(u32 offset, u32 value, u32 len)
{
    memcpy(made.data + offset, &value, len);
}

TEST(headers_that_say_what_cannot_be)
{
    static const struct {
        u32 offset, len, value;
        const char *why;
    } cases[] = {
        {0x206, 2, 0x207, "is a Linux image of a boot protocol before 2.08: it names no payload"},
        {0x24c, 4, 0, "is a bzImage without a payload"},
        {0x24c, 4, 0xffffffff, "is a bzImage that is cut short: its payload ends after the file"},
        {0x248, 4, 0xffffffff, "is a bzImage that is cut short: its payload ends after the file"},
        {0x24c, 4, 11, "has a payload that is cut short"},
        {0x248, 4, 0x41, "has a payload of an unknown kind; gzip, LZ4, xz and zstd can be decoded"},
        {BZIMAGE_PAYLOAD, 4, 0x00685a42, "has a bzip2 payload; gzip, LZ4, xz and zstd can be decoded"},
        {BZIMAGE_PAYLOAD, 4, 0x0000005d, "has an LZMA payload; gzip, LZ4, xz and zstd can be decoded"},
        {BZIMAGE_PAYLOAD, 4, 0x4f5a4c89, "has an LZO payload; gzip, LZ4, xz and zstd can be decoded"},
        {BZIMAGE_PAYLOAD + 8, 4, 0, "claims that its payload is empty"},
        {BZIMAGE_PAYLOAD + 8, 4, 0x40000001, "claims that its payload is larger than 1 GiB when decoded"},
        {BZIMAGE_PAYLOAD + 8, 4, 0xffffffff, "claims that its payload is larger than 1 GiB when decoded"},
    };

    for_each_row (i, cases) {
        make("\x28\xb5\x2f\xfd----\x00\x01\x00\x00", 12);
        set(cases[i].offset, cases[i].value, cases[i].len);
        expect_refused(cases[i].why);
    }
}

TEST(other_files_are_named)
{
    static const struct {
        u32 offset;
        const char *bytes, *why;
    } cases[] = {
        {4, "zimg", "is an EFI zboot image; take its vmlinux, or a bzImage"},
        {56, "ARM\x64", "is a kernel for ARM, not for x86"},
        {56, "RSC\x05", "is a kernel for RISC-V, not for x86"},
        {0, "\x27\x05\x19\x56", "is a U-Boot image; take its vmlinux, or a bzImage"},
        {0, "\x02\x21\x4c\x18", "is an LZ4 file; unpack it first"},
        {0,
         "\xfd"
         "7zXZ",
         "is an xz file; unpack it first"},
        {0, "\x28\xb5\x2f\xfd", "is a zstd file; unpack it first"},
        {0, "070701", "is a cpio archive; kernel= and ramdisk= may be swapped"},
        {0, "MZ", "is an EFI program and no kernel with a PVH entry"},
    };

    for_each_row (i, cases) {
        teardown();
        made = (struct bytes_made){calloc(1, 80), 80};
        memcpy(made.data, "MZ", 2); /* arm64's and zboot's have it too */
        memcpy(made.data + cases[i].offset, cases[i].bytes, strlen(cases[i].bytes));
        expect_refused(cases[i].why);
        (void)find_prefix(cases[i].offset + 1);
    }
    assert_int_equal(find_prefix(0), -ENOEXEC);
    assert_string_equal(why, "is empty");
}

TEST(elf_files_and_the_unknown_are_left_to_the_elf_reader)
{
    teardown();
    made = (struct bytes_made){malloc(80), 80};
    memset(made.data, 'x', made.size);
    assert_int_equal(find_prefix(80), 0);
    assert_int_equal(find_prefix(1), 0);
    memcpy(made.data, "\177ELF", 4);
    memcpy(made.data + 56, "ARM\x64", 4);
    assert_int_equal(find_prefix(80), 0);
}

TEST(a_gzip_file_is_its_payload)
{
    teardown();
    made = (struct bytes_made){malloc(20), 20};
    memset(made.data, 1, 20);
    memcpy(made.data, "\x1f\x8b", 2);
    assert_int_equal(bzimage_find(made.data, made.size, &found, &why), 1);
    assert_int_equal(found.size, 20);
    assert_int_equal(found.decoded, 0x01010101);
    for (size_t size = 2; size < 12; size++) {
        assert_int_equal(find_prefix(size), -ENOEXEC);
        assert_string_equal(why, "has a payload that is cut short");
    }
}
