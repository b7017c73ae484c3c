/*
 * Taking frames offline and back: XEN_SYSCTL_page_offline_op's part of mm/. Which frame is where is the
 * nodes'; this is about credits, and about what the caller is told. Facts: Xen's public/sysctl.h.
 *
 * A frame in use stays its owner's until it is freed; its memory is not moved.
 */
#include <homestead/errno.h>
#include <mm/internal.h>
#include <mm/ledger.h>
#include <xen/sysctl.h>

/* Who keeps a frame that is to leave from leaving. */
static u32 keeper(u32 state)
{
    if (state & WHERE_HOMESTEAD)
        return PG_OFFLINE_XENPAGE | DOMID_XEN << PG_OFFLINE_OWNER_SHIFT;
    return PG_OFFLINE_OWNED | (state >> 16) << PG_OFFLINE_OWNER_SHIFT;
}

static bool is_ram(mfn_t m, u32 *status)
{
    if (mm_mfn_valid(m))
        return true;
    *status = PG_OFFLINE_FAILED | PG_OFFLINE_NOT_CONV_RAM;
    return false;
}

int mm_offline_page(mfn_t m, u32 *status)
{
    bool was_free = false;

    if (!is_ram(m, status))
        return -EINVAL;
    ledger_lock();
    int rc = node_offline_frame(m, &was_free);
    if (rc == 0 && was_free)
        ledger_withdraw_locked(mm_mfn_node(m), 1);
    u32 state = node_frame_state(m);
    ledger_unlock();
    if (rc)
        *status = PG_OFFLINE_FAILED;
    else
        *status = state & WHERE_OFFLINE ? PG_OFFLINE_OFFLINED : PG_OFFLINE_PENDING | keeper(state);
    return rc;
}

int mm_online_page(mfn_t m, u32 *status)
{
    bool now_free = false;

    if (!is_ram(m, status))
        return -EINVAL;
    ledger_lock();
    bool was_away = node_frame_state(m) & (WHERE_OFFLINE | WHERE_PENDING);
    int rc = was_away ? node_online_frame(m, &now_free) : 0;
    if (rc == 0 && now_free)
        ledger_deposit_locked(mm_mfn_node(m), 1);
    ledger_unlock();
    *status = rc ? PG_ONLINE_FAILED : was_away ? PG_ONLINE_ONLINED : 0;
    return rc;
}

int mm_query_page(mfn_t m, u32 *status)
{
    if (!is_ram(m, status))
        return -EINVAL;
    ledger_lock();
    u32 state = node_frame_state(m);
    ledger_unlock();
    *status = (state & WHERE_OFFLINE ? PG_OFFLINE_STATUS_OFFLINED : 0) |
              (state & WHERE_PENDING ? PG_OFFLINE_STATUS_OFFLINE_PENDING : 0);
    return 0;
}
