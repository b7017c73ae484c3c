/* Why this machine is less than its firmware describes. See boot.h and docs/hypervisor-guide/output.md, @verdict. */
#include <boot/boot.h>

#include <lib/log.h>
#include <lib/printf.h>
#include <lib/string.h>

static const char *const words[] = {
    [BOOT_WITHOUT_ACPI] = "acpi",
    [BOOT_FEWER_CPUS] = "cpus",
    [BOOT_FEWER_NODES] = "nodes",
    [BOOT_LESS_MEMORY] = "memory",
};
static u64 reasons; /* bits of enum boot_reason */

void boot_degrade(enum boot_reason reason)
{
    reasons |= BIT(reason);
}

const char *boot_dom0_cmdline(const char *cmdline)
{
    static char text[2 * BOOT_CMDLINE_MAX + 48]; /* room for all words */
    char list[32] = "";

    for (u32 i = 0; i < ARRAY_SIZE(words); i++)
        if (reasons & BIT(i))
            snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", list[0] ? "," : "", words[i]);
    if (!reasons)
        return cmdline;
    log_info("Degraded        %s: less than the firmware describes, see the warnings above\n", list);
    snprintf(text, sizeof(text), "degraded=%s%s%s", list, cmdline[0] ? " " : "", cmdline);
    return text;
}
