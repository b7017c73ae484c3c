/*
 * What zlib, liblz4, liblzma and libzstd need of a C library, beside lib/string.c: memory, and an answer to a broken stack.
 * Memory is all of domain 0's RAM above 1 MiB that holds neither this program nor its module.
 * The guard of a stack is at %fs:0x28: guest/lib/start.c.
 */
#include <guest/dom0/heap.h>
#include <guest/dom0/kernels.h>
#include <guest/dom0/libc_for_decoders.h>
#include <guest/lib/guest.h>
#include <guest/lib/lock.h>
#include <lib/string.h>
#include <xen/sched.h>

void *malloc(size_t bytes);
void *calloc(size_t count, size_t bytes);
void free(void *p);
NORETURN void __stack_chk_fail(void);

/* guest.lds: functions that want to run before all others, as liblzma has one. */
extern void (*const init_array_start[])(void), (*const init_array_end[])(void);

static struct heap heap;
static struct guest_lock heap_lock;

static u64 ram_bytes;

/* Adds the parts of [start, end) that lie in none of the areas from i on. */
static void add_free(u64 start, u64 end, const u64 (*areas)[2], u32 nr)
{
    for (u32 i = 0; i < nr; i++) {
        u64 from = areas[i][0], to = areas[i][1];
        if (from >= end || to <= start)
            continue;
        if (start < from)
            add_free(start, from, areas + i + 1, nr - i - 1);
        start = to;
        if (start >= end)
            return;
    }
    heap_add(&heap, (void *)start, end - start);
}

void libc_init(void)
{
    const u64 module = (u64)(uintptr_t)guest_env.module.data;
    const u64 taken[][2] = {
        {0, MIB(1)}, /* smp.c's trampoline, and who knows what of the hypervisor's */
        {(u64)(uintptr_t)image_start, (u64)(uintptr_t)image_end},
        {module, module + guest_env.module.size},
        {ALIGN_DOWN(guest_env.start_info, PAGE_SIZE),
         ALIGN_DOWN(guest_env.start_info, PAGE_SIZE) + PAGE_SIZE},
    };

    for (u32 i = 0; i < guest_env.nr_ranges; i++) {
        const struct guest_range *r = &guest_env.ranges[i];
        if (r->type != XEN_HVM_MEMMAP_TYPE_RAM)
            continue;
        ram_bytes += r->size;
        add_free(r->base, r->base + r->size, taken, ARRAY_SIZE(taken));
    }
    for (u32 i = 0; &init_array_start[i] < init_array_end; i++)
        init_array_start[i]();
}

void *malloc(size_t bytes)
{
    guest_lock(&heap_lock);
    void *p = heap_alloc(&heap, MAX(bytes, (size_t)1));
    guest_unlock(&heap_lock);
    return p;
}

void *calloc(size_t count, size_t bytes)
{
    size_t all;
    void *p = __builtin_mul_overflow(count, bytes, &all) ? NULL : malloc(all);

    return p ? memset(p, 0, all) : NULL;
}

void free(void *p)
{
    guest_lock(&heap_lock);
    heap_free(&heap, p);
    guest_unlock(&heap_lock);
}

void __stack_chk_fail(void)
{
    printf("dom0: a decoder has written beyond its part of the stack\n");
    guest_on_fatal();
    guest_shutdown(SHUTDOWN_crash);
}

void *kernel_memory_alloc(u64 bytes)
{
    return malloc(bytes);
}

void kernel_memory_free(void *p)
{
    free(p);
}

u64 kernel_memory_largest(void)
{
    guest_lock(&heap_lock);
    u64 bytes = heap_largest(&heap);
    guest_unlock(&heap_lock);
    return bytes;
}

u64 kernel_memory_all(void)
{
    return ram_bytes;
}
