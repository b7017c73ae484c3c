#include "args.h"
#include "size.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ALL      (~0u)
#define ON(cmd)  (1u << (cmd))
#define TEXT_MAX 80 /* of an argument in an error */

struct parser {
    struct args *args;
    char *error;
    uint32_t order;        /* --order: for entries without one of their own */
    bool own[ENTRIES_MAX]; /* has one of its own */
};

static bool wrong(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool wrong(struct parser *p, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(p->error, ARGS_ERROR, format, list);
    va_end(list);
    return false;
}

/* --- values --- */
/* word: the whole argument, for the error. */
static bool parse_order(struct parser *p, const char *word, const char *text, uint32_t *order)
{
    uint64_t pages;

    if (size_parse(text, &pages) != SIZE_OK || (pages != 1 && pages != 512 && pages != 262144))
        return wrong(p, "%.*s: extents have 4K, 2M or 1G", TEXT_MAX, word);
    *order = pages == 1 ? 0 : pages == 512 ? 9 : 18;
    return true;
}

/* Seconds with up to three decimals, as milliseconds. */
static bool parse_seconds(const char *text, uint32_t *ms)
{
    uint32_t whole = 0, part = 0, scale = 100;

    if (*text < '0' || *text > '9')
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        whole = whole * 10 + (uint32_t)(*text - '0');
        if (whole > 1000000)
            return false;
    }
    if (*text == '.')
        for (text++; *text >= '0' && *text <= '9'; text++, scale /= 10)
            part += (uint32_t)(*text - '0') * scale;
    *ms = whole * 1000 + part;
    return !*text || (*text == 's' && !text[1]);
}

static bool set_interval(struct parser *p, const char *value)
{
    if (!parse_seconds(value, &p->args->interval_ms) || p->args->interval_ms < 10 ||
        p->args->interval_ms > 3600000)
        return wrong(p, "--interval %.*s: seconds from 0.01 to 3600, as in 0.5", TEXT_MAX, value);
    return true;
}

static bool set_for(struct parser *p, const char *value)
{
    if (!parse_seconds(value, &p->args->for_ms) || !p->args->for_ms)
        return wrong(p, "--for %.*s: seconds up to 1000000, as in 30", TEXT_MAX, value);
    return true;
}

static bool parse_u32(const char *text, uint32_t max, uint32_t *value)
{
    uint64_t n = 0;

    if (!*text)
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        n = n * 10 + (uint64_t)(*text - '0');
        if (n > max)
            return false;
    }
    *value = (uint32_t)n;
    return !*text;
}

static bool set_count(struct parser *p, const char *value)
{
    if (!parse_u32(value, 1000000000, &p->args->count) || !p->args->count)
        return wrong(p, "--count %.*s: a number of lines from 1", TEXT_MAX, value);
    return true;
}

static bool set_order(struct parser *p, const char *value)
{
    return parse_order(p, value, value, &p->order);
}

#define SETTER(option) \
    static bool set_##option(struct parser *p, const char *value) \
    { \
        p->args->option = value; \
        return true; \
    }
#define FLAG(option) \
    static bool set_##option(struct parser *p, const char *value) \
    { \
        (void)p, (void)value; \
        p->args->option = true; \
        return true; \
    }
SETTER(record)
SETTER(from)
SETTER(title)
FLAG(help)
FLAG(version)
FLAG(json)
FLAG(pages)
FLAG(replace)
FLAG(strict)
FLAG(scrub)

#define SHOW (ON(CMD_NODES) | ON(CMD_CLAIMS) | ON(CMD_REFUSALS) | ON(CMD_WATCH))
static const struct option {
    const char *name;
    bool value;
    uint32_t commands; /* that have it */
    bool (*set)(struct parser *p, const char *value);
} options[] = {
    {"--help", false, ALL, set_help},
    {"-h", false, ALL, set_help},
    {"--version", false, ON(CMD_NONE), set_version},
    {"--json", false, SHOW | ON(CMD_CLAIM) | ON(CMD_RELEASE) | ON(CMD_LEGACY) | ON(CMD_TIMELINE), set_json},
    {"--pages", false, SHOW | ON(CMD_CLAIM) | ON(CMD_RELEASE), set_pages},
    {"--replace", false, ON(CMD_CLAIM), set_replace},
    {"--strict", false, ON(CMD_CLAIM), set_strict},
    {"--scrub", false, ON(CMD_CLAIM), set_scrub},
    {"--order", true, ON(CMD_CLAIM), set_order},
    {"--interval", true, ON(CMD_WATCH) | ON(CMD_TIMELINE), set_interval},
    {"--for", true, ON(CMD_WATCH) | ON(CMD_TIMELINE), set_for},
    {"--count", true, ON(CMD_WATCH), set_count},
    {"--record", true, ON(CMD_WATCH), set_record},
    {"--from", true, ON(CMD_TIMELINE), set_from},
    {"--title", true, ON(CMD_TIMELINE), set_title},
};

static const char *const names[NR_COMMANDS] = {
    [CMD_NONE] = "",       [CMD_NODES] = "nodes",       [CMD_CLAIMS] = "claims",
    [CMD_CLAIM] = "claim", [CMD_RELEASE] = "release",   [CMD_REFUSALS] = "refusals",
    [CMD_WATCH] = "watch", [CMD_TIMELINE] = "timeline", [CMD_LEGACY] = "legacy",
};

static const char *const modes[] = {
    [HS_LEGACY_HOST] = "off", [HS_LEGACY_AFFINITY] = "affinity", [HS_LEGACY_AFFINITY_ONLY] = "affinity-only"};
#define NR_MODES (sizeof(modes) / sizeof(modes[0]))

const char *legacy_name(uint32_t mode)
{
    return mode < NR_MODES ? modes[mode] : NULL;
}

const char *command_name(enum command command)
{
    return names[command];
}

static enum command find_command(const char *word)
{
    for (enum command c = CMD_NONE + 1; c < NR_COMMANDS; c++)
        if (!strcmp(word, names[c]))
            return c;
    return CMD_NONE;
}

bool domid_parse(const char *text, uint16_t *domid)
{
    uint32_t n;

    if (!parse_u32(text, DOMAINS_MAX - 1, &n))
        return false;
    *domid = (uint16_t)n;
    return true;
}

/* --- node=N:SIZE[:ORDER], host:SIZE --- */
static bool parse_size(struct parser *p, const char *word, const char *text, uint64_t *pages)
{
    enum size_error error = size_parse(text, pages);

    return error ? wrong(p, "%.*s: %s", TEXT_MAX, word, size_error_text(error)) : true;
}

/* The selector, of length bytes. */
static bool parse_selector(struct parser *p, const char *text, size_t length, uint32_t *node)
{
    char digits[12];

    if (length == 4 && !strncmp(text, "host", 4)) {
        *node = HS_ANY_NODE;
        return true;
    }
    if (length <= 5 || strncmp(text, "node=", 5))
        return wrong(p, "%.*s: a claim is node=N:SIZE or host:SIZE, as in node=0:2G", TEXT_MAX, text);
    snprintf(digits, sizeof(digits), "%.*s", (int)(length - 5 < 11 ? length - 5 : 11), text + 5);
    if (!parse_u32(digits, HS_ANY_NODE - 1, node))
        return wrong(p, "%.*s: node= is followed by the number of a node", TEXT_MAX, text);
    return true;
}

static bool parse_entry(struct parser *p, const char *text)
{
    struct args *a = p->args;
    const char *colon = strchr(text, ':');
    char size[64];
    struct entry e = {0};

    if (!parse_selector(p, text, colon ? (size_t)(colon - text) : strlen(text), &e.node))
        return false;
    if (!colon)
        return wrong(p, "%.*s: a claim is node=N:SIZE or host:SIZE, as in node=0:2G", TEXT_MAX, text);
    const char *second = strchr(colon + 1, ':');
    size_t length = second ? (size_t)(second - colon - 1) : strlen(colon + 1);
    if (length >= sizeof(size))
        return wrong(p, "%.*s: the size is too long", TEXT_MAX, text);
    memcpy(size, colon + 1, length);
    size[length] = '\0';
    if (!parse_size(p, text, size, &e.pages) || (second && !parse_order(p, text, second + 1, &e.order)))
        return false;
    if (second && e.node == HS_ANY_NODE)
        return wrong(p, "%.*s: a claim on the host has no extents", TEXT_MAX, text);
    for (uint32_t i = 0; i < a->nr_entries; i++)
        if (a->entry[i].node == e.node)
            return e.node == HS_ANY_NODE ? wrong(p, "host is given twice")
                                         : wrong(p, "node %u is given twice", e.node);
    if (a->nr_entries == ENTRIES_MAX)
        return wrong(p, "more than %u claims in a set", ENTRIES_MAX);
    p->own[a->nr_entries] = second;
    a->entry[a->nr_entries++] = e;
    return true;
}

/* --order for the entries without an order of their own; sizes must be whole extents. */
static bool finish_entries(struct parser *p)
{
    for (uint32_t i = 0; i < p->args->nr_entries; i++) {
        struct entry *e = &p->args->entry[i];
        char text[SIZE_TEXT];

        if (!p->own[i] && e->node != HS_ANY_NODE)
            e->order = p->order;
        if (e->pages & ((1ULL << e->order) - 1))
            return wrong(p, "node %u: %s is not a whole number of extents of %s", e->node,
                         size_text(e->pages, text), e->order == 9 ? "2 MiB" : "1 GiB");
    }
    return true;
}

static bool take_mode(struct parser *p, const char *word)
{
    for (uint32_t i = 0; i < NR_MODES; i++)
        if (!strcmp(word, modes[i])) {
            p->args->mode = i;
            p->args->has_mode = true;
            return true;
        }
    return wrong(p, "legacy: '%.*s' is neither off nor affinity nor affinity-only", TEXT_MAX, word);
}

static bool take_word(struct parser *p, const char *word)
{
    struct args *a = p->args;

    switch (a->command) {
    case CMD_NONE:
        a->command = find_command(word);
        return a->command ? true : wrong(p, "there is no command '%.*s'", TEXT_MAX, word);
    case CMD_CLAIM:
        if (a->domain)
            return parse_entry(p, word);
        a->domain = word;
        return true;
    case CMD_CLAIMS:
    case CMD_RELEASE:
        if (a->domain)
            return wrong(p, "%s takes one domain, not '%.*s' too", names[a->command], TEXT_MAX, word);
        a->domain = word;
        return true;
    case CMD_LEGACY:
        if (a->has_mode)
            return wrong(p, "legacy takes one mode, not '%.*s' too", TEXT_MAX, word);
        if (a->domain)
            return take_mode(p, word);
        a->domain = word;
        return true;
    case CMD_TIMELINE:
        if (a->file)
            return wrong(p, "timeline writes one file, not '%.*s' too", TEXT_MAX, word);
        a->file = word;
        return true;
    default:
        return wrong(p, "%s takes no argument: '%.*s'", names[a->command], TEXT_MAX, word);
    }
}

/* --name, --name VALUE or --name=VALUE; next: the argument after it, or NULL. */
static bool take_option(struct parser *p, const char *word, const char *next, bool *took_next)
{
    size_t length = strcspn(word, "=");
    const char *value = word[length] ? word + length + 1 : NULL;

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const struct option *o = &options[i];
        if (strlen(o->name) != length || strncmp(o->name, word, length))
            continue;
        if (!(o->commands & ON(p->args->command)))
            return p->args->command ? wrong(p, "%s has no option %s", names[p->args->command], o->name)
                                    : wrong(p, "%s comes after a command", o->name);
        if (value && !o->value)
            return wrong(p, "%s takes no value", o->name);
        if (o->value && !value) {
            if (!next)
                return wrong(p, "%s needs a value", o->name);
            *took_next = true;
        }
        return o->set(p, value ? value : next);
    }
    return wrong(p, "there is no option %.*s", TEXT_MAX, word);
}

static bool complete(struct parser *p)
{
    const struct args *a = p->args;

    if (a->help || a->version)
        return true;
    if (!a->command)
        return wrong(p, "a command is missing");
    if ((a->command == CMD_CLAIM || a->command == CMD_RELEASE || a->command == CMD_LEGACY) && !a->domain)
        return wrong(p, "%s needs a domain, by name or number", names[a->command]);
    if (a->command == CMD_CLAIM && !a->nr_entries)
        return wrong(p, "claim needs what to claim: node=N:SIZE or host:SIZE");
    if (a->command == CMD_TIMELINE && !a->file)
        return wrong(p, "timeline needs the file to write, or - for standard output");
    if (a->command == CMD_TIMELINE && !a->from == !a->for_ms)
        return wrong(p,
                     "timeline needs either --from FILE, a recording, or --for SECONDS, to look at the host");
    return finish_entries(p);
}

bool args_parse(int argc, char *const argv[], struct args *args, char error[ARGS_ERROR])
{
    struct parser p = {.args = args, .error = error};
    bool options_end = false;

    *args = (struct args){.interval_ms = 200};
    for (int i = 1; i < argc; i++) {
        bool took_next = false, good;

        if (!options_end && !strcmp(argv[i], "--")) {
            options_end = true;
            continue;
        }
        if (!options_end && argv[i][0] == '-' && argv[i][1])
            good = take_option(&p, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &took_next);
        else
            good = take_word(&p, argv[i]);
        if (!good)
            return false;
        i += took_next;
    }
    return complete(&p);
}
