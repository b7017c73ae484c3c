/* What the tests of exit.c share: two domains on the harness, and a way to make a vCPU exit. */
#ifndef TESTS_UNIT_EXIT_HARNESS_H
#define TESTS_UNIT_EXIT_HARNESS_H

#include "domain_harness.h"
#include <domain/exit.h>

static struct domain *dom0, *d; /* d: two vCPUs online; dom0: one, blocked, told of ends at exc_port */
static struct vcpu *v;
static u32 exc_port;

static u8 started_at;
void hvm_set_startup_entry(struct hvm_vcpu *hv, u8 vector, u32 signature)
{
    started_at = vector;
    hv->regs = (struct hvm_regs){.rdx = signature};
}

static inline void setup_domains(void)
{
    setup();
    dom0 = new_domain(0, 1);
    d = new_domain(1, 2);
    v = d->vcpu[0];
    for (u32 i = 0; i < 2; i++)
        vcpu_online(d->vcpu[i]);
    vcpu_online(dom0->vcpu[0]);
    dom0->vcpu[0]->upcall_vector = 0xf3;
    assert_int_equal(evtchn_bind_virq(dom0, VIRQ_DOM_EXC, 0, &exc_port), 0);
    vcpu_block(dom0->vcpu[0]);
    said[0] = '\0';
}

/* v exits; what it does is complete when this returns. */
static inline void exits(struct vcpu *who, struct hvm_exit exit)
{
    exit.insn_len = 2;
    skipped = nr_skips = nr_injected = 0;
    injected_vector = 0;
    injected_error = 77;
    here->current = who;
    vcpu_handle_exit(who, &exit);
    here->current = NULL;
}

#undef CASE

#endif
