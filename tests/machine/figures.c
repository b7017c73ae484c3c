#include <tests/machine/machine.h>

static struct mm_node_info node_info(nodeid_t nid)
{
    struct mm_node_info info;

    mm_node_get_info(nid, &info);
    return info;
}

u64 node_free(nodeid_t nid)
{
    return node_info(nid).free_pages;
}

u64 node_claimed(nodeid_t nid)
{
    return node_info(nid).claimed_pages;
}

u64 node_dirty(nodeid_t nid)
{
    return node_info(nid).dirty_pages;
}

struct mm_host_info host_info(void)
{
    struct mm_host_info info;

    mm_host_get_info(&info);
    return info;
}

u64 free_pages(void)
{
    return host_info().free_pages;
}

void clean_all(void)
{
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        while (mm_scrub_step(nid))
            ;
}
