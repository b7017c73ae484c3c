/* The builder's archive reader: what it accepts, and every way of being cut short or wrong. */
#include <tests/machine/test.h>

#include <guest/dom0/cpio.h>
#include <homestead/errno.h>

static char archive[4096];
static size_t archive_len;

static void append(const char *name, uint32_t mode, const void *data, size_t size)
{
    archive_len +=
        (size_t)sprintf(archive + archive_len, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x",
                        1, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, strlen(name) + 1, 0);
    memcpy(archive + archive_len, name, strlen(name) + 1);
    archive_len += strlen(name) + 1;
    while (archive_len % 4)
        archive[archive_len++] = 0;
    memcpy(archive + archive_len, data, size);
    archive_len += size;
    while (archive_len % 4)
        archive[archive_len++] = 0;
}

static void start(void)
{
    archive_len = 0;
    memset(archive, 0xee, sizeof(archive));
    append("dir", 040755, "", 0);
    append("./one", 0100644, "11111", 5);
    append("empty", 0100600, "", 0);
    append("two.cfg", 0100644, "22", 2);
    append("TRAILER!!!", 0, "", 0);
}

/* The exact bytes in a buffer of their own, so that ASan sees every byte read beyond. */
static char *exact_copy(size_t len)
{
    char *copy = malloc(len ? len : 1);

    memcpy(copy, archive, len);
    return copy;
}

TEST(walks_all_entries)
{
    struct cpio_file f;
    size_t at = 0;

    assert_int_equal(cpio_next(archive, archive_len, &at, &f), 1);
    assert_string_equal(f.name, "dir");
    assert_false(cpio_is_regular(&f));
    assert_int_equal(cpio_next(archive, archive_len, &at, &f), 1);
    assert_string_equal(f.name, "one");
    assert_true(cpio_is_regular(&f));
    assert_int_equal(f.size, 5);
    assert_memory_equal(f.data, "11111", 5);
    assert_int_equal(cpio_next(archive, archive_len, &at, &f), 1);
    assert_string_equal(f.name, "empty");
    assert_int_equal(f.size, 0);
    assert_int_equal(cpio_next(archive, archive_len, &at, &f), 1);
    assert_string_equal(f.name, "two.cfg");
    assert_memory_equal(f.data, "22", 2);
    size_t end = at;
    assert_int_equal(cpio_next(archive, archive_len, &at, &f), 0);
    assert_int_equal(at, end);
}

TEST(finds_by_name)
{
    struct cpio_file f;

    assert_int_equal(cpio_find(archive, archive_len, "two.cfg", &f), 0);
    assert_int_equal(f.size, 2);
    assert_int_equal(cpio_find(archive, archive_len, "one", &f), 0);
    assert_int_equal(cpio_find(archive, archive_len, "dir", &f), -ENOENT);
    assert_int_equal(cpio_find(archive, archive_len, "tw", &f), -ENOENT);
    assert_int_equal(cpio_find(archive, 0, "one", &f), -ENOENT);
}

/* Cut at every length: never a byte read beyond, and either whole entries or -EINVAL. */
TEST(every_cut_is_seen)
{
    int before = 0;

    for (size_t len = 0; len <= archive_len; len++) {
        char *copy = exact_copy(len);
        struct cpio_file f;
        size_t at = 0;
        int rc, entries = 0;
        while ((rc = cpio_next(copy, len, &at, &f)) == 1) {
            entries++;
            assert_true(at <= len);
            assert_true((const char *)f.data + f.size <= copy + len);
        }
        assert_true(rc == 0 || rc == -EINVAL);
        assert_true(entries <= 4);
        if (len == archive_len)
            assert_int_equal(entries, 4);
        assert_true(entries >= before); /* a longer piece never holds less */
        before = entries;
        free(copy);
    }
}

static void expect_broken(size_t at_byte, const char *bytes, size_t count)
{
    char *copy = exact_copy(archive_len);
    struct cpio_file f = {0};
    size_t at = 0;

    memcpy(copy + at_byte, bytes, count);
    assert_int_equal(cpio_next(copy, archive_len, &at, &f), -EINVAL);
    assert_int_equal(at, 0);
    assert_null(f.name);
    free(copy);
}

TEST(bad_headers_are_refused)
{
    expect_broken(0, "070707", 6); /* the old portable format */
    expect_broken(0,
                  "\x7f"
                  "ELF\x02\x01",
                  6);
    expect_broken(54, "0000000G", 8);
    expect_broken(54, "0000000g", 8); /* file size: not hex */
    expect_broken(54, "ffffffff", 8); /* larger than the archive */
    expect_broken(94, "00000000", 8); /* no room for the name's NUL */
    expect_broken(94, "ffffffff", 8); /* a name beyond the end */
    expect_broken(94, "00000003", 8); /* the name is not terminated there */
    expect_broken(14, "0x001000", 8);
    expect_broken(14, "        ", 8);
}

TEST(accepts_upper_case_and_checksum_magic)
{
    struct cpio_file f;
    size_t at = 0;

    archive_len = 0;
    append("k", 0100644, "0123456789", 10);
    memcpy(archive, "070702", 6);
    memcpy(archive + 54, "0000000A", 8);
    assert_int_equal(cpio_next(archive, archive_len, &at, &f), 1);
    assert_int_equal(f.size, 10);
}

TEST(archive_without_trailer_ends)
{
    struct cpio_file f;
    size_t at = 0;

    archive_len = 0;
    append("k", 0100644, "0123", 4);
    assert_int_equal(cpio_next(archive, archive_len, &at, &f), 1);
    assert_int_equal(cpio_next(archive, archive_len, &at, &f), 0);
}

FIXTURE(start, NULL)
