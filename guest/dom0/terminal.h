/*
 * The user's end of the serial line: the escape commands among what is typed, and the form in which a guest's output
 * is written for tools. Plain C for bytes of anybody.
 */
#ifndef GUEST_DOM0_TERMINAL_H
#define GUEST_DOM0_TERMINAL_H

#include <homestead/types.h>

#define TERMINAL_ESCAPE 0x1du /* Ctrl-] */

/* A command is the escape, a domain's id or nothing, and a key. */
struct terminal_command {
    char key; /* '\n' for Enter */
    bool has_domid;
    u32 domid;
};
/* Zero: outside of a command. */
struct terminal {
    bool inside;
    struct terminal_command so_far;
};
enum terminal_verdict {
    TERMINAL_HELD,    /* a part of a command */
    TERMINAL_BYTE,    /* for the guest in the foreground; the escape twice stands for itself */
    TERMINAL_COMMAND, /* *command is complete */
};
enum terminal_verdict terminal_feed(struct terminal *t, u8 byte, struct terminal_command *command);

/* Writes bytes as printable ASCII without quotation marks: others, and %, as %XX. As many of them as fit in size with a
 * NUL at the end; returns their number. */
u32 terminal_quote(char *out, size_t size, const char *bytes, u32 len);

#endif
