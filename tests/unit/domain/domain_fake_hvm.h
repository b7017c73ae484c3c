/* The processor of domain_harness.h, which includes this: it does what the test's script says. */
#ifndef TESTS_DOMAIN_FAKE_HVM_H
#define TESTS_DOMAIN_FAKE_HVM_H

static void fake_vcpu_init(struct hvm_vcpu *v)
{
    assert_ptr_equal(mfn_to_virt(maddr_to_mfn(v->control_maddr)), v->control);
}

static void fake_run(struct hvm_vcpu *hv, struct hvm_exit *exit)
{
    struct vcpu *v = container_of(hv, struct vcpu, hvm);

    assert_ptr_equal(here->current, v);
    assert_int_equal(here->nr_locks, 0);
    assert_ptr_equal(fpu_loaded[here->id], hv);
    *exit = (struct hvm_exit){.kind = HVM_EXIT_INTERRUPT};
    if (++nr_runs[hv->domid][hv->vcpu_id] > max_runs)
        assert_failed("a guest runs on and on", __FILE__, __LINE__);
    pass(step_ns);
    if (play)
        play(v, exit);
}
static bool fake_can_inject(struct hvm_vcpu *v)
{
    (void)v;
    return can_inject;
}
static void fake_inject_irq(struct hvm_vcpu *v, u8 vector)
{
    (void)v;
    injected_irq = vector;
}
static void fake_request_window(struct hvm_vcpu *v, u32 class)
{
    if (!v->in_irq_window || v->window_class < class)
        nr_windows++;
    v->in_irq_window = true;
    v->window_class = (u8) class;
}
static bool fake_inject_nmi(struct hvm_vcpu *v)
{
    (void)v;
    nr_nmis += can_inject_nmi;
    return can_inject_nmi;
}
static void fake_reset_events(struct hvm_vcpu *v)
{
    v->in_irq_window = false;
    nr_resets++;
}
static u32 fake_get_cr8(struct hvm_vcpu *v)
{
    (void)v;
    return guest_cr8;
}
static void fake_set_cr8(struct hvm_vcpu *v, u32 cr8)
{
    (void)v;
    guest_cr8 = cr8;
}
static void fake_inject_exception(struct hvm_vcpu *v, u8 vector, s64 error)
{
    (void)v;
    nr_injected++;
    injected_vector = vector;
    injected_error = error;
}
static void fake_skip(struct hvm_vcpu *v, u32 len)
{
    (void)v;
    skipped += len;
    nr_skips++;
}
static const struct hvm_ops fake_ops = {
    .name = "script",
    .vcpu_init = fake_vcpu_init,
    .run = fake_run,
    .can_inject_irq = fake_can_inject,
    .inject_irq = fake_inject_irq,
    .request_irq_window = fake_request_window,
    .inject_nmi = fake_inject_nmi,
    .reset_events = fake_reset_events,
    .get_cr8 = fake_get_cr8,
    .set_cr8 = fake_set_cr8,
    .inject_exception = fake_inject_exception,
    .skip = fake_skip,
};
const struct hvm_ops *hvm_ops = &fake_ops;

void hvm_fpu_switch(struct hvm_vcpu *from, struct hvm_vcpu *to)
{
    if (from)
        assert_ptr_equal(fpu_loaded[here->id], from);
    else
        assert_null(fpu_loaded[here->id]);
    fpu_loaded[here->id] = to;
}
void hvm_fpu_reset(u8 *fpu)
{
    assert_int_equal((uintptr_t)fpu % 16, 0);
    memset(fpu, 0, 512);
}
void hvm_fill_hypercall_page(u8 page[PAGE_SIZE])
{
    memset(page, 0x90, PAGE_SIZE);
}
void hvm_dump(struct hvm_vcpu *v, const char *name)
{
    (void)v;
    printk(LOG_ERROR, "dump of %s\n", name);
    nr_dumps++;
}

#endif
