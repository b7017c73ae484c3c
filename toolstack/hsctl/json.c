#include "json.h"

#include <inttypes.h>

static void put_string(FILE *to, const char *text)
{
    putc('"', to);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(to, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(to, "\\u%04x", c);
        else
            putc(c, to);
    }
    putc('"', to);
}

static void begin(struct json *j, const char *name)
{
    if (j->comma)
        fputs(", ", j->to);
    j->comma = true;
    if (!name)
        return;
    put_string(j->to, name);
    fputs(": ", j->to);
}

void json_open(struct json *j, const char *name, char bracket)
{
    begin(j, name);
    putc(bracket, j->to);
    j->comma = false;
}

void json_close(struct json *j, char bracket)
{
    putc(bracket, j->to);
    j->comma = true;
}

void json_number(struct json *j, const char *name, uint64_t value)
{
    begin(j, name);
    fprintf(j->to, "%" PRIu64, value);
}

void json_bool(struct json *j, const char *name, bool value)
{
    begin(j, name);
    fputs(value ? "true" : "false", j->to);
}

void json_string(struct json *j, const char *name, const char *value)
{
    begin(j, name);
    if (value)
        put_string(j->to, value);
    else
        fputs("null", j->to);
}
