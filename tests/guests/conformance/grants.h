/* Shared by the parts of group grants: a granter that does not run, whose pages and table we fill in. See cases_grants_map.c. */
#ifndef GUEST_CONFORMANCE_GRANTS_H
#define GUEST_CONFORMANCE_GRANTS_H

#include <tests/guests/conformance/physmap.h>
#include <xen/grant_table.h>

#define GNT "grant_table_op"

/* A case whose result is a status; fmt's values are evaluated after it. */
#define CASE_STATUS(call, name, expr, fmt, ...) \
    do { \
        case_begin(); \
        s32 status_ = (expr); \
        case_end(call, name, 0L, " status=%d" fmt, status_ __VA_OPT__(, ) __VA_ARGS__); \
    } while (0)

/* Of case_gfn(): the granter's table, its pages, and where its grants are mapped. */
#define TABLE_AT      40u
#define PAGES_AT      41u
#define GRANTER_PAGES 4u
#define MAP_AT        8u

/* The granter, with pages 0 .. GRANTER_PAGES - 1 of its own, page i full of 0x50 + i. */
extern u32 granter;
extern struct grant_entry_v1 *granter_table; /* its first frame */
void granter_start(void);
void granter_end(void);
/* Our view of its page. */
u8 *granter_page(u32 i);

long acquire(u32 domid, u32 type, u32 id, u64 frame, u32 nr, u64 gfn);

/* One element each. *op is written back. */
long grant_op1(u64 cmd, void *op);
/* Maps at case_gfn(MAP_AT + index). */
struct gnttab_map_grant_ref map_ref(u32 domid, u32 ref, u32 index, u32 flags);
s32 unmap_ref(u32 handle, u64 addr, u64 dev_addr); /* status; 1000: the call failed */
void *map_page(u32 index);

void grants_map(void);
void grants_copy(void);
void grants_races(void);

#endif
