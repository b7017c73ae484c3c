/*
 * A domain's extents: the list of their heads, splitting, giving up, pins.
 *
 * A head's pins are those of all its frames, so an unpinned extent goes back in one piece without a look
 * at its frames. A pinned one is halved until the pinned frames stand alone (each halving adds up the pins of
 * one half's records); those become PAGE_RELEASED, stay the domain's, and are freed by their last unpin.
 *
 * Lock: the account's (LOCK_ACCOUNT), for the list, for the heads on it and their tails' pins.
 */
#include <homestead/errno.h>
#include <lib/assert.h>
#include <mm/internal.h>

void extent_link(struct mem_account *account, struct page *head)
{
    u64 n = page_to_mfn(head).n;
    page_set_next(head, account->extents);
    page_set_prev(head, PAGE_LINK_NONE);
    if (account->extents != PAGE_LINK_NONE)
        page_set_prev(&frame_table[account->extents], n);
    account->extents = n;
}

void extent_unlink(struct mem_account *account, struct page *head)
{
    u64 next = page_next(head), prev = page_prev(head);

    if (prev != PAGE_LINK_NONE)
        page_set_next(&frame_table[prev], next);
    else
        account->extents = next;
    if (next != PAGE_LINK_NONE)
        page_set_prev(&frame_table[next], prev);
    page_set_next(head, 0);
    page_set_prev(head, 0);
}

/*
 * The head whose extent holds frame n: the nearest record below that is no tail, at an address aligned to its
 * order. Without the owner's lock the answer may be out of date. NULL: n is not RAM.
 */
static struct page *head_find(u64 n)
{
    const struct frame_range *range = frame_range_find(n);
    if (!range)
        return NULL;
    for (u32 order = 0; order <= MAX_ORDER; order++) {
        u64 candidate = ALIGN_DOWN(n, BIT(order));
        if (candidate < range->start)
            break;
        if (word_state(page_word(&frame_table[candidate])) != PAGE_TAIL)
            return &frame_table[candidate];
    }
    return NULL;
}

/* An extent of this account, which only changes under the account's lock; whatever else is there may be
 * changing. */
struct page *extent_find(const struct mem_account *account, u64 n)
{
    struct page *head = head_find(n);
    if (!head)
        return NULL;
    u16 word = page_word(head);
    if (word_state(word) != PAGE_GUEST || page_owner(head) != account->domid)
        return NULL;
    return n < page_to_mfn(head).n + BIT(word_order(word)) ? head : NULL;
}

/* Halves an extent. Costs a loop over one half's records if it is pinned. */
static void extent_split(struct mem_account *account, struct page *head)
{
    u32 order = head->order - 1u;
    struct page *second = head + BIT(order);
    u32 pins = 0;

    if (head->pins)
        for (u64 i = 0; i < BIT(order); i++)
            pins += second[i].pins;
    head->pins = (head->pins - pins) & PAGE_PINS_MAX;
    second->pins = pins & PAGE_PINS_MAX;
    page_set_owner(second, account->domid);
    extent_link(account, second);
    page_set(second, PAGE_GUEST, order);
    page_set(head, PAGE_GUEST, order);
}

void extent_give_back(u64 n, u32 order)
{
    nodeid_t nid = mm_mfn_node(mfn(n));
    struct node *node = node_get(nid);

    spin_lock(&node->lock);
    node_put(node, n, order, KIND_DIRTY);
    spin_unlock(&node->lock);
    ledger_credit(nid, BIT(order));
}

/* An unpinned extent is freed; a pinned frame is left to its last unpin. */
static void extent_drop(struct mem_account *account, struct page *head)
{
    u64 n = page_to_mfn(head).n;
    u32 order = head->order;

    extent_unlink(account, head);
    if (head->pins) {
        ASSERT(order == 0);
        page_set(head, PAGE_RELEASED, 0);
        return;
    }
    account_uncharge(account, n, order);
    extent_give_back(n, order);
}

static int release_locked(struct mem_account *account, u64 start, u64 end)
{
    for (u64 n = start; n < end;) {
        struct page *head = extent_find(account, n);
        if (!head)
            return -EINVAL;
        n = page_to_mfn(head).n + BIT(head->order);
    }
    for (u64 n = start; n < end;) {
        struct page *head = extent_find(account, n);
        u64 first = page_to_mfn(head).n;
        while (first < n || first + BIT(head->order) > end || (head->pins && head->order)) {
            extent_split(account, head);
            if (n >= first + BIT(head->order)) {
                head += BIT(head->order);
                first = page_to_mfn(head).n;
            }
        }
        n = first + BIT(head->order);
        extent_drop(account, head);
    }
    return 0;
}

int mm_release(struct mem_account *account, mfn_t m, u32 order)
{
    if (order > MAX_ORDER || !mm_mfn_valid(m))
        return -EINVAL;
    spin_lock(&account->lock);
    int rc = release_locked(account, m.n, m.n + BIT(order));
    spin_unlock(&account->lock);
    return rc;
}

int mm_release_many(struct mem_account *account, const mfn_t *m, u32 order, u32 nr)
{
    int rc = nr && nr <= MM_TAKE_MAX ? 0 : -EINVAL;

    for (u32 i = 0; i < nr && !rc; i++)
        rc = mm_release(account, m[i], order);
    return rc;
}

bool mm_release_some(struct mem_account *account, u32 budget)
{
    /* The lock is dropped between steps: a pin or an unpin must not wait for a whole domain. */
    for (;; budget--) {
        spin_lock(&account->lock);
        bool more = account->dying && account->extents != PAGE_LINK_NONE;
        if (more && budget) {
            struct page *head = &frame_table[account->extents];
            if (head->pins && head->order)
                extent_split(account, head);
            else
                extent_drop(account, head);
        }
        spin_unlock(&account->lock);
        if (!more || !budget)
            return more;
    }
}

int mm_pin(u16 domid, mfn_t m)
{
    int rc = -EINVAL;
    struct mem_account *account = mem_account_find(domid);

    if (!account)
        return rc;
    spin_lock(&account->lock);
    struct page *head = extent_find(account, m.n);
    if (head && head->pins == PAGE_PINS_MAX) {
        rc = -EOVERFLOW;
    } else if (head) {
        head->pins++;
        if (head != mfn_to_page(m))
            mfn_to_page(m)->pins++;
        rc = 0;
    }
    spin_unlock(&account->lock);
    return rc;
}

/* Account lock held. False: m is not (or no longer) in the record the account was found by. */
static bool unpin_locked(struct mem_account *account, mfn_t m, bool *freed)
{
    struct page *page = mfn_to_page(m), *head = extent_find(account, m.n);

    if (head) {
        BUG_ON(head->pins == 0 || page->pins == 0);
        head->pins--;
        if (head != page)
            page->pins--;
        return true;
    }
    if (word_state(page_word(page)) != PAGE_RELEASED || page_owner(page) != account->domid)
        return false;
    BUG_ON(page->pins == 0);
    if (--page->pins == 0) {
        account_uncharge(account, m.n, 0);
        extent_give_back(m.n, 0);
        *freed = true;
    }
    return true;
}

bool mm_unpin(mfn_t m)
{
    bool freed = false;

    /* A pinned frame keeps its owner, but its extent may be split while its head is searched; each miss
     * means a split happened, and there are at most MAX_ORDER of them. */
    for (u32 tries = 0; tries <= MAX_ORDER + 1; tries++) {
        struct page *head = head_find(m.n);
        struct mem_account *account = head ? mem_account_find(page_owner(head)) : NULL;
        if (!account)
            continue;
        spin_lock(&account->lock);
        bool done = unpin_locked(account, m, &freed);
        spin_unlock(&account->lock);
        if (done)
            return freed;
    }
    BUG_ON(true); /* not pinned at all: a reference count somewhere is wrong */
}
