/* See open_line.h. */
#include <lib/open_line.h>
#include <lib/string.h>

#define ESCAPE 0x1b

/* Is the byte one that is seen? What an escape sequence asks of a terminal is not to be asked twice. */
static bool is_text(struct open_line *line, char byte)
{
    if (line->in_escape) {
        line->in_escape = byte == '[' || byte < '@';
        return false;
    }
    line->in_escape = byte == ESCAPE;
    return (u8)byte >= ' ';
}

static void add(struct open_line *line, char byte)
{
    if (line->used == OPEN_LINE_BYTES) {
        line->used = OPEN_LINE_BYTES / 2;
        memmove(line->text, line->text + OPEN_LINE_BYTES / 2, line->used);
    }
    line->text[line->used++] = byte;
}

void open_line_feed(struct open_line *line, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (is_text(line, text[i]))
            add(line, text[i]);
        else if (text[i] == '\n' || text[i] == '\r')
            line->used = 0;
        else if (text[i] == '\b' && line->used)
            line->used--;
    }
}
