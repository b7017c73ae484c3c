/*
 * The rules of guest/README.md for keys, once more: on the values that libxlutil gives, with the host's C library. See
 * model.h.
 * lint: long: the rule of each key.
 */
#include "model.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xlu.h"
#include <xen/sched.h>

#define ESRCH 3

/* A key that is there and is no string of less than size bytes is bad. Returns whether it is there. */
static bool text_is(const char *key, size_t size, const char **text, bool *bad)
{
    int rc = xlu_string(key, text);

    if (rc)
        *text = "";
    if ((rc && rc != -ESRCH) || strlen(*text) >= size)
        *bad = true;
    return rc == 0;
}

static void number_is(const char *key, long min, long max, long otherwise, long *out, bool *bad)
{
    int rc = xlu_number(key, out);

    if (rc)
        *out = otherwise;
    if ((rc && rc != -ESRCH) || (!rc && (*out < min || *out > max)))
        *bad = true;
}

/* The position of a key's word in words, which end with NULL; otherwise if the key is not there. */
static int word_is(const char *key, const char *const *words, int otherwise, bool *bad)
{
    const char *text;
    int rc = xlu_string(key, &text);

    if (rc == -ESRCH)
        return otherwise;
    for (int i = 0; !rc && words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    *bad = true;
    return otherwise;
}

static bool is_there(const char *key)
{
    const char *text;

    return xlu_string(key, &text) != -ESRCH;
}

/* on_poweroff and the like: each word of xl's, and what becomes of the guest here. */
static bool actions_equal(const struct xlcfg *cfg, bool *bad)
{
    static const char *const words[] = {
        "destroy",          "restart",          "preserve",   "rename-restart",
        "coredump-destroy", "coredump-restart", "soft-reset", NULL};
    static const u8 meaning[] = {ACTION_DESTROY, ACTION_RESTART, ACTION_PRESERVE, ACTION_RESTART,
                                 ACTION_DESTROY, ACTION_RESTART, ACTION_RESTART};
    static const struct {
        const char *key;
        u32 code;
        int otherwise;
    } keys[] = {{"on_poweroff", SHUTDOWN_poweroff, 0},
                {"on_reboot", SHUTDOWN_reboot, 1},
                {"on_crash", SHUTDOWN_crash, 0},
                {"on_watchdog", SHUTDOWN_watchdog, 0},
                {"on_soft_reset", SHUTDOWN_soft_reset, 1}};
    bool equal = true;

    for (u32 i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        bool ends = keys[i].code == SHUTDOWN_reboot && cfg->expect == EXPECT_REBOOT && !is_there(keys[i].key);
        int word = word_is(keys[i].key, words, ends ? 0 : keys[i].otherwise, bad);

        equal = equal && cfg->on_shutdown[keys[i].code] == meaning[word];
    }
    return equal;
}

static bool are_cpus(const char *text)
{
    static regex_t form;
    static bool made;

    if (!made &&
        regcomp(&form,
                "^ *\\^?(nodes?:)?(all|[0-9]+(-[0-9]+)?) *(, *\\^?(nodes?:)?(all|[0-9]+(-[0-9]+)?) *)*$",
                REG_EXTENDED | REG_NOSUB))
        abort();
    made = true;
    if (strlen(text) >= XLCFG_CPUS_MAX || regexec(&form, text, 0, NULL, 0))
        return false;
    for (const char *c = text; *c;) {
        char *end;
        if (*c < '0' || *c > '9') {
            c++;
            continue;
        }
        unsigned long first = strtoul(c, &end, 10), last = first;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        if (first > 65535 || last > 65535 || last < first)
            return false;
        c = end;
    }
    return true;
}

/* Compares all vCPUs' texts of `cpus` or `cpus_soft`. False: they differ, or *bad. */
static bool cpus_equal(const char *key, const struct xlcfg *cfg, bool soft, bool *bad)
{
    char text[XLCFG_CPUS_MAX];
    const char *theirs;
    int nr = 0;

    if (!is_there(key))
        return *bad || (soft && cfg->nr_vnodes) || !xlcfg_cpus(cfg, soft, 0, text);
    if (xlu_string(key, &theirs) == 0) {
        *bad = *bad || !are_cpus(theirs);
        return *bad || (xlcfg_cpus(cfg, soft, 99, text) && strcmp(text, theirs) == 0);
    }
    xlu_list(key, &nr);
    for (int i = 0; i < nr; i++) {
        theirs = xlu_item(key, i);
        *bad = *bad || !theirs || !are_cpus(theirs);
    }
    for (int i = 0; i < nr && !*bad; i++)
        if (!xlcfg_cpus(cfg, soft, (u32)i, text) || strcmp(text, xlu_item(key, i)) != 0)
            return false;
    return *bad || !xlcfg_cpus(cfg, soft, (u32)nr, text);
}

/* What vnuma says: its nodes, and the one of each vCPU, -1: none. */
struct vnuma {
    struct {
        long pnode, mib;
        int distances, distance[XLCFG_VNODES_MAX];
    } node[XLCFG_VNODES_MAX];
    int vnode[XLCFG_VCPUS_MAX], vcpus;
};

/* Takes vCPUs like "0-3, 5" to a node. */
static void take_vcpus(struct vnuma *v, const char *text, int node, bool *bad)
{
    static regex_t form;
    static bool made;

    if (!made && regcomp(&form, "^ *[0-9]+(-[0-9]+)?( *, *[0-9]+(-[0-9]+)?)* *$", REG_EXTENDED | REG_NOSUB))
        abort();
    made = true;
    if (regexec(&form, text, 0, NULL, 0)) {
        *bad = true;
        return;
    }
    bool mine[XLCFG_VCPUS_MAX] = {false};
    for (const char *c = text; *c && !*bad;) {
        char *end;
        if (*c < '0' || *c > '9') {
            c++;
            continue;
        }
        unsigned long first = strtoul(c, &end, 10), last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
        *bad = last >= XLCFG_VCPUS_MAX || first > last;
        for (unsigned long id = first; id <= last && !*bad; id++)
            mine[id] = true;
        c = end;
    }
    for (u32 id = 0; id < XLCFG_VCPUS_MAX; id++) {
        *bad = *bad || (mine[id] && v->vnode[id] >= 0);
        v->vnode[id] = mine[id] ? node : v->vnode[id];
    }
}

/* Distances like "10,20". Returns how many. */
static int take_distances(const char *text, int distance[XLCFG_VNODES_MAX], bool *bad)
{
    int nr = 0;

    for (;; text++) {
        char *end;
        long value = *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : -1;
        *bad = *bad || value < 10 || value > 254 || (*end && *end != ',') || nr == XLCFG_VNODES_MAX;
        if (*bad)
            return 0;
        distance[nr++] = (int)value;
        text = end;
        if (!*text)
            return nr;
    }
}

static void read_vnode(struct vnuma *v, int index, bool *bad)
{
    char vcpus[256] = "", rest[256];
    long pnode = -1, size = -1, number;
    int nr = xlu_inner_list("vnuma", index);

    *bad = *bad || nr < 0 || index >= (int)XLCFG_VNODES_MAX;
    for (int i = 0; i < nr && !*bad; i++) {
        const char *option = xlu_inner_item("vnuma", index, i);
        int end = 0;
        if (!option || strlen(option) > 255)
            *bad = true;
        else if (sscanf(option, "pnode=%6[0-9]%n", rest, &end) == 1 && !option[end] &&
                 (number = atol(rest)) < 65535)
            pnode = number;
        else if (sscanf(option, "size=%9[0-9]%n", rest, &end) == 1 && !option[end] &&
                 (number = atol(rest)) <= 16 << 20)
            size = number;
        else if (strncmp(option, "vcpus=", 6) == 0 && option[6])
            snprintf(vcpus, sizeof(vcpus), "%s", option + 6);
        else if (strncmp(option, "vdistances=", 11) == 0 && option[11])
            v->node[index].distances = take_distances(option + 11, v->node[index].distance, bad);
        else
            *bad = true;
        /* What is overwritten by a further vcpus= must be right, too. */
        static struct vnuma nobody;
        memset(nobody.vnode, 0xff, sizeof(nobody.vnode));
        if (!*bad && option[0] == 'v' && option[1] == 'c')
            take_vcpus(&nobody, vcpus, 0, bad);
    }
    *bad = *bad || pnode < 0 || size < 0;
    if (*bad)
        return;
    v->node[index].pnode = pnode;
    v->node[index].mib = size;
    if (vcpus[0])
        take_vcpus(v, vcpus, index, bad);
}

/* The distances of one node: those given, or 10 and 20. */
static void check_distances(struct vnuma *v, int index, int nr, bool *bad)
{
    int *distance = v->node[index].distance;

    *bad = *bad || (v->node[index].distances && v->node[index].distances != nr);
    for (int to = 0; to < nr && !v->node[index].distances; to++)
        distance[to] = index == to ? 10 : 20;
    *bad = *bad || distance[index] != 10;
}

/* Has the builder the same node? */
static bool vnode_equal(const struct vnuma *v, const struct xlcfg *cfg, int index)
{
    const struct xlcfg_vnode *mine = &cfg->vnodes[index];
    bool same = mine->pnode == v->node[index].pnode && mine->size_mib == (u64)v->node[index].mib,
         placed = false;

    for (u32 to = 0; to < cfg->nr_vnodes; to++)
        same = same && mine->distance[to] == v->node[index].distance[to];
    for (u32 i = 0; i < cfg->nr_nodes; i++)
        placed = placed || cfg->nodes[i] == mine->pnode;
    return same && (placed || !mine->size_mib);
}

static bool vnuma_equal(const struct xlcfg *cfg, long memory, long maxmem, long vcpus, long *maxvcpus,
                        bool *bad)
{
    static struct vnuma v;
    long mib = 0;
    int nr = 0;

    if (!is_there("vnuma"))
        return *bad || !cfg->nr_vnodes;
    *bad = *bad || is_there("nodes") || xlu_list("vnuma", &nr);
    memset(&v, 0, sizeof(v));
    memset(v.vnode, 0xff, sizeof(v.vnode));
    for (int i = 0; i < nr && !*bad; i++)
        read_vnode(&v, i, bad);
    for (int i = 0; i < nr && !*bad; i++) {
        check_distances(&v, i, nr, bad);
        mib += v.node[i].mib;
    }
    for (u32 id = 0; id < XLCFG_VCPUS_MAX; id++) {
        *bad = *bad || (v.vnode[id] >= 0 && (u32)v.vcpus != id);
        v.vcpus += v.vnode[id] >= 0;
    }
    *bad = *bad || mib != memory || mib != maxmem || !v.vcpus || v.vcpus < vcpus ||
           (is_there("maxvcpus") && v.vcpus != *maxvcpus);
    *maxvcpus = v.vcpus;
    if (*bad)
        return true;
    bool same = (u32)nr == cfg->nr_vnodes;
    for (int i = 0; i < nr && same; i++)
        same = vnode_equal(&v, cfg, i);
    for (int id = 0; id < v.vcpus && same; id++)
        same = v.vnode[id] == cfg->vcpu_vnode[id];
    return same;
}

static bool node_of(const char *text, u32 *out)
{
    char *end;
    long node = strtol(text, &end, 0);

    *out = (u32)node;
    return end != text && !*end && node >= 0 && node <= 65535;
}

static bool nodes_equal(const struct xlcfg *cfg, bool *bad)
{
    static const char *const words[] = {"any", "last", "all", NULL};
    u32 nodes[MAX_NODES], nr = 0;
    const char *text;
    int items = 1;
    bool no_word = false;
    long number;

    int word = word_is("nodes", words, NODES_ANY, &no_word);
    if (!no_word)
        return *bad || cfg->nodes_kind == (enum xlcfg_nodes)word;
    if (xlu_string("nodes", &text) == 0)
        *bad = *bad || xlu_number("nodes", &number) || !node_of(text, &nodes[nr++]);
    else if (xlu_list("nodes", &items) || items < 1 || items > (int)MAX_NODES)
        *bad = true;
    for (int i = 0; !*bad && !nr && i < items; i++) {
        text = xlu_item("nodes", i);
        *bad = *bad || !text || !node_of(text, &nodes[i]);
        for (int j = 0; j < i; j++)
            *bad = *bad || nodes[i] == nodes[j];
    }
    return *bad || (cfg->nodes_kind == NODES_LIST && cfg->nr_nodes == (u32)items &&
                    memcmp(cfg->nodes, nodes, (size_t)items * sizeof(nodes[0])) == 0);
}

/* Which of the claims' flags are set, bit 0 strict and bit 1 scrub. */
static u32 claim_flags(bool *bad)
{
    const char *text = NULL;
    int items = 1;
    u32 flags = 0;

    if (!is_there("claim_flags"))
        return 0;
    bool is_text = xlu_string("claim_flags", &text) == 0;
    if (!is_text)
        xlu_list("claim_flags", &items);
    for (int i = 0; i < items; i++) {
        if (!is_text)
            text = xlu_item("claim_flags", i);
        if (text && strcmp(text, "strict") == 0)
            flags |= 1;
        else if (text && strcmp(text, "scrub") == 0)
            flags |= 2;
        else
            *bad = true;
    }
    return flags;
}

/* Writes the command line as xl makes it. */
static void command_line(char *out, size_t size, bool *bad)
{
    const char *cmdline, *root, *extra;

    if (text_is("cmdline", size, &cmdline, bad)) {
        snprintf(out, size, "%s", *bad ? "" : cmdline);
        return;
    }
    if (*bad)
        return;
    bool has_root = text_is("root", size, &root, bad), has_extra = text_is("extra", size, &extra, bad);
    if (*bad)
        return;
    int len = has_root ? snprintf(out, size, "root=%s%s%s", root, has_extra ? " " : "", extra)
                       : snprintf(out, size, "%s", extra);
    *bad = *bad || (size_t)len >= size;
}

/* The condition may set bad, also if the file was refused. */
#define RULE(name, condition) \
    do { \
        bool same = condition; \
        if (!bad && !rc && !same) \
            return name; \
    } while (0)

const char *model_differs(int rc, const struct xlcfg *cfg)
{
    static const char *const claims[] = {"node", "host", "off", NULL};
    static const char *const pools[] = {"Pool-0", NULL};
    static char line[XLCFG_TEXT_MAX];
    const char *expects[EXPECT_COUNT + 1] = {NULL}, *text;
    long number, more, memory, maxmem;
    bool bad = false;

    memcpy(expects, xlcfg_expect_names, sizeof(xlcfg_expect_names));
    int word = word_is("expect", expects, EXPECT_POWEROFF, &bad);
    RULE("expect", cfg->expect == (enum xlcfg_expect)word);
    bad = bad || !is_there("name") || !is_there("kernel") || !is_there("memory");
    text_is("name", XLCFG_NAME_MAX, &text, &bad);
    bad = bad || !*text ||
          text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")];
    RULE("name", strcmp(cfg->name, text) == 0);
    text_is("kernel", XLCFG_FILE_MAX, &text, &bad);
    bad = bad || !*text;
    RULE("kernel", strcmp(cfg->kernel, text) == 0);
    text_is("ramdisk", XLCFG_FILE_MAX, &text, &bad);
    RULE("ramdisk", strcmp(cfg->ramdisk, text) == 0);
    command_line(line, sizeof(line), &bad);
    RULE("cmdline", strcmp(cfg->extra, line) == 0);
    number_is("memory", 1, 16 << 20, 0, &number, &bad);
    RULE("memory", cfg->memory_mib == (u64)number);
    number_is("maxmem", 1, 16 << 20, number, &more, &bad);
    bad = bad || more < number;
    RULE("maxmem", cfg->maxmem_mib == (u64)more);
    memory = number;
    maxmem = more;
    number_is("vcpus", 1, 128, 1, &number, &bad);
    number_is("maxvcpus", 1, 128, number, &more, &bad);
    bad = bad || more < number;
    RULE("vnuma", vnuma_equal(cfg, memory, maxmem, number, &more, &bad));
    RULE("vcpus",
         cfg->vcpus ==
             (u32)(is_there("vnuma") && !is_there("vcpus") && !is_there("maxvcpus") ? more : number));
    RULE("maxvcpus", cfg->maxvcpus == (u32)more);
    word = word_is("claim_mode", claims, CLAIM_NODE, &bad);
    RULE("claim_mode", cfg->claim_mode == (enum xlcfg_claim)word);
    static const char *const orders[] = {"4K", "2M", "1G", NULL};
    int order = word_is("claim_order", orders, 0, &bad);
    RULE("claim_order", cfg->claim_order == (u32)order * 9);
    u32 flags = claim_flags(&bad);
    RULE("claim_flags", flags == cfg->claim_strict + 2u * cfg->claim_scrub);
    bad = bad || ((order || flags) && word != CLAIM_NODE);
    number_is("timeout", 1, 1000000, 60, &number, &bad);
    RULE("timeout", cfg->timeout_s == (u32)number);
    number_is("optional", 0, 1, 0, &number, &bad);
    RULE("optional", cfg->optional == (number != 0));
    number_is("numa_placement", 0, 1, 1, &number, &bad);
    RULE("numa_placement", cfg->numa_placement == (number != 0));
    word_is("pool", pools, 0, &bad);
    RULE("on_poweroff and the like", actions_equal(cfg, &bad));
    if (!is_there("vnuma"))
        RULE("nodes", nodes_equal(cfg, &bad));
    RULE("cpus", cpus_equal("cpus", cfg, false, &bad));
    RULE("cpus_soft", cpus_equal("cpus_soft", cfg, true, &bad));
    if (rc && !bad)
        return "refused without a reason";
    return !rc && bad ? "read in spite of a wrong value" : NULL;
}
