/* What of a configuration has no effect, see xlcfg_next_note(). */
#include <guest/dom0/xlevents.h>
#include <lib/printf.h>
#include <lib/string.h>

/* Every key that has a meaning here, for the notes on those that do not. */
static const char *const known_keys[] = {
    "name",     "kernel",      "ramdisk",     "extra",       "cmdline",        "root",
    "memory",   "maxmem",      "vcpus",       "maxvcpus",    "cpus",           "cpus_soft",
    "nodes",    "claim_mode",  "claim_order", "claim_flags", "expect",         "timeout",
    "optional", "type",        "pool",        "vnuma",       "numa_placement", "cpu_weight",
    "cap",      "on_poweroff", "on_reboot",   "on_crash",    "on_watchdog",    "on_soft_reset"};

#define HINT_MAX 24u

/* How many letters must be added, removed or changed, or neighbours swapped, to make b from a. Both have at most
 * HINT_MAX letters. */
static u32 typing_errors(const char *a, u32 a_len, const char *b, u32 b_len)
{
    u8 rows[3][HINT_MAX + 1];

    for (u32 i = 0; i <= a_len; i++) {
        u8 *row = rows[i % 3];
        const u8 *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = (u8)i;
        for (u32 j = 1; j <= b_len; j++) {
            if (i == 0) {
                row[j] = (u8)j;
                continue;
            }
            u32 best = MIN(above[j] + 1u, row[j - 1] + 1u);
            best = MIN(best, a[i - 1] == b[j - 1] ? above[j - 1] : above[j - 1] + 1u);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = MIN(best, above2[j - 2] + 1u);
            row[j] = (u8)best;
        }
    }
    return rows[a_len % 3][b_len];
}

/* The key that was probably meant, or NULL. */
static const char *likely_key(const char *name, size_t len)
{
    u32 fewest = len < 6 ? 2 : 3; /* one more than allowed */
    const char *best = NULL;

    for (u32 i = 0; i < ARRAY_SIZE(known_keys) && len <= HINT_MAX; i++) {
        const char *key = known_keys[i];
        if (key[0] != name[0])
            continue;
        u32 errors = typing_errors(name, (u32)len, key, (u32)strlen(key));
        if (errors < fewest) {
            fewest = errors;
            best = key;
        }
    }
    return best;
}

static bool has_key(const struct xlcfg *cfg, const char *key, struct xl_value *v)
{
    return xl_find(cfg->file, key, strlen(key), v);
}

/* Is there another guest type than PVH? */
static bool has_other_type(const struct xlcfg *cfg)
{
    struct xl_value v;
    char type[8];

    return has_key(cfg, "type", &v) && (xl_string(&v, type, sizeof(type)) < 0 || strcmp(type, "pvh") != 0);
}

static bool is_key(const struct xl_value *v, const char *key)
{
    return strlen(key) == v->name_len && memcmp(key, v->name, v->name_len) == 0;
}

/* Writes that a virtual node is as near to another as to itself. False: none is. */
static bool note_distance(const struct xlcfg *cfg, struct xl_message *note)
{
    for (u32 from = 0; from < cfg->nr_vnodes; from++)
        for (u32 to = 0; to < cfg->nr_vnodes; to++)
            if (from != to && cfg->vnodes[from].distance[to] <= cfg->vnodes[from].distance[from]) {
                snprintf(note->text, sizeof(note->text),
                         "a distance of %u from node %u to %u: Linux ignores all vdistances unless those to "
                         "other nodes "
                         "are more than 10",
                         cfg->vnodes[from].distance[to], from, to);
                return true;
            }
    return false;
}

/* Writes what there is to say about a key. False: nothing. */
static bool note_key(const struct xlcfg *cfg, const struct xl_value *v, struct xl_message *note)
{
    size_t size = sizeof(note->text);
    struct xl_value other;

    note->line = v->line;
    for (u32 i = 0; i < ARRAY_SIZE(known_keys); i++) {
        if (!is_key(v, known_keys[i]))
            continue;
        if (is_key(v, "type") && has_other_type(cfg))
            snprintf(note->text, size, "type ignored: every guest is started as \"pvh\"");
        else if (is_key(v, "vnuma"))
            return note_distance(cfg, note);
        else if ((is_key(v, "extra") || is_key(v, "root")) && has_key(cfg, "cmdline", &other))
            snprintf(note->text, size, "%s ignored, because there is cmdline", known_keys[i]);
        else
            return has_key(cfg, known_keys[i], &other) && xlevents_note(&other, note);
        return true;
    }
    const char *meant = likely_key(v->name, v->name_len);
    snprintf(note->text, size, "unknown key '%.*s' ignored%s%s%s", (int)MIN(v->name_len, 64u), v->name,
             meant ? ": did you mean " : "", meant ? meant : "", meant ? "?" : "");
    return true;
}

/* Writes that a line of the text is not as it looks, and forgets it. False: there is none. */
static bool note_line(u32 *line, const char *text, struct xl_message *note)
{
    if (!*line)
        return false;
    note->line = *line;
    *line = 0;
    snprintf(note->text, sizeof(note->text), "%s", text);
    return true;
}

static bool is_first(struct xl_cursor file, const struct xl_value *v)
{
    struct xl_value first;

    while (xl_next(&file, &first))
        if (first.name_len == v->name_len && memcmp(first.name, v->name, v->name_len) == 0)
            return first.name == v->name;
    return true;
}

bool xlcfg_next_note(const struct xlcfg *cfg, struct xl_cursor *at, struct xl_message *note)
{
    struct xl_value v;

    while (xl_next(at, &v))
        if (is_first(cfg->file, &v) && note_key(cfg, &v, note))
            return true;
    return note_line(&at->escape_line, "an octal escape in a string stands for nothing, as in xl 4.17",
                     note) ||
           note_line(&at->ignored_line, "the last character ignored, as in xl: it has no meaning there",
                     note);
}
