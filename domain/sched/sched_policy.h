/*
 * All placement decisions of the scheduler, as functions of plain facts, so that host tests can check them.
 *
 * Hard affinity is absolute. A vCPU prefers the CPUs of its soft affinity; without one that has an effect, those
 * on the nodes where its domain is at home. Where hard affinity allows none of these, it prefers none.
 *
 * Facts are read without locks and may be out of date: a choice is a hint, and the caller checks affinity
 * under the locks. Each function looks at each CPU at most once.
 */
#ifndef DOMAIN_SCHED_POLICY_H
#define DOMAIN_SCHED_POLICY_H

#include <domain/domain.h>

#define SCHED_SLICE_NS      10000000ull
/* A vCPU runs for so long before one that has woken, and is behind by more than that, takes its CPU. */
#define SCHED_TURN_NS       1000000ull
/* How far a vCPU that slept may be behind the vCPUs of its queue: the limit of its credit. */
#define SCHED_CREDIT_NS     (2 * SCHED_SLICE_NS)
/* Queues whose clocks are further apart have drifted permanently (pinned vCPUs) and are realigned. */
#define SCHED_DRIFT_NS      (4 * SCHED_SLICE_NS)
#define SCHED_NO_CPU        0xffffffffu
/* A share is a part of a domain's weight, in these units. A group with the share of the default weight has the virtual
 * time of its CPU; one with a smaller share runs for a shorter time in the same virtual time. */
#define SCHED_SHARE_UNIT    1024ull
#define SCHED_SHARE_DEFAULT (256 * SCHED_SHARE_UNIT)

struct sched_cpu { /* [a] written under the queue's lock, read by all */
    nodeid_t nid;  /* [I] */
    u32 load;      /* vCPUs that run or wait here */
    u64 share;     /* sum of theirs */
    u32 assigned;  /* vCPUs that belong here, asleep or not */
    bool away;     /* the one that runs prefers to be elsewhere */
    s64 clock_ns;  /* virtual time of the one that is furthest behind, when it last changed */
    u64 since_ns;  /* clock_ns is of this host time, and advances since; 0: it stands, for others wait */
};

struct sched_map {
    u32 nr;                          /* CPU ids end here */
    struct sched_cpu *cpu[MAX_CPUS]; /* NULL: not there */
    const u8 (*distance)[MAX_NODES]; /* as in SLIT */
};

struct sched_wish {                   /* of one vCPU */
    const u64 *hard, *soft;           /* bitmaps of CPU ids; soft NULL: it has no effect */
    u64 nodes;                        /* where its domain is at home, a bit per node; 0: nowhere */
    u32 last;                         /* CPU it belongs to now, SCHED_NO_CPU: none yet */
    u64 share;                        /* its own */
    const struct sched_group *groups; /* its domain's, by CPU, NULL: it has none anywhere */
};

static inline bool sched_bit(const u64 *words, u32 cpu)
{
    return words[cpu / 64] & BIT(cpu % 64);
}

/* In virtual time: a run of ns on a CPU by what has this share, at least 8 units. Up to 4 s. */
static inline s64 sched_vtime(u64 ns, u64 share)
{
    return (s64)(MIN(ns, 0xffffffffull) * ((SCHED_SHARE_DEFAULT << 16) / share) >> 16);
}

/* The share of a CPU's vCPUs. Those of wish's domain count as wish does: how many of them want to run may have changed
 * since that CPU's share was last computed. */
u64 sched_share(const struct sched_map *map, const struct sched_wish *wish, u32 cpu);

bool sched_prefers(const struct sched_map *map, const struct sched_wish *wish, u32 cpu);

/* Where a new vCPU belongs: the preferred, else any allowed CPU with the fewest vCPUs. SCHED_NO_CPU: none. */
u32 sched_place(const struct sched_map *map, const struct sched_wish *wish);

/* Where a vCPU that wakes, or must leave its CPU, goes: its last CPU if that is idle and preferred; the
 * nearest idle preferred CPU; its last CPU if idle; the nearest idle one; else the shortest queue, where a
 * CPU that is not preferred counts as one longer, then the nearest. SCHED_NO_CPU as above. */
u32 sched_choose(const struct sched_map *map, const struct sched_wish *wish);

/* The order in which CPU self looks at others for work: its own node's first, then by distance, each node's
 * starting after self's own id. node_of: of each id below nr. out: nr - 1 ids. */
void sched_steal_order(u32 self, u32 nr, const nodeid_t *node_of, const u8 (*distance)[MAX_NODES], u16 *out);

/* Does this CPU have a vCPU to give away? One that is alone on a CPU about to run it is not stolen. */
bool sched_can_give(const struct sched_cpu *cpu);

/* Virtual time of a CPU's last vCPU in line, at host time now_ns. */
s64 sched_clock(const struct sched_cpu *cpu, u64 now_ns);

/* A slice has ended on CPU `from` and wish's vCPU waits next in line there. Should it continue elsewhere, for
 * equal shares? To an idle CPU; to a queue shorter by two; to one shorter by one that is ahead by a slice (by
 * four slices if it is not preferred and `from` is). A queue shorter by one that is behind by SCHED_DRIFT_NS
 * is returned, too: its clock must be realigned. SCHED_NO_CPU: it stays. */
u32 sched_balance(const struct sched_map *map, const struct sched_wish *wish, u32 from, u64 now_ns);

/* Virtual time with which a vCPU of this share joins others that are at clock_ns: at most what it would pay for
 * SCHED_CREDIT_NS from it. */
s64 sched_join(s64 vtime_ns, s64 clock_ns, u64 share);

/* The nodes whose memory CPUs of node nid clean: its own, and those without CPUs that are nearest to it (of
 * equally near nodes with CPUs the lowest takes it). */
u64 sched_scrub_nodes(const struct sched_map *map, nodeid_t nid, u32 nr_nodes);

#endif
