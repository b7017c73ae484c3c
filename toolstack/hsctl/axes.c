/* The axes of the picture, with ticks at round values. */
#include "picture.h"
#include "size.h"

#include <inttypes.h>
#include <time.h>

#define GIB 262144.0 /* pages */

/* --- axes --- */
/* The smallest of 1, 2, 5 times a power of ten that makes at most so many steps. */
static double nice_step(double range, uint32_t steps)
{
    double step = 1;

    while (step * steps >= range)
        step /= 10;
    while (step * steps * 10 < range)
        step *= 10;
    for (uint32_t i = 0; step * steps < range; i++)
        step *= i % 3 == 1 ? 2.5 : 2;
    return step;
}

void picture_y_axis(struct picture *p)
{
    /* In the unit of size_text(), in which halves are round as well. */
    double unit = p->pages >= GIB ? GIB : 256, range = p->pages / unit,
           step = nice_step(range, p->height > 90 ? 5 : 3);
    char text[32];

    for (double v = 0; v <= range * 1.0001; v += step) {
        double y = picture_y(p, v * unit);
        fprintf(p->to, "<path d=\"M%d %.1fH%d\" class=\"grid\"/>\n", LEFT, y, WIDTH - RIGHT);
        snprintf(text, sizeof(text), "%g", v);
        picture_text(p, LEFT - 8, y + 4, "tick", "end", text);
    }
    fprintf(p->to,
            "<text transform=\"translate(%d %.1f) rotate(-90)\" class=\"tick\" "
            "text-anchor=\"middle\">%s</text>\n",
            LEFT - 44, p->top + p->height / 2, unit == GIB ? "GiB" : "MiB");
}

static double time_step(double seconds)
{
    static const double steps[] = {15,   30,   60,   120,   300,   600,   900,
                                   1800, 3600, 7200, 14400, 21600, 43200, 86400};

    if (seconds <= 100)
        return nice_step(seconds, 10);
    for (uint32_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (seconds / steps[i] <= 10)
            return steps[i];
    return nice_step(seconds / 86400, 10) * 86400;
}

/* "12" or "0.5" seconds up to 100 s, else "1:30" minutes, else hours. unit: in seconds. */
static void time_text(double seconds, double unit, char text[32])
{
    uint64_t small = (uint64_t)(seconds * 60 / unit + 0.5); /* sixtieths */

    if (unit == 1)
        snprintf(text, 32, "%g", seconds);
    else
        snprintf(text, 32, "%" PRIu64 ":%02" PRIu64, small / 60, small % 60);
}

void picture_x_axis(struct picture *p)
{
    double seconds = p->length_ms > 0 ? (double)p->length_ms / 1000 : 1, step = time_step(seconds);
    double unit = seconds <= 100 ? 1 : seconds <= 7200 ? 60 : 3600;
    time_t start = (time_t)(p->start_ms / 1000);
    char text[64], clock[32];
    struct tm tm;

    for (double v = 0; v <= seconds * 1.0001; v += step) {
        double x = picture_x(v / seconds);
        fprintf(p->to, "<path d=\"M%.1f %.1fv5\" class=\"edge\"/>\n", x, p->y);
        time_text(v, unit, text);
        picture_text(p, x, p->y + 18, "tick", "middle", text);
    }
    localtime_r(&start, &tm);
    strftime(clock, sizeof(clock), "%Y-%m-%d %H:%M:%S", &tm);
    snprintf(text, sizeof(text), "%s since %s",
             unit == 1    ? "seconds"
             : unit == 60 ? "minutes"
                          : "hours",
             clock);
    picture_text(p, picture_x(0.5), p->y + 36, "soft", "middle", text);
    p->y += 50;
}
