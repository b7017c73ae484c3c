/* Any bytes as each of the files that homestead-check reads: what is found is in its limits, and every machine has a verdict. */
#include <tools/homestead-check/judge.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check_ports(const struct serial_ports *s)
{
    if (s->nr > SERIAL_PORTS_MAX)
        abort();
    for (u32 i = 0; i < s->nr; i++)
        if (!s->port[i])
            abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static struct findings found;
    static struct machine m;
    char *text = malloc(size + 1);

    memset(&m, 0, sizeof(m));
    memcpy(text, data, size);
    text[size] = '\0';
    parse_cpuinfo(text, &m.cpu);
    if (!memchr(m.cpu.vendor, 0, sizeof(m.cpu.vendor)) || !memchr(m.cpu.model, 0, sizeof(m.cpu.model)))
        abort();
    m.serial_was_readable = parse_ioports(text, &m.serial);
    parse_tty_driver(text, &m.serial);
    free(text);
    u8 *bytes = malloc(size); /* no NUL behind it */
    memcpy(bytes, data, size);
    (void)parse_spcr(bytes, size, &m.serial);
    free(bytes);
    check_ports(&m.serial);
    text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    m.nr_cpus = parse_cpu_list(text);
    m.memory_kib = parse_mem_total_kib(text);
    free(text);
    if (judge(&m, &found) > RESULT_NO || !found.nr || found.nr > FINDINGS_MAX)
        abort();
    for (u32 i = 0; i < found.nr; i++)
        if (!found.list[i].text[0] || !memchr(found.list[i].text, 0, TEXT_BYTES))
            abort();
    return 0;
}
