/* The CPU lists of a configuration, see cpus.h. */
#include <guest/dom0/cpus.h>
#include <homestead/errno.h>
#include <lib/string.h>

#define NUMBER_MAX 65535u

struct text {
    const char *at, *end;
};

static void skip_blanks(struct text *t)
{
    while (t->at < t->end && *t->at == ' ')
        t->at++;
}

static bool take(struct text *t, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(t->end - t->at) < len || memcmp(t->at, word, len) != 0)
        return false;
    t->at += len;
    return true;
}

static bool number(struct text *t, u32 *out)
{
    const char *start = t->at;
    u32 value = 0;

    for (; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++) {
        value = value * 10 + (u32)(*t->at - '0');
        if (value > NUMBER_MAX)
            return false;
    }
    *out = value;
    return t->at > start;
}

static void mark(u8 *map, const u32 *node_of, u32 nr_cpus, u32 first, u32 last, bool nodes, bool out)
{
    for (u32 cpu = 0; cpu < nr_cpus && cpu < MAX_CPUS; cpu++) {
        u32 n = nodes ? node_of[cpu] : cpu;
        u8 bit = (u8)(1u << cpu % 8);

        if (n < first || n > last)
            continue;
        map[cpu / 8] = (u8)(out ? map[cpu / 8] & ~bit : map[cpu / 8] | bit);
    }
}

/* A number, or two of them with - between. */
static bool range(struct text *t, u32 *first, u32 *last)
{
    if (!number(t, first))
        return false;
    *last = *first;
    return !take(t, "-") || (number(t, last) && *last >= *first);
}

static int one_part(struct text *t, const u32 *node_of, u32 nr_cpus, u8 *map)
{
    u32 first = 0, last = NUMBER_MAX;

    skip_blanks(t);
    bool out = take(t, "^");
    bool nodes = take(t, "nodes:") || take(t, "node:");
    if (!take(t, "all") && !range(t, &first, &last))
        return -EINVAL;
    skip_blanks(t);
    mark(map, node_of, nr_cpus, first, last, nodes, out);
    return 0;
}

int cpus_parse(const char *text, const u32 *node_of, u32 nr_cpus, u8 map[MAX_CPUS / 8])
{
    struct text t = {.at = text, .end = text + strlen(text)};
    bool any = false;

    memset(map, 0, MAX_CPUS / 8);
    do {
        int rc = one_part(&t, node_of, nr_cpus, map);
        if (rc)
            return rc;
    } while (take(&t, ","));
    if (t.at != t.end)
        return -EINVAL;
    for (u32 i = 0; i < MAX_CPUS / 8; i++)
        any = any || map[i];
    return any ? 0 : -ENOENT;
}

int cpus_parse_numbers(const char *text, u32 limit, u8 *map)
{
    struct text t = {.at = text, .end = text + strlen(text)};
    u32 first, last;

    memset(map, 0, limit / 8);
    do {
        skip_blanks(&t);
        if (!range(&t, &first, &last))
            return -EINVAL;
        if (last >= limit)
            return -ERANGE;
        for (u32 i = first; i <= last; i++)
            map[i / 8] |= (u8)(1u << i % 8);
        skip_blanks(&t);
    } while (take(&t, ","));
    return t.at == t.end ? 0 : -EINVAL;
}
