/*
 * Guests' consoles on the serial line. One guest can be in the foreground: its output goes to the line as it is, and
 * what is typed goes to it. All others' output is printed as lines `(dN) text`, and so is that of all guests while none
 * is in the foreground. The commands that Ctrl-] begins: guest/README.md.
 *
 * The vCPU that builds a guest also serves its ring. It takes output as fast as it comes, because guests spin while
 * their ring is full, and prints it at the serial line's pace, from a backlog; only when that is full the guest waits.
 * Nothing is lost. Input is read by any vCPU that waits for a guest: VIRQ_CONSOLE wakes all of them, and the first one
 * reads it and gives it to the guest in the foreground.
 *
 * A guest can ring its channel as fast as it likes. Therefore visits are counted: after VISITS_MAX of them in WINDOW_MS,
 * its events do not wake the vCPU for the rest of that time.
 *
 * Lock: `lock` for the list of consoles, `front`, the terminal, and each console's members but ring.out_cons,
 * ring.lost, backlog, window_ms, nr_visits and page, which are its vCPU's own; it maps and unmaps the page with the lock
 * held. It is held while a piece is printed, so that nothing of a guest comes after the line that says that it has left
 * the foreground.
 *
 * lint: long: output and commands share the lock, the list of consoles and the foreground.
 */
#include <guest/dom0/dom0.h>
#include <guest/dom0/terminal.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/lock.h>
#include <lib/open_line.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <xen/hvm/params.h>

#define WINDOW_MS   8u
#define VISITS_MAX  32u
#define IDLE_MS     50u
#define PIECE_BYTES 256u
/* A frame is one line, which goes to the hypervisor in one piece, so that no other output divides it. */
#define FRAME_BYTES 99u

static struct guest_lock lock;
static struct console *consoles; /* by ascending domid */
static struct console *front;    /* NULL: none */
static char
    front_name[XLCFG_NAME_MAX]; /* whose next domain comes to the foreground by itself, "": nobody's */
static struct terminal terminal;
static bool hinted; /* input for nobody has been answered */
static bool ended;  /* atomic; the run is to end */

/* --- connecting ---------------------------------------------------------------------------------------- */

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

/* --- output: lock held --------------------------------------------------------------------------------- */

static void print_line(void *arg, const char *text)
{
    const struct console *c = arg;

    printf(text[0] ? "(d%u) %s\n" : "(d%u)\n", c->domid, text);
}

/* For tools/guest-logs.py, which shows it to people. */
static void print_frames(const struct console *c, const char *bytes, u32 len)
{
    char text[FRAME_BYTES + 1];

    do {
        u32 done = terminal_quote(text, sizeof(text), bytes, len);
        printf("@output domain=%u %s=\"%s\"\n", c->domid, c == front ? "raw" : "text", text);
        bytes += done;
        len -= done;
    } while (len);
}

/* The hypervisor puts a carriage return before each newline; the guest's own is left out. */
static void print_raw(const char *bytes, u32 len)
{
    u32 from = 0;

    for (u32 i = 0; i + 1 < len; i++)
        if (bytes[i] == '\r' && bytes[i + 1] == '\n') {
            console_raw(bytes + from, i - from);
            from = i + 1;
        }
    console_raw(bytes + from, len - from);
}

static void show(struct console *c, const char *bytes, u32 len)
{
    if (options.frames)
        print_frames(c, bytes, len);
    else if (c == front)
        print_raw(bytes, len);
    else
        lines_feed(&c->lines, bytes, len, print_line, c);
}

/* --- the foreground: lock held --------------------------------------------------------------------------- */

static void say(const char *event, const struct console *c)
{
    printf("@console event=%s domain=%u name=%s\n", event, c->domid, c->name);
}

/* Its open line is shown again, whole, when it goes on in the background, or when it comes back. */
static void leave_front(void)
{
    char text[OPEN_LINE_BYTES];
    size_t used = console_raw_ends(text);

    lines_feed(&front->lines, text, (u32)used, print_line, front);
    say("background", front);
    front = NULL;
}

static void to_front(struct console *c)
{
    if (front && front != c)
        leave_front();
    front = c;
    say("foreground", c);
    str_copy(front_name, c->name, sizeof(front_name));
    printf("console   input goes to d%u (%s); Ctrl-] q returns, Ctrl-] ? for help\n", c->domid, c->name);
    /* A line that it has begun, as a prompt is. */
    if (options.frames)
        print_frames(c, NULL, 0);
    else
        console_raw(c->lines.text, c->lines.used);
    c->lines.used = 0;
}

static void to_back(void)
{
    front_name[0] = '\0';
    if (!front)
        return;
    leave_front();
    printf("console   input goes to no guest; Ctrl-] ? for help\n");
}

/* The next one after the foreground's, in the order of their ids, round and round. NULL: there is none. */
static struct console *next_console(void)
{
    return front && front->next ? front->next : consoles;
}

static struct console *console_of(const struct terminal_command *command)
{
    struct console *c = consoles;

    if (!command->has_domid)
        return front;
    while (c && c->domid != command->domid)
        c = c->next;
    return c;
}

static void list(void)
{
    for (const struct console *c = consoles; c; c = c->next)
        printf("console   d%-4u %-16s %s%s\n", c->domid, c->name, c->paused ? "paused" : "running",
               c == front ? ", has the input" : "");
    if (!consoles)
        printf("console   no guest is running\n");
    printf("@console event=listed\n");
}

static void help(void)
{
    printf("console   Ctrl-] then a key; a number before it names the domain, else it is the guest with the "
           "input\n"
           "console   3 Enter   input goes to domain 3        n   to the next guest     q   to no guest\n"
           "console   p   pauses, or unpauses    k   destroys the guest    l   lists the guests\n"
           "console   x   ends the run: destroys all guests, and starts no more\n"
           "console   Ctrl-] twice sends Ctrl-] to the guest; Escape: no command\n"
           "@console event=helped\n");
}

static void toggle_pause(struct console *c)
{
    int rc = c->paused ? xc_domain_unpause(xch, c->domid) : xc_domain_pause(xch, c->domid);

    if (rc) {
        printf("console   d%u cannot be %spaused: %s\n", c->domid, c->paused ? "un" : "", explain_error(rc));
        return;
    }
    c->paused = !c->paused;
    say(c->paused ? "paused" : "unpaused", c);
}

/* A command about a guest. */
static void command_guest(const struct terminal_command *command)
{
    struct console *c = console_of(command);

    if (!c && command->has_domid)
        printf("console   there is no guest d%u; Ctrl-] l lists them\n", command->domid);
    else if (!c)
        printf("console   no guest has the input: give a number, as in Ctrl-] 1 Enter\n");
    if (!c) {
        printf("@console event=refused\n");
    } else if (command->key == '\n') {
        to_front(c);
    } else if (command->key == 'p') {
        toggle_pause(c);
    } else {
        say("kill", c);
        __atomic_store_n(&c->killed, true, __ATOMIC_RELAXED); /* its vCPU sees it within 50 ms */
    }
}

bool console_says_end(const struct console *c)
{
    return __atomic_load_n(&ended, __ATOMIC_RELAXED) || (c && __atomic_load_n(&c->killed, __ATOMIC_RELAXED));
}

static void command_run(const struct terminal_command *command)
{
    struct console *next;

    switch (command->key) {
    case '\n':
    case 'p':
    case 'k':
        command_guest(command);
        break;
    case 'n':
        next = next_console();
        if (next)
            to_front(next);
        else
            list();
        break;
    case 'q':
        to_back();
        break;
    case 'l':
        list();
        break;
    case 'x':
        __atomic_store_n(&ended, true, __ATOMIC_RELAXED);
        printf("console   the run ends\n@console event=ended\n");
        break;
    case '?':
        help();
        break;
    default:
        printf("console   Ctrl-] has no such key; Ctrl-] ? shows them\n@console event=refused\n");
    }
}

/* --- input: lock held ------------------------------------------------------------------------------------ */

/* Gives the guest what was typed and it had no room for. */
static void give(struct console *c)
{
    u32 given = c->nr_typed ? ring_give(&c->ring, c->page, c->typed, c->nr_typed) : 0;

    if (!given)
        return;
    c->nr_typed -= given;
    memmove(c->typed, c->typed + given, c->nr_typed);
    (void)xc_evtchn_notify(c->port); /* the guest may have ended */
}

static void type(char byte)
{
    if (!front) {
        if (!hinted)
            printf(
                "console   no guest has the input: Ctrl-] 1 Enter gives it to domain 1, Ctrl-] ? for help\n");
        hinted = true;
        return;
    }
    if (front->nr_typed == sizeof(front->typed))
        give(front);
    if (front->nr_typed == sizeof(front->typed))
        return; /* it has not read any for long */
    front->typed[front->nr_typed++] = byte;
}

void console_input(void)
{
    struct terminal_command command;
    char bytes[128];
    long nr;

    guest_lock(&lock);
    do {
        nr = hypercall(__HYPERVISOR_console_io, CONSOLEIO_read, sizeof(bytes), (u64)(uintptr_t)bytes, 0, 0);
        for (long i = 0; i < nr; i++) {
            enum terminal_verdict verdict = terminal_feed(&terminal, (u8)bytes[i], &command);
            if (verdict == TERMINAL_BYTE)
                type(bytes[i]);
            if (verdict == TERMINAL_COMMAND)
                command_run(&command);
        }
    } while (nr == (long)sizeof(bytes));
    for (struct console *c = consoles; c; c = c->next)
        give(c);
    guest_unlock(&lock);
}

/* --- a guest's vCPU ------------------------------------------------------------------------------------- */

void console_foreground(const char *name)
{
    str_copy(front_name, name, sizeof(front_name));
}

int console_open(struct console *c, const char *name, char *backlog)
{
    struct console **at = &consoles;
    int rc = 0;

    guest_lock(&lock);
    c->name = name;
    c->backlog = backlog ? (struct backlog){.bytes = backlog, .size = CONSOLE_BACKLOG_BYTES}
                         : (struct backlog){.bytes = c->little, .size = sizeof(c->little)};
    c->page = xc_map_foreign_kept(xch, c->domid, LAYOUT_CONSOLE);
    if (c->page) {
        while (*at && (*at)->domid < c->domid)
            at = &(*at)->next;
        c->next = *at;
        *at = c;
        if (!front && !strcmp(front_name, name))
            to_front(c);
    } else {
        rc = -EFAULT;
    }
    guest_unlock(&lock);
    return rc;
}

/* Takes output. Returns the number of bytes. */
static u32 take(struct console *c)
{
    bool lost_before = c->ring.lost;
    u32 nr = backlog_fill(&c->backlog, &c->ring, c->page);

    if (c->ring.lost && !lost_before)
        printf("dom0: domain %u has wrong indices in its console ring, output was skipped\n", c->domid);
    if (nr)
        (void)xc_evtchn_notify(c->port); /* the guest may have ended */
    return nr;
}

static void print_piece(struct console *c)
{
    const char *bytes;

    guest_lock(&lock);
    u32 nr = backlog_peek(&c->backlog, &bytes, PIECE_BYTES);
    show(c, bytes, nr);
    guest_unlock(&lock);
    backlog_drop(&c->backlog, nr);
}

/* Counts a visit. May the guest's events wake the vCPU? Else they may after *ms. */
static bool within_budget(struct console *c, u64 *ms)
{
    u64 now = guest_now_ms();

    if (now - c->window_ms >= WINDOW_MS) {
        c->window_ms = now;
        c->nr_visits = 0;
    }
    bool within = ++c->nr_visits < VISITS_MAX;
    *ms = within ? IDLE_MS : c->window_ms + WINDOW_MS - now;
    return within;
}

u64 console_serve(struct console *c, bool *listen)
{
    u64 ms = IDLE_MS;

    *listen = false;
    if (!c->page)
        return ms;
    (void)take(c);
    if (c->backlog.used) {
        print_piece(c);
        return 0;
    }
    *listen = within_budget(c, &ms);
    return ms;
}

void console_print_all(struct console *c)
{
    while (c->backlog.used || (c->page && take(c)))
        print_piece(c);
}

void console_close(struct console *c)
{
    struct console **at = &consoles;

    if (c->page) {
        (void)take(c);
        while (c->backlog.used)
            print_piece(c);
        guest_lock(&lock);
        lines_finish(&c->lines, print_line, c);
        while (*at != c)
            at = &(*at)->next;
        *at = c->next;
        if (front == c)
            leave_front();
        c->lines.used = 0;
        xc_unmap_foreign_kept();
        c->page = NULL;
        guest_unlock(&lock);
    }
    if (c->port)
        (void)xc_evtchn_unbind(c->port);
    c->port = 0;
}
