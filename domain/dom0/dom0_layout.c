/* Domain 0's memory map and the places of what it is started with; see dom0_layout.h. */
#include <domain/dom0/dom0_layout.h>
#include <homestead/errno.h>
#include <xen/hvm/start_info.h>

#define LOW_HOLE_START 0xa0000ull
#define LOW_HOLE_END   0x100000ull

static int add_entry(struct dom0_layout *out, u64 start, u64 end, u32 type)
{
    struct e820_entry *last = out->nr_e820 ? &out->e820[out->nr_e820 - 1] : NULL;

    if (last && last->type == type && last->addr + last->size == start) {
        last->size += end - start;
        return 0;
    }
    if (out->nr_e820 == DOMAIN_MAX_E820)
        return -ENOSPC;
    out->e820[out->nr_e820++] = (struct e820_entry){.addr = start, .size = end - start, .type = type};
    return 0;
}

/* The end of an entry, cut where the sum would wrap. */
static u64 entry_end(const struct e820_entry *e)
{
    return e->size > ~0ull - e->addr ? ~0ull : e->addr + e->size;
}

/*
 * What the host has at `at`, and up to where that holds. Type 0: nothing. Of several entries the one that is
 * not RAM wins, the largest type among them. Only whole pages count as RAM.
 */
static u32 host_at(const struct e820_entry *host, u32 nr_host, u64 at, u64 *until)
{
    u32 type = 0;

    *until = at < LOW_HOLE_START ? LOW_HOLE_START : at < LOW_HOLE_END ? LOW_HOLE_END : ~0ull;
    for (u32 i = 0; i < nr_host; i++) {
        u64 start = host[i].addr, end = entry_end(&host[i]);

        if (host[i].type == XEN_HVM_MEMMAP_TYPE_RAM) {
            if (start > ~0ull - PAGE_SIZE)
                continue;
            start = ALIGN_UP(start, PAGE_SIZE);
            end = ALIGN_DOWN(end, PAGE_SIZE);
        }
        if (start >= end)
            continue;
        if (at < start) {
            *until = MIN(*until, start);
        } else if (at < end) {
            *until = MIN(*until, end);
            if (host[i].type > type)
                type = host[i].type;
        }
    }
    if (type == XEN_HVM_MEMMAP_TYPE_RAM && at >= LOW_HOLE_START && at < LOW_HOLE_END)
        type = 0;
    return type;
}

/* Too small to be listed? RAM that domain 0 gets is given up later than what only names a hole, and ACPI's
 * data last: it looks for its tables there. */
static bool is_crumb(u32 type, bool given, u64 size, u64 crumb)
{
    if (given)
        return size < crumb / 16;
    if (type == XEN_HVM_MEMMAP_TYPE_ACPI || type == XEN_HVM_MEMMAP_TYPE_NVS)
        return crumb >= GIB(1) && size < crumb;
    return size < crumb;
}

/* The layout without pieces below the size of `crumb`; such RAM is not given to domain 0 either. */
static int layout_memory(const struct e820_entry *host, u32 nr_host, u64 mem_bytes, u64 crumb,
                         struct dom0_layout *out)
{
    u64 left = ALIGN_DOWN(mem_bytes, PAGE_SIZE);

    out->nr_e820 = 0;
    out->ram_bytes = 0;
    for (u64 at = 0, until; at != ~0ull; at = until) {
        u32 type = host_at(host, nr_host, at, &until);
        u64 ram = 0;
        int rc = 0;

        if (type == XEN_HVM_MEMMAP_TYPE_RAM) {
            /* Something else may begin or end inside a page: the rest of that page is not usable. */
            if (!IS_ALIGNED(at, PAGE_SIZE))
                until = MIN(until, ALIGN_UP(at, PAGE_SIZE));
            else if (until - at >= PAGE_SIZE)
                ram = MIN(ALIGN_DOWN(until, PAGE_SIZE) - at, left);
        }
        if (is_crumb(type, ram, until - at, crumb))
            continue;
        if (ram)
            rc = add_entry(out, at, at + ram, XEN_HVM_MEMMAP_TYPE_RAM);
        if (!rc && type && until > at + ram)
            rc = add_entry(out, at + ram, until,
                           type == XEN_HVM_MEMMAP_TYPE_RAM ? XEN_HVM_MEMMAP_TYPE_UNUSABLE : type);
        if (rc)
            return rc;
        left -= ram;
        out->ram_bytes += ram;
    }
    return left ? -ENOMEM : 0;
}

int dom0_layout_memory(const struct e820_entry *host, u32 nr_host, u64 mem_bytes, struct dom0_layout *out)
{
    int rc = layout_memory(host, nr_host, mem_bytes, 0, out);

    for (u64 crumb = KIB(64); rc == -ENOSPC && crumb <= GIB(4096); crumb *= 4)
        rc = layout_memory(host, nr_host, mem_bytes, crumb, out);
    return rc;
}

bool dom0_layout_is_ram(const struct dom0_layout *layout, u64 gaddr, u64 size)
{
    for (u32 i = 0; i < layout->nr_e820; i++) {
        const struct e820_entry *e = &layout->e820[i];

        if (e->type == XEN_HVM_MEMMAP_TYPE_RAM && gaddr >= e->addr && size <= e->size &&
            gaddr - e->addr <= e->size - size)
            return true;
    }
    return false;
}

/* The lowest page-aligned place at or above from, below 4 GiB, with size bytes of RAM; 0: none. */
static u64 find_place(const struct dom0_layout *layout, u64 from, u64 size)
{
    for (u32 i = 0; i < layout->nr_e820; i++) {
        const struct e820_entry *e = &layout->e820[i];
        u64 at = MAX(ALIGN_UP(from, PAGE_SIZE), e->addr);

        if (e->type == XEN_HVM_MEMMAP_TYPE_RAM && at < GIB(4) && size <= GIB(4) - at &&
            dom0_layout_is_ram(layout, at, size))
            return at;
    }
    return 0;
}

int dom0_layout_place(struct dom0_layout *layout, u64 image_end, u64 module_size, u64 info_size,
                      const char **why)
{
    u64 module = 0;

    u64 info = find_place(layout, MAX(image_end, LOW_HOLE_END), info_size);
    *why = "the start information does not fit after the image, below 4 GiB";
    if (!info)
        return -ENOSPC;
    if (module_size) {
        /* On a 2 MiB boundary where there is room: large pages can map it. */
        u64 from = info + info_size;
        module = find_place(layout, ALIGN_UP(from, MIB(2)), module_size);
        if (!module)
            module = find_place(layout, from, module_size);
        *why = "the module does not fit after the image, below 4 GiB";
        if (!module)
            return -ENOSPC;
    }
    layout->module_gaddr = module;
    layout->start_info_gaddr = info;
    return 0;
}
