/* What becomes of a guest that ends: on_poweroff and the like. Part of xlcfg.c; for its own files only. */
#ifndef GUEST_DOM0_XLEVENTS_H
#define GUEST_DOM0_XLEVENTS_H

#include <guest/dom0/xlcfg.h>

/* Reads the keys, after `expect`. Returns 0, or -EINVAL with *error set. */
int xlevents_parse(struct xlcfg *out, struct xl_message *error);
/* Writes what else than its word an action does here. False: it is not the value of such a key, or does what it says. */
bool xlevents_note(const struct xl_value *v, struct xl_message *note);

#endif
