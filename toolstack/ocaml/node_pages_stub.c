/*
 * A stub that a public toolstack takes from its Xen's own OCaml binding, where xenctrl.h has XEN_DOMCTL_NUMA_OP_GET_NODE_PAGES:
 * (handle, domid) -> a record of one int64 array, the pages that the domain owns on each node. In a file of its own, so that it
 * is linked only where it is called. The handle is not looked at.
 */
#include <errno.h>
#include <stdio.h>

#include <caml/alloc.h>
#include <caml/fail.h>
#include <caml/memory.h>
#include <caml/mlvalues.h>
#include <caml/signals.h>

#include "homestead.h"

CAMLprim value stub_xc_domain_numa_get_node_pages(value handle, value domid_v)
{
    CAMLparam2(handle, domid_v);
    CAMLlocal2(record, array);
    struct hs_domain_node nodes[HS_MAX_NODES];
    uint32_t nr = HS_MAX_NODES;
    intnat domid = Long_val(domid_v);

    caml_enter_blocking_section();
    int rc =
        hs_domain(NULL, domid < 0 || domid > UINT32_MAX ? UINT32_MAX : (uint32_t)domid, NULL, nodes, &nr);
    int err = errno;
    caml_leave_blocking_section();
    if (rc)
        caml_failwith(hs_strerror(err));
    array = caml_alloc(nr, 0);
    for (uint32_t i = 0; i < nr; i++)
        Store_field(array, i, caml_copy_int64((int64_t)nodes[i].own_pages));
    record = caml_alloc(1, 0);
    Store_field(record, 0, array);
    CAMLreturn(record);
}
