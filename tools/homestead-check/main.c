/*
 * homestead-check: can Homestead run on this machine? Runs on Linux; a static program. Exit status: 0 yes, 1 yes with
 * warnings, 2 no, or wrong arguments.
 */
#include "read.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define EXIT_WRONG 2

static const char usage[] =
    "usage: homestead-check [--json] [--root DIR]\n"
    "\n"
    "Says whether this machine can run Homestead: its CPU, firmware, nodes and serial port, as far as Linux\n"
    "shows them. It changes nothing. Root reads more than others: what could not be read is said.\n"
    "\n"
    "  --json       JSON for programs\n"
    "  --root DIR   the files of another machine: DIR/proc/cpuinfo and so on; the CPU itself is not asked\n"
    "\n"
    "Exit status: 0 yes, 1 yes with warnings, 2 no or wrong arguments. What each line means is in\n"
    "docs/tutorials/check-a-server.md.\n";

static const char *const result_words[] = {"ok", "warning", "no"};
static const char *const verdict_words[] = {"yes", "yes, with warnings", "no"};

/* Text of firmware and Linux: a terminal gets no control characters of it. */
static void print_plain(const char *text)
{
    for (; *text; text++)
        putchar((u8)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static void print_text(const struct findings *f, const struct unread *unread, enum result worst)
{
    for (u32 i = 0; i < f->nr; i++) {
        printf("%-7s  %-14s  ", result_words[f->list[i].result], f->list[i].name);
        print_plain(f->list[i].text);
        putchar('\n');
    }
    for (u32 i = 0; i < unread->nr; i++)
        printf("%s%s: %s\n", i ? "" : "\nNot read:\n", unread->list[i].path, strerror(unread->list[i].error));
    printf("\nCan Homestead run on this machine? %s\n", verdict_words[worst]);
}

static void print_json_string(const char *text)
{
    putchar('"');
    for (; *text; text++)
        if ((u8)*text < ' ' || (u8)*text > '~')
            printf("\\u%04x", (u8)*text);
        else if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else
            putchar(*text);
    putchar('"');
}

static void print_json(const struct findings *f, const struct unread *unread, enum result worst)
{
    printf("{\"result\": \"%s\",\n \"checks\": [", worst == RESULT_OK        ? "yes"
                                                   : worst == RESULT_WARNING ? "warnings"
                                                                             : "no");
    for (u32 i = 0; i < f->nr; i++) {
        printf("%s\n  {\"name\": \"%s\", \"result\": \"%s\", \"text\": ", i ? "," : "", f->list[i].name,
               result_words[f->list[i].result]);
        print_json_string(f->list[i].text);
        putchar('}');
    }
    printf("],\n \"unread\": [");
    for (u32 i = 0; i < unread->nr; i++)
        printf("%s\n  {\"path\": \"%s\", \"why\": \"%s\"}", i ? "," : "", unread->list[i].path,
               strerror(unread->list[i].error));
    printf("]}\n");
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"root", required_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    static struct machine machine;
    static struct unread unread;
    static struct findings findings;
    char root[PATH_MAX] = "";
    bool json = false;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'j':
            json = true;
            break;
        case 'r':
            snprintf(root, sizeof(root), "%s", *optarg ? optarg : ".");
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return EXIT_WRONG;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "homestead-check: '%s' is no option\n%s", argv[optind], usage);
        return EXIT_WRONG;
    }
    machine_read(root, &machine, &unread);
    enum result worst = judge(&machine, &findings);
    (json ? print_json : print_text)(&findings, &unread, worst);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "homestead-check: standard output: %s\n", strerror(errno));
        return EXIT_WRONG;
    }
    return (int)worst;
}
