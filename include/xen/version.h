/* __HYPERVISOR_xen_version(cmd, arg): who is the hypervisor. Facts: Xen's public/version.h, 4.17. */
#ifndef XEN_VERSION_H
#define XEN_VERSION_H

#include <xen/xen.h>
#include <xen/features.h>

#define XENVER_version             0 /* no arg; result: major << 16 | minor */
#define XENVER_extraversion        1
#define XENVER_compile_info        2
#define XENVER_capabilities        3
#define XENVER_changeset           4
#define XENVER_platform_parameters 5
#define XENVER_get_features        6
#define XENVER_pagesize            7 /* no arg; result: bytes */
#define XENVER_guest_handle        8
#define XENVER_commandline         9
#define XENVER_build_id            10

typedef char xen_extraversion_t[16];
typedef char xen_capabilities_info_t[1024];
typedef char xen_changeset_info_t[64];
typedef char xen_commandline_t[1024];

struct xen_compile_info {
    char compiler[64];
    char compile_by[16];
    char compile_domain[32];
    char compile_date[32];
};

struct xen_platform_parameters {
    xen_ulong_t virt_start;
};
typedef struct xen_platform_parameters xen_platform_parameters_t;

struct xen_feature_info {
    unsigned int submap_idx; /* IN */
    u32 submap;              /* OUT: bits XENFEAT_* */
};

_Static_assert(sizeof(struct xen_compile_info) == 144, "public/version.h");
_Static_assert(sizeof(struct xen_feature_info) == 8, "public/version.h");

#endif
