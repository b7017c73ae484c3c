/* Virtual NUMA nodes as xl.cfg(5) has them. See xlvnuma.h. */
#include <guest/dom0/cpus.h>
#include <guest/dom0/xlvnuma.h>
#include <homestead/errno.h>
#include <lib/printf.h>
#include <lib/string.h>

#define OPTION_MAX    256u
#define NO_NODE       0xffffu
#define NO_VNODE      0xffu
#define DISTANCE_SELF 10u
#define DISTANCE_ELSE 20u
#define DISTANCE_MAX  254u /* 255 in a SLIT: the other node cannot be reached */

struct reader {
    struct xlcfg *out;
    struct xl_message *error; /* its line is that of the node that is read */
    u32 nr_distances[XLCFG_VNODES_MAX];
};

PRINTF(2, 3) static int wrong(struct reader *r, const char *fmt, ...)
{
    static const char key[] = "vnuma: ";
    char *text = r->error->text;
    va_list args;

    memcpy(text, key, sizeof(key));
    va_start(args, fmt);
    vsnprintf(text + sizeof(key) - 1, sizeof(r->error->text) - (sizeof(key) - 1), fmt, args);
    va_end(args);
    return -EINVAL;
}

/* Digits, up to the end or a character of `after`. Moves *text past them. */
static bool number(const char **text, const char *after, u64 max, u64 *out)
{
    const char *start = *text;
    u64 value = 0;

    for (; **text >= '0' && **text <= '9' && value <= max; ++*text)
        value = value * 10 + (u64)(**text - '0');
    *out = value;
    return *text > start && value <= max && (!**text || strchr(after, **text));
}

/* Distances with commas between. How many there must be is known when all nodes have been read. */
static int read_distances(struct reader *r, const char *text, u8 distance[XLCFG_VNODES_MAX])
{
    u32 *nr = &r->nr_distances[r->out->nr_vnodes];
    u64 value;

    for (*nr = 0;; text++) {
        if (!number(&text, ",", 0xffff, &value))
            return wrong(r, "vdistances is not a list of distances such as 10,20");
        if (value < DISTANCE_SELF || value > DISTANCE_MAX)
            return wrong(r, "a distance is from 10, a node's to itself, to 254, and not %lu", value);
        if (*nr == XLCFG_VNODES_MAX)
            return wrong(r, "vdistances has more than %u distances", XLCFG_VNODES_MAX);
        distance[(*nr)++] = (u8)value;
        if (!*text)
            return 0;
    }
}

static int read_vcpus(struct reader *r, const char *text, u8 vcpus[XLCFG_VCPUS_MAX / 8])
{
    int rc = cpus_parse_numbers(text, XLCFG_VCPUS_MAX, vcpus);

    if (rc == -ERANGE)
        return wrong(r, "a guest has up to %u vCPUs, numbered from 0", XLCFG_VCPUS_MAX);
    return rc ? wrong(r, "vcpus is not a list of vCPUs such as 0-3,5") : 0;
}

/* The value of `KEY=VALUE`, if that is the key. */
static const char *value_of(const char *option, const char *key)
{
    size_t len = strlen(key);

    return strncmp(option, key, len) == 0 && option[len] == '=' && option[len + 1] ? option + len + 1 : NULL;
}

/* A node while its options are read. */
struct vnode {
    struct xlcfg_vnode node;
    u64 pnode;
    u8 vcpus[XLCFG_VCPUS_MAX / 8];
    bool has_pnode, has_size;
};

static int read_option(struct reader *r, const struct xl_value *v, struct vnode *n)
{
    char text[OPTION_MAX];
    const char *value;
    s64 len = xl_string(v, text, sizeof(text));

    if (len < 0 || len >= (s64)sizeof(text))
        return wrong(r, "not an option of a node");
    if ((value = value_of(text, "pnode"))) {
        n->has_pnode = true;
        return number(&value, "", NO_NODE - 1, &n->pnode) ? 0 : wrong(r, "pnode is not a node number");
    }
    if ((value = value_of(text, "size"))) {
        n->has_size = true;
        return number(&value, "", MEMORY_MAX_MIB, &n->node.size_mib)
                   ? 0
                   : wrong(r, "size is not a number of MiB");
    }
    if ((value = value_of(text, "vcpus")))
        return read_vcpus(r, value, n->vcpus);
    if ((value = value_of(text, "vdistances")))
        return read_distances(r, value, n->node.distance);
    return wrong(r, "not pnode=, size=, vcpus= or vdistances=");
}

/* Two virtual nodes may be on the same node of the host. */
static void add_pnode(struct xlcfg *out, u32 pnode)
{
    for (u32 i = 0; i < out->nr_nodes; i++)
        if (out->nodes[i] == pnode)
            return;
    out->nodes[out->nr_nodes++] = pnode;
}

static int add_vnode(struct reader *r, const struct vnode *n)
{
    struct xlcfg *out = r->out;

    for (u32 id = 0; id < XLCFG_VCPUS_MAX; id++) {
        if (!(n->vcpus[id / 8] & 1u << id % 8))
            continue;
        if (out->vcpu_vnode[id] != NO_VNODE)
            return wrong(r, "vCPU %u is on two nodes, %u and %u", id, out->vcpu_vnode[id], out->nr_vnodes);
        out->vcpu_vnode[id] = (u8)out->nr_vnodes;
    }
    out->vnodes[out->nr_vnodes++] = n->node;
    if (n->node.size_mib)
        add_pnode(out, n->node.pnode);
    return 0;
}

static int read_vnode(struct reader *r, const struct xl_value *v)
{
    struct vnode n = {0};
    struct xl_value option;

    if (!v->is_list)
        return wrong(r, "a node is not a list");
    if (r->out->nr_vnodes == XLCFG_VNODES_MAX)
        return wrong(r, "more than %u nodes", XLCFG_VNODES_MAX);
    for (struct xl_items items = xl_items(v); xl_next_item(&items, &option);) {
        int rc = read_option(r, &option, &n);
        if (rc)
            return rc;
    }
    if (!n.has_pnode || !n.has_size)
        return wrong(r, "a node needs pnode= and size=");
    n.node.pnode = (u32)n.pnode;
    return add_vnode(r, &n);
}

static int check_distances(struct reader *r, u32 from)
{
    u8 *distance = r->out->vnodes[from].distance;
    u32 nr = r->out->nr_vnodes;

    for (u32 to = 0; to < nr && !r->nr_distances[from]; to++)
        distance[to] = from == to ? DISTANCE_SELF : DISTANCE_ELSE;
    if (r->nr_distances[from] && r->nr_distances[from] != nr)
        return wrong(r, "node %u has %u vdistances, but there are %u nodes", from, r->nr_distances[from], nr);
    return distance[from] == DISTANCE_SELF
               ? 0
               : wrong(r, "node %u's distance to itself is %u and must be 10", from, distance[from]);
}

static int check_vcpus(struct reader *r, u32 *vcpus)
{
    const u8 *vnode = r->out->vcpu_vnode;
    u32 nr = XLCFG_VCPUS_MAX;

    while (nr && vnode[nr - 1] == NO_VNODE)
        nr--;
    for (u32 id = 0; id < nr; id++)
        if (vnode[id] == NO_VNODE)
            return wrong(r, "vCPU %u is on no node", id);
    *vcpus = nr;
    return nr ? 0 : wrong(r, "no node has vcpus=");
}

static int check_sizes(struct reader *r)
{
    const struct xlcfg *out = r->out;
    u64 sum = 0;

    for (u32 i = 0; i < out->nr_vnodes; i++)
        sum += out->vnodes[i].size_mib;
    bool memory = sum != out->memory_mib;
    return memory || sum != out->maxmem_mib
               ? wrong(r, "the sizes add up to %lu MiB, but %s is %lu", sum, memory ? "memory" : "maxmem",
                       memory ? out->memory_mib : out->maxmem_mib)
               : 0;
}

int xlvnuma_read(const struct xl_value *vnuma, struct xlcfg *out, u32 *vcpus, struct xl_message *error)
{
    struct reader r = {.out = out, .error = error};
    struct xl_value node;
    int rc = 0;

    error->line = vnuma->line;
    out->nodes_kind = NODES_LIST;
    memset(out->vcpu_vnode, NO_VNODE, sizeof(out->vcpu_vnode));
    if (!vnuma->is_list)
        return wrong(&r, "not a list of nodes");
    for (struct xl_items items = xl_items(vnuma); !rc && xl_next_item(&items, &node);) {
        error->line = node.line;
        rc = read_vnode(&r, &node);
    }
    if (rc)
        return rc;
    error->line = vnuma->line;
    for (u32 i = 0; i < out->nr_vnodes && !rc; i++)
        rc = check_distances(&r, i);
    if (!rc)
        rc = check_sizes(&r);
    return rc ? rc : check_vcpus(&r, vcpus);
}
