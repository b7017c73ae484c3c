/*
 * Memory goes offline (claims.md section 6, rule 8): mm/offline.c, recall.c.
 *
 *   here              in C
 *   offline_page()    mm_offline_page(): ledger lock; node lock, the frame leaves its node or is marked, node unlock; credits; unlock
 *   withdraw()        ledger_withdraw_locked()
 *   recall()          recall_page() and furthest_behind(): for a node, or (NN) for the host
 *   online_page()     mm_online_page(), of a page that has left
 *   lost[]            node_broken, host_broken
 *
 * A free page that leaves takes its credit with it. If that is promised, one page of a claim is taken back: of the domain that is furthest
 * behind its share. A page in use is marked and leaves when it is given up; no credit comes back for it then.
 *
 * Pages that are given up are on the maps before their credits are: such a page can leave in between. Then no claim is hurt, and the
 * credit that is on its way does not come (debt).
 *
 * In SHARES nobody takes or frees: three domains claim, and everything goes offline page by page. Each loses its share to less than a page.
 *
 * right:  offline           ND=3 OFFLINE
 * right:  offline-shares    ND=3 OFFLINE SHARES
 * broken: no-recall         ND=3 OFFLINE BREAK_NO_RECALL           the page goes, the claims stay
 * broken: no-host-recall    ND=3 OFFLINE BREAK_NO_HOST_RECALL      claims on the node are looked at, host-wide ones are not
 * broken: always-recall     ND=3 OFFLINE BREAK_ALWAYS_RECALL       a claim pays although unclaimed pages are there
 * broken: no-debt           ND=3 OFFLINE BREAK_NO_DEBT             a page leaves before its credit is there, and a claim pays for it, or nobody can
 * broken: marked-credit     ND=3 OFFLINE BREAK_MARKED_CREDIT       a page in use leaves when it is given up, and its credit comes back
 * broken: offline-early     ND=3 OFFLINE EARLY_UNLOCK              a take drops the ledger's lock before it has its pages: they are free and promised
 * broken: first-in-list     ND=3 OFFLINE SHARES BREAK_FIRST        always the first domain pays
 */
#include "ledger.pml"
#include "take.pml"
#include "claims.pml"

#define HOST NN
byte lost[ND * (NN + 1)]; /* [L] */
#define LOST(d, n) lost[(d) * (NN + 1) + (n)]
#define HAS(d, n)  ((n) == HOST -> host_claim[d] : C(d, (n) % NN))

hidden byte best, all, gone;

/* Section 6: share of all that is lost with this page, less what has been lost. Everything times `all`. */
inline recall(n)
{
    all = 0; gone = 1; best = ND; j = 0;
    do
    :: j < ND ->
        if
        :: HAS(j, n) > 0 -> all = all + HAS(j, n) + LOST(j, n); gone = gone + LOST(j, n)
        :: else
        fi;
        j++
    :: else -> break
    od;
    j = 0;
    do
    :: j < ND ->
        if
        :: HAS(j, n) > 0 && best == ND -> best = j
#ifndef BREAK_FIRST
        :: HAS(j, n) > 0 && best < ND && (HAS(j, n) + LOST(j, n)) * gone - LOST(j, n) * all >
            (HAS(best % ND, n) + LOST(best % ND, n)) * gone - LOST(best % ND, n) * all -> best = j
#endif
        :: else
        fi;
        j++
    :: else -> break
    od;
    assert(best < ND); /* promised to nobody: the BUG_ON of recall_page() */
    if
    :: n == HOST -> host_claim[best]--; host_claims--
    :: else -> C(best, (n) % NN) = C(best, (n) % NN) - 1; claimed[(n) % NN]--; spare[(n) % NN]++
    fi;
    outst[best]--; host_spare++;
    LOST(best, n) = LOST(best, n) + 1
}

inline withdraw(n)
{
#ifdef BREAK_NO_DEBT
    if
    :: false
#else
    if
    :: spare[n] + claimed[n] + debt[n] <= FREE(n) -> debt[n]++
#endif
    :: else ->
        if
#ifndef BREAK_NO_RECALL
#ifdef BREAK_ALWAYS_RECALL
        :: claimed[n] > 0 ->
#else
        :: spare[n] == 0 ->
#endif
            assert(claimed[n] > FREE(n)); /* page-exactly: no claim pays while the node has enough for all */
            recall(n)
#endif
        :: else
        fi;
        if
#ifndef BREAK_NO_HOST_RECALL
        :: host_spare == 0 -> recall(HOST)
#endif
        :: else
        fi;
        spare[n]--; host_spare--
    fi;
    leaves[n] = 0;
    check()
}

/* Of a page that is free, or (in use) of one that somebody owns and that is not marked yet. */
inline offline_page(n, left)
{
    lock(ledger_lk);
    d_step {
        if
        :: maps[n] > 0 -> maps[n]--; offline[n]++; leaves[n] = 1; left = true
        :: maps[n] == 0 && leaving[n] < OWN(0, n) + OWN(1, n) + OWN(2, n) -> leaving[n]++; left = false
        :: else -> left = false
        fi;
        check()
    }
    d_step {
        if
        :: left -> withdraw(n)
        :: else
        fi;
        unlock(ledger_lk)
    }
}

inline online_page(n)
{
    lock(ledger_lk);
    d_step { offline[n]--; maps[n]++; check() }
    d_step { spare[n]++; host_spare++; check(); unlock(ledger_lk) }
}

#ifdef SHARES
/* Every domain's loss, times all claims of the node, is its claim times all losses, to less than a page. */
inline check_shares(n)
{
    d_step {
        gone = LOST(0, n) + LOST(1, n) + LOST(2, n);
        all = gone + C(0, n) + C(1, n) + C(2, n);
        j = 0;
        do
        :: j < ND ->
            assert(LOST(j, n) * all < (C(j, n) + LOST(j, n)) * gone + all);
            assert(LOST(j, n) * all + all > (C(j, n) + LOST(j, n)) * gone);
            j++
        :: else -> break
        od;
        assert(claimed[n] == MIN(all, FREE(n))); /* page-exactly */
        j = 0
    }
}
#endif

proctype offliner()
{
    bool left;
    byte n, pages;

#ifdef SHARES
    do
    :: pages < ram[0] -> offline_page(0, left); check_shares(0); pages++
    :: else -> break
    od;
#else
    do
    :: pages < 2 ->
        if
        :: n = 0
        :: n = 1
        fi;
        offline_page(n, left);
        if
        :: left -> online_page(n)
        :: true
        fi;
        n = 0; left = false;
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
    byte back;

    do
    :: OWN(2, 0) > 0 -> release(2, 0)
    :: OWN(2, 1) > 0 -> release(2, 1)
    :: OWN(2, 0) + OWN(2, 1) == 0 -> break
    od;
    finished++
}

init
{
    SET_LOCALS;

    d_step {
#ifdef SHARES
        setup(0, 8); setup(1, 1);
        max_pages[0] = 4; max_pages[1] = 4; max_pages[2] = 4;
        want(4, 0, 0); claim_at_start(0);
        want(2, 0, 0); claim_at_start(1);
        want(1, 0, 0); claim_at_start(2)
#else
        setup(0, 3); setup(1, 2);
        max_pages[0] = 3; max_pages[1] = 1; max_pages[2] = 2;
        want(1, 0, 1); claim_at_start(0);
        want(1, 0, 0); claim_at_start(1);
        maps[0]--; maps[1]--; spare[0]--; spare[1]--; host_spare = host_spare - 2;
        OWN(2, 0) = 1; OWN(2, 1) = 1; tot[2] = 2; check()
#endif
    }
#ifdef SHARES
    run offliner();
    d_step { finished == 1 -> check_end() }
#else
    atomic { run offliner(); run builder(); run leaver() }
    d_step { finished == 3 -> assert(debt[0] == 0 && debt[1] == 0); check_end() }
#endif
}
