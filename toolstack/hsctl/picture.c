#include "picture.h"

#include <string.h>

/* Neighbours in the order differ in hue and in lightness. */
static const struct colour {
    const char *light, *dark;
} colours[NR_COLOURS + 2] = {
    {"#2f6fd0", "#5a92ec"}, {"#e5862a", "#eb9a4b"}, {"#25885a", "#3fb57e"}, {"#d0559b", "#e67fb7"},
    {"#14a0b4", "#3cc0d2"}, {"#7a55c7", "#a184e8"}, {"#b79208", "#d9b530"}, {"#8d5b41", "#bd8a6b"},
    {"#7c8794", "#78838f"}, {"#c3cad2", "#3b434c"},
};

/* --- text --- */
void picture_escape(FILE *to, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            fputs("&lt;", to);
        else if (*text == '>')
            fputs("&gt;", to);
        else if (*text == '&')
            fputs("&amp;", to);
        else
            putc(*text, to);
    }
}

uint32_t text_characters(const char *text)
{
    uint32_t n = 0;

    for (; *text; text++)
        n += (*text & 0xc0) != 0x80;
    return n;
}

/* At most max characters; the last is then an ellipsis. */
void text_shorten(char *text, uint32_t max)
{
    uint32_t n = 0;

    if (text_characters(text) <= max)
        return;
    for (; n < max - 1; n++)
        for (text++; (*text & 0xc0) == 0x80; text++)
            ;
    strcpy(text, "\u2026");
}

void picture_text(struct picture *p, double x, double y, const char *class, const char *anchor,
                  const char *text)
{
    fprintf(p->to, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\"%s%s%s>", x, y, class,
            anchor ? " text-anchor=\"" : "", anchor ? anchor : "", anchor ? "\"" : "");
    picture_escape(p->to, text);
    fputs("</text>\n", p->to);
}

/* --- styles --- */
static void put_colours(FILE *to, bool dark)
{
    for (uint32_t i = 0; i < NR_COLOURS + 2; i++) {
        const char *c = dark ? colours[i].dark : colours[i].light;
        fprintf(to, ".s%u{fill:%s}.l%u{stroke:%s}\n", i, c, i, c);
    }
}

static void put_styles(FILE *to)
{
    fputs("<style>\n"
          "text{font-family:system-ui,-apple-system,'Segoe UI','DejaVu "
          "Sans',sans-serif;font-size:12px;fill:#1f2328}\n"
          ".title{font-size:17px;font-weight:600}.panel{font-size:13px;font-weight:600}\n"
          ".soft{fill:#59636e}.tick{fill:#59636e;font-size:11px}\n"
          ".label{font-size:11px}.refused{fill:#b3121f;font-size:11px}\n"
          ".back{fill:#ffffff}.free{fill:#f1f3f5}.chip{fill:#ffffff;fill-opacity:.86}\n"
          ".grid{stroke:#59636e;stroke-opacity:.22}.edge{stroke:#59636e;fill:none}\n"
          ".gap{stroke:#ffffff;stroke-width:1;fill:none;pointer-events:none}.tint{fill-opacity:.2}.hatch{"
          "stroke-width:2.2}\n"
          ".mark{fill:#cf1b2b;stroke:none}.cross{stroke:#cf1b2b;stroke-width:2.2;fill:none}\n"
          ".fall{stroke:#cf1b2b;stroke-dasharray:3 3;stroke-width:1.2}\n",
          to);
    put_colours(to, false);
    fputs("@media (prefers-color-scheme:dark){\n"
          "text{fill:#e6edf3}.soft,.tick{fill:#9da7b1}.refused{fill:#ff8f8a}\n"
          ".back{fill:#0d1117}.free{fill:#191f27}.chip{fill:#0d1117;fill-opacity:.8}\n"
          ".grid,.edge{stroke:#9da7b1}.gap{stroke:#0d1117}.tint{fill-opacity:.24}\n"
          ".mark{fill:#ff6b6b}.cross,.fall{stroke:#ff6b6b}\n",
          to);
    put_colours(to, true);
    fputs("}\n</style>\n", to);
}

static void put_patterns(FILE *to)
{
    fputs("<defs>\n", to);
    for (uint32_t i = 0; i <= DOM0; i++)
        fprintf(to,
                "<pattern id=\"h%u\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
                "patternTransform=\"rotate(45)\">"
                "<rect width=\"6\" height=\"6\" class=\"free\"/><rect width=\"6\" height=\"6\" class=\"s%u "
                "tint\"/>"
                "<path d=\"M1.5 0V6\" class=\"hatch l%u\"/></pattern>\n",
                i, i, i);
    fputs("</defs>\n", to);
}

/* --- layers --- */
double picture_x(double x)
{
    return LEFT + x * PLOT;
}

double picture_y(const struct picture *p, double pages)
{
    return p->top + p->height * (1 - (pages < p->pages ? pages : p->pages) / p->pages);
}

/* Is the difference between two heights one to see? Smaller ones, of a few pages, would only make an edge look torn. */
static bool differs(double a, double b)
{
    return a - b >= 0.3 || b - a >= 0.3;
}

/* One piece of a layer: the columns from first to before end, in each of which it is from low to high. */
static void put_piece(struct picture *p, const double *low, const double *high, uint32_t first, uint32_t end)
{
    const struct chart *chart = &p->chart;
    double y = picture_y(p, high[first]), next;

    fprintf(p->to, "M%.1f %.1f", picture_x(chart->x[first]), y);
    for (uint32_t c = first + 1; c < end; c++) {
        next = picture_y(p, high[c]);
        if (!differs(next, y))
            continue;
        fprintf(p->to, "H%.1fV%.1f", picture_x(chart->x[c]), next);
        y = next;
    }
    y = picture_y(p, low[end - 1]);
    fprintf(p->to, "H%.1fV%.1f", picture_x(chart->x[end]), y);
    for (uint32_t c = end - 1; c > first; c--) {
        next = picture_y(p, low[c - 1]);
        if (!differs(next, y))
            continue;
        fprintf(p->to, "H%.1fV%.1f", picture_x(chart->x[c]), next);
        y = next;
    }
    fprintf(p->to, "H%.1fZ", picture_x(chart->x[first]));
}

/* attributes: of the path. Nothing is written of a layer that is nowhere thick enough to be seen. */
void picture_layer(struct picture *p, const double *low, const double *high, const char *attributes,
                   const char *title)
{
    const double least = 0.05 / p->height * p->pages;
    bool begun = false;

    for (uint32_t c = 0; c < p->chart.nr_columns; c++) {
        uint32_t end = c;
        while (end < p->chart.nr_columns && high[end] - low[end] > least)
            end++;
        if (end == c)
            continue;
        if (!begun)
            fprintf(p->to, "<path %s d=\"", attributes);
        begun = true;
        put_piece(p, low, high, c, end);
        c = end;
    }
    if (!begun)
        return;
    fputs("\"><title>", p->to);
    picture_escape(p->to, title);
    fputs("</title></path>\n", p->to);
}

void picture_head(FILE *to, double height, const char *title)
{
    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" viewBox=\"0 0 %d %.0f\" "
            "role=\"img\">\n"
            "<title>",
            WIDTH, height, WIDTH, height);
    picture_escape(to, title);
    fputs("</title>\n", to);
    put_styles(to);
    put_patterns(to);
    fputs("<rect width=\"100%\" height=\"100%\" class=\"back\"/>\n", to);
}
