/* Any bytes as a guest's configuration: an error with its line, or values within their limits. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <guest/dom0/xlcfg.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct xlcfg cfg;
    struct xlcfg_error err = {0};

    if (xlcfg_parse((const char *)data, len, &cfg, &err)) {
        if (!err.text || err.line == 0 || cfg.expect >= EXPECT_COUNT)
            abort();
        return 0;
    }
    if (!memchr(cfg.name, 0, sizeof(cfg.name)) || !memchr(cfg.kernel, 0, sizeof(cfg.kernel)) ||
        !memchr(cfg.extra, 0, sizeof(cfg.extra)) || !memchr(cfg.unknown, 0, sizeof(cfg.unknown)))
        abort();
    if (!cfg.memory_mib || cfg.maxmem_mib < cfg.memory_mib || !cfg.vcpus || cfg.vcpus > 128 ||
        cfg.nr_nodes > XLCFG_NODES_MAX || !cfg.timeout_s)
        abort();
    return 0;
}
