/* See image.h. */
#include <guest/lib/image.h>
#include <guest/lib/lock.h>
#include <lib/string.h>
#include <xen/hvm/save.h>

int image_write(xc_interface *xch, u32 domid, u64 paddr, const void *src, u64 len)
{
    const u8 *from = src;

    while (len) {
        xen_pfn_t gfns[XC_FOREIGN_MAX];
        u64 skip = paddr & ~PAGE_MASK;
        u64 chunk = MIN(len, (u64)XC_FOREIGN_MAX * PAGE_SIZE - skip);
        int n = (int)DIV_ROUND_UP(skip + chunk, PAGE_SIZE);
        for (int i = 0; i < n; i++)
            gfns[i] = (paddr >> PAGE_SHIFT) + (u64)i;
        u8 *to = xc_map_foreign_pages(xch, domid, gfns, n);
        if (!to)
            return -EFAULT;
        if (from) {
            memcpy(to + skip, from, chunk);
            from += chunk;
        } else {
            memset(to + skip, 0, chunk);
        }
        xc_unmap_foreign();
        paddr += chunk;
        len -= chunk;
    }
    return 0;
}

int image_load(xc_interface *xch, u32 domid, const struct elf_kernel *elf)
{
    for (u32 i = 0; i < elf->nr_segments; i++) {
        const struct elf_segment *s = &elf->segments[i];
        int rc = image_write(xch, domid, s->paddr, s->data, s->file_size);
        if (!rc)
            rc = image_write(xch, domid, s->paddr + s->file_size, NULL, s->mem_size - s->file_size);
        if (rc)
            return rc;
    }
    return 0;
}

int image_set_context(xc_interface *xch, u32 domid, u32 entry, u64 start_info)
{
    return image_set_vcpu(xch, domid, 0, entry, start_info);
}

int image_set_vcpu(xc_interface *xch, u32 domid, u32 vcpu, u32 entry, u64 start_info)
{
    static u8 current[262144]; /* 128 vCPUs take 165 KiB */
    static struct guest_lock current_lock;
    struct PACKED {
        struct hvm_save_descriptor header_desc;
        struct hvm_save_header header;
        struct hvm_save_descriptor cpu_desc;
        struct hvm_hw_cpu cpu;
        struct hvm_save_descriptor end_desc;
    } ctx;

    memset(&ctx, 0, sizeof(ctx));
    guest_lock(&current_lock);
    int size = xc_domain_hvm_getcontext(xch, domid, current, sizeof(current));
    if (size >= 0)
        memcpy(&ctx, current, sizeof(ctx.header_desc) + sizeof(ctx.header));
    guest_unlock(&current_lock);
    if (size < 0)
        return size;
    if (ctx.header_desc.typecode != HVM_SAVE_CODE(HEADER) || ctx.header.magic != HVM_FILE_MAGIC)
        return -EINVAL;
    ctx.cpu_desc = (struct hvm_save_descriptor){
        .typecode = HVM_SAVE_CODE(CPU), .instance = (u16)vcpu, .length = sizeof(ctx.cpu)};
    ctx.end_desc = (struct hvm_save_descriptor){.typecode = HVM_SAVE_CODE(END)};
    ctx.cpu.rip = entry;
    ctx.cpu.rbx = start_info;
    ctx.cpu.rflags = 2;
    ctx.cpu.cr0 = 0x11; /* PE, ET */
    ctx.cpu.dr6 = 0xffff0ff0;
    ctx.cpu.dr7 = 0x400;
    ctx.cpu.cs_limit = ctx.cpu.ds_limit = ctx.cpu.es_limit = ctx.cpu.ss_limit = 0xffffffff;
    ctx.cpu.tr_limit = 0x67;
    ctx.cpu.cs_arbytes = 0xc9b;
    ctx.cpu.ds_arbytes = ctx.cpu.es_arbytes = ctx.cpu.ss_arbytes = 0xc93;
    ctx.cpu.tr_arbytes = 0x8b;
    return xc_domain_hvm_setcontext(xch, domid, (u8 *)&ctx, sizeof(ctx));
}
