/* See ring.h. */
#include <guest/dom0/ring.h>

static u32 take(struct ring *r, volatile struct xencons_interface *page, char *bytes, u32 max)
{
    XENCONS_RING_IDX prod = __atomic_load_n(&page->out_prod, __ATOMIC_ACQUIRE);
    u32 waiting = prod - r->out_cons;

    if (waiting > sizeof(page->out)) {
        r->lost = true;
        r->out_cons = prod;
        waiting = 0;
    }
    u32 taken = MIN(waiting, max);
    for (u32 i = 0; i < taken; i++)
        bytes[i] = page->out[MASK_XENCONS_IDX(r->out_cons + i, page->out)];
    r->out_cons += taken;
    __atomic_store_n(&page->out_cons, r->out_cons, __ATOMIC_RELEASE);
    return taken;
}

u32 ring_give(struct ring *r, volatile struct xencons_interface *page, const char *bytes, u32 len)
{
    /* The guest has read what it gives room for. */
    u32 unread = r->in_prod - __atomic_load_n(&page->in_cons, __ATOMIC_ACQUIRE);
    u32 room = unread > sizeof(page->in) ? sizeof(page->in) : sizeof(page->in) - unread;
    u32 given = MIN(len, room);

    for (u32 i = 0; i < given; i++)
        page->in[MASK_XENCONS_IDX(r->in_prod + i, page->in)] = bytes[i];
    r->in_prod += given;
    __atomic_store_n(&page->in_prod, r->in_prod, __ATOMIC_RELEASE);
    return given;
}

u32 backlog_fill(struct backlog *b, struct ring *r, volatile struct xencons_interface *page)
{
    u32 all = 0, taken;

    do {
        u32 end = (b->start + b->used) % b->size;
        u32 room = MIN(b->size - b->used, b->size - end); /* one after the other */
        taken = room ? take(r, page, b->bytes + end, room) : 0;
        b->used += taken;
        all += taken;
    } while (taken && all < sizeof(page->out)); /* the guest may go on for ever */
    return all;
}

u32 backlog_peek(const struct backlog *b, const char **bytes, u32 max)
{
    *bytes = b->bytes + b->start;
    return MIN(MIN(b->used, max), b->size - b->start);
}

void backlog_drop(struct backlog *b, u32 len)
{
    b->start = (b->start + len) % b->size;
    b->used -= len;
}

static void end_line(struct lines *l, line_fn *line, void *arg)
{
    l->text[l->used] = 0;
    l->used = 0;
    line(arg, l->text);
}

static void add(struct lines *l, u8 byte, line_fn *line, void *arg)
{
    if (byte == '\n') {
        if (!l->cut || l->used)
            end_line(l, line, arg);
        l->cut = false;
        return;
    }
    /* 0x80-0x9f too: control characters of 8-bit terminals, 0x9b is their ESC [. */
    if ((byte < ' ' && byte != '\t') || (byte >= 0x7f && byte <= 0x9f))
        return;
    l->cut = false;
    l->text[l->used++] = (char)byte;
    if (l->used == LINE_BYTES - 1) {
        end_line(l, line, arg);
        l->cut = true;
    }
}

void lines_feed(struct lines *l, const char *bytes, u32 len, line_fn *line, void *arg)
{
    for (u32 i = 0; i < len; i++)
        add(l, (u8)bytes[i], line, arg);
}

void lines_finish(struct lines *l, line_fn *line, void *arg)
{
    if (l->used)
        end_line(l, line, arg);
}
