/*
 * The set of domains: creation, lookup, references.
 *
 * by_id[] finds a domain without a lock for mm/, which calls upward while it holds its own locks
 * (mem_account_find): an entry stays until the account owns no frame any more, so whoever holds a frame of a
 * domain finds its account. It has pages of ids, each there while one of them is used.
 *
 * The list is sorted by id, for lookups of the next domain.
 *
 * Lock: list_lock (LOCK_DOMLIST) guards the list, by_id, and every domain's `listed`.
 */
#include <arch/x86/cpu/frames.h>
#include <arch/x86/cpu/wall_clock.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <lib/string.h>
#include <xen/hvm/params.h>
#include <xen/sched.h>

void (*domain_ended)(void);
static spinlock_t list_lock = SPINLOCK_INIT(LOCK_DOMLIST);
static struct list domains = LIST_INIT(domains);
static u32 nr_zombies;   /* [a] domains whose memory has been given back, except pinned frames */
static u16 last_auto_id; /* the last id given out, whether or not that creation succeeded */

#define IDS_PER_PAGE (u32)(PAGE_SIZE / sizeof(struct domain *))
#define NR_ID_PAGES  ((1u << 16) / IDS_PER_PAGE) /* any u16 may be looked up, those above DOMID_MAX too */
static struct domain **by_id[NR_ID_PAGES]; /* [a] the elements too; NULL: none of the page's ids is used */
static struct id_page {
    mfn_t frame;
    u32 nr_used;
} id_pages[NR_ID_PAGES];

static inline struct domain *find(u32 domid) /* a u16 */
{
    struct domain **page = __atomic_load_n(&by_id[domid / IDS_PER_PAGE], __ATOMIC_ACQUIRE);
    return page ? __atomic_load_n(&page[domid % IDS_PER_PAGE], __ATOMIC_ACQUIRE) : NULL;
}

/* List lock held, domid not used. -ENOMEM. */
static int enter_id(u32 domid, struct domain *d)
{
    struct id_page *page = &id_pages[domid / IDS_PER_PAGE];
    struct domain ***ids = &by_id[domid / IDS_PER_PAGE];

    if (!*ids) {
        if (mm_alloc(NULL, NODE_NONE, ORDER_4K, MM_OVERHEAD, &page->frame))
            return -ENOMEM;
        __atomic_store_n(ids, mfn_to_virt(page->frame), __ATOMIC_RELEASE); /* zeroed */
    }
    page->nr_used++;
    __atomic_store_n(&(*ids)[domid % IDS_PER_PAGE], d, __ATOMIC_RELEASE);
    return 0;
}

/* List lock held. Nobody looks for domid any more, but may for other ids of its page. */
static void remove_id(u32 domid)
{
    struct id_page *page = &id_pages[domid / IDS_PER_PAGE];
    struct domain ***ids = &by_id[domid / IDS_PER_PAGE];

    __atomic_store_n(&(*ids)[domid % IDS_PER_PAGE], NULL, __ATOMIC_RELEASE);
    if (--page->nr_used)
        return;
    __atomic_store_n(ids, NULL, __ATOMIC_RELEASE);
    mm_free_overhead(NULL, page->frame, ORDER_4K);
}

/* The rest of the pages is the ring of its console. */
#define RECORD_ORDER bytes_to_order(sizeof(struct domain) + sched_groups_bytes() + GUEST_CONSOLE_MIN)

struct mem_account *mem_account_find(u16 domid)
{
    struct domain *d = find(domid);

    return d ? &d->mem : NULL;
}

/* List lock held. As domain_choose_id(). DOMID_ANY takes the next free id in the circle 1 .. DOMID_MAX. */
static int choose_id(u16 wanted, u16 *domid)
{
    *domid = wanted;
    if (wanted != DOMID_ANY)
        return wanted > DOMID_MAX ? -EINVAL : find(wanted) ? -EEXIST : 0;
    for (u32 tries = 0; tries < DOMID_MAX; tries++) {
        last_auto_id = last_auto_id >= DOMID_MAX ? 1 : (u16)(last_auto_id + 1);
        *domid = last_auto_id;
        if (!find(last_auto_id))
            return 0;
    }
    return -ENOMEM;
}

int domain_choose_id(u16 wanted, u16 *domid)
{
    spin_lock(&list_lock);
    int rc = choose_id(wanted, domid);
    spin_unlock(&list_lock);
    return rc;
}

/* Chooses the id and takes it. Lookups do not find d yet: other CPUs must not use a half-made domain. */
static int take_id(struct domain *d, u16 wanted)
{
    spin_lock(&list_lock);
    int rc = choose_id(wanted, &d->id);
    if (!rc) {
        d->mem.domid = d->id;
        rc = enter_id(d->id, d);
    }
    spin_unlock(&list_lock);
    return rc;
}

/* List lock held, or a reference. */
static void hold(struct domain *d)
{
    __atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED);
}

/* From now on lookups find d. Takes a second reference, for the creator. */
static void list_insert(struct domain *d)
{
    spin_lock(&list_lock);
    struct list *before = domains.next;
    while (before != &domains && list_entry(before, struct domain, link)->id < d->id)
        before = before->next;
    list_add_tail(before, &d->link);
    d->listed = true;
    hold(d);
    spin_unlock(&list_lock);
}

/* If d has it. */
static void release_id(const struct domain *d)
{
    spin_lock(&list_lock);
    if (find(d->id) == d)
        remove_id(d->id);
    spin_unlock(&list_lock);
}

/* True: d was in the list; the caller now owns the list's reference. */
static bool list_remove(struct domain *d)
{
    spin_lock(&list_lock);
    bool was_listed = d->listed;
    if (was_listed) {
        list_del(&d->link);
        remove_id(d->id);
        d->listed = false;
        BUG_ON(__atomic_fetch_sub(&nr_zombies, 1, __ATOMIC_RELAXED) == 0);
    }
    spin_unlock(&list_lock);
    return was_listed;
}

static __attribute__((noinline)) void
free_record(struct domain *d) /* rarely: so that domain_put() saves no registers */
{
    for (u32 id = 0; id < d->nr_vcpus; id++)
        vcpu_free(d->vcpu[id]);
    grant_free(d);
    if (mfn_valid_value(d->shared_info))
        mm_free_overhead(&d->mem, d->shared_info, ORDER_4K);
    if (d->mem.overhead_pages)
        log_error("d%u: %lu pages of Homestead's memory for it have not come back\n", d->id,
                  (unsigned long)d->mem.overhead_pages);
    mm_free_overhead(NULL, d->record, RECORD_ORDER);
    if (domain_ended)
        domain_ended();
}

/* Domain lock held. Where the time is not known, the guest finds 0. */
static void update_wall_clock(struct domain *d)
{
    struct shared_info *s = domain_shared_info(d);
    u64 seconds;
    u32 ns;

    if (!wall_clock_at_zero(&seconds, &ns))
        return;
    seconds += (u64)d->time_offset_s;
    u32 version = s->wc_version | 1;
    __atomic_store_n(&s->wc_version, version, __ATOMIC_SEQ_CST); /* odd: being written */
    s->wc_sec = (u32)seconds;
    s->wc_nsec = ns;
    s->wc_sec_hi = (u32)(seconds >> 32);
    __atomic_store_n(&s->wc_version, version + 1, __ATOMIC_SEQ_CST);
}

static void domain_update_wall_clock(struct domain *d)
{
    spin_lock(&d->lock);
    update_wall_clock(d);
    spin_unlock(&d->lock);
}

void domain_set_time_offset(struct domain *d, s64 seconds)
{
    spin_lock(&d->lock);
    d->time_offset_s = seconds;
    update_wall_clock(d);
    spin_unlock(&d->lock);
}

void domain_update_wall_clocks(void)
{
    spin_lock(&list_lock);
    list_for_each (node, &domains) {
        struct domain *d = list_entry(node, struct domain, link);

        domain_update_wall_clock(d);
    }
    spin_unlock(&list_lock);
}

int domain_create(const struct domain_config *config, struct domain **out)
{
    static u64 last_serial; /* [a] */
    mfn_t record;

    if (mm_alloc(NULL, NODE_NONE, RECORD_ORDER, MM_OVERHEAD, &record))
        return -ENOMEM;
    struct domain *d = mfn_to_virt(record); /* zeroed */
    list_init(&d->link);
    u64 used = sizeof(*d) + sched_groups_bytes();
    guest_console_new(d, (char *)d + used, (u32)((PAGE_SIZE << RECORD_ORDER) - used));
    spin_lock_init(&d->lock, LOCK_DOMAIN);
    mem_account_init(&d->mem, config->domid);
    d->mem.affinity = config->affinity;
    d->node_affinity = config->affinity ? config->affinity : ~0ull;
    d->auto_node_affinity = !config->affinity;
    d->record = record;
    d->shared_info = INVALID_MFN;
    d->shared_info_gfn = INVALID_GFN;
    d->hypercall_page_gfn = ~0ull;
    d->refs = 1;
    d->serial = __atomic_add_fetch(&last_serial, 1, __ATOMIC_RELAXED);
    d->pause_count = 1;
    d->shutdown_code = NOT_SHUT_DOWN;
    d->hvm_params[HVM_PARAM_TRIPLE_FAULT_REASON] = SHUTDOWN_reboot; /* until the toolstack wants another */
    d->is_control = config->is_control;
    d->create_flags = config->flags;
    d->max_vcpus = config->max_vcpus;
    d->max_grant_frames = config->max_grant_frames;
    d->max_maptrack_frames = config->max_maptrack_frames;
    spin_lock_init(&d->grant_lock, LOCK_GRANT);
    maptrack_init(&d->maptrack);
    d->tsc_incarnation = 1;
    d->policy = *cpu_policy_default();
    d->emulation_flags = config->emulation_flags;
    d->misc_flags = config->misc_flags;
    memcpy(d->handle, config->handle, sizeof(d->handle));
    evtchn_init(d, config->max_evtchn_port);
    sched_domain_init(d);

    /* The id comes first: an attempt that fails later has used it up, as on Xen. */
    int rc = take_id(d, config->domid);
    if (!rc && mm_alloc(&d->mem, NODE_NONE, ORDER_4K, MM_OVERHEAD, &d->shared_info))
        rc = -ENOMEM;
    if (!rc)
        rc = physmap_init(d, PHYSMAP_POOL_DEFAULT_PAGES);
    if (rc) {
        release_id(d);
        domain_put(d);
        return rc;
    }
    list_insert(d);
    /* Now that it is listed: a clock that is set meanwhile must not be missed. */
    domain_update_wall_clock(d);
    *out = d;
    return 0;
}

int domain_alloc_vcpus(struct domain *d, u32 n)
{
    int rc = 0;

    if (!n || n != d->max_vcpus || n > DOMAIN_MAX_VCPUS)
        return -EINVAL;
    sched_update_home(d);
    /* The caller's pause, or the one from creation, keeps the domain stopped. A second call at the same time
     * finds the vCPUs made so far and continues after them. */
    spin_lock(&d->lock);
    while (!rc && d->nr_vcpus < n) {
        rc = d->dying ? -EINVAL : vcpu_create(d, d->nr_vcpus);
        if (!rc) /* readers take no lock: vCPUs below the number are complete */
            __atomic_store_n(&d->nr_vcpus, d->nr_vcpus + 1, __ATOMIC_RELEASE);
    }
    spin_unlock(&d->lock);
    if (!rc)
        domain_update_node_affinity(d);
    return rc;
}

spinlock_t *domain_list_lock(void)
{
    return &list_lock;
}

struct domain *domain_list_next_locked(u32 domid)
{
    for (; domid <= DOMID_MAX; domid++) {
        struct domain *d = find(domid);

        if (d && d->listed)
            return d;
    }
    return NULL;
}

struct domain *domain_get(u16 domid)
{
    spin_lock(&list_lock);
    struct domain *d = find(domid);
    if (d && d->listed)
        hold(d);
    else
        d = NULL;
    spin_unlock(&list_lock);
    return d;
}

struct domain *domain_get_next(u16 domid)
{
    struct domain *found = NULL;

    spin_lock(&list_lock);
    list_for_each (node, &domains) {
        struct domain *d = list_entry(node, struct domain, link);

        if (d->id >= domid) {
            found = d;
            hold(d);
            break;
        }
    }
    spin_unlock(&list_lock);
    return found;
}

void domain_put(struct domain *d)
{
    lock_check_take(LOCK_DOMLIST); /* the last one takes locks: none may be held */
    lock_check_drop(LOCK_DOMLIST);
    u32 before = __atomic_fetch_sub(&d->refs, 1, __ATOMIC_ACQ_REL);

    BUG_ON(before == 0);
    if (before == 1) /* it is not in the list any more: nobody finds it */
        free_record(d);
}

/* Is all of d's memory freed, and no frame of its grant table mapped? With the account lock, so that whoever freed the last page is done with it. */
static bool is_gone(struct domain *d)
{
    if (!domain_is_dying(d) || !__atomic_load_n(&d->freed, __ATOMIC_ACQUIRE))
        return false;
    spin_lock(&d->mem.lock);
    u64 pages = d->mem.tot_pages;
    spin_unlock(&d->mem.lock);
    return pages == 0 && !__atomic_load_n(&d->nr_acquired, __ATOMIC_SEQ_CST);
}

void domain_check_gone(struct domain *d)
{
    if (is_gone(d) && list_remove(d))
        domain_put(d);
}

void domain_count_zombie(void)
{
    __atomic_fetch_add(&nr_zombies, 1, __ATOMIC_SEQ_CST);
}

/*
 * Without a zombie this does not touch the list, which all CPUs share. No zombie is missed: domain_kill()
 * counts it before it checks, under the account's lock, whether pages are left. If the page unpinned here was
 * still counted then, it was freed later under the same lock, so this CPU sees the count. The same holds for
 * nr_acquired, whose changes and those of the count are in one order.
 */
void domain_reap(void)
{
    if (!__atomic_load_n(&nr_zombies, __ATOMIC_SEQ_CST))
        return;
    for (struct domain *d = domain_get_next(0); d;) {
        u16 next = d->id + 1u;

        domain_check_gone(d);
        domain_put(d);
        d = domain_get_next(next);
    }
}
