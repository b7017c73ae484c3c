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
 *   units_sub()        claim_node_sub()      a node's lock is taken in it for node_keep_whole()
 *   units_add()        claim_node_add()      the same, and node_has_whole()
 *   take()             try_hard(): take_with_credits(), node_wait_scrubbers(), once more
 *   node_take()        node_take(): split wholes first, then one that nobody was promised
 *   install()          claim_units_fit(), ledger_install_locked()
 *
 * The ledger's lock is held from the reservation to the pages, as in the C; each hold of a node's lock inside is a step of its own, and pages
 * that are given back or scrubbed come in between. Counters as in ledger.pml, whose check() runs too.
 *
 * right:  orders            CLAIMS
 * right:  orders-install    INSTALL
 * right:  orders-scrub      CLAIMS SCRUB
 * broken: break-promised    CLAIMS BREAK_PROMISED              a single page breaks a whole that is promised
 * broken: promise-stays     CLAIMS BREAK_UNITS_STAY            a claim shrinks, what is kept whole for it does not
 * broken: promise-late      CLAIMS BREAK_UNITS_LATE            what is kept whole for a domain shrinks after it has looked for its extent
 * broken: refund-broken     CLAIMS BREAK_REFUND_WHOLE          a refund keeps whole again what is broken by now
 * broken: refund-late       CLAIMS BREAK_REFUND_LATE           the ledger's lock is dropped between no extent and the refund
 * broken: install-by-page   INSTALL BREAK_NO_HAS_WHOLE         a claim by order looks at the pages, not at the wholes
 * broken: install-unlocked  INSTALL BREAK_HAS_WHOLE_EARLY      it looks at the wholes before it has the ledger's lock
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

inline check_wholes()
{
    check();
    assert(reserved[0] <= 3 && reserved[0] <= FREE_WHOLES(0) && reserved[1] == 0);
    assert(UNITS(0) <= 3 && UNITS(1) <= 3 && UNITS(2) <= 3)
}
/* When nobody holds the ledger's lock, or at the end of a hold. */
inline check_units()
{
    check_wholes();
    assert(reserved[0] == UNITS(0) + UNITS(1) + UNITS(2))
}

/* --- what is kept whole; ledger locked. The page counts are the caller's ------------------------------------------------- */
/* After c[d][0] fell by `pages` taken as extents of `order`: made_up, kept_whole as in claim_node_sub(). */
inline units_sub(d, pages, order)
{
    d_step {
        part = C(d, 0) + pages; /* before */
        u_before = part / 2 - lost[d];
        u_lost = 0;
        if
        :: order == 0 -> u_lost = MIN(lost[d], part / 2 - C(d, 0) / 2)
        :: order > 0 && lost[d] > C(d, 0) / 2 -> u_lost = lost[d] - C(d, 0) / 2
        :: else
        fi;
        lost[d] = lost[d] - u_lost;
        part = 0
    }
#ifndef BREAK_UNITS_STAY
    d_step { reserved[0] = reserved[0] - (u_before - UNITS(d)); u_before = 0 }
#endif
}

/* After it grew by `pages` again: as many wholes as there are. claim_node_add(). */
inline units_add(d, pages)
{
    d_step {
        u_before = (C(d, 0) - pages) / 2 - lost[d];
        lost[d] = MIN(lost[d] + u_lost, C(d, 0) / 2);
        u_lost = 0
    }
    do
    :: UNITS(d) > u_before ->
        d_step {
#ifndef BREAK_REFUND_WHOLE
            if
            :: SPARE_WHOLES(0) -> reserved[0]++; u_before++
            :: else -> lost[d]++
            fi
#else
            reserved[0]++; u_before++
#endif
        }
    :: else -> break
    od;
    u_before = 0
}

/* --- taking ------------------------------------------------------------------------------------------------------ */
#define ORDER_LOCALS RECEIPT; byte got, u_before, u_lost, pick, tries; bool again

#define CAN_SPLIT(w, n)  (NODE(w) == n && there[w] == 1 && !scrubbed[w])
#ifdef BREAK_PROMISED
#define MAY_BREAK(n)     true
#else
#define MAY_BREAK(n)     SPARE_WHOLES(n)
#endif
#define CAN_WHOLE(w, n)  (NODE(w) == n && there[w] == 2 && !scrubbed[w] && MAY_BREAK(n))
#define NOTHING          WHOLES

/* Node lock: one step, whichever whole the search comes upon first. */
inline node_take(d, n, order)
{
    atomic {
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
                MINE(d, pick) = MINE(d, pick) + got;
                held[n] = held[n] - got
            :: else -> /* the BUG_ON of take_with_credits() */
                assert(order > 0 || (SCRUBBING && n == 0))
            fi;
            check_wholes()
        }
    }
}

/* Refund of the whole receipt. */
inline refund_all(d)
{
    d_step {
        WHEN(got == 0, held[r_nid] = held[r_nid] - r_pages);
        room = 0;
        if
        :: gen[d] == r_gen -> room = (r_nid == 0 -> r_node : r_other[0]);
            WHEN(r_nid != 0, room = MIN(room, spare[0]))
        :: else
        fi;
        back = room; room = 0;
        refund(d, 0)
    }
    WHEN(back > 0 && by_order[d], units_add(d, back));
    back = 0; u_lost = 0
}

/* try_once(): got. again: -EAGAIN. Account and ledger locked. */
inline try_once(d, n, order)
{
    got = 0; again = false;
    d_step {
        r_pages = 1 + order;
        plan(d, n, r_pages);
        if
        :: r_pages - r_node <= spare[n] && r_pages - r_red <= host_spare -> check_plan(d, n, r_pages); commit(d, n, r_pages)
        :: else -> assert(C(d, n) == 0 || order > 0); forget_receipt()
        fi;
        back = (r_pages == 0 -> 0 : (n == 0 -> r_node : r_other[0]))
    }
    if
    :: r_pages > 0 ->
#ifdef BREAK_UNITS_LATE
        node_take(d, n, order);
#endif
        WHEN(back > 0 && by_order[d], units_sub(d, back, order));
        back = 0;
#ifndef BREAK_UNITS_LATE
        node_take(d, n, order);
#endif
        if
        :: got == 0 ->
            again = true;
#ifdef BREAK_REFUND_LATE
            unlock(ledger_lk);
            lock(ledger_lk);
#endif
            refund_all(d)
        :: else
        fi
    :: else
    fi;
    d_step { check_units(); pick = 0 }
}

/* try_hard(). An extent that was promised whole is got: after the scrubbers have let go, at once. */
inline take(d, n, order)
{
    tries = 0; again = true;
    do
    :: again ->
        lock(acct[d]);
        lock(ledger_lk);
        d_step { kept_whole = n == 0 && UNITS(d) > 0; c_before = C(d, 0); c_other = C(d, 1); h_before = host_claim[d] }
        try_once(d, n, order);
        d_step { /* rule 5: what did not succeed has changed nothing */
            assert(got > 0 || (C(d, 0) == c_before && C(d, 1) == c_other && host_claim[d] == h_before));
                c_before = 0; c_other = 0; h_before = 0;
            unlock(ledger_lk)
        }
        d_step {
            WHEN(got > 0, OWN(d, n) = OWN(d, n) + got; tot[d] = tot[d] + got);
            unlock(acct[d])
        }
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
#define TAKER_LOCALS ORDER_LOCALS; byte back, c_before, c_other, h_before; bool kept_whole

/* mm_take_done() with nothing kept. `w` is where it came from. */
inline take_undo(d, n)
{
    lock(acct[d]);
    lock(ledger_lk);
    atomic { /* node lock */
        if
        :: NODE(0) == n && MINE(d, 0) >= got -> pick = 0
        :: NODE(1) == n && MINE(d, 1) >= got -> pick = 1
        :: NODE(2) == n && MINE(d, 2) >= got -> pick = 2
        :: NODE(3) == n && MINE(d, 3) >= got -> pick = 3
        fi;
        d_step { MINE(d, pick) = MINE(d, pick) - got; there[pick] = there[pick] + got; pick = 0; check_wholes() }
    }
    refund_all(d);
    d_step { check_units(); unlock(ledger_lk) }
    d_step { OWN(d, n) = OWN(d, n) - got; tot[d] = tot[d] - got; unlock(acct[d]) }
}

/* mm_release_many(), one page. */
inline release(d, w)
{
    lock(acct[d]);
    d_step { MINE(d, w) = MINE(d, w) - 1; there[w] = there[w] + 1; check_wholes() }
    d_step { OWN(d, NODE(w)) = OWN(d, NODE(w)) - 1; tot[d] = tot[d] - 1 }
    atomic { !ledger_lk -> d_step { credit(NODE(w), 1); check_units() } }
    unlock(acct[d])
}

inline forget()
{
    d_step { forget_receipt(); got = 0; back = 0; u_lost = 0; u_before = 0; i = 0; j = 0; again = false }
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

/* One whole of node 0, released again. */
proctype installer(byte d)
{
    bool fits;

    lock(acct[d]);
#ifdef BREAK_HAS_WHOLE_EARLY
    fits = SPARE_WHOLES(0);
#endif
    lock(ledger_lk);
#if defined(BREAK_NO_HAS_WHOLE)
    fits = true;
#elif !defined(BREAK_HAS_WHOLE_EARLY)
    fits = SPARE_WHOLES(0); /* node lock */
#endif
    if
    :: fits && spare[0] >= 2 && host_spare >= 2 ->
        d_step {
            C(d, 0) = 2; SET(d, 0) = 2; set_out[d] = 2; outst[d] = 2; gen[d]++; by_order[d] = true;
            claimed[0] = claimed[0] + 2; spare[0] = spare[0] - 2; host_spare = host_spare - 2
        }
        d_step { reserved[0]++; check_units() }
    :: else
    fi;
    d_step { check_units(); unlock(ledger_lk) }
    lock(ledger_lk); /* a domain dies: ledger_release_locked() */
    if
    :: outst[d] > 0 ->
        d_step { claims_release(d); by_order[d] = false }
        d_step { reserved[0]--; check_units() }
    :: else
    fi;
    d_step { check_units(); unlock(ledger_lk) }
    unlock(acct[d]);
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
            WHEN(there[w] == 2 && NOBODY_WAITS, scrubbed[w] = true)
        }
        atomic { scrubbed[w] = false; w = 0 }
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
        C(0, 1) = 1; SET(0, 1) = 1; outst[0] = 3; set_out[0] = 3;
        claimed[0] = 2; claimed[1] = 1; spare[0] = 2; spare[1] = 1; host_spare = 3;
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
