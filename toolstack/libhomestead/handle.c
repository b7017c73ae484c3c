/*
 * Handles. The library's own is opened once and never closed, as any thread may be using it; a child of fork() must not use
 * it (xencall.h) and opens another one. own_lock guards it, and is held over fork() so that no child inherits it locked.
 */
#include "internal.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>

#include <xentoollog.h>

/* libxencall prints errors of opening; ours are for the caller, in errno. */
static void drop_message(struct xentoollog_logger *logger, xentoollog_level level, int errnoval,
                         const char *context, const char *format, va_list al)
{
    (void)logger, (void)level, (void)errnoval, (void)context, (void)format, (void)al;
}

static void drop_progress(struct xentoollog_logger *logger, const char *context, const char *doing_what,
                          int percent, unsigned long done, unsigned long total)
{
    (void)logger, (void)context, (void)doing_what, (void)percent, (void)done, (void)total;
}

static void keep_logger(struct xentoollog_logger *logger)
{
    (void)logger;
}

static xentoollog_logger silent = {
    .vmessage = drop_message, .progress = drop_progress, .destroy = keep_logger};

static pthread_mutex_t own_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static hs_handle own;

static void before_fork(void)
{
    pthread_mutex_lock(&own_lock);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&own_lock);
}

static void after_fork_in_child(void)
{
    /* Closing is all that a child may do with it. */
    if (own.xcall)
        xencall_close(own.xcall);
    own.xcall = NULL;
    pthread_mutex_unlock(&own_lock);
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static xencall_handle *open_xencall(void)
{
    errno = 0;
    xencall_handle *xcall = xencall_open(&silent, 0);

    if (!xcall && !errno)
        errno = EIO;
    return xcall;
}

hs_handle *hs_resolve(hs_handle *h)
{
    if (h)
        return h;
    pthread_once(&fork_once, watch_forks);
    pthread_mutex_lock(&own_lock);
    if (!own.xcall)
        own.xcall = open_xencall();
    bool there = own.xcall;
    pthread_mutex_unlock(&own_lock);
    return there ? &own : NULL;
}

API hs_handle *hs_open(void)
{
    hs_handle *h = malloc(sizeof(*h));

    if (!h)
        return NULL;
    h->xcall = open_xencall();
    if (h->xcall)
        return h;
    int why = errno;
    free(h);
    errno = why;
    return NULL;
}

API int hs_close(hs_handle *h)
{
    if (!h)
        return 0;
    int rc = xencall_close(h->xcall);
    free(h);
    return rc;
}
