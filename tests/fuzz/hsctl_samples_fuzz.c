/* A file that says it is a recording of hsctl: refused with a sentence, or it can be written, read again and drawn. */
#include <homestead/types.h>
#include <toolstack/hsctl/samples.h>
#include <toolstack/hsctl/timeline.h>

#include <stdlib.h>
#include <string.h>

static bool read_bytes(const void *data, size_t size, struct samples *out)
{
    char error[SAMPLES_ERROR];
    FILE *f = fmemopen((void *)(uintptr_t)data, size, "r");

    memset(error, 'x', sizeof(error));
    bool good = samples_read(f, out, error);
    if (!good && (!memchr(error, '\0', sizeof(error)) || out->nr || out->state))
        abort();
    fclose(f);
    return good;
}

static void check_again(const struct samples *first)
{
    struct samples second;
    char *text = NULL;
    size_t length;
    FILE *f = open_memstream(&text, &length);

    if (!samples_write_head(f))
        abort();
    for (u32 i = 0; i < first->nr; i++)
        if (!samples_write(f, &first->state[i]))
            abort();
    fclose(f);
    if (!read_bytes(text, length, &second) || second.nr != first->nr || second.torn)
        abort();
    for (u32 i = 0; i < first->nr; i++)
        if (first->state[i].time_ms != second.state[i].time_ms)
            abort();
    samples_free(&second);
    free(text);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct timeline_facts facts;
    struct samples samples;
    char *text = NULL;
    size_t length;

    if (!size || !read_bytes(data, size, &samples))
        return 0;
    check_again(&samples);
    FILE *f = open_memstream(&text, &length);
    if (!timeline_draw(f, &samples, NULL, &facts))
        abort();
    fclose(f);
    if (length < 100 || strcmp(text + length - 7, "</svg>\n"))
        abort();
    free(text);
    samples_free(&samples);
    return 0;
}
