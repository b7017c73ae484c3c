/*
 * The ledger and the accounts, as the C has them, for the models beside this file; it has no run of its own.
 *
 *   here                             in C (mm/)
 *   spare, claimed, host_spare, ...  struct ledger, ledger.c: U[n], sum of c[d][n], H, sum of h[d]
 *   C(), host_claim, outst, gen      struct mem_account, account.h: node_claim, host_claim, outstanding, claim_gen
 *   acct[d], ledger_lk               the account's lock and the ledger's
 *   plan(), commit()                 ledger_reserve_locked(): everything is decided, then changed
 *   reserve_half()                   the loop in take_with_credits(): all, or half, ...
 *   refund()                         ledger_refund_locked(), of what mm_take_done() does not keep
 *   set_relative()                   set_make_relative(), claims.c
 *   set_fits(), set_install()        set_fits() in ledger_install_locked(), and set_exceeds_max()
 *   claims_release()                 ledger_release_locked()
 *   credit()                         ledger_credit()
 *   check()                          claims.md section 1, and mm_check()
 *
 * Steps. A hold of the ledger lock under which no other lock is taken is one `atomic { !ledger_lk -> ... }`: nobody can see
 * what such a hold has half done, as all that it touches is touched under that lock only. Where a node's lock is taken inside it,
 * the ledger lock is a variable (lock(), unlock()) and the others run in between. A node's lock is the innermost: each hold of it is
 * one atomic step, and never more than one hold is. The account lock always is a variable.
 *
 * Units are pages; a page of the model is a frame. NN nodes, ND domains, RAM pages in the host. A domain without claims stands for
 * other guests as well as for Homestead itself.
 * Ghosts (not in the C): held[n], credits of takes whose pages are still on the maps; SET(), set_out: the newest set.
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

byte spare[NN], claimed[NN], host_spare, host_claims; /* [L] */
byte node_claim[ND * NN], host_claim[ND], outst[ND], gen[ND]; /* [L] */
bool dying[ND];                                       /* [A][L] */
byte tot[ND], own[ND * NN], max_pages[ND], busy[ND];  /* [A]; busy: takes before their take_done */
bool acct[ND], ledger_lk;

#ifndef FREE
byte maps[NN], scrubbing[NN]; /* [N] free pages: on the node's maps, and with a scrubber */
#define FREE(n) (maps[n] + scrubbing[n])
#endif
byte ram[NN];
#ifdef OFFLINE /* offline.pml */
byte offline[NN], leaving[NN]; /* [N] pages that have left, and pages in use that will */
byte debt[NN];                 /* [L] credits that are still to come for pages that have left */
byte leaves[NN];               /* ghost: a page has left and its credit goes under the same hold of the ledger lock */
#define OFFLINE_PAGES(n) offline[n]
#define LEAVES(n)        leaves[n]
#else
#define OFFLINE_PAGES(n) 0
#define LEAVES(n)        0
#endif
byte held[NN], set_node[ND * NN], set_out[ND]; /* ghosts */

hidden byte i, j, sum, tally, room, part, to_host; /* within one d_step */
hidden byte ok;

inline lock(l) { atomic { !l -> l = true } }
inline unlock(l) { l = false }

/* The invariants, after every step that changes something. All counters are bytes: one below 0 is above RAM. */
inline check()
{
    sum = 0;
    for (i : 0 .. NN - 1) {
        assert(spare[i] <= RAM && claimed[i] <= RAM && held[i] <= RAM && FREE(i) <= RAM);
        assert(spare[i] + claimed[i] + held[i] <= FREE(i) + LEAVES(i)); /* rules 1 and 6 */
        sum = sum + spare[i];
        tally = 0;
        for (j : 0 .. ND - 1) {
            assert(C(j, i) <= SET(j, i)); /* redeeming and refunding make no claim that was not installed */
            tally = tally + C(j, i)
        };
        assert(tally == claimed[i])
    };
    assert(host_claims <= sum && host_spare == sum - host_claims); /* rule 2 */
    tally = 0;
    for (j : 0 .. ND - 1) {
        sum = host_claim[j];
        for (i : 0 .. NN - 1) { sum = sum + C(j, i) };
        assert(outst[j] == sum && outst[j] <= set_out[j]);
        assert(!dying[j] || outst[j] == 0); /* rule 7 */
        assert(acct[j] || dying[j] || tot[j] + outst[j] <= max_pages[j]); /* rule 3 */
        tally = tally + host_claim[j]
    };
    assert(tally == host_claims);
    i = 0; j = 0; sum = 0; tally = 0
}

/* --- one reservation: the receipt is the caller's own ---------------------------------------------------- */
#define RECEIPT byte r_nid, r_pages, r_node, r_host, r_red, r_gen, r_other[NN]

inline forget_receipt()
{
    r_nid = 0; r_pages = 0; r_node = 0; r_host = 0; r_red = 0; r_gen = 0;
    for (i : 0 .. NN - 1) { r_other[i] = 0 }
}

#ifdef STRICT /* rather none than one for which a claim on another node would be redeemed */
#define MAY_REDEEM (r_red == r_node + r_host)
#else
#define MAY_REDEEM true
#endif
#ifdef BREAK_NO_HOST_CHECK
#define NO_HOST_CHECK true /* a page that no node claim needs, but a host-wide one may */
#else
#define NO_HOST_CHECK false
#endif

/* Section 4: c[d][n], then h[d], then the claims on other nodes, ascending. */
inline plan(d, n, r)
{
#ifdef BREAK_HOST_FIRST
    r_host = MIN(r, host_claim[d]);
    r_node = MIN(r - r_host, C(d, n));
#else
    r_node = MIN(r, C(d, n));
    r_host = MIN(r - r_node, host_claim[d]);
#endif
    r_red = r_node + r_host;
    for (i : 0 .. NN - 1) {
#ifdef BREAK_DESCENDING
        j = NN - 1 - i;
#else
        j = i;
#endif
        r_other[j] = (j == n -> 0 : MIN(C(d, j), r - r_red));
#ifdef BREAK_NO_STEP3
        r_other[j] = 0;
#endif
        r_red = r_red + r_other[j]
    }
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
    }
}

inline commit(d, n, r)
{
    spare[n] = spare[n] - (r - r_node);
    host_spare = host_spare - (r - r_red);
    C(d, n) = C(d, n) - r_node; claimed[n] = claimed[n] - r_node;
    host_claim[d] = host_claim[d] - r_host; host_claims = host_claims - r_host;
    for (i : 0 .. NN - 1) {
        C(d, i) = C(d, i) - r_other[i]; claimed[i] = claimed[i] - r_other[i];
        spare[i] = spare[i] + r_other[i]
    };
    outst[d] = outst[d] - r_red;
    r_nid = n; r_pages = r; r_gen = gen[d];
    held[n] = held[n] + r
}

/* All of `want` pages, or half, ... 0: -ENOMEM, nothing changed; not with a claim on the node: rule 4, the ledger's half. */
inline reserve_half(d, n, want)
{
    r_pages = want;
    do
    :: r_pages > 0 ->
        plan(d, n, r_pages);
        if
        :: r_pages - r_node <= spare[n] && (r_pages - r_red <= host_spare || NO_HOST_CHECK) && MAY_REDEEM -> break
        :: else -> r_pages = r_pages / 2
        fi
    :: else -> break
    od;
    if
    :: r_pages > 0 -> check_plan(d, n, r_pages); commit(d, n, r_pages)
    :: else -> assert(C(d, n) == 0); forget_receipt()
    fi;
    check()
}

/*
 * All but `keep` pages of the receipt go back, and the claims are as if only `keep` had been asked for. After a new set or a release
 * the credits become unclaimed. b_ is what goes back, and the receipt stands for what is kept.
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
    i = r_nid; r_host = r_host - to_host;
    if
    :: ok ->
        spare[i] = spare[i] + (r_pages - keep) - (r_node - part);
#ifdef BREAK_REFUND_TO_HOST
        to_host = to_host + (r_node - part);
        spare[i] = spare[i] + (r_node - part);
#else
        C(d, i) = C(d, i) + (r_node - part); claimed[i] = claimed[i] + (r_node - part);
#endif
        assert(C(d, i) >= r_node - part)
    :: else ->
        spare[i] = spare[i] + (r_pages - keep)
    fi;
    r_node = part;
    tally = 0; /* tally: of what step 3 redeemed elsewhere, back at its place */
    for (i : 0 .. NN - 1) {
        j = MIN(keep - sum, r_other[i]);
        part = r_other[i] - j;
        r_other[i] = j;
        sum = sum + j;
        if
        :: ok && part > 0 ->
            j = MIN(part, spare[i]);
#ifdef BREAK_REFUND_OTHER_BLINDLY
            j = part; /* without a look whether that node's pages are still there */
#endif
            spare[i] = spare[i] - j; C(d, i) = C(d, i) + j; claimed[i] = claimed[i] + j;
            to_host = to_host + part - j;
            assert(part == j || spare[i] == 0);
            tally = tally + part
        :: else
        fi
    };
    if
    :: ok ->
        host_claim[d] = host_claim[d] + to_host; host_claims = host_claims + to_host;
        outst[d] = outst[d] + (r_red - sum);
        host_spare = host_spare + (r_pages - keep) - (r_red - sum)
    :: else ->
        host_spare = host_spare + (r_pages - keep)
    fi;
    r_red = sum; r_pages = keep;
    part = 0; to_host = 0
}

/* Pages are on the maps again: their credits. */
inline credit(n, k)
{
#ifdef OFFLINE
    j = MIN(debt[n], k);
    debt[n] = debt[n] - j;
    spare[n] = spare[n] + (k - j); host_spare = host_spare + (k - j)
#else
    spare[n] = spare[n] + k; host_spare = host_spare + k
#endif
}

/* --- sets: w_ absolute, as the caller gives them; x_ what is still missing. Account and ledger locked ---------------- */
#define SET_LOCALS byte w_node[NN], w_host, x_node[NN], x_host

inline claims_release(d)
{
    for (i : 0 .. NN - 1) {
        spare[i] = spare[i] + C(d, i); claimed[i] = claimed[i] - C(d, i); C(d, i) = 0; SET(d, i) = 0
    };
    host_claims = host_claims - host_claim[d];
    host_spare = host_spare + outst[d];
    host_claim[d] = 0; outst[d] = 0; set_out[d] = 0; gen[d]++
}

/* claims.c, set_make_relative(): what is still missing of each count. */
inline set_relative(d)
{
    sum = 0; /* what the domain owns beyond its entries */
    for (i : 0 .. NN - 1) {
        x_node[i] = (w_node[i] > OWN(d, i) -> w_node[i] - OWN(d, i) : 0);
        sum = sum + (OWN(d, i) > w_node[i] -> OWN(d, i) - w_node[i] : 0)
    };
    x_host = (w_host > sum -> w_host - sum : 0)
}

/* ok: true, false, or EMPTY: nothing to claim, or more than max allows. */
#define EMPTY 2
inline set_fits(d)
{
    room = host_spare + outst[d];
#ifdef BREAK_FITS_NODES
    room = RAM;
#endif
    ok = x_host <= room;
    room = room - MIN(x_host, room);
    sum = x_host;
    for (i : 0 .. NN - 1) {
        ok = ok && x_node[i] <= spare[i] + C(d, i) && x_node[i] <= room;
        room = room - MIN(x_node[i], room);
        sum = sum + x_node[i]
    };
    ok = (sum == 0 || tot[d] + sum > max_pages[d] -> EMPTY : ok);
    room = 0
}

/* Counts are absolute: with the claim the domain has what its entries say, or more. */
inline check_absolute(d)
{
    j = 0; part = x_host; /* owned beyond the entries, and host-wide */
    for (i : 0 .. NN - 1) {
        assert(OWN(d, i) + x_node[i] == w_node[i] || (OWN(d, i) > w_node[i] && x_node[i] == 0));
        part = part + (OWN(d, i) > w_node[i] -> OWN(d, i) - w_node[i] : 0)
    };
    assert(part == w_host || (part > w_host && x_host == 0));
    part = 0
}

inline set_install(d)
{
    claims_release(d);
    sum = x_host;
    for (i : 0 .. NN - 1) {
        spare[i] = spare[i] - x_node[i]; claimed[i] = claimed[i] + x_node[i]; C(d, i) = x_node[i]; SET(d, i) = x_node[i];
        sum = sum + x_node[i]
    };
    check_absolute(d);
    host_claim[d] = x_host; host_claims = host_claims + x_host;
    outst[d] = sum; set_out[d] = sum;
    host_spare = host_spare - sum
}

/* --- the end: nothing lost, nothing left under way ----------------------------------------------------------- */
inline check_end()
{
    for (i : 0 .. NN - 1) {
        tally = 0;
        for (j : 0 .. ND - 1) { tally = tally + OWN(j, i) };
        assert(FREE(i) + tally + OFFLINE_PAGES(i) == ram[i]);
        assert(held[i] == 0 && spare[i] + claimed[i] == FREE(i))
    };
    check()
}
