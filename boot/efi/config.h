/*
 * homestead.cfg: what to start, in the syntax of Xen's xen.cfg. Plain C on bytes, no EFI types;
 * tests/unit/boot/efi/bootcfg_test.c runs it on the host.
 *
 *     [global]
 *     default=SECTION           which of the sections below is used if the load options name none
 *     chain=FILE                read this file instead if SECTION is not in here
 *     [SECTION]
 *     options=TEXT              the hypervisor's command line
 *     kernel=FILE               the hypervisor, homestead.elf if not given
 *     dom0=FILE ARGUMENTS       domain 0's image, must be there
 *     module=FILE ARGUMENTS     passed to domain 0; may be repeated, CONFIG_MODULE_MAX times
 *
 * A # at the start of a line or after a blank begins a comment, and so does a ; at the start. Unlike in Xen's loader,
 * a # inside a word is part of it, and an unknown key is an error: a misspelt `module` is reported here, not by a
 * domain 0 without its module.
 */
#ifndef BOOT_EFI_CONFIG_H
#define BOOT_EFI_CONFIG_H

#include <homestead/boot_info.h>
#include <homestead/types.h>

#define CONFIG_NAME_MAX   64u
#define CONFIG_PATH_MAX   192u
/* struct boot_info's first module is domain 0 itself. */
#define CONFIG_MODULE_MAX (BOOT_MODULE_MAX - 1)

struct config_file { /* one FILE ARGUMENTS value */
    char path[CONFIG_PATH_MAX];
    char args[BOOT_CMDLINE_MAX];
};

struct boot_config {
    char section[CONFIG_NAME_MAX];
    char chain[CONFIG_PATH_MAX]; /* "" if not given */
    char options[BOOT_CMDLINE_MAX];
    struct config_file kernel, dom0; /* kernel.args is always "" */
    u32 nr_modules;
    struct config_file modules[CONFIG_MODULE_MAX];
};

/*
 * Reads len bytes of text. section: the one to use, NULL or "" for default=. *out is written on success, and on
 * -ENOENT as far as section and chain. Returns 0, or with sentences in why (no line end, each with its line where there
 * is one; all unknown keys of the file are named):
 *   -EINVAL  a line of no known form, an unknown or repeated key, no section and no default=, no dom0=
 *   -E2BIG   a value longer than its field, or too many module= lines
 *   -ENOENT  the section is not in this file (chain may say where to look next)
 */
int config_parse(const char *text, size_t len, const char *section, struct boot_config *out, char *why,
                 size_t why_size);

#endif
