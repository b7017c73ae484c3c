/*
 * Memory goes offline (claims.md section 6, rule 8): mm/offline.c, claims_recall.c.
 *
 *   here              in C
 *   offline_page()    mm_offline_page(): ledger lock; node lock, the frame leaves its node or is marked, node unlock; credits; unlock
 *   withdraw()        ledger_withdraw_locked()
 *   recall()          recall_page() and next_to_lose(): for a node, or (NN) for the host
 *   online_page()     mm_online_page(), of a page that has left
 *   lost[]            node_broken, host_broken
 *
 * A free page that leaves takes its credit with it. If that is promised, one page of a claim is taken back, of the domain whose
 * turn it is by its share. A page in use is marked and leaves when it is given up; no credit comes back for it then.
 *
 * Pages that are given up are on the maps before their credits are: such a page can leave in between. Then no claim is hurt, and the
 * credit that is on its way does not come (debt).
 *
 * In SHARES nobody takes or frees: four domains claim, and everything goes offline page by page. Each loses its share to less than a page.
 *
 * right:  offline           ND=3 OFFLINE
 * right:  offline-shares    ND=4 RAM=12 OFFLINE SHARES C0=1 C1=1 C2=1 C3=6
 * right:  offline-shares-2  ND=4 RAM=12 OFFLINE SHARES C0=5 C1=2 C2=1 C3=1
 * broken: no-recall         ND=3 OFFLINE BREAK_NO_RECALL           the page goes, the claims stay
 * broken: no-host-recall    ND=3 OFFLINE BREAK_NO_HOST_RECALL      claims on the node are looked at, host-wide ones are not
 * broken: always-recall     ND=3 OFFLINE BREAK_ALWAYS_RECALL       a claim pays although unclaimed pages are there
 * broken: no-debt           ND=3 OFFLINE BREAK_NO_DEBT             a page leaves before its credit is there, and a claim pays for it, or nobody can
 * broken: marked-credit     ND=3 OFFLINE BREAK_MARKED_CREDIT       a page in use leaves when it is given up, and its credit comes back
 * broken: offline-early     ND=3 OFFLINE EARLY_UNLOCK              a take drops the ledger's lock before it has its pages: they are free and promised
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
byte lost[ND * (NN + 1)]; /* [L] */
#define LOST(d, n) lost[(d) * (NN + 1) + (n)]
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
    leaves[n]--;
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
        WHEN(left, withdraw(n));
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
        setup(0, 10); setup(1, 1);
        max_pages[0] = 6; max_pages[1] = 6; max_pages[2] = 6; max_pages[3] = 6;
        want(C0, 0, 0); claim_at_start(0);
        want(C1, 0, 0); claim_at_start(1);
        want(C2, 0, 0); claim_at_start(2);
        want(C3, 0, 0); claim_at_start(3)
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
