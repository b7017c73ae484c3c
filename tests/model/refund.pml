/*
 * Takes under way while other things happen to the same claims (claims.md section 4, refund; rules 3 and 5). A domain with claims on two nodes
 * and host-wide takes pages anywhere, keeps some and gives the others back. In between its set is released or replaced (RESTAKE), or another
 * domain wins and frees pages, also those that step 3 of redemption has let go on a third node (OTHER).
 *
 * Without RESTAKE out(d) is exact at the end: what was claimed less what was kept. With it, the newest set stands: check() compares each claim
 * with it, and tot + out with max.
 *
 * right:  refund            NN=3 RESTAKE
 * right:  refund-other      NN=3 OTHER
 * broken: no-generation     NN=3 RESTAKE BREAK_NO_GEN                 a refund does not look whether the set is still the one it took from
 * broken: own-unlocked      NN=3 RESTAKE BREAK_OWN_UNLOCKED           what is missing of a set is computed before the account is locked
 * broken: refund-blindly    NN=3 OTHER BREAK_REFUND_OTHER_BLINDLY     another node's claim comes back although its pages are gone
 * broken: refund-gap        NN=3 OTHER BREAK_REFUND_GAP               the pages go back first, the node's lock is dropped, the claims come back
 * broken: refund-first      NN=3 OTHER BREAK_CREDITS_FIRST            the claims come back first, the node's lock is dropped, then the pages
 *
 * refund: claims.md CL-1.3, CL-4.16
 * own-unlocked: claims.md CL-3.9, CL-3.11
 * refund-other: claims.md CL-4.17
 */
#include "ledger.pml"
#include "take.pml"
#include "claims.pml"

#define CLAIMED 3

proctype domain()
{
    TAKE_LOCALS;
    byte rounds, n, pages, kept;

    do
    :: rounds < 2 ->
        select(n : 0 .. 2);
        select(pages : 1 .. 3);
        lo = n; hi = n; n = 0;
        take(0, pages);
        pages = 0;
        if
        :: got > 0 ->
            if
            :: kept = 0
            :: kept = 1
            :: kept = got
            fi;
            take_done(0, kept);
            kept = 0
        :: else
        fi;
        forget();
        rounds++
    :: else -> break
    od;
#ifndef RESTAKE
    assert(outst[0] == CLAIMED - MIN(CLAIMED, tot[0]));
#endif
    finished++
}

#ifdef RESTAKE
proctype second()
{
    NODE_LOCALS;
    CLAIM_LOCALS;
    byte at;

    if
    :: want(0, 0, 0)
    :: want(0, 1, 1)
    :: want(2, 0, 0)
    fi;
    claim_install(0, true);
    d_step { want(0, 0, 0); rc = 0 }
    finished++
}
#else
proctype second()
{
    TAKE_LOCALS;

    lo = 1; hi = 1;
    take(1, 1);
    if
    :: got > 0 ->
        take_done(1, 1);
        if
        :: release(1, 1)
        :: true
        fi
    :: else
    fi;
    forget();
    lo = 2; hi = 2;
    take(1, 1);
    WHEN(got > 0, take_done(1, 0));
    finished++
}
#endif

init
{
    NODE_LOCALS;
    SET_LOCALS;

    d_step {
        setup(0, 2); setup(1, 1); setup(2, 2);
        max_pages[0] = CLAIMED; max_pages[1] = 3;
        want(1, 1, 1); claim_at_start(0)
    }
    atomic { run domain(); run second() }
    d_step { finished == 2 -> check_end() }
}
