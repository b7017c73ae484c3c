/*
 * spec-ctrl=: a list, as Xen has it. NAME, no-NAME or NAME=BOOLEAN for each measure that Homestead has; `no` and `no-xen`
 * for all. Where Xen takes a kind of guest instead of a boolean (rsb=no-hvm), `hvm` is every guest here and `pv` none.
 */
#include <boot/option.h>

#include <homestead/errno.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>

#define PART_MAX 32u

/* In the order in which they are shown. The second name is Xen's old one. */
static const struct {
    const char *name;
    enum spec_ctrl_knob knob;
} knobs[] = {
    {"ibpb", KNOB_IBPB},           {"ibpb-entry", KNOB_IBPB_ENTRY},
    {"ibrs", KNOB_IBRS},           {"rsb", KNOB_RSB},
    {"verw", KNOB_VERW},           {"l1d-flush", KNOB_L1D_FLUSH},
    {"div-scrub", KNOB_DIV_SCRUB}, {"bhi-dis-s", KNOB_BHI_DIS_S},
    {"ssbd", KNOB_SSBD},           {"bp-spec-reduce", KNOB_BP_SPEC_REDUCE},
    {"stibp", KNOB_STIBP},         {"unpriv-mmio", KNOB_UNPRIV_MMIO},
    {"md-clear", KNOB_VERW},
};

/* Those that Xen has per kind of guest; hvm= sets all of them. */
static bool is_per_kind(enum spec_ctrl_knob knob)
{
    return knob == KNOB_RSB || knob == KNOB_VERW || knob == KNOB_IBPB_ENTRY;
}

static int find_knob(const char *name, enum spec_ctrl_knob *knob)
{
    for (u32 i = 0; i < ARRAY_SIZE(knobs); i++)
        if (!strcmp(name, knobs[i].name)) {
            *knob = knobs[i].knob;
            return 0;
        }
    return -EINVAL;
}

/* Splits "no-NAME", "NAME=BOOLEAN" and "NAME" in place. -EINVAL: both no- and a value, or no boolean. */
static int split(char *part, char **name, bool *on)
{
    char *value = strchr(part, '=');

    *name = part;
    *on = true;
    if (value) {
        *value++ = '\0';
        return option_read_switch(*value ? value : "?", on);
    }
    if (!strncmp(part, "no-", 3)) {
        *name = part + 3;
        *on = false;
    }
    return 0;
}

static void set_all(struct spec_ctrl_choice *choice, u8 setting, bool (*chosen)(enum spec_ctrl_knob knob))
{
    for (u32 knob = 0; knob < KNOB_NR; knob++)
        if (!chosen || chosen(knob))
            choice->knob[knob] = setting;
}

/* KNOB=hvm, KNOB=no-pv, KNOB=hvm=no. 1: pv, no effect; -ENOENT: it is none of these. */
static int set_for_kind(char *part, struct spec_ctrl_choice *choice)
{
    char *kind = strchr(part, '='), *name;
    enum spec_ctrl_knob knob;
    bool on;

    if (!kind)
        return -ENOENT;
    *kind++ = '\0';
    if (find_knob(part, &knob) || !is_per_kind(knob) || split(kind, &name, &on))
        return -ENOENT;
    if (!strcmp(name, "pv"))
        return 1;
    if (strcmp(name, "hvm"))
        return -ENOENT;
    choice->knob[knob] = on ? SPEC_YES : SPEC_NO;
    return 0;
}

/* no, no-xen and their other spellings. Being on is no setting: as on Xen. -ENOENT: it is none of these. */
static int set_overall(const char *text, struct spec_ctrl_choice *choice)
{
    char part[PART_MAX], *name;
    bool on;

    str_copy(part, text, sizeof(part));
    if (option_read_switch(text, &on) && (split(part, &name, &on) || strcmp(name, "xen")))
        return -ENOENT;
    if (on)
        return -EINVAL;
    set_all(choice, SPEC_NO, NULL);
    choice->off = true;
    return 0;
}

/* One element of the list. */
static int set_part(const char *text, struct spec_ctrl_choice *choice)
{
    char part[PART_MAX], *name;
    enum spec_ctrl_knob knob;
    bool on;
    int rc;

    str_copy(part, text, sizeof(part));
    rc = set_for_kind(part, choice);
    if (rc != -ENOENT)
        return rc;
    if (!strcmp(text, "bti-thunk=jmp"))
        return 0; /* there are no other indirect branches */
    rc = set_overall(text, choice);
    if (rc != -ENOENT)
        return rc;
    str_copy(part, text, sizeof(part));
    if (split(part, &name, &on))
        return -EINVAL;
    if (!strcmp(name, "pv"))
        return 1;
    if (!strcmp(name, "eager-fpu"))
        return on ? 0 : -EINVAL; /* it is never done lazily */
    if (!strcmp(name, "hvm")) {
        set_all(choice, on ? SPEC_YES : SPEC_NO, is_per_kind);
        return 0;
    }
    if (find_knob(name, &knob))
        return -EINVAL;
    choice->knob[knob] = on ? SPEC_YES : SPEC_NO;
    return 0;
}

/* What can be used of the list holds. */
int option_set_spec_ctrl(const struct option *option, const char *value, void *field)
{
    int worst = 0;

    (void)option;
    do {
        char part[PART_MAX];
        int rc = option_next_part(&value, part, sizeof(part));
        if (!rc)
            rc = set_part(part, field);
        if (rc && worst >= 0)
            worst = rc;
    } while (value);
    return worst;
}

void option_show_spec_ctrl(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    const struct spec_ctrl_choice *choice = field;
    int at = snprintf(buf, OPTION_SHOWN, "spec-ctrl=%s", choice->off ? "no" : "");
    bool any = choice->off;

    (void)option;
    for (u32 i = 0; i < ARRAY_SIZE(knobs) - 1 && at < (int)OPTION_SHOWN; i++) {
        u8 setting = choice->knob[knobs[i].knob];
        if (setting == (choice->off ? SPEC_NO : SPEC_AUTO))
            continue;
        at += snprintf(buf + at, OPTION_SHOWN - (size_t)at, "%s%s%s", any ? "," : "",
                       setting == SPEC_NO ? "no-" : "", knobs[i].name);
        any = true;
    }
    if (!any)
        snprintf(buf, OPTION_SHOWN, "what the CPU needs is done");
    else if (at < (int)OPTION_SHOWN)
        snprintf(buf + at, OPTION_SHOWN - (size_t)at, " holds");
}
