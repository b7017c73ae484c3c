/*
 * domctls of xl and its companions about one domain: triggers, registers for dump-core and xenctx, single context records,
 * and those that Homestead has not.
 */
#include <tests/guests/conformance/cases_context.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/arch-x86/xen.h>
#include <xen/sched.h>
#include <xen/sysctl.h>

static u32 domid, empty; /* with a vCPU that has a state and one that has none; without vCPUs */

static struct xen_domctl op_of(u32 cmd, u32 id)
{
    struct xen_domctl op;

    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    op.domain = (domid_t)id;
    return op;
}

/* --- triggers --- */

static void trigger(const char *name, u32 id, u32 what, u32 vcpu)
{
    struct xen_domctl op = op_of(XEN_DOMCTL_sendtrigger, id);

    op.u.sendtrigger.trigger = what;
    op.u.sendtrigger.vcpu = vcpu;
    CASE_SHOW("domctl.sendtrigger", name, domctl(&op), " flags=%x", domain_flags(id));
}

static void triggers(void)
{
    static const u32 whats[] = {0, 1, 2, 3, 4, 5, 99, 0xffffffff};
    char name[32];

    for (u32 i = 0; i < ARRAY_SIZE(whats); i++) {
        snprintf(name, sizeof(name), "trigger_%x", whats[i]);
        trigger(name, domid, whats[i], 0);
        snprintf(name, sizeof(name), "trigger_%x_vcpu_2", whats[i]);
        trigger(name, domid, whats[i], 2);
    }
    trigger("nmi_again", domid, XEN_DOMCTL_SENDTRIGGER_NMI, 0);
    trigger("nmi_offline_vcpu", domid, XEN_DOMCTL_SENDTRIGGER_NMI, 1);
    trigger("nmi_vcpu_ffffffff", domid, XEN_DOMCTL_SENDTRIGGER_NMI, 0xffffffff);
    trigger("nmi_no_vcpus", empty, XEN_DOMCTL_SENDTRIGGER_NMI, 0);
    trigger("power_no_vcpus", empty, XEN_DOMCTL_SENDTRIGGER_POWER, 0);
    trigger("unknown_domain", DOMID_UNKNOWN, XEN_DOMCTL_SENDTRIGGER_NMI, 0);
    trigger("self", DOMID_SELF, 99, 0);
    trigger("own_unknown", 0, 99, 0);
    trigger("own_power", 0, XEN_DOMCTL_SENDTRIGGER_POWER, 0);
}

/* --- registers --- */

static struct vcpu_guest_context ctxt;

static long registers(u32 id, u32 vcpu, void *at)
{
    struct xen_domctl op = op_of(XEN_DOMCTL_getvcpucontext, id);

    memset(&ctxt, 0x5a, sizeof(ctxt));
    op.u.vcpucontext.vcpu = vcpu;
    op.u.vcpucontext.ctxt = XEN_HANDLE(at);
    return domctl(&op);
}

static bool zero(const void *bytes, u64 len)
{
    for (u64 i = 0; i < len; i++)
        if (((const u8 *)bytes)[i])
            return false;
    return true;
}

static void show_registers(const char *mode)
{
    const struct cpu_user_regs *r = &ctxt.user_regs;
    char name[32];

    long rc = registers(domid, 0, &ctxt);
    snprintf(name, sizeof(name), "%s_general", mode);
    CASE_SHOW("domctl.getvcpucontext", name, rc,
              " rax=%lx rbx=%lx rcx=%lx rdx=%lx rsi=%lx rdi=%lx rbp=%lx rsp=%lx r8=%lx r9=%lx r10=%lx "
              "r11=%lx r12=%lx "
              "r13=%lx r14=%lx r15=%lx rip=%lx rflags=%lx",
              r->rax, r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rbp, r->rsp, r->r8, r->r9, r->r10, r->r11,
              r->r12, r->r13, r->r14, r->r15, r->rip, r->rflags);
    snprintf(name, sizeof(name), "%s_segments", mode);
    CASE_SHOW("domctl.getvcpucontext", name, rc,
              " cs=%x ss=%x ds=%x es=%x fs=%x gs=%x fs_base=%lx kernel=%lx user=%lx", r->cs, r->ss, r->ds,
              r->es, r->fs, r->gs, ctxt.fs_base, ctxt.gs_base_kernel, ctxt.gs_base_user);
    snprintf(name, sizeof(name), "%s_control", mode);
    CASE_SHOW("domctl.getvcpucontext", name, rc,
              " cr=%lx,%lx,%lx,%lx,%lx,%lx dr=%lx,%lx,%lx,%lx,%lx,%lx,%lx,%lx", ctxt.ctrlreg[0],
              ctxt.ctrlreg[1], ctxt.ctrlreg[2], ctxt.ctrlreg[3], ctxt.ctrlreg[4], ctxt.ctrlreg[5],
              ctxt.debugreg[0], ctxt.debugreg[1], ctxt.debugreg[2], ctxt.debugreg[3], ctxt.debugreg[4],
              ctxt.debugreg[5], ctxt.debugreg[6], ctxt.debugreg[7]);
    snprintf(name, sizeof(name), "%s_rest", mode);
    CASE_SHOW("domctl.getvcpucontext", name, rc,
              " flags=%lx error=%x vector=%x upcall=%x kernel=%lx:%lx traps=%u ldt=%u gdt=%u callbacks=%u "
              "assist=%lx fcw=%x mxcsr=%x xmm0=%x",
              ctxt.flags, r->error_code, r->entry_vector, r->saved_upcall_mask, ctxt.kernel_ss,
              ctxt.kernel_sp, !zero(ctxt.trap_ctxt, sizeof(ctxt.trap_ctxt)), ctxt.ldt_base || ctxt.ldt_ents,
              !zero(ctxt.gdt_frames, sizeof(ctxt.gdt_frames)) || ctxt.gdt_ents,
              ctxt.event_callback_eip || ctxt.failsafe_callback_eip || ctxt.syscall_callback_eip,
              ctxt.vm_assist, (u8)ctxt.fpu_ctxt.x[0], (u8)ctxt.fpu_ctxt.x[24], (u8)ctxt.fpu_ctxt.x[160]);
}

static void getvcpucontext(void)
{
    struct hvm_hw_cpu cpu = cpu_good();

    CASE("domctl.getvcpucontext", "no_state", registers(domid, 0, &ctxt));
    CASE("domctl.getvcpucontext", "no_state_not_mapped", registers(domid, 0, bad_ptr()));
    cpu.flags = XEN_X86_FPU_INITIALISED;
    cpu.fpu_regs[0] = 0x7f;
    cpu.fpu_regs[1] = 3;
    cpu.fpu_regs[24] = 0x80;
    cpu.fpu_regs[25] = 0x1f;
    cpu.fpu_regs[160] = 0x77;
    cpu.rax = 0x101, cpu.rbx = 0x102, cpu.rcx = 0x103, cpu.rdx = 0x104, cpu.rsi = 0x105, cpu.rdi = 0x106;
    cpu.rbp = 0x107, cpu.rsp = 0x108, cpu.r8 = 0x109, cpu.r9 = 0x10a, cpu.r10 = 0x10b, cpu.r11 = 0x10c;
    cpu.r12 = 0x10d, cpu.r13 = 0x10e, cpu.r14 = 0x10f, cpu.r15 = 0x110;
    cpu.rflags = 0x246;
    cpu.cr2 = 0x1234000, cpu.cr3 = 0x5678000;
    cpu.dr0 = 0x201, cpu.dr1 = 0x202, cpu.dr2 = 0x203, cpu.dr3 = 0x204;
    cpu.cs_sel = 0x10, cpu.ss_sel = 0x18, cpu.ds_sel = 0x20, cpu.es_sel = 0x28, cpu.fs_sel = 0x30,
    cpu.gs_sel = 0x38;
    cpu.fs_base = 0x3001, cpu.gs_base = 0x3002, cpu.shadow_gs = 0x3003;
    if (cpu_set(&cpu))
        give_up("a context", -1);
    show_registers("protected");
    cpu.cr0 = 0x80000011, cpu.cr4 = 0x20, cpu.msr_efer = 0x500;
    cpu.cs_arbytes = 0xa9b;
    if (cpu_set(&cpu))
        give_up("a context of long mode", -1);
    show_registers("long");
    /* At privilege level 3. */
    cpu.cs_sel = 0x13, cpu.ss_sel = 0x1b, cpu.cs_arbytes = 0xafb, cpu.ss_arbytes = 0xcf3;
    if (cpu_set(&cpu))
        give_up("a context of user mode", -1);
    show_registers("user");
    CASE("domctl.getvcpucontext", "vcpu_1", registers(domid, 1, &ctxt));
    CASE("domctl.getvcpucontext", "vcpu_2", registers(domid, 2, &ctxt));
    CASE("domctl.getvcpucontext", "vcpu_ffffffff", registers(domid, 0xffffffff, &ctxt));
    CASE("domctl.getvcpucontext", "no_vcpus", registers(empty, 0, &ctxt));
    CASE("domctl.getvcpucontext", "unknown_domain", registers(DOMID_UNKNOWN, 0, &ctxt));
    CASE("domctl.getvcpucontext", "own", registers(0, 0, &ctxt));
    CASE("domctl.getvcpucontext", "self", registers(DOMID_SELF, 0, &ctxt));
    CASE("domctl.getvcpucontext", "null", registers(domid, 0, NULL));
    CASE("domctl.getvcpucontext", "not_mapped", registers(domid, 0, bad_ptr()));
    CASE("domctl.getvcpucontext", "no_memory", registers(domid, 0, hole_ptr()));
    CASE("domctl.getvcpucontext", "to_the_edge", registers(domid, 0, edge_ptr(4096)));
}

/* --- one record --- */

static u8 record[4096];

static void partial(const char *name, u32 id, u32 type, u32 instance, u64 bufsz, void *at)
{
    struct xen_domctl op = op_of(XEN_DOMCTL_gethvmcontext_partial, id);
    u32 written = sizeof(record);

    memset(record, 0x5a, sizeof(record));
    op.u.hvmcontext_partial.type = type;
    op.u.hvmcontext_partial.instance = instance;
    op.u.hvmcontext_partial.bufsz = bufsz;
    op.u.hvmcontext_partial.buffer = XEN_HANDLE(at);
    long rc = domctl(&op);
    while (written && record[written - 1] == 0x5a)
        written--;
    CASE_SHOW("domctl.gethvmcontext_partial", name, rc, " bufsz=%lx written=%u",
              op.u.hvmcontext_partial.bufsz, written);
}

static void gethvmcontext_partial(void)
{
    struct hvm_hw_cpu cpu;

    partial("cpu", domid, HVM_SAVE_CODE(CPU), 0, sizeof(record), record);
    memcpy(&cpu, record, sizeof(cpu));
    CASE_SHOW("domctl.gethvmcontext_partial", "cpu_values", 0, " rax=%lx rip=%lx cr3=%lx", cpu.rax, cpu.rip,
              cpu.cr3);
    partial("cpu_exact", domid, HVM_SAVE_CODE(CPU), 0, sizeof(cpu), record);
    partial("cpu_a_byte_too_few", domid, HVM_SAVE_CODE(CPU), 0, sizeof(cpu) - 1, record);
    partial("cpu_no_room", domid, HVM_SAVE_CODE(CPU), 0, 0, record);
    partial("cpu_huge", domid, HVM_SAVE_CODE(CPU), 0, ~0ull, record);
    partial("cpu_null", domid, HVM_SAVE_CODE(CPU), 0, sizeof(record), NULL);
    partial("cpu_null_no_room", domid, HVM_SAVE_CODE(CPU), 0, 0, NULL);
    partial("cpu_not_mapped", domid, HVM_SAVE_CODE(CPU), 0, sizeof(record), bad_ptr());
    partial("cpu_over_the_edge", domid, HVM_SAVE_CODE(CPU), 0, sizeof(record), edge_ptr(sizeof(cpu) - 1));
    partial("cpu_offline", domid, HVM_SAVE_CODE(CPU), 1, sizeof(record), record);
    partial("cpu_2", domid, HVM_SAVE_CODE(CPU), 2, sizeof(record), record);
    partial("cpu_ffffffff", domid, HVM_SAVE_CODE(CPU), 0xffffffff, sizeof(record), record);
    partial("cpu_10000", domid, HVM_SAVE_CODE(CPU), 0x10000, sizeof(record), record);
    partial("mtrr", domid, HVM_SAVE_CODE(MTRR), 0, sizeof(record), record);
    partial("mtrr_1", domid, HVM_SAVE_CODE(MTRR), 1, sizeof(record), record);
    partial("header", domid, HVM_SAVE_CODE(HEADER), 0, sizeof(record), record);
    partial("end", domid, HVM_SAVE_CODE(END), 0, sizeof(record), record);
    partial("type_99", domid, 99, 0, sizeof(record), record);
    partial("type_10002", domid, 0x10002, 0, sizeof(record), record);
    partial("unknown_domain", DOMID_UNKNOWN, HVM_SAVE_CODE(CPU), 0, sizeof(record), record);
    partial("own", 0, HVM_SAVE_CODE(CPU), 0, sizeof(record), record);
}

/* --- resume --- */

static void resume(const char *name, u32 id)
{
    CASE_SHOW("domctl.resumedomain", name, domctl_plain(id, XEN_DOMCTL_resumedomain), " flags=%x",
              domain_flags(id));
}

static void shut_down(u32 id, u32 reason)
{
    struct sched_remote_shutdown op = {.domain_id = (domid_t)id, .reason = reason};

    sched_op(SCHEDOP_remote_shutdown, &op);
}

/* Its flags when it has shut down, or when it does not within 10 s. */
static u32 wait_for_shutdown(u32 id)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_physinfo};

    sysctl(&op);
    u64 until = __builtin_ia32_rdtsc() + 10000ull * op.u.physinfo.cpu_khz;
    while (!(domain_flags(id) & XEN_DOMINF_shutdown) && __builtin_ia32_rdtsc() < until)
        sched_op(SCHEDOP_yield, NULL);
    return domain_flags(id);
}

static void resumes(void)
{
    resume("runs", domid);
    resume("no_vcpus", empty);
    shut_down(domid, SHUTDOWN_suspend);
    resume("suspended", domid);
    resume("suspended_again", domid);
    shut_down(domid, SHUTDOWN_crash);
    resume("crashed", domid);
    shut_down(empty, SHUTDOWN_poweroff);
    resume("off_without_vcpus", empty);
    resume("own", 0);
    resume("self", DOMID_SELF);
    resume("unknown_domain", DOMID_UNKNOWN);
    /* The helper has asked for it itself, and goes on behind the call. */
    u32 helper = helper_start();
    helper_shutdown(SHUTDOWN_suspend);
    wait_for_shutdown(helper);
    CASE_SHOW("domctl.resumedomain", "helper", domctl_plain(helper, XEN_DOMCTL_resumedomain), " then=%x",
              wait_for_shutdown(helper));
    helper_stop();
}

/* --- the rest --- */

static void address_size(const char *name, u32 id)
{
    struct xen_domctl op = op_of(XEN_DOMCTL_get_address_size, id);

    op.u.address_size.size = 77;
    long rc = domctl(&op);
    CASE_SHOW("domctl.get_address_size", name, rc, " size=%u", op.u.address_size.size);
}

static void others(void)
{
    static const struct {
        u32 nr;
        const char *name;
    } cmds[] = {
        {18, "18_setdebugging"},        {19, "19_irq_permission"},      {20, "20_iomem_permission"},
        {21, "21_ioport_permission"},   {22, "22_hypercall_init"},      {29, "29_subscribe"},
        {35, "35_set_address_size"},    {39, "39_memory_mapping"},      {40, "40_ioport_mapping"},
        {42, "42_set_ext_vcpucontext"}, {43, "43_get_ext_vcpucontext"}, {54, "54_debug_op"},
        {56, "56_vm_event_op"},         {57, "57_mem_sharing_op"},      {61, "61_getpageframeinfo3"},
        {62, "62_setvcpuextstate"},     {63, "63_getvcpuextstate"},     {64, "64_set_access_required"},
        {65, "65_audit_p2m"},           {66, "66_set_virq_handler"},    {67, "67_set_broken_page_p2m"},
        {71, "71_cacheflush"},          {72, "72_get_vcpu_msrs"},       {73, "73_set_vcpu_msrs"},
        {77, "77_monitor_op"},          {79, "79_soft_reset"},          {81, "81_vuart_op"},
        {84, "84_vmtrace_op"},          {1001, "1001_gdbsx_pausevcpu"}, {1003, "1003_gdbsx_domstatus"},
    };

    for (u32 i = 0; i < ARRAY_SIZE(cmds); i++) {
        struct xen_domctl op = op_of(cmds[i].nr, domid);

        CASE("domctl", cmds[i].name, domctl(&op));
    }
    for (u32 cmd = 0; cmd < 11; cmd++) {
        struct xen_domctl op = op_of(XEN_DOMCTL_psr_alloc, domid);
        char name[32];

        op.u.pad[0] = (u8)cmd;
        snprintf(name, sizeof(name), "command_%u", cmd);
        CASE("domctl.psr_alloc", name, domctl(&op));
        op = op_of(XEN_DOMCTL_psr_cmt_op, domid);
        op.u.pad[0] = (u8)cmd;
        if (cmd < 5)
            CASE("domctl.psr_cmt_op", name, domctl(&op));
    }
}

void cases_xl_domain(void)
{
    struct xen_domctl_createdomain config = xc_domain_config(1);

    domid = domain_new_vcpus(64, 2);
    empty = 0;
    if (xc_domain_create(xch, &empty, &config))
        give_up("a domain without vCPUs", -1);
    context_use(domid);
    triggers();
    getvcpucontext();
    gethvmcontext_partial();
    resumes();
    address_size("other", domid);
    address_size("own", 0);
    address_size("no_vcpus", empty);
    address_size("self", DOMID_SELF);
    address_size("unknown_domain", DOMID_UNKNOWN);
    others();
    domain_end(empty);
    domain_end(domid);
}
