/* See ring.h. */
#include <guest/dom0/ring.h>

static void end_line(struct ring *r, ring_line_fn *line, void *arg)
{
    r->text[r->used] = 0;
    r->used = 0;
    line(arg, r->text);
}

static void take(struct ring *r, u8 byte, ring_line_fn *line, void *arg)
{
    if (byte == '\n') {
        if (!r->cut || r->used)
            end_line(r, line, arg);
        r->cut = false;
        return;
    }
    /* 0x80-0x9f too: control characters of 8-bit terminals, 0x9b is their ESC [. */
    if ((byte < ' ' && byte != '\t') || (byte >= 0x7f && byte <= 0x9f))
        return;
    r->cut = false;
    r->text[r->used++] = (char)byte;
    if (r->used == RING_LINE_BYTES - 1) {
        end_line(r, line, arg);
        r->cut = true;
    }
}

u32 ring_drain(struct ring *r, volatile struct xencons_interface *page, ring_line_fn *line, void *arg)
{
    XENCONS_RING_IDX prod = __atomic_load_n(&page->out_prod, __ATOMIC_ACQUIRE);
    u32 bytes = prod - r->cons;

    if (bytes > sizeof(page->out)) {
        r->lost = true;
        r->cons = prod;
        bytes = 0;
    }
    for (u32 i = 0; i < bytes; i++)
        take(r, (u8)page->out[MASK_XENCONS_IDX(r->cons + i, page->out)], line, arg);
    r->cons += bytes;
    __atomic_store_n(&page->out_cons, r->cons, __ATOMIC_RELEASE);
    return bytes;
}

void ring_finish(struct ring *r, ring_line_fn *line, void *arg)
{
    if (r->used)
        end_line(r, line, arg);
}
