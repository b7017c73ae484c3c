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
    static const char *vendor; /* the same for all CPUs, whoever asks first */
    const char *known = __atomic_load_n(&vendor, __ATOMIC_RELAXED);

    if (unlikely(!known)) {
        struct cpuid_leaf host = cpuid(0, 0);
        u32 text[3] = {host.ebx, host.edx, host.ecx};

        known = memcmp(text, VENDOR_HYGON, sizeof(text)) == 0 ? VENDOR_HYGON : VENDOR_AMD;
        __atomic_store_n(&vendor, known, __ATOMIC_RELAXED);
    }
    return known;
}

void hvm_guest_cpuid(const struct hvm_vcpu *v, u32 leaf, u32 subleaf, struct cpuid_leaf *out)
{
    struct hvm_cpuid_ctx ctx = {
        .vcpu_id = v->vcpu_id,
        .domid = v->domid,
        .tsc_khz = tsc_khz,
        .vendor = hvm_ops == &svm_ops ? vendor_for_vmmcall() : NULL,
        .host = cpuid,
    };

    time_pvclock_scale(&ctx.tsc_mul, &ctx.tsc_shift);
    hvm_cpuid(&ctx, leaf, subleaf, out);
}
