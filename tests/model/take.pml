/*
 * Taking single pages in bulk, giving them back, scrubbing and killing: mm/alloc.c, release.c, account.c, scrub.c.
 *
 *   here             in C
 *   take()           attempt_and_wait() at order 0 on nodes [lo, hi]: lo == hi, one node; else the last attempt of a call that may go
 *                    anywhere, decided for all nodes at one instant. got: pages, 0: -ENOMEM; rc_dying: -ESRCH
 *   take_pages()     take_on_node(), after reserve()
 *   take_any()       mm_take() without MM_EXACT_NODE: node after node, then all of them at one instant
 *   take_done()      clear(), then mm_take_done() and give_back()
 *   give_back()      one_run() and release_step(), one page
 *   release()        mm_release_many()
 *   release_some()   mm_release_some(), one step
 *   kill()           mm_account_kill()
 *   scrubber()       mm_scrub_step(): the page is off the maps while it is cleaned, and still counts as free
 *   waiting[n]       node.nr_waiting
 *   busy[d]          how many CPUs have d's account in cpu.clearing
 *
 * Order of steps in a take: account lock; node lock; reservation; if that takes more nodes: unlock, lock all that it takes, ascending, and
 * reserve again; pages; refund of what a scrubber has; node unlock; charge; account unlock.
 *
 * There are no per-CPU magazines in Homestead. What a magazine would be, pages that their node does not see, is the bulk
 * of a take up to its take_done(). All memory is dirty here.
 */
#define TAKE_LOCALS RECEIPT; NODE_LOCALS, got, lo, hi, at, more; bool rc_dying, again

#ifdef BREAK_RELEASE_IN_FLIGHT
#define IN_FLIGHT(d) false
#else
#define IN_FLIGHT(d) (busy[d] > 0)
#endif

/* The assertion is the BUG_ON of take_on_node(), and rule 4's other half. */
inline find_pages()
{
    got = MIN(r_pages, maps[r_nid]);
    assert(got > 0 || scrubbing[r_nid] > 0);
    maps[r_nid] = maps[r_nid] - got
}

inline refund_rest(d)
{
    again = again || got == 0; /* -EAGAIN */
    WHEN(got < r_pages, refund(d, got));
    check()
}

/* What has been reserved. Nodes locked. */
#if defined(BREAK_EARLY_UNLOCK)
inline take_pages(d, n)
{
    d_step { commit(d, n, r_pages); nodes_unlock() }
    nodes_lock();
    d_step { find_pages(); refund_rest(d) }
}
#elif defined(BREAK_PUT_BACK_UNLOCKED)
inline take_pages(d, n)
{
    d_step { commit(d, n, r_pages); find_pages(); nodes_unlock() }
    d_step { refund_rest(d) }
    nodes_lock()
}
#else
inline take_pages(d, n)
{
    d_step { commit(d, n, r_pages); find_pages(); refund_rest(d) }
}
#endif

/* take_on_nodes(). Account lock held. */
inline take_on_nodes(d, want)
{
    d_step { locked = (lo == hi -> BIT(lo) : ALL); r_pages = MIN(want, max_pages[d] - tot[d]) }
    nodes_lock();
    do
    :: lo + at <= hi && got == 0 ->
        d_step {
            WHEN(r_pages == 0, r_pages = MIN(want, max_pages[d] - tot[d]));
            room = lo + at;
            reserve(d, room);
            room = 0
        }
        if
        :: more > 0 -> /* look again, with these as well */
            d_step { nodes_unlock(); locked = more; more = 0 }
            nodes_lock();
#ifdef BREAK_NO_SECOND_LOOK
            take_pages(d, lo + at);
            at++
#endif
        :: more == 0 && r_pages > 0 -> take_pages(d, lo + at); at++
        :: more == 0 && r_pages == 0 -> at++
        fi
    :: else -> break
    od;
    at = 0
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
        :: !rc_dying && tot[d] < max_pages[d] -> take_on_nodes(d, want)
        :: else
        fi;
        d_step {
            assert(got > 0 || again || rc_dying || lo == hi || outst[d] == 0 || tot[d] >= max_pages[d]); /* rule 4, any node; for one node see reserve() */
            again = again && got == 0;
            nodes_unlock(); locked = 0;
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
    d_step { forget_receipt(); got = 0; lo = 0; hi = 0 }
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

#ifdef BREAK_RECALL_NODE
#define FEW_LOCKS true /* claims are recalled with only that node locked */
#else
#define FEW_LOCKS false
#endif
hidden byte to_leave;

/* k pages go back to the node. part: those that are free then, j: those that go offline now, as they were to. Node lock held. */
inline give_up(n, k)
{
#ifdef OFFLINE
    j = MIN(leaving[n], k);
    leaving[n] = leaving[n] - j; offline[n] = offline[n] + j;
#else
    j = 0;
#endif
    part = (k) - j;
    maps[n] = maps[n] + part;
#ifdef BREAK_MARKED_CREDIT
    part = k
#endif
}

#ifdef BREAK_GIVE_BACK_DEAD
#define LEFT_TO_KILLER(d) false
#else
#define LEFT_TO_KILLER(d) dying[d]
#endif

/* The pages are clean; keeps `keep` of them. The others, their credits and their claims come back in one hold of the node's lock; claims of pages
 * that went offline instead are withdrawn under it. What a dying account has is release_some()'s, and may have gone. */
inline take_done(d, keep)
{
    d_step {
        assert(OWN(d, r_nid) >= got && busy[d] > 0); /* nobody released what was being cleared */
        busy[d]--
    }
    if
    :: keep < got ->
        lock(acct[d]);
        if
        :: !LEFT_TO_KILLER(d) ->
            d_step { refund_nodes() }
            nodes_lock();
#if defined(BREAK_CREDITS_FIRST)
            d_step { refund(d, keep); nodes_unlock() }
            nodes_lock();
            d_step { maps[r_nid] = maps[r_nid] + (got - keep); nodes_unlock(); locked = 0; check() }
#elif defined(BREAK_REFUND_GAP)
            d_step { maps[r_nid] = maps[r_nid] + (got - keep); credit(r_nid, got - keep); nodes_unlock(); check() }
            nodes_lock();
            d_step {
                sum = MIN(host_part[r_nid], got - keep); host_part[r_nid] = host_part[r_nid] - sum;
                refund(d, keep);
                check(); nodes_unlock(); locked = 0
            }
#else
#ifdef OFFLINE
            if
            :: leaving[r_nid] > 0 && locked != ALL && !FEW_LOCKS -> /* any_leaving() */
                d_step { nodes_unlock(); locked = ALL }
                nodes_lock()
            :: else
            fi;
#endif
            d_step {
                give_up(r_nid, got - keep);
                to_leave = j;
                refund(d, keep);
#ifdef OFFLINE
                withdraw(r_nid, to_leave);
#endif
                to_leave = 0;
                check(); nodes_unlock(); locked = 0
            }
#endif
            d_step {
                assert(OWN(d, r_nid) >= got - keep);
                OWN(d, r_nid) = OWN(d, r_nid) - (got - keep); tot[d] = tot[d] - (got - keep)
            }
        :: else
        fi;
        unlock(acct[d])
    :: else
    fi
}
/* Onto the node's maps with its credit, and then off the account's books. Account lock held. */
#if defined(BREAK_CREDITS_FIRST)
inline give_back(d, n) /* H is raised, and then the page is back */
{
    atomic { !node_lk[n] -> d_step { credit(n, 1) } }
    atomic { !node_lk[n] -> d_step { maps[n] = maps[n] + 1; check(); OWN(d, n) = OWN(d, n) - 1; tot[d] = tot[d] - 1 } }
}
#elif defined(BREAK_FREE_UNLOCKED)
inline give_back(d, n) /* the node's part is read before the lock is there, and written under it */
{
    at = host_part[n];
    atomic { !node_lk[n] -> d_step { maps[n] = maps[n] + 1; host_part[n] = at + 1; check(); OWN(d, n) = OWN(d, n) - 1; tot[d] = tot[d] - 1 } }
    at = 0
}
#else
inline give_back(d, n)
{
    atomic {
        !node_lk[n] -> d_step {
            give_up(n, 1); credit(n, part); part = 0; j = 0;
            check();
            OWN(d, n) = OWN(d, n) - 1; tot[d] = tot[d] - 1; assert(tot[d] <= RAM && OWN(d, n) <= RAM)
        }
    }
}
#endif

/* A page that is not part of a bulk under way: those are in nobody's map of guest memory yet. The caller knows that it has one. */
inline release(d, n)
{
    lock(acct[d]);
    give_back(d, n);
    unlock(acct[d])
}

/* `left_over`: false when the dying account owns nothing any more. */
inline release_some(d, left_over)
{
    lock(acct[d]);
    left_over = tot[d] > 0;
    if
    :: left_over && !IN_FLIGHT(d) && OWN(d, 0) > 0 -> give_back(d, 0)
    :: left_over && !IN_FLIGHT(d) && OWN(d, 0) == 0 -> give_back(d, 1)
    :: else
    fi;
    unlock(acct[d])
}

inline kill(d)
{
#ifdef BREAK_LOCK_ORDER
    d_step { locked = (claim_nodes[d] > 0 -> claim_nodes[d] : BIT(0)) }
    nodes_lock();
    lock(acct[d]);
#elif defined(BREAK_NODES_EARLY)
    d_step { locked = (claim_nodes[d] > 0 -> claim_nodes[d] : BIT(0)) }
    lock(acct[d]);
    nodes_lock();
#else
    atomic { !acct[d] -> acct[d] = true; d_step { locked = (claim_nodes[d] > 0 -> claim_nodes[d] : BIT(0)) } }
    nodes_lock();
#endif
    d_step {
        dying[d] = true;
#ifndef BREAK_KILL_KEEPS
        claims_release(d);
#endif
#ifdef BREAK_RELEASE_TWICE
        credit(0, 1);
#endif
        check();
        nodes_unlock(); locked = 0;
        unlock(acct[d])
    }
}

byte finished; /* processes other than scrubbers */
byte waiting[NN]; /* atomic: those that want scrubbers to let go */

#ifdef BREAK_SCRUB_HIDES
#define SCRUBBED 0 /* what is being cleaned counts as gone */
#else
#define SCRUBBED 1
#endif
proctype scrubber(byte n)
{
end:
    do
    :: d_step { !node_lk[n] && waiting[n] == 0 && maps[n] > 0 -> maps[n] = maps[n] - 1; scrubbing[n] = scrubbing[n] + SCRUBBED; check() }
       d_step { !node_lk[n] -> scrubbing[n] = scrubbing[n] - SCRUBBED; maps[n] = maps[n] + 1 }
    od
}

/* Before anybody runs: all memory is free and nobody's. */
inline setup(n, pages)
{
    ram[n] = pages; maps[n] = pages; credit(n, pages)
}
