/*
 * Taking single pages in bulk, giving them back, scrubbing and killing: mm/alloc.c, release.c, account.c, scrub.c.
 *
 *   here             in C
 *   take()           try_hard() at order 0 on nodes [lo, hi]: lo == hi, one node; else the last attempt of a call that may go
 *                    anywhere, decided for all nodes at one instant. got: pages, 0: -ENOMEM; rc_dying: -ESRCH
 *   take_any()       mm_take() without MM_EXACT_NODE: node after node, then all of them at one instant
 *   take_done()      mm_take_done()
 *   give_back()      release_locked() and release_step(), one page
 *   release()        mm_release_many()
 *   release_some()   mm_release_some(), one step
 *   kill()           mm_account_kill()
 *   scrubber()       mm_scrub_step(): the page is off the maps while it is cleaned, and still counts as free
 *   busy[d]          mem_account.in_flight
 *
 * Order of steps in a take: account lock; ledger lock; for each node: reservation, node lock, pages, node unlock, refund of
 * what a scrubber had; ledger unlock; charge; account unlock. With EARLY_UNLOCK the ledger lock is dropped between the reservation and
 * the node's lock, which is right as well (the C does it no more: a refund that comes later can find step 3's pages gone).
 *
 * There are no per-CPU magazines in Homestead. What a magazine would be, pages that their node does not see, is the bulk
 * of a take up to its take_done().
 */
#define TAKE_LOCALS RECEIPT; byte got, lo, hi, at, back; bool rc_dying, again

#ifdef BREAK_RELEASE_IN_FLIGHT
#define IN_FLIGHT(d) false
#else
#define IN_FLIGHT(d) (busy[d] > 0)
#endif

#ifdef EARLY_UNLOCK
#define UNLOCK_EARLY unlock(ledger_lk)
#define LOCK_AGAIN   lock(ledger_lk)
#define GO_ON        !again
#else
#define UNLOCK_EARLY skip
#define LOCK_AGAIN   skip
#define GO_ON        true
#endif

/* take_from_nodes(). Ledger lock held. */
inline take_from_nodes(d, want)
{
    do
    :: lo + at <= hi && got == 0 && GO_ON ->
        d_step {
            part = MIN(want, max_pages[d] - tot[d]);
            room = lo + at;
            reserve_half(d, room, part)
        }
        if
        :: r_pages > 0 ->
            UNLOCK_EARLY;
            d_step { /* node lock; the assertion is the BUG_ON of take_with_credits(), and rule 4's other half */
                got = MIN(r_pages, maps[r_nid]);
                assert(got > 0 || scrubbing[r_nid] > 0);
                maps[r_nid] = maps[r_nid] - got;
                held[r_nid] = held[r_nid] - got
            }
            LOCK_AGAIN;
            d_step {
                again = (got == 0);
                WHEN(got < r_pages, held[r_nid] = held[r_nid] - (r_pages - got); refund(d, got));
                check()
            }
        :: else
        fi;
        at++
    :: else -> break
    od;
    assert(got > 0 || again || lo == hi || outst[d] == 0); /* rule 4, any node; for one node see reserve_half() */
    again = again && got == 0; at = 0
}

inline take(d, want)
{
    again = true; got = 0;
    do
    :: again ->
        again = false;
#ifdef BREAK_DYING_UNLOCKED
        rc_dying = dying[d];
        lock(acct[d]);
#else
        atomic { !acct[d] -> acct[d] = true; rc_dying = dying[d] }
#endif
        if
        :: !rc_dying && tot[d] < max_pages[d] ->
            lock(ledger_lk);
            take_from_nodes(d, want);
            unlock(ledger_lk)
        :: else
        fi;
        d_step {
            WHEN(got > 0, tot[d] = tot[d] + got; OWN(d, r_nid) = OWN(d, r_nid) + got; busy[d]++);
            unlock(acct[d])
        }
        WHEN(again, (lo < hi || maps[lo] > 0 || scrubbing[lo] == 0)) /* node_relax() */
    :: else -> break
    od
}

/* What nobody reads again is 0: fewer states. */
inline forget()
{
    d_step { forget_receipt(); got = 0; lo = 0; hi = 0; i = 0; j = 0 }
}

/* `first` is where it begins; the other nodes follow by number, and then all of them at once. */
inline take_any(d, first, want)
{
    lo = first; hi = first; got = 0;
    do
    :: true ->
        take(d, want);
        if
        :: got > 0 || rc_dying || lo < hi -> break
        :: else ->
            lo = (lo + 1) % NN; hi = lo;
            if
            :: lo == first ->
#ifdef BREAK_NO_LAST_TRY
                break
#else
                lo = 0; hi = NN - 1
#endif
            :: else
            fi
        fi
    od
}

/* One page or k of them go back to the node. `back`: those that are free then. One that was to go offline goes now. Node lock held. */
inline give_up(n, k, back)
{
#ifdef OFFLINE
    i = MIN(leaving[n], k);
    leaving[n] = leaving[n] - i; offline[n] = offline[n] + i;
    back = k - i;
    maps[n] = maps[n] + back;
#ifdef BREAK_MARKED_CREDIT
    back = k;
#endif
    i = 0
#else
    back = k;
    maps[n] = maps[n] + k
#endif
}

#ifdef OFFLINE
inline refund_leavers(n, k)
{
    leaves[n] = k;
    do
    :: k > 0 -> withdraw(n); k--
    :: else -> break
    od
}
#else
inline refund_leavers(n, k)
{
    k = 0
}
#endif

/* Keeps `keep` pages. The others are put on the maps and only then, under the same hold of the ledger lock, do their credits and
 * claims come back; those of pages that went offline instead are withdrawn at once. The pages of a dying account are still
 * there: release_some() waits for us. */
inline take_done(d, keep)
{
    lock(acct[d]);
    if
    :: keep < got ->
#if defined(BREAK_CREDITS_FIRST)
        atomic { !ledger_lk -> d_step { refund(d, keep); check() } }
        d_step { maps[r_nid] = maps[r_nid] + (got - keep) }
#elif defined(BREAK_REFUND_GAP)
        d_step { maps[r_nid] = maps[r_nid] + (got - keep) }
        atomic { !ledger_lk -> d_step { credit(r_nid, got - keep); check() } }
        atomic { !ledger_lk -> d_step {
            spare[r_nid] = spare[r_nid] - (got - keep); host_spare = host_spare - (got - keep);
            refund(d, keep); check() } }
#else
        lock(ledger_lk);
        d_step { give_up(r_nid, got - keep, back); check() }
        d_step { back = got - keep - back; refund(d, keep); refund_leavers(r_nid, back); check(); unlock(ledger_lk) }
#endif
    :: else
    fi;
    d_step {
        assert(OWN(d, r_nid) >= got && busy[d] > 0); /* nobody released what is under way */
        OWN(d, r_nid) = OWN(d, r_nid) - (got - keep); tot[d] = tot[d] - (got - keep);
        busy[d]--;
        unlock(acct[d])
    }
}

/* Onto the node's maps, off the account's books, and then the credit. Account lock held. */
inline give_back(d, n, back)
{
#ifdef BREAK_CREDITS_FIRST
    atomic { !ledger_lk -> d_step { credit(n, 1); check() } }
    d_step { maps[n] = maps[n] + 1 }
#else
    d_step { give_up(n, 1, back); check() }
#endif
    d_step { OWN(d, n) = OWN(d, n) - 1; tot[d] = tot[d] - 1; assert(tot[d] <= RAM && OWN(d, n) <= RAM) }
#ifndef BREAK_CREDITS_FIRST
    WHEN(back > 0, atomic { !ledger_lk -> d_step { credit(n, 1); back = 0; check() } })
#endif
}

/* A page that is not part of a bulk under way: those are in nobody's map of guest memory yet. The caller knows that it has one. */
inline release(d, n)
{
    lock(acct[d]);
    give_back(d, n, back);
    unlock(acct[d])
}

/* `more`: false when the dying account owns nothing any more. */
inline release_some(d, more)
{
    lock(acct[d]);
    more = tot[d] > 0;
    if
    :: more && !IN_FLIGHT(d) && OWN(d, 0) > 0 -> give_back(d, 0, back)
    :: more && !IN_FLIGHT(d) && OWN(d, 0) == 0 -> give_back(d, 1, back)
    :: else
    fi;
    unlock(acct[d])
}

inline kill(d)
{
#ifdef BREAK_LOCK_ORDER
    lock(ledger_lk); lock(acct[d]); unlock(ledger_lk);
#else
    lock(acct[d]);
#endif
    atomic {
        !ledger_lk -> d_step {
            dying[d] = true;
#ifndef BREAK_KILL_KEEPS
            claims_release(d);
#endif
#ifdef BREAK_RELEASE_TWICE
            host_spare = host_spare + 1; spare[0] = spare[0] + 1;
#endif
            check()
        }
    }
    unlock(acct[d])
}

byte finished; /* processes other than scrubbers */

#ifdef BREAK_SCRUB_HIDES
#define SCRUBBED 0 /* what is being cleaned counts as gone */
#else
#define SCRUBBED 1
#endif
proctype scrubber(byte n)
{
end:
    do
    :: d_step { maps[n] > 0 -> maps[n] = maps[n] - 1; scrubbing[n] = scrubbing[n] + SCRUBBED; check() }
       d_step { scrubbing[n] = scrubbing[n] - SCRUBBED; maps[n] = maps[n] + 1 }
    od
}

/* Before anybody runs: all memory is free and nobody's. */
inline setup(n, pages)
{
    ram[n] = pages; maps[n] = pages; credit(n, pages)
}
