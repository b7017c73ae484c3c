#include "host.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

static volatile sig_atomic_t asked_to_end;

static int64_t read_ms(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The wall clock when it was asked first, and a clock that nobody sets from then on. */
int64_t clock_now_ms(void)
{
    static int64_t base;
    int64_t now = read_ms(CLOCK_BOOTTIME);

    if (!base)
        base = read_ms(CLOCK_REALTIME) - now;
    return base + now;
}

bool clock_sleep_until(int64_t time_ms)
{
    while (!asked_to_end) {
        int64_t rest = time_ms - clock_now_ms();
        if (rest <= 0)
            return true;
        struct timespec t = {.tv_sec = rest / 1000, .tv_nsec = rest % 1000 * 1000000};
        nanosleep(&t, NULL);
    }
    return false;
}

static void note_signal(int signal)
{
    (void)signal;
    asked_to_end = 1;
}

void clock_catch_signals(void)
{
    struct sigaction action = {.sa_handler = note_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}
