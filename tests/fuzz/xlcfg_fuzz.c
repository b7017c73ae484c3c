/* Any bytes as a guest's configuration: an error with its line, or values within their limits that can all be read. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <guest/dom0/cpus.h>
#include <guest/dom0/xlcfg.h>
#include <homestead/errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Reads a value in every way; out has room for len bytes. */
static void read_value(const struct xl_value *v, char *out, size_t len)
{
    struct xl_value item;
    s64 number;

    s64 got = xl_string(v, out, len + 1);
    require(v->is_list ? got == -EINVAL : got >= 0 && (size_t)got <= len && strlen(out) == (size_t)got);
    int rc = xl_number(v, &number);
    require(rc == 0 || rc == -EINVAL || (rc == -ERANGE && !v->is_list));
    if (!v->is_list)
        return;
    for (struct xl_items items = xl_items(v); xl_next_item(&items, &item);) {
        require(item.text < item.end && item.line && !item.name);
        require((xl_string(&item, out, len + 1) < 0) == item.is_list);
    }
}

static void read_all(struct xl_cursor file, size_t len)
{
    char *out = malloc(len + 1);
    struct xl_cursor at = file;
    struct xl_value v;

    while (xl_next(&at, &v)) {
        require(v.name_len && xl_find(file, v.name, v.name_len, &v));
        read_value(&v, out, len);
    }
    require(at.at == file.end);
    free(out);
}

static void check_cpus(const struct xlcfg *cfg, bool soft)
{
    static const u32 node_of[4] = {0, 0, 1, 1};
    char text[XLCFG_CPUS_MAX];
    u8 map[MAX_CPUS / 8];

    for (u32 id = 0; id < cfg->maxvcpus && xlcfg_cpus(cfg, soft, id, text); id++)
        require(strlen(text) < sizeof(text) && cpus_parse(text, node_of, 4, map) != -EINVAL);
}

static void check_limits(const struct xlcfg *cfg)
{
    require(strlen(cfg->name) < sizeof(cfg->name) && cfg->name[0]);
    require(strlen(cfg->kernel) < sizeof(cfg->kernel) && cfg->kernel[0]);
    require(strlen(cfg->ramdisk) < sizeof(cfg->ramdisk));
    require(strlen(cfg->extra) < sizeof(cfg->extra));
    require(cfg->memory_mib && cfg->maxmem_mib >= cfg->memory_mib && cfg->maxmem_mib <= 16 << 20);
    require(cfg->vcpus && cfg->vcpus <= cfg->maxvcpus && cfg->maxvcpus <= XLCFG_VCPUS_MAX);
    require(cfg->nr_nodes <= MAX_NODES && (cfg->nodes_kind == NODES_LIST) == (cfg->nr_nodes > 0));
    require(cfg->timeout_s && cfg->claim_mode <= CLAIM_OFF);
    require(cfg->claim_mode == CLAIM_NODE || !(cfg->claim_order || cfg->claim_strict || cfg->claim_scrub));
    check_cpus(cfg, false);
    check_cpus(cfg, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct xlcfg cfg;
    struct xl_message message = {0};

    int rc = xlcfg_parse((const char *)data, len, &cfg, &message);
    require(cfg.expect < EXPECT_COUNT && cfg.file.at == (const char *)data &&
            cfg.file.end <= cfg.file.at + len);
    read_all(cfg.file, len);
    if (rc)
        require(rc == -EINVAL && message.text[0] && message.line);
    else
        check_limits(&cfg);
    for (struct xl_cursor at = cfg.file; xlcfg_next_note(&cfg, &at, &message);)
        require(message.text[0] && message.line);
    return 0;
}
