/* The files of acpi-topology's arguments. What cannot be used ends the program with a sentence and status 2. */
#ifndef TOOLS_ACPI_TOPOLOGY_INPUTS_H
#define TOOLS_ACPI_TOPOLOGY_INPUTS_H

#include <arch/x86/acpi/acpi.h>

#define EXIT_USABLE   0
#define EXIT_WARNINGS 1
#define EXIT_REFUSED  2

NORETURN void die(const char *name, const char *why);

/*
 * Adds the tables of a file to in: a raw table, or several (table_file.h); of a directory, those of its files.
 * signature: the table to look for, such as "SRAT"; a raw table counts as that, whatever it says. NULL: all.
 */
void inputs_add(struct acpi_inputs *in, const char *name, const char *signature);

/* The text of a memory map file, or of Linux's /sys/firmware/memmap in plain lines (memmap.h). */
const char *inputs_memmap(const char *name);

#endif
