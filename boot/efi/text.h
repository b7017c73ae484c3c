/*
 * The firmware's text and paths as strings of bytes. Bytes are UTF-8, so what is ASCII stays as it is; each 16-bit unit is
 * encoded by itself (a surrogate pair becomes two sequences of three bytes), so that any name comes back as it was, also
 * one that is not valid UTF-16. Plain C: tests/unit/boot/efi/text_test.c.
 */
#ifndef BOOT_EFI_TEXT_H
#define BOOT_EFI_TEXT_H

#include <homestead/types.h>

#define TEXT_UNIT_MAX 3u /* bytes of one unit */

/* Encodes a unit, below 0x10000. Returns the bytes written, not terminated. */
u32 text_from_unit(u32 unit, char out[TEXT_UNIT_MAX]);

/* Decodes text into at most nr units, the last of them 0, nr > 0. What is not UTF-8 is taken byte by byte as ISO 8859-1. */
void text_to_units(u16 *out, size_t nr, const char *text);

/*
 * The text of the file nodes that a device path begins with (UEFI 2.10, 10.3.5.4): one path with one backslash between its
 * parts. Returns 0, -EINVAL (no file node, a damaged one, too many) or -E2BIG (does not fit); out is
 * working space then.
 */
int text_of_path(const void *device_path, char *out, size_t size);

#endif
