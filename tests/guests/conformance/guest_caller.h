/* Shared by the parts of group guest. See cases_guest.c. */
#ifndef GUEST_CONFORMANCE_GUEST_CALLER_H
#define GUEST_CONFORMANCE_GUEST_CALLER_H

#include <tests/guests/conformance/physmap.h>

/* In the helper: an address that its page tables do not map, and one that they map to a hole. */
#define BAD_GVA  0x00007f0000000000ull
#define HOLE_GVA 0x8000000ull

/* Copies an argument into the helper's data page; returns where it is for the helper. */
u64 guest_put(u64 offset, const void *data, u64 size);

void cases_guest_calls(u32 self);
void cases_guest_control(u32 self);

#endif
