/* domctls of xl and its companions that are no part of building a domain. */
#include "calls.h"

static long trigger(u32 what, u32 vcpu)
{
    op.u.sendtrigger = (struct xen_domctl_sendtrigger){.trigger = what, .vcpu = vcpu};
    return domctl(XEN_DOMCTL_sendtrigger, 1);
}

CALL_TEST(triggers)
{
    struct vcpu *v = dom(1)->vcpu[1];

    assert_int_equal(trigger(XEN_DOMCTL_SENDTRIGGER_NMI, 2), -ESRCH);
    assert_int_equal(trigger(99, 2), -ESRCH);
    assert_int_equal(trigger(99, 1), -ENOSYS);
    assert_int_equal(trigger(XEN_DOMCTL_SENDTRIGGER_RESET, 1), -ENOSYS);
    assert_int_equal(trigger(XEN_DOMCTL_SENDTRIGGER_INIT, 1), -ENOSYS);
    assert_int_equal(trigger(XEN_DOMCTL_SENDTRIGGER_POWER, 1), 0);
    assert_int_equal(trigger(XEN_DOMCTL_SENDTRIGGER_SLEEP, 1), 0);
    assert_false(v->nmi_pending);
    assert_int_equal(trigger(XEN_DOMCTL_SENDTRIGGER_NMI, 1), 0);
    assert_true(v->nmi_pending);
    assert_false(dom(1)->vcpu[0]->nmi_pending);
}

CALL_TEST(a_shutdown_is_taken_back)
{
    struct domain *d = dom(1);

    assert_int_equal(domctl(XEN_DOMCTL_resumedomain, 1), 0); /* it is not shut down: nothing happens */
    assert_int_equal(d->vcpu[0]->pause_count, 0);
    domain_shutdown(d, 2);
    assert_int_equal(d->vcpu[1]->pause_count, 1);
    assert_int_equal(domctl(XEN_DOMCTL_resumedomain, 1), 0);
    assert_int_equal(domctl(XEN_DOMCTL_resumedomain, 1), 0);
    assert_int_equal(d->vcpu[1]->pause_count, 0);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 1), 0);
    assert_int_equal(op.u.getdomaininfo.flags &
                         (XEN_DOMINF_shutdown | XEN_DOMINF_shutdownmask << XEN_DOMINF_shutdownshift),
                     0xff0000);
    assert_int_equal(domctl(XEN_DOMCTL_resumedomain, 0), -EINVAL);
    /* A pause stays, and so does the end. */
    domain_shutdown(d, 3);
    domain_pause(d);
    assert_int_equal(domctl(XEN_DOMCTL_resumedomain, 1), 0);
    assert_int_equal(d->vcpu[0]->pause_count, 1);
    domain_unpause(d);
    domain_shutdown(d, 3);
    yield_every = 1;
    assert_int_equal(domain_kill(d), -ERESTART);
    assert_int_equal(domctl(XEN_DOMCTL_resumedomain, 1), 0);
    assert_true(d->shut_down);
}

CALL_TEST(calls_for_what_there_is_not)
{
    assert_int_equal(domctl(XEN_DOMCTL_get_address_size, 1), -EOPNOTSUPP);
    assert_int_equal(domctl(XEN_DOMCTL_set_address_size, 1), -EOPNOTSUPP);
    assert_int_equal(domctl(XEN_DOMCTL_debug_op, 1), -EOPNOTSUPP);
    assert_int_equal(domctl(XEN_DOMCTL_psr_cmt_op, 1), -ENODEV);
    op.u.psr_alloc.cmd = XEN_DOMCTL_PSR_GET_MBA_THRTL;
    assert_int_equal(domctl(XEN_DOMCTL_psr_alloc, 1), -ENODEV);
    op.u.psr_alloc.cmd++;
    assert_int_equal(domctl(XEN_DOMCTL_psr_alloc, 1), -EOPNOTSUPP);
}
