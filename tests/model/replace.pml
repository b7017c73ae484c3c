/*
 * Replacing a set leaves no gap (claims.md section 3, REPLACE). Two domains hold everything; each moves its claims about, within
 * what it holds, and always succeeds. A third one that takes or claims whatever it can never gets a page.
 *
 * right:  replace           ND=3
 * broken: replace-gap       ND=3 BREAK_REPLACE_GAP      the old set is released, the locks dropped, the new one installed
 *
 * replace: claims.md CL-3.19, CL-3.20, CL-3.43
 */
#include "ledger.pml"
#include "take.pml"
#include "claims.pml"

proctype mover(byte d)
{
    NODE_LOCALS;
    CLAIM_LOCALS;
    byte n, at;

    do
    :: n < 3 ->
        d_step {
            if
            :: d == 0 && n == 0 -> want(0, 0, 2)
            :: d == 0 && n == 1 -> want(1, 0, 1)
            :: d == 0 && n == 2 -> want(2, 0, 0)
            :: d == 1 && n == 0 -> want(0, 1, 1)
            :: d == 1 && n == 1 -> want(0, 2, 0)
            :: d == 1 && n == 2 -> want(0, 1, 1)
            fi
        }
        claim_install(d, true);
        d_step { assert(rc == 0 && outst[d] == 2); n++ }
    :: else -> break
    od;
    finished++
}

proctype third()
{
    TAKE_LOCALS;
    CLAIM_LOCALS;
    byte n;

    do
    :: n < 2 ->
        if
        :: take_any(2, 0, 1); assert(got == 0)
        :: lo = 1; hi = 1; take(2, 1); assert(got == 0)
        :: want(0, 0, 1); claim_install(2, false); assert(rc == ENOMEM)
        :: want(1, 0, 0); claim_install(2, true); assert(rc == ENOMEM)
        fi;
        forget();
        n++
    :: else -> break
    od;
    finished++
}

init
{
    NODE_LOCALS;
    SET_LOCALS;

    d_step {
        setup(0, 2); setup(1, 2);
        max_pages[0] = 2; max_pages[1] = 2; max_pages[2] = 4;
        want(2, 0, 0); claim_at_start(0);
        want(0, 2, 0); claim_at_start(1)
    }
    atomic { run mover(0); run mover(1); run third() }
    d_step { finished == 3 -> check_end() }
}
