/*
 * Nested page tables, see nested_paging.h. Levels are numbered as in APM2 5.3: 4 is the root, an entry of
 * level L covers 2^(9(L-1)) frames. One mapping request of order <= 18, being aligned, lies within one entry
 * of level 3, so at most three tables are missing above it.
 *
 * lint: long: one data structure; its entries and its operations need each other.
 *
 * AMD's entries (APM2 5.4, 15.25.5) and Intel's (SDM 3C 29.3.2) agree in what the code below looks at: bits 0-2 are
 * all set in what guests may read, write and execute, bit 1 is the right to write, none of the three means not
 * present, and bit 7 marks a large leaf. The bits in which they differ are the same in every table entry and in every
 * leaf, but for the right to execute, which large ones may lack: np_set_format() gets these words. Accessed and dirty are set
 * beforehand: the CPU then never writes to these tables, and plain stores are enough.
 *
 * Bits that CPUs of both vendors ignore are ours. In a leaf, bits 52-54 are its type (not 9-11: 9 is Intel's dirty
 * bit). In an entry that points to a table, bits 52-61 count that table's entries in use: leaves, and tables whose own
 * count is not 0. So whether a range is empty takes one look, not a search.
 *
 * A leaf of type NP_POD has a type and no frame. It is not present, so an access faults, and the CPU caches nothing of
 * it: replacing it by a mapping needs no flush.
 *
 * Every function prepares what can fail first (counts and takes table pages), then changes the tables.
 */
#include <arch/x86/hvm/nested_paging.h>

#include <arch/x86/cpu/frames.h>
#include <homestead/errno.h>
#include <lib/assert.h>

u32 np_largest_order = ORDER_1G;

/* --- entries and the way to them ------------------------------------------------------------------------ */

#define NPE_PRESENT     BIT(0)
#define NPE_WRITE       BIT(1)
#define NPE_LARGE       BIT(7)
#define NPE_TYPE_SHIFT  52
#define NPE_TYPE_MASK   (7ull << NPE_TYPE_SHIFT)
#define NPE_ADDR_MASK   0x000ffffffffff000ull
#define NPE_COUNT_SHIFT 52
#define NPE_COUNT_ONE   BIT(NPE_COUNT_SHIFT)
#define NPE_COUNT_MASK  (0x3ffull << NPE_COUNT_SHIFT)

#define NPE_TYPE(type) ((u64)(type) << NPE_TYPE_SHIFT)

/* [I] All but the address of an entry that points to a table, and of a leaf by its type; bits that large ones lack. */
struct format {
    u64 table, leaf[NP_NR_TYPES], not_in_large;
};
/* clang-format off */
#define FORMAT(of_table, of_leaf, lacking) { \
    .table = (of_table), \
    .not_in_large = (lacking), \
    .leaf = { \
        [NP_RAM] = (of_leaf) | NPE_TYPE(NP_RAM), \
        [NP_FOREIGN] = (of_leaf) | NPE_TYPE(NP_FOREIGN), \
        [NP_SPECIAL] = (of_leaf) | NPE_TYPE(NP_SPECIAL), \
        [NP_GRANT] = (of_leaf) | NPE_TYPE(NP_GRANT), \
        [NP_GRANT_RO] = ((of_leaf) & ~NPE_WRITE) | NPE_TYPE(NP_GRANT_RO), \
        [NP_RESOURCE] = (of_leaf) | NPE_TYPE(NP_RESOURCE), \
        [NP_POD] = NPE_TYPE(NP_POD), \
    } }
/* clang-format on */
static struct format format = FORMAT(NP_AMD_TABLE, NP_AMD_LEAF, 0);

void np_set_format(u64 table, u64 leaf, u64 not_in_large)
{
    format = (struct format)FORMAT(table, leaf, not_in_large);
}

bool np_splits_executed(void)
{
    return format.not_in_large;
}

#define ENTRIES   512u
#define TOP_LEVEL 4u

static u32 level_order(u32 level)
{
    return 9 * (level - 1);
}

static u32 entry_index(gfn_t g, u32 level)
{
    return (u32)(g.n >> level_order(level)) % ENTRIES;
}

/* NP_POD too, which is not present. */
static bool is_leaf(u64 entry, u32 level)
{
    return entry && (level == 1 || (entry & NPE_LARGE));
}

static bool is_table(u64 entry, u32 level)
{
    return (entry & NPE_PRESENT) && !is_leaf(entry, level);
}

static u64 entry_count(u64 entry)
{
    return (entry & NPE_COUNT_MASK) >> NPE_COUNT_SHIFT;
}

/* Is anything mapped through this entry? */
static bool in_use(u64 entry, u32 level)
{
    return is_leaf(entry, level) || (is_table(entry, level) && entry_count(entry));
}

static enum np_type leaf_type(u64 entry)
{
    return (enum np_type)((entry & NPE_TYPE_MASK) >> NPE_TYPE_SHIFT);
}

/* A leaf without its frame. */
static u64 make_leaf(u32 level, enum np_type type)
{
    return level > 1 ? (format.leaf[type] & ~format.not_in_large) | NPE_LARGE : format.leaf[type];
}

static u64 *table_at(u64 maddr)
{
    return mfn_to_virt(maddr_to_mfn(maddr));
}

/* The table that an entry points to. */
static u64 *table_of(u64 entry)
{
    return table_at(entry & NPE_ADDR_MASK);
}

/* A store that other CPUs' page walkers see whole. */
static void write_entry(u64 *entry, u64 value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

/* The way from the root to one entry: entry[level] for level .. 4. */
struct path {
    u64 *entry[TOP_LEVEL + 1];
    u32 level; /* where it ended */
};

/* Follows tables towards g, at most down to level to. Stops earlier at a leaf or a hole. Inline, as most know the level:
 * one step of the way is a few instructions then. Entries below where it ended are not set. */
static inline __attribute__((always_inline)) void walk(const struct np_table *np, gfn_t g, u32 to,
                                                       struct path *path)
{
    u64 *table = table_at(np->root_maddr);

#pragma GCC unroll 4
    for (u32 level = TOP_LEVEL; level >= to; level--) {
        u64 *entry = &table[entry_index(g, level)];

        path->entry[level] = entry;
        if (level == to || !is_table(*entry, level)) {
            path->level = level;
            return;
        }
        table = table_of(*entry);
    }
}

/* nr entries at the path's end have become used, below 0 empty: updates the counts in the tables above. */
static inline __attribute__((always_inline)) void count(struct path *path, s64 nr)
{
    for (u32 level = path->level + 1; level <= TOP_LEVEL; level++) {
        u64 old = *path->entry[level], now = old + (u64)nr * NPE_COUNT_ONE;

        write_entry(path->entry[level], now);
        if (entry_count(nr > 0 ? old : now))
            return;
        nr = nr > 0 ? 1 : -1; /* the table was, or is now, empty: so its own entry has changed as well */
    }
}

/* --- table pages ---------------------------------------------------------------------------------------- */

/* Tables allocated in advance: what an operation that must not fail half-way may need. */
struct stock {
    u64 maddr[TOP_LEVEL - 1];
    u32 nr;
};

/* The level whose entries a piece of this order is made of. */
static u32 leaf_level(u32 order)
{
    if (order >= ORDER_1G && np_largest_order >= ORDER_1G)
        return 3;
    return order >= ORDER_2M && np_largest_order >= ORDER_2M ? 2 : 1;
}

static int stock_take(struct np_table *np, struct stock *stock, u32 nr)
{
    for (stock->nr = 0; stock->nr < nr; stock->nr++) {
        stock->maddr[stock->nr] = np->alloc(np->ctx);
        if (!stock->maddr[stock->nr]) {
            while (stock->nr)
                np->free(np->ctx, stock->maddr[--stock->nr]);
            return -ENOMEM;
        }
    }
    return 0;
}

/* Takes one zeroed table from the stock. */
static u64 stock_use(struct np_table *np, struct stock *stock)
{
    BUG_ON(!stock->nr);
    np->nr_pages++;
    return stock->maddr[--stock->nr];
}

/* The link is page aligned: a page walker that still reads this table sees an entry that is not present. */
static void retire(struct np_table *np, u64 maddr)
{
    write_entry(&table_at(maddr)[0], np->retired_maddr);
    np->retired_maddr = maddr;
}

/* --- building blocks ------------------------------------------------------------------------------------ */

/* Replaces the path's large leaf by a table of 512 smaller ones, and extends the path into it. */
static void split(struct np_table *np, struct path *path, gfn_t g, struct stock *stock)
{
    u64 old = *path->entry[path->level];
    u32 level = path->level - 1;
    u64 maddr = stock_use(np, stock);
    u64 *table = table_at(maddr);
    u64 leaf = make_leaf(level, leaf_type(old));
    u64 step = old & NPE_PRESENT ? PAGE_SIZE << level_order(level) : 0;

    for (u64 i = 0; i < ENTRIES; i++)
        table[i] = ((old & NPE_ADDR_MASK) + i * step) | leaf;
    write_entry(path->entry[path->level], maddr | format.table | ENTRIES * NPE_COUNT_ONE);
    path->level = level;
    path->entry[level] = &table[entry_index(g, level)];
}

/* Puts an empty table into the path's hole, and extends the path into it. */
static void add_table(struct np_table *np, struct path *path, gfn_t g, struct stock *stock)
{
    u64 maddr = stock_use(np, stock);

    write_entry(path->entry[path->level], maddr | format.table);
    path->level--;
    path->entry[path->level] = &table_at(maddr)[entry_index(g, path->level)];
}

/* Unlinks the empty tables below *entry: 513 of them at most, and below the root as many as removals without
 * NP_TRIM have left. */
static void retire_below(struct np_table *np, u64 *entry, u32 level)
{
    u64 maddr = *entry & NPE_ADDR_MASK;
    u64 *table = table_at(maddr);

    write_entry(entry, 0);
    for (u32 i = 0; level > 2 && i < ENTRIES; i++) {
        if (is_table(table[i], level - 1))
            retire_below(np, &table[i], level - 1);
    }
    retire(np, maddr);
    np->generation++;
}

/* Is any of the nr entries from first on in use? */
static bool any_in_use(const u64 *first, u64 nr, u32 level)
{
    for (u64 i = 0; i < nr; i++)
        if (in_use(first[i], level))
            return true;
    return false;
}

/* --- interface ------------------------------------------------------------------------------------------ */

int np_init(struct np_table *np)
{
    u64 root = np->alloc(np->ctx);

    if (!root)
        return -ENOMEM;
    np->root_maddr = root;
    np->retired_maddr = 0;
    np->nr_pages = 1;
    np->generation = 1;
    return 0;
}

bool np_reap(struct np_table *np, u32 budget)
{
    while (np->retired_maddr && budget--) {
        u64 maddr = np->retired_maddr;
        u64 *table = table_at(maddr);
        np->retired_maddr = table[0];
        table[0] = 0;
        np->nr_pages--;
        np->free(np->ctx, maddr);
    }
    return np->retired_maddr != 0;
}

/* Frees one table that has no tables below it. The tree itself records how far np_destroy() has come. */
static void destroy_one(struct np_table *np)
{
    u64 *parent = NULL;
    u64 maddr = np->root_maddr;

    for (u32 level = TOP_LEVEL; level > 1; level--) {
        u64 *table = table_at(maddr);
        u32 i = 0;
        while (i < ENTRIES && !is_table(table[i], level))
            i++;
        if (i == ENTRIES)
            break;
        parent = &table[i];
        maddr = *parent & NPE_ADDR_MASK;
    }
    if (parent)
        *parent = 0;
    else
        np->root_maddr = 0;
    np->nr_pages--;
    np->free(np->ctx, maddr);
}

bool np_destroy(struct np_table *np, u32 budget)
{
    np->generation++;
    for (; np->retired_maddr && budget; budget--)
        np_reap(np, 1);
    for (; np->root_maddr && budget; budget--)
        destroy_one(np);
    return np->root_maddr != 0;
}

/* Extends the path, which ends above the level, down to it. */
static __attribute__((noinline)) int add_tables(struct np_table *np, struct path *path, gfn_t g, u32 level)
{
    struct stock stock;

    if (is_leaf(*path->entry[path->level], path->level))
        return -EEXIST;
    int rc = stock_take(np, &stock, path->level - level);
    while (!rc && path->level > level)
        add_table(np, path, g, &stock);
    return rc;
}

/* Maps one extent; *path: where that ended. Inline for np_map_page(), where most of it is known. */
static inline __attribute__((always_inline)) int map_at(struct np_table *np, gfn_t g, mfn_t m, u32 order,
                                                        u32 level, u64 leaf, struct path *path)
{
    if (!np_range_valid(g, order) || !IS_ALIGNED(m.n, 1ull << order) || (mfn_to_maddr(m) & ~NPE_ADDR_MASK))
        return -EINVAL;

    walk(np, g, level, path);
    u64 nr = 1ull << (order - level_order(level));
    if (likely(path->level == level)) {
        if (any_in_use(path->entry[level], nr, level))
            return -EEXIST;
    } else {
        int rc = add_tables(np, path, g, level);

        if (rc)
            return rc;
    }
    for (u64 i = 0; i < nr; i++) {
        u64 *entry = path->entry[level] + i;
        if (is_table(*entry, level))
            retire_below(np, entry, level);
        write_entry(entry, leaf | mfn_to_maddr(mfn_add(m, i << level_order(level))));
    }
    count(path, (s64)nr);
    return 0;
}

/*
 * Fills empty entries of the table that holds the path's end, one for each of the pairs, as long as they
 * belong there. Returns how many. map_at() handles all other cases. Inline for a level that is known: 20 instructions
 * less for each pair.
 */
static inline __attribute__((always_inline)) u32 fill_level(u64 *table, u64 start, u32 level, const gfn_t *g,
                                                            const mfn_t *m, u32 nr, u64 leaf)
{
    u32 order = level_order(level), done = 0;
    u64 never = ~NPE_ADDR_MASK | ((PAGE_SIZE << order) - 1);

    for (; done < nr; done++) {
        u64 offset = g[done].n - start, maddr = mfn_to_maddr(m[done]);

        if (offset >> (order + 9) || (maddr | offset << PAGE_SHIFT) & never || table[offset >> order])
            break;
        write_entry(&table[offset >> order], leaf | maddr);
    }
    return done;
}

static u32 fill_table(struct path *path, gfn_t in, const gfn_t *g, const mfn_t *m, u32 nr, u64 leaf)
{
    u32 level = path->level, done;
    u64 *table = path->entry[level] - entry_index(in, level);
    u64 start = ALIGN_DOWN(in.n, BIT(level_order(level) + 9));

    if (level == 1)
        done = fill_level(table, start, 1, g, m, nr, leaf);
    else
        done = fill_level(table, start, level, g, m, nr, leaf);
    if (done)
        count(path, done);
    return done;
}

int np_map_page(struct np_table *np, gfn_t g, mfn_t m, enum np_type type)
{
    struct path path;

    return map_at(np, g, m, ORDER_4K, 1, make_leaf(1, type), &path);
}

int np_map_many(struct np_table *np, const gfn_t *g, const mfn_t *m, u32 order, u32 nr, enum np_type type,
                u32 *done)
{
    u32 level = leaf_level(order);
    u64 leaf = make_leaf(level, type);
    struct path path;

    for (*done = 0; *done < nr;) {
        gfn_t first = g[*done];
        int rc = map_at(np, first, m[*done], order, level, leaf, &path);

        if (rc)
            return rc;
        ++*done;
        if (*done < nr && order == level_order(level))
            *done += fill_table(&path, first, g + *done, m + *done, nr - *done, leaf);
    }
    return 0;
}

/* The result of a walk to level 1. A table without an entry in use counts as one hole. */
static inline struct np_entry describe(const struct path *path, gfn_t g)
{
    u32 level = path->level;
    u64 entry = *path->entry[level];

    if (!is_leaf(entry, level)) {
        while (level < TOP_LEVEL && !entry_count(*path->entry[level + 1]))
            level++;
        return (struct np_entry){.type = NP_NONE, .order = level_order(level), .mfn = INVALID_MFN};
    }
    u64 offset = g.n & ((1ull << level_order(level)) - 1);
    return (struct np_entry){
        .type = leaf_type(entry),
        .order = level_order(level),
        .mfn = entry & NPE_PRESENT ? mfn_add(maddr_to_mfn(entry & NPE_ADDR_MASK), offset) : INVALID_MFN,
    };
}

struct np_entry np_lookup(struct np_table *np, gfn_t g)
{
    if (g.n >= NP_GFN_LIMIT)
        return (struct np_entry){.type = NP_NONE, .order = level_order(TOP_LEVEL), .mfn = INVALID_MFN};
    struct path path;
    walk(np, g, 1, &path);
    return describe(&path, g);
}

u32 np_entries(const struct np_table *np, gfn_t g, u64 entry[5])
{
    struct path path;
    walk(np, g, 1, &path);

    for (u32 level = path.level; level <= TOP_LEVEL; level++)
        entry[level] = *path.entry[level];
    return path.level;
}

/* Splits the large leaf at the path's end and empties 2^order frames of it, all or nothing. */
static int empty_part(struct np_table *np, struct path *path, gfn_t g, u32 order)
{
    u32 level = order >= ORDER_2M ? 2 : 1;
    u64 nr = 1ull << (order - level_order(level));
    struct stock stock;

    int rc = stock_take(np, &stock, path->level - level);
    if (rc)
        return rc;
    while (path->level > level)
        split(np, path, g, &stock);
    for (u64 i = 0; i < nr; i++)
        write_entry(path->entry[level] + i, 0);
    count(path, -(s64)nr);
    np->generation++;
    return 0;
}

/* Unlinks the tables above the path's end that have no entry in use, and what hangs from them. */
static void trim(struct np_table *np, const struct path *path)
{
    for (u32 level = path->level + 1; level <= TOP_LEVEL && !entry_count(*path->entry[level]); level++)
        retire_below(np, path->entry[level], level);
}

static inline __attribute__((always_inline)) int unmap(struct np_table *np, gfn_t g, u32 order, u32 types,
                                                       struct np_entry *old)
{
    if (!np_range_valid(g, order))
        return -EINVAL;
    struct path path;
    walk(np, g, 1, &path);
    *old = describe(&path, g);
    if (old->type == NP_NONE || !(types & 1u << old->type))
        return 0;
    if (old->order > order) {
        old->order = order;
        return empty_part(np, &path, g, order);
    }
    write_entry(path.entry[path.level], 0);
    count(&path, -1);
    np->generation++;
    if (types & NP_TRIM)
        trim(np, &path);
    return 0;
}

int np_unmap(struct np_table *np, gfn_t g, u32 order, u32 types, struct np_entry *old)
{
    return unmap(np, g, order, types, old);
}

int np_unmap_page(struct np_table *np, gfn_t g, u32 types, struct np_entry *old)
{
    return unmap(np, g, ORDER_4K, types, old);
}

int np_split(struct np_table *np, gfn_t g, u32 order)
{
    struct stock stock;
    u32 level = leaf_level(order);
    struct path path;
    walk(np, g, 1, &path);

    if (path.level <= level || !is_leaf(*path.entry[path.level], path.level))
        return 0;
    int rc = stock_take(np, &stock, path.level - level);
    while (!rc && path.level > level)
        split(np, &path, g, &stock);
    return rc;
}

/* --- populate on demand --------------------------------------------------------------------------------- */

/* Is nothing mapped through this entry, but for NP_POD? Looks at 513 tables at most. */
static bool can_mark(u64 entry, u32 level)
{
    if (!is_table(entry, level))
        return !entry || leaf_type(entry) == NP_POD;
    if (!entry_count(entry))
        return true;
    const u64 *table = table_of(entry);
    for (u32 i = 0; i < ENTRIES; i++)
        if (table[i] && !can_mark(table[i], level - 1))
            return false;
    return true;
}

/* Marks what is not marked yet. Returns how many frames that is. */
static u64 mark(struct np_table *np, u64 *entry, u32 level)
{
    u64 marked = 0, nr_used = 0;

    if (is_leaf(*entry, level))
        return 0;
    if (!in_use(*entry, level)) {
        if (*entry)
            retire_below(np, entry, level);
        write_entry(entry, make_leaf(level, NP_POD));
        return BIT(level_order(level));
    }
    u64 *table = table_of(*entry);
    for (u32 i = 0; i < ENTRIES; i++) {
        nr_used += !in_use(table[i], level - 1);
        marked += mark(np, &table[i], level - 1);
    }
    write_entry(entry, *entry + nr_used * NPE_COUNT_ONE);
    return marked;
}

int np_mark_pod(struct np_table *np, gfn_t g, u32 order, u64 *marked)
{
    struct stock stock;
    u32 level = leaf_level(order);
    u64 nr_used = 0;

    *marked = 0;
    if (!np_range_valid(g, order))
        return -EINVAL;
    struct path path;
    walk(np, g, level, &path);
    u64 entry = *path.entry[path.level];
    if (path.level > level && is_leaf(entry, path.level))
        return leaf_type(entry) == NP_POD ? 0 : -EEXIST;
    u64 nr = 1ull << (order - level_order(level));
    for (u64 i = 0; path.level == level && i < nr; i++)
        if (!can_mark(path.entry[level][i], level))
            return -EEXIST;
    int rc = stock_take(np, &stock, path.level - level);
    if (rc)
        return rc;
    while (path.level > level)
        add_table(np, &path, g, &stock);
    for (u64 i = 0; i < nr; i++) {
        nr_used += !in_use(path.entry[level][i], level);
        *marked += mark(np, path.entry[level] + i, level);
    }
    if (nr_used)
        count(&path, (s64)nr_used);
    return 0;
}

void np_fill_pod(struct np_table *np, gfn_t g, mfn_t m)
{
    struct path path;
    walk(np, g, 1, &path);
    u64 *entry = path.entry[path.level];

    BUG_ON(!is_leaf(*entry, path.level) || leaf_type(*entry) != NP_POD ||
           !IS_ALIGNED(m.n, BIT(level_order(path.level))));
    write_entry(entry, make_leaf(path.level, NP_RAM) | mfn_to_maddr(m));
}
