/* The builder's archive reader: what it accepts, and every way of being cut short or wrong. */
#include <tests/machine/test.h>

#include <guest/dom0/cpio.h>
#include <homestead/errno.h>

static char archive[4096];
static size_t archive_len;

static void append_inode(const char *name, uint32_t mode, const void *data, size_t size, uint32_t ino,
                         uint32_t nlink, uint32_t minor)
{
    archive_len +=
        (size_t)sprintf(archive + archive_len, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x",
                        ino, mode, 0, 0, nlink, 0, size, 8, minor, 0, 0, strlen(name) + 1, 0);
    memcpy(archive + archive_len, name, strlen(name) + 1);
    archive_len += strlen(name) + 1;
    while (archive_len % 4)
        archive[archive_len++] = 0;
    memcpy(archive + archive_len, data, size);
    archive_len += size;
    while (archive_len % 4)
        archive[archive_len++] = 0;
}

static void append(const char *name, uint32_t mode, const void *data, size_t size)
{
    append_inode(name, mode, data, size, 1, 1, 0);
}

static void link_to(const char *name, const char *target)
{
    append(name, 0120777, target, strlen(target));
}

static char why[CPIO_WHY_MAX];

static int find(const char *name, struct cpio_file *f)
{
    memset(why, 0, sizeof(why));
    return cpio_find(archive, archive_len, name, f, why);
}

/* The file is there, with this text. */
static void expect(const char *name, const char *text)
{
    struct cpio_file f = {0};

    if (find(name, &f))
        fail_msg("%s", why);
    assert_int_equal(f.size, strlen(text));
    assert_memory_equal(f.data, text, f.size);
}

static void expect_not(const char *name, const char *sentence)
{
    struct cpio_file f;

    assert_int_equal(find(name, &f), -ENOENT);
    assert_string_equal(why, sentence);
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
    assert_int_equal(cpio_resolve(archive, archive_len, &f, why), 0);
    assert_int_equal(cpio_next(archive, archive_len, &at, &f), 1);
    assert_string_equal(f.name, "one");
    assert_int_equal(cpio_resolve(archive, archive_len, &f, why), 1);
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

    expect("two.cfg", "22");
    expect("one", "11111");
    expect("empty", "");
    expect_not("dir", "'dir' is a directory");
    expect_not("tw", "the archive has no file 'tw'");
    expect_not("", "the archive has no file ''");
    assert_int_equal(cpio_find(archive, 0, "one", &f, why), -ENOENT);
}

TEST(names_as_find_and_people_write_them)
{
    archive_len = 0;
    append("./one", 0100644, "1", 1);
    append("/boot//vmlinux", 0100644, "2", 1);
    append("a/./b/c.elf", 0100644, "3", 1);
    append("TRAILER!!!", 0, "", 0);
    expect("one", "1");
    expect("./one", "1");
    expect("/one", "1");
    expect(".//./one", "1");
    expect("boot/vmlinux", "2");
    expect("./boot/vmlinux", "2");
    expect("/boot/./vmlinux", "2");
    expect("a/b/c.elf", "3");
    expect("a/../one", "1");
    expect_not("../one", "the archive has no file '../one'");
    expect_not("a/../../one", "the archive has no file 'a/../../one'");
    expect("a/b/../../boot/vmlinux", "2");
    expect_not("a/b", "the archive has no file 'a/b'");
}

TEST(hard_links_are_one_file)
{
    struct cpio_file f;
    size_t at = 0;

    archive_len = 0;
    append_inode("other", 0100644, "xx", 2, 7, 2, 1); /* another device */
    append_inode("a.elf", 0100644, "", 0, 7, 3, 0);
    append_inode("b.elf", 0100644, "", 0, 7, 3, 0);
    append_inode("other2", 0100644, "", 0, 7, 2, 1);
    append_inode("c.elf", 0100644, "kernel", 6, 7, 3, 0);
    append_inode("none", 0100644, "", 0, 9, 2, 0); /* an empty file with two names */
    append_inode("one", 0100644, "", 0, 7, 1, 0);  /* one name: empty, whatever the inode */
    append("TRAILER!!!", 0, "", 0);
    expect("a.elf", "kernel");
    expect("b.elf", "kernel");
    expect("c.elf", "kernel");
    expect("other2", "xx");
    expect("none", "");
    expect("one", "");
    assert_int_equal(find("a.elf", &f), 0);
    assert_string_equal(f.name, "a.elf");
    size_t cut = 0; /* before the data */
    while (cpio_next(archive, archive_len, &at, &f) == 1 && strcmp(f.name, "c.elf") != 0)
        cut = at;
    assert_int_equal(cpio_find(archive, cut, "a.elf", &f, why), 0);
    assert_int_equal(f.size, 0);
    assert_int_equal(cpio_find(archive, cut + 50, "a.elf", &f, why), -EINVAL);
    assert_string_equal(why, "the archive is cut short, or broken, before 'a.elf'");
}

/* As cat joins them, with the padding of cpio; each has inodes of its own. */
TEST(archives_can_be_joined)
{
    struct cpio_file f;
    size_t at = 0, nr = 0, firsts = 0;

    archive_len = 0;
    append_inode("a.elf", 0100644, "", 0, 7, 2, 0);
    append_inode("b.elf", 0100644, "one", 3, 7, 2, 0);
    append_inode("lost.elf", 0100644, "", 0, 9, 2, 0);
    append("x.cfg", 0100644, "old", 3);
    append("TRAILER!!!", 0, "", 0);
    memset(archive + archive_len, 0, 404);
    archive_len += 404;
    append_inode("c.elf", 0100644, "", 0, 7, 2, 0);
    append_inode("d.elf", 0100644, "two", 3, 7, 2, 0);
    append_inode("f.elf", 0100644, "not lost's", 10, 9, 2, 0);
    append("x.cfg", 0100644, "new", 3);
    append("TRAILER!!!", 0, "", 0);
    append("TRAILER!!!", 0, "", 0);
    expect("a.elf", "one");
    expect("b.elf", "one");
    expect("c.elf", "two");
    expect("d.elf", "two");
    expect("lost.elf", "");
    expect("x.cfg", "new");
    memcpy(archive + archive_len, "junk after it", 13); /* is no archive */
    archive_len += 13;
    while (cpio_next(archive, archive_len, &at, &f) == 1) {
        nr++;
        firsts += f.first;
    }
    assert_int_equal(nr, 8);
    assert_int_equal(firsts, 2);
}

TEST(symbolic_links_are_followed)
{
    archive_len = 0;
    link_to("c.elf", "a.elf");
    link_to("far.elf", "./images/../images//k.elf");
    link_to("abs.elf", "/images/k.elf");
    link_to("boot", "images/");
    link_to("images/up.elf", "../a.elf");
    link_to("chain", "c.elf");
    append_inode("images/hard.elf", 0100644, "", 0, 5, 2, 0);
    append("images/k.elf", 0100644, "K", 1);
    append_inode("a.elf", 0100644, "A", 1, 5, 2, 0);
    append("TRAILER!!!", 0, "", 0);
    expect("c.elf", "A");
    expect("chain", "A");
    expect("far.elf", "K");
    expect("abs.elf", "K");
    expect("boot/k.elf", "K");
    expect("boot/up.elf", "A");
    expect("boot/../a.elf", "A");
    expect("./images/hard.elf", "A");
    expect_not("boot", "'boot' is a symbolic link to 'images/', which the archive does not have");
}

TEST(links_that_lead_nowhere_are_named)
{
    char longest[1024];

    archive_len = 0;
    link_to("gone.elf", "../build/vmlinux");
    link_to("out", "../out");
    link_to("round", "about");
    link_to("about", "./round");
    link_to("self", "self");
    link_to("growing", "growing/x");
    append("none", 0120777, "", 0);
    append("pipe", 0010644, "", 0);
    memset(longest, 'y', sizeof(longest));
    append("long", 0120777, longest, sizeof(longest));
    append("TRAILER!!!", 0, "", 0);
    expect_not("gone.elf",
               "'gone.elf' is a symbolic link to '../build/vmlinux', which the archive does not have");
    expect_not("out/k.elf", "'out' is a symbolic link to '../out', which the archive does not have");
    expect_not("round", "the symbolic link 'round' leads back to itself, or is too long");
    expect_not("self", "the symbolic link 'self' leads back to itself, or is too long");
    expect_not("growing", "the symbolic link 'growing' leads back to itself, or is too long");
    expect_not("none", "'none' is a symbolic link to '', which the archive does not have");
    expect_not("long", "the symbolic link 'long' leads back to itself, or is too long");
    expect_not("pipe", "'pipe' is neither a file nor a directory");
}

/* As after unpacking. */
TEST(the_last_entry_of_a_name_holds)
{
    struct cpio_file f;
    size_t at = 0;
    uint32_t files = 0;

    archive_len = 0;
    append("x.cfg", 0100644, "old", 3);
    append("./x.cfg", 0100644, "new", 3);
    append("TRAILER!!!", 0, "", 0);
    expect("x.cfg", "new");
    while (cpio_next(archive, archive_len, &at, &f) == 1)
        if (cpio_resolve(archive, archive_len, &f, why)) {
            assert_memory_equal(f.data, "new", 3);
            files++;
        }
    assert_int_equal(files, 1);
}

/* Configurations can be links too. */
TEST(entries_are_resolved)
{
    struct cpio_file f;
    size_t at = 0;

    archive_len = 0;
    append_inode("a.cfg", 0100644, "", 0, 7, 2, 0);
    link_to("b.cfg", "a.cfg");
    append_inode("c.cfg", 0100644, "text", 4, 7, 2, 0);
    link_to("d.cfg", "nowhere");
    append("e.cfg", 040755, "", 0);
    append("TRAILER!!!", 0, "", 0);
    for (const char *name = "a.cfg\0b.cfg\0c.cfg\0"; *name; name += 6) {
        assert_int_equal(cpio_next(archive, archive_len, &at, &f), 1);
        assert_int_equal(cpio_resolve(archive, archive_len, &f, why), 1);
        assert_string_equal(f.name, name);
        assert_int_equal(f.size, 4);
        assert_memory_equal(f.data, "text", 4);
    }
    assert_int_equal(cpio_next(archive, archive_len, &at, &f), 1);
    assert_int_equal(cpio_resolve(archive, archive_len, &f, why), -ENOENT);
    assert_int_equal(cpio_next(archive, archive_len, &at, &f), 1);
    assert_int_equal(cpio_resolve(archive, archive_len, &f, why), 0);
}

TEST(other_formats_have_a_name)
{
    assert_non_null(strstr(cpio_describe("070707000", 9), "old portable format"));
    assert_non_null(strstr(cpio_describe("\xc7\x71", 2), "old binary format"));
    assert_non_null(strstr(cpio_describe("\x1f\x8b\x08", 3), "gzip"));
    assert_non_null(strstr(cpio_describe("\x7f"
                                         "ELF",
                                         4),
                           "an ELF file"));
    assert_non_null(strstr(cpio_describe("07070", 5), "not a cpio archive"));
    assert_non_null(strstr(cpio_describe("", 0), "not a cpio archive"));
    assert_non_null(strstr(cpio_describe(archive, 100), "cut short"));
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
