/*
 * Debug console: m memory and claims, d domains, v vCPUs.
 *
 * Nothing here waits for a lock without bound, and none is held while something is printed: the line is slow.
 * The one static copy belongs to the CPU that serves a key.
 */
#include <domain/debug/dump.h>

#include <arch/x86/cpu/debug/keys.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/dump.h>
#include <mm/mm.h>

#define DOMAINS_MAX 100u /* shown; the rest is counted */
#define VCPUS_MAX   64u  /* a domain */

struct domain_view domain_view;

static void view_affinity(const struct vcpu *v, struct vcpu_view *out)
{
    out->nr_cpus = 0;
    for (u32 id = nr_cpus; id-- > 0;)
        if (cpus[id] && v->hard_affinity[id / 64] & BIT(id % 64)) {
            out->first_cpu = id;
            out->nr_cpus++;
        }
    u32 online = 0;
    for (u32 id = 0; id < nr_cpus; id++)
        online += cpus[id] != NULL;
    out->any_cpu = out->nr_cpus == online || !out->nr_cpus;
}

static void view_vcpu(struct vcpu *v, struct vcpu_view *out)
{
    struct hvm_paging paging;

    out->state = v->state;
    out->online = v->state != VCPU_OFFLINE;
    out->running = v->running;
    out->in_guest = v->in_guest;
    out->cpu = v->cpu;
    out->pause_count = v->pause_count;
    out->run_ns = v->run_ns;
    out->exits = v->exits;
    const struct cpu *cpu = cpus[v->cpu];
    if (v->running && cpu && cpu->current == v) {
        out->run_ns += time_now_ns() - v->run_since_ns;
        out->exits += cpu->exits;
    }
    out->rip = v->hvm.regs.rip;
    out->cr3 = 0;
    out->cpl = 0;
    if (!v->running && out->online) {
        hvm_ops->paging_state(&v->hvm, &paging);
        out->cr3 = paging.cr3;
        out->cpl = hvm_ops->cpl(&v->hvm);
    }
    view_affinity(v, out);
}

bool domain_view_next(u32 domid)
{
    struct domain_view *out = &domain_view;
    bool locked = spin_trylock_bounded(domain_list_lock());
    struct domain *d = domain_list_next_locked(domid);

    if (d) {
        out->id = d->id;
        out->dying = d->dying;
        out->shut_down = d->shut_down;
        out->shutdown_code = d->shutdown_code;
        out->pause_count = d->pause_count;
        out->refs = d->refs;
        out->max_vcpus = d->max_vcpus;
        out->nr_vcpus = domain_nr_vcpus(d);
        out->tot_pages = d->mem.tot_pages;
        out->max_pages = d->mem.max_pages;
        out->overhead_pages = d->mem.overhead_pages;
        out->host_claim = d->mem.host_claim;
        out->outstanding = d->mem.outstanding;
        memcpy(out->own, d->mem.own, sizeof(out->own));
        memcpy(out->node_claim, d->mem.node_claim, sizeof(out->node_claim));
        memcpy(&out->locks[0], &d->lock, sizeof(spinlock_t));
        memcpy(&out->locks[1], &d->events.lock, sizeof(spinlock_t));
        memcpy(&out->locks[2], &d->physmap.lock, sizeof(spinlock_t));
        memcpy(&out->locks[3], &d->mem.lock, sizeof(spinlock_t));
        for (u32 id = 0; id < out->nr_vcpus; id++)
            view_vcpu(d->vcpu[id], &out->vcpu[id]);
    }
    if (locked)
        spin_unlock(domain_list_lock());
    return d != NULL;
}

/* Calls print for each domain, up to a bound. */
static void each_domain(void (*print)(const struct domain_view *d))
{
    u32 nr = 0;

    for (u32 id = 0; domain_view_next(id); id = domain_view.id + 1u)
        if (nr++ < DOMAINS_MAX)
            print(&domain_view);
    if (nr > DOMAINS_MAX)
        keys_printf("... %u more domains\n", nr - DOMAINS_MAX);
}

/* "none" for what the toolstack gives when it means no limit. */
static const char *limit_text(u64 pages, char buf[24])
{
    if (pages >= ~0u)
        return "none";
    snprintf(buf, 24, "%lu", pages);
    return buf;
}

static void print_memory(const struct domain_view *d)
{
    char limit[24];

    keys_printf("d%-5u all   %10lu %10lu   limit %s, overhead %lu, on the host as a whole %lu\n", d->id,
                d->tot_pages, d->outstanding, limit_text(d->max_pages, limit), d->overhead_pages,
                d->host_claim);
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        if (d->own[nid] || d->node_claim[nid])
            keys_printf("       %-4u  %10lu %10lu\n", nid, d->own[nid], d->node_claim[nid]);
}

static void key_memory(void)
{
    mm_dump_nodes();
    keys_printf("domain node       owned    claimed   (pages of 4 KiB)\n");
    each_domain(print_memory);
}

static const char *state_of_domain(const struct domain_view *d)
{
    if (d->dying)
        return "dying";
    if (d->shut_down)
        return "shut down";
    return d->pause_count ? "paused" : "running";
}

static void print_domain(const struct domain_view *d)
{
    char limit[24];
    u32 nr_online = 0;

    for (u32 id = 0; id < d->nr_vcpus; id++)
        nr_online += d->vcpu[id].online;
    keys_printf("d%-5u %-9s  vCPUs %u of %u  pages %lu, limit %s  claimed %lu  pauses %u  refs %u", d->id,
                state_of_domain(d), nr_online, d->max_vcpus, d->tot_pages, limit_text(d->max_pages, limit),
                d->outstanding, d->pause_count, d->refs);
    if (d->shut_down)
        keys_printf("  code %u", d->shutdown_code);
    keys_printf("\n");
}

static void key_domains(void)
{
    each_domain(print_domain);
}

static void print_vcpu(u32 domid, u32 id, const struct vcpu_view *v)
{
    static const char *const states[] = {"offline", "waiting", "blocked"};
    char affinity[32], name[16];

    if (v->any_cpu)
        snprintf(affinity, sizeof(affinity), "any");
    else
        snprintf(affinity, sizeof(affinity), "%u%s", v->first_cpu, v->nr_cpus > 1 ? "+" : "");
    snprintf(name, sizeof(name), "d%uv%u", domid, id);
    keys_printf("%-9s %-8s %4u  %-4s %8lu ms %10lu exits  pauses %u  rip 0x%lx", name,
                v->running                    ? "running"
                : v->pause_count              ? "paused"
                : v->state < VCPU_BLOCKED + 1 ? states[v->state]
                                              : "?",
                v->cpu, affinity, v->run_ns / 1000000, v->exits, v->pause_count, v->rip);
    if (!v->running)
        keys_printf(" cr3 0x%lx cpl %u", v->cr3, v->cpl);
    keys_printf("\n");
}

static void print_vcpus(const struct domain_view *d)
{
    u32 shown = 0, offline = 0, more = 0;

    for (u32 id = 0; id < d->nr_vcpus; id++) {
        if (!d->vcpu[id].online)
            offline++;
        else if (shown++ < VCPUS_MAX)
            print_vcpu(d->id, id, &d->vcpu[id]);
        else
            more++;
    }
    if (more)
        keys_printf("d%u        ... %u more online\n", d->id, more);
    if (offline)
        keys_printf("d%u        %u offline\n", d->id, offline);
}

static void key_vcpus(void)
{
    keys_printf("vCPU      state     CPU  may       on a CPU                   (rip: at its last exit)\n");
    each_domain(print_vcpus);
}

void domain_dump_init(void)
{
    keys_register('m', "memory and claims, by node and domain", key_memory);
    keys_register('d', "domains", key_domains);
    keys_register('v', "vCPUs", key_vcpus);
    cpu_dump_init();
}
