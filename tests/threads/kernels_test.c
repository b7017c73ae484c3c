/*
 * vCPUs that build guests at the same time, as host threads under ThreadSanitizer: each takes kernels in an order drawn from its
 * seed, looks at all of their bytes and gives them back. There is memory for two of the five at once, so most
 * decoding needs another one to go, or waits.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include <guest/dom0/kernels.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/work.h>
#include <lib/assert.h>
#include <tests/machine/random.h>
#include <tests/machine/test.h>
#include <tests/unit/guest/payloads.h>

#define THREADS 4u
#define KERNELS 5u
#define ROUNDS  300u
#define SIZE    20000u

#define must(holds) BUG_ON(!(holds))

static struct bytes_made files[KERNELS];
static u8 *texts[KERNELS];
static u64 budget = 2 * SIZE;
static u32 allocations;

/* Under the cache's lock, all three: no atomics. */
void *kernel_memory_alloc(u64 bytes)
{
    if (bytes > budget)
        return NULL;
    budget -= bytes;
    allocations++;
    return malloc(bytes);
}

void kernel_memory_free(void *p)
{
    budget += SIZE;
    free(p);
}

u64 kernel_memory_largest(void)
{
    return budget;
}

u64 kernel_memory_all(void)
{
    return budget;
}

void work_nap(void)
{
    sched_yield();
}

long hypercall(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    (void)nr, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
    sched_yield();
    return 0;
}

static void *build_guests(void *arg)
{
    struct rng rng;

    rng_seed(&rng, (u64)(uintptr_t)arg);
    for (u32 round = 0; round < ROUNDS; round++) {
        u32 i = rng_draw(&rng, KERNELS);
        struct kernel_image image;
        char why[KERNELS_WHY_MAX];

        must(!kernels_get(files[i].data, files[i].size, &image, why));
        must(image.size == SIZE && !memcmp(image.data, texts[i], SIZE));
        if (rng_draw(&rng, 2))
            sched_yield();
        must(!memcmp(image.data, texts[i], SIZE));
        kernels_put(&image);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];

    for (u32 i = 0; i < KERNELS; i++) {
        texts[i] = make_text(SIZE, i + 1);
        struct bytes_made payload = make_payload(i % PAYLOAD_KINDS, texts[i], SIZE);
        files[i] = make_bzimage(payload);
        free(payload.data);
    }
    for (u32 i = 0; i < THREADS; i++)
        must(!pthread_create(&threads[i], NULL, build_guests, (void *)(uintptr_t)(i + 1)));
    for (u32 i = 0; i < THREADS; i++)
        must(!pthread_join(threads[i], NULL));
    must(allocations > KERNELS && allocations < THREADS * ROUNDS);
    printf("kernels: %u guests of %u vCPUs, %u decodings\n", THREADS * ROUNDS, THREADS, allocations);
    return 0;
}
