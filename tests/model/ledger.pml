/*
 * The ledger and the accounts, as the C has them, for the models beside this file; it has no run of its own.
 *
 *   here                             in C (mm/)
 *   claimed, host_part               struct node: sum of c[d][n], and the node's part of H
 *   UNCLAIMED(n)                     node_unclaimed(): U[n]
 *   C(), host_claim, outst, gen      struct mem_account: node_claim, host_claim, outstanding, claim_gen
 *   claim_nodes                      the same name: nodes of the set that stands
 *   acct[d], node_lk[n]              the account's lock and the node's
 *   locked, HELD(n)                  job.locked, `locked` of ledger.h: the nodes whose locks this process has
 *   nodes_lock(), nodes_unlock()     the same, in node.c
 *   parts(), take_parts(), deal_out(), host_move(), credit()
 *                                    ledger_host.c: ledger_host_spare(), host_take_parts(), host_deal_out(), host_move(), ledger_credit()
 *   plan(), decide(), commit()       plan_others(), ledger_reserve() and host_take(): all is decided, then changed
 *   reserve()                        reserve() in alloc.c: all, or half, ...; more: the nodes whose locks it takes
 *   refund()                         ledger_refund(), of what mm_take_done() does not keep
 *   set_relative()                   set_decode(), claims.c
 *   set_fits(), set_install()        set_fits() and ledger_install(), and set_decode()'s look at max
 *   claims_release()                 ledger_release()
 *   check()                          claims.md section 1, and mm_check()
 *
 * Steps. Locks are variables, and each is taken in a step of its own: account, nodes by rising number. While a process has a node's lock nobody
 * else changes what the lock guards, so what it changes before it unlocks is one step; a take decides in one step and changes in
 * another, since a recall changes claims without the account's lock. A hold of one node's lock with nothing else inside is one
 * `atomic { !node_lk[n] -> ... }`.
 *
 * Units are pages; a page of the model is a frame. NN nodes, ND domains, RAM pages in the host. A domain without claims stands for
 * other guests as well as for Homestead itself.
 * Ghosts (not in the C): SET(), set_out: the newest set.
 */
#ifndef NN
#define NN 2
#endif
#ifndef ND
#define ND 2
#endif
#ifndef RAM
#define RAM 8
#endif

#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define WHEN(condition, statements) if :: condition -> statements :: else fi
#define C(d, n)   node_claim[(d) * NN + (n)]
#define OWN(d, n) own[(d) * NN + (n)]
#define SET(d, n) set_node[(d) * NN + (n)]

byte claimed[NN], host_part[NN];                      /* [N] */
byte node_claim[ND * NN], host_claim[ND], outst[ND];  /* [L] as in account.h: the account's lock and a node's, or all nodes' */
byte gen[ND];                                         /* [L] */
bool dying[ND]; byte claim_nodes[ND];                 /* [A] */
byte tot[ND], own[ND * NN], max_pages[ND], busy[ND];  /* [A]; busy: takes that clear their memory */
bool acct[ND], node_lk[NN];

#ifndef FREE
byte maps[NN], scrubbing[NN]; /* [N] free pages: on the node's maps, and with a scrubber */
#define FREE(n) (maps[n] + scrubbing[n])
#endif
#define UNCLAIMED(n) (FREE(n) - claimed[n])
byte ram[NN];
#ifdef OFFLINE /* offline.pml */
byte offline[NN], leaving[NN]; /* [N] pages that have left, and pages in use that will */
byte lost[ND * (NN + 1)];      /* [L] */
#define LOST(d, n)       lost[(d) * (NN + 1) + (n)]
#define OFFLINE_PAGES(n) offline[n]
#else
#define OFFLINE_PAGES(n) 0
#endif
byte set_node[ND * NN], set_out[ND]; /* ghosts */

/* Within one d_step. */
hidden byte i, j, sum, tally, room, part, to_host, ok;
hidden byte p, q, rest, missing, needs, verdict, own_parts;

/* The invariants, after every step that changes something. All counters are bytes: one below 0 is above RAM. */
inline check()
{
    sum = 0; room = 0;
    for (i : 0 .. NN - 1) {
        assert(host_part[i] <= RAM && FREE(i) <= RAM);
        assert(claimed[i] <= FREE(i)); /* rules 1 and 6 */
        sum = sum + UNCLAIMED(i);
        room = room + host_part[i];
        tally = 0;
        for (j : 0 .. ND - 1) {
            assert(C(j, i) == 0 || (claim_nodes[j] >> i) & 1);
            assert(C(j, i) <= SET(j, i)); /* redeeming and refunding make no claim that was not installed */
            tally = tally + C(j, i)
        };
        assert(tally == claimed[i])
    };
    for (j : 0 .. ND - 1) { room = room + host_claim[j] };
    assert(room == sum); /* rule 2: H, the sum of the parts, is all that is promised to nobody, and not below 0 */
    for (j : 0 .. ND - 1) {
        sum = host_claim[j];
        for (i : 0 .. NN - 1) { sum = sum + C(j, i) };
        assert(outst[j] == sum && outst[j] <= set_out[j]);
        assert(!dying[j] || outst[j] == 0); /* rule 7 */
        assert(acct[j] || dying[j] || tot[j] + outst[j] <= max_pages[j]) /* rule 3 */
    };
    i = 0; j = 0; sum = 0; room = 0; tally = 0
}

/* --- locks ------------------------------------------------------------------------------------------------- */
inline lock(l) { atomic { !l -> l = true } }
inline unlock(l) { l = false }

#define BIT(n)  (1 << (n))
#define ALL     (BIT(NN) - 1)
#define HELD(n) ((locked >> (n)) & 1)
#define FIRST   (HELD(0) -> 0 : (HELD(1) -> 1 : 2)) /* the lowest of the locked nodes */
#define NODE_LOCALS byte locked

#define LOCK_IF_HELD(n) atomic { if :: HELD(n) && !node_lk[n] -> node_lk[n] = true :: !HELD(n) fi }

/* Those of `locked`, which is not 0. */
inline nodes_lock()
{
    LOCK_IF_HELD(0);
    LOCK_IF_HELD(1);
#if NN > 2
    LOCK_IF_HELD(2)
#endif
}

/* In a d_step. */
inline nodes_unlock()
{
    for (p : 0 .. NN - 1) { WHEN(HELD(p), node_lk[p] = false) };
    p = 0
}

/* --- H ------------------------------------------------------------------------------------------------------ */
inline credit(n, k)
{
    host_part[n] = host_part[n] + (k)
}

/* What the nodes of the mask have of H, into rest. */
inline parts(mask)
{
    rest = 0;
    for (p : 0 .. NN - 1) { WHEN((mask >> p) & 1, rest = rest + host_part[p]) };
    p = 0
}

#ifdef BREAK_NO_HOST_CHECK
#define NO_HOST_CHECK true /* a page that no node claim needs, but a host-wide one may */
#else
#define NO_HOST_CHECK false
#endif

/* Node n's part first. own_parts stays true if that was enough. */
inline take_parts(n, k)
{
    rest = k;
    q = MIN(rest, host_part[n]); host_part[n] = host_part[n] - q; rest = rest - q;
    own_parts = own_parts && rest == 0;
    for (p : 0 .. NN - 1) {
        WHEN(HELD(p), q = MIN(rest, host_part[p]); host_part[p] = host_part[p] - q; rest = rest - q)
    };
    assert(rest == 0 || NO_HOST_CHECK);
    p = 0; q = 0; rest = 0
}

/* What is missing to U[n] becomes the same everywhere, as far as possible. k pages of node f are about to leave. All nodes locked. */
#define LEFT(p, f, k) (UNCLAIMED(p) - ((p) == (f) -> (k) : 0))
inline deal_out(f, k)
{
    assert(locked == ALL);
    parts(ALL);
    missing = 0;
    for (p : 0 .. NN - 1) { missing = missing + LEFT(p, f, k) };
    missing = (missing - rest) / NN;
    for (p : 0 .. NN - 1) {
        host_part[p] = (LEFT(p, f, k) > missing -> MIN(rest, LEFT(p, f, k) - missing) : 0);
        rest = rest - host_part[p]
    };
    for (p : 0 .. NN - 1) {
        q = (LEFT(p, f, k) > host_part[p] -> MIN(rest, LEFT(p, f, k) - host_part[p]) : 0);
        host_part[p] = host_part[p] + q;
        rest = rest - q
    };
    assert(rest == 0);
    p = 0; q = 0; missing = 0
}

/* Part of H goes with the pages it stands for. */
inline host_move(from, to, k)
{
    q = MIN(k, host_part[from]);
    host_part[from] = host_part[from] - q;
    host_part[to] = host_part[to] + q;
    q = 0
}

/* --- one reservation: the receipt is the caller's own ---------------------------------------------------- */
#define RECEIPT byte r_nid, r_pages, r_node, r_host, r_red, r_gen, r_other[NN]

inline forget_receipt()
{
    r_nid = 0; r_pages = 0; r_node = 0; r_host = 0; r_red = 0; r_gen = 0;
    for (i : 0 .. NN - 1) { r_other[i] = 0 }
    i = 0
}

#define GRANTED   0
#define REFUSED   1
#define UNDECIDED 2 /* it takes the locks of `needs` */

#ifdef STRICT /* rather none than one for which a claim on another node would be redeemed */
#define IS_STRICT true
#else
#define IS_STRICT false
#endif
#ifdef BREAK_NOT_AGAIN /* what these nodes cannot decide is refused */
#define NEEDS_MORE REFUSED
#else
#define NEEDS_MORE UNDECIDED
#endif
#if defined(BREAK_NO_SECOND_LOOK) || defined(BREAK_STEAL_UNLOCKED)
#define ANY_LOCKS true /* decided as if all nodes were locked */
#else
#define ANY_LOCKS false
#endif

/* Section 4: c[d][n], then h[d], then the claims on other nodes, ascending. */
inline plan(d, n, r)
{
    verdict = GRANTED; needs = 0;
#ifdef BREAK_HOST_FIRST
    r_host = MIN(r, host_claim[d]);
    r_node = MIN(r - r_host, C(d, n));
#else
    r_node = MIN(r, C(d, n));
    r_host = MIN(r - r_node, host_claim[d]);
#endif
    r_red = r_node + r_host;
    for (i : 0 .. NN - 1) { r_other[i] = 0 };
#ifndef BREAK_NO_STEP3
    if
    :: r_red < r && r_red < outst[d] ->
        needs = claim_nodes[d] | BIT(n) | locked;
        if
        :: IS_STRICT -> verdict = REFUSED
        :: !IS_STRICT && needs != locked && !ANY_LOCKS -> verdict = NEEDS_MORE
        :: else ->
            for (i : 0 .. NN - 1) {
#ifdef BREAK_DESCENDING
                j = NN - 1 - i;
#else
                j = i;
#endif
                r_other[j] = (j == n -> 0 : MIN(C(d, j), r - r_red));
                r_red = r_red + r_other[j]
            }
        fi
    :: else
    fi;
#endif
    i = 0; j = 0
}

/* What the plan must be, said without saying how: everything that can be redeemed is, nothing out of order. */
inline check_plan(d, n, r)
{
    assert(r_red == MIN(r, outst[d]));
    assert(r_host == 0 || r_node == C(d, n));
    ok = true; /* ok: all claims that come before this one are used up */
    for (i : 0 .. NN - 1) {
        assert(r_other[i] == 0 || (ok && r_node == C(d, n) && r_host == host_claim[d]));
        ok = ok && (i == n || r_other[i] == C(d, i))
    };
    i = 0; ok = 0
}

inline decide(d, n, r)
{
    plan(d, n, r);
    WHEN(verdict == GRANTED && r - r_node > UNCLAIMED(n), verdict = REFUSED);
    if
    :: verdict == GRANTED && r - r_red > host_part[n] && !NO_HOST_CHECK ->
        parts(ALL);
        if
        :: locked != ALL && !ANY_LOCKS -> verdict = NEEDS_MORE; needs = ALL
        :: else -> WHEN(r - r_red > rest, verdict = REFUSED)
        fi;
        rest = 0
    :: else
    fi;
#ifdef BREAK_NO_SECOND_LOOK
    needs = (r > r_red -> ALL : claim_nodes[d] | BIT(n) | locked); /* locked before the change, without another look */
#endif
    WHEN(verdict == REFUSED, check_refused(d, n, r))
}

/* A refusal is true at this instant, whichever nodes were locked for it. */
inline check_refused(d, n, r)
{
    parts(ALL);
    assert(r - MIN(r, C(d, n)) > UNCLAIMED(n) || r - MIN(r, outst[d]) > rest
           || (IS_STRICT && MIN(r, C(d, n) + host_claim[d]) < MIN(r, outst[d])));
    rest = 0
}

/* Credits for r_pages, or half, ... 0: -ENOMEM, nothing changed; not with a claim on the node: rule 4, the ledger's half. more: none yet, it
 * takes the locks of these as well. */
inline reserve(d, n)
{
    more = 0;
    do
    :: r_pages > 0 ->
        decide(d, n, r_pages);
        if
        :: verdict == REFUSED -> r_pages = r_pages / 2
        :: verdict == UNDECIDED -> more = needs; break
        :: else -> break
        fi
    :: else -> break
    od;
    if
    :: r_pages == 0 -> assert(C(d, n) == 0); forget_receipt()
    :: r_pages > 0 && verdict == GRANTED -> check_plan(d, n, r_pages)
    :: else -> r_node = 0; r_host = 0; r_red = 0; for (i : 0 .. NN - 1) { r_other[i] = 0 }; i = 0
    fi;
#ifdef BREAK_NO_SECOND_LOOK
    WHEN(r_pages > 0 && needs != locked, more = needs);
#endif
    needs = 0; verdict = 0
}

/* What was decided, under the same locks. */
inline commit(d, n, r)
{
    own_parts = true;
    assert(HELD(n));
#ifdef BREAK_STEAL_UNLOCKED
    tally = locked; locked = ALL; /* it takes the parts of nodes that it has not locked */
#endif
    take_parts(n, r - r_red);
    WHEN(!own_parts && !NO_HOST_CHECK, deal_out(n, r - r_red));
#ifdef BREAK_STEAL_UNLOCKED
    locked = tally; tally = 0;
#endif
    C(d, n) = C(d, n) - r_node; claimed[n] = claimed[n] - r_node;
    host_claim[d] = host_claim[d] - r_host;
    for (i : 0 .. NN - 1) {
        if
        :: r_other[i] > 0 ->
            assert(HELD(i) || ANY_LOCKS);
            C(d, i) = C(d, i) - r_other[i]; claimed[i] = claimed[i] - r_other[i];
            host_move(n, i, r_other[i])
        :: else
        fi
    };
    outst[d] = outst[d] - r_red;
    r_nid = n; r_gen = gen[d];
    i = 0
}

/* ledger_refund_nodes(), into locked. */
inline refund_nodes()
{
    locked = BIT(r_nid);
    for (i : 0 .. NN - 1) { WHEN(r_other[i] > 0, locked = locked | BIT(i)) };
    i = 0
}

/*
 * All but `keep` pages of the receipt, which are free, go back, and the claims are as if only `keep` had been asked for. After a new set or
 * a release the credits become unclaimed. The receipt then stands for what is kept.
 */
inline refund(d, keep)
{
    part = MIN(keep, r_node);
    to_host = r_host - MIN(keep - part, r_host); /* goes back to h[d] */
#ifdef BREAK_REFUND_NODE_FIRST
    part = r_node - MIN(r_pages - keep, r_node);
    to_host = MIN(r_pages - keep - (r_node - part), r_host);
#endif
    assert(to_host == r_host || part == r_node); /* h[d] stays redeemed only if c[d][n] does */
    sum = part + (r_host - to_host);             /* redeemed for what is kept */
#ifdef BREAK_NO_GEN
    ok = true;
#else
    ok = gen[d] == r_gen;
#endif
#ifdef BREAK_REFUND_FORGOTTEN
    ok = false;
#endif
    r_host = r_host - to_host;
    assert(HELD(r_nid));
    if
    :: ok ->
#ifdef BREAK_REFUND_TO_HOST
        to_host = to_host + (r_node - part);
#else
        C(d, r_nid) = C(d, r_nid) + (r_node - part); claimed[r_nid] = claimed[r_nid] + (r_node - part)
#endif
    :: else
    fi;
    r_node = part;
    for (i : 0 .. NN - 1) { /* of what step 3 redeemed elsewhere, back at its place */
        j = MIN(keep - sum, r_other[i]);
        part = r_other[i] - j;
        r_other[i] = j;
        sum = sum + j;
        if
        :: ok && part > 0 ->
            assert(HELD(i));
            j = MIN(part, UNCLAIMED(i));
#ifdef BREAK_REFUND_OTHER_BLINDLY
            j = part; /* without a look whether that node's pages are still there */
#endif
            host_move(i, r_nid, j);
            C(d, i) = C(d, i) + j; claimed[i] = claimed[i] + j;
            to_host = to_host + part - j;
            assert(part == j || UNCLAIMED(i) == 0)
        :: else
        fi
    };
    if
    :: ok ->
        host_claim[d] = host_claim[d] + to_host;
        outst[d] = outst[d] + (r_red - sum);
        credit(r_nid, (r_pages - keep) - (r_red - sum))
    :: else ->
        credit(r_nid, r_pages - keep)
    fi;
    r_red = sum; r_pages = keep;
    i = 0; j = 0; sum = 0; part = 0; to_host = 0; ok = 0
}

/* --- sets: w_ absolute, as the caller gives them; x_ what is still missing. Account and nodes locked -------------------- */
#define SET_LOCALS byte w_node[NN], w_host, x_node[NN], x_host

/* ledger_release(). */
inline claims_release(d)
{
    for (i : 0 .. NN - 1) {
        assert(C(d, i) == 0 || HELD(i));
        credit(i, C(d, i)); claimed[i] = claimed[i] - C(d, i); C(d, i) = 0; SET(d, i) = 0
    };
    credit(FIRST, host_claim[d]);
#ifdef OFFLINE
    for (i : 0 .. NN) { LOST(d, i) = 0 };
#endif
    host_claim[d] = 0; outst[d] = 0; set_out[d] = 0; claim_nodes[d] = 0; gen[d]++;
    i = 0
}

/* claims.c, set_decode(): what is still missing of each count. */
inline set_relative(d)
{
    sum = 0; /* what the domain owns beyond its entries */
    for (i : 0 .. NN - 1) {
        x_node[i] = (w_node[i] > OWN(d, i) -> w_node[i] - OWN(d, i) : 0);
        sum = sum + (OWN(d, i) > w_node[i] -> OWN(d, i) - w_node[i] : 0)
    };
    x_host = (w_host > sum -> w_host - sum : 0);
    i = 0; sum = 0
}

/* ok: true, false, or EMPTY: nothing to claim, or more than max allows. H as far as the nodes of the mask have it. */
#define EMPTY 2
inline set_fits(d, mask)
{
    parts(mask);
    room = rest + outst[d]; rest = 0;
#ifdef BREAK_FITS_NODES
    room = RAM;
#endif
    ok = x_host <= room;
    room = room - MIN(x_host, room);
    sum = x_host;
    for (i : 0 .. NN - 1) {
        ok = ok && x_node[i] <= UNCLAIMED(i) + C(d, i) && x_node[i] <= room;
        room = room - MIN(x_node[i], room);
        sum = sum + x_node[i]
    };
    ok = (sum == 0 || tot[d] + sum > max_pages[d] -> EMPTY : ok);
    room = 0; i = 0; sum = 0
}

/* Counts are absolute: with the claim the domain has what its entries say, or more. */
inline check_absolute(d)
{
    part = x_host; /* owned beyond the entries, and host-wide */
    for (i : 0 .. NN - 1) {
        assert(OWN(d, i) + x_node[i] == w_node[i] || (OWN(d, i) > w_node[i] && x_node[i] == 0));
        part = part + (OWN(d, i) > w_node[i] -> OWN(d, i) - w_node[i] : 0)
    };
    assert(part == w_host || (part > w_host && x_host == 0));
    part = 0; i = 0
}

inline set_install(d)
{
    claims_release(d);
    own_parts = true;
    sum = x_host;
    for (i : 0 .. NN - 1) {
        assert(x_node[i] == 0 || HELD(i));
        claimed[i] = claimed[i] + x_node[i]; C(d, i) = x_node[i]; SET(d, i) = x_node[i];
        take_parts(i, x_node[i]);
        WHEN(x_node[i] > 0, claim_nodes[d] = claim_nodes[d] | BIT(i));
        sum = sum + x_node[i]
    };
    take_parts(FIRST, x_host);
    host_claim[d] = x_host;
    outst[d] = sum; set_out[d] = sum;
    check_absolute(d);
    WHEN(!own_parts && locked == ALL, deal_out(0, 0));
    i = 0; sum = 0
}

/* --- the end: nothing lost, nothing rest under way ----------------------------------------------------------- */
inline check_end()
{
    for (i : 0 .. NN - 1) {
        tally = 0;
        for (j : 0 .. ND - 1) { tally = tally + OWN(j, i) };
        assert(FREE(i) + tally + OFFLINE_PAGES(i) == ram[i]);
        assert(!node_lk[i])
    };
    check()
}
