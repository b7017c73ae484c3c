/* What of the firmware's memory map is RAM. See ram_map.h. */
#include <boot/ram_map.h>

#include <homestead/errno.h>
#include <arch/x86/acpi/ram_nodes.h>

/* Each entry adds at most one range to a list, by beginning or by splitting one. */
_Static_assert(BOOT_RANGES_MAX >= 2 * BOOT_MEM_MAX + BOOT_MODULE_MAX + 1, "a list holds any map");

static bool is_ram(u32 type)
{
    return type == BOOT_MEM_RAM || type == BOOT_MEM_LOADER;
}

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

    if (is_ram(m->type)) {
        if (end > RAM_LIMIT)
            map->out_of_reach += end - MAX(m->base, RAM_LIMIT);
        rc = add_reachable(&map->ram, MAX(m->base, RAM_LOW_RESERVED), end);
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

    if (!is_ram(m->type) && m->size)
        rc = boot_ranges_remove(&map->ram, m->base, boot_mem_end(m));
    if (!rc && !is_ram(m->type) && !is_data(m->type) && m->size)
        rc = boot_ranges_remove(&map->mapped, m->base, boot_mem_end(m));
    return rc;
}

/* What this CPU uses now stays mapped, whatever type the map gives it. */
static int keep_ours(struct ram_map *map, const struct boot_info *info)
{
    int rc = 0;

    for (u32 i = 0; i < info->nr_mem && !rc; i++)
        if (info->mem[i].type == BOOT_MEM_LOADER && !wraps(&info->mem[i]))
            rc = add_reachable(&map->mapped, info->mem[i].base, boot_mem_end(&info->mem[i]));
    for (u32 i = 0; i < info->nr_modules && !rc; i++) {
        const struct boot_module *m = &info->modules[i];
        rc = add_reachable(&map->mapped, ALIGN_DOWN(m->base, PAGE_SIZE),
                           ALIGN_UP(m->base + m->size, PAGE_SIZE));
    }
    return rc;
}

static int take_used(struct boot_ranges *free, const struct boot_info *info)
{
    int rc = boot_ranges_remove(free, info->image_base, info->image_base + info->image_size);

    for (u32 i = 0; i < info->nr_mem && !rc; i++)
        if (info->mem[i].type == BOOT_MEM_LOADER)
            rc = boot_ranges_remove(free, info->mem[i].base, boot_mem_end(&info->mem[i]));
    for (u32 i = 0; i < info->nr_modules && !rc; i++)
        rc = boot_ranges_remove(free, info->modules[i].base, info->modules[i].base + info->modules[i].size);
    return rc;
}

int ram_map_make(struct ram_map *map, struct boot_ranges *free, const struct boot_info *info)
{
    int rc = 0;

    map->ram.nr = 0;
    map->mapped.nr = 0;
    map->out_of_reach = 0;
    map->left_out = info->mem_left_out;
    map->nonsense = 0;
    for (u32 i = 0; i < info->nr_mem && !rc; i++) {
        const struct boot_mem *m = &info->mem[i];
        if (is_ram(m->type) && wraps(m))
            map->nonsense++;
        else if (m->size)
            rc = add_entry(map, m);
    }
    for (u32 i = 0; i < info->nr_mem && !rc; i++)
        rc = cut_entry(map, &info->mem[i]);
    if (!rc)
        rc = keep_ours(map, info);
    if (rc)
        return rc;
    boot_ranges_copy(free, &map->ram);
    rc = take_used(free, info);
    return rc ? rc : map->ram.nr ? 0 : -EINVAL;
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
