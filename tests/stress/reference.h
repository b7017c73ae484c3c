/*
 * The reference allocator: an array that says of each frame who owns it, and a claim vector a domain. It
 * decides by docs/hypervisor-guide/mm/claims.md what each call of mm/ must answer, from which node memory comes and what is
 * redeemed; which frames are taken is mm/'s choice, and is told to the reference. Written from that page, not
 * from mm/'s ways.
 */
#ifndef TESTS_STRESS_REFERENCE_H
#define TESTS_STRESS_REFERENCE_H

#include <mm/claims.h>
#include <mm/mm.h>

#define REF_NODES  8u
#define REF_DOMS   8u /* domids 1 .. REF_DOMS-1; 0 stands for Homestead */
#define REF_NO_RAM 0xffu
#define REF_NOBODY 0xffu

enum ref_use {
    REF_FREE,
    REF_GUEST,
    REF_OVERHEAD,
    REF_RELEASED,      /* given up while pinned */
    REF_OPEN_GUEST,    /* between mm_take() and mm_take_done() */
    REF_OPEN_OVERHEAD, /* the same */
    REF_OFFLINE,
};

struct ref_frame {
    u8 node; /* REF_NO_RAM: none */
    u8 owner;
    u8 use; /* enum ref_use */
    u8 clean : 1;
    u8 leaving : 1; /* goes offline when it is freed */
};

enum { REF_ANY, REF_CLEAN }; /* maps of free frames, of clean ones among them */

struct reference {
    u32 nr_nodes;
    u64 nr_frames;
    struct ref_frame *frame;
    u32 *pins;
    bool dying[REF_DOMS];
    u64 max[REF_DOMS], affinity[REF_DOMS];
    u64 h[REF_DOMS], c[REF_DOMS][REF_NODES];
    u64 set_gen[REF_DOMS]; /* counts claim sets, releases among them */
    u32 open[REF_DOMS];    /* takes under way */
    /* Of the present set: section 3's flags, and what section 6 has taken back. */
    bool strict[REF_DOMS];
    u32 order[REF_DOMS][REF_NODES];
    u64 broken[REF_DOMS][REF_NODES], broken_host[REF_DOMS];
    /* What the frames say, kept up as they change; ref_recount() compares. */
    u64 tot[REF_DOMS], own[REF_DOMS][REF_NODES], over[REF_DOMS];
    u64 free[REF_NODES], dirty[REF_NODES], offline[REF_NODES];
    u64 *map[REF_NODES][2];    /* a bit a frame */
    u16 *region[REF_NODES][2]; /* how many are set for each 512 frames */
};
extern struct reference ref;

/* What a take redeemed, for ref_refund(). */
struct ref_receipt {
    u32 d;
    u32 nid;
    u64 pages;
    u64 set_gen;
    u64 from_node, from_host, from_other[REF_NODES];
};

void ref_init(u32 nr_nodes, u64 nr_frames);
void ref_add(u64 start, u64 end, u32 nid);
void ref_free_all(void);
/* Frames become something else; owner REF_NOBODY for free ones. */
void ref_set(u64 n, u64 nr, enum ref_use use, u32 owner, bool clean);
/* Frames come back, dirty; how many of them are free now. */
u64 ref_free(u64 n, u64 nr);
/* Everything from the frames alone, compared with what was kept up: number of differences. */
u32 ref_recount(void);

u64 ref_claimed(u32 nid); /* sum of c[d][nid] */
u64 ref_out(u32 d);
u64 ref_unclaimed(u32 nid);
u64 ref_host_unclaimed(void);

/* Is there an aligned run of 2^order free (and clean) frames, all of node nid and below frame limit? */
bool ref_run_exists(u32 nid, u32 order, u32 kind, u64 limit);
bool ref_credits_suffice(u32 d, u32 nid, u64 pages);
/* What one extent's mm_take() answers; 0: and from which node. */
int ref_predict_take(u32 d, const struct mm_request *request, u32 cpu_node, u32 *from);
void ref_redeem(u32 d, u32 nid, u64 pages, struct ref_receipt *receipt);
/* All but kept pages have been given back: the claims are as if only those had been asked for. Those that went offline
 * are for ref_recall(). */
void ref_refund(const struct ref_receipt *receipt, u64 kept);
/* Is anything kept whole for a claim by order? Larger extents may be refused for that. */
bool ref_kept_whole(void);
/* Free frames of the node have gone offline, after ref_set(): claims that are more than what is left shrink. */
void ref_recall(u32 nid);

struct ref_set {
    u64 c[REF_NODES], h;
    u32 order[REF_NODES];
    bool release, strict;
    bool by_order; /* -ENOMEM for want of whole extents is not foreseen */
};
/* Section 3, from "domain dying" on. */
int ref_predict_set(u32 d, const struct claim_entry *entries, u32 nr, u32 flags, struct ref_set *set);
void ref_install(u32 d, const struct ref_set *set);
/* Section 2, the same. */
int ref_predict_legacy(u32 d, u64 pages);
void ref_kill(u32 d);

#endif
