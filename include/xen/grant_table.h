/*
 * __HYPERVISOR_grant_table_op(cmd, array, count): pages that a domain lets others map. Only a domain's own table is
 * set up here. Facts: Xen's public/grant_table.h, 4.17.
 */
#ifndef XEN_GRANT_TABLE_H
#define XEN_GRANT_TABLE_H

#include <xen/xen.h>

#define GNTTABOP_query_size  6
#define GNTTABOP_set_version 8
#define GNTTABOP_get_version 10

/* An entry of version 1, 512 a frame. */
struct grant_entry_v1 {
    u16 flags; /* 0: not in use */
    domid_t domid;
    u32 frame;
};

struct gnttab_query_size {
    domid_t dom;
    u32 nr_frames;     /* OUT */
    u32 max_nr_frames; /* OUT */
    s16 status;        /* OUT, GNTST_* */
};

struct gnttab_set_version {
    u32 version; /* IN and OUT: the one in use */
};

struct gnttab_get_version {
    domid_t dom;
    u16 pad;
    u32 version; /* OUT */
};

#define GNTST_okay              (0)
#define GNTST_bad_domain        (-2)
#define GNTST_permission_denied (-8)

_Static_assert(sizeof(struct grant_entry_v1) == 8, "public/grant_table.h");
_Static_assert(sizeof(struct gnttab_query_size) == 16, "public/grant_table.h");
_Static_assert(sizeof(struct gnttab_get_version) == 8, "public/grant_table.h");

#endif
