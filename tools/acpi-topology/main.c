/*
 * acpi-topology: what Homestead makes of a machine's ACPI tables, without booting it. The code that reads
 * them is the hypervisor's own, compiled for the host. Exit status: 0 usable, 1 usable with warnings,
 * 2 refused (no SRAT can be used, a file cannot be read, wrong arguments).
 */
#include "facts.h"
#include "inputs.h"
#include "memmap.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: acpi-topology [FILE|DIRECTORY]... [--srat F] [--srat2 F] [--slit F] [--madt F] [--hmat F] "
    "[--msct F]\n"
    "                     [--memmap F] [--json]\n"
    "\n"
    "Shows which nodes, CPUs and distances Homestead would find on a machine with these ACPI tables, and\n"
    "everything it would warn about.\n"
    "\n"
    "  FILE         tables: the text of `acpidump`, of `iasl -d`, `xxd` or `hexdump -Cv`, or binary ones, "
    "one or\n"
    "               several in a row\n"
    "  DIRECTORY    the tables of its files, for example /sys/firmware/acpi/tables\n"
    "  --srat F     the SRAT of such a file; a single raw table is taken as the SRAT\n"
    "  --srat2 F    a second SRAT, if the machine has two (up to four: --srat may be repeated too)\n"
    "  --slit F     SLIT: distances\n"
    "  --madt F     MADT (signature APIC): the CPUs; without it the SRAT's CPUs are shown\n"
    "  --hmat F     HMAT: latencies, for the order of nodes\n"
    "  --msct F     MSCT: limits, shown and compared\n"
    "  --memmap F   the firmware's memory map: a log of Linux or Xen, /proc/iomem, /sys/firmware/memmap, or "
    "lines\n"
    "               `START END TYPE`\n"
    "  --json       JSON instead of text and @ lines\n"
    "  --help       this text\n"
    "\n"
    "Exit status: 0 usable, 1 usable with warnings, 2 refused. The output is described in "
    "docs/hypervisor-guide/topology.md.\n";

static void load_memmap(struct facts *f, const char *name)
{
    static char error[200];

    if (memmap_parse(&facts_ram, inputs_memmap(name), error, sizeof(error)))
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
            inputs_add(&in, optarg, "SRAT");
            break;
        case 'l':
            inputs_add(&in, optarg, "SLIT");
            break;
        case 'a':
            inputs_add(&in, optarg, "APIC");
            break;
        case 'h':
            inputs_add(&in, optarg, "HMAT");
            break;
        case 'm':
            inputs_add(&in, optarg, "MSCT");
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
    for (int i = optind; i < argc; i++)
        inputs_add(&in, argv[i], NULL);
    if (in.nr_srats == 0 && optind < argc)
        die(argv[optind], "has no SRAT");
    if (in.nr_srats == 0)
        die("--srat", "is required, or a file with all tables; see --help");
    facts_fill(&facts, &in);
    (json ? print_json : print_text)(&facts);
    if (fflush(stdout) || ferror(stdout))
        die("standard output", strerror(errno));
    return facts.refused ? EXIT_REFUSED : warnings.nr ? EXIT_WARNINGS : EXIT_USABLE;
}
