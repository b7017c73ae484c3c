/*
 * Domain 0 of Homestead: builds the guests of the archive in its module, one on each of its vCPUs, watches
 * each to its end, destroys it and checks that every page and claim came back. One @verdict at the end.
 * Runs unmodified on Xen 4.17. Options and configuration keys: guest/README.md.
 */
#include <guest/dom0/dom0.h>
#include <guest/dom0/libc_for_decoders.h>
#include <lib/string.h>

/* Runs the mode that mode= names: builds guests (default), or shows a table of claims. */
static bool run_mode(void)
{
    char mode[32];

    if (!guest_option("mode", mode, sizeof(mode)) || !strcmp(mode, "guests"))
        return archive_run();
    if (!strcmp(mode, "claimtable"))
        return claimtable_run(options.slack);
    printf("dom0: there is no mode '%s'\n", mode);
    return false;
}

void guest_main(void)
{
    session_begin();
    libc_init();
    bool ok = run_mode();
    printf("dom0      %u guests as expected, %u not, %u skipped\n", guests.passed, guests.failed,
           guests.skipped);
    session_end(ok && !guests.failed, guests.passed + guests.failed);
}
