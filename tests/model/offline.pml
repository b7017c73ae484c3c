/*
 * Memory goes offline (claims.md section 6, rule 8): mm/offline.c, claims_recall.c.
 *
 *   here              in C
 *   offline_page()    mm_offline_page(): scrubbers of the node let go; all nodes locked: the frame leaves its node or is marked, claims are recalled
 *   withdraw()        ledger_withdraw(), of so many pages that have left the node
 *   recall()          recall_page() and next_to_lose(): for a node, or (NN) for the host
 *   online_page()     mm_online_page(), of a page that has left
 *   lost[]            node_broken, host_broken
 *
 * A free page that leaves takes its credit with it, under the same hold of all nodes' locks. If that is promised, one page of a claim is taken
 * back, of the domain whose turn it is by its share; its account is not locked, and all nodes are. A page in use is marked and
 * leaves when it is given up; no credit comes back for it then.
 *
 * In SHARES nobody takes or frees: four domains claim, and everything goes offline page by page. Each loses its share to less than a page.
 *
 * right:  offline           ND=3 OFFLINE
 * right:  offline-scrub     ND=3 OFFLINE SCRUB
 * right:  offline-hosts     ND=3 OFFLINE HOSTS
 * right:  offline-claims    ND=3 OFFLINE CLAIMS
 * right:  offline-shares    ND=4 RAM=12 OFFLINE SHARES C0=1 C1=1 C2=1 C3=6
 * right:  offline-shares-2  ND=4 RAM=12 OFFLINE SHARES C0=5 C1=2 C2=1 C3=1
 * broken: no-recall         ND=3 OFFLINE BREAK_NO_RECALL           the page goes, the claims stay
 * broken: no-host-recall    ND=3 OFFLINE BREAK_NO_HOST_RECALL      claims on the node are looked at, host-wide ones are not
 * broken: always-recall     ND=3 OFFLINE BREAK_ALWAYS_RECALL       a claim pays although unclaimed pages are there
 * broken: recall-node       ND=3 OFFLINE HOSTS BREAK_RECALL_NODE   claims are recalled with only that node's lock
 * broken: leave-first       ND=3 OFFLINE BREAK_LEAVE_FIRST         the page leaves, the locks are dropped, the claims are recalled
 * broken: marked-credit     ND=3 OFFLINE BREAK_MARKED_CREDIT       a page in use leaves when it is given up, and its credit comes back
 * broken: offline-early     ND=3 OFFLINE BREAK_EARLY_UNLOCK        a take drops the node's lock before it has its pages: they are free and promised
 * broken: offline-no-wait   ND=3 OFFLINE SCRUB BREAK_NO_WAIT       a page is taken offline while a scrubber has it
 * broken: offline-locked    ND=3 OFFLINE SCRUB BREAK_WAIT_LOCKED   it waits for scrubbers under the locks that they need: a deadlock
 * broken: first-in-list     ND=4 RAM=12 OFFLINE SHARES C0=5 C1=2 C2=1 C3=1 BREAK_FIRST      always the first domain pays
 * broken: furthest-behind   ND=4 RAM=12 OFFLINE SHARES C0=1 C1=1 C2=1 C3=6 BREAK_FURTHEST   the one furthest behind pays, of those that have something left
 *
 * offline: claims.md CL-6.2, CL-6.3, CL-6.5, CL-6.15, CL-6.18, CL-6.19
 * no-host-recall: claims.md CL-6.6
 * offline-shares: claims.md CL-6.7, CL-6.9, CL-6.11
 */
#include "ledger.pml"
#include "take.pml"
#include "claims.pml"

#define HOST NN
#define HAS(d, n)  ((n) == HOST -> host_claim[d] : C(d, (n) % NN))

hidden byte best, all, gone;

/*
 * Whose page? Of all that the node's sets have had, `all`, `gone` is lost with this page. A domain's share of that is claim * gone / all. Among
 * those that have lost less than their share, the one that would be a whole page behind first: least (lost + 1) / claim. Who has lost
 * all of its claim still counts in both sums.
 */
#define SHARE(j, n)  (HAS(j, n) + LOST(j, n))
#define LAG(j, n)    (SHARE(j, n) * gone - LOST(j, n) * all)
#if defined(BREAK_FIRST)
#define COUNTS(j, n) true
#define OWES(j, n)   (HAS(j, n) > 0)
#define BEFORE(j, n) false
#elif defined(BREAK_FURTHEST)
#define COUNTS(j, n) (HAS(j, n) > 0)
#define OWES(j, n)   (HAS(j, n) > 0)
#define BEFORE(j, n) (LAG(j, n) > LAG(best % ND, n) || (LAG(j, n) == LAG(best % ND, n) && HAS(j, n) > HAS(best % ND, n)))
#else
#define COUNTS(j, n) true
#define OWES(j, n)   (HAS(j, n) > 0 && LAG(j, n) > 0)
#define BEFORE(j, n) ((LOST(j, n) + 1) * SHARE(best % ND, n) < (LOST(best % ND, n) + 1) * SHARE(j, n))
#endif
inline recall(n)
{
    all = 0; gone = 1; best = ND;
    for (j : 0 .. ND - 1) {
        WHEN(COUNTS(j, n), all = all + SHARE(j, n); gone = gone + LOST(j, n))
    };
    for (j : 0 .. ND - 1) {
        if
        :: OWES(j, n) && best == ND -> best = j
        :: OWES(j, n) && best < ND && BEFORE(j, n) -> best = j
        :: else
        fi
    };
    assert(best < ND); /* promised to nobody: the BUG_ON of recall_page() */
    if
    :: n == HOST -> host_claim[best]--
    :: else -> C(best, (n) % NN) = C(best, (n) % NN) - 1; claimed[(n) % NN]--
    fi;
    outst[best]--;
    LOST(best, n) = LOST(best, n) + 1;
    j = 0; all = 0; gone = 0; best = 0
}

/* ledger_withdraw(). Each page takes one from H; what is recalled adds one. All nodes locked. */
inline withdraw(n, k)
{
    assert(k == 0 || locked == ALL || FEW_LOCKS);
    room = k;
    do
    :: room > 0 ->
        room--;
        if
#ifndef BREAK_NO_RECALL
#ifdef BREAK_ALWAYS_RECALL
        :: claimed[n] > 0 ->
#else
        :: claimed[n] > FREE(n) + room ->
#endif
            assert(claimed[n] > FREE(n) + room); /* page-exactly: no claim pays while the node has enough for all */
            recall(n)
#endif
        :: else ->
            parts(ALL);
            if
#ifndef BREAK_NO_HOST_RECALL
            :: rest == 0 -> recall(HOST)
#endif
            :: else -> /* ledger_host_lose() */
                i = (host_part[n] > 0 -> n : (host_part[0] > 0 -> 0 : 1));
                WHEN(rest > 0, host_part[i] = host_part[i] - 1);
                i = 0
            fi;
            rest = 0
        fi
    :: else -> break
    od
}

/* One that is free, or one in use that is not marked yet. The caller means a certain frame: also one that a scrubber has, if it may. */
inline leave(n, gone_now)
{
    if
    :: maps[n] > 0 -> maps[n]--; offline[n]++; gone_now = true
    :: maps[n] == 0 && leaving[n] < OWN(0, n) + OWN(1, n) + OWN(2, n) -> leaving[n]++; gone_now = false
    :: else -> gone_now = false
    fi
}

#ifdef BREAK_NO_WAIT
#define LET_GO(n) true
#else
#define LET_GO(n) (scrubbing[n] == 0)
#endif

inline offline_page(n, gone_now)
{
#ifdef BREAK_WAIT_LOCKED
    waiting[n]++;
#else
    waiting[n]++;
    LET_GO(n); /* node_wait_scrubbers() */
#endif
    locked = (FEW_LOCKS -> BIT(n) : ALL);
    nodes_lock();
#ifdef BREAK_WAIT_LOCKED
    LET_GO(n);
#endif
#ifdef BREAK_LEAVE_FIRST
    d_step { leave(n, gone_now); nodes_unlock() }
    nodes_lock();
    d_step { WHEN(gone_now, withdraw(n, 1)); check(); nodes_unlock(); locked = 0; waiting[n]-- }
#else
    d_step {
        assert(scrubbing[n] == 0); /* no free frame is on its way */
        leave(n, gone_now);
        WHEN(gone_now, withdraw(n, 1));
        check();
        nodes_unlock(); locked = 0;
        waiting[n]-- /* node_wait_done() */
    }
#endif
}

inline online_page(n)
{
    atomic { !node_lk[n] -> d_step { offline[n]--; maps[n]++; credit(n, 1); check() } }
}

#ifdef SHARES
/* Every domain's loss, times all claims of the node, is its claim times all losses, to less than a page. */
inline check_shares(n)
{
    d_step {
        gone = 0; all = 0;
        for (j : 0 .. ND - 1) { gone = gone + LOST(j, n); all = all + SHARE(j, n) };
        for (j : 0 .. ND - 1) {
            assert(LOST(j, n) * all < SHARE(j, n) * gone + all && LOST(j, n) * all + all > SHARE(j, n) * gone)
        };
        assert(claimed[n] == MIN(all, FREE(n))); /* page-exactly */
        j = 0
    }
}
#endif

#ifdef SCRUB
#define PROCS 2
#else
#define PROCS 3
#endif

proctype offliner()
{
    NODE_LOCALS;
    bool gone_now;
    byte n, pages;

#ifdef SHARES
    do
    :: pages < ram[0] -> offline_page(0, gone_now); check_shares(0); pages++
    :: else -> break
    od;
#else
    do
    :: pages < 2 ->
        if
        :: n = 0
        :: n = 1
        fi;
        offline_page(n, gone_now);
        if
        :: gone_now -> online_page(n)
        :: true
        fi;
        n = 0; gone_now = false;
        pages++
    :: else -> break
    od;
#endif
    finished++
}

/* Takes what it has claimed, or what is left of it, and gives some of it back. */
proctype builder()
{
    TAKE_LOCALS;

    do
    :: outst[0] > 0 ->
        if
        :: C(0, 0) > 0 -> lo = 0; hi = 0; take(0, 2)
        :: take_any(0, 1, 1)
        fi;
        if
        :: got > 0 -> take_done(0, got)
        :: got > 0 -> take_done(0, 0)
        :: got == 0
        fi;
        forget()
    :: true -> break
    od;
    finished++
}

/* Gives its pages up, one by one. */
proctype leaver()
{
    do
    :: OWN(2, 0) > 0 -> release(2, 0)
    :: OWN(2, 1) > 0 -> release(2, 1)
    :: OWN(2, 0) + OWN(2, 1) == 0 -> break
    od;
    finished++
}

/* Moves its claim, and is killed. */
proctype claimer()
{
    NODE_LOCALS;
    CLAIM_LOCALS;

    if
    :: want(1, 0, 0)
    :: want(0, 1, 0)
    :: want(0, 0, 1)
    fi;
    claim_install(1, true);
    d_step { assert(outst[1] <= 1); rc = 0 }
    kill(1);
    finished++
}

init
{
    NODE_LOCALS;
    SET_LOCALS;

    d_step {
#ifdef SHARES
        setup(0, 10); setup(1, 1);
        max_pages[0] = 6; max_pages[1] = 6; max_pages[2] = 6; max_pages[3] = 6;
        want(C0, 0, 0); claim_at_start(0);
        want(C1, 0, 0); claim_at_start(1);
        want(C2, 0, 0); claim_at_start(2);
        want(C3, 0, 0); claim_at_start(3)
#else
        setup(0, 3); setup(1, 2);
        max_pages[0] = 3; max_pages[1] = 1; max_pages[2] = 2;
        #ifdef HOSTS
        want(0, 0, 1); claim_at_start(0);
        want(0, 0, 1); claim_at_start(1);
#else
        want(1, 0, 1); claim_at_start(0);
        want(1, 0, 0); claim_at_start(1);
#endif
        maps[0]--; maps[1]--; OWN(2, 0) = 1; OWN(2, 1) = 1; tot[2] = 2;
        locked = ALL; own_parts = true; take_parts(0, 1); take_parts(1, 1); locked = 0; check()
#endif
    }
#ifdef SHARES
    run offliner();
    d_step { finished == 1 -> check_end() }
#else
    atomic {
        run offliner(); run builder();
#ifdef SCRUB
        run scrubber(0)
#elif defined(CLAIMS)
        run claimer()
#else
        run leaver()
#endif
    }
    d_step { finished == PROCS -> check_end() }
#endif
}
