/* Shared by the files of __HYPERVISOR_memory_op. */
#ifndef HYPERCALL_MEMORY_OP_H
#define HYPERCALL_MEMORY_OP_H

#include <hypercall/hypercall.h>
#include <xen/memory.h>

/* The command word: the command, and above it the extent or entry at which a continued call resumes. */
static inline u32 memop_cmd(const struct hypercall *c)
{
    return (u32)c->arg[0] & ((1u << MEMOP_EXTENT_SHIFT) - 1);
}
static inline u64 memop_start(const struct hypercall *c)
{
    return c->arg[0] >> MEMOP_EXTENT_SHIFT;
}

/* start fits: callers check against MEMOP_START_MAX. */
#define MEMOP_START_MAX (0xffffffffu >> MEMOP_EXTENT_SHIFT)
static inline long memop_continue(struct hypercall *c, u64 start)
{
    c->arg[0] = memop_cmd(c) | start << MEMOP_EXTENT_SHIFT;
    return -ERESTART;
}

/* increase, decrease, populate: the number of extents done in all calls so far, never an errno.
 * memory_populate.c */
long memop_reservation(struct hypercall *c);
/* memory_physmap.c */
long memop_add_to_physmap(struct hypercall *c);
long memop_add_to_physmap_batch(struct hypercall *c);
long memop_remove_from_physmap(struct hypercall *c);
long memop_exchange(struct hypercall *c);
/* What physmap_place() and its like return for g, as Xen would say it. */
int memop_place_error(int rc, gfn_t g);

/* acquire_resource.c */
long memop_acquire_resource(struct hypercall *c);

/* memory_pod.c */
long memop_pod_target(struct hypercall *c);

/* vnuma.c */
long memop_get_vnumainfo(struct hypercall *c);

/* One past the host's highest frame of RAM. memory_op.c */
u64 memop_max_page(void);

#endif
