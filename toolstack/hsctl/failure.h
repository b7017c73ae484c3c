/* Errors in words and as JSON; and why there was not enough memory for a claim, from what the host looks like right after. */
#ifndef HSCTL_FAILURE_H
#define HSCTL_FAILURE_H

#include "args.h"
#include "show.h"

/* After ENOMEM: what was asked, what there is, who holds it, for each node that is short, or for the host. Prints lines that
 * begin with "hsctl: ", or one JSON object. */
void failure_shortage(const struct show *show, const struct state *s, uint32_t domid,
                      const struct args *args);

/* "hsctl: WHAT: TEXT", or one JSON object without what. error: the errno. */
void failure_print(const struct show *show, const char *what, int error, const char *text);

/* "ENOMEM"; "errno 4711" for a number that is none. Valid until the next call. */
const char *error_name(int error);

#endif
