/*
 * The promise (claims.md section 1, rules 1, 2, 4, 6, 8). A greedy domain, which is also Homestead's own memory, takes and frees all over
 * the host, and scrubbers hold pages. Meanwhile a domain with claims never fails to get a single page: on a node where it holds a claim, by
 * itself or as part of a bulk; on some node, while it holds any claim at all. What it gets it uses or gives back, as it likes.
 *
 * right:  promise           C0=1 C1=0 H=1
 * right:  promise-nodes     C0=1 C1=1 H=0
 * right:  promise-third     C0=1 C1=0 H=0
 * right:  promise-strict    C0=1 C1=0 H=0 STRICT
 * right:  promise-greedy    C0=1 C1=0 H=1 GREEDY ND=3
 * right:  promise-two       C0=1 C1=0 H=0 TWO SECOND_H=1 ND=3
 * broken: no-last-try       C0=1 C1=0 H=1 BREAK_NO_LAST_TRY        a page anywhere is looked for node by node only
 * broken: no-host-check     C0=1 C1=0 H=1 BREAK_NO_HOST_CHECK      an unclaimed page of a node is taken although host-wide claims need it
 * broken: credits-first     C0=1 C1=0 H=1 BREAK_CREDITS_FIRST      H is raised before the pages are on the maps
 * broken: free-unlocked     C0=1 C1=0 H=0 BREAK_FREE_UNLOCKED      a free adds to the node's part of H without the node's lock
 * broken: early-unlock      C0=1 C1=0 H=1 BREAK_EARLY_UNLOCK       the node's lock is dropped between the reservation and the pages
 * broken: put-back-unlocked C0=1 C1=0 H=1 BREAK_PUT_BACK_UNLOCKED  what was not found is refunded after the node's lock is dropped
 * broken: not-again         C0=1 C1=0 H=1 BREAK_NOT_AGAIN          what one node cannot decide is refused, not decided again
 * broken: steal-unlocked    C0=1 C1=0 H=1 GREEDY ND=3 BREAK_STEAL_UNLOCKED  it is decided with the parts of nodes that are not locked
 * broken: no-second-look    C0=1 C1=0 H=1 BREAK_NO_SECOND_LOOK     more nodes are locked for a decision that was made before
 * broken: scrub-hides       C0=1 C1=0 H=1 BREAK_SCRUB_HIDES        what is being cleaned is not counted as free
 * broken: host-first        C0=1 C1=0 H=1 BREAK_HOST_FIRST         the host-wide claim is redeemed before the node's
 *
 * promise: claims.md CL-1.1, CL-1.2, CL-1.4b, CL-1.6, CL-1.8
 * promise-nodes: claims.md CL-1.4
 * promise-strict: claims.md CL-3.44
 * scrub-hides: claims.md CL-7.4
 * credits-first: claims.md CL-7.3
 */
#include "ledger.pml"
#include "take.pml"
#include "claims.pml"

proctype builder(byte d)
{
    TAKE_LOCALS;

    do
    :: outst[d] > 0 ->
        if
        :: C(d, 0) > 0 -> lo = 0; hi = 0; take(d, 1)
        :: C(d, 1) > 0 -> lo = 1; hi = 1; take(d, 2)
        :: take_any(d, 0, 1)
        :: take_any(d, 1, 1)
        fi;
        assert(got > 0); /* rule 4 */
        if
        :: take_done(d, got)
        :: take_done(d, 0)
        fi;
        forget()
    :: else -> break
    od;
    finished++
}

proctype greedy(byte d)
{
    TAKE_LOCALS;
    byte first;

    do
    :: tot[d] < max_pages[d] ->
        if
        :: first = 0
        :: first = 1
        fi;
        take_any(d, first, 1);
        first = 0;
        WHEN(got > 0, take_done(d, got));
        forget()
    :: OWN(d, 0) > 0 -> release(d, 0)
    :: OWN(d, 1) > 0 -> release(d, 1)
    :: true -> break
    od;
    finished++
}

#if defined(TWO) || defined(GREEDY)
#define PROCS 3
#else
#define PROCS 2
#endif

init
{
    NODE_LOCALS;
    SET_LOCALS;

    d_step {
        setup(0, 2); setup(1, 1);
        max_pages[0] = 3; max_pages[1] = 3;
        w_node[0] = C0; w_node[1] = C1; w_host = H;
        claim_at_start(0);
#ifdef GREEDY
        max_pages[2] = 1;
#endif
#ifdef TWO
        max_pages[2] = 1;
        w_node[0] = 0; w_node[1] = 0; w_host = SECOND_H;
        claim_at_start(2);
#endif
        w_node[0] = 0; w_node[1] = 0; w_host = 0; x_node[0] = 0; x_node[1] = 0; x_host = 0
    }
    atomic {
        run builder(0); run greedy(1);
#if defined(TWO)
        run builder(2)
#elif defined(GREEDY)
        run greedy(2)
#else
        run scrubber(0); run scrubber(1)
#endif
    }
    d_step { finished == PROCS -> check_end() }
}
