/* What of the firmware's memory map is RAM. See ram_map.h. */
#include <boot/ram_map.h>

#include <homestead/errno.h>
#include <arch/x86/acpi/ram_nodes.h>

/* Each entry adds at most one range to a list, by beginning or by splitting one. */
_Static_assert(BOOT_RANGES_MAX >= 2 * BOOT_MEM_MAX + BOOT_MODULE_MAX + BOOT_USED_MAX + 3,
               "a list holds any map");

/* Firmware's data that is read later and is not device memory. */
static bool is_data(u32 type)
{
    return type == BOOT_MEM_ACPI || type == BOOT_MEM_NVS || type == BOOT_MEM_EFI_RT_DATA;
}

static bool wraps(const struct boot_mem *m)
{
    return m->size > ~0ull - m->base;
}

/* Adds [start, end) as far as it is in reach. */
static int add_reachable(struct boot_ranges *r, u64 start, u64 end)
{
    end = MIN(end, RAM_LIMIT);
    return start < end ? boot_ranges_add(r, start, end) : 0;
}

static int add_entry(struct ram_map *map, const struct boot_mem *m)
{
    u64 end = boot_mem_end(m);
    int rc = 0;

    if (m->type == BOOT_MEM_RAM) {
        rc = boot_ranges_add(&map->ram, m->base, end);
        if (!rc)
            rc = add_reachable(&map->mapped, m->base, end);
    } else if (is_data(m->type) && m->base < RAM_LIMIT) {
        end = MIN(end, RAM_LIMIT);
        rc = boot_ranges_add(&map->mapped, ALIGN_DOWN(m->base, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE));
    }
    return rc;
}

static int cut_entry(struct ram_map *map, const struct boot_mem *m)
{
    int rc = 0;

    if (m->type != BOOT_MEM_RAM && m->size)
        rc = boot_ranges_remove(&map->ram, m->base, boot_mem_end(m));
    if (!rc && m->type != BOOT_MEM_RAM && !is_data(m->type) && m->size)
        rc = boot_ranges_remove(&map->mapped, m->base, boot_mem_end(m));
    return rc;
}

/* Takes [start, end) out of RAM; *bytes is how much that was. */
static int leave_out(struct ram_map *map, u64 start, u64 end, u64 *bytes)
{
    u64 before = boot_ranges_total(&map->ram);
    int rc = boot_ranges_remove(&map->ram, start, end);

    *bytes = before - boot_ranges_total(&map->ram);
    return rc;
}

/* Modules, and what else the UEFI loader allocated, in whole pages. */
static int for_each_used(const struct boot_info *info, int (*fn)(struct boot_ranges *, u64, u64),
                         struct boot_ranges *r)
{
    int rc = 0;

    for (u32 i = 0; i < info->nr_modules && !rc; i++) {
        const struct boot_module *m = &info->modules[i];
        rc = fn(r, ALIGN_DOWN(m->base, PAGE_SIZE), ALIGN_UP(m->base + m->size, PAGE_SIZE));
    }
    for (u32 i = 0; i < info->nr_used && !rc; i++)
        rc = fn(r, info->used[i].base, info->used[i].base + info->used[i].size);
    return rc;
}

int ram_map_loaded(struct boot_ranges *loaded, const struct ram_map *map, const struct boot_info *info)
{
    static struct boot_ranges all;

    all.nr = 0;
    int rc = for_each_used(info, add_reachable, &all);
    if (!rc)
        rc = boot_ranges_intersect(loaded, &all, &map->ram);
    if (!rc)
        rc = boot_ranges_remove(loaded, info->image_base, info->image_base + info->image_size);
    return rc;
}

int ram_map_make(struct ram_map *map, struct boot_ranges *free, const struct boot_info *info)
{
    int rc = 0;

    map->ram.nr = 0;
    map->mapped.nr = 0;
    map->left_out = info->mem_left_out;
    map->nonsense = 0;
    for (u32 i = 0; i < info->nr_mem && !rc; i++) {
        const struct boot_mem *m = &info->mem[i];
        if (m->type == BOOT_MEM_RAM && wraps(m))
            map->nonsense++;
        else if (m->size)
            rc = add_entry(map, m);
    }
    for (u32 i = 0; i < info->nr_mem && !rc; i++)
        rc = cut_entry(map, &info->mem[i]);
    map->firmware = boot_ranges_total(&map->ram) + map->left_out;
    if (!rc)
        rc = leave_out(map, 0, RAM_LOW_RESERVED, &map->low);
    if (!rc)
        rc = leave_out(map, RAM_LIMIT, ~0ull, &map->out_of_reach);
    if (!rc)
        rc = for_each_used(info, add_reachable, &map->mapped); /* this CPU uses it, whatever type it has */
    if (rc)
        return rc;
    boot_ranges_copy(free, &map->ram);
    rc = boot_ranges_remove(free, info->image_base, info->image_base + info->image_size);
    if (!rc)
        rc = for_each_used(info, boot_ranges_remove, free);
    return rc ? rc : map->ram.nr ? 0 : -EINVAL;
}

int ram_map_uncached(struct boot_ranges *out, const struct boot_ranges *ram, const struct mtrr *mtrr)
{
    int rc = 0;

    out->nr = 0;
    for (u32 i = 0; i < ram->nr; i++) {
        u64 end, edge;
        for (u64 at = ram->range[i].start; at < ram->range[i].end && !rc; at = end) {
            bool write_back = mtrr_type(mtrr, at, &edge) == MEMORY_WB;
            end = MIN(edge, ram->range[i].end);
            if (!write_back)
                rc = boot_ranges_add(out, at, end);
        }
    }
    return rc;
}

void ram_for_each_piece(const struct boot_ranges *r, const struct topology *topo, ram_piece_fn fn, void *arg)
{
    for (u32 i = 0; i < r->nr; i++) {
        u64 at = r->range[i].start;
        while (at < r->range[i].end) {
            u64 until;
            nodeid_t nid = acpi_ram_node(topo, at, &until, NULL);
            u64 end = MIN(r->range[i].end, until);
            fn(at, end, nid, arg);
            at = end;
        }
    }
}
