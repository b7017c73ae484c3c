/* See xlevents.h. The words are those of xl.cfg; those that need what there is not have the nearest meaning. */
#include <guest/dom0/xlevents.h>
#include <homestead/errno.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/sched.h>

static const struct {
    const char *word;
    enum xlcfg_action action;
    const char *note; /* NULL: it does what it says */
} actions[] = {
    {"destroy", ACTION_DESTROY, NULL},
    {"restart", ACTION_RESTART, NULL},
    {"preserve", ACTION_PRESERVE, NULL},
    {"rename-restart", ACTION_RESTART, "as \"restart\": the old domain is not kept"},
    {"coredump-destroy", ACTION_DESTROY, "as \"destroy\": there are no core dumps"},
    {"coredump-restart", ACTION_RESTART, "as \"restart\": there are no core dumps"},
    {"soft-reset", ACTION_RESTART, "as \"restart\": there is no soft reset"},
};

static const struct {
    const char *key;
    u32 code; /* SHUTDOWN_ */
    enum xlcfg_action otherwise;
} keys[] = {
    {"on_poweroff", SHUTDOWN_poweroff, ACTION_DESTROY},
    {"on_reboot", SHUTDOWN_reboot, ACTION_RESTART},
    {"on_crash", SHUTDOWN_crash, ACTION_DESTROY},
    {"on_watchdog", SHUTDOWN_watchdog, ACTION_DESTROY},
    {"on_soft_reset", SHUTDOWN_soft_reset, ACTION_RESTART},
};

/* The position in actions[], or their number. */
static u32 action_of(const struct xl_value *v)
{
    char word[24];
    u32 i = 0;

    if (xl_string(v, word, sizeof(word)) < 0)
        return ARRAY_SIZE(actions);
    while (i < ARRAY_SIZE(actions) && strcmp(word, actions[i].word) != 0)
        i++;
    return i;
}

int xlevents_parse(struct xlcfg *out, struct xl_message *error)
{
    for (u32 i = 0; i < ARRAY_SIZE(keys); i++) {
        /* The end that is expected is the end. */
        bool expected = keys[i].code == SHUTDOWN_reboot && out->expect == EXPECT_REBOOT;
        u8 *action = &out->on_shutdown[keys[i].code];
        struct xl_value v;

        *action = expected ? ACTION_DESTROY : keys[i].otherwise;
        if (!xl_find(out->file, keys[i].key, strlen(keys[i].key), &v))
            continue;
        u32 found = action_of(&v);
        if (found == ARRAY_SIZE(actions)) {
            error->line = v.line;
            snprintf(error->text, sizeof(error->text),
                     "%s: not one of \"destroy\" \"restart\" \"preserve\", nor another action of xl.cfg",
                     keys[i].key);
            return -EINVAL;
        }
        *action = actions[found].action;
    }
    return 0;
}

bool xlevents_note(const struct xl_value *v, struct xl_message *note)
{
    for (u32 i = 0; i < ARRAY_SIZE(keys); i++) {
        if (strlen(keys[i].key) != v->name_len || memcmp(keys[i].key, v->name, v->name_len) != 0)
            continue;
        u32 found = action_of(v);
        if (found == ARRAY_SIZE(actions) || !actions[found].note)
            return false;
        note->line = v->line;
        snprintf(note->text, sizeof(note->text), "%s: \"%s\" is done %s", keys[i].key, actions[found].word,
                 actions[found].note);
        return true;
    }
    return false;
}
