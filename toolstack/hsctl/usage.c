#include "args.h"

static const char *const texts[NR_COMMANDS] = {
    [CMD_NONE] =
        "usage: hsctl COMMAND [ARGUMENT...]\n"
        "\n"
        "Shows and changes memory claims of domains on NUMA nodes.\n"
        "\n"
        "  nodes                     size, free, claimed and dirty memory, whole extents\n"
        "  claims [DOMAIN]           what domains own and claim, by node\n"
        "  claim DOMAIN node=N:SIZE... host:SIZE\n"
        "                            claims memory for a domain\n"
        "  release DOMAIN            gives up all claims of a domain\n"
        "  legacy DOMAIN [off|affinity|affinity-only]\n"
        "                            what a claim without nodes, as xl makes it, becomes\n"
        "  refusals                  how often memory was refused, and who held it at the last time\n"
        "  watch                     a line for each change; can record them\n"
        "  timeline FILE.svg         draws who held what on which node over time\n"
        "\n"
        "DOMAIN is a name or a number. Commands that print take --json, and --pages for exact amounts.\n"
        "Exit status: 0 done, 1 refused or failed, 2 wrong usage.\n"
        "`hsctl COMMAND --help` says more, hsctl(1) everything.\n",
    [CMD_NODES] =
        "usage: hsctl nodes [--json] [--pages]\n"
        "\n"
        "A line for each NUMA node, and one for the host. \"2M extents\" and \"1G\" count the whole, "
        "aligned,\n"
        "free extents of 2 MiB and 1 GiB; in parentheses, how many of them are kept for claims by order.\n"
        "\n"
        "  --json     one JSON object; amounts in pages of 4 KiB\n"
        "  --pages    amounts as numbers of pages\n",
    [CMD_CLAIMS] = "usage: hsctl claims [DOMAIN] [--json] [--pages]\n"
                   "\n"
                   "What each domain, or one, owns and claims on each node. \"any\" is a host-wide claim.\n"
                   "\n"
                   "  --json     one JSON object; amounts in pages of 4 KiB\n"
                   "  --pages    amounts as numbers of pages\n",
    [CMD_CLAIM] = "usage: hsctl claim DOMAIN [node=N:SIZE[:EXTENT]]... [host:SIZE] [OPTION...]\n"
                  "\n"
                  "Claims memory, all of the set or nothing. SIZE is what the domain shall own on the node, "
                  "counting what\n"
                  "it owns there already: 512M, 1.5G, 2097152K, 1T, 300p (pages of 4 KiB). host: so much "
                  "beyond the\n"
                  "nodes' sizes, on any node; what it owns beyond them counts.\n"
                  "EXTENT keeps whole extents of that size for it: 2M or 1G.\n"
                  "\n"
                  "  --replace       instead of the claims that the domain has, in one step\n"
                  "  --strict        no memory from one node uses up a claim on another\n"
                  "  --scrub         the claimed amount is cleaned at once\n"
                  "  --order EXTENT  for all node= without an EXTENT of their own\n"
                  "  --json, --pages\n",
    [CMD_RELEASE] = "usage: hsctl release DOMAIN [--json] [--pages]\n"
                    "\n"
                    "Gives up all claims of a domain, on nodes and host-wide. What it owns stays.\n",
    [CMD_LEGACY] =
        "usage: hsctl legacy DOMAIN [off|affinity|affinity-only] [--json]\n"
        "\n"
        "Shows or sets what the next claim without nodes, as Xen's toolstacks make it, becomes for the "
        "domain:\n"
        "host-wide (off), on the nodes of its node affinity and host-wide for what these lack (affinity), "
        "or on\n"
        "these nodes or refused (affinity-only). For all new domains: the option legacy-claims= of "
        "Homestead.\n",
    [CMD_REFUSALS] =
        "usage: hsctl refusals [--json] [--pages]\n"
        "\n"
        "How many claims and allocations were refused since the host started because memory is promised to\n"
        "others; of the last one who asked, for what, and who held claims there.\n",
    [CMD_WATCH] = "usage: hsctl watch [OPTION...]\n"
                  "\n"
                  "A line for each change of what domains own and claim, of domains, and for each refusal.\n"
                  "\n"
                  "  --interval SECONDS  how often to look: 0.01 to 3600, by default 0.2\n"
                  "  --for SECONDS       end after that time\n"
                  "  --count N           end after N lines\n"
                  "  --record FILE       also writes what there is at each change, for `hsctl timeline`\n"
                  "  --json              each line is a JSON object\n"
                  "  --pages             amounts as numbers of pages\n",
    [CMD_TIMELINE] =
        "usage: hsctl timeline FILE.svg --from RECORDING | --for SECONDS [OPTION...]\n"
        "\n"
        "Draws what each domain owned (solid) and claimed (hatched) on each node over time, and refusals.\n"
        "The picture adapts to light and dark. FILE or RECORDING may be - for standard output or input.\n"
        "\n"
        "  --from RECORDING    of `hsctl watch --record`\n"
        "  --for SECONDS       looks at the host for that time\n"
        "  --interval SECONDS  how often: 0.01 to 3600, by default 0.2\n"
        "  --title TEXT\n"
        "  --json              says what was drawn as a JSON object\n",
};

void usage_print(FILE *to, enum command command)
{
    fputs(texts[command], to);
}
