/* Finds the ACPI tables in a file. See table_file.h. Text is decoded in place: a byte takes two characters or more. */
#include "table_file.h"

#include <homestead/errno.h>

#include <stdio.h>
#include <string.h>

#define HEADER_BYTES  36u
#define LINE_TABLE    16u /* bytes of a table in a line of text */
#define RSDP_OLD      20u /* bytes of the RSDP of ACPI 1.0; it has no header */
#define RSDP_REVISION 15u
#define RSDP_LENGTH   20u
#define RSDP_BYTES    36u /* of ACPI 2.0 and later */

static u32 read32(const u8 *at)
{
    return at[0] | (u32)at[1] << 8 | (u32)at[2] << 16 | (u32)at[3] << 24;
}

/* The length that a table names, 0 if this is no table. */
static u64 named_length(const u8 *at, u64 len)
{
    if (len >= RSDP_OLD && !memcmp(at, "RSD PTR ", 8)) {
        if (at[RSDP_REVISION] < 2 || len < RSDP_LENGTH + 4)
            return RSDP_OLD;
        return read32(at + RSDP_LENGTH) >= RSDP_BYTES ? read32(at + RSDP_LENGTH) : 0;
    }
    if (len < 8)
        return 0;
    for (u32 i = 0; i < 4; i++)
        if (!(at[i] >= 'A' && at[i] <= 'Z') && !(at[i] >= '0' && at[i] <= '9') && at[i] != '_' &&
            !(at[i] == '!' && i == 3))
            return 0;
    return read32(at + 4) >= HEADER_BYTES ? read32(at + 4) : 0;
}

static void give(table_fn found, void *ctx, const u8 *at, u64 len)
{
    char signature[5] = "";

    memcpy(signature, at, 4);
    found(ctx, signature, (struct acpi_bytes){.bytes = at, .len = len});
}

/* --- binary --- */

static int read_binary(const u8 *bytes, u64 len, table_fn found, void *ctx, char *error, size_t size)
{
    int nr = 0;

    for (u64 at = 0; at < len; nr++) {
        u64 table = named_length(bytes + at, len - at);
        if (!table || table > len - at) {
            if (!nr && !table)
                return -ENOENT;
            snprintf(error, size,
                     table ? "the table at byte %lu ends after the file" : "byte %lu is in no table",
                     (unsigned long)at);
            return -EINVAL;
        }
        give(found, ctx, bytes + at, table);
        at += table;
    }
    return nr;
}

/* --- text --- */

static int hex_digit(u8 c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Reads OFFSET[:] BYTES of a line, which ends before a newline or a NUL. Returns the number of bytes, 0: no such line. */
static u32 read_line(const u8 *p, u64 *offset, u8 out[LINE_TABLE])
{
    u32 nr = 0, digits = 0, blanks = 0;

    while (*p == ' ' || *p == '\t' || *p == '>' || *p == '|')
        p++;
    for (*offset = 0; hex_digit(*p) >= 0 && digits <= 8; p++, digits++)
        *offset = *offset << 4 | (u32)hex_digit(*p);
    if (digits < 4 || digits > 8 || (*p != ':' && *p != ' '))
        return 0;
    if (*p == ':')
        p++;
    /* Two blanks are in the middle of hexdump's line, more are in front of the characters of a short one. */
    for (; nr < LINE_TABLE; p += 2) {
        for (blanks = 0; *p == ' ' || *p == '\t'; p++)
            blanks++;
        if ((nr && blanks > 2) || hex_digit(p[0]) < 0 || hex_digit(p[1]) < 0)
            break;
        out[nr++] = (u8)(hex_digit(p[0]) << 4 | hex_digit(p[1]));
    }
    return nr;
}

struct text_table {
    u8 *at;   /* the first byte */
    u64 len;  /* bytes so far */
    u32 line; /* in which it began; 0: there is none */
};

/* Gives the table that has ended, if it is one. */
static int end_table(struct text_table *t, table_fn found, void *ctx, char *error, size_t size)
{
    u64 named = t->line ? named_length(t->at, t->len) : 0;
    u32 line = t->line;

    t->line = 0;
    if (!named)
        return 0;
    if (named != t->len) {
        snprintf(error, size, "the table %.4s from line %u on has %lu bytes and should have %lu",
                 (const char *)t->at, line, (unsigned long)t->len, (unsigned long)named);
        return -EINVAL;
    }
    give(found, ctx, t->at, t->len);
    return 1;
}

static int read_text(u8 *bytes, table_fn found, void *ctx, char *error, size_t size)
{
    struct text_table t = {0};
    u8 *free = bytes; /* where the next table's bytes go: never beyond the line that is read */
    int nr = 0, rc;
    u32 line = 1;

    for (u8 *p = bytes; *p; line++) {
        u8 *end = p + strcspn((char *)p, "\n"), part[LINE_TABLE];
        u64 offset;
        u32 got = read_line(p, &offset, part);

        if (t.line && (!got || offset == 0)) {
            if (*p == '*') {
                snprintf(error, size, "line %u leaves bytes out: hexdump needs -v", line);
                return -EINVAL;
            }
            rc = end_table(&t, found, ctx, error, size);
            if (rc < 0)
                return rc;
            nr += rc;
            free = rc ? free : t.at;
        }
        if (got && offset == 0)
            t = (struct text_table){.at = free, .line = line};
        if (got && t.line && offset != t.len) {
            snprintf(error, size, "line %u has offset 0x%lx after 0x%lx bytes", line, (unsigned long)offset,
                     (unsigned long)t.len);
            return -EINVAL;
        }
        p = *end ? end + 1 : end;
        if (got && t.line) {
            memcpy(free, part, got);
            free += got;
            t.len += got;
        }
    }
    rc = end_table(&t, found, ctx, error, size);
    return rc < 0 ? rc : nr + rc ? nr + rc : -ENOENT;
}

int table_file_read(u8 *bytes, u64 len, table_fn found, void *ctx, char *error, size_t size)
{
    return memchr(bytes, 0, len) ? read_binary(bytes, len, found, ctx, error, size)
                                 : read_text(bytes, found, ctx, error, size);
}
