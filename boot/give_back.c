/*
 * What only booting needs becomes free memory: code, constants and data of the files that the Makefile calls INIT_FILES,
 * and of arrays that are sized for the largest machine the part beyond this one. Boot CPU only, on its own stack, while the
 * other CPUs wait for smp_release(). Nothing here is in INIT_FILES.
 */
#include <boot/boot.h>

#include <homestead/init.h>
#include <arch/x86/acpi/ram_nodes.h>
#include <arch/x86/cpu/paging.h>
#include <domain/domain.h>
#include <lib/log.h>
#include <mm/mm.h>

extern char image_start[], init_start[], init_end[], sized_start[], init_bss[], image_end[];
extern const struct sized_array sized_arrays[], sized_arrays_end[];

bool boot_image_has_frames;

/* The first sized array beyond that address, NULL: none. They are listed in any order. */
static const struct sized_array *next_array(const void *beyond)
{
    const struct sized_array *next = NULL;

    for (const struct sized_array *a = sized_arrays; a < sized_arrays_end; a++)
        if (a->start > beyond && (!next || a->start < next->start))
            next = a;
    return next;
}

/* Moves the used pages of all sized arrays together. Returns the end of their memory. */
static u64 pack_sized_arrays(void)
{
    u64 to = image_to_maddr(sized_start);

    for (const struct sized_array *a = next_array(NULL); a; a = next_array(a->start)) {
        char *start = a->start;
        u64 size = ALIGN_UP(a->bytes, PAGE_SIZE);
        u64 kept = MIN(size, ALIGN_UP((*a->nr_used + a->nr_more) * a->element_bytes, PAGE_SIZE));

        for (u64 at = 0; at < kept; at += PAGE_SIZE, to += PAGE_SIZE)
            paging_image_move(start + at, to);
        paging_image_drop(start + kept, start + size);
    }
    return to;
}

void boot_add_free(u64 start, u64 end)
{
    while (start < end) {
        u64 until;
        nodeid_t nid = acpi_ram_node(host_topology, start, &until, NULL);

        until = MIN(until, end);
        if (mm_add_range(maddr_to_mfn(start), maddr_to_mfn(until), nid))
            log_warn("memory 0x%lx-0x%lx cannot be used\n", start, until);
        else
            mm_note_managed(nid, (until - start) >> PAGE_SHIFT);
        start = until;
    }
}

/* Returns how many pages. */
static u64 give_back(void)
{
    u64 init = image_to_maddr(init_start), init_size = (u64)(init_end - init_start);
    u64 data = pack_sized_arrays(), data_size = image_to_maddr(image_end) - data;

    paging_image_drop(init_start, init_end);
    paging_image_drop(init_bss, image_end);
    boot_add_free(init, init + init_size);
    boot_add_free(data, data + data_size);
    return (init_size + data_size) >> PAGE_SHIFT;
}

void boot_give_back(void)
{
    u64 image_pages = (u64)(image_end - image_start) >> PAGE_SHIFT;
    u64 given_pages = boot_image_has_frames ? give_back() : 0;
    struct mm_host_info host;

    mm_host_get_info(&host);
    u64 kept = host.total_pages - host.free_pages - mem_account_find(0)->tot_pages;
    log_info("Memory kept     %lu KiB, %lu KiB of it the image; %lu KiB of that were for booting only, given "
             "back\n",
             kept << 2, (image_pages - given_pages) << 2, given_pages << 2);
    log_fact("@kept pages=%lu image=%lu given_back=%lu\n", kept, image_pages - given_pages, given_pages);
}
