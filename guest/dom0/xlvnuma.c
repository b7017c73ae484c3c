/* Virtual NUMA nodes as xl.cfg(5) has them, as far as they place memory and vCPUs. See xlvnuma.h. */
#include <guest/dom0/cpus.h>
#include <guest/dom0/xlvnuma.h>
#include <lib/string.h>

#define OPTION_MAX 256u
#define NO_NODE    0xffffu

struct vnode {
    u64 pnode, size_mib;
    u8 vcpus[XLCFG_VCPUS_MAX / 8];
    bool has_pnode, has_size, has_vcpus;
};

static bool number(const char *text, u64 max, u64 *out)
{
    u64 value = 0;

    for (; *text >= '0' && *text <= '9' && value <= max; text++)
        value = value * 10 + (u64)(*text - '0');
    *out = value;
    return !*text && value <= max;
}

/* The value of `KEY=VALUE`, if that is the key. */
static const char *value_of(const char *option, const char *key)
{
    size_t len = strlen(key);

    return strncmp(option, key, len) == 0 && option[len] == '=' && option[len + 1] ? option + len + 1 : NULL;
}

static const char *read_option(const struct xl_value *v, struct vnode *node)
{
    char text[OPTION_MAX];
    const char *value;
    s64 len = xl_string(v, text, sizeof(text));

    if (len < 0 || len >= (s64)sizeof(text))
        return "not an option of a node";
    if ((value = value_of(text, "pnode"))) {
        node->has_pnode = true;
        return number(value, NO_NODE - 1, &node->pnode) ? NULL : "pnode is not a node number";
    }
    if ((value = value_of(text, "size"))) {
        node->has_size = true;
        return number(value, MEMORY_MAX_MIB, &node->size_mib) && node->size_mib
                   ? NULL
                   : "size is not a number of MiB";
    }
    if ((value = value_of(text, "vcpus"))) {
        node->has_vcpus = true;
        return cpus_parse_numbers(value, XLCFG_VCPUS_MAX, node->vcpus) ? "vcpus is not a list of vCPUs"
                                                                       : NULL;
    }
    return value_of(text, "vdistances") ? NULL : "not pnode=, size=, vcpus= or vdistances=";
}

/* Two virtual nodes may be on the same node. */
static const char *add_node(const struct vnode *node, struct xlcfg *out)
{
    u32 i = 0;

    while (i < out->nr_nodes && out->nodes[i] != node->pnode)
        i++;
    if (i == MAX_NODES)
        return "too many nodes";
    out->nr_nodes = MAX(out->nr_nodes, i + 1);
    out->nodes[i] = (u32)node->pnode;
    out->node_mib[i] += node->size_mib;
    for (u32 id = 0; id < XLCFG_VCPUS_MAX; id++) {
        if (!(node->vcpus[id / 8] & 1u << id % 8))
            continue;
        if (out->vcpu_node[id] != NO_NODE)
            return "a vCPU is on two nodes";
        out->vcpu_node[id] = (u16)node->pnode;
    }
    return NULL;
}

static const char *read_node(const struct xl_value *v, struct xlcfg *out)
{
    struct vnode node = {0};
    struct xl_value option;

    if (!v->is_list)
        return "a node is not a list";
    for (struct xl_items items = xl_items(v); xl_next_item(&items, &option);) {
        const char *wrong = read_option(&option, &node);
        if (wrong)
            return wrong;
    }
    if (!node.has_pnode || !node.has_size || !node.has_vcpus)
        return "a node needs pnode=, size= and vcpus=";
    return add_node(&node, out);
}

const char *xlvnuma_read(const struct xl_value *vnuma, struct xlcfg *out, u32 *vcpus, u32 *line)
{
    struct xl_value node;
    u64 sum = 0;

    *line = vnuma->line;
    out->vnuma = true;
    out->nodes_kind = NODES_LIST;
    for (u32 id = 0; id < XLCFG_VCPUS_MAX; id++)
        out->vcpu_node[id] = NO_NODE;
    if (!vnuma->is_list)
        return "not a list of nodes";
    for (struct xl_items items = xl_items(vnuma); xl_next_item(&items, &node);) {
        const char *wrong = read_node(&node, out);
        if (wrong) {
            *line = node.line;
            return wrong;
        }
    }
    for (u32 i = 0; i < out->nr_nodes; i++)
        sum += out->node_mib[i];
    if (sum != out->memory_mib || sum != out->maxmem_mib)
        return "the sizes do not add up to memory and maxmem";
    for (*vcpus = 0; *vcpus < XLCFG_VCPUS_MAX && out->vcpu_node[*vcpus] != NO_NODE; ++*vcpus)
        ;
    for (u32 id = *vcpus; id < XLCFG_VCPUS_MAX; id++)
        if (out->vcpu_node[id] != NO_NODE)
            return "a vCPU is on no node";
    return NULL;
}
