#include "fake_xenstore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

const char *fake_names[FAKE_NAMES];
bool fake_xenstored = true;

struct xs_handle {
    u32 dummy;
};

struct xs_handle *xs_open(unsigned long flags)
{
    /* Without the flag the real one waits for ever for a xenstored that is not there. */
    if (flags != XS_OPEN_SOCKETONLY)
        abort();
    return fake_xenstored ? calloc(1, sizeof(struct xs_handle)) : NULL;
}

void xs_close(struct xs_handle *xsh)
{
    free(xsh);
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
    unsigned int domid;
    int end = 0;

    if (!h || t != XBT_NULL || sscanf(path, "/local/domain/%u/name%n", &domid, &end) != 1 || path[end] ||
        !end)
        abort();
    if (domid >= FAKE_NAMES || !fake_names[domid])
        return NULL;
    if (len)
        *len = (unsigned int)strlen(fake_names[domid]);
    return strdup(fake_names[domid]);
}
