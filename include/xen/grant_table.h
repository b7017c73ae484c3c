/*
 * __HYPERVISOR_grant_table_op(cmd, array, count): pages that a domain lets others map or copy. Version 1 only.
 * Facts: Xen's public/grant_table.h, 4.17.
 */
#ifndef XEN_GRANT_TABLE_H
#define XEN_GRANT_TABLE_H

#include <xen/xen.h>

#define GNTTABOP_map_grant_ref     0
#define GNTTABOP_unmap_grant_ref   1
#define GNTTABOP_setup_table       2
#define GNTTABOP_transfer          4
#define GNTTABOP_copy              5
#define GNTTABOP_query_size        6
#define GNTTABOP_unmap_and_replace 7
#define GNTTABOP_set_version       8
#define GNTTABOP_get_status_frames 9
#define GNTTABOP_get_version       10
#define GNTTABOP_swap_grant_ref    11
#define GNTTABOP_cache_flush       12

/* An entry of version 1, 512 a frame. The guest writes it, but for two bits of its flags. */
struct grant_entry_v1 {
    u16 flags;     /* 0: not in use */
    domid_t domid; /* who may */
    u32 frame;     /* of the granter's map */
};

#define GTF_permit_access (1u << 0)
#define GTF_type_mask     (3u << 0)
#define GTF_readonly      (1u << 2)
#define GTF_reading       (1u << 3) /* Homestead's: an access has not ended yet, */
#define GTF_writing       (1u << 4) /* and one that writes */
#define GTF_PWT           (1u << 5)
#define GTF_PCD           (1u << 6)
#define GTF_PAT           (1u << 7)
#define GTF_sub_page      (1u << 8)

#define GNTMAP_device_map      (1 << 0)
#define GNTMAP_host_map        (1 << 1)
#define GNTMAP_readonly        (1 << 2)
#define GNTMAP_application_map (1 << 3)
#define GNTMAP_contains_pte    (1 << 4)

struct gnttab_map_grant_ref {
    u64 host_addr; /* guest-physical, for a guest with nested paging */
    u32 flags;     /* GNTMAP_* */
    u32 ref;
    domid_t dom;
    s16 status;       /* OUT, GNTST_* */
    u32 handle;       /* OUT */
    u64 dev_bus_addr; /* OUT */
};

struct gnttab_unmap_grant_ref {
    u64 host_addr;    /* 0: ignored */
    u64 dev_bus_addr; /* 0: ignored */
    u32 handle;
    s16 status; /* OUT */
};

struct gnttab_setup_table {
    domid_t dom;
    u32 nr_frames;
    s16 status;                             /* OUT */
    XEN_GUEST_HANDLE(xen_pfn_t) frame_list; /* OUT: where they are in the guest's map */
};

#define GNTCOPY_source_gref (1 << 0)
#define GNTCOPY_dest_gref   (1 << 1)

struct gnttab_copy {
    struct gnttab_copy_ptr {
        union {
            u32 ref;
            xen_pfn_t gmfn;
        } u;
        domid_t domid;
        u16 offset;
    } source, dest;
    u16 len;
    u16 flags;  /* GNTCOPY_* */
    s16 status; /* OUT */
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

struct gnttab_swap_grant_ref {
    u32 ref_a;
    u32 ref_b;
    s16 status; /* OUT */
};

#define GNTST_okay              (0)
#define GNTST_general_error     (-1)
#define GNTST_bad_domain        (-2)
#define GNTST_bad_gntref        (-3)
#define GNTST_bad_handle        (-4)
#define GNTST_bad_virt_addr     (-5)
#define GNTST_permission_denied (-8)
#define GNTST_bad_page          (-9)
#define GNTST_bad_copy_arg      (-10)
#define GNTST_eagain            (-12)
#define GNTST_no_space          (-13)

_Static_assert(sizeof(struct grant_entry_v1) == 8, "public/grant_table.h");
_Static_assert(sizeof(struct gnttab_map_grant_ref) == 32, "public/grant_table.h");
_Static_assert(sizeof(struct gnttab_unmap_grant_ref) == 24, "public/grant_table.h");
_Static_assert(sizeof(struct gnttab_setup_table) == 24, "public/grant_table.h");
_Static_assert(sizeof(struct gnttab_copy) == 40, "public/grant_table.h");
_Static_assert(sizeof(struct gnttab_query_size) == 16, "public/grant_table.h");
_Static_assert(sizeof(struct gnttab_get_version) == 8, "public/grant_table.h");
_Static_assert(sizeof(struct gnttab_swap_grant_ref) == 12, "public/grant_table.h");

#endif
