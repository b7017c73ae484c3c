/*
 * A vCPU's registers between struct hvm_state and the VMCS, by way of struct vmx_guest.
 *
 * An entry fails if guest state breaks one of the many rules of SDM 3C 27.3.1, where AMD's CPUs take nearly anything. What
 * a toolstack sets is therefore made to fit: where the architecture leaves one valid value (an accessed bit, a busy TSS,
 * canonical addresses), that one is used; a state that no instruction could have made becomes one nearby. Segments are
 * made to fit at the entry only, so that a toolstack reads what it wrote, as on SVM, until the vCPU has run.
 *
 * Of CR0 the guest does not own NE, which VMX needs, and CD and NW, which would stay with the host: the caches are always
 * on. It reads what it wrote. Of CR4 it owns nothing, as on SVM: VMXE and MCE are always set underneath.
 */
#include <arch/x86/hvm/vmx/vmx.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/hvm/vmx/insn.h>
#include <lib/string.h>

#define CR0_OWNED    (CR0_NE | CR0_CD | CR0_NW)
#define EFER_ALLOWED (EFER_SCE | EFER_LME | EFER_NXE)
#define RFLAGS_VM    BIT(17)
#define RFLAGS_VALID 0x3f7fd5ull
#define CANONICAL    48u /* bits of a linear address: five levels are not offered */

/* The low byte of access rights, as in a descriptor. */
#define AR_ACCESSED    1u
#define AR_READABLE    2u /* of code */
#define AR_EXPAND_DOWN 4u
#define AR_CONFORMING  4u
#define AR_CODE        8u
#define AR_TYPE        0xfu
#define AR_S           0x10u
#define AR_DPL         0x60u
#define AR_P           0x80u
#define AR_V86         0xf3u
#define TYPE_DATA      3u /* read, write, accessed */
#define TYPE_LDT       2u
#define TYPE_TSS16     3u /* busy */
#define TYPE_TSS       11u
#define SELECTOR_TI    4u

#define SEGMENT(n) \
    VMCS_GUEST_SELECTOR + 2 * (n), VMCS_GUEST_LIMIT + 2 * (n), VMCS_GUEST_ACCESS_RIGHTS + 2 * (n), \
        VMCS_GUEST_BASE + 2 * (n)

/* In the order of struct vmx_guest. */
static const u16 vmx_guest_encodings[VMX_GUEST_FIELDS] = {
    SEGMENT(VMCS_ES),       SEGMENT(VMCS_CS),        SEGMENT(VMCS_SS),        SEGMENT(VMCS_DS),
    SEGMENT(VMCS_FS),       SEGMENT(VMCS_GS),        SEGMENT(VMCS_LDTR),      SEGMENT(VMCS_TR),
    VMCS_GUEST_GDTR_LIMIT,  VMCS_GUEST_GDTR_BASE,    VMCS_GUEST_IDTR_LIMIT,   VMCS_GUEST_IDTR_BASE,
    VMCS_GUEST_CR0,         VMCS_GUEST_CR3,          VMCS_GUEST_DR7,          VMCS_GUEST_EFER,
    VMCS_GUEST_SYSENTER_CS, VMCS_GUEST_SYSENTER_ESP, VMCS_GUEST_SYSENTER_EIP, VMCS_ENTRY_CONTROLS,
    VMCS_GUEST_CR4,         VMCS_CR0_SHADOW,         VMCS_CR4_SHADOW,         VMCS_GUEST_PAT,
};

#define INDEX(member) (offsetof(struct vmx_guest, member) / sizeof(u64))

static u64 *field(struct vmx_guest *g, u32 i)
{
    return (u64 *)g + i;
}

void vmx_read_guest(struct hvm_vcpu *v)
{
    for (u32 i = 0; i < VMX_GUEST_CHANGEABLE; i++)
        *field(&v->vmx.guest, i) = vmread(vmx_guest_encodings[i]);
    v->vmx.read = true;
}

/* --- struct vmx_guest → struct hvm_state --- */

static u64 guest_cr0(u64 cr0, u64 shadow)
{
    return (cr0 & ~CR0_OWNED) | (shadow & CR0_OWNED);
}

static struct hvm_segment get_segment(const struct vmx_segment *s)
{
    u64 ar = s->access_rights;

    return (struct hvm_segment){
        .selector = (u16)s->selector,
        .limit = (u32)s->limit,
        .base = s->base,
        .attributes = (u16)((ar & (ar & VMX_AR_UNUSABLE ? 0xff & ~AR_P : 0xff)) | (ar >> 4 & 0xf00))};
}

#define DESCRIPTOR_SEGMENTS(DO) DO(cs) DO(ds) DO(es) DO(fs) DO(gs) DO(ss) DO(tr) DO(ldtr)
#define REGISTERS(DO)           DO(star) DO(lstar) DO(cstar) DO(sfmask) DO(kernel_gs_base) DO(cr2) DO(dr6)
#define SAME(DO)                DO(cr3) DO(dr7) DO(efer) DO(pat) DO(sysenter_cs) DO(sysenter_esp) DO(sysenter_eip)
#define GET_SEGMENT(name)       out->name = get_segment(&g->name);
#define GET_REGISTER(name)      out->name = v->vmx.name;
#define GET_SAME(name)          out->name = g->name;

void vmx_get_state(struct hvm_vcpu *v, struct hvm_state *out)
{
    const struct vmx_guest *g = &v->vmx.guest;

    if (vmx_is_here(v)) {
        vmx_save_registers(v);
        if (!v->vmx.read)
            vmx_read_guest(v);
    }
    SAME(GET_SAME)
    REGISTERS(GET_REGISTER)
    DESCRIPTOR_SEGMENTS(GET_SEGMENT)
    out->gdtr = (struct hvm_segment){.limit = (u32)g->gdtr_limit, .base = g->gdtr_base};
    out->idtr = (struct hvm_segment){.limit = (u32)g->idtr_limit, .base = g->idtr_base};
    out->cr0 = guest_cr0(g->cr0, g->cr0_shadow);
    out->cr4 = v->cr4;
    out->tsc_aux = v->tsc_aux;
}

/* --- struct hvm_state → struct vmx_guest --- */

static u64 canonical(u64 address)
{
    return (u64)((s64)(address << (64 - CANONICAL)) >> (64 - CANONICAL));
}

static struct vmx_segment set_segment(const struct hvm_segment *s)
{
    u64 ar = (s->attributes & 0xffu) | (s->attributes & 0xf00u) << 4 |
             (s->attributes & AR_P ? 0 : VMX_AR_UNUSABLE);

    return (struct vmx_segment){
        .selector = s->selector, .limit = s->limit, .access_rights = ar, .base = canonical(s->base)};
}

#define SET_SEGMENT(name)  g->name = set_segment(&in->name);
#define SET_SAME(name)     g->name = in->name;
#define SET_REGISTER(name) v->vmx.name = in->name;

static void to_guest(const struct hvm_state *in, struct vmx_guest *g)
{
    bool long_mode = (in->efer & EFER_LME) && (in->cr0 & CR0_PG);

    SAME(SET_SAME)
    DESCRIPTOR_SEGMENTS(SET_SEGMENT)
    g->cr3 &= BIT(vmx_settings.maddr_bits) - 1;
    g->sysenter_esp = canonical(g->sysenter_esp);
    g->sysenter_eip = canonical(g->sysenter_eip);
    g->gdtr_limit = (u16)in->gdtr.limit;
    g->gdtr_base = canonical(in->gdtr.base);
    g->idtr_limit = (u16)in->idtr.limit;
    g->idtr_base = canonical(in->idtr.base);
    g->efer = (in->efer & EFER_ALLOWED) | (long_mode ? EFER_LMA : 0);
    g->entry_controls = vmx_settings.entry | (long_mode ? ENTRY_GUEST_64 : 0);
    g->cr0 = ((in->cr0 & ~CR0_OWNED) | (vmx_settings.cr0_must & ~(CR0_PE | CR0_PG))) & vmx_settings.cr0_may;
    g->cr0_shadow = in->cr0;
    g->cr4 = (in->cr4 | CR4_MCE | vmx_settings.cr4_must) & vmx_settings.cr4_may;
    g->cr4_shadow = in->cr4;
}

static void change_guest(struct hvm_vcpu *v, struct vmx_guest *to)
{
    for (u32 i = 0; i < VMX_GUEST_FIELDS; i++)
        if (*field(to, i) != *field(&v->vmx.guest, i))
            v->vmx.dirty |= BIT(i);
    v->vmx.guest = *to;
}

/* They are loaded by WRMSR and MOV, which fault in the host where a VM entry would fail. */
static void fit_registers(struct vmx_vcpu *x)
{
    x->lstar = canonical(x->lstar);
    x->cstar = canonical(x->cstar);
    x->kernel_gs_base = canonical(x->kernel_gs_base);
    x->sfmask = (u32)x->sfmask;
    x->dr6 = (u32)x->dr6;
}

void vmx_set_state(struct hvm_vcpu *v, const struct hvm_state *in)
{
    struct vmx_guest guest;
    bool here = vmx_is_here(v);

    if (here && !v->vmx.read)
        vmx_read_guest(v); /* so that only what changes is written */
    to_guest(in, &guest);
    change_guest(v, &guest);
    if (!here) /* else whoever changes what they depend on loads them: guest_cr.c */
        v->vmx.pdptes_due = vmx_pae_paging(v, in->cr0);
    REGISTERS(SET_REGISTER)
    fit_registers(&v->vmx);
    if (here)
        vmx_load_registers(v);
    v->cr4 = in->cr4;
    v->tsc_aux = in->tsc_aux;
    v->vmx.mode_known = false;
    v->asid_generation = 0; /* translations may have changed with CR4, EFER, PAT: a new VPID */
}

/* --- before the entry --- */

/* A limit has one granularity, or either if its upper and lower bits allow both. */
static void fit_limit(struct vmx_segment *s)
{
    if (s->limit >> 20) {
        s->limit |= 0xfff;
        s->access_rights |= VMX_AR_G;
    } else if ((s->limit & 0xfff) != 0xfff) {
        s->access_rights &= ~VMX_AR_G;
    }
}

static void set_type(struct vmx_segment *s, u64 type)
{
    s->access_rights = (s->access_rights & ~(u64)AR_TYPE) | type;
}

static void set_dpl(struct vmx_segment *s, u64 dpl)
{
    s->access_rights = (s->access_rights & ~(u64)AR_DPL) | dpl;
}

static void fit_data(struct vmx_segment *s)
{
    if (s->access_rights & VMX_AR_UNUSABLE)
        return;
    s->access_rights |= AR_S | AR_ACCESSED | (s->access_rights & AR_CODE ? AR_READABLE : 0);
}

/* 27.3.1.2: CS is always usable, and SS's DPL is the privilege level. */
static void fit_code_and_stack(struct vmx_guest *g)
{
    struct vmx_segment *cs = &g->cs, *ss = &g->ss;

    cs->access_rights = (cs->access_rights & ~VMX_AR_UNUSABLE) | AR_S | AR_P;
    set_type(cs, cs->access_rights & AR_CODE ? (cs->access_rights & AR_TYPE) | AR_ACCESSED : TYPE_DATA);
    if ((g->entry_controls & ENTRY_GUEST_64) && (cs->access_rights & VMX_AR_L))
        cs->access_rights &= ~VMX_AR_D;
    if (!(g->cr0 & CR0_PE) || !(cs->access_rights & AR_CODE))
        set_dpl(ss, 0);
    if (!(ss->access_rights & VMX_AR_UNUSABLE)) {
        set_type(ss, TYPE_DATA | (ss->access_rights & AR_CODE ? 0 : ss->access_rights & AR_EXPAND_DOWN));
        ss->access_rights |= AR_S;
    }
    u64 cpl = ss->access_rights & AR_DPL;
    bool conforming = (cs->access_rights & (AR_CODE | AR_CONFORMING)) == (AR_CODE | AR_CONFORMING);
    if (!conforming || (cs->access_rights & AR_DPL) > cpl)
        set_dpl(cs, cpl);
    cs->base = (u32)cs->base;
    ss->base = (u32)ss->base;
}

static void fit_system(struct vmx_guest *g)
{
    struct vmx_segment *tr = &g->tr, *ldtr = &g->ldtr;
    u64 type = tr->access_rights & AR_TYPE;
    bool is_16_bit = (type == TYPE_TSS16 || type == 1) && !(g->entry_controls & ENTRY_GUEST_64);

    tr->access_rights = (tr->access_rights & ~(VMX_AR_UNUSABLE | AR_S)) | AR_P;
    set_type(tr, is_16_bit ? TYPE_TSS16 : TYPE_TSS);
    tr->selector &= ~(u64)SELECTOR_TI;
    if (ldtr->access_rights & VMX_AR_UNUSABLE)
        return;
    set_type(ldtr, TYPE_LDT);
    ldtr->access_rights &= ~(u64)AR_S;
    ldtr->selector &= ~(u64)SELECTOR_TI;
}

static void fit_segments(struct vmx_guest *g)
{
    struct vmx_segment *segments = (struct vmx_segment *)g; /* its first members */

    for (u32 i = 0; i < VMX_SEGMENTS; i++)
        fit_limit(&segments[i]);
    fit_code_and_stack(g);
    fit_data(&g->ds);
    fit_data(&g->es);
    fit_data(&g->fs);
    fit_data(&g->gs);
    g->ds.base = (u32)g->ds.base;
    g->es.base = (u32)g->es.base;
    fit_system(g);
}

/* Virtual-8086 mode has one form of segments. It depends on RFLAGS, which set_state() does not know. */
static void fit_v86(struct vmx_guest *g)
{
    struct vmx_segment *const segments[] = {&g->es, &g->cs, &g->ss, &g->ds, &g->fs, &g->gs};

    for (u32 i = 0; i < ARRAY_SIZE(segments); i++)
        *segments[i] = (struct vmx_segment){.selector = segments[i]->selector,
                                            .limit = 0xffff,
                                            .access_rights = AR_V86,
                                            .base = segments[i]->selector << 4};
}

/* What set_state() has changed, made to fit with what struct hvm_regs has. */
static void write_dirty(struct hvm_vcpu *v)
{
    struct vmx_guest fitted = v->vmx.guest;
    const struct vmx_guest *g = &v->vmx.guest;
    bool long_mode = g->entry_controls & ENTRY_GUEST_64;

    v->regs.rflags = (v->regs.rflags & RFLAGS_VALID) | RFLAGS_RESERVED1;
    if (long_mode || !(g->cr0 & CR0_PE))
        v->regs.rflags &= ~RFLAGS_VM;
    if (v->vmx.dirty & ~VMX_DIRTY_PDPTES) {
        fit_segments(&fitted);
        if (v->regs.rflags & RFLAGS_VM)
            fit_v86(&fitted);
        change_guest(v, &fitted);
    }
    if (!(v->regs.rflags & RFLAGS_IF))
        v->vmx.interruptibility &= ~VMX_BLOCKED_BY_STI;
    if (!long_mode || !(g->cs.access_rights & VMX_AR_L))
        v->regs.rip = (u32)v->regs.rip;
    else if ((u64)((s64)v->regs.rip >> CANONICAL) + 1 >
             1) /* bits 63:48 are not the same; 47 may differ from them */
        v->regs.rip = canonical(v->regs.rip);
    for (u32 i = 0; (v->vmx.dirty & VMX_DIRTY_PDPTES) && i < HVM_PDPTES; i++)
        vmwrite(VMCS_GUEST_PDPTE + 2 * i, v->vmx.pdpte[i]);
    for (u64 dirty = v->vmx.dirty & ~VMX_DIRTY_PDPTES; dirty; dirty &= dirty - 1) {
        u32 i = (u32)__builtin_ctzll(dirty);

        vmwrite(vmx_guest_encodings[i], *field(&v->vmx.guest, i));
    }
    v->vmx.dirty = 0;
}

void vmx_write_changes(struct hvm_vcpu *v)
{
    struct vmx_vcpu *x = &v->vmx;
    u32 controls = vmx_primary_controls(v);

    if (unlikely(x->dirty))
        write_dirty(v);
    if (x->written_rip != v->regs.rip)
        vmwrite(VMCS_GUEST_RIP, v->regs.rip);
    if (unlikely(x->written_rsp != v->regs.rsp))
        vmwrite(VMCS_GUEST_RSP, v->regs.rsp);
    if (unlikely(x->written_rflags != v->regs.rflags))
        vmwrite(VMCS_GUEST_RFLAGS, v->regs.rflags);
    if (unlikely(x->written_controls != controls))
        vmwrite(VMCS_PRIMARY_CONTROLS, x->written_controls = controls);
    if (unlikely(x->interruptibility != x->written_interruptibility)) {
        vmwrite(VMCS_GUEST_INTERRUPTIBILITY, x->interruptibility);
        if (x->written_interruptibility & ~x->interruptibility & VMX_SHADOW)
            vmwrite(VMCS_GUEST_PENDING_DEBUG, PENDING_NONE); /* it belonged to the shadow that has ended */
    }
    if (unlikely(x->event)) {
        vmwrite(VMCS_ENTRY_EVENT, x->event);
        if (x->event & VMX_EVENT_ERROR_VALID)
            vmwrite(VMCS_ENTRY_EVENT_ERROR, x->event_error);
    }
}

/* --- cheap reads and writes --- */

static u64 read_one(struct hvm_vcpu *v, u32 index)
{
    return v->vmx.read ? *field(&v->vmx.guest, index) : vmread(vmx_guest_encodings[index]);
}

u32 vmx_cpl(struct hvm_vcpu *v)
{
    return (u32)(read_one(v, INDEX(ss.access_rights)) & AR_DPL) >> 5;
}

bool vmx_long_mode_cs(struct hvm_vcpu *v)
{
    if (!v->vmx.mode_known) {
        v->vmx.is_64 =
            (read_one(v, INDEX(cs.access_rights)) & VMX_AR_L) && (read_one(v, INDEX(efer)) & EFER_LMA);
        v->vmx.mode_known = true;
    }
    return v->vmx.is_64;
}

bool vmx_paging_state(struct hvm_vcpu *v, struct hvm_paging *state)
{
    const struct hvm_paging now = {.cr0 = guest_cr0(read_one(v, INDEX(cr0)), v->vmx.guest.cr0_shadow),
                                   .cr3 = read_one(v, INDEX(cr3)),
                                   .cr4 = v->cr4,
                                   .efer = read_one(v, INDEX(efer))};

    if (likely(!((now.cr3 ^ state->cr3) | (now.cr0 ^ state->cr0) | (now.cr4 ^ state->cr4) |
                 (now.efer ^ state->efer))))
        return false;
    *state = now;
    return true;
}

/* Once the shadow has the new bits, the instruction does not exit any more: the guest executes it again, and the CPU does
 * all that depends on PE and PG. */
void vmx_write_cr0(struct hvm_vcpu *v, u64 value)
{
    v->vmx.guest.cr0_shadow = (v->vmx.guest.cr0_shadow & ~CR0_OWNED) | (value & CR0_OWNED);
    vmwrite(VMCS_CR0_SHADOW, v->vmx.guest.cr0_shadow);
}
