/* The CPUID policy (cpuid.c) applied to this host: real leaves, real clock. */
#include <arch/x86/hvm/cpuid.h>

#include <arch/x86/cpu/time.h>
#include <arch/x86/hvm/hvm.h>
#include <lib/string.h>

#define VENDOR_AMD   "AuthenticAMD"
#define VENDOR_HYGON "HygonGenuine"

/* Linux uses VMMCALL for these two vendors and VMCALL for all others, so an SVM guest must see one of them
 * even on an emulated CPU that calls itself something else. */
static const char *vendor_for_vmmcall(void)
{
    struct cpuid_leaf host = cpuid(0, 0);
    u32 text[3] = {host.ebx, host.edx, host.ecx};

    return memcmp(text, VENDOR_HYGON, sizeof(text)) == 0 ? VENDOR_HYGON : VENDOR_AMD;
}

static __attribute__((noinline)) void prepare(struct hvm_vcpu *v)
{
    v->cpuid = (struct hvm_cpuid_ctx){
        .vcpu_id = v->vcpu_id,
        .domid = v->domid,
        .tsc_khz = tsc_khz,
        .vendor = hvm_ops == &svm_ops ? vendor_for_vmmcall() : NULL,
        .host = cpuid,
    };
    time_pvclock_scale(&v->cpuid.tsc_mul, &v->cpuid.tsc_shift);
}

void hvm_guest_cpuid(struct hvm_vcpu *v, u32 leaf, u32 subleaf, struct cpuid_leaf *out)
{
    if (unlikely(!v->cpuid.host)) /* its first CPUID */
        prepare(v);
    hvm_cpuid(&v->cpuid, leaf, subleaf, out);
}
