/* Placement decisions, see sched_policy.h. Pure functions; no locks. */
#include <domain/sched/sched_policy.h>

#include <homestead/init.h>
static u32 load_of(const struct sched_cpu *cpu)
{
    return __atomic_load_n(&cpu->load, __ATOMIC_SEQ_CST);
}

static bool allowed(const struct sched_map *map, const struct sched_wish *wish, u32 cpu)
{
    return cpu < map->nr && map->cpu[cpu] && sched_bit(wish->hard, cpu);
}

static bool at_home(const struct sched_map *map, const struct sched_wish *wish, u32 cpu)
{
    nodeid_t nid = map->cpu[cpu]->nid;

    return !wish->nodes || (nid < MAX_NODES && wish->nodes & BIT(nid));
}

bool sched_prefers(const struct sched_map *map, const struct sched_wish *wish, u32 cpu)
{
    return wish->soft ? sched_bit(wish->soft, cpu) : at_home(map, wish, cpu);
}

static u32 distance(const struct sched_map *map, nodeid_t from, nodeid_t to)
{
    return from < MAX_NODES && to < MAX_NODES ? map->distance[from][to] : 255;
}

/* Distance is measured from the node of its last CPU, if that is home; otherwise from its first home node. */
static nodeid_t home_of(const struct sched_map *map, const struct sched_wish *wish)
{
    bool was = wish->last < map->nr && map->cpu[wish->last];

    if (was && at_home(map, wish, wish->last))
        return map->cpu[wish->last]->nid;
    return wish->nodes ? (nodeid_t)__builtin_ctzll(wish->nodes) : 0;
}

u32 sched_place(const struct sched_map *map, const struct sched_wish *wish)
{
    nodeid_t home = home_of(map, wish);
    u64 best_key = ~0ull;
    u32 best = SCHED_NO_CPU;

    for (u32 id = 0; id < map->nr; id++) {
        if (!allowed(map, wish, id))
            continue;
        u64 assigned = __atomic_load_n(&map->cpu[id]->assigned, __ATOMIC_RELAXED);
        u64 key =
            (u64)!sched_prefers(map, wish, id) << 48 | assigned << 8 | distance(map, home, map->cpu[id]->nid);
        if (key < best_key) {
            best_key = key;
            best = id;
        }
    }
    return best;
}

u64 sched_share(const struct sched_map *map, const struct sched_wish *wish, u32 cpu)
{
    u64 share = __atomic_load_n(&map->cpu[cpu]->share, __ATOMIC_RELAXED);
    const struct sched_group *g = wish->groups ? &wish->groups[cpu] : NULL;
    u64 was = g ? __atomic_load_n(&g->share, __ATOMIC_RELAXED) : 0;

    return was ? MAX(share, was) - was + __atomic_load_n(&g->nr, __ATOMIC_RELAXED) * wish->share : share;
}

u32 sched_choose(const struct sched_map *map, const struct sched_wish *wish)
{
    nodeid_t home = home_of(map, wish);
    u64 best_key = ~0ull;
    u32 best = SCHED_NO_CPU;

    for (u32 id = 0; id < map->nr; id++) {
        if (!allowed(map, wish, id))
            continue;
        u64 away = !sched_prefers(map, wish, id), load = load_of(map->cpu[id]);
        u64 not_last = id != wish->last;
        u64 share = load ? sched_share(map, wish, id) : 0;
        u64 far = distance(map, home, map->cpu[id]->nid);
        /* Idle CPUs come first and are ordered by preference alone. */
        u64 key = load ? BIT(62) | (share + away * wish->share) << 16 | not_last << 9 | far
                       : away << 16 | not_last << 15 | far;
        if (key < best_key) {
            best_key = key;
            best = id;
        }
    }
    return best;
}

INIT void sched_steal_order(u32 self, u32 nr, const nodeid_t *node_of, const u8 (*distance_of)[MAX_NODES],
                            u16 *out)
{
    u32 start[256 + 1] = {0};
    nodeid_t here = node_of[self];

    /* By counting: 0 for the own node, the distance for others, which is never below 1 there. */
    for (u32 pass = 0; pass < 2; pass++) {
        for (u32 i = 1; i < nr; i++) {
            u32 id = (self + i) % nr;
            nodeid_t there = node_of[id];
            u32 far = there == here                           ? 0
                      : here < MAX_NODES && there < MAX_NODES ? MAX(distance_of[here][there], 1u)
                                                              : 255;
            if (pass == 0)
                start[far + 1]++;
            else
                out[start[far]++] = (u16)id;
        }
        for (u32 far = 0; pass == 0 && far < 256; far++)
            start[far + 1] += start[far];
    }
}

bool sched_can_give(const struct sched_cpu *cpu)
{
    return load_of(cpu) >= 2;
}

s64 sched_clock(const struct sched_cpu *cpu, u64 now_ns)
{
    s64 clock = __atomic_load_n(&cpu->clock_ns, __ATOMIC_RELAXED);
    u64 since = __atomic_load_n(&cpu->since_ns, __ATOMIC_RELAXED);

    u64 share = __atomic_load_n(&cpu->share, __ATOMIC_RELAXED);

    return since && share && now_ns > since ? clock + sched_vtime(now_ns - since, share) : clock;
}

u32 sched_balance(const struct sched_map *map, const struct sched_wish *wish, u32 from, u64 now_ns)
{
    u64 share = sched_share(map, wish, from);
    s64 slice = sched_vtime(SCHED_SLICE_NS, wish->share), drift = sched_vtime(SCHED_DRIFT_NS, wish->share);
    u32 best = SCHED_NO_CPU;
    bool likes_here = sched_prefers(map, wish, from);
    nodeid_t here = map->cpu[from]->nid;
    s64 clock = sched_clock(map->cpu[from], now_ns), best_gain = 0;

    for (u32 id = 0; id < map->nr; id++) {
        if (id == from || !allowed(map, wish, id))
            continue;
        const struct sched_cpu *cpu = map->cpu[id];
        u64 other = load_of(cpu) ? sched_share(map, wish, id) : 0;
        if (other >= share)
            continue;
        bool away = likes_here && !sched_prefers(map, wish, id);
        s64 lead = sched_clock(cpu, now_ns) - clock;
        if (other && share - other < 2 * wish->share && lead < (away ? 4 * slice : slice) && lead > -drift)
            continue;
        /* A shorter queue counts more than any lead; then home, then the lead, then distance. */
        s64 gain = (s64)((share - other) * 2 / wish->share) << 12;
        gain -= away << 11;
        gain += (MIN(MAX(lead, -drift), drift) + drift) * 128 / slice;
        gain = gain * 2 + (cpu->nid == here);
        if (gain > best_gain) {
            best_gain = gain;
            best = id;
        }
    }
    return best;
}

s64 sched_join(s64 vtime_ns, s64 clock_ns, u64 share)
{
    s64 limit = sched_vtime(SCHED_CREDIT_NS, share);

    return MIN(MAX(vtime_ns, clock_ns - limit), clock_ns + limit);
}

u64 sched_scrub_nodes(const struct sched_map *map, nodeid_t nid, u32 nr_nodes)
{
    u64 with_cpus = 0, nodes = 0;

    for (u32 id = 0; id < map->nr; id++)
        if (map->cpu[id] && map->cpu[id]->nid < MAX_NODES)
            with_cpus |= BIT(map->cpu[id]->nid);
    for (nodeid_t of = 0; of < nr_nodes; of++) {
        nodeid_t nearest = of;

        if (!(with_cpus & BIT(of))) {
            nearest = NODE_NONE;
            for (nodeid_t n = 0; n < nr_nodes; n++)
                if (with_cpus & BIT(n) &&
                    (nearest == NODE_NONE || map->distance[of][n] < map->distance[of][nearest]))
                    nearest = n;
        }
        if (nearest == nid)
            nodes |= BIT(of);
    }
    return nodes;
}
