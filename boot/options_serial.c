/*
 * com1=, com2= and console=, in Xen's syntax. Whoever sets these listens on that line: what can be used of a value
 * holds, so that the complaint about the rest is seen there.
 */
#include <boot/option.h>

#include <homestead/errno.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>

#define PART_MAX 32u
#define PORT_MIN 0x100u
#define PORT_MAX 0xfff8u
#define IRQ_MAX  255u

static int number_of(const char *text, u64 min, u64 max, u64 *out)
{
    const char *end;
    u64 value;

    if (parse_u64(text, &end, false, &value) || *end || value < min || value > max)
        return -EINVAL;
    *out = value;
    return 0;
}

/* BAUD[/BASE], or auto */
static int set_baud(struct serial_options *s, char *text)
{
    u64 baud = 0, base = s->base;
    char *slash = strchr(text, '/');

    if (slash)
        *slash++ = '\0';
    if (strcmp(text, "auto") && number_of(text, 0, ~0u, &baud))
        return -EINVAL;
    if (slash && number_of(slash, 1, ~0u, &base))
        return -EINVAL;
    s->baud = (u32)baud;
    s->base = (u32)base;
    return 0;
}

static int set_parity(struct serial_options *s, const char *text)
{
    if (!text[0] || text[1] || !strchr("noems", text[0]))
        return -EINVAL;
    s->parity = text[0];
    return 0;
}

/* 8n1 */
static int set_frame(struct serial_options *s, const char *text)
{
    struct serial_options new = *s;

    if (strlen(text) != 3 || text[0] < '5' || text[0] > '8' || (text[2] != '1' && text[2] != '2') ||
        set_parity(&new, (const char[]){text[1], '\0'}))
        return -EINVAL;
    new.data_bits = (u8)(text[0] - '0');
    new.stop_bits = (u8)(text[2] - '0');
    *s = new;
    return 0;
}

static int set_port(struct serial_options *s, const char *text)
{
    u64 port;

    if (number_of(text, PORT_MIN, PORT_MAX, &port))
        return -EINVAL;
    s->port = (u16)port;
    return 0;
}

/* Nothing uses it: the line is polled. */
static int check_irq(const char *text)
{
    u64 irq;

    return strcmp(text, "msi") ? number_of(text, 0, IRQ_MAX, &irq) : 0;
}

/* NAME=VALUE, which Xen knows for lines that need more than the positions say. */
static int set_named(struct serial_options *s, const char *name, char *text)
{
    u64 number;
    int rc;

    if (!strcmp(name, "baud"))
        return strchr(text, '/') ? -EINVAL : set_baud(s, text);
    if (!strcmp(name, "parity"))
        return set_parity(s, text);
    if (!strcmp(name, "io-base"))
        return set_port(s, text);
    if (!strcmp(name, "irq"))
        return check_irq(text);
    if (!strcmp(name, "reg-width")) /* as an I/O port has it */
        return number_of(text, 1, 1, &number);
    if (!strcmp(name, "reg-shift"))
        return number_of(text, 0, 0, &number);
    if (!strcmp(name, "clock-hz")) { /* a sixteenth of the clock, which is the rate of divisor 1 */
        rc = number_of(text, 1, ~0u, &number);
        if (!rc)
            s->base = (u32)number;
        return rc;
    }
    if (!strcmp(name, "data-bits")) {
        rc = number_of(text, 5, 8, &number);
        if (!rc)
            s->data_bits = (u8)number;
        return rc;
    }
    if (!strcmp(name, "stop-bits")) {
        rc = number_of(text, 1, 2, &number);
        if (!rc)
            s->stop_bits = (u8)number;
        return rc;
    }
    return -EINVAL;
}

static int set_part(struct serial_options *s, u32 position, char *text)
{
    char *value = strchr(text, '=');

    if (value) {
        *value++ = '\0';
        return set_named(s, text, value);
    }
    switch (position) {
    case 0:
        return set_baud(s, text);
    case 1:
        return set_frame(s, text);
    case 2:
        return set_port(s, text);
    case 3:
        return check_irq(text);
    default: /* the PCI functions of the line and of its bridge, which are not set up here */
        return -EINVAL;
    }
}

int option_set_com(const struct option *option, const char *value, void *field)
{
    struct serial_options *out = field, s = *out;
    int rc = *value ? 0 : -EINVAL;

    (void)option;
    for (u32 position = 0; value; position++) {
        char part[PART_MAX];
        if (option_next_part(&value, part, sizeof(part)) || (*part && set_part(&s, position, part)))
            rc = -EINVAL;
    }
    /* The divisor has 16 bits. */
    if (s.baud && (s.baud > s.base || s.base / s.baud > 0xffff)) {
        s.baud = out->baud;
        s.base = out->base;
        rc = -EINVAL;
    }
    *out = s;
    return rc;
}

void option_show_com(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    const struct serial_options *s = field;
    char baud[32] = "auto";

    if (s->baud)
        snprintf(baud, sizeof(baud), s->base == 115200 ? "%u" : "%u/%u", s->baud, s->base);
    snprintf(buf, OPTION_SHOWN, "%s=%s,%u%c%u,0x%x holds", option->name, baud, s->data_bits, s->parity,
             s->stop_bits, s->port);
}

/* A list. There is no other console than the serial lines: vga beside one of them is taken without effect. */
int option_set_console(const struct option *option, const char *value, void *field)
{
    u32 *lines = field, wanted = 0;
    bool none = false, vga = false, bad = false;

    (void)option;
    while (value) {
        char part[PART_MAX];
        bool fits = !option_next_part(&value, part, sizeof(part));

        if (fits && !strcmp(part, "com1"))
            wanted |= BIT(0);
        else if (fits && !strcmp(part, "com2"))
            wanted |= BIT(1);
        else if (fits && (!strcmp(part, "com1H") || !strcmp(part, "com1L")))
            wanted |= BIT(0), bad = true; /* the line is right, sharing it by the top bit is not possible */
        else if (fits && (!strcmp(part, "com2H") || !strcmp(part, "com2L")))
            wanted |= BIT(1), bad = true;
        else if (fits && !strcmp(part, "none"))
            none = true;
        else if (fits && !strcmp(part, "vga"))
            vga = true;
        else
            bad = true;
    }
    if (wanted || (none && !vga && !bad))
        *lines = wanted;
    else
        bad = true;
    return bad ? -EINVAL : vga;
}

void option_show_console(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    static const char *const shown[] = {"none", "com1", "com2", "com1,com2"};

    snprintf(buf, OPTION_SHOWN, "%s=%s holds", option->name, shown[*(const u32 *)field]);
}
