/* hsctl's command line: words, a byte 0 after each. What is accepted is within its limits, and what is not has an error. */
#include <homestead/types.h>
#include <toolstack/hsctl/args.h>
#include <toolstack/hsctl/size.h>

#include <stdlib.h>
#include <string.h>

static void check(const struct args *a)
{
    if (a->command >= NR_COMMANDS || a->nr_entries > ENTRIES_MAX || a->interval_ms < 10 ||
        a->interval_ms > 3600000)
        abort();
    for (u32 i = 0; i < a->nr_entries; i++) {
        const struct entry *e = &a->entry[i];
        if (e->pages > PAGES_MAX || (e->order != 0 && e->order != 9 && e->order != 18) ||
            (e->node == HS_ANY_NODE && e->order))
            abort();
        if (!a->help && e->pages & ((1ull << e->order) - 1))
            abort();
        for (u32 k = 0; k < i; k++)
            if (a->entry[k].node == e->node)
                abort();
    }
    if (a->help || a->version)
        return;
    if (!a->command || (a->command == CMD_CLAIM && (!a->domain || !a->nr_entries)) ||
        (a->command == CMD_TIMELINE && (!a->file || (!a->from == !a->for_ms))))
        abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    char *argv[128] = {strdup("hsctl")}, error[ARGS_ERROR];
    char *copy = malloc(size + 1);
    struct args args;
    int argc = 1;

    memcpy(copy, data, size);
    copy[size] = '\0';
    for (size_t at = 0; at < size && argc < 127; at += strlen(copy + at) + 1)
        argv[argc++] = strdup(copy + at);
    memset(error, 'x', sizeof(error));
    if (args_parse(argc, argv, &args, error))
        check(&args);
    else if (!memchr(error, '\0', sizeof(error)) || !*error)
        abort();
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    free(copy);
    return 0;
}
