/*
 * Sets over several nodes are installed in one piece or not at all (claims.md section 3, rules 1, 2, 5).
 *
 * Domain 0 wants all of the host as a set, a page on each node (or, with M0, as pages anywhere); domain 1 claims a page of the middle node,
 * domain 2 takes one of the last node. Whatever they do at the same time, it is as if one had come after the other: either domain 0 gets all
 * and the two nothing, or both of them get their page. Who is refused has no claim. With AGAIN domain 0 gives its set up at once.
 *
 * right:  sets              NN=3 ND=3 M0=0
 * right:  sets-host         NN=3 ND=3 M0=3
 * right:  sets-release      NN=3 ND=3 M0=0 AGAIN
 * broken: node-by-node      NN=3 ND=3 M0=0 BREAK_NODE_BY_NODE      each entry's node is locked for itself, not all for the set
 * broken: out-of-order      NN=3 ND=3 M0=0 AGAIN BREAK_OUT_OF_ORDER  a set locks its nodes in the order of its entries: a deadlock
 * broken: set-not-again     NN=3 ND=3 M0=3 BREAK_INSTALL_NOT_AGAIN what the nodes of the set refuse is not decided again with all nodes locked
 * broken: host-unchecked    NN=3 ND=3 M0=3 BREAK_FITS_NODES        a set is compared with its nodes, but not with the host
 *
 * sets: claims.md CL-1.5, CL-3.8, CL-3.35
 * sets-host: claims.md CL-3.5
 * sets-release: claims.md CL-3.15, CL-3.17
 */
#include "ledger.pml"
#include "take.pml"
#include "claims.pml"

bool won[ND];
bool given_up;

proctype installer(byte d)
{
    NODE_LOCALS;
    CLAIM_LOCALS;
    byte at;

    d_step {
        if
        :: d == 0 && M0 == 0 -> want(1, 1, 0); w_node[2] = 1
        :: d == 0 && M0 > 0 -> want(0, 0, M0)
        :: d == 1 -> want(0, 1, 0)
        fi
    }
    claim_install(d, false);
    if
    :: rc == 0 ->
        assert(outst[d] == (d == 0 -> NN : 1));
        won[d] = true;
#ifdef AGAIN
        if
        :: d == 0 ->
            want(0, 0, 0); w_node[2] = 0; given_up = true;
            claim_install(d, false); /* all entries 0: released */
            assert(rc == 0 && outst[d] == 0)
        :: else
        fi
#endif
    :: else ->
        assert(rc == ENOMEM && outst[d] == 0 && C(d, 0) == 0 && C(d, 1) == 0 && C(d, 2) == 0 && host_claim[d] == 0) /* rule 5 */
    fi;
    finished++
}

proctype taker(byte d)
{
    TAKE_LOCALS;

    lo = 2; hi = 2;
    take(d, 1);
    WHEN(got > 0, take_done(d, 1); won[d] = true);
    finished++
}

init
{
    d_step { setup(0, 1); setup(1, 1); setup(2, 1); max_pages[0] = 4; max_pages[1] = 4; max_pages[2] = 1; check() }
    atomic { run installer(0); run installer(1); run taker(2) }
    d_step { finished == 3 -> assert(given_up || (won[0] != won[1] && won[1] == won[2])); check_end() }
}
