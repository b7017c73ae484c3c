/*
 * Found before Debian's xenctrl.h, it gives programs what their own xenctrl.h would have if its Xen had claims on nodes: the
 * names of homestead.h, and the macros by which such programs ask for them at compile time. Their sources stay as they
 * are: `pkg-config --cflags homestead-xenctrl` puts this directory first.
 */
#ifndef HOMESTEAD_COMPAT_XENCTRL_H
#define HOMESTEAD_COMPAT_XENCTRL_H

#include_next <xenctrl.h>
#include <homestead.h>

/* xc_domain_claim_pages_node() is there, and the OCaml stub stub_xc_domain_numa_get_node_pages (toolstack/ocaml). */
#ifndef XEN_DOMCTL_NUMA_OP_GET_NODE_PAGES
#define XEN_DOMCTL_NUMA_OP_GET_NODE_PAGES 1
#endif
/* xc_numa_meminfo() is there. */
#ifndef XEN_SYSCTL_numa_meminfo
#define XEN_SYSCTL_numa_meminfo 0x48530001
#endif

#endif
