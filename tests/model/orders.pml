/*
 * Claims by order (claims.md section 3, ORDERS): so many whole, aligned extents stay obtainable for a domain against everybody's smaller
 * allocations. Here a whole is two pages; order 1 stands for the C's 9 and 18. Node 0 has three wholes, of two of which
 * somebody owns one page, node 1 has one.
 *
 *   here               in C (mm/)
 *   there[w]           free pages of whole w: a region's map, and its bit in its chunk's maps
 *   scrubbed[w]        a scrubber has it: region_scrub_begin(); it counts as free and whole, and cannot be taken
 *   reserved[n]        node->kept_2m
 *   SPARE_WHOLES()     node_spare_2m()
 *   UNITS(), lost[]    claim_units(), node_short: ledger_orders.c
 *   units_sub()        claim_node_sub() and node_keep_whole()
 *   units_add()        claim_node_add(), node_keep_whole() and node_has_whole()
 *   take()             attempt_and_wait(): take_on_node(), node_wait_scrubbers(), once more
 *   node_take()        node_take(): split wholes first, then one that nobody was promised
 *   installer()        claim_units_fit(), ledger_install(); mm_account_kill() for the end
 *
 * What is kept whole and the pages are the node's, so one hold of its lock has it all: reservation, what is kept whole, pages, refund. Counters as
 * in ledger.pml, whose check() runs too.
 *
 * right:  orders            CLAIMS
 * right:  orders-install    INSTALL
 * right:  orders-scrub      CLAIMS SCRUB
 * broken: break-promised    CLAIMS BREAK_PROMISED              a single page breaks a whole that is promised
 * broken: promise-stays     CLAIMS BREAK_UNITS_STAY            a claim shrinks, what is kept whole for it does not
 * broken: promise-late      CLAIMS BREAK_UNITS_LATE            what is kept whole for a domain shrinks after it has looked for its extent
 * broken: refund-broken     CLAIMS BREAK_REFUND_WHOLE          a refund keeps whole again what is broken by now
 * broken: refund-late       CLAIMS BREAK_REFUND_LATE           the node's lock is dropped between no extent and the refund
 * broken: install-by-page   INSTALL BREAK_NO_HAS_WHOLE         a claim by order looks at the pages, not at the wholes
 * broken: install-unlocked  INSTALL BREAK_HAS_WHOLE_EARLY      it looks at the wholes before it has the node's lock
 * broken: scrub-look-early  CLAIMS SCRUB BREAK_SCRUB_EARLY     a scrubber looks for takers that wait before it has the node's lock, not after
 *
 * orders: claims.md CL-3.48, CL-3.49, CL-3.53, CL-3.54
 * orders-install: claims.md CL-3.47
 * refund-broken: claims.md CL-3.56, CL-3.57, CL-4.18
 */
#define NN     2
#define ND     3
#define RAM    8
#define WHOLES 4
#define FREE(n) ((n) == 0 -> there[0] + there[1] + there[2] : there[3])
byte there[WHOLES], reserved[2]; /* [N] */
bool scrubbed[WHOLES];           /* [N] */
byte waiting[2];                 /* atomic: nr_waiting */
#include "ledger.pml"
#include "claims.pml"

bool by_order[ND];              /* [L] d's claim on node 0 is one of wholes */
byte lost[ND], mine[ND * WHOLES]; /* [L]; [N] pages of each whole that d owns */
byte finished;
#define MINE(d, w)    mine[(d) * WHOLES + (w)]
#define NODE(w)       ((w) == 3)
#define FREE_WHOLES(n) ((n) == 0 -> (there[0] == 2) + (there[1] == 2) + (there[2] == 2) : (there[3] == 2))
#define SCRUBBING     (scrubbed[0] || scrubbed[1] || scrubbed[2])
#define SPARE_WHOLES(n) (FREE_WHOLES(n) > reserved[n])
#define UNITS(d)      (by_order[d] -> C(d, 0) / 2 - lost[d] : 0)

inline check_units()
{
    check();
    assert(reserved[0] <= 3 && reserved[0] <= FREE_WHOLES(0) && reserved[1] == 0);
    assert(UNITS(0) <= 3 && UNITS(1) <= 3 && UNITS(2) <= 3);
    assert(reserved[0] == UNITS(0) + UNITS(1) + UNITS(2))
}

/* --- what is kept whole; node 0 locked. The page counts are the caller's -------------------------------------------------- */
/* After c[d][0] fell by `pages` taken as extents of `order`: u_lost, made_up in claim_node_sub(). */
inline units_sub(d, pages, order)
{
    part = C(d, 0) + pages; /* before */
    sum = part / 2 - lost[d];
    u_lost = 0;
    if
    :: order == 0 -> u_lost = MIN(lost[d], part / 2 - C(d, 0) / 2)
    :: order > 0 && lost[d] > C(d, 0) / 2 -> u_lost = lost[d] - C(d, 0) / 2
    :: else
    fi;
    lost[d] = lost[d] - u_lost;
#ifndef BREAK_UNITS_STAY
    reserved[0] = reserved[0] - (sum - UNITS(d));
#endif
    part = 0; sum = 0
}

/* After it grew by `pages` again: as many wholes as there are. claim_node_add(). */
inline units_add(d, pages)
{
    sum = (C(d, 0) - pages) / 2 - lost[d];
    lost[d] = MIN(lost[d] + u_lost, C(d, 0) / 2);
    u_lost = 0;
    do
    :: UNITS(d) > sum ->
#ifndef BREAK_REFUND_WHOLE
        if
        :: SPARE_WHOLES(0) -> reserved[0]++; sum++
        :: else -> lost[d]++
        fi
#else
        reserved[0]++; sum++
#endif
    :: else -> break
    od;
    sum = 0
}

/* --- taking ------------------------------------------------------------------------------------------------------ */

#define CAN_SPLIT(w, n)  (NODE(w) == n && there[w] == 1 && !scrubbed[w])
#ifdef BREAK_PROMISED
#define MAY_BREAK(n)     true
#else
#define MAY_BREAK(n)     SPARE_WHOLES(n)
#endif
#define CAN_WHOLE(w, n)  (NODE(w) == n && there[w] == 2 && !scrubbed[w] && MAY_BREAK(n))
#define NOTHING          WHOLES

/* Whichever whole the search comes upon first. Node lock held. */
inline node_take(d, n, order)
{
    if
    :: order == 0 && CAN_SPLIT(0, n) -> pick = 0
    :: order == 0 && CAN_SPLIT(1, n) -> pick = 1
    :: order == 0 && CAN_SPLIT(2, n) -> pick = 2
    :: order == 0 && CAN_SPLIT(3, n) -> pick = 3
    :: order == 1 || !(CAN_SPLIT(0, n) || CAN_SPLIT(1, n) || CAN_SPLIT(2, n) || CAN_SPLIT(3, n)) ->
        if
        :: CAN_WHOLE(0, n) -> pick = 0
        :: CAN_WHOLE(1, n) -> pick = 1
        :: CAN_WHOLE(2, n) -> pick = 2
        :: CAN_WHOLE(3, n) -> pick = 3
        :: else -> pick = NOTHING
        fi
    fi;
    d_step {
        if
        :: pick < NOTHING ->
            got = r_pages;
            there[pick] = there[pick] - got;
            MINE(d, pick) = MINE(d, pick) + got
        :: else -> /* the BUG_ON of take_on_node() */
            assert(order > 0 || (SCRUBBING && n == 0))
        fi;
        pick = 0
    }
}

/* Of the whole receipt. In a d_step. */
inline refund_all(d)
{
    back = 0; /* what comes back to the claim on node 0 */
    WHEN(gen[d] == r_gen, back = (r_nid == 0 -> r_node : MIN(r_other[0], UNCLAIMED(0))));
    refund(d, 0);
    WHEN(back > 0 && by_order[d], units_add(d, back));
    back = 0; u_lost = 0
}

/* ledger_reserve() of one extent. In a d_step. */
inline reserve_extent(d, n, order)
{
    more = 0;
    r_pages = 1 + order;
    decide(d, n, r_pages);
    if
    :: verdict == GRANTED -> check_plan(d, n, r_pages)
    :: verdict == UNDECIDED -> more = needs; forget_receipt()
    :: verdict == REFUSED -> assert(C(d, n) == 0 || order > 0); forget_receipt()
    fi;
    needs = 0; verdict = 0
}

/* What has been reserved: credits, what is kept whole, an extent, or a refund, and the end of the hold. */
inline take_extent(d, n, order)
{
    atomic {
        d_step {
            kept_whole = n == 0 && UNITS(d) > 0; c_before = C(d, 0); c_other = C(d, 1); h_before = host_claim[d];
            back = (n == 0 -> r_node : r_other[0]);
            commit(d, n, r_pages);
#ifndef BREAK_UNITS_LATE
            WHEN(back > 0 && by_order[d], units_sub(d, back, order));
            back = 0
#endif
        }
        node_take(d, n, order);
#ifdef BREAK_UNITS_LATE
        d_step {
            WHEN(back > 0 && by_order[d], units_sub(d, back, order));
            back = 0
        }
#endif
#ifdef BREAK_REFUND_LATE
        WHEN(got == 0, d_step { nodes_unlock() })
    }
    WHEN(got == 0, nodes_lock());
    atomic {
#endif
        d_step {
            WHEN(got == 0, again = true; refund_all(d));
            /* rule 5: what did not succeed has changed nothing */
            assert(got > 0 || (C(d, 0) == c_before && C(d, 1) == c_other && host_claim[d] == h_before));
            c_before = 0; c_other = 0; h_before = 0;
            check_units();
            end_hold(d, n)
        }
    }
}

inline end_hold(d, n)
{
    nodes_unlock(); locked = 0;
    WHEN(got > 0, OWN(d, n) = OWN(d, n) + got; tot[d] = tot[d] + got);
    unlock(acct[d])
}

/* attempt(): got. again: -EAGAIN. */
inline attempt(d, n, order)
{
    atomic { !acct[d] -> acct[d] = true; got = 0; again = false; locked = BIT(n) }
    do
    :: locked > 0 ->
        nodes_lock();
        d_step { reserve_extent(d, n, order) }
        if
        :: more > 0 -> d_step { nodes_unlock(); locked = more; more = 0 } /* look again, with these as well */
        :: more == 0 && r_pages > 0 -> take_extent(d, n, order)
        :: more == 0 && r_pages == 0 -> d_step { check_units(); end_hold(d, n) }
        fi
    :: else -> break
    od
}

/* attempt_and_wait(). An extent that was promised whole is got: after the scrubbers have let go, at once. */
inline take(d, n, order)
{
    tries = 0; again = true;
    do
    :: again ->
        attempt(d, n, order);
        if
        :: again && order == 0 -> (!SCRUBBING || there[0] == 1 || there[1] == 1 || there[2] == 1)
        :: again && order > 0 && tries == 0 -> /* node_wait_scrubbers() */
            waiting[n]++;
            (n == 1 || !SCRUBBING);
            tries = 1
        :: again && order > 0 && tries > 0 -> /* node_wait_done(), -ENOMEM */
            assert(!kept_whole);
            again = false
        :: else
        fi
    :: else -> break
    od;
    atomic { waiting[n] = waiting[n] - tries; tries = 0; kept_whole = false }
}
#define TAKER_LOCALS NODE_LOCALS, got, more, u_lost, pick, tries, back, c_before, c_other, h_before; RECEIPT; bool again, kept_whole

/* mm_take_done() with nothing kept. */
inline take_undo(d, n)
{
    lock(acct[d]);
    d_step { refund_nodes() }
    nodes_lock();
    atomic { /* where it came from, or another of its own */
        if
        :: NODE(0) == n && MINE(d, 0) >= got -> pick = 0
        :: NODE(1) == n && MINE(d, 1) >= got -> pick = 1
        :: NODE(2) == n && MINE(d, 2) >= got -> pick = 2
        :: NODE(3) == n && MINE(d, 3) >= got -> pick = 3
        fi;
        d_step {
            MINE(d, pick) = MINE(d, pick) - got; there[pick] = there[pick] + got; pick = 0;
            refund_all(d);
            OWN(d, n) = OWN(d, n) - got; tot[d] = tot[d] - got; got = 0;
            check_units();
            end_hold(d, n)
        }
    }
}

/* mm_release_many(), one page. */
inline release(d, w)
{
    lock(acct[d]);
    atomic {
        !node_lk[NODE(w)] -> d_step {
            MINE(d, w) = MINE(d, w) - 1; there[w] = there[w] + 1; credit(NODE(w), 1); check_units();
            OWN(d, NODE(w)) = OWN(d, NODE(w)) - 1; tot[d] = tot[d] - 1;
            unlock(acct[d])
        }
    }
}

inline forget()
{
    d_step { forget_receipt(); got = 0; u_lost = 0 }
}

/* Has claims on both nodes, by order on node 0. */
proctype claimer(byte rounds)
{
    TAKER_LOCALS;

    do
    :: rounds > 0 ->
        if
        :: take(0, 0, 0)
        :: UNITS(0) > 0 -> take(0, 0, 1); assert(got == 2)
        :: UNITS(0) == 0 -> take(0, 0, 1)
        :: take(0, 1, 1)
        fi;
        if
        :: got > 0 -> take_undo(0, r_nid)
        :: true
        fi;
        forget();
        rounds--
    :: else -> break
    od;
    finished++
}

proctype greedy(byte rounds)
{
    TAKER_LOCALS;

    do
    :: rounds > 0 ->
        if
        :: take(1, 0, 0)
        :: take(1, 1, 0)
        :: take(1, 0, 1)
        fi;
        forget();
        rounds--
    :: MINE(1, 0) > 0 -> release(1, 0)
    :: MINE(1, 1) > 0 -> release(1, 1)
    :: MINE(1, 2) > 0 -> release(1, 2)
    :: MINE(1, 3) > 0 -> release(1, 3)
    :: rounds == 0 -> break
    od;
    finished++
}

#ifdef BREAK_NO_HAS_WHOLE
#define WHOLES_FIT true
#elif defined(BREAK_HAS_WHOLE_EARLY)
#define WHOLES_FIT fits
#else
#define WHOLES_FIT SPARE_WHOLES(0)
#endif

/* Claims one whole of node 0, and dies. */
proctype installer(byte d)
{
    NODE_LOCALS;
    CLAIM_LOCALS;
    bool fits;

    d_step { want(2, 0, 0) }
    lock(acct[d]);
#ifdef BREAK_HAS_WHOLE_EARLY
    fits = SPARE_WHOLES(0);
#endif
    d_step { set_nodes(d) }
    do
    :: locked > 0 ->
        nodes_lock();
        d_step {
            set_relative(d);
            set_fits(d, locked);
            if
            :: ok == true && WHOLES_FIT -> set_install(d); by_order[d] = true; reserved[0]++; rc = 0
            :: else -> rc = ENOMEM
            fi;
            ok = 0;
            check_units();
            nodes_unlock();
            locked = (rc == 0 || locked == ALL -> 0 : ALL)
        }
    :: else -> break
    od;
    unlock(acct[d]);
    atomic { !acct[d] -> acct[d] = true; d_step { forget_set(); set_nodes(d) } }
    nodes_lock();
    d_step {
        reserved[0] = reserved[0] - UNITS(d);
        claims_release(d); by_order[d] = false;
        check_units();
        nodes_unlock(); locked = 0; rc = 0;
        unlock(acct[d])
    }
    finished++
}

#ifdef BREAK_SCRUB_EARLY
#define NOBODY_WAITS true
#else
#define NOBODY_WAITS (waiting[0] == 0)
#endif

proctype scrubber()
{
    byte w;

end:
    do
    :: atomic {
        waiting[0] == 0 ->
            if
            :: w = 0
            :: w = 1
            :: w = 2
            fi
        }
        atomic { /* node lock */
            !node_lk[0] -> WHEN(there[w] == 2 && NOBODY_WAITS, scrubbed[w] = true)
        }
        atomic { !node_lk[0] -> scrubbed[w] = false; w = 0 }
    od
}

init
{
    d_step {
        there[0] = 1; there[1] = 1; there[2] = 2; there[3] = 2; ram[0] = 6; ram[1] = 2;
        MINE(1, 0) = 1; MINE(1, 1) = 1; OWN(1, 0) = 2; tot[1] = 2;
        credit(0, 4); credit(1, 2);
        max_pages[0] = 8; max_pages[1] = 8; max_pages[2] = 8;
#ifdef CLAIMS
        C(0, 0) = 2; SET(0, 0) = 2; by_order[0] = true; reserved[0] = 1;
        C(0, 1) = 1; SET(0, 1) = 1; outst[0] = 3; set_out[0] = 3; claim_nodes[0] = ALL;
        claimed[0] = 2; claimed[1] = 1; host_part[0] = 2; host_part[1] = 1;
#endif
        check_units()
    }
    atomic {
#ifdef SCRUB
        run greedy(1);
#else
        run greedy(2);
#endif
#ifdef CLAIMS
        run claimer(2);
#else
        run installer(0); run installer(2);
#endif
#ifdef SCRUB
        run scrubber()
#endif
    }
#ifdef CLAIMS
    d_step { finished == 2 -> check_units(); check_end() }
#else
    d_step { finished == 3 -> check_units(); check_end() }
#endif
}
