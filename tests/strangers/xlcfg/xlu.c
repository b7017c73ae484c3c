/* Reads texts by libxlutil, see xlu.h. */
#include <libxlutil.h>
#include <setjmp.h>
#include <stdlib.h>

#include "xlu.h"

static XLU_Config *config;
static FILE *report;
static char *report_text;
static size_t report_len;
static jmp_buf aborted;

/* glibc's, which libxlutil calls: the comparison goes on with the next text. */
void __assert_fail(const char *what, const char *file, unsigned int line, const char *function)
{
    (void)what, (void)file, (void)line, (void)function;
    longjmp(aborted, 1);
}

enum xlu_result xlu_open(const char *text, int len)
{
    report = open_memstream(&report_text, &report_len);
    if (!report)
        abort();
    config = xlu_cfg_init(report, "text");
    if (setjmp(aborted)) {
        config = NULL; /* in an unknown state, so it is not freed */
        return XLU_ABORTED;
    }
    return xlu_cfg_readdata(config, text, len) ? XLU_REFUSED : XLU_READ;
}

const char *xlu_report(void)
{
    fflush(report);
    for (char *c = report_text; *c; c++)
        if (*c == '\n')
            *c = c[1] ? ';' : 0;
    return report_text;
}

void xlu_close(void)
{
    if (config)
        xlu_cfg_destroy(config);
    fclose(report);
    free(report_text);
}

int xlu_string(const char *key, const char **out)
{
    return -xlu_cfg_get_string(config, key, out, 1);
}

int xlu_number(const char *key, long *out)
{
    return -xlu_cfg_get_long(config, key, out, 1);
}

int xlu_list(const char *key, int *nr_items)
{
    XLU_ConfigList *list;

    return -xlu_cfg_get_list(config, key, &list, nr_items, 1);
}

const char *xlu_item(const char *key, int index)
{
    XLU_ConfigList *list;

    return xlu_cfg_get_list(config, key, &list, NULL, 1) ? NULL : xlu_cfg_get_listitem(list, index);
}

static XLU_ConfigList *inner_list(const char *key, int index)
{
    XLU_ConfigList *list, *inner;
    XLU_ConfigValue *item;

    if (xlu_cfg_get_list(config, key, &list, NULL, 1))
        return NULL;
    item = xlu_cfg_get_listitem2(list, index);
    return item && !xlu_cfg_value_get_list(config, item, &inner, 1) ? inner : NULL;
}

int xlu_inner_list(const char *key, int index)
{
    XLU_ConfigList *list = inner_list(key, index);
    int nr = 0;

    while (list && xlu_cfg_get_listitem2(list, nr))
        nr++;
    return list ? nr : -1;
}

const char *xlu_inner_item(const char *key, int index, int inner)
{
    return xlu_cfg_get_listitem(inner_list(key, index), inner);
}

void write_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void write_list(FILE *out, XLU_ConfigList *list)
{
    XLU_ConfigValue *item;

    fputc('[', out);
    for (int i = 0; (item = xlu_cfg_get_listitem2(list, i)); i++) {
        char *text;
        XLU_ConfigList *inner;
        if (!xlu_cfg_value_get_string(config, item, &text, 1))
            write_string(out, text);
        else if (!xlu_cfg_value_get_list(config, item, &inner, 1))
            write_list(out, inner);
        fputc(',', out);
    }
    fputc(']', out);
}

void xlu_write(FILE *out, const char *key)
{
    const char *text;
    XLU_ConfigList *list;

    if (!xlu_cfg_get_string(config, key, &text, 1))
        write_string(out, text);
    else if (!xlu_cfg_get_list(config, key, &list, NULL, 1))
        write_list(out, list);
}
