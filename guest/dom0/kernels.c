/*
 * See kernels.h. An entry is FREE, DECODING (one vCPU works on it, without the lock), or READY
 * (decoded; users may be 0).
 */
#include <guest/dom0/kernels.h>

#include <guest/dom0/decode.h>
#include <guest/lib/lock.h>
#include <guest/lib/work.h>
#include <homestead/errno.h>
#include <lib/printf.h>
#include <lib/string.h>

#define KERNELS_MAX 16u

enum kernel_state { FREE, DECODING, READY };

struct kernel {
    enum kernel_state state;
    const void *file; /* its identity */
    u8 *data;
    u64 size;
    u32 users;     /* if READY */
    u64 last_used; /* READY without users: the lowest goes first */
};

static struct {
    struct guest_lock lock;
    u64 clock;
    struct kernel kernels[KERNELS_MAX];
} cache;

static void forget(struct kernel *k)
{
    kernel_memory_free(k->data);
    *k = (struct kernel){.state = FREE};
}

static struct kernel *find(const void *file)
{
    for (u32 i = 0; i < KERNELS_MAX; i++)
        if (cache.kernels[i].state != FREE && cache.kernels[i].file == file)
            return &cache.kernels[i];
    return NULL;
}

/* Forgets the kernel that was not used for the longest time. False: all are in use. */
static bool forget_one(void)
{
    struct kernel *oldest = NULL;

    for (u32 i = 0; i < KERNELS_MAX; i++) {
        struct kernel *k = &cache.kernels[i];
        if (k->state == READY && !k->users && (!oldest || k->last_used < oldest->last_used))
            oldest = k;
    }
    if (oldest)
        forget(oldest);
    return oldest;
}

static bool any_in_use(void)
{
    for (u32 i = 0; i < KERNELS_MAX; i++)
        if (cache.kernels[i].state == DECODING || cache.kernels[i].users)
            return true;
    return false;
}

/* Gives way to those who use kernels. The lock is dropped meanwhile. */
static void wait(void)
{
    guest_unlock(&cache.lock);
    work_nap();
    guest_lock(&cache.lock);
}

static int too_little_memory(const struct payload *p, u64 own, char *why)
{
    u64 needed = p->decoded + own, have = kernel_memory_largest();
    u64 more = needed > have ? needed - have : own;

    snprintf(why, KERNELS_WHY_MAX,
             "needs %lu MiB of domain 0's memory to be decoded, of which %lu MiB are free; give domain 0 "
             "dom0_mem=%luM",
             DIV_ROUND_UP(needed, MIB(1)), have >> 20,
             ALIGN_UP(kernel_memory_all() + more + MIB(2), MIB(16)) >> 20);
    return -ENOMEM;
}

static int explain(const struct payload *p, enum decoded result, char *why)
{
    static const char *const ends[] = {
        [DECODED_DAMAGED] = "that is damaged",
        [DECODED_CUT_SHORT] = "that is cut short",
        [DECODED_LARGER] = "that is larger when decoded than it claims",
        [DECODED_SMALLER] = "that is smaller when decoded than it claims",
        [DECODED_TRAILING] = "with bytes after its end",
    };

    snprintf(why, KERNELS_WHY_MAX, "has %s %s payload %s",
             p->kind == PAYLOAD_LZ4 || p->kind == PAYLOAD_XZ ? "an" : "a", payload_names[p->kind],
             ends[result]);
    return -ENOEXEC;
}

/* A free entry. NULL: all are in use. */
static struct kernel *free_entry(void)
{
    do {
        for (u32 i = 0; i < KERNELS_MAX; i++)
            if (cache.kernels[i].state == FREE)
                return &cache.kernels[i];
    } while (forget_one());
    return NULL;
}

/* Decodes into a new entry, with the lock held but for the decoding itself. Returns 0; -EAGAIN: there is no memory, or
 * no entry, until others are done; or an error with *why. */
static int decode(const void *file, const struct payload *p, struct kernel **out, char *why)
{
    struct kernel *k = free_entry();
    u64 own = 0;
    u8 *data = NULL;

    while (k && !(data = kernel_memory_alloc(p->decoded)) && forget_one())
        ;
    if (!data)
        return any_in_use() ? -EAGAIN : too_little_memory(p, 0, why);
    *k = (struct kernel){.state = DECODING, .file = file, .data = data, .size = p->decoded};
    enum decoded result;
    do {
        guest_unlock(&cache.lock);
        result = payload_decode(p, data, &own);
        guest_lock(&cache.lock);
    } while (result == DECODED_NO_MEMORY && forget_one());
    if (result == DECODED) {
        k->state = READY;
        *out = k;
        return 0;
    }
    forget(k);
    if (result != DECODED_NO_MEMORY)
        return explain(p, result, why);
    return any_in_use() ? -EAGAIN : too_little_memory(p, own, why);
}

int kernels_get(const void *file, u64 size, struct kernel_image *out, char *why)
{
    struct payload payload;
    const char *phrase;
    struct kernel *k;
    int rc;

    rc = bzimage_find(file, size, &payload, &phrase);
    if (rc < 0)
        snprintf(why, KERNELS_WHY_MAX, "%s", phrase);
    if (!rc)
        *out = (struct kernel_image){.data = file, .size = size};
    if (rc <= 0)
        return rc;
    guest_lock(&cache.lock);
    for (rc = -EAGAIN; rc == -EAGAIN;) {
        k = find(file);
        if (k && k->state == READY)
            rc = 0;
        else if (!k)
            rc = decode(file, &payload, &k, why);
        if (rc == -EAGAIN)
            wait();
    }
    if (!rc) {
        k->users++;
        *out = (struct kernel_image){.data = k->data, .size = k->size, .from = k};
    }
    guest_unlock(&cache.lock);
    return rc;
}

void kernels_put(struct kernel_image *image)
{
    if (image->from) {
        guest_lock(&cache.lock);
        image->from->users--;
        image->from->last_used = ++cache.clock;
        guest_unlock(&cache.lock);
    }
    *image = (struct kernel_image){0};
}
