/*
 * What a take redeems, and what comes back of one that is not used, or not all of it (claims.md section 4): one domain by itself with
 * every set of up to two pages a node and host-wide on three nodes, takes of one to four pages on every node, of which any number is kept.
 * The plan is checked where it is made, check_plan(); the refund here, against the claims as they were before.
 * With EXAMPLE: the numbers of claims.md section 4.
 *
 * right:  redeem            NN=3 ND=1 RAM=15
 * right:  redeem-example    NN=3 ND=1 RAM=15 EXAMPLE
 * broken: redeem-host-first NN=3 ND=1 RAM=15 BREAK_HOST_FIRST          h[d] before c[d][n]
 * broken: redeem-descending NN=3 ND=1 RAM=15 BREAK_DESCENDING          the other nodes from the highest
 * broken: redeem-no-others  NN=3 ND=1 RAM=15 BREAK_NO_STEP3            claims of other nodes are not redeemed
 * broken: refund-node-first NN=3 ND=1 RAM=15 BREAK_REFUND_NODE_FIRST   what came from the node goes back before what came from the host
 * broken: refund-to-host    NN=3 ND=1 RAM=15 BREAK_REFUND_TO_HOST      what came from the node goes back as a host-wide claim
 * broken: refund-stays      NN=3 ND=1 RAM=15 BREAK_REFUND_FORGOTTEN    the pages go back, the claims do not
 *
 * redeem: claims.md CL-4.1 to CL-4.8, CL-4.14
 * redeem-example: claims.md CL-4.10
 * refund-stays: claims.md CL-4.13
 */
#include "ledger.pml"
#include "take.pml"
#include "claims.pml"

byte before[NN], before_host; /* the claims before a take */

/* Are the claims what they were before a take of `pages` on node n, less what that many redeem? By section 4, page by page. */
inline check_refund(n, pages)
{
    d_step {
        tally = pages;
        do
        :: tally > 0 ->
            i = 0;
            do
            :: i < NN && before[i] == 0 -> i++
            :: else -> break
            od;
            if
            :: before[n] > 0 -> before[n] = before[n] - 1
            :: before[n] == 0 && before_host > 0 -> before_host = before_host - 1
            :: before[n] == 0 && before_host == 0 && i < NN -> before[i] = before[i] - 1
            :: else
            fi;
            tally--
        :: else -> break
        od;
        assert(host_claim[0] == before_host);
        before_host = 0;
        for (i : 0 .. NN - 1) { assert(C(0, i) == before[i]); before[i] = 0 }
    }
}

proctype domain()
{
    TAKE_LOCALS;
    byte rounds, n, pages, kept;

    do
    :: rounds < 2 ->
        select(n : 0 .. 2);
        select(pages : 1 .. 4);
        d_step { before_host = host_claim[0]; before[0] = C(0, 0); before[1] = C(0, 1); before[2] = C(0, 2) }
        lo = n; hi = n;
        take(0, pages);
        if
        :: got > 0 ->
            select(kept : 0 .. got);
            take_done(0, kept)
        :: else -> kept = 0
        fi;
        check_refund(n, kept);
        forget();
        rounds++
    :: else -> break
    od;
    finished++
}

#define EXPECT(host, n0, n1) assert(host_claim[0] == host && C(0, 0) == n0 && C(0, 1) == n1)
inline example_step(n, pages)
{
    lo = n; hi = n;
    take(0, pages);
    take_done(0, pages);
    forget()
}

proctype example()
{
    TAKE_LOCALS;

    example_step(0, 1); EXPECT(2, 1, 2);
    example_step(1, 1); EXPECT(2, 1, 1);
    example_step(1, 2); EXPECT(1, 1, 0);
    example_step(1, 1); EXPECT(0, 1, 0);
    example_step(1, 1); EXPECT(0, 0, 0);
    finished++
}

init
{
    NODE_LOCALS;
    CLAIM_LOCALS;

#ifdef EXAMPLE
    d_step { want(2, 2, 2); rc = 1 }
#else
    select(rc : 0 .. 2);
    w_node[0] = rc;
    select(rc : 0 .. 2);
    w_node[1] = rc;
    select(rc : 0 .. 2);
    w_node[2] = rc;
    select(rc : 0 .. 2);
    w_host = rc;
    rc = w_node[0] + w_node[1] + w_node[2] + w_host;
#endif
    d_step {
        setup(0, 5); setup(1, 6); setup(2, 4);
        max_pages[0] = 8;
        WHEN(rc > 0, claim_at_start(0));
        w_node[0] = 0; w_node[1] = 0; w_node[2] = 0; w_host = 0; x_node[0] = 0; x_node[1] = 0; x_node[2] = 0; x_host = 0; rc = 0
    }
#ifdef EXAMPLE
    run example();
#else
    run domain();
#endif
    d_step { finished == 1 -> check_end() }
}
