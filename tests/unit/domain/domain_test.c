/* The set of domains: creation with too little memory, ids, lookup, references. */
#include "domain_harness.h"

void vcpu_handle_exit(struct vcpu *v, const struct hvm_exit *exit)
{
    (void)v;
    (void)exit;
}
void vcpu_deliver_event(struct vcpu *v)
{
    v->attention = false;
}

static struct domain *dom0;

static void setup_dom0(void)
{
    setup();
    dom0 = new_domain(0, 1);
    said[0] = '\0';
}

/* --- memory that runs out --- */

static mfn_t hogged[FRAMES];
static u32 nr_hogged, nr_returned;

static int by_frame(const void *a, const void *b)
{
    u64 x = ((const mfn_t *)a)->n, y = ((const mfn_t *)b)->n;

    return x < y ? -1 : x > y;
}

static void hog_all(void)
{
    nr_hogged = nr_returned = 0;
    while (mm_alloc(NULL, NODE_NONE, 0, MM_OVERHEAD, &hogged[nr_hogged]) == 0)
        nr_hogged++;
    qsort(hogged, nr_hogged, sizeof(hogged[0]), by_frame);
}

/* n pages, neighbours, come back. */
static void unhog(u32 n)
{
    for (; n && nr_returned < nr_hogged; n--)
        mm_free_overhead(NULL, hogged[nr_returned++], 0);
}

TEST(creation_needs_all_its_memory)
{
    u64 before = free_pages();
    u32 pages = 0;
    struct domain *d = NULL;

    hog_all();
    while (try_create(1, 8, &d) == -ENOMEM) {
        assert_null(d);
        is_gone_for_good(1, pages);
        assert_true(++pages < 400);
        unhog(1);
    }
    assert_non_null(d); /* paging pool, shared info, record: no page more than that */
    assert_true(pages > PHYSMAP_POOL_DEFAULT_PAGES && pages < PHYSMAP_POOL_DEFAULT_PAGES + 12);
    d->mem.max_pages = FRAMES;
    u32 for_vcpus = 0;
    while (domain_alloc_vcpus(d, 8) == -ENOMEM) {
        assert_int_equal(d->nr_vcpus, for_vcpus / 2); /* two pages each, and those that are there are whole */
        assert_int_equal(mm_check(), 0);
        for_vcpus++;
        unhog(1);
    }
    assert_int_equal(d->nr_vcpus, 8);
    assert_int_equal(domain_alloc_vcpus(d, 8), 0); /* again: nothing to do */
    assert_int_equal(domain_alloc_vcpus(d, 7), -EINVAL);
    assert_int_equal(kill_all_steps(d), 0);
    /* Half of them only, and gone all the same. */
    unhog(FRAMES);
    is_gone_for_good(1, before);
    hog_all();
    unhog(pages + 7);
    assert_int_equal(try_create(1, 8, &d), 0);
    assert_int_equal(domain_alloc_vcpus(d, 8), -ENOMEM);
    assert_in_range(d->nr_vcpus, 1, 3);
    assert_int_equal(kill_all_steps(d), 0);
    unhog(FRAMES);
    is_gone_for_good(1, before);
}

/* --- ids --- */

TEST(a_page_of_ids_stays_while_one_is_used)
{
    u64 before = free_pages();
    struct domain *a, *b;

    assert_int_equal(try_create(1600, 1, &a), 0);
    assert_int_equal(try_create(1601, 1, &b), 0);
    assert_int_equal(kill_all_steps(a), 0);
    assert_null(mem_account_find(1600));
    assert_null(mem_account_find(5000));
    assert_ptr_equal(mem_account_find(1601), &b->mem);
    assert_int_equal(kill_all_steps(b), 0);
    is_gone_for_good(1601, before);
}

TEST(ids_are_given_in_a_circle)
{
    struct domain *d = NULL, *fixed, *next;

    assert_int_equal(try_create(5, 1, &fixed), 0);
    assert_int_equal(try_create(5, 1, &d), -EEXIST);
    assert_int_equal(try_create(0, 1, &d), -EEXIST);
    assert_int_equal(try_create(DOMID_MAX + 1, 1, &d), -EINVAL);
    assert_null(d);
    assert_int_equal(try_create(DOMID_ANY, 1, &d), 0);
    u16 first = d->id;
    assert_int_equal(kill_all_steps(d), 0);
    assert_int_equal(try_create(DOMID_ANY, 1, &d), 0);
    assert_int_equal(d->id, first + 1 == 5 ? 6 : first + 1); /* not the one just freed */
    assert_int_equal(kill_all_steps(d), 0);

    /* An attempt that fails has used its id up: with too little memory the circle is soon run through. */
    hog_all();
    unhog(8);
    for (u32 i = 0; i < DOMID_MAX - 3u; i++)
        assert_int_equal(try_create(DOMID_ANY, 1, &next), -ENOMEM);
    unhog(FRAMES);
    u32 wrapped = 0;
    u16 last = 0;
    for (u32 i = 0; i < 8; i++) {
        assert_int_equal(try_create(DOMID_ANY, 1, &d), 0);
        assert_in_range(d->id, 1, DOMID_MAX);
        assert_int_not_equal(d->id, 5); /* taken */
        wrapped += d->id <= last;
        last = d->id;
        assert_int_equal(kill_all_steps(d), 0);
    }
    assert_true(last < 20); /* around, and 0 has not come up */
    assert_true(wrapped <= 1);
}

TEST(lists_are_in_order)
{
    static const u16 ids[] = {7, 3, DOMID_MAX, 12};
    static const u16 sorted[] = {0, 3, 7, 12, DOMID_MAX};
    struct domain *d;
    u32 n = 0;

    for (u32 i = 0; i < ARRAY_SIZE(ids); i++)
        assert_int_equal(try_create(ids[i], 1, &d), 0);
    for (u32 id = 0; (d = domain_get_next((u16)id)) != NULL; id = d->id + 1u) {
        assert_int_equal(d->id, sorted[n++]);
        assert_int_equal(d->refs, 2);
        domain_put(d);
    }
    assert_int_equal(n, 5);
    assert_null(domain_get(4));
    assert_null(domain_get(DOMID_ANY));
    assert_ptr_equal(mem_account_find(0), &dom0->mem);
    assert_null(mem_account_find(4));
    assert_null(mem_account_find(0x7ff0));
}

TEST(a_reference_keeps_the_record)
{
    u64 before = free_pages();
    struct domain *d = new_domain(1, 2), *next = NULL;
    struct domain *ref = domain_get(1);

    assert_ptr_equal(ref, d);
    populate(d, 0, 0);
    assert_int_equal(kill_all_steps(d), 0);
    assert_false(exists(1)); /* nobody finds it any more */
    assert_true(free_pages() < before);
    assert_int_equal(ref->nr_vcpus, 2);
    assert_int_equal(ref->vcpu[1]->domain->id, 1);
    assert_int_equal(domain_kill(ref), 0);
    domain_pause(ref);
    domain_shutdown(ref, SHUTDOWN_crash);
    evtchn_raise_virq(ref, VIRQ_TIMER, 1);
    /* Its id is free, and the two do not get into each other's way. */
    assert_int_equal(try_create(1, 1, &next), 0);
    assert_ptr_not_equal(next, ref);
    domain_put(ref);
    assert_true(exists(1));
    assert_int_equal(kill_all_steps(next), 0);
    is_gone_for_good(1, before);
}

#undef CASE

FIXTURE(setup_dom0, teardown)
