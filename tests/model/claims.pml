/*
 * Installing, replacing and releasing sets of claims: mm/claims.c.
 *
 *   here              in C
 *   claim_install()   claim_install_set(): w_node[], w_host are the entries as given; replace: CLAIM_REPLACE. rc: 0, EINVAL, ENOMEM
 *   claim_at_start()  the same before anybody runs
 *
 * The account's lock is held all the while, so tot and own stand still, and the ledger's is held over all of the decision and
 * all of the change: for the others, a set is one step.
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

/* install_set_locked(). */
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
            set_fits(d);
            if
            :: ok == EMPTY -> rc = EINVAL
            :: ok == true -> set_install(d); rc = 0
            :: else -> rc = ENOMEM
            fi
        fi
    fi;
    check();
    w_host = 0; x_host = 0;
    for (i : 0 .. NN - 1) { w_node[i] = 0; x_node[i] = 0 }
}

#if defined(BREAK_NODE_BY_NODE)
/* Each entry by itself under the ledger's lock; what has been installed is given up again when a later one does not fit. */
inline claim_install(d, replace)
{
    lock(acct[d]);
    rc = 0; at = 0;
    do
    :: at < NN && rc == 0 ->
        atomic {
            !ledger_lk -> d_step {
                if
                :: w_node[at] <= spare[at] && w_node[at] <= host_spare ->
                    spare[at] = spare[at] - w_node[at]; claimed[at] = claimed[at] + w_node[at];
                    C(d, at) = w_node[at]; SET(d, at) = w_node[at]; host_spare = host_spare - w_node[at];
                    outst[d] = outst[d] + w_node[at]; set_out[d] = outst[d]
                :: else -> rc = ENOMEM; claims_release(d)
                fi;
                check()
            }
        }
        at++
    :: else -> break
    od;
    unlock(acct[d])
}
#elif defined(BREAK_REPLACE_GAP)
/* First the old set goes, and then the new one comes. */
inline claim_install(d, replace)
{
    lock(acct[d]);
    WHEN(replace, atomic { !ledger_lk -> d_step { claims_release(d); check() } });
    atomic { !ledger_lk -> d_step { claim_decide(d, false) } }
    unlock(acct[d])
}
#elif defined(BREAK_OWN_UNLOCKED)
/* What is still missing is computed before the account's lock is there. */
inline claim_install(d, replace)
{
    d_step { set_relative(d); i = 0; sum = 0 }
    lock(acct[d]);
    atomic {
        !ledger_lk -> d_step {
            if
            :: tot[d] <= max_pages[d] ->
                set_fits(d);
                if
                :: ok == true -> set_install(d); rc = 0
                :: else -> rc = ENOMEM
                fi
            :: else -> rc = EINVAL
            fi
        }
    }
    unlock(acct[d])
}
#else
inline claim_install(d, replace)
{
#ifdef BREAK_INSTALL_DYING
    was_dying = dying[d];
#endif
    lock(acct[d]);
    atomic { !ledger_lk -> d_step { claim_decide(d, replace) } }
    unlock(acct[d])
}
#endif

inline claim_at_start(d)
{
    set_relative(d); set_fits(d); assert(ok == true); set_install(d); check()
}
