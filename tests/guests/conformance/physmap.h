/* The calls of <xen/memory.h> that change a physical map, by their parts. See physmap.c. */
#ifndef GUEST_CONFORMANCE_PHYSMAP_H
#define GUEST_CONFORMANCE_PHYSMAP_H

#include <tests/guests/conformance/conformance.h>

/* Return what the hypervisor returns. */
long phys_add(u32 domid, u32 space, u64 idx, u64 gpfn);
long phys_remove(u32 domid, u64 gpfn);

/* One entry with space 4 of our own map: the call's result, and *error as the hypervisor has written it. */
long phys_foreign(u32 domid, u32 foreign, u64 gfn, u64 gpfn, int *error);
/* The same, the two in one: the entry's error if the call itself went well. */
long phys_foreign_one(u32 foreign, u64 gfn, u64 gpfn);

/* The single frame as the call that frees or fills it. */
long phys_decrease(u32 domid, u64 gfn);

/* The total of getdomaininfo; 0: no such domain. */
u64 phys_tot(u32 domid);

/* A page of our own RAM that the cases may lose: phys_own_gfn() says where. phys_own_back() puts RAM there
 * again, whatever stands there. */
u64 phys_own_gfn(void);
void phys_own_back(void);

#endif
