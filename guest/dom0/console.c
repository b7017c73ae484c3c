/*
 * Guests' consoles. The vCPU that builds a guest also serves its ring: when the guest rings the event channel,
 * it prints the lines as the hypervisor prints those of port 0xE9. There is no input, and no xenstore.
 *
 * A guest can fill its ring and ring the channel as fast as it likes: after each visit the console rests for as
 * long as what it has printed may take, and its events do not wake the vCPU meanwhile. The guest finds its ring
 * full and waits; nothing is lost.
 */
#include <guest/dom0/dom0.h>
#include <xen/hvm/params.h>

#define CONSOLE_RATE 16u /* bytes a ms, some 160,000 baud */
#define CONSOLE_REST 2u  /* ms at least */

const char *console_connect(struct console *c, u32 domid, int *rc)
{
    c->domid = domid;
    *rc = xc_evtchn_alloc_unbound(xch, domid, 0);
    if (*rc < 0)
        return "there is no event channel for its console";
    u64 port = (u64)*rc;
    *rc = xc_hvm_param_set(xch, domid, HVM_PARAM_CONSOLE_PFN, LAYOUT_CONSOLE);
    if (!*rc)
        *rc = xc_hvm_param_set(xch, domid, HVM_PARAM_CONSOLE_EVTCHN, port);
    if (*rc)
        return "HVM_PARAM_CONSOLE_PFN or _EVTCHN cannot be set";
    *rc = xc_evtchn_bind_interdomain(domid, (evtchn_port_t)port);
    if (*rc < 0)
        return "domain 0 has no event channel for its console";
    c->port = (evtchn_port_t)*rc;
    *rc = 0;
    return NULL;
}

int console_open(struct console *c)
{
    c->page = xc_map_foreign_kept(xch, c->domid, LAYOUT_CONSOLE);
    return c->page ? 0 : -EFAULT;
}

static void print_line(void *arg, const char *text)
{
    const struct console *c = arg;

    printf(text[0] ? "(d%u) %s\n" : "(d%u)\n", c->domid, text);
}

/* Returns the number of bytes. */
static u32 drain(struct console *c)
{
    bool lost_before = c->ring.lost;
    u32 bytes = ring_drain(&c->ring, c->page, print_line, c);

    if (c->ring.lost && !lost_before)
        printf("dom0: domain %u has wrong indices in its console ring, output was skipped\n", c->domid);
    if (bytes)
        (void)xc_evtchn_notify(c->port); /* the guest may have ended */
    return bytes;
}

u64 console_serve(struct console *c)
{
    u64 now = guest_now_ms();

    if (!c->page)
        return 0;
    if (now < c->due_ms)
        return c->due_ms - now;
    u32 bytes = drain(c);
    c->due_ms = now + MAX(bytes / CONSOLE_RATE, CONSOLE_REST);
    return bytes ? c->due_ms - now : 0;
}

void console_close(struct console *c)
{
    if (c->page) {
        (void)drain(c);
        ring_finish(&c->ring, print_line, c);
        xc_unmap_foreign_kept();
        c->page = NULL;
    }
    if (c->port)
        (void)xc_evtchn_unbind(c->port);
    c->port = 0;
}
