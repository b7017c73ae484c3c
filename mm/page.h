/*
 * The frame table: the state of each 4 KiB machine frame. One array of windows of 2 MiB, indexed by
 * frame number / 512 and backed only where there is RAM, on the node it describes: per frame a word of
 * 4 bytes, per window a struct region, and room for the struct chunk of a 1 GiB piece: 5 bytes a frame.
 *
 * A frame's state is recorded at the coarsest level at which it is uniform: in the chunk of 1 GiB if that is
 * owned as a whole, else in the region if it is free or owned as a whole. Only a split region has a map of free
 * frames and valid words. Taking or freeing 2 MiB or 1 GiB therefore touches no frame. The pin count of a word
 * is always valid.
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

/* A frame's word. */
typedef u32 frame_word_t;
#define FRAME_OWNER_MASK  0x7fffu
#define FRAME_STATE_SHIFT 15u
#define FRAME_STATE_MASK  (7u << FRAME_STATE_SHIFT)
#define FRAME_LEAVING     (1u << 18) /* goes offline instead of becoming free */
#define FRAME_PINS_SHIFT  19u

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
 * 2 MiB, or what of it is RAM of one node. Everything but [I] is under the node's lock.
 *
 * A region that is wholly free is a bit in its chunk's maps and in no list; its state and owner then mean
 * nothing. A split one belongs to one holder as long as there is memory enough; shared ones have none.
 */
struct region {
    u64 base;            /* [I] frame number of the window */
    frame_word_t *frame; /* [I] the window's words */
    u8 nid;              /* [I] */
    u8 state;            /* enum owned_state: GUEST, OWN, SCRUBBING, SPLIT; ABSENT: nothing was ever added */
    u16 owner;           /* GUEST, OWN: domid */
    u16 nr_ram;          /* frames that are RAM of this node; 512: it can be whole */
    u16 nr_free;         /* SPLIT: of the map */
    u16 nr_dirty;
    u16 nr_pinned;                /* frames with pins, whatever the state */
    u16 nr_leaving;               /* frames that are offline or will be */
    u16 nr_away;                  /* SPLIT: frames neither free nor owned: RELEASED, OFFLINE, SCRUBBING */
    bool shared;                  /* SPLIT: frames of several holders */
    u8 gives;                     /* SPLIT with free frames: no run of a larger order is free */
    struct chunk *chunk;          /* [I] */
    struct region *sibling;       /* [I] what of the window another node has */
    struct holdings *holder;      /* whose list it is in; NULL: shared, or without any owned frame */
    struct region *next, **pprev; /* that list, or the node's lists of those without a holder */
    struct region *open_next, **open_pprev;   /* node's list: SPLIT with free frames */
    struct region *dirty_next, **dirty_pprev; /* node's list: SPLIT with dirty free frames */
    u64 free[MAP_WORDS];                      /* SPLIT */
    u64 dirty[MAP_WORDS];                     /* SPLIT: of the free ones */
};

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
    u64 base;  /* [I] frame number */
    u8 nid;    /* [I] */
    u8 state;  /* GUEST, OWN: owned as a whole; else SPLIT */
    u16 owner; /* GUEST, OWN */
    u8 list;   /* enum chunk_list: wholly free and clean, wholly free, some free regions, dirty ones, none */
    u16 nr_clean; /* free regions */
    u16 nr_dirty;
    u16 nr_scrubbing; /* regions being cleaned as a whole */
    u32 nr_pinned;    /* frames */
    u32 nr_leaving;
    struct holdings *holder;                 /* GUEST, OWN */
    struct chunk *next, **pprev;             /* the list above, or the holder's */
    struct chunk *dirty_next, **dirty_pprev; /* node's list: nr_dirty > 0 */
    struct chunk *next_of_node;              /* [I] */
    u64 clean[MAP_WORDS]; /* wholly free regions; maps mean nothing while it is owned as a whole */
    u64 dirty[MAP_WORDS];
};

struct window {
    struct region region;
    u8 pad0[256 - sizeof(struct region)];
    struct chunk chunk; /* used in the first window of each chunk that its node added */
    u8 pad1[256 - sizeof(struct chunk)];
    frame_word_t frame[MAP_BITS];
};
_Static_assert(sizeof(struct window) == 2560, "5 bytes a frame");

/* [I] Indexed by frame number / 512; only the windows of mm_add_range() are backed. */
extern struct window *frame_table;

/* Bytes of the table, from its start, that describe frames [start, end): the slice to be backed. */
static inline u64 frame_table_from(u64 start)
{
    return start / MAP_BITS * sizeof(struct window);
}
static inline u64 frame_table_to(u64 end)
{
    return DIV_ROUND_UP(end, MAP_BITS) * sizeof(struct window);
}

#endif
