/*
 * CPUs that print and CPUs that read the console's ring at the same time, as host threads under ThreadSanitizer. What a
 * reader gets are whole messages of each writer in order, but for gaps where it was overtaken.
 */
#include <pthread.h>
#include <stdio.h>

#include <arch/x86/cpu/console_ring.h>
#include <lib/assert.h>
#include <tests/machine/test.h>

#define WRITERS  2u
#define READERS  2u
#define MESSAGES 60000u

#define must(holds) BUG_ON(!(holds))

static u32 nr_writing = WRITERS; /* [a] */

static void *write_messages(void *data)
{
    u32 self = (u32)(uintptr_t)data;
    char text[64];

    for (u32 i = 0; i < MESSAGES; i++) {
        int len = snprintf(text, sizeof(text), "[%u %08u %.*s]\n", self, i, (int)(i % 31),
                           "abcdefghijklmnopqrstuvwxyzabcde");
        console_ring_put(text, (u32)len, true, i % 100 == 0);
    }
    __atomic_fetch_sub(&nr_writing, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* One byte of the stream; after a gap up to the next begin of a message all is skipped. */
struct parser {
    char text[80];
    u32 len, nr[WRITERS], next[WRITERS];
    bool whole;
};

static void feed(struct parser *p, char byte)
{
    unsigned writer, i, len = 0;
    int at = 0;

    if (byte == '[') {
        p->whole = true;
        p->len = 0;
    }
    if (p->len < sizeof(p->text) - 1)
        p->text[p->len++] = byte;
    if (byte != '\n' || !p->whole)
        return;
    p->text[p->len] = '\0';
    must(sscanf(p->text, "[%u %u %n", &writer, &i, &at) == 2 && writer < WRITERS && i >= p->next[writer]);
    for (; p->text[at] >= 'a' && p->text[at] <= 'z'; at++, len++)
        must(p->text[at] == (char)('a' + len % 26));
    must(len == i % 31 && p->text[at] == ']');
    p->next[writer] = i + 1;
    p->nr[writer]++;
}

static void *read_messages(void *data)
{
    struct parser p = {.whole = false};
    u32 at = console_ring_begin(false, 0);
    char piece[512];

    for (;;) {
        bool last = !__atomic_load_n(&nr_writing, __ATOMIC_SEQ_CST);
        u32 before = at, len = console_ring_read(&at, piece, sizeof(piece));

        if (at - len != before) /* overtaken */
            p.whole = false;
        for (u32 i = 0; i < len; i++)
            feed(&p, piece[i]);
        if (data && len)
            console_ring_clear(at);
        if (last && !len)
            break;
    }
    must(p.nr[0] || p.nr[1]);
    return NULL;
}

static void *take_late(void *data)
{
    char piece[128];
    u32 lines = 0;

    (void)data;
    while (__atomic_load_n(&nr_writing, __ATOMIC_SEQ_CST) || console_ring_is_late()) {
        u32 len = console_ring_take_late(piece, sizeof(piece));
        for (u32 i = 0; i < len; i++)
            lines += piece[i] == '\n';
    }
    must(lines > 0);
    return NULL;
}

int main(void)
{
    pthread_t thread[WRITERS + READERS + 1];
    u32 nr = 0;

    for (uintptr_t i = 0; i < READERS; i++)
        must(!pthread_create(&thread[nr++], NULL, read_messages, (void *)i));
    must(!pthread_create(&thread[nr++], NULL, take_late, NULL));
    for (uintptr_t i = 0; i < WRITERS; i++)
        must(!pthread_create(&thread[nr++], NULL, write_messages, (void *)i));
    while (nr)
        pthread_join(thread[--nr], NULL);
    printf("console_ring: %u messages, no fault\n", WRITERS * MESSAGES);
    return 0;
}
