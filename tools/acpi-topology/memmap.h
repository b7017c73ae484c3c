/*
 * Reads a firmware's memory map from text, for acpi-topology. docs/hypervisor-guide/topology.md lists the forms, with and without what
 * logs and mails put in front of a line. A file is read in the first of these forms that one of its lines has, and
 * lines without that form are skipped:
 *
 *     (XEN)  [0000000000000000, 000000000009fbff] (usable)                  Xen's log; the last byte is named
 *     (XEN)  0000000000000000 - 000000000009fc00 (usable)                   older Xen; the end is named
 *     BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable         Linux's log; the last byte is named
 *     BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)               before Linux 3.5; the end is named
 *     efi: mem00: [Boot Code|...] range=[0x0000-0x0fff] (0MB)               Linux with efi=debug; or range=[A-END)
 *     (XEN)  000000000000-000000000fff type=3 attr=000000000000000f         Xen from UEFI; the last byte is named
 *     [mem 0x0000000000000000-0x000000000009fbff] usable                    Linux's log without the mark
 *     00000000-0009fbff : System RAM                                        /proc/iomem; the last byte is named
 *
 * or else all lines are `START END TYPE`; numbers decimal, 0x or octal, with K M G T; END is the first byte behind;
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
