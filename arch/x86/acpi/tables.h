/*
 * Where ACPI's tables are and whether they can be trusted: RSDP, XSDT or RSDT, table headers,
 * checksums. Pure functions on bytes; they run on the host as they do in the hypervisor.
 *
 * Memory is reached only through the caller's mapper. Addresses are machine addresses, lengths bytes.
 * Nothing here allocates, blocks, recurses or takes a lock; boot CPU, during boot.
 */
#ifndef ARCH_X86_ACPI_TABLES_H
#define ARCH_X86_ACPI_TABLES_H

#include <homestead/types.h>

/* Tables come at any alignment, and are read through these types whatever wrote them. */
#define ACPI_STRUCT __attribute__((packed, may_alias))

#define ACPI_TABLE_MAX_BYTES MIB(1) /* a MADT or SRAT of 1024 CPUs needs 24 KiB */
#define ACPI_MAX_TABLES      128u
#define ACPI_MAX_SRATS       4u

/* Does the firmware's memory map have RAM that is used in [start, end)? Bytes. */
typedef bool (*acpi_has_ram_fn)(u64 start, u64 end);

/*
 * map() returns a pointer to the len bytes at maddr, or NULL if they cannot all be read. It must stay
 * valid until the function that was given the mapper returns. len is never 0.
 */
struct acpi_mapper {
    const void *(*map)(void *ctx, u64 maddr, u64 len);
    void *ctx;
    acpi_has_ram_fn has_ram; /* NULL: there is no memory map */
};

/* ACPI 6.5 5.2.6, table 5.4 */
struct ACPI_STRUCT acpi_header {
    char Signature[4];   /*  0 */
    u32 Length;          /*  4: bytes, this header included */
    u8 Revision;         /*  8 */
    u8 Checksum;         /*  9: makes all bytes sum to 0 */
    char OEMID[6];       /* 10 */
    char OEMTableID[8];  /* 16 */
    u32 OEMRevision;     /* 24 */
    u32 CreatorID;       /* 28 */
    u32 CreatorRevision; /* 32 */
};
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 6.5 5.2.6");
_Static_assert(offsetof(struct acpi_header, OEMTableID) == 16, "ACPI 6.5 5.2.6");

/* What the RSDP says (ACPI 6.5 5.2.5.3). */
struct acpi_rsdp {
    u32 revision; /* 0: ACPI 1.0, RSDT only; 2 and above: XSDT too */
    u64 rsdt;     /* maddr, 0: none */
    u64 xsdt;     /* maddr, 0: none */
};

struct acpi_table_ref {
    char signature[4];
    u32 length; /* bytes, sizeof(struct acpi_header) .. ACPI_TABLE_MAX_BYTES */
    u64 maddr;
};

struct acpi_tables {
    u64 rsdp; /* maddr */
    u64 root; /* maddr of the XSDT or RSDT in use */
    bool root_is_xsdt;
    char oem_id[7];       /* the root table's, printable, trailing blanks cut */
    char oem_table_id[9]; /* likewise */
    u32 nr;
    struct acpi_table_ref table[ACPI_MAX_TABLES]; /* in the root table's order */
};

/* Little-endian loads at any alignment. */
static inline u16 acpi_load16(const u8 *p)
{
    return (u16)(p[0] | p[1] << 8);
}
static inline u32 acpi_load32(const u8 *p)
{
    return acpi_load16(p) | (u32)acpi_load16(p + 2) << 16;
}
static inline u64 acpi_load64(const u8 *p)
{
    return acpi_load32(p) | (u64)acpi_load32(p + 4) << 32;
}

/* The sum of len bytes modulo 256: 0 for a sound table. */
u8 acpi_sum(const void *bytes, u64 len);

/*
 * Checks the table in the avail bytes at `bytes`: signature (4 characters), Length from min_len to avail
 * and ACPI_TABLE_MAX_BYTES, checksum. Warns with one line when it refuses. Returns the header, or NULL.
 * From then on, Length bytes may be read.
 */
const struct acpi_header *acpi_table_check(const void *bytes, u64 avail, const char *signature, u32 min_len);

/*
 * The one walker over the entries that follow a table's own fields. Entries of MADT and SRAT begin with a type byte and a
 * length byte (ACPI 6.5 5.2.12 and 5.2.16), those of the HMAT with a u16 type and, at 4, a u32 length (5.2.28). Every
 * entry that it returns lies wholly inside the table. A length of 0, or one that leaves the table, ends the walk.
 */
struct ACPI_STRUCT acpi_subtable {
    u8 Type;   /* 0 */
    u8 Length; /* 1: bytes, these two included */
};

struct acpi_walk {
    const u8 *table;
    u32 length; /* bytes in the table */
    u32 offset; /* of the next entry; of the broken one, if there is one */
    u32 head_bytes;
    bool broken; /* an entry is shorter than its head, or leaves the table */
};

/* Starts after the table's own fields, first_offset bytes in. h has been through acpi_table_check().
 * head_bytes: what each entry has at least: 2, or 8 for the HMAT. */
struct acpi_walk acpi_walk_start(const struct acpi_header *h, u32 first_offset, u32 head_bytes);

/* The next entry; NULL at the end and at a broken one, then and at every call after it. */
const void *acpi_walk_next(struct acpi_walk *w);

/*
 * Reads the RSDP at maddr into *out. 0; -ENOENT: unreadable or not an RSDP; -EILSEQ: a checksum is wrong
 * (revision 2 has two); -EINVAL: its length is below 36 or above a page. Does not print.
 */
int acpi_rsdp_read(const struct acpi_mapper *m, u64 maddr, struct acpi_rsdp *out);

/*
 * Looks for a sound RSDP where BIOS puts it (ACPI 6.5 5.2.5.1): on 16-byte boundaries in the EBDA's first
 * KiB and in 0xE0000-0xFFFFF. Returns its maddr, 0 if there is none.
 */
u64 acpi_rsdp_search(const struct acpi_mapper *m);

/*
 * Lists the tables which the RSDP at rsdp_maddr leads to, by XSDT or, failing that, RSDT. Only headers are
 * read here: acpi_table_check() comes before use. Tables with impossible lengths and those beyond
 * ACPI_MAX_TABLES are left out with one warning. *out is written on success only.
 * 0; -ENOENT: no sound RSDP there; -EINVAL: neither root table is usable.
 */
int acpi_tables_list(struct acpi_tables *out, const struct acpi_mapper *m, u64 rsdp_maddr);

/* The instance-th (from 0) table of that signature in the list, NULL if there is none. */
const struct acpi_table_ref *acpi_tables_find(const struct acpi_tables *t, const char *signature,
                                              u32 instance);

#endif
