/*
 * Reads a firmware's memory map from text, for acpi-topology. Two forms (docs/topology.md):
 *
 *   a listing of Linux's boot log; when one line has it, all lines without it are skipped:
 *     BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable        (the last byte is named)
 *     BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)              (before Linux 3.5: the end is
 * named) or plain lines `START END TYPE`; numbers decimal or 0x, with K M G T; END is the first byte behind;
 * TYPE ram, usable or 1 is RAM, every other word is not; # starts a comment.
 *
 * As in boot: where entries overlap, what is not RAM wins; RAM counts in whole pages.
 */
#ifndef TOOLS_ACPI_TOPOLOGY_MEMMAP_H
#define TOOLS_ACPI_TOPOLOGY_MEMMAP_H

#include <boot/boot_ranges.h>

/*
 * text: NUL-terminated. *ram: emptied, then the RAM. 0; -EINVAL: a line cannot be read, or there is no RAM;
 * -ENOMEM: too many pieces. error (size bytes) then holds a sentence.
 */
int memmap_parse(struct boot_ranges *ram, const char *text, char *error, size_t size);

#endif
