/* Checks on host state: each rule is broken once, and is the one that is named. */
#include <arch/x86/cpu/msr.h>
#include <arch/x86/hvm/vmx/host_checks.h>
#include <arch/x86/hvm/vmx/vmcs.h>
#include <tests/machine/test.h>

static u64 vmcs[0x8000];

u64 vmread(u32 field)
{
    return vmcs[field];
}

static const struct vmx_settings cpu = {.cr0_must = CR0_PE | CR0_NE | CR0_PG,
                                        .cr0_may = 0xffffffff,
                                        .cr4_must = BIT(13),
                                        .cr4_may = 0xffffff,
                                        .maddr_bits = 46};

static void setup(void)
{
    memset(vmcs, 0, sizeof(vmcs));
    vmcs[VMCS_HOST_CS] = 8;
    vmcs[VMCS_HOST_TR] = 0x18;
    vmcs[VMCS_HOST_CR0] = CR0_PE | CR0_NE | CR0_PG;
    vmcs[VMCS_HOST_CR3] = 0x3ffffffff000;
    vmcs[VMCS_HOST_CR4] = BIT(13) | CR4_PAE;
    vmcs[VMCS_HOST_PAT] = 0x0007040600070406;
    vmcs[VMCS_HOST_EFER] = EFER_LMA | EFER_LME | EFER_NXE;
    vmcs[VMCS_HOST_RIP] = 0xffffffff80100000;
    vmcs[VMCS_EXIT_CONTROLS] = EXIT_HOST_64 | EXIT_LOAD_PAT | EXIT_LOAD_EFER;
    vmcs[VMCS_HOST_GS_BASE] = 0xffff800000000000;
    vmcs[VMCS_HOST_TR_BASE] = 0x7fffffffffff;
}
FIXTURE(setup, NULL)

static struct vmx_refusal check(void)
{
    struct vmx_host host;

    vmx_host_read(&host);
    return vmx_host_check(&host, &cpu);
}

TEST(each_rule_is_named)
{
    static const struct {
        u32 field;
        u64 clear, set;
        const char *name, *rule; /* rule NULL: the CPU enters */
    } broken[] = {
        {VMCS_HOST_SS, 0, 0x10, NULL, NULL},
        {VMCS_HOST_ES, 0, 1, "ES of", "RPL"},
        {VMCS_HOST_CS, 8, 0, "CS of", "not be 0"},
        {VMCS_HOST_CS, 0, 3, "CS of", "RPL"},
        {VMCS_HOST_SS, 0, 4, "SS of", "TI"},
        {VMCS_HOST_DS, 0, 2, "DS of", "RPL"},
        {VMCS_HOST_FS, 0, 1, "FS of", "RPL"},
        {VMCS_HOST_GS, 0, 1, "GS of", "RPL"},
        {VMCS_HOST_TR, 0x18, 0, "TR of", "not be 0"},
        {VMCS_HOST_CR0, CR0_NE, 0, "CR0", "needs is clear"},
        {VMCS_HOST_CR0, 0, BIT(32), "CR0", "not allow"},
        {VMCS_HOST_CR4, BIT(13), 0, "CR4", "needs is clear"},
        {VMCS_HOST_CR4, 0, BIT(24), "CR4", "not allow"},
        {VMCS_HOST_CR4, 0, CR4_CET, "CR4", "WP"},
        {VMCS_HOST_CR4, CR4_PAE, 0, "CR4", "PAE"},
        {VMCS_HOST_CR3, 0, BIT(46), "CR3", "width"},
        {VMCS_HOST_PAT, 0, 2ull << 24, "IA32_PAT", "memory type"},
        {VMCS_HOST_EFER, 0, EFER_SVME, "IA32_EFER", "reserved"},
        {VMCS_HOST_EFER, EFER_LMA, 0, "IA32_EFER", "LMA and LME"},
        {VMCS_EXIT_CONTROLS, EXIT_HOST_64, 0, "exit controls", "64-bit"},
        {VMCS_HOST_RIP, BIT(50), 0, "RIP", "canonical"},
        {VMCS_HOST_SYSENTER_ESP, 0, BIT(47), "IA32_SYSENTER_ESP", "canonical"},
        {VMCS_HOST_SYSENTER_EIP, 0, BIT(63), "IA32_SYSENTER_EIP", "canonical"},
        {VMCS_HOST_FS_BASE, 0, BIT(48), "FS base", "canonical"},
        {VMCS_HOST_GS_BASE, BIT(47), 0, "GS base", "canonical"},
        {VMCS_HOST_TR_BASE, 0, BIT(47), "TR base", "canonical"},
        {VMCS_HOST_GDTR_BASE, 0, BIT(60), "GDTR base", "canonical"},
        {VMCS_HOST_IDTR_BASE, 0, BIT(60), "IDTR base", "canonical"},
    };

    assert_null(check().rule);
    for_each_row (i, broken) {
        setup();
        vmcs[broken[i].field] = (vmcs[broken[i].field] & ~broken[i].clear) | broken[i].set;
        struct vmx_refusal r = check();
        if (!broken[i].rule) {
            assert_null(r.rule);
            continue;
        }
        if (!r.rule || !strstr(r.rule, broken[i].rule) ||
            strncmp(r.field, broken[i].name, strlen(broken[i].name)))
            fail_msg("row %u: %s: %s", (u32)i, r.field, r.rule);
        assert_int_equal(r.value, vmcs[broken[i].field]);
    }
}
