#include <tests/machine/machine.h>

#include <string.h>

char console[4096];
size_t console_len;
u32 console_room = ~0u;
static bool line_open, line_broken;
const char *console_input = "";
jmp_buf machine_ended;
int ended_how;

void console_reset(void)
{
    console_len = 0;
    console[0] = '\0';
    console_input = "";
    console_room = ~0u;
    line_open = line_broken = false;
    ended_how = -1;
}

static void store(const char *text, size_t len)
{
    len = MIN(len, sizeof(console) - 1 - console_len);
    memcpy(console + console_len, text, len);
    console_len += len;
    console[console_len] = '\0';
}

size_t console_try(const char *text, size_t len)
{
    len = MIN(len, (size_t)console_room);
    console_room -= (u32)len;
    for (size_t i = 0; i < len; i++)
        if (text[i] != '\r') {
            store(text + i, 1);
            log_byte(text[i]);
        }
    if (len)
        line_open = text[len - 1] != '\n';
    return len;
}

bool console_line_broken(void)
{
    bool broken = line_broken;

    line_broken = false;
    return broken;
}

void console_message(void)
{
    if (line_open) {
        store("\n", 1);
        log_byte('\n');
    }
    line_broken = line_open;
    line_open = false;
}

void console_write(const char *text, size_t len)
{
    console_message();
    store(text, len);
}

bool console_shows(enum log_level level)
{
    (void)level;
    return true;
}

void console_hold(void) {}

int console_read(void)
{
    return *console_input ? *console_input++ : -1;
}

void machine_end(enum machine_end how)
{
    ended_how = (int)how;
    longjmp(machine_ended, 1);
}
