/* mm/ made afresh, and what it says of itself. */
#include <tests/machine/machine.h>

#include <stdlib.h>
#include <string.h>

static struct frame_tables tables;

void mm_unmake(void)
{
    free(tables.chunks);
    free(tables.regions);
    free(tables.words);
    tables = (struct frame_tables){0};
}

/* Memory as it is found when a machine boots: nothing in it may be taken for a record. That of large machines is zero, and
 * exists where it is written. */
static void *unwritten(u64 nr, size_t bytes)
{
    bool large = nr * bytes > MIB(32);
    void *memory = large ? calloc(nr, bytes) : malloc(nr * bytes);

    return large ? memory : memset(memory, 0xa5, nr * bytes);
}

void mm_make_near(u32 nr_nodes, u64 nr_frames, const u8 near[MAX_NODES][MAX_NODES])
{
    mm_unmake();
    tables = (struct frame_tables){
        .chunks = unwritten(DIV_ROUND_UP(nr_frames, BIT(ORDER_1G)), sizeof(struct chunk_page)),
        .regions = unwritten(DIV_ROUND_UP(nr_frames, MAP_BITS), sizeof(struct region)),
        .words = unwritten(ALIGN_UP(nr_frames, MAP_BITS), sizeof(frame_word_t)),
    };
    mm_init(&tables);
    mm_set_nodes(nr_nodes, near);
}

void mm_make(u32 nr_nodes, u64 nr_frames)
{
    static u8 near[MAX_NODES][MAX_NODES];

    for (u32 a = 0; a < nr_nodes; a++) {
        u32 nr = 0;

        for (u32 apart = 0; apart < nr_nodes; apart++)
            for (u32 b = 0; b < nr_nodes; b++)
                if ((a > b ? a - b : b - a) == apart)
                    near[a][nr++] = (u8)b;
    }
    mm_make_near(nr_nodes, nr_frames, (const u8(*)[MAX_NODES])near);
}

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

static bool hogged[1u << 15];
static u32 hog_next;

void hog_all(void)
{
    mfn_t m;

    hog_next = 0;
    while (mm_alloc(NULL, NODE_NONE, 0, MM_OVERHEAD, &m) == 0) {
        BUG_ON(m.n - MACHINE_BASE >= ARRAY_SIZE(hogged));
        hogged[m.n - MACHINE_BASE] = true;
    }
}

void unhog(u32 nr)
{
    for (; nr && hog_next < ARRAY_SIZE(hogged); hog_next++)
        if (hogged[hog_next]) {
            hogged[hog_next] = false;
            mm_free_overhead(NULL, mfn(MACHINE_BASE + hog_next), 0);
            nr--;
        }
}

int take_one(struct mem_account *account, nodeid_t nid, u32 order, u32 flags, struct mm_taken *taken)
{
    struct mm_request request = {.nid = nid, .order = order, .nr = 1, .flags = flags};

    return mm_take(account, &request, taken);
}

int release_range(struct mem_account *account, mfn_t m, u32 order)
{
    return mm_release_many(account, &m, order, 1);
}
