/* Bit numbers of XENVER_get_features, submap 0. Facts: Xen's public/features.h, 4.17. */
#ifndef XEN_FEATURES_H
#define XEN_FEATURES_H

#define XENFEAT_writable_page_tables      0
#define XENFEAT_auto_translated_physmap   2
#define XENFEAT_hvm_callback_vector       8
#define XENFEAT_hvm_safe_pvclock          9
#define XENFEAT_dom0                      11
#define XENFEAT_memory_op_vnode_supported 13
#define XENFEAT_not_direct_mapped         16

#endif
