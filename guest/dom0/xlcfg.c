/*
 * The keys of a configuration: what is read from each, and its limits. See xlcfg.h.
 * lint: long: one short function for each key.
 */
#include <guest/dom0/cpus.h>
#include <guest/dom0/xlcfg.h>
#include <guest/dom0/xlevents.h>
#include <guest/dom0/xlvnuma.h>
#include <homestead/errno.h>
#include <lib/printf.h>
#include <lib/string.h>

#define TIMEOUT_MAX_S 1000000

const char *const xlcfg_expect_names[EXPECT_COUNT] = {"poweroff", "reboot",    "crash",     "loop", "killed",
                                                      "enomem",   "badkernel", "badconfig", "any"};

struct parser {
    struct xlcfg *out;
    struct xl_message *error;
};

static bool find(const struct parser *p, const char *key, struct xl_value *v)
{
    return xl_find(p->out->file, key, strlen(key), v);
}

static int fail(struct parser *p, u32 line, const char *key, const char *text)
{
    p->error->line = line;
    snprintf(p->error->text, sizeof(p->error->text), "%s: %s", key, text);
    return -EINVAL;
}

/* The last line: where something is missing. */
static int fail_at_end(struct parser *p, const char *key, const char *text)
{
    struct xl_cursor c = p->out->file;
    struct xl_value v;

    while (xl_next(&c, &v))
        ;
    return fail(p, c.line, key, text);
}

/* Reads a string. Leaves out as it is if the key is not there. */
static int get_text(struct parser *p, const char *key, char *out, size_t size)
{
    struct xl_value v;

    if (!find(p, key, &v))
        return 0;
    s64 len = xl_string(&v, out, size);
    if (len < 0)
        return fail(p, v.line, key, "a list, but one value is needed");
    return (size_t)len < size ? 0 : fail(p, v.line, key, "the value is too long");
}

/* What is wrong with a value that xl_number() does not read. */
static const char *not_a_number(const struct xl_value *v)
{
    char text[4];

    if (v->is_added)
        return "a number cannot be added to by +=";
    /* 08 looks like one: the reader of xl.cfg is told the rule. */
    if (xl_string(v, text, sizeof(text)) >= 2 && text[0] == '0' && text[1] >= '0' && text[1] <= '9')
        return "not a number: after a leading 0 it is octal, with digits 0 to 7";
    return "not a number";
}

/* Reads a number in [min, max]. Leaves *out as it is if the key is not there. */
static int get_number(struct parser *p, const char *key, s64 min, s64 max, s64 *out)
{
    struct xl_value v;
    s64 number;

    if (!find(p, key, &v))
        return 0;
    int rc = xl_number(&v, &number);
    if (rc == -EINVAL)
        return fail(p, v.line, key, not_a_number(&v));
    if (rc || number < min || number > max) {
        p->error->line = v.line;
        snprintf(p->error->text, sizeof(p->error->text), "%s: the number must be from %ld to %ld", key,
                 (long)min, (long)max);
        return -EINVAL;
    }
    *out = number;
    return 0;
}

/* The position of a word in words[]; count if it is none of them. */
static u32 word_of(const struct xl_value *v, const char *const *words, u32 count)
{
    char text[16];
    u32 i = 0;

    if (xl_string(v, text, sizeof(text)) < 0)
        return count;
    while (i < count && strcmp(text, words[i]) != 0)
        i++;
    return i;
}

/* Reads one of words[] as its position. Leaves *out as it is if the key is not there. */
static int get_word(struct parser *p, const char *key, const char *const *words, u32 count, u32 *out)
{
    struct xl_value v;

    if (!find(p, key, &v))
        return 0;
    u32 word = word_of(&v, words, count);
    if (word < count) {
        *out = word;
        return 0;
    }
    struct xl_message *e = p->error;
    e->line = v.line;
    size_t len = (size_t)snprintf(e->text, sizeof(e->text), "%s: not one of", key);
    for (u32 i = 0; i < count && len < sizeof(e->text); i++)
        len += (size_t)snprintf(e->text + len, sizeof(e->text) - len, " \"%s\"", words[i]);
    return -EINVAL;
}

static int get_name(struct parser *p)
{
    char *name = p->out->name;
    struct xl_value v;

    if (!find(p, "name", &v))
        return fail_at_end(p, "name", "missing");
    int rc = get_text(p, "name", name, sizeof(p->out->name));
    if (rc)
        return rc;
    for (const char *c = name; *c; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        if (!letter && !(*c >= '0' && *c <= '9') && !strchr("._-", *c))
            return fail(p, v.line, "name", "a name has letters, digits and . _ - only");
    }
    return name[0] ? 0 : fail(p, v.line, "name", "empty");
}

static int get_files(struct parser *p)
{
    int rc = get_text(p, "ramdisk", p->out->ramdisk, sizeof(p->out->ramdisk));

    if (!rc)
        rc = get_text(p, "kernel", p->out->kernel, sizeof(p->out->kernel));
    if (rc)
        return rc;
    return p->out->kernel[0] ? 0 : fail_at_end(p, "kernel", "missing");
}

/* As xl: cmdline, or else root and extra. */
static int get_command_line(struct parser *p)
{
    static const char prefix[] = "root=";
    char *out = p->out->extra;
    size_t size = sizeof(p->out->extra), len = 0;
    struct xl_value v;

    if (find(p, "cmdline", &v))
        return get_text(p, "cmdline", out, size);
    if (find(p, "root", &v)) {
        memcpy(out, prefix, sizeof(prefix));
        int rc = get_text(p, "root", out + sizeof(prefix) - 1, size - sizeof(prefix));
        if (rc)
            return rc;
        len = strlen(out);
        if (find(p, "extra", &v))
            out[len++] = ' ';
        out[len] = 0;
    }
    return get_text(p, "extra", out + len, size - len);
}

static int get_memory(struct parser *p)
{
    s64 memory = 0, maxmem = 0;
    struct xl_value v;

    int rc = get_number(p, "memory", 1, MEMORY_MAX_MIB, &memory);
    if (!rc && !memory)
        rc = fail_at_end(p, "memory", "missing");
    maxmem = memory;
    if (!rc)
        rc = get_number(p, "maxmem", 1, MEMORY_MAX_MIB, &maxmem);
    if (!rc && maxmem < memory && find(p, "maxmem", &v))
        rc = fail(p, v.line, "maxmem", "less than memory");
    p->out->memory_mib = (u64)memory;
    p->out->maxmem_mib = (u64)maxmem;
    return rc;
}

static int get_vcpus(struct parser *p)
{
    s64 vcpus = 1, maxvcpus;
    struct xl_value v;

    int rc = get_number(p, "vcpus", 1, XLCFG_VCPUS_MAX, &vcpus);
    maxvcpus = vcpus;
    if (!rc)
        rc = get_number(p, "maxvcpus", 1, XLCFG_VCPUS_MAX, &maxvcpus);
    if (!rc && maxvcpus < vcpus && find(p, "maxvcpus", &v))
        rc = fail(p, v.line, "maxvcpus", "less than vcpus");
    p->out->vcpus = (u32)vcpus;
    p->out->maxvcpus = (u32)maxvcpus;
    return rc;
}

/* After the number of vCPUs: Homestead refuses a cap that they cannot use, as Xen's credit2 does. */
static int get_scheduling(struct parser *p)
{
    s64 weight = 0, cap = 0;

    int rc = get_number(p, "cpu_weight", 1, 65535, &weight);
    if (!rc)
        rc = get_number(p, "cap", 0, 100 * p->out->maxvcpus, &cap);
    p->out->cpu_weight = (u16)weight;
    p->out->cap = (u16)cap;
    return rc;
}

static int add_node(struct parser *p, const struct xl_value *v)
{
    struct xlcfg *out = p->out;
    s64 node;

    if (xl_number(v, &node) || node < 0 || node > 0xffff)
        return fail(p, v->line, "nodes", "not a node number, \"any\", \"last\" or \"all\"");
    if (out->nr_nodes == MAX_NODES)
        return fail(p, v->line, "nodes", "too many nodes");
    for (u32 i = 0; i < out->nr_nodes; i++)
        if (out->nodes[i] == (u32)node)
            return fail(p, v->line, "nodes", "a node is named twice");
    out->nodes[out->nr_nodes++] = (u32)node;
    out->nodes_kind = NODES_LIST;
    return 0;
}

static int get_nodes(struct parser *p)
{
    static const char *const words[] = {[NODES_ANY] = "any", [NODES_LAST] = "last", [NODES_ALL] = "all"};
    struct xl_value v, item;
    int rc = 0;

    if (!find(p, "nodes", &v))
        return 0;
    u32 word = word_of(&v, words, ARRAY_SIZE(words));
    if (word < ARRAY_SIZE(words)) {
        p->out->nodes_kind = (enum xlcfg_nodes)word;
        return 0;
    }
    if (!v.is_list)
        return add_node(p, &v);
    struct xl_items items = xl_items(&v);
    while (!rc && xl_next_item(&items, &item))
        rc = add_node(p, &item);
    return rc || p->out->nr_nodes ? rc : fail(p, v.line, "nodes", "an empty list");
}

static int check_cpus(struct parser *p, const char *key, const struct xl_value *v)
{
    char text[XLCFG_CPUS_MAX];
    u8 map[MAX_CPUS / 8];
    s64 len = xl_string(v, text, sizeof(text));

    if (len >= (s64)sizeof(text))
        return fail(p, v->line, key, "the value is too long");
    if (len < 0 || cpus_parse(text, NULL, 0, map) == -EINVAL)
        return fail(p, v->line, key, "not a list of CPUs such as \"0-3,^1\", \"nodes:1\" or \"all\"");
    return 0;
}

/* What exists of these CPUs is found out when the host's are known. */
static int get_cpus(struct parser *p, const char *key, struct xl_value *out)
{
    struct xl_value item;
    int rc = 0;

    if (!find(p, key, out))
        return 0;
    if (!out->is_list)
        return check_cpus(p, key, out);
    struct xl_items items = xl_items(out);
    while (!rc && xl_next_item(&items, &item))
        rc = check_cpus(p, key, &item);
    return rc;
}

bool xlcfg_cpus(const struct xlcfg *cfg, bool soft, u32 vcpu, char out[XLCFG_CPUS_MAX])
{
    const struct xl_value *cpus = soft ? &cfg->cpus_soft : &cfg->cpus;
    struct xl_value item = *cpus;

    if (!cpus->text && soft && cfg->nr_vnodes)
        return snprintf(out, XLCFG_CPUS_MAX, "node:%u", cfg->vnodes[cfg->vcpu_vnode[vcpu]].pnode) > 0;
    if (!cpus->text)
        return false;
    if (cpus->is_list) {
        struct xl_items items = xl_items(cpus);
        for (u32 i = 0; i <= vcpu; i++)
            if (!xl_next_item(&items, &item))
                return false;
    }
    (void)xl_string(&item, out, XLCFG_CPUS_MAX);
    return true;
}

/* The vCPUs of all virtual nodes are the domain's. */
static int get_vnuma(struct parser *p)
{
    struct xl_value v, other;
    u32 vcpus;

    if (!find(p, "vnuma", &v))
        return 0;
    if (find(p, "nodes", &other))
        return fail(p, other.line, "nodes", "vnuma names the nodes already");
    int rc = xlvnuma_read(&v, p->out, &vcpus, p->error);
    if (rc)
        return rc;
    if (vcpus < p->out->vcpus || (find(p, "maxvcpus", &other) && vcpus != p->out->maxvcpus))
        return fail(p, v.line, "vnuma", "its vCPUs are fewer than vcpus, or not as many as maxvcpus");
    if (!find(p, "vcpus", &other) && !find(p, "maxvcpus", &other))
        p->out->vcpus = vcpus;
    p->out->maxvcpus = vcpus;
    return 0;
}

/* There is one pool of CPUs. A guest without its placement is not what its author wants. */
static int get_placement(struct parser *p)
{
    static const char *const pools[] = {"Pool-0"};
    s64 placement = 1;
    u32 pool;

    int rc = get_number(p, "numa_placement", 0, 1, &placement);
    p->out->numa_placement = placement != 0;
    if (!rc)
        rc = get_word(p, "pool", pools, ARRAY_SIZE(pools), &pool);
    return rc ? rc : get_vnuma(p);
}

static int add_claim_flag(struct parser *p, const struct xl_value *v)
{
    static const char *const words[] = {"strict", "scrub"};
    u32 word = word_of(v, words, ARRAY_SIZE(words));

    if (word == ARRAY_SIZE(words))
        return fail(p, v->line, "claim_flags", "not a list of \"strict\" and \"scrub\"");
    *(word == 0 ? &p->out->claim_strict : &p->out->claim_scrub) = true;
    return 0;
}

static int get_claim_flags(struct parser *p)
{
    struct xl_value v, item;
    int rc = 0;

    if (!find(p, "claim_flags", &v))
        return 0;
    if (!v.is_list)
        return add_claim_flag(p, &v);
    struct xl_items items = xl_items(&v);
    while (!rc && xl_next_item(&items, &item))
        rc = add_claim_flag(p, &item);
    return rc;
}

static int get_claim(struct parser *p)
{
    static const char *const modes[] = {[CLAIM_NODE] = "node", [CLAIM_HOST] = "host", [CLAIM_OFF] = "off"};
    static const char *const sizes[] = {"4K", "2M", "1G"};
    static const u32 orders[] = {ORDER_4K, ORDER_2M, ORDER_1G};
    u32 mode = CLAIM_NODE, size = 0;
    struct xl_value v;

    int rc = get_word(p, "claim_mode", modes, ARRAY_SIZE(modes), &mode);
    if (!rc)
        rc = get_word(p, "claim_order", sizes, ARRAY_SIZE(sizes), &size);
    if (!rc)
        rc = get_claim_flags(p);
    p->out->claim_mode = (enum xlcfg_claim)mode;
    p->out->claim_order = orders[size];
    if (!rc && mode != CLAIM_NODE && (size || p->out->claim_strict || p->out->claim_scrub) &&
        find(p, "claim_mode", &v))
        rc = fail(p, v.line, "claim_mode", "claim_order and claim_flags need \"node\"");
    return rc;
}

static int get_options(struct parser *p)
{
    s64 timeout = 60, optional = 0;

    int rc = get_number(p, "timeout", 1, TIMEOUT_MAX_S, &timeout);
    if (!rc)
        rc = get_number(p, "optional", 0, 1, &optional);
    p->out->timeout_s = (u32)timeout;
    p->out->optional = optional != 0;
    return rc;
}

int xlcfg_parse(const char *text, size_t len, struct xlcfg *out, struct xl_message *error)
{
    static int (*const getters[])(struct parser *) = {
        get_name,  get_files,     get_command_line, get_memory,  get_vcpus,
        get_nodes, get_placement, get_claim,        get_options, get_scheduling};
    struct parser p = {.out = out, .error = error};
    struct xl_cursor end = xl_start(text, len);
    u32 expect = EXPECT_POWEROFF;

    *out = (struct xlcfg){.file = end};
    int syntax = xl_check(&end, error);
    out->file.end = end.at;
    /* A broken file's expectation counts, too. */
    struct xl_message message;
    int rc = get_word(&(struct parser){.out = out, .error = &message}, "expect", xlcfg_expect_names,
                      EXPECT_COUNT, &expect);
    out->expect = (enum xlcfg_expect)expect;
    if (syntax)
        return syntax;
    if (rc)
        *error = message;
    for (u32 i = 0; !rc && i < ARRAY_SIZE(getters); i++)
        rc = getters[i](&p);
    if (!rc)
        rc = xlevents_parse(out, error);
    if (!rc)
        rc = get_cpus(&p, "cpus", &out->cpus);
    return rc ? rc : get_cpus(&p, "cpus_soft", &out->cpus_soft);
}
