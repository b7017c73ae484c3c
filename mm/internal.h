/*
 * What the files of mm/ share among themselves. Others use mm.h, claims.h and account.h.
 *
 * Legend: [I] fixed after set-up, [N] node lock, [L] ledger lock, [A] account lock.
 */
#ifndef MM_INTERNAL_H
#define MM_INTERNAL_H

#include <mm/claims.h>
#include <mm/mm.h>

/* --- frames.c: which frames exist --- */
struct frame_range { /* [start, end), all of one node; neighbours of one node are one range */
    u64 start;
    u64 end;
    nodeid_t nid;
};
/* More than boot/ can make of a firmware's map: its ranges, the SRAT's boundaries between them, modules. */
#define MAX_FRAME_RANGES 5120u

/* The range that holds frame n, or NULL. O(log ranges). */
const struct frame_range *frame_range_find(u64 n);
u32 frame_range_count(void);
const struct frame_range *frame_range_get(u32 i);

/*
 * A record's order and state are read and written as one 16-bit word, because head searches read
 * records of extents that other CPUs may be splitting (little-endian: order is the low byte).
 */
typedef u16 __attribute__((may_alias)) page_word_t;
_Static_assert(offsetof(struct page, order) == 14 && offsetof(struct page, state) == 15, "one aligned word");

static inline void page_set(struct page *page, enum page_state state, u32 order)
{
    /* Pairs with the acquire in page_word(): owner and pins are seen no older than the state. */
    __atomic_store_n((page_word_t *)&page->order, (u16)((u32)state << 8 | order), __ATOMIC_RELEASE);
}
static inline u16 page_word(const struct page *page)
{
    return __atomic_load_n((const page_word_t *)&page->order, __ATOMIC_ACQUIRE);
}
static inline enum page_state word_state(u16 word)
{
    return (enum page_state)(word >> 8);
}
static inline u32 word_order(u16 word)
{
    return word & 0xffu;
}
static inline void page_set_owner(struct page *page, u16 owner)
{
    __atomic_store_n(&page->owner, owner, __ATOMIC_RELAXED);
}
static inline u16 page_owner(const struct page *page)
{
    return __atomic_load_n(&page->owner, __ATOMIC_RELAXED);
}

/* --- node.c: one node's free lists --- */
enum page_kind { KIND_CLEAN, KIND_DIRTY, NR_KINDS };
enum { TAKE_CLEAN = 1u << KIND_CLEAN, TAKE_DIRTY = 1u << KIND_DIRTY, TAKE_ANY = TAKE_CLEAN | TAKE_DIRTY };

struct node {
    spinlock_t lock;                    /* LOCK_NODE */
    u64 lists[NR_KINDS][MAX_ORDER + 1]; /* [N] first head's frame number, PAGE_LINK_NONE: empty */
    u32 masks[NR_KINDS]; /* [N] bit per order whose list is not empty; read without the lock as a hint */
    u64 free_pages;      /* [N] on the lists, and being scrubbed */
    u64 dirty_pages;     /* [N] of them not clean yet: dirty lists, and being scrubbed */
    u64 scrubbing_pages; /* [N] of them on no list; read without the lock as a hint */
    u64 ram_pages;       /* [I] of mm_add_range() */
    u64 reserved_pages;  /* [I] of mm_note_reserved() */
    u64 search_from;     /* frame where the search for mergeable memory goes on; a hint */
    u8 near[MAX_NODES];  /* [I] all nodes by distance, itself first */
};

struct node *node_get(nodeid_t nid);
/* Puts 2^order frames at n on a list and merges them with free buddies. Node lock held. Counters included. */
void node_put(struct node *node, u64 n, u32 order, enum page_kind kind);
/* Takes an extent of exactly order, splitting a larger one: clean first, then dirty, as kinds allows. The
 * head is PAGE_OWN of nobody then. False: none. Node lock held. */
bool node_take(struct node *node, u32 order, u32 kinds, u64 *n, enum page_kind *kind);
/* The same two for a piece that goes to a scrubber and comes back clean; it counts as free all the while.
 * max_order bounds the piece. n NULL-safe: node_scrub_begin() picks the piece, node_scrub_begin_at() wants
 * this dirty head. */
bool node_scrub_begin(struct node *node, u32 max_order, u64 *n, u32 *order);
bool node_scrub_begin_at(struct node *node, u64 n, u32 max_order, u32 *order);
void node_scrub_end(struct node *node, u64 n, u32 order);
static inline u32 node_mask(const struct node *node, enum page_kind kind)
{
    return __atomic_load_n(&node->masks[kind], __ATOMIC_RELAXED);
}

/* --- scrub.c --- */
/* Cleans the dirty pieces of one wholly free, aligned range of 2^order frames of the node so that they merge.
 * No lock held by the caller. False: there is no such range. */
bool node_coalesce(nodeid_t nid, u32 order);
/* Lets a scrubber on another CPU get on. */
void node_relax(void);

/* --- ledger.c --- */
void ledger_init(void);
void ledger_lock(void);
void ledger_unlock(void);
/* For the debug console: the lock, and a node's claims read without it. */
spinlock_t *ledger_get_lock(void);
u64 ledger_claimed_hint(nodeid_t nid);
/* With the ledger lock held. */
int ledger_reserve_locked(struct mem_account *account, nodeid_t nid, u64 pages, u32 order,
                          struct claim_receipt *receipt);
void ledger_refund_locked(struct mem_account *account, const struct claim_receipt *receipt, u64 pages);
/* Releases the account's set; ledger lock held, O(nodes). */
void ledger_release_locked(struct mem_account *account);

struct ledger_view { /* one node, or the host: all of one instant */
    u64 spare;       /* U[n]; host: H */
    u64 claimed;     /* sum of c[d][n]; host: sum of h[d] */
};
struct ledger_view ledger_node_view(nodeid_t nid);
struct ledger_view ledger_host_view(u64 *free_pages, u64 *outstanding);

/* --- extent.c: an account's extents; account lock held --- */
void extent_link(struct mem_account *account, struct page *head);
void extent_unlink(struct mem_account *account, struct page *head);
/* The head of the account's extent that holds frame n, or NULL: not the account's. */
struct page *extent_find(const struct mem_account *account, u64 n);
/* Puts frames that nobody owns any more on their node's lists, dirty, and then their credits. */
void extent_give_back(u64 n, u32 order);
/* tot and own drop by 2^order. */
void account_uncharge(struct mem_account *account, u64 n, u32 order);

#endif
