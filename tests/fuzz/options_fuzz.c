/* The command line: any text gives options within their limits, and the report changes nothing. */
#include <boot/options.h>

#include <stdlib.h>
#include <string.h>

static void report(enum log_level level, const char *sentence)
{
    if ((level != LOG_WARNING && level != LOG_INFO) || !*sentence || strlen(sentence) > 700)
        abort();
}

static bool line_is_possible(const struct serial_options *s)
{
    return s->port >= 0x100 && s->port <= 0xfff8 && s->data_bits >= 5 && s->data_bits <= 8 &&
           s->stop_bits >= 1 && s->stop_bits <= 2 && strchr("noems", s->parity) &&
           (!s->baud || (s->base >= s->baud && s->base / s->baud <= 0xffff));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct boot_options silent, o;
    char *text = malloc(size + 1);

    memcpy(text, data, size);
    text[size] = '\0';
    options_parse(text, &silent, NULL);
    options_parse(text, &o, report);
    if (memcmp(&silent, &o, sizeof(o)))
        abort();
    if ((o.dom0_mem_bytes && o.dom0_mem_bytes < MIB(4)) || o.dom0_min_vcpus < 1 ||
        o.dom0_min_vcpus > o.dom0_max_vcpus || o.dom0_max_vcpus > 128 || o.maxcpus > 1024 ||
        o.watchdog_secs > 3600 || o.x2apic > WANT_XAPIC || o.loglvl > LOG_DEBUG || o.console > 3)
        abort();
    if (!line_is_possible(&o.com[0]) || !line_is_possible(&o.com[1]))
        abort();
    const char *more = options_for_dom0(text);
    if (more < text || more > text + size)
        abort();
    free(text);
    return 0;
}
