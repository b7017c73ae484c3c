/* What the files of __HYPERVISOR_memory_op share. cmd's upper bits, start, say at which extent a call goes
 * on. */
#ifndef HYPERCALL_MEMORY_OP_H
#define HYPERCALL_MEMORY_OP_H

#include <hypercall/hypercall.h>
#include <xen/memory.h>

/* Puts the extent to go on with into the command word. start fits: callers check against MEMOP_START_MAX. */
#define MEMOP_START_MAX (0xffffffffu >> MEMOP_EXTENT_SHIFT)
static inline long memop_continue(struct hypercall *c, u64 start)
{
    u64 cmd = c->arg[0] & ((1u << MEMOP_EXTENT_SHIFT) - 1);

    c->arg[0] = cmd | start << MEMOP_EXTENT_SHIFT;
    return -ERESTART;
}

/* increase, decrease, populate: the number of extents done in all calls so far, never an errno.
 * memory_populate.c */
long memop_reservation(struct hypercall *c, u32 cmd, u64 start);
/* memory_physmap.c */
long memop_add_to_physmap(struct hypercall *c, u64 start);
long memop_add_to_physmap_batch(struct hypercall *c, u64 start);
long memop_remove_from_physmap(struct hypercall *c);
long memop_exchange(struct hypercall *c);

/* One past the host's highest frame of RAM. memory_op.c */
u64 memop_max_page(void);

#endif
