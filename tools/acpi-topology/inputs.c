/* Reads the files of the arguments: see inputs.h. Memory is never freed: the program is short. */
#include "inputs.h"
#include "table_file.h"

#include <lib/log.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX_BYTES MIB(64) /* acpidump's text of a large server has some MiB */
#define FIRST_BYTES    KIB(64)
#define TABLES_MAX     64u /* of the kinds that are read here, in a file */

NORETURN void die(const char *name, const char *why)
{
    fprintf(stderr, "acpi-topology: %s: %s\n", name, why);
    exit(EXIT_REFUSED);
}

/* The whole file with a NUL behind it. */
static struct acpi_bytes load(const char *name)
{
    FILE *in = fopen(name, "rb");
    char *bytes = NULL;
    u64 len = 0, room = FIRST_BYTES;

    if (!in)
        die(name, strerror(errno));
    /* Files of /sys and /proc do not have a size. */
    do {
        room *= bytes ? 2 : 1;
        bytes = realloc(bytes, room + 1);
        if (!bytes)
            die(name, "no memory");
        len += fread(bytes + len, 1, room - len, in);
    } while (len == room && room <= FILE_MAX_BYTES);
    if (ferror(in))
        die(name, strerror(errno));
    fclose(in);
    if (len > FILE_MAX_BYTES)
        die(name, "is too large for what it should be");
    if (len == 0)
        die(name, "is empty");
    bytes[len] = '\0';
    return (struct acpi_bytes){.bytes = bytes, .len = len};
}

/* --- tables --- */

static struct acpi_bytes *single(struct acpi_inputs *in, const char *signature)
{
    return !strcmp(signature, "SLIT")   ? &in->slit
           : !strcmp(signature, "APIC") ? &in->madt
           : !strcmp(signature, "HMAT") ? &in->hmat
           : !strcmp(signature, "MSCT") ? &in->msct
                                        : NULL;
}

static bool same(struct acpi_bytes a, struct acpi_bytes b)
{
    return a.len == b.len && !memcmp(a.bytes, b.bytes, a.len);
}

static void add_srat(struct acpi_inputs *in, const char *name, struct acpi_bytes table)
{
    for (u32 i = 0; i < in->nr_srats; i++)
        if (same(in->srat[i], table))
            return;
    if (in->nr_srats == ACPI_MAX_SRATS)
        die(name, "one SRAT too many");
    in->srat[in->nr_srats++] = table;
}

/* A table of a kind that is read once counts from the first place that has it, as in the hypervisor. */
static void add(struct acpi_inputs *in, const char *name, const char *signature, struct acpi_bytes table)
{
    struct acpi_bytes *at = single(in, signature);

    if (table.len > ACPI_TABLE_MAX_BYTES)
        die(name, "is too large for a table");
    if (!strcmp(signature, "SRAT"))
        add_srat(in, name, table);
    else if (at && at->len && !same(*at, table))
        log_info("%s: this %s is not used, there is one already\n", name, signature);
    else if (at)
        *at = table;
}

struct table_list {
    u32 nr;
    char signature[TABLES_MAX][5];
    struct acpi_bytes table[TABLES_MAX];
};

static void collect(void *ctx, const char signature[5], struct acpi_bytes table)
{
    struct table_list *list = ctx;

    if ((strcmp(signature, "SRAT") && !single(&(struct acpi_inputs){0}, signature)) || list->nr == TABLES_MAX)
        return;
    memcpy(list->signature[list->nr], signature, 5);
    list->table[list->nr++] = table;
}

/* A file for one option. Raw tables are not looked into: what is wrong with them, the hypervisor's code says. */
static void add_file(struct acpi_inputs *in, const char *name, const char *signature)
{
    static struct table_list list;
    struct acpi_bytes b = load(name);
    char why[200] = "";
    bool binary = memchr(b.bytes, 0, b.len), any = false;

    list.nr = 0;
    int rc = table_file_read((u8 *)b.bytes, b.len, collect, &list, why, sizeof(why));
    if (rc < 0 && *why && !binary)
        die(name, why);
    if (rc < 2 && (binary || rc < 0)) {
        add(in, name, signature, b);
        return;
    }
    for (u32 i = 0; i < list.nr; i++)
        if (!strcmp(list.signature[i], signature)) {
            add(in, name, signature, list.table[i]);
            any = true;
        }
    if (!any) {
        snprintf(why, sizeof(why), "has no table %s", signature);
        die(name, why);
    }
}

/* A file for all tables. in_directory: others may lie there, and damaged ones. */
static void add_all(struct acpi_inputs *in, const char *name, bool in_directory)
{
    static struct table_list list;
    struct acpi_bytes b = load(name);
    char why[200] = "holds no ACPI table: neither raw ones, nor acpidump's text or hexdump's";

    list.nr = 0;
    int rc = table_file_read((u8 *)b.bytes, b.len, collect, &list, why, sizeof(why));
    if (rc < 0 && !in_directory)
        die(name, why);
    if (rc == -EINVAL) {
        char signature[5] = "";
        memcpy(signature, b.bytes, 4);
        add(in, name, signature, b);
        return;
    }
    for (u32 i = 0; i < list.nr; i++)
        add(in, name, list.signature[i], list.table[i]);
}

static int visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* Calls each() for the files of a directory, in the order of their names. */
static void for_each_file(const char *name, void (*each)(void *ctx, const char *path), void *ctx)
{
    struct dirent **entries;
    int nr = scandir(name, &entries, visible, alphasort);

    if (nr < 0)
        die(name, strerror(errno));
    for (int i = 0; i < nr; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/%s", name, entries[i]->d_name);
        each(ctx, path);
    }
}

static bool is_directory(const char *name)
{
    struct stat st;

    return !stat(name, &st) && S_ISDIR(st.st_mode);
}

static void add_of_directory(void *in, const char *path)
{
    struct stat st;

    if (!stat(path, &st) && S_ISREG(st.st_mode) && st.st_size > 0)
        add_all(in, path, true);
}

void inputs_add(struct acpi_inputs *in, const char *name, const char *signature)
{
    if (signature)
        add_file(in, name, signature);
    else if (is_directory(name))
        for_each_file(name, add_of_directory, in);
    else
        add_all(in, name, false);
}

/* --- memory maps --- */

/* The one line of DIR/NAME. */
static void read_word(const char *directory, const char *name, char *out, size_t size)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    struct acpi_bytes b = load(path);
    snprintf(out, size, "%.*s", (int)strcspn(b.bytes, "\n"), (const char *)b.bytes);
}

/* A directory of /sys/firmware/memmap: start, end (the last byte) and type. */
static void add_memmap_entry(void *ctx, const char *path)
{
    char start[32], end[32], type[64], line[160], **text = ctx;
    u64 last;

    if (!is_directory(path))
        return;
    read_word(path, "start", start, sizeof(start));
    read_word(path, "end", end, sizeof(end));
    read_word(path, "type", type, sizeof(type));
    last = strtoull(end, NULL, 0);
    snprintf(line, sizeof(line), "%s 0x%lx %s\n", start, (unsigned long)last + 1,
             strcmp(type, "System RAM") ? "other" : "ram");
    *text = realloc(*text, strlen(*text) + strlen(line) + 1);
    if (!*text)
        die(path, "no memory");
    strcat(*text, line);
}

const char *inputs_memmap(const char *name)
{
    if (is_directory(name)) {
        char *text = calloc(1, 1);
        for_each_file(name, add_memmap_entry, &text);
        return text;
    }
    struct acpi_bytes b = load(name);
    if (memchr(b.bytes, 0, b.len))
        die(name, "is no text");
    return b.bytes;
}
