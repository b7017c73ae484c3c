/*
 * Finds the ACPI tables in a file that holds several, for acpi-topology. Plain C on bytes:
 *
 *   text    of acpidump, of iasl -d ("Raw Table Data"), of xxd or of hexdump -C -v: lines of an offset and up to 16 bytes
 *           in hexadecimal, behind whatever a mail puts in front. A table begins at offset 0. Other lines are skipped.
 *   binary  tables one after the other, as acpidump -b and acpixtract give them when they are joined
 */
#ifndef TOOLS_ACPI_TOPOLOGY_TABLE_FILE_H
#define TOOLS_ACPI_TOPOLOGY_TABLE_FILE_H

#include <arch/x86/acpi/acpi.h>

/* Called with each table, whose bytes stay; signature: its first 4 bytes, in text. */
typedef void (*table_fn)(void *ctx, const char signature[5], struct acpi_bytes table);

/*
 * bytes: len of them, and a NUL after them; text is overwritten. Returns the number of tables; -ENOENT: no form of these;
 * -EINVAL with a sentence in error: a table is not complete.
 */
int table_file_read(u8 *bytes, u64 len, table_fn found, void *ctx, char *error, size_t size);

#endif
