/*
 * The frame table: the state of each 4 KiB machine frame. It is three tables, backed only where there is RAM, on the
 * node that they describe: a struct chunk for each GiB, a struct region for each 2 MiB, and a word of 4 bytes for each
 * frame: 4.5 bytes a frame in all.
 *
 * A frame's state is recorded at the coarsest level at which it is uniform: in the chunk if that is owned as a whole;
 * as a bit in the chunk's maps if the region is free; in the region if that is owned as a whole; else in the frame's
 * word. What a coarser level says is not written at the finer ones. Their records are not valid then, and may never
 * have been written at all:
 *
 *   a region's record   is valid in a split chunk if the region is not free, and in a chunk that is owned as a whole
 *                       if the region is in its map `marked`
 *   a frame's word      is valid in a split region if the frame is not free, and in a region that is owned as a whole
 *                       if it has_words, or is in the map `marked` of its chunk
 *
 * So taking or freeing 2 MiB or 1 GiB touches no word, booting writes no record but the chunks', and the tables of
 * memory that was never split are never touched. A frame that is pinned or marked to go offline makes the words of its
 * region valid: region_mark(). frame_get() reads a word wherever it is recorded.
 */
#ifndef MM_PAGE_H
#define MM_PAGE_H

#include <homestead/addr.h>
#include <mm/map512.h>

/* Frame numbers have 34 bits: 64 TiB of addresses, as large servers leave wide gaps between nodes. */
#define FRAME_BITS  34u
#define FRAME_LIMIT ((1ull << FRAME_BITS) - 1)

#define PAGE_OWNER_NONE 0x7fffu /* Homestead itself; domains' ids are lower */
#define PAGE_PINS_MAX   ((1u << 13) - 1)

struct chunk;
struct holdings;

/* The state of a frame, a whole region or a whole chunk, unless it is free. */
enum owned_state {
    FRAME_ABSENT = 0, /* no RAM, or not Homestead's to give */
    FRAME_GUEST,      /* a domain's memory */
    FRAME_OWN,        /* Homestead's memory, for a domain or for itself */
    FRAME_RELEASED,   /* given up by its domain while pinned; freed by the last unpin. Frames only */
    FRAME_OFFLINE,    /* taken out of use. Frames only */
    FRAME_SCRUBBING,  /* free, being cleaned: not on a map, counts as free. Frames and regions */
    REGION_SPLIT,     /* ask the frames; chunks: ask the regions */
};

/* What is recorded of a frame; stored where that is valid. */
typedef u32 frame_word_t;
#define FRAME_OWNER_MASK  0x7fffu
#define FRAME_STATE_SHIFT 15u
#define FRAME_STATE_MASK  (7u << FRAME_STATE_SHIFT)
#define FRAME_LEAVING     (1u << 18) /* goes offline instead of becoming free */
#define FRAME_PINS_SHIFT  19u
#define FRAME_FREE        (PAGE_OWNER_NONE | FRAME_ABSENT << FRAME_STATE_SHIFT) /* never stored */

static inline frame_word_t frame_word(u16 owner, enum owned_state state)
{
    return owner | (u32)state << FRAME_STATE_SHIFT;
}
static inline enum owned_state frame_state(frame_word_t word)
{
    return (enum owned_state)((word & FRAME_STATE_MASK) >> FRAME_STATE_SHIFT);
}
static inline u16 frame_owner(frame_word_t word)
{
    return (u16)(word & FRAME_OWNER_MASK);
}
static inline u32 frame_pins(frame_word_t word)
{
    return word >> FRAME_PINS_SHIFT;
}

/*
 * 2 MiB, or what of it is RAM of one node. Everything but [I] is under the node's lock. A split one belongs to one
 * holder as long as there is memory enough; shared ones have none.
 */
struct region {
    u64 base;                     /* [I] frame number of the window */
    struct chunk *chunk;          /* [I] */
    u8 state;                     /* enum owned_state: GUEST, OWN, SCRUBBING, SPLIT */
    u16 owner;                    /* GUEST, OWN: domid */
    u16 nr_ram;                   /* frames that are RAM of this node; 512: it can be whole */
    bool shared;                  /* SPLIT: frames of several holders */
    bool has_words;               /* GUEST, OWN: its frames' words are valid */
    u16 nr_free;                  /* SPLIT: of the map */
    u16 nr_dirty;                 /* SPLIT */
    u16 nr_pinned;                /* frames with pins, whatever the state */
    u16 nr_leaving;               /* frames that are offline or will be */
    u16 nr_away;                  /* SPLIT: frames neither free nor owned: RELEASED, OFFLINE, SCRUBBING */
    u8 gives;                     /* SPLIT with free frames: no run of a larger order is free */
    struct holdings *holder;      /* whose list it is in; NULL: shared, or without any owned frame */
    struct region *next, **pprev; /* that list, or the node's lists of those without a holder */
    struct region *open_next, **open_pprev;   /* node's list: SPLIT with free frames */
    struct region *dirty_next, **dirty_pprev; /* node's list: SPLIT with dirty free frames */
    u64 free[MAP_WORDS];                      /* SPLIT */
    u64 dirty[MAP_WORDS];                     /* SPLIT: of the free ones */
    u64 unused[4];
};
_Static_assert(sizeof(struct region) == 256, "cache lines of its own; half a byte a frame");

enum chunk_list {
    CHUNKS_CLEAN,
    CHUNKS_DIRTY,
    CHUNKS_PARTLY, /* with clean regions */
    CHUNKS_PARTLY_DIRTY,
    NR_CHUNK_LISTS,
    CHUNK_UNLISTED = NR_CHUNK_LISTS
};

/* 1 GiB, or what of it is RAM of one node. */
struct chunk {
    u64 base;    /* [I] frame number */
    u8 nid;      /* [I] */
    bool shares; /* [I] it has regions of windows that another node has a part of */
    u8 state;    /* GUEST, OWN: owned as a whole; else SPLIT */
    u8 list;   /* enum chunk_list: wholly free and clean, wholly free, some free regions, dirty ones, none */
    u16 owner; /* GUEST, OWN */
    u16 nr_clean; /* free regions */
    u16 nr_dirty;
    u16 nr_scrubbing; /* regions being cleaned as a whole */
    u32 nr_pinned;    /* frames */
    u32 nr_leaving;
    u16 nr_ready;                            /* GUEST, OWN: regions that are ready for chunk_split() */
    bool has_marks;                          /* GUEST, OWN: `marked` is not all clear */
    struct region *ready;                    /* GUEST, OWN: those, as a list */
    struct holdings *holder;                 /* GUEST, OWN */
    struct chunk *next, **pprev;             /* the list above, or the holder's */
    struct chunk *dirty_next, **dirty_pprev; /* node's list: nr_dirty > 0 */
    struct chunk *next_of_node;              /* [I] */
    struct chunk *sibling;                   /* [I] what of the GiB another node has */
    union {
        u64 clean[MAP_WORDS];  /* SPLIT: wholly free regions */
        u64 marked[MAP_WORDS]; /* GUEST, OWN: regions whose record and words are valid */
    };
    u64 dirty
        [MAP_WORDS]; /* SPLIT: wholly free regions; GUEST, OWN: all set, as it will be when the chunk is free */
};

/* A page each, so that a chunk's record is on its own node. */
struct chunk_page {
    struct chunk chunk;
    u8 unused[PAGE_SIZE - sizeof(struct chunk)];
};

/* Indexed by frame number / 2^18, frame number / 512, and frame number. */
struct frame_tables {
    struct chunk_page *chunks;
    struct region *regions;
    frame_word_t *words;
};
extern struct frame_tables frame_tables; /* [I] */

#endif
