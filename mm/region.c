/*
 * Regions of 2 MiB: how they are taken, split, given up and joined again. See mm/page.h for what they are.
 * Node lock held in every function.
 *
 * nr_ram = nr_free + owned + nr_away for a split region. When nothing is owned any more it has no holder;
 * when all is free and it is a whole window it becomes a bit in its chunk's maps.
 *
 * lint: long: all changes of one state
 */
#include <lib/assert.h>
#include <lib/list.h>
#include <mm/region.h>

/* --- lists --- */

static void home_leave(struct region *r)
{
    if (r->pprev)
        LIST_REMOVE(r, next, pprev);
}

static void home_enter(struct node *node, struct region *r)
{
    bool open = r->state == REGION_SPLIT && r->nr_free;
    struct region **list = &node->crumbs;

    if (r->holder)
        list = open ? &r->holder->open : &r->holder->full;
    else if (r->shared)
        list = &node->shared[open];
    LIST_PUSH(list, r, next, pprev);
}

static void open_leave(struct region *r)
{
    if (r->open_pprev)
        LIST_REMOVE(r, open_next, open_pprev);
}

static void open_enter(struct node *node, struct region *r, u32 gives)
{
    r->gives = (u8)gives;
    LIST_PUSH(&node->open[gives], r, open_next, open_pprev);
}

/* The largest order of a run among nr free frames, which are not the whole region. */
static u32 largest_order(u32 nr)
{
    return 31u - (u32)__builtin_clz(nr);
}

void region_gives_less(struct node *node, struct region *r, u32 order)
{
    open_leave(r);
    open_enter(node, r, order - 1);
}

void region_relist(struct node *node, struct region *r)
{
    if ((r->nr_free != 0) != (r->open_pprev != NULL)) {
        open_leave(r);
        if (r->nr_free)
            open_enter(node, r, largest_order(r->nr_free));
        home_leave(r);
        home_enter(node, r);
    }
    LIST_SET(r->nr_dirty, &node->dirty_regions, r, dirty_next, dirty_pprev);
}

/* After frames of a split region have become free, or have gone away. */
void region_settle(struct node *node, struct region *r)
{
    if (r->nr_free == MAP_BITS) {
        bool dirty = r->nr_dirty != 0;

        home_leave(r);
        open_leave(r);
        LIST_SET(false, &node->dirty_regions, r, dirty_next, dirty_pprev);
        r->holder = NULL;
        r->shared = false;
        if (dirty)
            node->dirty_pages += MAP_BITS - r->nr_dirty; /* it is cleaned as a whole */
        chunk_put_region(node, r, dirty);
        return;
    }
    if (r->nr_free + r->nr_away == r->nr_ram && (r->holder || r->shared)) {
        home_leave(r);
        r->holder = NULL;
        r->shared = false;
        home_enter(node, r);
    }
    region_relist(node, r);
    if (r->open_pprev && largest_order(r->nr_free) > r->gives) {
        open_leave(r);
        open_enter(node, r, largest_order(r->nr_free));
    }
}

/* --- taking --- */

void region_admit(struct node *node, struct region *r, struct holdings *holder)
{
    if (r->holder == holder || r->shared)
        return;
    home_leave(r);
    if (r->holder) {
        r->holder->shared += (u32)(r->nr_ram - r->nr_free - r->nr_away);
        r->holder = NULL;
        r->shared = true;
    } else {
        r->holder = holder;
    }
    home_enter(node, r);
}

void region_renew(struct region *r, struct holdings *holder, u16 owner, enum owned_state state)
{
    r->state = (u8)state;
    r->shared = false;
    r->has_words = false;
    r->owner = owner;
    r->nr_ram = MAP_BITS;
    r->nr_free = r->nr_dirty = r->nr_pinned = r->nr_leaving = r->nr_away = 0;
    r->holder = holder;
    r->pprev = r->open_pprev = r->dirty_pprev = NULL;
}

void region_break(struct node *node, struct region *r)
{
    bool dirty = chunk_take_region(node, r);

    region_renew(r, NULL, PAGE_OWNER_NONE, REGION_SPLIT);
    map_fill(r->free, true);
    map_fill(r->dirty, dirty);
    r->nr_free = MAP_BITS;
    r->nr_dirty = dirty ? MAP_BITS : 0;
    home_enter(node, r);
    open_enter(node, r, MAP_ORDER - 1);
    LIST_SET(dirty, &node->dirty_regions, r, dirty_next, dirty_pprev);
}

void region_own(struct chunk *c, u32 bit, const struct take *take)
{
    struct holdings *holder = take->holder;
    struct region *r = chunk_region(c, bit);

    region_renew(r, holder, take->owner, take->state);
    LIST_PUSH(&holder->full, r, next, pprev);
}

void regions_own(struct chunk *c, u32 w, u64 bits, const struct take *take)
{
    u64 base = c->base + w * 64 * MAP_BITS;
    struct region *first = &frame_tables.regions[base / MAP_BITS], *head = take->holder->full;

    /* LIST_PUSH() of each, but the list's head is written once: 37 -> 25 instructions a region. */
    for (; bits; bits &= bits - 1) {
        u32 i = (u32)__builtin_ctzll(bits);
        struct region *r = first + i;

        region_renew(r, take->holder, take->owner, take->state);
        r->base = base + (u64)i * MAP_BITS;
        r->chunk = c;
        r->next = head;
        if (head)
            head->pprev = &r->next;
        head = r;
    }
    head->pprev = &take->holder->full;
    take->holder->full = head;
}

void region_inherit(struct region *r)
{
    struct chunk *c = r->chunk;

    if (!map_test(c->marked, region_bit(r->base)))
        region_renew(r, NULL, c->owner, (enum owned_state)c->state);
    r->holder = c->holder;
    LIST_PUSH(&c->ready, r, next, pprev);
}

/* A region owned as a whole becomes a split one with all frames owned. */
static void region_split(struct region *r)
{
    region_write_words(r);
    map_fill(r->free, false);
    map_fill(r->dirty, false);
    r->nr_free = r->nr_dirty = r->nr_away = 0;
    r->has_words = false;
    r->state = REGION_SPLIT; /* and stays in its holder's list, without free frames */
}

/* --- giving up --- */

static void free_bit(struct node *node, struct region *r, u32 bit)
{
    map_set(r->free, bit);
    map_set(r->dirty, bit);
    region_count_free(node, r, 1);
}

/* One owned frame, which may be pinned or on its way out. */
static void free_frame(struct node *node, struct region *r, u32 i, struct freed *freed)
{
    frame_word_t *words = region_words(r), word = words[i];

    if (frame_pins(word)) {
        words[i] = (word & ~FRAME_STATE_MASK) | frame_word(0, FRAME_RELEASED);
        r->nr_away++;
        return;
    }
    freed->gone++;
    if (word & FRAME_LEAVING) {
        words[i] = frame_word(PAGE_OWNER_NONE, FRAME_OFFLINE);
        r->nr_away++;
        node->offline_pages++;
        return;
    }
    freed->free++;
    free_bit(node, r, i);
}

void region_free_whole(struct node *node, struct region *r)
{
    u32 bit = region_bit(r->base);

    LIST_REMOVE(r, next, pprev);
    chunk_put_regions(node, r->chunk, bit / 64, BIT(bit % 64), 1);
}

/* The bit after those of whole windows from n on, up to end, in n's word; n's own if n is not the start of one. Their
 * records are in a row. */
static u32 windows_end(u64 n, u64 end)
{
    u32 first = region_bit(n);

    if (n % MAP_BITS)
        return first;
    return MIN((first | 63) + 1, first + (u32)MIN((end - n) / MAP_BITS, MAP_BITS));
}

u32 regions_owned(const struct chunk *c, u64 n, u64 end, u16 owner, enum owned_state state)
{
    u32 first = region_bit(n), bit = first, beyond = windows_end(n, end), w = first / 64;
    const struct region *r = &frame_tables.regions[n / MAP_BITS];

    if (bit == beyond || c->state != REGION_SPLIT ||
        (c->clean[w] | c->dirty[w]) & map_mask_within(first, beyond))
        return 0;
    while (bit < beyond && r->state == state && r->owner == owner)
        bit++, r++;
    return bit - first;
}

u32 regions_free(struct node *node, struct chunk *c, u64 n, u64 end, struct freed *freed)
{
    u32 first = region_bit(n), bit = first, beyond = windows_end(n, end);
    struct region *r = &frame_tables.regions[n / MAP_BITS];

    for (; bit < beyond && r->state != REGION_SPLIT && !r->nr_pinned && !r->nr_leaving; bit++, r++)
        home_leave(r);
    if (bit == first)
        return 0;
    chunk_put_regions(node, c, first / 64, map_mask_within(first, bit), bit - first);
    freed_all(freed, (u64)(bit - first) * MAP_BITS);
    return bit - first;
}

void region_free(struct node *node, struct region *r, struct holdings *holder, u32 start, u32 end,
                 struct freed *freed)
{
    bool plain = !r->nr_pinned && !r->nr_leaving;

    if (r->state != REGION_SPLIT && plain && end - start == MAP_BITS) {
        region_free_whole(node, r);
        freed_all(freed, MAP_BITS);
        return;
    }
    if (r->state != REGION_SPLIT)
        region_split(r);
    if (r->shared)
        holder->shared -= end - start;
    if (plain) {
        region_free_bits(node, r, start, end);
        freed_all(freed, end - start);
    } else {
        for (u32 i = start; i < end; i++)
            free_frame(node, r, i, freed);
    }
    if (!region_stays(r))
        region_settle(node, r);
}

void region_free_all(struct node *node, struct region *r, struct holdings *holder, u16 owner,
                     struct freed *freed)
{
    bool plain = !r->nr_pinned && !r->nr_leaving;
    u32 nr = 0;

    if (r->state != REGION_SPLIT) {
        region_free(node, r, holder, 0, MAP_BITS, freed);
        return;
    }
    if (plain && !r->shared && !r->nr_away && r->nr_ram == MAP_BITS) {
        nr = MAP_BITS - r->nr_free;
        for (u32 w = 0; w < MAP_WORDS; w++) {
            r->dirty[w] |= ~r->free[w];
            r->free[w] = ~0ull;
        }
        region_count_free(node, r, nr);
        freed_all(freed, nr);
    } else {
        for (u32 i = 0; i < MAP_BITS; i++) {
            /* The words of a window are those of all nodes that have a part of it, each under its own lock.
             */
            if (map_test(r->free, i) ||
                (r->nr_ram < MAP_BITS && mm_mfn_node(mfn(r->base + i)) != r->chunk->nid))
                continue;
            frame_word_t word = region_words(r)[i];
            if (frame_state(word) != FRAME_GUEST || frame_owner(word) != owner)
                continue;
            nr++;
            free_frame(node, r, i, freed);
        }
        if (r->shared)
            holder->shared -= nr;
    }
    region_settle(node, r);
}

bool region_free_released(struct node *node, struct region *r, u32 bit)
{
    struct freed freed = {0};

    r->nr_away--;
    free_frame(node, r, bit, &freed);
    region_settle(node, r);
    return freed.free != 0;
}

void region_frame_offline(struct node *node, struct region *r, u32 bit)
{
    bool dirty = map_test(r->dirty, bit);

    region_take_bits(r, bit / 64, BIT(bit % 64));
    region_words(r)[bit] = frame_word(PAGE_OWNER_NONE, FRAME_OFFLINE);
    r->nr_away++;
    r->nr_leaving++;
    r->chunk->nr_leaving++;
    node->offline_pages++;
    region_taken(node, r, 1, dirty);
}

void region_frame_online(struct node *node, struct region *r, u32 bit)
{
    r->nr_away--;
    r->nr_leaving--;
    r->chunk->nr_leaving--;
    node->offline_pages--;
    free_bit(node, r, bit);
    region_settle(node, r);
}

/* --- cleaning --- */

void region_scrub_begin(struct node *node, struct region *r)
{
    BUG_ON(!chunk_take_region(node, r));
    region_renew(r, NULL, PAGE_OWNER_NONE, FRAME_SCRUBBING);
    node->free_2m++; /* it comes back */
    r->chunk->nr_scrubbing++;
    chunk_relist(node, r->chunk);
    node->scrubbing_pages += MAP_BITS;
}

void region_scrub_end(struct node *node, struct region *r)
{
    r->chunk->nr_scrubbing--;
    node->free_2m--;
    node->dirty_pages -= MAP_BITS;
    node->scrubbing_pages -= MAP_BITS;
    chunk_put_region(node, r, false);
}

void region_scrub_frames_begin(struct node *node, struct region *r, u64 frames[MAP_WORDS])
{
    for (u32 w = 0; w < MAP_WORDS; w++) {
        frames[w] = r->dirty[w];
        for (u64 bits = frames[w]; bits; bits &= bits - 1)
            region_words(r)[w * 64 + (u32)__builtin_ctzll(bits)] =
                frame_word(PAGE_OWNER_NONE, FRAME_SCRUBBING);
        r->free[w] &= ~frames[w];
        r->dirty[w] = 0;
    }
    node->scrubbing_pages += r->nr_dirty; /* they still count as free, and dirty */
    r->nr_away = (u16)(r->nr_away + r->nr_dirty);
    r->nr_free = (u16)(r->nr_free - r->nr_dirty);
    r->nr_dirty = 0;
    region_relist(node, r);
}

void region_scrub_frames_end(struct node *node, struct region *r, const u64 frames[MAP_WORDS])
{
    u32 nr = map_count_range(frames, 0, MAP_BITS);

    for (u32 w = 0; w < MAP_WORDS; w++)
        r->free[w] |= frames[w];
    node->dirty_pages -= nr;
    node->scrubbing_pages -= nr;
    r->nr_free = (u16)(r->nr_free + nr);
    r->nr_away = (u16)(r->nr_away - nr);
    region_settle(node, r);
}

/* --- what is there --- */

void region_init(struct node *node, struct region *r, struct chunk *c, u64 base)
{
    r->base = base;
    r->chunk = c;
    region_renew(r, NULL, PAGE_OWNER_NONE, REGION_SPLIT);
    r->nr_ram = 0;
    map_fill(r->free, false);
    map_fill(r->dirty, false);
    home_enter(node, r);
}

void region_add(struct node *node, struct region *r, u32 start, u32 end)
{
    u32 nr = end - start;

    node->free_pages += nr;
    node->dirty_pages += nr;
    r->nr_ram = (u16)(r->nr_ram + nr);
    map_set_range(r->free, start, end);
    map_set_range(r->dirty, start, end);
    r->nr_free = (u16)(r->nr_free + nr);
    r->nr_dirty = (u16)(r->nr_dirty + nr);
    region_settle(node, r);
}
