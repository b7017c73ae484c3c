/*
 * Compares the builder's reader of xl.cfg files with libxlutil: the files given, then generated and mutated ones. Both
 * must refuse a file, or both read it and give the same value for every key in it; of those that the builder knows also
 * as the builder uses them (model.c). Known differences are those of guest/README.md, counted one by one.
 *
 *   xlcfg-compare [--seed N] [--files N] [FILE...]
 */
#include "generate.h"

#include <guest/dom0/xlcfg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "xlu.h"

#define VALUE_MAX (2 * TEXT_MAX)

static struct counts {
    u64 files, read, refused, complete, octal, last_byte, nul_byte, depth, wrong;
} counts;

/* Memory that belongs to libxlutil after a failed assertion is lost. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static void report(const struct text *t, const char *what, const char *ours, const char *theirs)
{
    if (++counts.wrong > 10)
        return;
    printf("DIFFERENT: %s\n  ours:      %s\n  libxlutil: %s\n  file: ", what, ours, theirs);
    for (size_t i = 0; i < t->len && i < 2000; i++) {
        unsigned char c = (unsigned char)t->bytes[i];
        if (c == '\n')
            printf("\n    | ");
        else if (c < ' ' || c > '~')
            printf("\\x%02x", c);
        else
            putchar(c);
    }
    printf("\n");
}

static void write_ours(FILE *out, const struct xl_value *v)
{
    static char text[VALUE_MAX];
    struct xl_value item;

    if (!v->is_list) {
        (void)xl_string(v, text, sizeof(text));
        write_string(out, text);
        return;
    }
    fputc('[', out);
    for (struct xl_items items = xl_items(v); xl_next_item(&items, &item);) {
        write_ours(out, &item);
        fputc(',', out);
    }
    fputc(']', out);
}

static void compare_key(const struct text *t, struct xl_cursor file, const char *key)
{
    static char ours[VALUE_MAX], theirs[VALUE_MAX];
    struct xl_value v;
    s64 number = 0;
    long their_number = 0;

    ours[0] = theirs[0] = 0;
    bool found = xl_find(file, key, strlen(key), &v);
    FILE *out = fmemopen(ours, sizeof(ours), "w");
    if (found)
        write_ours(out, &v);
    fclose(out);
    out = fmemopen(theirs, sizeof(theirs), "w");
    xlu_write(out, key);
    fclose(out);
    if (strcmp(ours, theirs) != 0)
        report(t, key, ours, theirs);
    int rc = found ? xl_number(&v, &number) : 0, their_rc = found ? xlu_number(key, &their_number) : 0;
    if (rc != their_rc || number != their_number) {
        snprintf(ours, sizeof(ours), "%d, number %ld", rc, (long)number);
        snprintf(theirs, sizeof(theirs), "%d, number %ld", their_rc, their_number);
        report(t, key, ours, theirs);
    }
}

static bool is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

/* Compares the values of everything in the text that looks like a key, wherever it is. */
static void compare_keys(const struct text *t, struct xl_cursor file)
{
    static char done[64][32];
    u32 nr = 0;

    for (size_t i = 0, end; i < t->len; i = end + 1) {
        for (end = i; end < t->len && is_key_char(t->bytes[end]); end++)
            ;
        if (end == i || end - i >= sizeof(done[0]) || (t->bytes[i] >= '0' && t->bytes[i] <= '9') || nr == 64)
            continue;
        memcpy(done[nr], t->bytes + i, end - i);
        done[nr][end - i] = 0;
        u32 same = 0;
        while (strcmp(done[same], done[nr]) != 0)
            same++;
        if (same == nr)
            compare_key(t, file, done[nr++]);
    }
}

/* Is some byte of a list in more lists than the library's parser has room for, less its smallest item? */
static bool is_deep(const struct text *t)
{
    u32 depth = 0, most = 0;

    for (size_t i = 0; i < t->len; i++) {
        depth += t->bytes[i] == '[';
        depth -= t->bytes[i] == ']' && depth;
        most = most > depth ? most : depth;
    }
    return most > 1900;
}

static void compare_read(const struct text *t, struct xl_cursor file, const struct xl_cursor *end)
{
    static struct xlcfg cfg;
    struct xl_message error;

    counts.read++;
    counts.octal += end->escape_line != 0;
    counts.last_byte += end->ignored_line != 0;
    compare_keys(t, file);
    int rc = xlcfg_parse(t->bytes, t->len, &cfg, &error);
    counts.complete += rc == 0;
    const char *what = model_differs(rc, &cfg);
    if (what)
        report(t, what, rc ? error.text : "read", "");
}

static void compare(const struct text *t)
{
    struct xl_message error = {0};
    struct xl_cursor file = xl_start(t->bytes, t->len), end = file;

    counts.files++;
    bool ours = xl_check(&end, &error) == 0;
    enum xlu_result theirs = xlu_open(t->bytes, (int)t->len);
    const char *report_of_theirs = theirs == XLU_ABORTED ? "assertion failed" : xlu_report();
    if (ours && theirs == XLU_READ) {
        compare_read(t, file, &end);
    } else if (!ours && theirs == XLU_REFUSED) {
        counts.refused++;
    } else if (!ours && theirs == XLU_ABORTED && memchr(t->bytes, 0, t->len)) {
        counts.nul_byte++;
    } else if (ours && strstr(report_of_theirs, "memory exhausted") && is_deep(t)) {
        counts.depth++;
    } else {
        report(t, "one reads it, the other does not", ours ? "read" : error.text, report_of_theirs);
    }
    xlu_close();
}

static void compare_file(const char *name, struct text *t)
{
    FILE *f = fopen(name, "rb");

    if (!f) {
        perror(name);
        exit(2);
    }
    t->len = fread(t->bytes, 1, TEXT_MAX, f);
    fclose(f);
    compare(t);
}

int main(int argc, char **argv)
{
    static struct text texts[64];
    u32 nr = 0;
    u64 seed = 1, files = 100000;
    struct rng rng;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--files") == 0 && i + 1 < argc)
            files = strtoull(argv[++i], NULL, 0);
        else
            compare_file(argv[i], &texts[nr++ % 32]);
    }
    rng_seed(&rng, seed);
    for (nr = nr < 32 ? nr : 32; nr < 64; nr++)
        generate(&rng, &texts[nr]);
    for (u64 i = 0; i < files; i++) {
        static struct text t;
        struct text *other = &texts[rng_draw(&rng, 64)];
        if (rng_draw(&rng, 2)) {
            generate(&rng, &t);
        } else {
            const struct text *from = &texts[rng_draw(&rng, 64)];
            memcpy(t.bytes, from->bytes, from->len);
            t.len = from->len;
            mutate(&rng, &t, other);
        }
        compare(&t);
        if (rng_draw(&rng, 16) == 0 && t.len < 20000) {
            memcpy(other->bytes, t.bytes, t.len);
            other->len = t.len;
        }
    }
    printf("xl.cfg files, seed %lu: %lu compared; %lu read the same, %lu of them complete for the builder; "
           "%lu refused "
           "by both\n",
           seed, counts.files, counts.read, counts.complete, counts.refused);
    printf("known: %lu with an octal escape, %lu with an ignored last byte, %lu where a NUL byte ends xl, "
           "%lu too deep "
           "for xl\n",
           counts.octal, counts.last_byte, counts.nul_byte, counts.depth);
    if (counts.wrong)
        printf("FAIL: %lu differences that are not known\n", counts.wrong);
    return counts.wrong || !counts.files ? 1 : 0;
}
