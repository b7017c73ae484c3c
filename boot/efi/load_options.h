/*
 * The load options that the firmware, its shell or another boot loader passes, as Xen's loader takes them:
 *
 *     [LOADER.EFI] [-cfg=FILE] [SECTION] [-- OPTIONS]
 *
 * The shell passes the loader's own name first, GRUB's chainloader and boot entries do not. Boot entries may carry
 * binary data instead. Plain C on bytes, no EFI types: tests/unit/boot/efi/load_options_test.c.
 */
#ifndef BOOT_EFI_LOAD_OPTIONS_H
#define BOOT_EFI_LOAD_OPTIONS_H

#include "config.h"

struct load_options {
    char config[CONFIG_PATH_MAX];   /* -cfg=, "" if not given, as the others */
    char section[CONFIG_NAME_MAX];  /* SECTION */
    char options[BOOT_CMDLINE_MAX]; /* what follows --, for the hypervisor */
};

/* Called with one sentence (no line end) for each word that has no effect. */
typedef void (*load_options_report_fn)(void *ctx, const char *sentence);

/*
 * Reads size bytes: text of 16-bit or 8-bit characters, or a whole EFI_LOAD_OPTION around one, as some firmware has it.
 * name: the loader's own file name, "" if it is not known. Returns 0, or with a sentence in why:
 *   -E2BIG   a value does not fit its field
 *   -EINVAL  -cfg without a file, or help is wanted
 */
int load_options_parse(const void *bytes, size_t size, const char *name, struct load_options *out, char *why,
                       size_t why_size, load_options_report_fn report, void *ctx);

/* Appends options to a command line, before its word `--` if it has one. Returns 0 or -E2BIG; then nothing is changed. */
int load_options_append(char line[BOOT_CMDLINE_MAX], const char *options);

#endif
