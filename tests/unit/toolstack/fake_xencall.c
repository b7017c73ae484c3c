/* See fake_xencall.h. Threads may call at once: the list of buffers has a lock, and so has the hypervisor, which is one CPU. */
#include "fake_xencall.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <domain/guest_copy.h>
#include <xencall.h>

long hypercall(u64 nr, u64 arg1, u64 arg2, u64 arg3) __attribute__((weak));

struct xencall_handle {
    u32 dummy;
};

struct buffer {
    struct buffer *next;
    void *memory;
    size_t size;
};

long (*fake_hypervisor)(unsigned int nr, u64 arg1, u64 arg2);
int fake_open_errno;
u32 fake_buffers_left = ~0u;
u32 fake_opens, fake_closes, fake_calls;

static struct buffer *buffers;
static u32 handles;
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER, hypervisor_lock = PTHREAD_MUTEX_INITIALIZER;

/* Also the buffers of a test that failed. */
void fake_reset(void)
{
    fake_hypervisor = NULL;
    fake_open_errno = 0;
    fake_buffers_left = ~0u;
    fake_opens = fake_closes = fake_calls = 0;
    hypervisor_lock =
        (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER; /* a test that failed in it came out by longjmp() */
}

u32 fake_handles(void)
{
    return handles;
}

u32 fake_buffers(void)
{
    u32 nr = 0;

    for (struct buffer *b = buffers; b; b = b->next)
        nr++;
    return nr;
}

void *fake_memory(u64 address, u64 len)
{
    void *found = NULL;

    pthread_mutex_lock(&list_lock);
    for (struct buffer *b = buffers; b && !found; b = b->next) {
        u64 offset = address - (uintptr_t)b->memory;

        if (offset <= b->size && len <= b->size - offset)
            found = (char *)b->memory + offset;
    }
    pthread_mutex_unlock(&list_lock);
    return found;
}

u64 fake_bytes(u64 address)
{
    u64 bytes = 0;

    pthread_mutex_lock(&list_lock);
    for (struct buffer *b = buffers; b; b = b->next)
        if (address - (uintptr_t)b->memory < b->size)
            bytes = b->size - (address - (uintptr_t)b->memory);
    pthread_mutex_unlock(&list_lock);
    return bytes;
}

/* --- the hypervisor's view of the caller's memory, instead of domain/guest_copy.c ---------------------------- */
void guest_copy_forget(struct vcpu *v)
{
    (void)v;
}

int copy_from_guest(struct vcpu *v, void *dst, u64 gva, u64 len_bytes)
{
    const void *src = fake_memory(gva, len_bytes);

    (void)v;
    if (!src)
        return len_bytes ? -EFAULT : 0;
    memcpy(dst, src, len_bytes);
    return 0;
}

int copy_to_guest(struct vcpu *v, u64 gva, const void *src, u64 len_bytes)
{
    void *dst = fake_memory(gva, len_bytes);

    (void)v;
    if (!dst)
        return len_bytes ? -EFAULT : 0;
    memcpy(dst, src, len_bytes);
    return 0;
}

int copy_from_guest_place(struct vcpu *v, void *dst, u64 gva, u64 len_bytes, struct guest_place *place)
{
    place->gva = gva;
    return copy_from_guest(v, dst, gva, len_bytes);
}

int copy_to_guest_place(struct vcpu *v, const struct guest_place *place, u64 offset, const void *src,
                        u64 len_bytes)
{
    return copy_to_guest(v, place->gva + offset, src, len_bytes);
}

int copy_from_guest_element(struct vcpu *v, void *dst, u64 array, u64 index, u64 size)
{
    return copy_from_guest(v, dst, array + index * size, size);
}

int copy_to_guest_element(struct vcpu *v, u64 array, u64 index, const void *src, u64 size)
{
    return copy_to_guest(v, array + index * size, src, size);
}

/* --- libxencall -------------------------------------------------------------------------------------------- */
xencall_handle *xencall_open(struct xentoollog_logger *logger, unsigned int open_flags)
{
    (void)logger, (void)open_flags;
    __atomic_fetch_add(&fake_opens, 1, __ATOMIC_RELAXED);
    if (fake_open_errno) {
        errno = fake_open_errno;
        return NULL;
    }
    __atomic_fetch_add(&handles, 1, __ATOMIC_RELAXED);
    return calloc(1, sizeof(xencall_handle));
}

int xencall_close(xencall_handle *xcall)
{
    __atomic_fetch_add(&fake_closes, 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&handles, 1, __ATOMIC_RELAXED);
    free(xcall);
    return 0;
}

static int call(unsigned int nr, u64 arg1, u64 arg2)
{
    pthread_mutex_lock(&hypervisor_lock);
    fake_calls++;
    long rc = fake_hypervisor ? fake_hypervisor(nr, arg1, arg2)
              : hypercall     ? hypercall(nr, arg1, arg2, 0)
                              : -ENOSYS;
    pthread_mutex_unlock(&hypervisor_lock);
    if (rc >= 0)
        return (int)rc;
    errno = (int)-rc;
    return -1;
}

int xencall1(xencall_handle *xcall, unsigned int nr, u64 arg1)
{
    (void)xcall;
    return call(nr, arg1, 0);
}

int xencall2(xencall_handle *xcall, unsigned int nr, u64 arg1, u64 arg2)
{
    (void)xcall;
    return call(nr, arg1, arg2);
}

void *xencall_alloc_buffer(xencall_handle *xcall, size_t size)
{
    struct buffer *b = malloc(sizeof(*b));

    (void)xcall;
    pthread_mutex_lock(&list_lock);
    bool may = fake_buffers_left != 0;
    fake_buffers_left -= may && fake_buffers_left != ~0u;
    if (may) {
        *b = (struct buffer){.next = buffers, .memory = malloc(size), .size = size};
        memset(b->memory, 0xa5, size);
        buffers = b;
    }
    pthread_mutex_unlock(&list_lock);
    if (may)
        return b->memory;
    free(b);
    errno = ENOMEM;
    return NULL;
}

void xencall_free_buffer(xencall_handle *xcall, void *p)
{
    struct buffer **at = &buffers;

    (void)xcall;
    pthread_mutex_lock(&list_lock);
    while (*at && (*at)->memory != p)
        at = &(*at)->next;
    struct buffer *b = *at;
    if (!b)
        abort(); /* not a buffer */
    *at = b->next;
    pthread_mutex_unlock(&list_lock);
    free(b->memory);
    free(b);
    errno = EBADF; /* freeing may do that */
}
