/*
 * From the RSDP to the list of tables (ACPI 6.5 5.2.5 to 5.2.8). See tables.h.
 * Firmware's bytes decide nothing here but how far to read, and that within fixed limits.
 */
#include "tables.h"

#include <homestead/errno.h>
#include <lib/log.h>
#include <lib/string.h>

/* ACPI 6.5 5.2.5.3, table 5.3 */
struct ACPI_STRUCT rsdp_bytes {
    char Signature[8];   /*  0: "RSD PTR " */
    u8 Checksum;         /*  8: over the first 20 bytes */
    char OEMID[6];       /*  9 */
    u8 Revision;         /* 15 */
    u32 RsdtAddress;     /* 16 */
    u32 Length;          /* 20: from here on revision 2 */
    u64 XsdtAddress;     /* 24 */
    u8 ExtendedChecksum; /* 32: over Length bytes */
    u8 Reserved[3];      /* 33 */
};
_Static_assert(sizeof(struct rsdp_bytes) == 36, "ACPI 6.5 5.2.5.3");
_Static_assert(offsetof(struct rsdp_bytes, Revision) == 15, "ACPI 6.5 5.2.5.3");
_Static_assert(offsetof(struct rsdp_bytes, RsdtAddress) == 16, "ACPI 6.5 5.2.5.3");
_Static_assert(offsetof(struct rsdp_bytes, XsdtAddress) == 24, "ACPI 6.5 5.2.5.3");

#define RSDP_V1_BYTES 20u
#define RSDP_STEP     16u

#define BDA_EBDA_SEGMENT 0x40eu /* word: real-mode segment of the extended BIOS data area */
#define EBDA_SCAN_BYTES  1024u
#define LOW_RAM_END      0xa0000u
#define BIOS_ROM_BASE    0xe0000u
#define BIOS_ROM_BYTES   0x20000u

u8 acpi_sum(const void *bytes, u64 len)
{
    const u8 *p = bytes;
    u8 sum = 0;

    for (u64 i = 0; i < len; i++)
        sum = (u8)(sum + p[i]);
    return sum;
}

const struct acpi_header *acpi_table_check(const void *bytes, u64 avail, const char *signature, u32 min_len)
{
    const struct acpi_header *h = bytes;

    if (avail < sizeof(*h)) {
        log_warn("ACPI: %.4s: %lu bytes hold no table header, ignored\n", signature, (unsigned long)avail);
        return NULL;
    }
    if (memcmp(h->Signature, signature, sizeof(h->Signature)) != 0) {
        log_warn("ACPI: %.4s: wrong signature, ignored\n", signature);
        return NULL;
    }
    u32 len = h->Length;
    if (len < min_len || len < sizeof(*h) || len > avail || len > ACPI_TABLE_MAX_BYTES) {
        log_warn("ACPI: %.4s: impossible length %u, ignored\n", signature, len);
        return NULL;
    }
    if (acpi_sum(bytes, len) != 0) {
        log_warn("ACPI: %.4s: wrong checksum, ignored\n", signature);
        return NULL;
    }
    return h;
}

struct acpi_walk acpi_walk_start(const struct acpi_header *h, u32 first_offset, u32 head_bytes)
{
    return (struct acpi_walk){
        .table = (const u8 *)h, .length = h->Length, .offset = first_offset, .head_bytes = head_bytes};
}

const void *acpi_walk_next(struct acpi_walk *w)
{
    if (w->broken || w->offset >= w->length)
        return NULL;

    const u8 *e = w->table + w->offset;
    u32 left = w->length - w->offset, len = 0;
    if (left >= w->head_bytes)
        len = w->head_bytes == sizeof(struct acpi_subtable) ? e[1] : acpi_load32(e + 4);
    /* Length 0 is real: the Dell T5810's first SRAT has such an entry, with a correct checksum. */
    w->broken = len < w->head_bytes || len > left;
    if (w->broken)
        return NULL;
    w->offset += len;
    return e;
}

int acpi_rsdp_read(const struct acpi_mapper *m, u64 maddr, struct acpi_rsdp *out)
{
    const struct rsdp_bytes *r = m->map(m->ctx, maddr, RSDP_V1_BYTES);

    if (!r || memcmp(r->Signature, "RSD PTR ", sizeof(r->Signature)) != 0)
        return -ENOENT;
    if (acpi_sum(r, RSDP_V1_BYTES) != 0)
        return -EILSEQ;
    struct acpi_rsdp found = {.revision = r->Revision, .rsdt = r->RsdtAddress};
    if (found.revision >= 2) {
        r = m->map(m->ctx, maddr, sizeof(*r));
        if (!r)
            return -ENOENT;
        u32 len = r->Length;
        if (len < sizeof(*r) || len > PAGE_SIZE)
            return -EINVAL;
        found.xsdt = r->XsdtAddress;
        const void *whole = m->map(m->ctx, maddr, len);
        if (!whole)
            return -ENOENT;
        if (acpi_sum(whole, len) != 0)
            return -EILSEQ;
    }
    *out = found;
    return 0;
}

static u64 search_block(const struct acpi_mapper *m, u64 base, u64 len)
{
    const u8 *block = m->map(m->ctx, base, len);
    bool warned = false;

    if (!block)
        return 0;
    for (u64 off = 0; off + RSDP_V1_BYTES <= len; off += RSDP_STEP) {
        struct acpi_rsdp rsdp;

        if (memcmp(block + off, "RSD PTR ", 8) != 0)
            continue;
        if (acpi_rsdp_read(m, base + off, &rsdp) == 0)
            return base + off;
        if (!warned)
            log_warn("ACPI: damaged RSDP at 0x%lx, looking further\n", (unsigned long)(base + off));
        warned = true;
    }
    return 0;
}

u64 acpi_rsdp_search(const struct acpi_mapper *m)
{
    const u8 *word = m->map(m->ctx, BDA_EBDA_SEGMENT, 2);
    u64 ebda = word ? (u64)acpi_load16(word) << 4 : 0;
    u64 found = 0;

    /* Without an EBDA the word is 0 or anything; the first page is the BIOS's own. */
    if (ebda >= PAGE_SIZE && ebda < LOW_RAM_END)
        found = search_block(m, ebda, MIN(EBDA_SCAN_BYTES, LOW_RAM_END - ebda));
    return found ? found : search_block(m, BIOS_ROM_BASE, BIOS_ROM_BYTES);
}

/* Copies a fixed-width field as text for people: printable, terminated, no trailing blanks. */
static void copy_id(char *dst, const char *src, u32 len)
{
    u32 end = 0;

    for (u32 i = 0; i < len; i++) {
        dst[i] = src[i] >= ' ' && src[i] <= '~' ? src[i] : ' ';
        if (dst[i] != ' ')
            end = i + 1;
    }
    dst[end] = '\0';
}

/* Maps and checks a root table; NULL if it is of no use. */
static const struct acpi_header *root_map(const struct acpi_mapper *m, u64 maddr, const char *signature)
{
    const struct acpi_header *h = maddr ? m->map(m->ctx, maddr, sizeof(*h)) : NULL;

    if (!h) {
        if (maddr)
            log_warn("ACPI: %.4s at 0x%lx cannot be read\n", signature, (unsigned long)maddr);
        return NULL;
    }
    u32 len = h->Length;
    const void *whole = len >= sizeof(*h) && len <= ACPI_TABLE_MAX_BYTES ? m->map(m->ctx, maddr, len) : NULL;
    return acpi_table_check(whole ? whole : h, whole ? len : sizeof(*h), signature, sizeof(*h));
}

/* Adds the table at maddr. False if it cannot be one. */
static bool list_add(struct acpi_tables *t, const struct acpi_mapper *m, u64 maddr)
{
    const struct acpi_header *h = m->map(m->ctx, maddr, sizeof(*h));

    if (!h)
        return false;
    u32 len = h->Length;
    if (len < sizeof(*h) || len > ACPI_TABLE_MAX_BYTES || t->nr == ACPI_MAX_TABLES)
        return false;
    struct acpi_table_ref *ref = &t->table[t->nr++];
    memcpy(ref->signature, h->Signature, sizeof(ref->signature));
    ref->length = len;
    ref->maddr = maddr;
    return true;
}

int acpi_tables_list(struct acpi_tables *out, const struct acpi_mapper *m, u64 rsdp_maddr)
{
    struct acpi_rsdp rsdp;
    int rc = acpi_rsdp_read(m, rsdp_maddr, &rsdp);

    if (rc != 0) {
        log_warn("ACPI: no sound RSDP at 0x%lx (error %d)\n", (unsigned long)rsdp_maddr, -rc);
        return -ENOENT;
    }
    const struct acpi_header *xsdt = root_map(m, rsdp.xsdt, "XSDT");
    const struct acpi_header *root = xsdt ? xsdt : root_map(m, rsdp.rsdt, "RSDT");
    if (!root)
        return -EINVAL;

    memset(out, 0, sizeof(*out));
    out->rsdp = rsdp_maddr;
    out->root = xsdt ? rsdp.xsdt : rsdp.rsdt;
    out->root_is_xsdt = xsdt != NULL;
    copy_id(out->oem_id, root->OEMID, sizeof(root->OEMID));
    copy_id(out->oem_table_id, root->OEMTableID, sizeof(root->OEMTableID));

    /* Bounded by ACPI_TABLE_MAX_BYTES; a remainder smaller than an entry is not read. */
    u32 entry_bytes = xsdt ? sizeof(u64) : sizeof(u32);
    u32 nr = (root->Length - (u32)sizeof(*root)) / entry_bytes;
    const u8 *entry = (const u8 *)(root + 1);
    u32 left_out = 0;
    for (u32 i = 0; i < nr; i++, entry += entry_bytes) {
        u64 maddr = xsdt ? acpi_load64(entry) : acpi_load32(entry);

        if (maddr != 0 && !list_add(out, m, maddr)) /* empty slots are common */
            left_out++;
    }
    if (left_out)
        log_warn("ACPI: %u of %u tables are unreadable or too many, left out\n", left_out, nr);
    return 0;
}

const struct acpi_table_ref *acpi_tables_find(const struct acpi_tables *t, const char *signature,
                                              u32 instance)
{
    for (u32 i = 0; i < t->nr; i++)
        if (memcmp(t->table[i].signature, signature, sizeof(t->table[i].signature)) == 0 && instance-- == 0)
            return &t->table[i];
    return NULL;
}
