#include <tests/machine/machine.h>

#include <arch/x86/cpu/spec_ctrl.h>

#include <string.h>

void (*play)(struct vcpu *v, struct hvm_exit *exit);
u64 max_runs, nr_runs[8][DOMAIN_MAX_VCPUS];
u32 skipped, nr_injected, nr_windows, nr_nmis, nr_resets, nr_dumps, nr_guest_ibpb;
u8 injected_vector, injected_irq;
s64 injected_error;
bool can_inject, can_inject_nmi;
u32 guest_cr8, guest_cpl;
bool guest_64;
bool hvm_present = true;
const struct hvm_vcpu *fpu_loaded[MAX_CPUS];
struct hvm_paging guest_paging;

void hvm_reset(void)
{
    play = NULL;
    max_runs = 100000;
    memset(nr_runs, 0, sizeof(nr_runs));
    memset(fpu_loaded, 0, sizeof(fpu_loaded));
    skipped = nr_injected = nr_windows = nr_nmis = nr_resets = nr_dumps = nr_guest_ibpb = 0;
    injected_vector = injected_irq = 0;
    can_inject = can_inject_nmi = guest_64 = hvm_present = true;
    guest_cr8 = guest_cpl = 0;
    guest_paging = (struct hvm_paging){0};
    cpu_policy_init();
}

void spec_ctrl_guest_ibpb(void)
{
    nr_guest_ibpb++;
}

void end_run(struct vcpu *v)
{
    vcpu_pause(v, false);
}

static bool fake_probe(const char **why)
{
    *why = "the test says so";
    return hvm_present;
}

static int fake_cpu_enable(void)
{
    return 0;
}

/* A CPU with every feature of the leaves that decide on control registers, and no other leaf. */
static struct cpuid_leaf fake_cpuid(u32 leaf, u32 subleaf)
{
    (void)subleaf;
    switch (leaf) {
    case 0:
        return (struct cpuid_leaf){.eax = 7};
    case 0x80000000u:
        return (struct cpuid_leaf){.eax = 0x80000001u};
    case 1:
    case 7:
    case 0x80000001u:
        return (struct cpuid_leaf){~0u, ~0u, ~0u, ~0u};
    default:
        return (struct cpuid_leaf){0};
    }
}

static void fake_vcpu_init(struct hvm_vcpu *v)
{
    BUG_ON(mfn_to_virt(maddr_to_mfn(v->control_maddr)) != v->control);
}

static void fake_run(struct hvm_vcpu *hv, struct hvm_exit *exit)
{
    struct vcpu *v = container_of(hv, struct vcpu, hvm);

    BUG_ON(here->current != v || locks_held() || fpu_loaded[here->id] != hv);
    *exit = (struct hvm_exit){.kind = HVM_EXIT_INTERRUPT};
    if (hv->domid < ARRAY_SIZE(nr_runs) && ++nr_runs[hv->domid][hv->vcpu_id] > max_runs)
        assert_failed("a guest runs on and on", __FILE__, __LINE__);
    pass(step_ns);
    if (play)
        play(v, exit);
}

/* The vCPU's state is in its control page: two CPUs at it at once are seen by ThreadSanitizer. */
static void fake_get_state(struct hvm_vcpu *v, struct hvm_state *out)
{
    memcpy(out, v->control, sizeof(*out));
}

static void fake_set_state(struct hvm_vcpu *v, const struct hvm_state *in)
{
    memcpy(v->control, in, sizeof(*in));
    v->cr4 = in->cr4;
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

static u32 fake_cpl(struct hvm_vcpu *v)
{
    (void)v;
    return guest_cpl;
}

static bool fake_long_mode_cs(struct hvm_vcpu *v)
{
    (void)v;
    return guest_64;
}

static bool fake_paging_state(struct hvm_vcpu *v, struct hvm_paging *state)
{
    (void)v;
    bool changed = memcmp(state, &guest_paging, sizeof(*state)) != 0;
    *state = guest_paging;
    return changed;
}

static void fake_skip(struct hvm_vcpu *v, u32 len)
{
    v->regs.rip += len;
    __atomic_add_fetch(&skipped, len, __ATOMIC_RELAXED);
}

static bool fake_absent(const char **why)
{
    *why = "the test has one vendor";
    return false;
}

const struct hvm_ops vmx_ops = {.name = "another script", .probe = fake_absent};
/* One of the vendors, so that what the product does for it is tested. */
const struct hvm_ops svm_ops = {
    .name = "script",
    .hypercall_insn = {0x0f, 0x01, 0xd9},
    .probe = fake_probe,
    .cpu_enable = fake_cpu_enable,
    .cpuid = fake_cpuid,
    .vcpu_init = fake_vcpu_init,
    .run = fake_run,
    .get_state = fake_get_state,
    .set_state = fake_set_state,
    .can_inject_irq = fake_can_inject,
    .inject_irq = fake_inject_irq,
    .request_irq_window = fake_request_window,
    .inject_nmi = fake_inject_nmi,
    .reset_events = fake_reset_events,
    .get_cr8 = fake_get_cr8,
    .set_cr8 = fake_set_cr8,
    .inject_exception = fake_inject_exception,
    .cpl = fake_cpl,
    .long_mode_cs = fake_long_mode_cs,
    .paging_state = fake_paging_state,
    .skip = fake_skip,
};
const struct hvm_ops *hvm_ops = &svm_ops;

struct spec_ctrl_cpu machine_cpu;

void spec_ctrl_read_cpu(struct spec_ctrl_cpu *out)
{
    *out = machine_cpu;
}

/* NULL is nobody: what a CPU saves is what it loaded last. */
void hvm_fpu_switch(struct hvm_vcpu *from, struct hvm_vcpu *to)
{
    BUG_ON(fpu_loaded[here->id] != from);
    fpu_loaded[here->id] = to;
}

void hvm_dump(struct hvm_vcpu *v, const char *name, const u8 *code, u32 nr_code, const struct hvm_say *to)
{
    (void)v;
    (void)code;
    (void)nr_code;
    to->line(to->ctx, "dump of %s\n", name);
    nr_dumps++;
}
