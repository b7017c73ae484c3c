/*
 * Installing, replacing and releasing sets of claims: mm/claims.c.
 *
 *   here              in C
 *   claim_install()   claim_install_set(): w_node[], w_host are the entries as given; replace: CLAIM_REPLACE. rc: 0, EINVAL, ENOMEM
 *   claim_decide()    set_decode() and install_set_locked()
 *   claim_at_start()  the same before anybody runs
 *
 * The account's lock is held all the while, so tot and own stand still, and the locks of all nodes of the old and the new set are held over
 * all of the decision and all of the change: for the others, a set is one step. What these nodes refuse is decided again with all locked.
 */
#define EINVAL 1
#define ENOMEM 2
#define CLAIM_LOCALS SET_LOCALS; byte rc

inline want(n0, n1, host)
{
    w_node[0] = n0; w_node[1] = n1; w_host = host
}

#ifdef BREAK_INSTALL_DYING
byte was_dying; /* looked at before the locks */
#define DYING(d) was_dying
#else
#define DYING(d) dying[d]
#endif
#ifdef BREAK_INSTALL_NOT_AGAIN
#define DECIDED true
#else
#define DECIDED (rc != ENOMEM || locked == ALL)
#endif

/* A refusal is true at this instant, whichever nodes were locked for it. */
inline check_set_refused(d)
{
    set_fits(d, ALL);
    assert(ok == false);
    ok = 0
}

inline claim_decide(d, replace)
{
    sum = w_host;
    for (i : 0 .. NN - 1) { sum = sum + w_node[i] };
    if
    :: DYING(d) -> rc = EINVAL
    :: else ->
        if
        :: sum == 0 -> claims_release(d); rc = 0
        :: sum > 0 && outst[d] > 0 && !(replace) -> rc = EINVAL
        :: else ->
            set_relative(d);
            set_fits(d, locked);
            if
            :: ok == EMPTY -> rc = EINVAL
            :: ok == true -> set_install(d); rc = 0
            :: else -> rc = ENOMEM; WHEN(DECIDED, check_set_refused(d))
            fi
        fi
    fi;
    check();
    x_host = 0; ok = 0;
    for (i : 0 .. NN - 1) { x_node[i] = 0 };
    i = 0
}

inline forget_set()
{
    w_host = 0; x_host = 0;
    for (i : 0 .. NN - 1) { w_node[i] = 0; x_node[i] = 0 };
    i = 0
}

/* ledger_lock_nodes(): which ones. Account lock held. */
inline set_nodes(d)
{
    needs = claim_nodes[d];
    for (i : 0 .. NN - 1) { WHEN(w_node[i] > OWN(d, i), needs = needs | BIT(i)) };
    locked = (needs > 0 -> needs : BIT(0)); /* or this CPU's */
    needs = 0; i = 0
}

#ifdef BREAK_OUT_OF_ORDER
/* As the entries were given: the last node first. */
inline set_lock(d)
{
    if
    :: d == 0 ->
#if NN > 2
        LOCK_IF_HELD(2);
#endif
        LOCK_IF_HELD(1);
        LOCK_IF_HELD(0)
    :: else -> nodes_lock()
    fi
}
#else
inline set_lock(d)
{
    nodes_lock()
}
#endif

#if defined(BREAK_NODE_BY_NODE)
/* Each entry by itself under its node's lock; what has been installed is given up again when a later one does not fit. */
inline claim_install(d, replace)
{
    lock(acct[d]);
    rc = 0; at = 0;
    do
    :: at < NN && rc == 0 ->
        atomic {
            !node_lk[at] -> d_step {
                if
                :: w_node[at] <= UNCLAIMED(at) && w_node[at] <= host_part[at] ->
                    claimed[at] = claimed[at] + w_node[at]; host_part[at] = host_part[at] - w_node[at];
                    C(d, at) = w_node[at]; SET(d, at) = w_node[at]; claim_nodes[d] = claim_nodes[d] | BIT(at);
                    outst[d] = outst[d] + w_node[at]; set_out[d] = outst[d]
                :: else -> rc = ENOMEM
                fi;
                check()
            }
        }
        at++
    :: else -> break
    od;
    WHEN(rc > 0, d_step { set_nodes(d) } nodes_lock(); d_step { claims_release(d); check(); nodes_unlock(); locked = 0 });
    unlock(acct[d])
}
#elif defined(BREAK_REPLACE_GAP)
/* First the old set goes, and then the new one comes. */
inline claim_install(d, replace)
{
    lock(acct[d]);
    d_step { set_nodes(d) }
    nodes_lock();
    d_step { WHEN(replace, claims_release(d)); check(); nodes_unlock(); locked = ALL }
    nodes_lock();
    d_step { claim_decide(d, false); forget_set(); nodes_unlock(); locked = 0; unlock(acct[d]) }
}
#elif defined(BREAK_OWN_UNLOCKED)
/* What is still missing is computed before the account's lock is there. */
inline claim_install(d, replace)
{
    d_step { set_relative(d) }
    lock(acct[d]);
    d_step { locked = ALL }
    nodes_lock();
    d_step {
        if
        :: tot[d] <= max_pages[d] ->
            set_fits(d, ALL);
            if
            :: ok == true -> set_install(d); rc = 0
            :: else -> rc = ENOMEM
            fi
        :: else -> rc = EINVAL
        fi;
        forget_set(); nodes_unlock(); locked = 0; unlock(acct[d])
    }
}
#else
inline claim_install(d, replace)
{
#ifdef BREAK_INSTALL_DYING
    was_dying = dying[d];
#endif
    atomic { !acct[d] -> acct[d] = true; d_step { set_nodes(d) } }
    do
    :: locked > 0 ->
        set_lock(d);
        d_step {
            claim_decide(d, replace);
            nodes_unlock();
            if
            :: DECIDED -> forget_set(); locked = 0
            :: else -> locked = ALL
            fi
        }
    :: else -> break
    od;
    unlock(acct[d])
}
#endif

inline claim_at_start(d)
{
    locked = ALL;
    set_relative(d); set_fits(d, ALL); assert(ok == true); set_install(d); check();
    locked = 0
}
