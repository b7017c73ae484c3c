/*
 * A domain is killed while it takes, gives back and is claimed for (claims.md section 1, rule 7): a dying domain has no claim and gets none, its
 * memory goes once and all of it, and not while it is being cleared. Two CPUs destroy it at the same time. What it leaves
 * can be taken at once.
 *
 * right:  kill              NN=2
 * right:  kill-scrub        NN=2 SCRUB
 * broken: kill-keeps        NN=2 BREAK_KILL_KEEPS           its claims stay
 * broken: kill-twice        NN=2 BREAK_RELEASE_TWICE        they are released at the kill and once more at the end
 * broken: kill-in-flight    NN=2 BREAK_RELEASE_IN_FLIGHT    its memory goes while a take clears it
 * broken: kill-give-back    NN=2 BREAK_GIVE_BACK_DEAD       what a take does not keep goes back although the domain died, and once more
 * broken: kill-no-gen       NN=2 BREAK_NO_GEN               a take that is not used gives its claims back to the dead
 * broken: kill-claim        NN=2 BREAK_INSTALL_DYING        a claim looks for dying before it has the locks
 * broken: kill-take         NN=2 BREAK_DYING_UNLOCKED       so does a take
 * broken: kill-nodes-early  NN=2 BREAK_NODES_EARLY          which nodes are to be locked is looked up before the account is
 * broken: kill-lock-order   NN=2 BREAK_LOCK_ORDER           a node's lock first, then the account's: a deadlock
 *
 * kill: claims.md CL-1.7, CL-1.7b
 */
#include "ledger.pml"
#include "take.pml"
#include "claims.pml"

#ifdef SCRUB
#define PROCS 4
#else
#define PROCS 5
#endif

proctype builder()
{
    TAKE_LOCALS;
    byte rounds;

    do
    :: rounds < 2 ->
        if
        :: lo = 0; hi = 0; take(0, 2)
        :: take_any(0, 1, 1)
        fi;
        if
        :: got > 0 -> take_done(0, 0)
        :: got > 0 -> take_done(0, got)
        :: got > 1 -> take_done(0, 1)
        :: got == 0
        fi;
        forget();
        rc_dying = false;
        rounds++
    :: else -> break
    od;
    finished++
}

proctype claimer()
{
    NODE_LOCALS;
    CLAIM_LOCALS;
    byte at;

    d_step { want(1, 1, 1) }
    claim_install(0, true);
    d_step { want(0, 0, 0); rc = 0 }
    finished++
}

proctype killer()
{
    NODE_LOCALS;
    bool left_over;

    kill(0);
    left_over = true;
    do
    :: left_over -> release_some(0, left_over)
    :: else -> break
    od;
    finished++
}

proctype other()
{
    TAKE_LOCALS;

    take_any(1, 0, 1);
    WHEN(got > 0, take_done(1, 1));
    finished++
}

init
{
    NODE_LOCALS;
    SET_LOCALS;

    d_step {
        setup(0, 2); setup(1, 1);
        max_pages[0] = 3; max_pages[1] = 3;
        want(0, 1, 2); claim_at_start(0)
    }
    atomic {
        run builder(); run claimer(); run killer(); run killer();
#ifdef SCRUB
        run scrubber(0)
#else
        run other()
#endif
    }
    d_step {
        finished == PROCS -> check_end();
        assert(tot[0] == 0 && own[0] == 0 && own[1] == 0 && outst[0] == 0 && busy[0] == 0)
    }
}
