#include <stdio.h>
#include <stdlib.h>

#include <tests/machine/report.h>

void (*on_assert_failed)(const char *what, const char *file, int line);

void assert_failed(const char *what, const char *file, int line)
{
    if (on_assert_failed)
        on_assert_failed(what, file, line);
    fprintf(stderr, "%s:%d: this must not happen: %s\n", file, line, what);
    report_log();
    abort();
}
