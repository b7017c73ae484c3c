/*
 * acpi-topology: what Homestead makes of a machine's ACPI tables, without booting it. The code that reads
 * them is the hypervisor's own, compiled for the host. Exit status: 0 usable, 1 usable with warnings,
 * 2 refused (no SRAT can be used, a file cannot be read, wrong arguments).
 */
#include "facts.h"
#include "memmap.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USABLE   0
#define EXIT_WARNINGS 1
#define EXIT_REFUSED  2

#define MEMMAP_MAX_BYTES MIB(8)

static const char usage[] =
    "usage: acpi-topology --srat F [--srat2 F] [--slit F] [--madt F] [--hmat F] [--msct F] [--memmap F] "
    "[--json]\n"
    "\n"
    "Shows which nodes, CPUs and distances Homestead would find on a machine with these ACPI tables, and\n"
    "everything it would warn about.\n"
    "\n"
    "  --srat F     raw SRAT, header included: /sys/firmware/acpi/tables/SRAT, or `acpidump -b`\n"
    "  --srat2 F    a second SRAT, if the machine has two (up to four: --srat may be repeated too)\n"
    "  --slit F     raw SLIT: distances\n"
    "  --madt F     raw MADT (signature APIC): the CPUs; without it the SRAT's CPUs are shown\n"
    "  --hmat F     raw HMAT: latencies, for the order of nodes\n"
    "  --msct F     raw MSCT: limits, shown and compared\n"
    "  --memmap F   the firmware's memory map: Linux's boot log (its BIOS-e820 lines), or lines `START END "
    "TYPE`\n"
    "  --json       JSON instead of text and @ lines\n"
    "  --help       this text\n"
    "\n"
    "Exit status: 0 usable, 1 usable with warnings, 2 refused. The output is described in "
    "docs/topology.md.\n";

static NORETURN void die(const char *name, const char *why)
{
    fprintf(stderr, "acpi-topology: %s: %s\n", name, why);
    exit(EXIT_REFUSED);
}

/* The whole file with a NUL behind it; never freed: the program is short. */
static struct acpi_bytes load(const char *name, u64 max)
{
    FILE *in = fopen(name, "rb");

    if (!in)
        die(name, strerror(errno));
    char *bytes = malloc(max + 2);
    if (!bytes)
        die(name, "no memory");
    u64 len = fread(bytes, 1, max + 1, in);
    if (ferror(in))
        die(name, strerror(errno));
    fclose(in);
    if (len > max)
        die(name, "is too large for what it should be");
    if (len == 0)
        die(name, "is empty");
    bytes[len] = '\0';
    return (struct acpi_bytes){.bytes = bytes, .len = len};
}

static void load_memmap(struct facts *f, const char *name)
{
    static char error[200];
    struct acpi_bytes b = load(name, MEMMAP_MAX_BYTES);

    if (strlen(b.bytes) != b.len)
        die(name, "is no text");
    if (memmap_parse(&facts_ram, b.bytes, error, sizeof(error)))
        die(name, error);
    f->have_memmap = true;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"srat", required_argument, NULL, 's'},   {"srat2", required_argument, NULL, 's'},
        {"slit", required_argument, NULL, 'l'},   {"madt", required_argument, NULL, 'a'},
        {"hmat", required_argument, NULL, 'h'},   {"msct", required_argument, NULL, 'm'},
        {"memmap", required_argument, NULL, 'e'}, {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, '?' + 256},   {0},
    };
    static struct acpi_inputs in;
    static struct facts facts;
    bool json = false;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 's':
            if (in.nr_srats == ACPI_MAX_SRATS)
                die(optarg, "one SRAT too many");
            in.srat[in.nr_srats++] = load(optarg, ACPI_TABLE_MAX_BYTES);
            break;
        case 'l':
            in.slit = load(optarg, ACPI_TABLE_MAX_BYTES);
            break;
        case 'a':
            in.madt = load(optarg, ACPI_TABLE_MAX_BYTES);
            break;
        case 'h':
            in.hmat = load(optarg, ACPI_TABLE_MAX_BYTES);
            break;
        case 'm':
            in.msct = load(optarg, ACPI_TABLE_MAX_BYTES);
            break;
        case 'e':
            load_memmap(&facts, optarg);
            break;
        case 'j':
            json = true;
            break;
        case '?' + 256:
            fputs(usage, stdout);
            return EXIT_USABLE;
        default:
            fputs(usage, stderr);
            return EXIT_REFUSED;
        }
    }
    if (optind < argc)
        die(argv[optind], "unexpected argument, see --help");
    if (in.nr_srats == 0)
        die("--srat", "is required, see --help");
    facts_fill(&facts, &in);
    (json ? print_json : print_text)(&facts);
    if (fflush(stdout) || ferror(stdout))
        die("standard output", strerror(errno));
    return facts.refused ? EXIT_REFUSED : warnings.nr ? EXIT_WARNINGS : EXIT_USABLE;
}
