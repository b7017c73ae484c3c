/*
 * The text of a line that a writer has begun on a console and not ended, as a prompt is. Other output may come in
 * between, on lines of its own; then the line is shown again from its begin when the writer goes on. Plain C, no
 * allocation; the caller locks.
 */
#ifndef LIB_OPEN_LINE_H
#define LIB_OPEN_LINE_H

#include <homestead/types.h>

#define OPEN_LINE_BYTES 128u /* of a longer line only its end is shown again */

struct open_line {
    u32 used; /* 0: the writer is at the begin of a line */
    bool in_escape;
    char text[OPEN_LINE_BYTES];
};

/* The writer has written len bytes of text. A carriage return begins the line anew, a backspace takes
 * a character back, and escape sequences are left out. */
void open_line_feed(struct open_line *line, const char *text, size_t len);

#endif
