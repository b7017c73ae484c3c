/* Configurations by others, in tests/strangers/xlcfg/files: NAME.txt says what NAME.cfg means, or why it is refused. */
#include <tests/machine/test.h>

#include <glob.h>
#include <guest/dom0/xlcfg.h>

#define FILES "tests/strangers/xlcfg/files/"

static char meaning[8192], expected[8192];
static size_t len;

static void line(const char *format, ...) PRINTF(1, 2);
static void line(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    len += (size_t)vsnprintf(meaning + len, sizeof(meaning) - len, format, args);
    va_end(args);
    assert_true(len + 2 < sizeof(meaning));
    meaning[len++] = '\n';
    meaning[len] = 0;
}

static size_t load(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "rb");

    if (!f) {
        print_message("%s is missing\n", path);
        fail();
    }
    size_t bytes = fread(out, 1, size - 1, f);
    out[bytes] = 0;
    fclose(f);
    return bytes;
}

static void write_cpus(const char *key, const struct xlcfg *cfg, bool soft)
{
    char text[XLCFG_CPUS_MAX];

    for (u32 i = 0; i < cfg->maxvcpus && xlcfg_cpus(cfg, soft, i, text); i++)
        line("%s %u: %s", key, i, text);
}

/* Writes what differs from the defaults. */
static void write_meaning(const struct xlcfg *cfg)
{
    line("name %s", cfg->name);
    line("kernel %s", cfg->kernel);
    if (cfg->ramdisk[0])
        line("ramdisk %s", cfg->ramdisk);
    line("memory %lu", cfg->memory_mib);
    if (cfg->maxmem_mib != cfg->memory_mib)
        line("maxmem %lu", cfg->maxmem_mib);
    if (cfg->vcpus != 1)
        line("vcpus %u", cfg->vcpus);
    if (cfg->maxvcpus != cfg->vcpus)
        line("maxvcpus %u", cfg->maxvcpus);
    if (cfg->extra[0])
        line("command line %s", cfg->extra);
    for (u32 i = 0; i < cfg->nr_nodes; i++)
        line("node %u", cfg->nodes[i]);
    for (u32 i = 0; i < cfg->nr_vnodes; i++) {
        const struct xlcfg_vnode *n = &cfg->vnodes[i];
        char distances[XLCFG_VNODES_MAX * 4 + 1] = "";
        for (u32 to = 0; to < cfg->nr_vnodes; to++)
            sprintf(distances + strlen(distances), " %u", n->distance[to]);
        line("vnode %u: node %u, %lu MiB, distances%s", i, n->pnode, n->size_mib, distances);
    }
    for (u32 id = 0; cfg->nr_vnodes && id < cfg->maxvcpus; id++)
        line("vcpu %u: vnode %u", id, cfg->vcpu_vnode[id]);
    write_cpus("cpus", cfg, false);
    write_cpus("cpus_soft", cfg, true);
}

static void write_file(const char *path)
{
    static char text[16384];
    static struct xlcfg cfg;
    struct xl_message message;

    len = 0;
    int rc = xlcfg_parse(text, load(path, text, sizeof(text)), &cfg, &message);
    if (rc)
        line("refused, line %u: %s", message.line, message.text);
    else
        write_meaning(&cfg);
    for (struct xl_cursor at = cfg.file; xlcfg_next_note(&cfg, &at, &message);)
        line("line %u: %s", message.line, message.text);
}

TEST(files_of_strangers)
{
    glob_t files;

    assert_int_equal(glob(FILES "*.cfg", 0, NULL, &files), 0);
    assert_true(files.gl_pathc >= 30);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        char path[256];
        write_file(files.gl_pathv[i]);
        snprintf(path, sizeof(path), "%.*stxt", (int)strlen(files.gl_pathv[i]) - 3, files.gl_pathv[i]);
        load(path, expected, sizeof(expected));
        if (strcmp(meaning, expected) != 0)
            print_message("%s means\n%sbut %s has\n%s", files.gl_pathv[i], meaning, path, expected);
        assert_true(strcmp(meaning, expected) == 0);
    }
    globfree(&files);
}
