#include <tests/machine/machine.h>

#include <string.h>

char console[4096];
size_t console_len;
const char *console_input = "";
jmp_buf machine_ended;
int ended_how;

void console_reset(void)
{
    console_len = 0;
    console[0] = '\0';
    console_input = "";
    ended_how = -1;
}

void console_write(const char *text, size_t len)
{
    len = MIN(len, sizeof(console) - 1 - console_len);
    memcpy(console + console_len, text, len);
    console_len += len;
    console[console_len] = '\0';
}

int console_read(void)
{
    return *console_input ? *console_input++ : -1;
}

void machine_end(enum machine_end how)
{
    ended_how = (int)how;
    longjmp(machine_ended, 1);
}
