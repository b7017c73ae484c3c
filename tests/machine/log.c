#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pthread.h>
#include <tests/machine/machine.h>
#include <tests/machine/report.h>

#define LOG_BYTES (64u << 10) /* more is dropped */

bool report_errors;
u32 nr_warnings;
static char text[LOG_BYTES];
static size_t used;
static _Thread_local bool failing; /* a failed assertion may print */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void printk(enum log_level level, const char *fmt, ...)
{
    va_list args;

    /* A line takes milliseconds on a serial port, in which other CPUs would wait for the lock. */
    if (locks_held() && !failing) {
        failing = true;
        assert_failed("nothing is printed while a lock is held", __FILE__, __LINE__);
    }
    pthread_mutex_lock(&mutex);
    nr_warnings += level <= LOG_WARNING;
    va_start(args, fmt);
    int len = vsnprintf(text + used, LOG_BYTES - used, fmt, args);
    va_end(args);
    if (report_errors && level == LOG_ERROR)
        fputs(text + used, stderr);
    used += len < 0 ? 0 : MIN((size_t)len, LOG_BYTES - 1 - used);
    pthread_mutex_unlock(&mutex);
}

void log_byte(char byte)
{
    pthread_mutex_lock(&mutex);
    if (used < LOG_BYTES - 1) {
        text[used++] = byte;
        text[used] = '\0';
    }
    pthread_mutex_unlock(&mutex);
}

bool said(const char *wanted)
{
    return strstr(text, wanted);
}

void forget_said(void)
{
    used = nr_warnings = 0;
    failing = false;
    text[0] = '\0';
}

const char *all_said(void)
{
    return text;
}

void report_begin(void)
{
    forget_said();
}

void report_log(void)
{
    if (used)
        fprintf(stderr, "--- it printed:\n%s---\n", text);
}
