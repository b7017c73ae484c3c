/*
 * small-scope: everything on very small machines, see docs/hypervisor-guide/testing.md.
 *
 *   small-scope [--pages2 N] [--pages3 N] [--all-others] [--steps N]
 *
 * Two nodes of up to pages2 pages each, three of up to pages3; sequences of so many steps with whole extents. Prints what
 * was tried; status 1 at the first thing that is wrong, 2 for bad arguments.
 */
#include "scope.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <tests/machine/report.h>

struct counts counts;
void (*describe)(void);

void say_state(const char *what, const struct state *s)
{
    fprintf(stderr, "  %s: pages", what);
    for (u32 n = 0; n < scope_nodes; n++)
        fprintf(stderr, " %u", s->ram[n]);
    for (u32 who = D; who < NR_DOMAINS; who++) {
        fprintf(stderr, "; %s%s claims host %u, nodes", who == D ? "D" : "E",
                s->strict[who] ? " (strict)" : "", s->host[who]);
        for (u32 n = 0; n < scope_nodes; n++)
            fprintf(stderr, " %u", s->claim[who][n]);
        fprintf(stderr, ", extents");
        for (u32 n = 0; n < scope_nodes; n++)
            fprintf(stderr, " %u", s->units[who][n]);
        fprintf(stderr, ", owns");
        for (u32 n = 0; n < scope_nodes; n++)
            fprintf(stderr, " %u", s->own[who][n]);
    }
    fputc('\n', stderr);
}

static void print_counts(void)
{
    printf("small-scope: %llu machines, %llu sets (%llu refused), %llu takes (%llu refused), %llu ended, of "
           "them %llu whose "
           "other node's pages were gone, %llu sequences with whole extents\n",
           (unsigned long long)counts.machines, (unsigned long long)counts.sets,
           (unsigned long long)counts.refused_sets, (unsigned long long)counts.takes,
           (unsigned long long)counts.refused_takes, (unsigned long long)counts.refunds,
           (unsigned long long)counts.third_nodes, (unsigned long long)counts.sequences);
}

static void say_where(const char *what, const char *file, int line)
{
    fprintf(stderr, "small-scope: %s:%d: %s\n", file, line, what);
    if (describe)
        describe();
}

void wrong(const char *fmt, ...)
{
    va_list args;

    print_counts();
    fprintf(stderr, "small-scope: ");
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    if (describe)
        describe();
    exit(1);
}

static int usage(void)
{
    fprintf(stderr, "usage: small-scope [--pages2 0..4] [--pages3 0..4] [--all-others] [--steps 0..8]\n");
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option names[] = {{"pages2", 1, NULL, '2'},
                                          {"pages3", 1, NULL, '3'},
                                          {"all-others", 0, NULL, 'a'},
                                          {"steps", 1, NULL, 's'},
                                          {0}};
    u32 pages2 = 4, pages3 = 2, steps = 4;
    bool all_others = false;

    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        u32 value = optarg ? (u32)strtoul(optarg, NULL, 10) : 0;

        if (c == '2' && value <= 4)
            pages2 = value;
        else if (c == '3' && value <= 4)
            pages3 = value;
        else if (c == 's' && value <= 8)
            steps = value;
        else if (c == 'a')
            all_others = true;
        else
            return usage();
    }
    if (optind != argc)
        return usage();
    report_errors = true;
    on_assert_failed = say_where;
    /* Each set over each other one: a page less is enough of them. */
    try_sets(2, MIN(pages2, 2u));
    try_sets(3, MIN(pages3, 1u));
    try_takes(2, pages2, all_others);
    try_takes(3, pages3, all_others);
    try_orders(steps);
    print_counts();
    return 0;
}
