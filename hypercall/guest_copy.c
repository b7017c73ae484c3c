/*
 * Guest copies: guest virtual → guest physical by the guest's page tables, then physmap_read() and
 * physmap_write(), which hold the frames still while they copy. A run that one mapping of the guest covers is
 * copied in one go, so a structure inside one page costs one walk.
 */
#include <arch/x86/hvm/guest_walk.h>
#include <homestead/errno.h>
#include <hypercall/guest_copy.h>

/* The walker reads the guest's page tables: each entry while its frame cannot be given to somebody else. */
static int table_entry(void *ctx, u64 gaddr, u32 size, u64 *entry)
{
    return physmap_read_entry(ctx, gaddr, size, entry);
}

/* Exactly one of dst and src is set. */
static int copy(struct vcpu *v, u64 gva, void *dst, const void *src, u64 len_bytes)
{
    struct guest_walk walk = {.entry = table_entry, .ctx = v->domain};

    if (len_bytes == 0)
        return 0;
    if (gva + (len_bytes - 1) < gva)
        return -EFAULT;
    hvm_ops->paging_state(&v->hvm, &walk.cr0, &walk.cr3, &walk.cr4, &walk.efer);
    while (len_bytes) {
        u64 gaddr, run_bytes;

        int rc = guest_walk(&walk, gva, src != NULL, &gaddr, &run_bytes);
        if (rc)
            return rc;
        u64 piece = MIN(run_bytes, len_bytes);
        rc = dst ? physmap_read(v->domain, gaddr, dst, piece) : physmap_write(v->domain, gaddr, src, piece);
        if (rc)
            return rc;
        if (dst)
            dst = (char *)dst + piece;
        else
            src = (const char *)src + piece;
        gva += piece;
        len_bytes -= piece;
    }
    return 0;
}

int copy_from_guest(struct vcpu *v, void *dst, u64 gva, u64 len_bytes)
{
    return copy(v, gva, dst, NULL, len_bytes);
}

int copy_to_guest(struct vcpu *v, u64 gva, const void *src, u64 len_bytes)
{
    return copy(v, gva, NULL, src, len_bytes);
}

static bool element_address(u64 array, u64 index, u64 size, u64 *gva)
{
    u64 offset;

    return !__builtin_mul_overflow(index, size, &offset) && !__builtin_add_overflow(array, offset, gva);
}

int copy_from_guest_element(struct vcpu *v, void *dst, u64 array, u64 index, u64 size)
{
    u64 gva;

    return element_address(array, index, size, &gva) ? copy_from_guest(v, dst, gva, size) : -EFAULT;
}

int copy_to_guest_element(struct vcpu *v, u64 array, u64 index, const void *src, u64 size)
{
    u64 gva;

    return element_address(array, index, size, &gva) ? copy_to_guest(v, gva, src, size) : -EFAULT;
}
